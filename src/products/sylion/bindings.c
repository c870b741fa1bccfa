/* SPDX-License-Identifier: Apache-2.0
 * Bindings: see bindings.h. */
#include "products/sylion/bindings.h"

#include "core/json.h"
#include "products/sylion/assistants.h"
#include "products/sylion/channels.h"
#include "products/sylion/channels_sql.h"
#include "products/sylion/routes.h"
#include "work/zone.h"

enum { DAYS = 7, SPANS_MAX = 10, MINUTES_A_DAY = 24 * 60, LANGUAGES_MAX = 20 };

static const Field binding_fields[] = {
    FIELD(Binding, n, .flags = F_SECRET),
    FIELD(Binding, tenant_n, .flags = F_SECRET),
    FIELD(Binding, channel_n, .flags = F_SECRET),
    FIELD(Binding, assistant_n, .flags = F_SECRET),
    FIELD(Binding, id, .format = "uuid"),
    FIELD(Binding, tenant_id, .format = "uuid"),
    FIELD(Binding, channel_id, .format = "uuid"),
    FIELD(Binding, assistant_id, .format = "uuid"),
    FIELD(Binding, languages, .doc = "fr, en, ar; none: all"),
    FIELD(Binding, hours, .flags = F_NULLABLE,
          .doc = "{\"mon\": [[\"09:00\", \"18:00\"]]} in the tenant's zone; null: always"),
    FIELD(Binding, priority, .doc = "The greatest that fits answers"),
    FIELD(Binding, created_at),
};
const Record binding_record = RECORD_AS("ChannelBinding", Binding, binding_fields, .camel = true,
                                        .doc = "Which assistant answers on a channel");

/* -- hours ---------------------------------------------------------------------------------------- */

static const char *const days[DAYS] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

/* "09:30" as minutes; -1 for anything else. 24:00 is the end of a day. */
static int minutes_of(Str text) {
    if (text.len != 5 || text.data[2] != ':') return -1;
    for (int i = 0; i < 5; i++)
        if (i != 2 && (text.data[i] < '0' || text.data[i] > '9')) return -1;
    int hour = (text.data[0] - '0') * 10 + text.data[1] - '0';
    int minute = (text.data[3] - '0') * 10 + text.data[4] - '0';
    if (minute > 59 || hour > 24 || (hour == 24 && minute)) return -1;
    return hour * 60 + minute;
}

static bool span_read(const json_t *span, int *from, int *to) {
    *from = *to = -1;
    if (!json_is_array(span) || json_array_size(span) != 2) return false;
    *from = minutes_of(json_str(json_array_get(span, 0)));
    *to = minutes_of(json_str(json_array_get(span, 1)));
    return *from >= 0 && *from < MINUTES_A_DAY && *to >= 0 && *from != *to;
}

static bool day_known(const char *name) {
    for (int i = 0; i < DAYS; i++)
        if (strcmp(days[i], name) == 0) return true;
    return false;
}

static const char *hours_wrong(const json_t *hours) {
    const char *name;
    json_t *spans;
    if (!json_is_object(hours)) return "must be an object of days, or null";
    json_object_foreach((json_t *)(uintptr_t)hours, name, spans) {
        if (!day_known(name)) return "has other members than mon, tue, wed, thu, fri, sat, sun";
        if (!json_is_array(spans) || json_array_size(spans) > SPANS_MAX)
            return "must have at most 10 spans a day, in a list";
        for (size_t i = 0; i < json_array_size(spans); i++) {
            int from, to;
            if (!span_read(json_array_get(spans, i), &from, &to))
                return "has a span that is not like [\"09:00\", \"18:00\"]";
        }
    }
    return NULL;
}

/* In a span of that day; `minute` counts from its beginning, and may lie in the next day. */
static bool day_holds(const json_t *hours, int day, int minute) {
    const json_t *spans = json_at(hours, days[day]);
    for (size_t i = 0; i < json_array_size(spans); i++) {
        int from, to;
        if (!span_read(json_array_get(spans, i), &from, &to)) continue;
        if (to < from) to += MINUTES_A_DAY;
        if (minute >= from && minute < to) return true;
    }
    return false;
}

bool hours_hold(Ctx *c, JsonText hours, Str time_zone, Time at) {
    json_t *json;
    if (!hours.text.data || str_eq(hours.text, S("null"))) return true;
    if (json_parse(c, hours.text, &json) || !json_is_object(json)) return false;
    const Zone *zone = zone_find(str_cstr(c->arena, time_zone));
    Time local = time_add(at, zone_offset_s(zone, at) * US_PER_SECOND);
    Civil civil = time_civil(local);
    int day = time_weekday(local), minute = civil.hour * 60 + civil.minute;
    return day_holds(json, day, minute) ||
           day_holds(json, (day + DAYS - 1) % DAYS, minute + MINUTES_A_DAY);
}

/* -- finding -------------------------------------------------------------------------------------- */

static bool language_fits(StrList languages, Str language) {
    if (languages.count == 0 || str_is_null(language)) return true;
    for (ptrdiff_t i = 0; i < languages.count; i++)
        if (str_eq(languages.items[i], language)) return true;
    return false;
}

Err *binding_find(Ctx *c, const Scope *s, Id channel, Str language, Time at, Assistant *out,
                  bool *found) {
    Rows rows;
    *found = false;
    TRY(tenant_query(c, s, SQL(SQL_BINDINGS_OF_CHANNEL), ARGS(V(channel), value_bool(true)),
                     &binding_record, &rows));
    const Binding *all = rows.items;
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        if (!language_fits(all[i].languages, language) ||
            !hours_hold(c, all[i].hours, s->time_zone, at))
            continue;
        *found = true;
        return assistant_load_by_n(c, s, all[i].assistant_n, out);
    }
    return NULL;
}

/* -- routes --------------------------------------------------------------------------------------- */

typedef struct BindingIn {
    Str tenant_id, channel_id, assistant_id;
    StrList languages;
    JsonText hours;
    int64_t priority;
} BindingIn;

static void languages_check(StrList languages, Problems *p) {
    for (ptrdiff_t i = 0; i < languages.count; i++) {
        Str one = languages.items[i];
        bool good = one.len == 2 || one.len == 3;
        for (ptrdiff_t b = 0; b < one.len; b++) good &= one.data[b] >= 'a' && one.data[b] <= 'z';
        if (!good)
            problem_add(p, strf(p->arena, "languages[%td]", i), S("format"),
                        "is not a language's code like fr");
    }
}

static void binding_in_check(const void *value, Str path, Problems *p) {
    const BindingIn *in = value;
    (void)path;
    languages_check(in->languages, p);
}

static const Field in_fields[] = {
    FIELD(BindingIn, channel_id, .flags = F_REQUIRED | F_LOWER, .format = "uuid"),
    FIELD(BindingIn, assistant_id, .flags = F_REQUIRED | F_LOWER, .format = "uuid"),
    FIELD(BindingIn, languages, .max = LANGUAGES_MAX, .fallback = "[]"),
    FIELD(BindingIn, hours, .flags = F_NULLABLE),
    FIELD(BindingIn, priority, .min = -1000, .max = 1000, .fallback = "0"),
    FIELD(BindingIn, tenant_id, .flags = F_NULLABLE, .format = "uuid"),
};
static const Record in_record = RECORD_AS("ChannelBindingCreate", BindingIn, in_fields,
                                          .camel = true, .check = binding_in_check);

typedef struct BindingWrite {
    Call *k;
    Scope s;
} BindingWrite;

static Err *hours_check(Ctx *c, JsonText hours) {
    json_t *json;
    if (!hours.text.data) return NULL;
    TRY(json_parse(c, hours.text, &json));
    const char *wrong = hours_wrong(json);
    if (!wrong) return NULL;
    Problems p = {.arena = c->arena};
    problem_add(&p, S("hours"), S("format"), "%s", wrong);
    return problems_err(c, &p);
}

static Err *binding_insert(Ctx *c, void *arg) {
    BindingWrite *w = arg;
    const BindingIn *in = w->k->in;
    Binding *b = call_out(w->k);
    Channel channel;
    Assistant assistant;
    TRY(channel_load(c, &w->s, in->channel_id, &channel));
    TRY(assistant_load(c, &w->s, in->assistant_id, &assistant));
    *b = (Binding){.id = uuid_v7(c->arena),
                   .tenant_id = w->s.tenant_id,
                   .channel_id = channel.id,
                   .assistant_id = assistant.id,
                   .languages = in->languages,
                   .hours = in->hours,
                   .priority = in->priority,
                   .created_at = time_now()};
    Err *err = tenant_int(c, &w->s, SQL(SQL_BINDING_ADD),
                          ARGS(V(b->id), V(channel.n), V(assistant.n),
                               V(texts_json(c, b->languages)), V(b->hours), V(b->priority),
                               V(b->created_at)),
                          &b->n.value);
    if (err && err->kind == ERR_CONFLICT)
        return sylion_err(c, ERR_CONFLICT, "BINDING_EXISTS",
                          "This assistant is bound to this channel already.");
    TRY(err);
    return call_settle(c, w->k);
}

static Err *binding_create(Ctx *c, Call *k) {
    const BindingIn *in = k->in;
    BindingWrite w = {.k = k};
    TRY(scope_of(c, k, in->tenant_id, &w.s));
    TRY(scope_require(c, &w.s, MEMBER_ADMIN));
    TRY(hours_check(c, in->hours));
    TRY(db_transaction(c, binding_insert, &w));
    reply_header(k->r, S("Location"),
                 strf(c->arena, "/api/v1/channel-bindings/%.*s", S_ARG(((Binding *)k->out)->id)));
    return NULL;
}

typedef struct BindingsQuery {
    int64_t page, limit;
    Str channel_id, assistant_id;
} BindingsQuery;
static const Field query_fields[] = {
    PAGE_FIELDS(BindingsQuery),
    FIELD(BindingsQuery, channel_id, .flags = F_LOWER, .format = "uuid"),
    FIELD(BindingsQuery, assistant_id, .flags = F_LOWER, .format = "uuid"),
};
static const Record query_record = RECORD(BindingsQuery, query_fields, .camel = true);

static Err *bindings_list(Ctx *c, Call *k) {
    const BindingsQuery *q = k->query;
    Scope s;
    Rows rows;
    int64_t total;
    TRY(scope_of(c, k, (Str){0}, &s));
    Value channel = V(q->channel_id), assistant = V(q->assistant_id);
    TRY(tenant_query(c, &s, SQL(SQL_BINDINGS_PAGE),
                     ARGS(channel, assistant, V(q->limit), V((q->page - 1) * q->limit)),
                     &binding_record, &rows));
    TRY(tenant_int(c, &s, SQL(SQL_BINDINGS_COUNT), ARGS(channel, assistant), &total));
    for (ptrdiff_t i = 0; i < rows.count; i++) ((Binding *)rows.items)[i].tenant_id = s.tenant_id;
    call_list(c, k, rows, total, (Str){0});
    return NULL;
}

static Err *binding_get(Ctx *c, Call *k) {
    Scope s;
    Binding *out = call_out(k);
    TRY(scope_of(c, k, (Str){0}, &s));
    TRY(tenant_found(c, &s, SQL(SQL_BINDING_OF), ARGS(V(str_lower(c->arena, k->params[0]))),
                     &binding_record, "BINDING_NOT_FOUND", out));
    out->tenant_id = s.tenant_id;
    return NULL;
}

static Err *binding_delete(Ctx *c, Call *k) {
    Scope s;
    Binding gone = {0};
    Deleted *out = call_out(k);
    TRY(scope_of(c, k, (Str){0}, &s));
    TRY(scope_require(c, &s, MEMBER_ADMIN));
    *out = (Deleted){str_lower(c->arena, k->params[0]), true};
    return tenant_found(c, &s, SQL(SQL_BINDING_DELETE), ARGS(V(out->id)), &binding_record,
                        "BINDING_NOT_FOUND", &gone);
}

const Route binding_routes[] = {
    {POST, "/api/v1/channel-bindings", binding_create, WRITES, .in = &in_record,
     .out = &binding_record, .status = 201, .idempotent = true, .errors = "400 403 404 409",
     .doc = "Let an assistant answer on a channel"},
    {GET, "/api/v1/channel-bindings", bindings_list, READS, .query = &query_record,
     .out = &binding_record, .out_list = true, .errors = "400 404",
     .doc = "Which assistants answer where, the first to be asked first"},
    {GET, "/api/v1/channel-bindings/{id}", binding_get, READS, .out = &binding_record,
     .errors = "400 404", .doc = "A binding"},
    {DELETE, "/api/v1/channel-bindings/{id}", binding_delete, WRITES, .out = &deleted_record,
     .errors = "400 403 404", .doc = "End a binding"},
    {.path = NULL},
};
