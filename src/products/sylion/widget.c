/* SPDX-License-Identifier: Apache-2.0
 * Visitors' sessions, and which pages may have them: see widget.h. */
#include "products/sylion/widget.h"

#include "api/auth.h"
#include "api/base_settings.h"
#include "api/ratelimit.h"
#include "core/rand.h"
#include "net/url.h"
#include "products/sylion/contacts.h"
#include "products/sylion/routes.h"
#include "products/sylion/sylion.h"
#include "products/sylion/system_sql.h"
#include "products/sylion/widget_sql.h"
#include "work/events.h"

enum { TOKEN_BYTES = 32, TOKEN_MAX = 100, PURGE_AT_ONCE = 500 };

/* -- channels ------------------------------------------------------------------------------------ */

static Err *channel_find(Ctx *c, Str id, Channel *out, bool *found) {
    *found = false;
    *out = (Channel){0};
    if (!uuid_valid(id)) return NULL;
    return system_maybe(c, SQL(SQL_SYSTEM_VISITED_CHANNEL), ARGS(V(str_lower(c->arena, id))),
                        &channel_record, out, found);
}

static Err *channel_absent(Ctx *c) {
    return sylion_err(c, ERR_NOT_FOUND, "CHANNEL_NOT_FOUND", "Channel not found");
}

Err *visited_channel(Ctx *c, Str channel_id, Scope *s, Channel *channel) {
    bool found;
    TRY(channel_find(c, channel_id, channel, &found));
    if (!found) return channel_absent(c);
    Err *err = scope_of_tenant(c, channel->tenant_n, s);
    return err && err->kind == ERR_NOT_FOUND ? channel_absent(c) : err;
}

/* -- origins ------------------------------------------------------------------------------------- */

/* In lower case and without the port that its scheme has anyway, as browsers write it. */
static Str origin_plain(Arena *arena, Str origin) {
    Str plain = str_lower(arena, origin);
    if (str_starts(plain, S("https://")) && str_ends(plain, S(":443"))) plain.len -= 4;
    if (str_starts(plain, S("http://")) && str_ends(plain, S(":80"))) plain.len -= 3;
    return plain;
}

/* *.example.org: everything below a name of at least two parts. */
static bool is_below(Str pattern, Str origin) {
    ptrdiff_t star = str_find(pattern, S("://*."));
    if (star < 0) return false;
    Str scheme = str_slice(pattern, 0, star + 3);
    Str end = str_slice(pattern, star + 4, pattern.len);
    Str name = str_slice(end, 1, end.len);
    return str_find_byte(name, '.') > 0 && str_starts(origin, scheme) && str_ends(origin, end) &&
           origin.len > scheme.len + end.len;
}

bool origin_listed(Ctx *c, StrList allowed, Str origin) {
    Str asked = origin_plain(c->arena, origin);
    Url url;
    if (!url_parse(asked, &url)) return false; /* "null": a page without an address */
    for (ptrdiff_t i = 0; i < allowed.count; i++) {
        Str one = origin_plain(c->arena, allowed.items[i]);
        if (str_eq(one, asked) || is_below(one, asked)) return true;
    }
    return false;
}

static bool is_our_own(const Req *q, Str origin) {
    ptrdiff_t at = str_find(origin, S("://"));
    return at > 0 && q->host.len > 0 &&
           str_eq_nocase(str_slice(origin, at + 3, origin.len), q->host);
}

static Err *origin_may(Ctx *c, const Req *q, const Channel *channel, Str origin, bool *may) {
    ChannelConfig config;
    *may = is_our_own(q, origin);
    if (*may) return NULL;
    TRY(channel_config(c, channel, &config));
    *may = origin_listed(c, config.allowed_origins, origin);
    return NULL;
}

Err *origin_require(Ctx *c, const Req *q, const Channel *channel) {
    Str origin = req_header(q, S("Origin"));
    bool may = true;
    if (!origin.data) return NULL;
    TRY(origin_may(c, q, channel, origin, &may));
    if (may) return NULL;
    FAIL(c, FORBIDDEN, "This channel is not for pages of %.*s: its allowedOrigins do not name it.",
         S_ARG(str_utf8_cut(origin, 255)));
}

bool widget_may_read(Ctx *c, const Req *q, const Str *params, Str origin) {
    Channel channel;
    bool found, may = false;
    Err *err = channel_find(c, params[0], &channel, &found);
    if (!err && found) err = origin_may(c, q, &channel, origin, &may);
    return !err && may;
}

/* -- limits -------------------------------------------------------------------------------------- */

Err *visits_limit(Ctx *c, const char *what, Str key, int64_t limit) {
    if (!settings.rate_limits) return NULL;
    RateState state = rate_take(key, limit, mono_us());
    if (state.allowed) return NULL;
    Err *err = err_new(c, ERR_RATE_LIMITED, __func__, "At most %lld %s a minute here.",
                       (long long)limit, what);
    err->retry_after_s = state.retry_s;
    return err;
}

static Err *sessions_limit(Ctx *c, const Req *q, const Channel *channel) {
    ChannelConfig config;
    TRY(channel_config(c, channel, &config));
    int64_t limit =
        config.limits.per_minute.set ? config.limits.per_minute.value : sylion.webhook_per_minute;
    long long n = (long long)channel->n.value;
    Str address = rate_address(c->arena, q->client_ip);
    TRY(visits_limit(c, "new sessions",
                     strf(c->arena, "sylion.sessions:%lld:%.*s", n, S_ARG(address)),
                     sylion.widget_sessions_per_minute));
    return visits_limit(c, "new sessions", strf(c->arena, "sylion.sessions:%lld", n), limit);
}

/* -- sessions ------------------------------------------------------------------------------------ */

static const Field visitor_fields[] = {
    FIELD(Visitor, n),          FIELD(Visitor, contact_n), FIELD(Visitor, id),
    FIELD(Visitor, contact_id), FIELD(Visitor, user_key),  FIELD(Visitor, expires_at),
};
static const Record visitor_record = RECORD(Visitor, visitor_fields);

Str visitor_token(const Req *q) {
    Str header = req_header(q, S("Authorization")), scheme;
    if (str_is_null(header)) return header;
    Str token = str_trim(str_cut(header, ' ', &scheme));
    return str_eq_nocase(scheme, S("Bearer")) && token.len > 0 ? token : (Str){0};
}

static Err *visitor_find(Ctx *c, const Scope *s, const Channel *channel, Str token, Visitor *out,
                         bool *found) {
    *found = false;
    if (token.len == 0 || token.len > TOKEN_MAX) return NULL;
    return tenant_maybe(c, s, SQL(SQL_WIDGET_SESSION_BY_TOKEN),
                        ARGS(V(channel->n), V(secret_digest(c->arena, token)), V(time_now())),
                        &visitor_record, out, found);
}

static Err *session_absent(Ctx *c) {
    return sylion_err(c, ERR_NOT_FOUND, "SESSION_NOT_FOUND", "Session not found");
}

Err *visitor_of_token(Ctx *c, const Scope *s, const Channel *channel, Str token, Visitor *out) {
    bool found;
    *out = (Visitor){0};
    TRY(visitor_find(c, s, channel, token, out, &found));
    return found ? NULL : session_absent(c);
}

Err *visitor_of_call(Ctx *c, const Call *k, Scope *s, Channel *channel, Visitor *out) {
    Str token = visitor_token(k->q);
    TRY(visited_channel(c, k->params[0], s, channel));
    TRY(origin_require(c, k->q, channel));
    if (!token.data) FAIL(c, UNAUTHENTICATED, "The session's token is missing.");
    TRY(visitor_of_token(c, s, channel, token, out));
    return str_eq_nocase(out->id, k->params[1]) ? NULL : session_absent(c);
}

Err *visitor_tell(Ctx *c, Str contact_id) {
    assert(c->tx && contact_id.len > 0);
    return event_emit(c, strf(c->arena, "visitor:%.*s", S_ARG(contact_id)), S("message"),
                      S("null"));
}

/* -- the route ----------------------------------------------------------------------------------- */

typedef struct SessionIn {
    Str token, name, language;
} SessionIn;
static const char *const languages[] = {"fr", "en", "ar", NULL};
static const Field in_fields[] = {
    FIELD(SessionIn, token, .flags = F_NULLABLE, .max = TOKEN_MAX,
          .doc = "Of a session to go on with; one that is no more gives a new one"),
    FIELD(SessionIn, name, .flags = F_NULLABLE | F_TRIM, .max = 255, .doc = "The visitor's"),
    FIELD(SessionIn, language, .flags = F_NULLABLE, .values = languages,
          .doc = "Of the page, until the visitor has written"),
};
static const Record in_record =
    RECORD_AS("WidgetSessionCreate", SessionIn, in_fields, .camel = true);

typedef struct SessionOut {
    Str session_id, token;
    Time expires_at;
    bool resumed;
} SessionOut;
static const Field out_fields[] = {
    FIELD(SessionOut, session_id, .format = "uuid"),
    FIELD(SessionOut, token, .doc = "Shown as Bearer; the server keeps its hash only"),
    FIELD(SessionOut, expires_at, .doc = "Later again each time the session is gone on with"),
    FIELD(SessionOut, resumed),
};
static const Record out_record =
    RECORD_AS("WidgetSession", SessionOut, out_fields, .camel = true, .doc = "A visitor's session");

typedef struct Opening {
    Call *k;
    Scope s;
    Channel channel;
} Opening;

static Time expiry(Time now) { return time_add(now, sylion.widget_session_s * US_PER_SECOND); }

static Err *session_resume(Ctx *c, Opening *o, bool *resumed) {
    const SessionIn *in = o->k->in;
    Time now = time_now();
    Visitor v;
    TRY(visitor_find(c, &o->s, &o->channel, in->token, &v, resumed));
    if (!*resumed) return NULL;
    *(SessionOut *)call_out(o->k) = (SessionOut){v.id, in->token, expiry(now), true};
    return tenant_exec(c, &o->s, SQL(SQL_WIDGET_SESSION_EXTEND),
                       ARGS(V(v.n), V(expiry(now)), V(now)), NULL);
}

static Err *session_begin(Ctx *c, Opening *o) {
    const SessionIn *in = o->k->in;
    Time now = time_now();
    SessionOut *out = call_out(o->k);
    *out = (SessionOut){uuid_v7(c->arena), rand_token(c->arena, S("wgt_"), TOKEN_BYTES),
                        expiry(now), false};
    Identity who = {.user_key = strf(c->arena, "session:%.*s", S_ARG(out->session_id)),
                    .name = in->name.len ? in->name : (Str){0}};
    Id contact, session;
    bool moved;
    TRY(contact_settle(c, &o->s, o->channel.n, &who, &contact, &moved));
    if (in->language.len)
        TRY(tenant_exec(c, &o->s, SQL(SQL_WIDGET_CONTACT_LANGUAGE),
                        ARGS(V(contact), V(in->language), V(now)), NULL));
    Str origin = req_header(o->k->q, S("Origin"));
    return tenant_int(c, &o->s, SQL(SQL_WIDGET_SESSION_ADD),
                      ARGS(V(o->channel.n), V(contact), V(out->session_id),
                           V(secret_digest(c->arena, out->token)),
                           V(origin.data ? str_utf8_cut(origin, 255) : origin), V(now),
                           V(out->expires_at)),
                      &session.value);
}

static Err *open_in(Ctx *c, void *arg) {
    Opening *o = arg;
    bool resumed;
    TRY(session_resume(c, o, &resumed));
    if (!resumed) TRY(session_begin(c, o));
    o->k->r->status = resumed ? 200 : 201;
    return NULL;
}

static Err *session_create(Ctx *c, Call *k) {
    Opening o = {.k = k};
    TRY(visited_channel(c, k->params[0], &o.s, &o.channel));
    TRY(origin_require(c, k->q, &o.channel));
    TRY(sessions_limit(c, k->q, &o.channel));
    return db_transaction(c, open_in, &o);
}

const Route widget_session_routes[] = {
    {POST, "/api/v1/widget/{channelId}/sessions", session_create, VISITED, .rate = RATE_WRITE,
     .in = &in_record, .out = &out_record, .status_also = 201, .errors = "400 403 404 429",
     .doc = "A visitor's session on a website: a new one (201), or the one of a token"},
    {.path = NULL},
};

/* -- expiry -------------------------------------------------------------------------------------- */

typedef struct Expired {
    Id n, contact_n;
} Expired;
static const Field expired_fields[] = {FIELD(Expired, n), FIELD(Expired, contact_n)};
static const Record expired_record = RECORD(Expired, expired_fields);

static Err *purge_in(Ctx *c, void *arg) {
    ptrdiff_t *count = arg;
    Rows rows;
    TRY(system_query(c, SQL(SQL_SYSTEM_WIDGET_EXPIRED),
                     ARGS(V(time_now()), V((int64_t)PURGE_AT_ONCE)), &expired_record, &rows));
    const Expired *gone = rows.items;
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        TRY(system_exec(c, SQL(SQL_SYSTEM_WIDGET_SESSION_REMOVE), ARGS(V(gone[i].n)), NULL));
        TRY(system_exec(c, SQL(SQL_SYSTEM_WIDGET_CONTACT_REMOVE), ARGS(V(gone[i].contact_n)),
                        NULL));
    }
    *count = rows.count;
    return NULL;
}

Err *widget_purge_run(Ctx *c, Job *job) {
    (void)job;
    for (ptrdiff_t count = PURGE_AT_ONCE; count == PURGE_AT_ONCE;) {
        CtxMark mark = ctx_mark(c);
        TRY(db_transaction(c, purge_in, &count));
        ctx_release(c, mark);
    }
    return NULL;
}
