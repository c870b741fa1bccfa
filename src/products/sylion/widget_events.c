/* SPDX-License-Identifier: Apache-2.0
 * A visitor's stream. The database is what is told; events ("visitor:<contact>") only say that there
 * is something new, so that a lost one costs no more than the time to the next beat.
 *
 * Messages go out in the order of their numbers, and none before an answer with a smaller number
 * that is still on its way: the last one's id therefore says what was told, and a stream that is
 * opened again with it (Last-Event-ID) goes on there without loss. What was sent anew after its
 * turn had passed comes without an id. A client may hear a message twice (it was told, and the
 * connection broke); it knows it by its id.
 *
 * A stream ends after a quarter of an hour, for who is still there to open it again; at once when
 * the session expires, or its channel or tenant is no more. */
#include "products/sylion/conversation.h"
#include "products/sylion/widget.h"
#include "products/sylion/widget_sql.h"
#include "work/events.h"

enum {
    BEAT_MS = 15 * 1000,
    LIFE_MS = 15 * 60 * 1000,
    OPENED_PER_MINUTE = 30,
    QUEUE_MAX = 100,
    AT_ONCE = 100,
    LATEST = 50,
    REACHED_MS = 5 * 1000
};

typedef struct Watching {
    Call *k;
    Scope s;
    Channel channel;
    Visitor visitor;
    Subscriber *subscriber;
    WaitList ready;
    bool fresh; /* something has come since it was looked for */
    Id told;    /* up to here */
    int64_t ends_us;
} Watching;

static void watching_ready(void *arg) {
    Watching *w = arg;
    w->fresh = true;
    wait_wake_all(&w->ready);
}
static void watching_free(void *arg) { subscriber_free(((Watching *)arg)->subscriber); }

/* -- where to begin ------------------------------------------------------------------------------ */

static Err *begin_at(Ctx *c, Watching *w) {
    Str last = req_header(w->k->q, S("Last-Event-ID"));
    WidgetRow row = {0};
    bool found = false;
    if (uuid_valid(last))
        TRY(tenant_maybe(
            c, &w->s, SQL(SQL_WIDGET_MESSAGE_N),
            ARGS(V(w->channel.n), V(w->visitor.contact_n), V(str_lower(c->arena, last))),
            &widget_row_record, &row, &found));
    w->told = row.n;
    if (found) return NULL;
    return tenant_int(c, &w->s, SQL(SQL_WIDGET_BEHIND),
                      ARGS(V(w->channel.n), V(w->visitor.contact_n), V((int64_t)LATEST)),
                      &w->told.value);
}

/* -- what has come ------------------------------------------------------------------------------- */

typedef struct Reached {
    Watching *w;
    const WidgetRow *row;
} Reached;

static Err *reached_in(Ctx *c, void *arg) {
    const Reached *r = arg;
    Conversation v;
    int64_t still;
    TRY(conversation_lock(c, &r->w->s, r->row->conversation_n, &v));
    TRY(tenant_int(c, &r->w->s, SQL(SQL_WIDGET_REACHED), ARGS(V(r->row->n)), &still));
    if (!still) return NULL;
    return message_set(c, &r->w->s, r->row->n, "delivered", (Str){0}, (Str){0});
}

/* Also when the visitor leaves at this very moment: the message has reached the page. */
static Err *reached(Ctx *c, Watching *w, const WidgetRow *row) {
    coro_shield(c);
    c->deadline_us = mono_us() + REACHED_MS * US_PER_MS;
    Err *err = db_transaction(c, reached_in, &(Reached){w, row});
    c->deadline_us = 0;
    coro_unshield(c);
    return err;
}

static bool is_one_of(Str status, Str one, Str other) {
    return str_eq(status, one) || str_eq(status, other);
}

static Err *message_write(Ctx *c, Watching *w, const WidgetRow *row) {
    WidgetMessage m;
    Buf b = buf_new(c->arena, row->content.len + 512);
    widget_message_show(c, row, &m);
    if (row->n.value > w->told.value) buf_f(&b, "id: %.*s\n", S_ARG(row->id));
    buf_add(&b, S("event: message\ndata: "));
    record_write(&b, &widget_message_record, &m);
    buf_add(&b, S("\n\n"));
    TRY(reply_write(c, w->k->q, w->k->r, buf_str(&b)));
    return reply_flush(c, w->k->q, w->k->r);
}

static Err *row_tell(Ctx *c, Watching *w, const WidgetRow *row, bool *waits) {
    bool out = str_eq(row->direction, S("outbound"));
    bool late = row->n.value <= w->told.value;
    *waits = out && !late && is_one_of(row->status, S("pending"), S("sending"));
    if (*waits) return NULL;
    if (!out || !is_one_of(row->status, S("failed"), S("unknown"))) TRY(message_write(c, w, row));
    if (!late) w->told = row->n;
    if (!out || !str_eq(row->status, S("sent"))) return NULL;
    return reached(c, w, row);
}

static Err *news_tell(Ctx *c, Watching *w) {
    Rows rows = {.count = AT_ONCE};
    bool waits = false;
    while (rows.count == AT_ONCE && !waits) {
        TRY(tenant_query(
            c, &w->s, SQL(SQL_WIDGET_NEWS),
            ARGS(V(w->channel.n), V(w->visitor.contact_n), V(w->told.value), V((int64_t)AT_ONCE)),
            &widget_row_record, &rows));
        for (ptrdiff_t i = 0; i < rows.count && !waits; i++)
            TRY(row_tell(c, w, (const WidgetRow *)rows.items + i, &waits));
    }
    return NULL;
}

/* -- waiting ------------------------------------------------------------------------------------- */

static Err *drained(Ctx *c, Watching *w) {
    EventMessage *m;
    w->fresh = false;
    for (;;) {
        TRY(subscriber_next(c, w->subscriber, &m));
        if (!m) return NULL;
        subscriber_done(m);
    }
}

static Err *line_write(Ctx *c, Watching *w, Str text) {
    TRY(reply_write(c, w->k->q, w->k->r, text));
    return reply_flush(c, w->k->q, w->k->r);
}

/* *on false: nobody is to be told any more, and the client knows why. */
static Err *still_there(Ctx *c, Watching *w, bool *on) {
    Err *err = visitor_of_call(c, w->k, &w->s, &w->channel, &w->visitor);
    *on = !err;
    if (!err) return NULL;
    if (err->kind == ERR_NOT_FOUND || err->kind == ERR_FORBIDDEN)
        return line_write(c, w, S("event: end\ndata: {\"reason\":\"gone\"}\n\n"));
    return err;
}

static int64_t expires_in_us(const Watching *w) { return w->visitor.expires_at.us - time_now().us; }

/* Until there is something, or a beat is due, or it is over. */
static Err *news_await(Ctx *c, Watching *w) {
    int64_t now_us = mono_us();
    if (w->fresh) return NULL;
    int64_t wait_us = min_i64(BEAT_MS * US_PER_MS, min_i64(w->ends_us - now_us, expires_in_us(w)));
    c->deadline_us = now_us + max_i64(wait_us, 1);
    Err *err = wait_on(c, &w->ready);
    c->deadline_us = 0;
    if (!err || err->kind != ERR_TIMEOUT) return err;
    return line_write(c, w, S(": beat\n\n"));
}

static Err *watch(Ctx *c, Watching *w) {
    while (str_is_null(subscriber_ended(w->subscriber)) && mono_us() < w->ends_us) {
        CtxMark mark = ctx_mark(c);
        bool on;
        TRY(still_there(c, w, &on));
        if (!on) return NULL;
        TRY(drained(c, w));
        TRY(news_tell(c, w));
        TRY(news_await(c, w));
        ctx_release(c, mark);
    }
    return NULL;
}

Err *widget_events(Ctx *c, Call *k) {
    Watching *w = arena_new_of(c->arena, Watching);
    *w = (Watching){.k = k, .ends_us = mono_us() + LIFE_MS * US_PER_MS};
    TRY(visitor_of_call(c, k, &w->s, &w->channel, &w->visitor));
    TRY(visits_limit(c, "streams",
                     strf(c->arena, "sylion.streams:%lld", (long long)w->visitor.n.value),
                     OPENED_PER_MINUTE));
    TRY(begin_at(c, w));
    w->subscriber = subscriber_new(QUEUE_MAX, watching_ready, w);
    defer(c, watching_free, w);
    Str topic = strf(c->arena, "visitor:%.*s", S_ARG(w->visitor.contact_id));
    subscriber_add(w->subscriber, &topic, 1, -1);
    k->answered = true;
    k->r->content_type = S("text/event-stream");
    k->r->no_compress = true;
    reply_header(k->r, S("Cache-Control"), S("no-cache"));
    reply_header(k->r, S("X-Accel-Buffering"), S("no")); /* nginx would hold events back */
    c->deadline_us = 0; /* every write and every pause has a limit of its own */
    TRY(reply_begin(c, k->q, k->r));
    if (k->q->method == METHOD_HEAD) return NULL;
    TRY(line_write(c, w, S("retry: 2000\n\n")));
    return watch(c, w);
}
