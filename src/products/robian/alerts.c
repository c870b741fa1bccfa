/* SPDX-License-Identifier: Apache-2.0
 * /api/alerts: the listener's own. A webhook's secret is told once, when it is made, and kept
 * sealed; a feed's or channel's token is its address, and whoever knows it may read. */
#include "api/auth.h"
#include "core/json.h"
#include "core/rand.h"
#include "net/url.h"
#include "products/robian/alerts.h"
#include "products/robian/alerts_sql.h"
#include "products/robian/listener.h"
#include "products/robian/routes.h"

enum { ALERTS_MAX = 50, TOKEN_BYTES = 24, SECRET_BYTES = 32, BODY_MAX = 32 * 1024 };

static const Field alert_row_fields[] = {
    FIELD(Alert, n),
    FIELD(Alert, id),
    FIELD(Alert, owner),
    FIELD(Alert, user_id),
    FIELD(Alert, q),
    FIELD(Alert, filters),
    FIELD(Alert, deliver),
    FIELD(Alert, webhook_url, .flags = F_NULLABLE),
    FIELD(Alert, webhook_secret, .flags = F_NULLABLE | F_SECRET),
    FIELD(Alert, token, .flags = F_NULLABLE),
    FIELD(Alert, enabled),
    FIELD(Alert, since),
    FIELD(Alert, match_count),
    FIELD(Alert, last_match_at, .flags = F_NULLABLE),
    FIELD(Alert, created_at),
    FIELD(Alert, updated_at),
};
const Record alert_row_record = RECORD_AS("AlertRow", Alert, alert_row_fields);

/* -- What goes over the wire ------------------------------------------------------------------- */

typedef struct AlertFilters {
    Str type, commission, speaker;
    OptBool has_audio;
} AlertFilters;
static const Field filters_fields[] = {
    FIELD(AlertFilters, type, .flags = F_NULLABLE | F_OMIT_NULL, .values = debate_types),
    FIELD(AlertFilters, commission, .flags = F_NULLABLE | F_OMIT_NULL | F_TRIM, .max = 500,
          .doc = "Contained in its name"),
    FIELD(AlertFilters, speaker, .flags = F_NULLABLE | F_OMIT_NULL | F_TRIM, .max = 200,
          .doc = "Contained in the name, or an id (PA…)"),
    FIELD(AlertFilters, has_audio, .flags = F_OMIT_NULL),
};
static const Record filters_record = RECORD(AlertFilters, filters_fields);

static const char *const deliveries[] = {"websocket", "webhook", "rss", NULL};
typedef struct AlertIn {
    Str q;
    AlertFilters filters;
    Str deliver, webhook_url, user_id;
    bool enabled;
} AlertIn;
static const Field in_fields[] = {
    FIELD(
        AlertIn, q, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = 500,
        .doc =
            "As in a search; every word must be said in one speech (or be in the debate's title)"),
    FIELD_RECORD(AlertIn, filters, &filters_record, .flags = F_NULLABLE, .fallback = "{}"),
    FIELD(AlertIn, deliver, .values = deliveries, .fallback = "\"websocket\""),
    FIELD(AlertIn, webhook_url, .flags = F_NULLABLE | F_TRIM, .max = 2000,
          .doc = "Of deliver webhook: where matches are posted"),
    FIELD(AlertIn, user_id, .flags = F_NULLABLE, .max = DEVICE_ID_MAX, .doc = "As in the query"),
    FIELD(AlertIn, enabled, .fallback = "true"),
};
static const Record in_record = RECORD(AlertIn, in_fields);

typedef struct AlertOut {
    Str id, user_id, q;
    JsonText filters;
    Str deliver, webhook_url, webhook_secret, feed_url, channel;
    bool enabled;
    int64_t match_count;
    Time last_match_at, created_at, updated_at;
} AlertOut;
#define OUT_FIELDS                                                                               \
    FIELD(AlertOut, id), FIELD(AlertOut, user_id), FIELD(AlertOut, q), FIELD(AlertOut, filters), \
        FIELD(AlertOut, deliver), FIELD(AlertOut, webhook_url, .flags = F_NULLABLE),             \
        FIELD(AlertOut, feed_url, .flags = F_NULLABLE, .doc = "Of deliver rss; keep it secret"), \
        FIELD(AlertOut, channel, .flags = F_NULLABLE,                                            \
              .doc = "Of deliver websocket: where events come; that of a device is secret"),     \
        FIELD(AlertOut, enabled), FIELD(AlertOut, match_count),                                  \
        FIELD(AlertOut, last_match_at, .flags = F_NULLABLE), FIELD(AlertOut, created_at),        \
        FIELD(AlertOut, updated_at)
static const Field out_fields[] = {OUT_FIELDS};
static const Record out_record =
    RECORD_AS("Alert", AlertOut, out_fields, .doc = "A search that watches new transcripts");
static const Field made_fields[] = {
    OUT_FIELDS,
    FIELD(AlertOut, webhook_secret, .flags = F_NULLABLE,
          .doc = "Key of X-Robian-Signature; shown this once"),
};
static const Record made_record = RECORD_AS("AlertMade", AlertOut, made_fields);

Str alert_channel(Ctx *c, const Alert *a) {
    if (str_starts(a->owner, S("u:")))
        return strf(c->arena, "user:%.*s", S_ARG(str_slice(a->owner, 2, a->owner.len)));
    return strf(c->arena, ALERT_CHANNEL "%.*s", S_ARG(a->token));
}

static AlertOut shown(Ctx *c, const Alert *a) {
    AlertOut out = {
        .id = a->id,
        .user_id = a->user_id,
        .q = a->q,
        .filters = a->filters,
        .deliver = a->deliver,
        .webhook_url = a->webhook_url,
        .enabled = a->enabled,
        .match_count = a->match_count,
        .last_match_at = a->last_match_at,
        .created_at = a->created_at,
        .updated_at = a->updated_at,
    };
    if (str_eq(a->deliver, S("rss")))
        out.feed_url = strf(c->arena, "/feeds/alert/%.*s.xml", S_ARG(a->token));
    if (str_eq(a->deliver, S("websocket"))) out.channel = alert_channel(c, a);
    return out;
}

/* -- Checking ---------------------------------------------------------------------------------- */

static void quoted(Buf *b, Str value) {
    buf_byte(b, '"');
    for (ptrdiff_t i = 0; i < value.len; i++) {
        if (value.data[i] == '"' || value.data[i] == '\\') buf_byte(b, '\\');
        buf_byte(b, value.data[i]);
    }
    buf_byte(b, '"');
}

Err *alert_narrow(Ctx *c, JsonText filters, DebateNarrow *out) {
    AlertFilters f = {0};
    json_t *json;
    TRY(json_parse(c, filters.text, &json));
    TRY(record_read(c, &filters_record, json, READ_CHANGE, &f, NULL));
    *out = (DebateNarrow){.type = f.type,
                          .commission = f.commission,
                          .speaker = f.speaker,
                          .from = TIME_NULL,
                          .before = TIME_NULL,
                          .has_audio = f.has_audio};
    return NULL;
}

Err *alert_filter(Ctx *c, JsonText filters, Str *out) {
    DebateNarrow f;
    Buf b = buf_new(c->arena, 256);
    TRY(alert_narrow(c, filters, &f));
    buf_f(&b, "kind = speech");
    if (f.type.len > 0) buf_f(&b, " AND type = %.*s", S_ARG(f.type));
    if (f.commission.len > 0) {
        buf_f(&b, " AND commission CONTAINS ");
        quoted(&b, f.commission);
    }
    if (f.speaker.len > 0) {
        buf_f(&b, " AND (speaker CONTAINS ");
        quoted(&b, f.speaker);
        buf_f(&b, " OR speaker_id = ");
        quoted(&b, f.speaker);
        buf_byte(&b, ')');
    }
    if (f.has_audio.set) buf_f(&b, " AND has_audio = %d", f.has_audio.value);
    *out = buf_str(&b);
    return NULL;
}

/* Is it a question? Asked as the follower will ask. */
static Err *alert_check(Ctx *c, const Alert *a) {
    Str filter;
    TRY(alert_filter(c, a->filters, &filter));
    SearchSaved *set = search_saved_new(&debates_index);
    Err *err = search_saved_put(c, set, 1, a->q, (Str){0}, filter);
    search_saved_free(set);
    return err;
}

static Err *webhook_check(Ctx *c, const AlertIn *in) {
    Problems problems = {.arena = c->arena};
    bool webhook = str_eq(in->deliver, S("webhook"));
    Url url;
    if (!webhook && in->webhook_url.len > 0)
        problem_add(&problems, S("webhook_url"), S("value"), "belongs to deliver webhook only");
    if (webhook && in->webhook_url.len == 0)
        problem_add(&problems, S("webhook_url"), S("required"), "says where matches are posted");
    else if (webhook &&
             (!url_parse(in->webhook_url, &url) || url.host.len == 0 || url.userinfo.data ||
              (!str_eq_nocase(url.scheme, S("https")) && !str_eq_nocase(url.scheme, S("http")))))
        problem_add(&problems, S("webhook_url"), S("format"),
                    "is no address that begins with https:// or http://");
    return problems_err(c, &problems);
}

/* -- Routes ------------------------------------------------------------------------------------ */

typedef struct AlertWrite {
    Call *k;
    Listener l;
    Alert a;
    Str secret;
} AlertWrite;

static Err *alert_insert(Ctx *c, void *arg) {
    AlertWrite *w = arg;
    const Alert *a = &w->a;
    int64_t count;
    Alert made;
    TRY(listener_lock(c, &w->l));
    TRY(db_int(c, SQL(SQL_ALERT_COUNT), ARGS(V(w->l.owner)), &count));
    if (count >= ALERTS_MAX) FAIL(c, CONFLICT, "Au plus %d alertes", (int)ALERTS_MAX);
    TRY(db_one(c, SQL(SQL_ALERT_ADD),
               ARGS(V(a->id), V(w->l.owner), V(w->l.user_id), V(a->q), V(a->filters), V(a->deliver),
                    V(a->webhook_url), V(secret_seal(c, w->secret)), V(a->token), V(a->enabled),
                    V(time_now())),
               &alert_row_record, &made));
    TRY(db_exec(c, SQL(SQL_ALERTS_VERSION_RAISE), NO_ARGS, NULL));
    AlertOut *out = call_out(w->k);
    *out = shown(c, &made);
    out->webhook_secret = w->secret;
    return call_settle(c, w->k);
}

static Err *alert_make(Ctx *c, Call *k) {
    const AlertIn *in = k->in;
    AlertWrite w = {.k = k};
    Buf filters = buf_new(c->arena, 256);
    TRY(listener_named(c, k, in->user_id, &w.l));
    TRY(webhook_check(c, in));
    record_write(&filters, &filters_record, &in->filters);
    w.a = (Alert){.id = uuid_v7(c->arena),
                  .q = in->q,
                  .filters = {buf_str(&filters)},
                  .deliver = in->deliver,
                  .enabled = in->enabled};
    if (str_eq(in->deliver, S("webhook"))) {
        w.a.webhook_url = in->webhook_url;
        w.secret = rand_token(c->arena, S("whsec_"), SECRET_BYTES);
    } else {
        w.a.token = rand_token(c->arena, S(""), TOKEN_BYTES);
    }
    TRY(alert_check(c, &w.a));
    reply_header(k->r, S("Cache-Control"), S("no-store"));
    return db_transaction(c, alert_insert, &w);
}

static Err *alerts_list(Ctx *c, Call *k) {
    Listener l;
    Rows rows;
    TRY(listener_of(c, k, &l));
    TRY(db_query(c, SQL(SQL_ALERTS_OF), ARGS(V(l.owner)), &alert_row_record, &rows));
    AlertOut *out = arena_array(c->arena, AlertOut, rows.count + 1);
    for (ptrdiff_t i = 0; i < rows.count; i++) out[i] = shown(c, (const Alert *)rows.items + i);
    call_list(c, k, (Rows){out, rows.count}, rows.count, (Str){NULL, 0});
    return NULL;
}

static Err *alert_own(Ctx *c, Call *k, Alert *out) {
    Listener l;
    bool found;
    TRY(listener_of(c, k, &l));
    TRY(db_maybe(c, SQL(SQL_ALERT_OF), ARGS(V(l.owner), V(k->params[0])), &alert_row_record, out,
                 &found));
    if (!found)
        FAIL(c, NOT_FOUND, "Alerte %.*s non trouvée", S_ARG(str_utf8_cut(k->params[0], 100)));
    return NULL;
}

static Err *alert_get(Ctx *c, Call *k) {
    Alert a;
    TRY(alert_own(c, k, &a));
    *(AlertOut *)call_out(k) = shown(c, &a);
    return NULL;
}

typedef struct AlertChange {
    bool enabled;
} AlertChange;
static const Field change_fields[] = {FIELD(AlertChange, enabled, .flags = F_REQUIRED)};
static const Record change_record = RECORD(AlertChange, change_fields);

static Err *alert_rewrite(Ctx *c, void *arg) {
    AlertWrite *w = arg;
    const AlertChange *in = w->k->in;
    TRY(db_one(c, SQL(SQL_ALERT_ENABLE),
               ARGS(V(w->a.owner), V(w->a.id), V(in->enabled), V(time_now())), &alert_row_record,
               &w->a));
    return db_exec(c, SQL(SQL_ALERTS_VERSION_RAISE), NO_ARGS, NULL);
}

static Err *alert_change(Ctx *c, Call *k) {
    AlertWrite w = {.k = k};
    TRY(alert_own(c, k, &w.a));
    TRY(db_transaction(c, alert_rewrite, &w));
    *(AlertOut *)call_out(k) = shown(c, &w.a);
    return NULL;
}

static Err *alert_delete(Ctx *c, void *arg) {
    const Alert *a = arg;
    TRY(db_exec(c, SQL(SQL_ALERT_REMOVE), ARGS(V(a->owner), V(a->id)), NULL));
    return db_exec(c, SQL(SQL_ALERTS_VERSION_RAISE), NO_ARGS, NULL);
}

static Err *alert_remove(Ctx *c, Call *k) {
    Alert a;
    TRY(alert_own(c, k, &a));
    TRY(db_transaction(c, alert_delete, &a));
    call_message(c, k, S("Alerte supprimée"));
    return NULL;
}

/* -- Matches ----------------------------------------------------------------------------------- */

typedef struct MatchQuery {
    Str user_id, cursor;
    int64_t limit;
} MatchQuery;
static const Field match_query_fields[] = {
    LISTENER_FIELD(MatchQuery),
    FIELD(MatchQuery, limit, .min = 1, .max = 200, .fallback = "50"),
    FIELD(MatchQuery, cursor, .max = 512, .doc = "Where the last page ended, from its Link"),
};
static const Record match_query_record =
    RECORD_AS("AlertMatchQuery", MatchQuery, match_query_fields);

typedef struct MatchOut {
    int64_t n;
    Str debate_id;
    JsonText payload;
    Str delivery;
    int64_t attempts;
    Str error;
    Time created_at, delivered_at;
} MatchOut;
#define MATCH_FIELDS                                                            \
    FIELD(MatchOut, debate_id), FIELD(MatchOut, payload),                       \
        FIELD(MatchOut, delivery, .doc = "none, pending, sent, failed"),        \
        FIELD(MatchOut, attempts), FIELD(MatchOut, error, .flags = F_NULLABLE), \
        FIELD(MatchOut, created_at), FIELD(MatchOut, delivered_at, .flags = F_NULLABLE)
static const Field match_fields[] = {MATCH_FIELDS};
static const Record match_record = RECORD_AS("AlertMatch", MatchOut, match_fields);
static const Field match_row_fields[] = {FIELD(MatchOut, n), MATCH_FIELDS};
static const Record match_row_record = RECORD_AS("AlertMatchRow", MatchOut, match_row_fields);

static Err *matches_list(Ctx *c, Call *k) {
    const MatchQuery *query = k->query;
    Alert a;
    Rows rows;
    Str before, next = {NULL, 0};
    int64_t older = INT64_MAX;
    TRY(alert_own(c, k, &a));
    if (query->cursor.len > 0) {
        TRY(cursor_read(c, query->cursor, &before, 1));
        if (!str_to_i64(before, &older)) FAIL(c, BAD_REQUEST, "The cursor is not of this list.");
    }
    TRY(db_query(c, SQL(SQL_ALERT_MATCHES_OF), ARGS(V(a.n), V(older), V(query->limit)),
                 &match_row_record, &rows));
    const MatchOut *m = rows.items;
    if (rows.count == query->limit) {
        Str last = strf(c->arena, "%lld", (long long)m[rows.count - 1].n);
        next = cursor_make(c, &last, 1);
    }
    call_list(c, k, rows, a.match_count, next);
    return NULL;
}

/* -- A device's channel ------------------------------------------------------------------------ */

Err *alert_may_read(Ctx *c, Str token, bool *yes) {
    int64_t count;
    TRY(db_int(c, SQL(SQL_ALERT_TOKEN), ARGS(V(token)), &count));
    *yes = count > 0;
    return NULL;
}

#define READS                                                          \
    .access = ACCESS_OPEN, .scope = "listening:read", .tag = "alerts", \
    .query = &listener_query_record
#define WRITES                                                                              \
    .access = ACCESS_OPEN, .scope = "listening:write", .rate = RATE_WRITE, .tag = "alerts", \
    .query = &listener_query_record

const Route alert_routes[] = {
    {GET, "/api/alerts", alerts_list, READS, .out = &out_record, .out_list = true,
     .errors = "401 403", .doc = "The listener's alerts"},
    {POST, "/api/alerts", alert_make, WRITES, .in = &in_record, .body_limit = BODY_MAX,
     .out = &made_record, .status = 201, .idempotent = true, .secret_out = true,
     .errors = "401 403 409",
     .doc = "Watch for new transcripts in which this is said; each debate is told once"},
    {GET, "/api/alerts/{id}", alert_get, READS, .out = &out_record, .errors = "401 403 404",
     .doc = "One alert"},
    {PATCH, "/api/alerts/{id}", alert_change, WRITES, .in = &change_record, .out = &out_record,
     .errors = "401 403 404", .doc = "Put it to sleep, or wake it: then what comes is news"},
    {DELETE, "/api/alerts/{id}", alert_remove, WRITES, .out = &message_record,
     .errors = "401 403 404", .doc = "Watch no more; its matches go too"},
    {GET, "/api/alerts/{id}/matches", matches_list, .access = ACCESS_OPEN,
     .scope = "listening:read", .tag = "alerts", .query = &match_query_record, .out = &match_record,
     .out_list = true, .errors = "400 401 403 404",
     .doc = "What it found, newest first, and what became of telling it"},
    {0},
};
