/* SPDX-License-Identifier: Apache-2.0
 * Events to the outside: WebSocket `/ws`, server-sent events `/events`, publishing by
 * administrators.
 *
 * WebSocket messages are `{type, channel, data, timestamp, message_id}` both ways; what a client
 * says may stand beside `type` or in `data`:
 *   auth {token}            → authenticated {user_id}
 *   subscribe {channel, since?}  → subscribed {subscribed_to}, then what followed `since`
 *   unsubscribe {channel}   → unsubscribed {unsubscribed_from}
 *   resume {since}          → resumed {since}: all channels from there, later ones too
 *   ping                    → pong
 * Mistakes are answered by error {error}. A session ends after five minutes without a word, or a
 * ping, either way, when it cannot keep up, when the log-in (key, user) that gave it its rights has
 * ended, and when the server stops. Who loses the right to a channel (he left the tenant) is told
 * `unsubscribed`; a stream of server-sent events ends, and is refused when it is opened again. */
#include "api/auth.h"
#include "api/work_routes.h"
#include "core/json.h"
#include "core/log.h"
#include "core/time.h"
#include "net/websocket.h"
#include "work/events.h"

enum {
    MESSAGE_MAX = 16 * 1024,
    CHANNELS_MAX = 100,
    AUTHS_MAX = 20,
    MESSAGES_A_SECOND = 200,
    PING_MS = 25 * 1000,
    BEAT_MS = 15 * 1000,
    ASK_MS = 5 * 1000,
    FRAMES_AT_ONCE = STREAM_PUSH_MAX,
    BYTES_AT_ONCE = 64 * 1024,
    CODE_NORMAL = 1000,
    CODE_AWAY = 1001,
    CODE_POLICY = 1008
};

/* -- who is it -------------------------------------------------------------------------------- */

static int64_t recheck_ms = 30 * 1000, idle_ms = 5 * 60 * 1000;

void events_recheck(int64_t ms) { recheck_ms = ms; }
void events_idle(int64_t ms) { idle_ms = ms; }

/* What c->account was signed in with, and when it was last seen to stand. */
typedef struct Caller {
    Str credential;
    int64_t seen_us;
} Caller;

static Err *sign_in_by(Ctx *c, Str credential, Caller *caller) {
    TRY(auth_sign_in_with(c, credential));
    *caller = (Caller){credential, mono_us()};
    return NULL;
}

/* Browsers cannot set headers on either transport, so the token may be in the address. One that is
 * given must be good. */
static Err *sign_in(Ctx *c, const Req *q, Caller *caller) {
    Str scheme, token = req_query(c, q, S("token")), header = req_header(q, S("Authorization"));
    c->account = (Account){0};
    if (str_is_null(header)) return str_is_empty(token) ? NULL : sign_in_by(c, token, caller);
    TRY(auth_sign_in(c, q));
    *caller = (Caller){str_trim(str_cut(header, ' ', &scheme)), mono_us()};
    return NULL;
}

/* Those that may be followed no longer: the caller has left what they are about, or it is gone. */
static StrList channels_lost(Ctx *c, const Subscriber *s) {
    StrList all = subscriber_list(c->arena, s), lost = {all.items, 0};
    for (ptrdiff_t i = 0; i < all.count; i++) {
        bool yes;
        if (!event_may_read(c, all.items[i], &yes) && !yes) lost.items[lost.count++] = all.items[i];
    }
    return lost;
}

/* Asked again from time to time: a session outlives its log-in, and must not go on with its rights.
 * A database that is away ends no session, and takes no channel away. */
static bool caller_stands(Ctx *c, Caller *caller, const Subscriber *s, StrList *lost) {
    int64_t now_us = mono_us();
    bool due = now_us - caller->seen_us >= recheck_ms * US_PER_MS;
    *lost = (StrList){0};
    if (id_is_none(c->account.user) || !due) return true;
    caller->seen_us = now_us;
    CtxMark mark = ctx_mark(c);
    Account account = c->account; /* its texts are older than the mark */
    int64_t former = ctx_deadline_within(c, ASK_MS);
    Err *err = auth_again(c, caller->credential);
    bool over = err && err->kind == ERR_UNAUTHENTICATED;
    if (!err) account.role = c->account.role;
    c->account = account;
    ctx_release(c, mark);
    if (!over) *lost = channels_lost(c, s);
    c->deadline_us = former;
    return !over;
}

/* "user" is the caller's own. */
static Str channel_of(Ctx *c, Str name) {
    if (!str_eq(name, S("user")) || id_is_none(c->account.user)) return name;
    return strf(c->arena, "user:%lld", (long long)c->account.user.value);
}

static Err *channel_check(Ctx *c, Str name, Str *channel) {
    bool yes;
    *channel = channel_of(c, name);
    TRY(event_may_read(c, *channel, &yes));
    /* The same words for what does not exist and what is not theirs. */
    if (!yes)
        FAIL(c, FORBIDDEN, "Invalid channel: %.*s", S_ARG(str_utf8_cut(name, EVENT_CHANNEL_MAX)));
    return NULL;
}

/* -- WebSocket: sending ----------------------------------------------------------------------- */

typedef struct Session {
    Ctx *c;
    Call *k;
    WebSocket *ws;
    Subscriber *subscriber;
    Caller caller;
    int64_t since; /* of `resume`, for channels subscribed later; -1: none */
    int64_t heard_us, second_us;
    int heard_count, auths;
} Session;

static void give_back(EventMessage **taken, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i++) subscriber_done(taken[i]);
}

/* The usual case, without the session's coroutine: what has arrived goes out as it is, in one write
 * of frames that all sessions share. False when there is anything else to do. */
static bool session_push(Session *s) {
    EventMessage *taken[FRAMES_AT_ONCE];
    Str frames[FRAMES_AT_ONCE];
    ptrdiff_t count = 0, bytes = 0;
    int64_t now_us = mono_us();
    bool due = now_us - s->caller.seen_us >= recheck_ms * US_PER_MS;
    if (!ws_may_push(s->ws) || (due && !id_is_none(s->c->account.user))) return false;
    while (count < FRAMES_AT_ONCE && bytes < BYTES_AT_ONCE &&
           (taken[count] = subscriber_take(s->subscriber))) {
        frames[count] = taken[count]->ws_frame;
        bytes += frames[count++].len;
    }
    if (count == 0) return false;
    bool pushed = ws_push(s->ws, frames, count); /* not: then the client is gone */
    give_back(taken, count);
    s->heard_us = now_us;
    return pushed && count < FRAMES_AT_ONCE && bytes < BYTES_AT_ONCE;
}

static void session_ready(void *arg) {
    Session *s = arg;
    if (!session_push(s)) ws_wake(s->ws);
}

static void session_free(void *arg) {
    Session *s = arg;
    subscriber_free(s->subscriber);
}

/* An answer to the client: data is JSON. */
static Err *tell(Ctx *c, Session *s, const char *type, Str channel, Str data) {
    Buf b = buf_new(c->arena, 256);
    event_json(&b, str_c(type), channel, data, time_now(), 0);
    return ws_send(c, s->ws, buf_str(&b));
}

static Str member(Ctx *c, const char *name, Str value) {
    Buf b = buf_new(c->arena, 64);
    buf_f(&b, "{\"%s\":", name);
    buf_json(&b, value);
    buf_byte(&b, '}');
    return buf_str(&b);
}

static Err *tell_error(Ctx *c, Session *s, Str what) {
    return tell(c, s, "error", (Str){0}, member(c, "error", what));
}

/* Frames are made once for all sessions; here they only go out, many in one write. */
static Err *frames_write(Ctx *c, Session *s, EventMessage **taken, ptrdiff_t count,
                         ptrdiff_t bytes) {
    if (count == 1) return ws_send_framed(c, s->ws, taken[0]->ws_frame);
    char *at = arena_bytes(c->arena, bytes), *start = at;
    for (ptrdiff_t i = 0; i < count; i++) {
        memcpy(at, taken[i]->ws_frame.data, (size_t)taken[i]->ws_frame.len);
        at += taken[i]->ws_frame.len;
    }
    return ws_send_framed(c, s->ws, str_of(start, bytes));
}

static Err *take_some(Ctx *c, Subscriber *s, EventMessage **taken, ptrdiff_t *count,
                      ptrdiff_t *bytes) {
    *count = *bytes = 0;
    while (*count < FRAMES_AT_ONCE && *bytes < BYTES_AT_ONCE) {
        EventMessage *m;
        Err *err = subscriber_next(c, s, &m);
        if (err && *count == 0) return err; /* else first what there is */
        if (err || !m) return NULL;
        taken[(*count)++] = m;
        *bytes += m->ws_frame.len;
    }
    return NULL;
}

static Err *session_flush(Ctx *c, Session *s) {
    EventMessage *taken[FRAMES_AT_ONCE];
    ptrdiff_t count, bytes;
    do {
        ArenaMark mark = arena_mark(c->arena);
        TRY(take_some(c, s->subscriber, taken, &count, &bytes));
        if (count == 0) return NULL;
        Err *err = frames_write(c, s, taken, count, bytes);
        give_back(taken, count);
        if (err) return err;
        s->heard_us = mono_us();
        arena_release(c->arena, mark);
    } while (true);
}

/* -- WebSocket: what the client says ---------------------------------------------------------- */

static json_t *said(const json_t *message, const char *name) {
    json_t *value = json_at(message, name);
    return value ? value : json_at(json_at(message, "data"), name);
}

/* Absent: -1. False for what is no place in the sequence. */
static bool said_since(const json_t *message, int64_t *since) {
    json_t *value = said(message, "since");
    *since = -1;
    if (!value || json_is_null(value)) return true;
    return !json_is_real(value) && json_i64(value, since) && *since >= 0;
}

static Err *on_subscribe(Ctx *c, Session *s, const json_t *message) {
    Str name = json_str(said(message, "channel")), channel;
    int64_t since;
    if (str_is_null(name)) return tell_error(c, s, S("subscribe needs a channel"));
    if (!said_since(message, &since)) return tell_error(c, s, S("since must be a message_id"));
    Err *err = channel_check(c, name, &channel);
    if (err) return err_status(err->kind) < 500 ? tell_error(c, s, err->detail) : err;
    bool known = subscriber_has(s->subscriber, channel);
    if (!known && subscriber_channels(s->subscriber) >= CHANNELS_MAX)
        return tell_error(c, s, S("Too many subscriptions"));
    if (since < 0) since = s->since;
    if (since < 0 && !known && event_recall(channel) > 0)
        TRY(event_since_latest(c, channel, event_recall(channel), &since));
    TRY(tell(c, s, "subscribed", channel, member(c, "subscribed_to", name)));
    if (known && since >= 0) subscriber_remove(s->subscriber, channel);
    subscriber_add(s->subscriber, &channel, 1, since);
    return NULL;
}

static Err *on_unsubscribe(Ctx *c, Session *s, const json_t *message) {
    Str name = json_str(said(message, "channel"));
    if (str_is_null(name)) return tell_error(c, s, S("unsubscribe needs a channel"));
    Str channel = channel_of(c, name);
    subscriber_remove(s->subscriber, channel);
    return tell(c, s, "unsubscribed", channel, member(c, "unsubscribed_from", name));
}

static Err *on_resume(Ctx *c, Session *s, const json_t *message) {
    int64_t since;
    if (!said_since(message, &since) || since < 0)
        return tell_error(c, s, S("since must be a message_id"));
    s->since = since;
    TRY(tell(c, s, "resumed", (Str){0}, strf(c->arena, "{\"since\":%lld}", (long long)since)));
    subscriber_restart(s->subscriber, since);
    return NULL;
}

/* The account's texts must outlive this message: what this takes from the arena stays there. Channels
 * followed by the rights of one user are not left to another. */
static Err *on_auth(Ctx *c, Session *s, const json_t *message) {
    Str token = json_str(said(message, "token"));
    if (str_is_null(token)) return tell_error(c, s, S("auth needs a token"));
    if (++s->auths > AUTHS_MAX) return tell_error(c, s, S("Too many attempts"));
    Account before = c->account;
    Caller caller;
    Err *err = sign_in_by(c, str_copy(c->arena, token), &caller);
    bool another = !id_is_none(before.user) && !id_eq(before.user, c->account.user);
    if (err || another) c->account = before;
    if (err) return err_status(err->kind) < 500 ? tell_error(c, s, err->detail) : err;
    if (another) return tell_error(c, s, S("Another user is signed in here"));
    s->caller = caller;
    return tell(c, s, "authenticated", (Str){0},
                strf(c->arena, "{\"user_id\":%lld}", (long long)c->account.user.value));
}

static Err *on_ping(Ctx *c, Session *s, const json_t *message) {
    (void)message;
    return tell(c, s, "pong", (Str){0}, member(c, "server_time", time_str(c->arena, time_now())));
}

static const struct {
    const char *type;
    Err *(*fn)(Ctx *c, Session *s, const json_t *message);
} listeners[] = {
    {"ping", on_ping},     {"subscribe", on_subscribe}, {"unsubscribe", on_unsubscribe},
    {"resume", on_resume}, {"auth", on_auth},
};

static Err *message_take(Ctx *c, Session *s, Str text, bool *keep) {
    json_t *message;
    Err *err = json_parse(c, text, &message);
    if (err || !json_is_object(message)) return tell_error(c, s, S("Invalid JSON format"));
    Str type = json_str(json_at(message, "type"));
    for (ptrdiff_t i = 0; i < COUNT(listeners); i++) {
        if (!str_eq(type, str_c(listeners[i].type))) continue;
        *keep = listeners[i].fn == on_auth;
        return listeners[i].fn(c, s, message);
    }
    return tell_error(c, s,
                      strf(c->arena, "Unknown message type: %.*s", S_ARG(str_utf8_cut(type, 100))));
}

/* False when the client talks faster than anybody can mean it. */
static bool pace_kept(Session *s) {
    int64_t now_us = mono_us();
    s->heard_us = now_us;
    if (now_us - s->second_us > US_PER_SECOND) {
        s->second_us = now_us;
        s->heard_count = 0;
    }
    return ++s->heard_count <= MESSAGES_A_SECOND;
}

static Err *session_text(Ctx *c, Session *s, Str text) {
    ArenaMark mark = arena_mark(c->arena);
    Defer *undo = c->defers;
    bool keep = false;
    Err *err = message_take(c, s, text, &keep);
    if (err) return err;
    if (!keep) {
        ctx_undo(c, undo);
        arena_release(c->arena, mark);
    }
    return NULL;
}

/* -- WebSocket: the session ------------------------------------------------------------------- */

/* A name that the client may give itself: it only comes back in `connected`. */
typedef struct SocketQuery {
    Str client_id, token;
} SocketQuery;
static const Field socket_query_fields[] = {
    FIELD(SocketQuery, client_id, .flags = F_NULLABLE, .max = 128,
          .doc = "What the client calls itself; else it is given a name"),
    FIELD(SocketQuery, token, .flags = F_NULLABLE, .max = 4096,
          .doc = "Access token, for browsers, which cannot set headers here"),
};
const Record socket_query_record = RECORD(SocketQuery, socket_query_fields);

static Err *session_greet(Ctx *c, Session *s) {
    const SocketQuery *asked = s->k->query;
    Buf b = buf_new(c->arena, 256);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    json_key(&o, S("client_id"));
    json_put_str(&o, str_is_empty(asked->client_id) ? uuid_v4(c->arena) : asked->client_id);
    json_key(&o, S("server_time"));
    json_put_str(&o, time_str(c->arena, time_now()));
    json_key(&o, S("available_channels"));
    json_put_raw(&o, event_channels_json(c->arena));
    json_end(&o, '}');
    return tell(c, s, "connected", S("system"), buf_str(&b));
}

/* When either side last said something that counts: a ping does, the pong to ours does not. */
static int64_t session_heard_us(const Session *s) {
    return max_i64(s->heard_us, ws_pinged_us(s->ws));
}

/* *stands: the log-in does. Channels that it may follow no longer are taken away, and that is told. */
static Err *session_check(Ctx *c, Session *s, bool *stands) {
    CtxMark mark = ctx_mark(c);
    StrList lost;
    *stands = caller_stands(c, &s->caller, s->subscriber, &lost);
    for (ptrdiff_t i = 0; i < lost.count; i++) {
        subscriber_remove(s->subscriber, lost.items[i]);
        TRY(tell(c, s, "unsubscribed", lost.items[i],
                 member(c, "unsubscribed_from", lost.items[i])));
    }
    ctx_release(c, mark);
    return NULL;
}

/* One turn; *on false: the session is over. */
static Err *session_turn(Ctx *c, Session *s, bool *on) {
    WsGot got;
    Str message, ended = S("signed_out");
    bool stands;
    TRY(session_check(c, s, &stands));
    if (stands) {
        TRY(session_flush(c, s));
        ended = subscriber_ended(s->subscriber);
    }
    *on = str_is_null(ended);
    if (!*on) {
        ws_close(c, s->ws, str_eq(ended, S("going_away")) ? CODE_AWAY : CODE_POLICY, ended);
        return NULL;
    }
    TRY(ws_receive(c, s->ws, min_i64(min_i64(PING_MS, recheck_ms), idle_ms), &got, &message));
    *on = got != WS_CLOSED;
    if (got == WS_TEXT || got == WS_BINARY) {
        *on = pace_kept(s);
        if (!*on)
            ws_close(c, s->ws, CODE_POLICY, S("too many messages"));
        else if (got == WS_BINARY)
            return tell_error(c, s, S("Invalid JSON format"));
        else
            return session_text(c, s, message);
    } else if (got == WS_IDLE) {
        *on = mono_us() - session_heard_us(s) < idle_ms * US_PER_MS;
        if (*on) return ws_ping(c, s->ws);
        ws_close(c, s->ws, CODE_NORMAL, S("idle"));
    }
    return NULL;
}

Err *events_ws(Ctx *c, Call *k) {
    Session *s = arena_new_of(c->arena, Session);
    *s = (Session){.c = c, .k = k, .since = -1, .heard_us = mono_us()};
    TRY(sign_in(c, k->q, &s->caller));
    TRY(ws_accept(c, k->q, k->r, (Str){0}, MESSAGE_MAX, &s->ws));
    k->answered = true;
    s->subscriber = subscriber_new(0, session_ready, s);
    defer(c, session_free, s);
    Err *err = session_greet(c, s);
    for (bool on = true; on && !err;) err = session_turn(c, s, &on);
    /* A peer that is gone is no failure of a request: the upgrade was answered long ago. */
    if (err && log_enabled(LOG_DEBUG))
        log_msg(c, LOG_DEBUG, "session ended: %.*s", S_ARG(err->detail));
    return NULL;
}

/* -- server-sent events ----------------------------------------------------------------------- */

typedef struct EventQuery {
    Str channels, token, since, last_event_id;
} EventQuery;
static const Field event_query_fields[] = {
    FIELD(EventQuery, channels, .flags = F_REQUIRED, .min = 1, .max = 8192,
          .doc = "Comma-separated"),
    FIELD(EventQuery, token, .flags = F_NULLABLE, .max = 4096,
          .doc = "Access token, for EventSource"),
    FIELD(EventQuery, since, .flags = F_NULLABLE, .max = 20,
          .doc = "Replay what followed this message_id"),
    FIELD(EventQuery, last_event_id, .flags = F_NULLABLE, .max = 20,
          .doc = "The same; a Last-Event-ID header wins"),
};
const Record event_query_record = RECORD(EventQuery, event_query_fields);

typedef struct Listening {
    Caller caller;
    Subscriber *subscriber;
    WaitList ready;
} Listening;

static void listening_ready(void *arg) { wait_wake_all(&((Listening *)arg)->ready); }
static void listening_free(void *arg) { subscriber_free(((Listening *)arg)->subscriber); }

static Err *since_asked(Ctx *c, const Call *k, int64_t *since) {
    const EventQuery *q = k->query;
    Str text = req_header(k->q, S("Last-Event-ID"));
    if (str_is_empty(text)) text = str_is_empty(q->last_event_id) ? q->since : q->last_event_id;
    *since = -1;
    if (str_is_empty(text)) return NULL;
    if (!str_to_i64(text, since) || *since < 0)
        FAIL(c, BAD_REQUEST, "Last-Event-ID and since must be the message_id of an event.");
    return NULL;
}

static Err *channels_asked(Ctx *c, const Call *k, Str *out, ptrdiff_t *count) {
    const EventQuery *q = k->query;
    *count = 0;
    for (Str rest = q->channels, one; !str_is_null(rest);) {
        rest = str_cut(rest, ',', &one);
        if (*count == CHANNELS_MAX)
            FAIL(c, BAD_REQUEST, "At most %d channels at once.", CHANNELS_MAX);
        TRY(channel_check(c, str_trim(one), &out[*count]));
        (*count)++;
    }
    return NULL;
}

/* As a WebSocket's: the latest messages of a channel come again to who does not say where to begin. */
static Err *listening_begin(Ctx *c, Listening *l, const Str *channels, ptrdiff_t count,
                            int64_t since) {
    if (since >= 0) {
        subscriber_add(l->subscriber, channels, count, since);
        return NULL;
    }
    for (ptrdiff_t i = 0; i < count; i++) {
        int64_t from = -1, recall = event_recall(channels[i]);
        if (recall > 0) TRY(event_since_latest(c, channels[i], recall, &from));
        subscriber_add(l->subscriber, &channels[i], 1, from);
    }
    return NULL;
}

/* What has arrived, as one write; *count of messages. */
static Err *sse_flush(Ctx *c, Call *k, Listening *l, ptrdiff_t *count) {
    EventMessage *taken[FRAMES_AT_ONCE];
    ptrdiff_t bytes;
    TRY(take_some(c, l->subscriber, taken, count, &bytes));
    if (*count == 0) return NULL;
    Buf b = buf_new(c->arena, bytes + 40 * *count);
    for (ptrdiff_t i = 0; i < *count; i++) {
        if (taken[i]->id) buf_f(&b, "id: %lld\n", (long long)taken[i]->id);
        buf_add(&b, S("data: "));
        buf_add(&b, taken[i]->json);
        buf_add(&b, S("\n\n"));
    }
    give_back(taken, *count);
    TRY(reply_write(c, k->q, k->r, buf_str(&b)));
    return reply_flush(c, k->q, k->r);
}

static Err *sse_beat(Ctx *c, Call *k) {
    TRY(reply_write(c, k->q, k->r, S(": beat\n\n")));
    return reply_flush(c, k->q, k->r);
}

static Err *sse_run(Ctx *c, Call *k, Listening *l) {
    while (str_is_null(subscriber_ended(l->subscriber))) {
        CtxMark mark = ctx_mark(c);
        StrList lost;
        ptrdiff_t count;
        if (!caller_stands(c, &l->caller, l->subscriber, &lost))
            return reply_write(c, k->q, k->r, S(": signed_out\n\n"));
        if (lost.count) return reply_write(c, k->q, k->r, S(": forbidden\n\n"));
        TRY(sse_flush(c, k, l, &count));
        if (count == 0 && str_is_null(subscriber_ended(l->subscriber))) {
            c->deadline_us = mono_us() + min_i64(BEAT_MS, recheck_ms) * US_PER_MS;
            Err *err = wait_on(c, &l->ready);
            c->deadline_us = 0;
            if (err && err->kind == ERR_TIMEOUT)
                TRY(sse_beat(c, k));
            else if (err)
                return err;
        }
        ctx_release(c, mark);
    }
    Buf b = buf_new(c->arena, 64);
    buf_f(&b, ": %.*s\n\n", S_ARG(subscriber_ended(l->subscriber)));
    return reply_write(c, k->q, k->r, buf_str(&b));
}

Err *events_sse(Ctx *c, Call *k) {
    Str channels[CHANNELS_MAX];
    ptrdiff_t count;
    int64_t since;
    Listening *l = arena_new_of(c->arena, Listening);
    TRY(sign_in(c, k->q, &l->caller));
    TRY(since_asked(c, k, &since));
    TRY(channels_asked(c, k, channels, &count));
    l->subscriber = subscriber_new(0, listening_ready, l);
    defer(c, listening_free, l);
    TRY(listening_begin(c, l, channels, count, since));
    k->answered = true;
    k->r->content_type = S("text/event-stream");
    k->r->no_compress = true;
    reply_header(k->r, S("Cache-Control"), S("no-cache"));
    reply_header(k->r, S("X-Accel-Buffering"), S("no")); /* nginx would hold events back */
    c->deadline_us = 0; /* every write and every pause has a limit of its own */
    TRY(reply_begin(c, k->q, k->r));
    if (k->q->method == METHOD_HEAD) return NULL;
    TRY(reply_write(c, k->q, k->r, S("retry: 2000\n\n")));
    TRY(reply_flush(c, k->q, k->r));
    return sse_run(c, k, l);
}

/* -- publishing ------------------------------------------------------------------------------- */

typedef struct EventIn {
    Str channel, type;
    JsonText data;
} EventIn;
static const Field event_in_fields[] = {
    FIELD(EventIn, channel, .flags = F_REQUIRED, .min = 1, .max = 100),
    FIELD(EventIn, type, .flags = F_REQUIRED, .min = 1, .max = 50),
    FIELD(EventIn, data, .flags = F_NULLABLE, .fallback = "null",
          .doc = "Any JSON, at most 32 KiB"),
};
const Record event_in_record = RECORD(EventIn, event_in_fields, .doc = "An event to publish");

typedef struct EventOut {
    Id message_id;
    Str channel, type;
} EventOut;
static const Field event_out_fields[] = {
    FIELD(EventOut, message_id),
    FIELD(EventOut, channel),
    FIELD(EventOut, type),
};
const Record event_out_record = RECORD(EventOut, event_out_fields, .doc = "A published event");

static Err *post_in(Ctx *c, void *arg) {
    Call *k = arg;
    const EventIn *in = k->in;
    EventOut *out = call_out(k);
    *out = (EventOut){.channel = in->channel, .type = in->type};
    TRY(event_emit_id(c, in->channel, in->type, in->data.text, &out->message_id));
    return call_settle(c, k);
}

Err *events_post(Ctx *c, Call *k) { return db_transaction(c, post_in, k); }
