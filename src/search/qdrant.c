/* SPDX-License-Identifier: Apache-2.0
 * Qdrant as a store of vectors: REST of 1.19 (only /points/query asks for what is near; it is there since
 * 1.10). A collection is a place; a point's id is a document's key, its payload has the fields that
 * filters may name, keywords folded. Every write waits until it is done there (wait=true). The states
 * of all our indexes are points of the collection `socle_state`. */
#include <math.h>

#include "core/json.h"
#include "net/client.h"
#include "search/store.h"
#include "search/vectors.h"

enum { EXACT_INT = 53, NEST_MOST = 24, TIES = 64 };

/* -- Calling --------------------------------------------------------------------------------------- */

static Err *answer_read(Ctx *c, const HttpAnswer *a, int *status, json_t **out) {
    *status = a->status;
    *out = NULL;
    if (a->status == 401 || a->status == 403)
        FAIL(c, UNAVAILABLE, "Qdrant refuses the key (QDRANT_API_KEY)");
    if (a->status >= 500 || a->status == 408 || a->status == 429)
        FAIL(c, UNAVAILABLE, "Qdrant answers %d", a->status);
    if (a->body.len == 0) return NULL;
    Err *err = json_parse(c, a->body, out);
    if (!err && json_is_object(*out) && json_at(*out, "status")) return NULL;
    if (!err) FAIL(c, UNAVAILABLE, "What answers at QDRANT_URL is no Qdrant");
    return err_wrap(c, ERR_UNAVAILABLE, __func__, err, "What answers at QDRANT_URL is no Qdrant");
}

static Err *call(Ctx *c, const Store *s, const char *method, Str path, Str body, int *status,
                 json_t **out) {
    Header headers[] = {{S("Content-Type"), S("application/json")}, {S("api-key"), str_c(s->key)}};
    HttpCall one = {.method = method,
                    .url = strf(c->arena, "%s%.*s", s->host, S_ARG(path)),
                    .headers = headers,
                    .header_count = *s->key ? 2 : 1,
                    .body = body,
                    .timeout_ms = STORE_CALL_MS};
    HttpAnswer answer;
    Err *err = http_call(c, &one, &answer);
    if (err && err->kind == ERR_CANCELLED) return err;
    if (err) return err_wrap(c, ERR_UNAVAILABLE, __func__, err, "Qdrant cannot be reached");
    return answer_read(c, &answer, status, out);
}

static Err *refused(Ctx *c, const char *what, int status, const json_t *answer) {
    Str said = json_str(json_at(json_at(answer, "status"), "error"));
    return err_new(c, ERR_UPSTREAM, __func__, "Qdrant, %s: status %d, %.*s", what, status,
                   S_ARG(str_utf8_cut(said, 300)));
}

/* A question: its result. *out NULL: not there. */
static Err *ask(Ctx *c, const Store *s, const char *what, const char *method, Str path, Str body,
                json_t **out) {
    int status;
    json_t *answer;
    TRY(call(c, s, method, path, body, &status, &answer));
    *out = status == 200 ? json_at(answer, "result") : NULL;
    return status == 200 || status == 404 ? NULL : refused(c, what, status, answer);
}

/* A change of points, done when this returns. */
static Err *change(Ctx *c, const Store *s, const char *what, const char *method, Str path,
                   Str body) {
    int status;
    json_t *answer;
    TRY(call(c, s, method, path, body, &status, &answer));
    if (status != 200) return refused(c, what, status, answer);
    Str became = json_str(json_at(json_at(answer, "result"), "status"));
    if (str_eq(became, S("completed"))) return NULL;
    FAIL(c, UNAVAILABLE, "Qdrant has not finished a write in time: it is %.*s",
         S_ARG(str_utf8_cut(became, 40)));
}

static Str path_at(Ctx *c, Str place, const char *what) {
    return strf(c->arena, "/collections/%.*s%s", S_ARG(place), what);
}

static void pair_put(JsonOut *o, const char *key, Str value) {
    json_key(o, str_c(key));
    json_put_str(o, value);
}

static void int_put(JsonOut *o, const char *key, int64_t value) {
    json_key(o, str_c(key));
    json_put_i64(o, value);
}

/* -- Places ---------------------------------------------------------------------------------------- */

static Err *place_drop(Ctx *c, Store *s, Str place) {
    json_t *result;
    return ask(c, s, "dropping a collection", "DELETE", path_at(c, place, ""), (Str){0}, &result);
}

static Err *collection_make(Ctx *c, const Store *s, Str place, int dims, const char *distance) {
    int status;
    json_t *answer;
    Str body = strf(c->arena, "{\"vectors\":{\"size\":%d,\"distance\":\"%s\"}}", dims, distance);
    TRY(call(c, s, "PUT", path_at(c, place, ""), body, &status, &answer));
    return status == 200 ? NULL : refused(c, "making a collection", status, answer);
}

static const char *schema_of(SearchKind kind) {
    return kind == SEARCH_KEYWORD ? "keyword" : kind == SEARCH_REAL ? "float" : "integer";
}

static Err *place_make(Ctx *c, Store *s, Str place) {
    TRY(place_drop(c, s, place));
    TRY(collection_make(c, s, place, s->def->dims, "Cosine"));
    for (int i = 0; i < s->def->field_count; i++) {
        const SearchField *f = &s->def->fields[i];
        if (!store_keeps(s->def, i)) continue;
        Str body = strf(c->arena, "{\"field_name\":\"%s\",\"field_schema\":\"%s\"}", f->name,
                        schema_of(f->kind));
        TRY(change(c, s, "an index of a field", "PUT", path_at(c, place, "/index?wait=true"),
                   body));
    }
    return NULL;
}

static Err *place_filled(Ctx *c, Store *s, Str place) {
    (void)c;
    (void)s;
    (void)place;
    return NULL;
}

static Err *place_count(Ctx *c, const Store *s, Str place, int64_t *out) {
    json_t *result;
    *out = 0;
    TRY(ask(c, s, "counting", "POST", path_at(c, place, "/points/count"), S("{\"exact\":true}"),
            &result));
    (void)!json_i64(json_at(result, "count"), out);
    return NULL;
}

/* -- The state ------------------------------------------------------------------------------------- */

static const char states[] = "socle_state";

static int64_t state_id(const Store *s) { return (int64_t)(str_hash(str_c(s->index)) >> 12); }

static Err *place_there(Ctx *c, const Store *s, Str place, bool *there) {
    json_t *result;
    TRY(ask(c, s, "looking for a collection", "GET", path_at(c, place, "/exists"), (Str){0},
            &result));
    *there = json_is_true(json_at(result, "exists"));
    return NULL;
}

static Err *state_get(Ctx *c, Store *s, StoreState *out) {
    json_t *result;
    bool there = false;
    Str body = strf(c->arena, "{\"ids\":[%lld],\"with_payload\":true,\"with_vector\":false}",
                    (long long)state_id(s));
    TRY(ask(c, s, "reading the state", "POST", path_at(c, str_c(states), "/points"), body,
            &result));
    const json_t *payload = json_at(json_array_get(result, 0), "payload");
    if (!payload || !str_eq(json_str(json_at(payload, "index")), str_c(s->index))) return NULL;
    out->place = json_str(json_at(payload, "place"));
    out->former = json_str(json_at(payload, "former"));
    out->definition = json_str(json_at(payload, "definition"));
    if (out->place.len > 0) TRY(place_there(c, s, out->place, &there));
    if (there) (void)!json_i64(json_at(payload, "covered"), &out->covered);
    return NULL;
}

static Err *state_put(Ctx *c, const Store *s, const StoreState *state, int *status, json_t **out) {
    Buf b = buf_new(c->arena, 512);
    JsonOut o = json_out(&b);
    buf_add(&b, S("{\"points\":["));
    o = json_out(&b);
    json_begin(&o, '{');
    int_put(&o, "id", state_id(s));
    json_key(&o, S("vector"));
    json_put_raw(&o, S("[1.0]"));
    json_key(&o, S("payload"));
    json_begin(&o, '{');
    pair_put(&o, "index", str_c(s->index));
    pair_put(&o, "place", state->place);
    pair_put(&o, "former", state->former.len ? state->former : S(""));
    pair_put(&o, "definition", state->definition);
    int_put(&o, "covered", state->covered);
    json_end(&o, '}');
    json_end(&o, '}');
    buf_add(&b, S("]}"));
    return call(c, s, "PUT", path_at(c, str_c(states), "/points?wait=true"), buf_str(&b), status,
                out);
}

static Err *state_set(Ctx *c, Store *s, const StoreState *state) {
    int status;
    json_t *answer;
    TRY(state_put(c, s, state, &status, &answer));
    if (status == 404) {
        Err *err = collection_make(c, s, str_c(states), 1, "Dot");
        (void)err; /* there already, or told by what follows */
        TRY(state_put(c, s, state, &status, &answer));
    }
    bool done = str_eq(json_str(json_at(json_at(answer, "result"), "status")), S("completed"));
    return status == 200 && done ? NULL : refused(c, "writing the state", status, answer);
}

/* -- Writing --------------------------------------------------------------------------------------- */

static void vector_put(JsonOut *o, const float *unit, int dims) {
    char text[32];
    json_begin(o, '[');
    for (int i = 0; i < dims; i++) {
        int length = snprintf(text, sizeof text, "%.9g", (double)unit[i]);
        json_put_raw(o, str_of(text, length));
    }
    json_end(o, ']');
}

static void payload_put(Ctx *c, JsonOut *o, const SearchDocs *d, const DocEntry *e) {
    json_begin(o, '{');
    for (int f = 0; f < d->def->field_count; f++) {
        const SearchField *field = &d->def->fields[f];
        int64_t number;
        if (!store_keeps(d->def, f)) continue;
        if (field->kind != SEARCH_KEYWORD) {
            if (!store_number(d, e, f, &number)) continue;
            json_key(o, str_c(field->name));
            if (field->kind == SEARCH_REAL)
                json_put_f64(o, real_of_number(number));
            else
                json_put_i64(o, number);
            continue;
        }
        json_key(o, str_c(field->name));
        json_begin(o, '[');
        for (ptrdiff_t i = e->first; i < e->first + e->count; i++)
            if (d->values[i].field == f) json_put_str(o, text_fold(c->arena, d->values[i].text));
        json_end(o, ']');
    }
    json_end(o, '}');
}

static Err *points_put(Ctx *c, Store *s, Str place, const SearchDocs *d, const DocEntry **entries,
                       ptrdiff_t count) {
    Buf put = buf_new(c->arena, 64 * KIB), gone = buf_new(c->arena, KIB);
    float *room = arena_array(c->arena, float, vector_floats(d->def->dims));
    JsonOut p = json_out(&put), g = json_out(&gone);
    ptrdiff_t puts = 0;
    json_begin(&p, '{');
    json_key(&p, S("points"));
    json_begin(&p, '[');
    json_begin(&g, '{');
    json_key(&g, S("points"));
    json_begin(&g, '[');
    for (ptrdiff_t i = 0; i < count; i++) {
        const DocEntry *e = entries[i];
        const float *unit = store_vector(d, e, room);
        if (e->key < 0) FAIL(c, INTERNAL, "Qdrant takes no negative keys");
        if (!unit) {
            json_put_i64(&g, e->key);
            continue;
        }
        json_begin(&p, '{');
        int_put(&p, "id", e->key);
        json_key(&p, S("vector"));
        vector_put(&p, unit, d->def->dims);
        json_key(&p, S("payload"));
        payload_put(c, &p, d, e);
        json_end(&p, '}');
        puts++;
    }
    json_end(&p, ']');
    json_end(&p, '}');
    json_end(&g, ']');
    json_end(&g, '}');
    if (puts > 0)
        TRY(change(c, s, "writing points", "PUT", path_at(c, place, "/points?wait=true"),
                   buf_str(&put)));
    if (puts == count) return NULL;
    return change(c, s, "deleting points", "POST", path_at(c, place, "/points/delete?wait=true"),
                  buf_str(&gone));
}

/* -- Filters --------------------------------------------------------------------------------------- */

/* Numbers are compared as doubles there: a bound that is one exactly compares right with any. */
static bool bound_exact(SearchKind kind, int64_t number, int64_t open) {
    int64_t most = (int64_t)1 << EXACT_INT;
    return kind == SEARCH_REAL || number == open || (number >= -most && number <= most);
}

/* Does Qdrant know all of it? */
static bool is_known(const SearchDef *def, const SearchFilter *f, FilterKind within, int nest) {
    SearchKind kind = def->fields[f->field].kind;
    if (f->kind != within) nest++;
    if (nest > NEST_MOST) return false;
    switch (f->kind) {
    case FILTER_AND:
    case FILTER_OR:
        return is_known(def, f->left, f->kind, nest) && is_known(def, f->right, f->kind, nest);
    case FILTER_NOT: return is_known(def, f->left, FILTER_NOT, nest + 1);
    case FILTER_NONE: return true;
    case FILTER_IS:
    case FILTER_EXISTS: return store_keeps(def, f->field);
    case FILTER_RANGE:
        return store_keeps(def, f->field) && bound_exact(kind, f->low, NO_NUMBER + 1) &&
               bound_exact(kind, f->high, INT64_MAX);
    case FILTER_CONTAINS:
    case FILTER_STARTS: return false;
    }
    return false;
}

static void condition_put(JsonOut *o, const SearchDef *def, const SearchFilter *f);

static void chain_put(JsonOut *o, const SearchDef *def, const SearchFilter *f, FilterKind kind) {
    if (f->kind != kind) {
        condition_put(o, def, f);
        return;
    }
    chain_put(o, def, f->left, kind);
    chain_put(o, def, f->right, kind);
}

static void exists_put(JsonOut *o, const SearchField *field) {
    json_begin(o, '{');
    json_key(o, S("must_not"));
    json_begin(o, '[');
    json_begin(o, '{');
    json_key(o, S("is_empty"));
    json_begin(o, '{');
    pair_put(o, "key", str_c(field->name));
    json_end(o, '}');
    json_end(o, '}');
    json_end(o, ']');
    json_end(o, '}');
}

static void bound_put(JsonOut *o, const SearchField *field, const char *name, int64_t number) {
    json_key(o, str_c(name));
    if (field->kind == SEARCH_REAL)
        json_put_f64(o, real_of_number(number));
    else
        json_put_i64(o, number);
}

static bool is_bound(const SearchField *f, int64_t number, int64_t open) {
    return number != open && (f->kind != SEARCH_REAL || isfinite(real_of_number(number)));
}

static void range_put(JsonOut *o, const SearchField *field, const SearchFilter *f) {
    bool low = is_bound(field, f->low, NO_NUMBER + 1), high = is_bound(field, f->high, INT64_MAX);
    if (!low && !high) {
        exists_put(o, field);
        return;
    }
    json_begin(o, '{');
    pair_put(o, "key", str_c(field->name));
    json_key(o, S("range"));
    json_begin(o, '{');
    if (low) bound_put(o, field, "gte", f->low);
    if (high) bound_put(o, field, "lt", f->high);
    json_end(o, '}');
    json_end(o, '}');
}

static void match_put(JsonOut *o, const SearchField *field, Str folded) {
    json_begin(o, '{');
    pair_put(o, "key", str_c(field->name));
    json_key(o, S("match"));
    json_begin(o, '{');
    pair_put(o, "value", folded);
    json_end(o, '}');
    json_end(o, '}');
}

/* At most NEST_MOST levels deep; chains of AND and OR are one. */
static void condition_put(JsonOut *o, const SearchDef *def, const SearchFilter *f) {
    const SearchField *field = &def->fields[f->field];
    switch (f->kind) {
    case FILTER_AND:
    case FILTER_OR:
    case FILTER_NOT:
        json_begin(o, '{');
        json_key(o, f->kind == FILTER_AND  ? S("must")
                    : f->kind == FILTER_OR ? S("should")
                                           : S("must_not"));
        json_begin(o, '[');
        if (f->kind == FILTER_NOT)
            condition_put(o, def, f->left);
        else
            chain_put(o, def, f, f->kind);
        json_end(o, ']');
        json_end(o, '}');
        break;
    case FILTER_NONE: json_put_raw(o, S("{\"has_id\":[]}")); break;
    case FILTER_IS: match_put(o, field, f->text); break;
    case FILTER_RANGE: range_put(o, field, f); break;
    case FILTER_EXISTS: exists_put(o, field); break;
    case FILTER_CONTAINS:
    case FILTER_STARTS: assert(!"is_known has looked"); break;
    }
}

/* What of an AND is known; the engine looks at the rest. */
static void known_put(JsonOut *o, const SearchDef *def, const SearchFilter *f, bool *loose) {
    if (is_known(def, f, FILTER_AND, 0)) {
        condition_put(o, def, f);
    } else if (f->kind == FILTER_AND) {
        known_put(o, def, f->left, loose);
        known_put(o, def, f->right, loose);
    } else {
        *loose = true;
    }
}

static void filter_put(Ctx *c, JsonOut *o, const Store *s, const StoreAsk *a, bool *loose) {
    const SearchDef *def = s->def;
    *loose = false;
    json_key(o, S("filter"));
    json_begin(o, '{');
    json_key(o, S("must"));
    json_begin(o, '[');
    if (def->partition_field >= 0)
        match_put(o, &def->fields[def->partition_field], text_fold(c->arena, a->partition));
    if (a->filter) known_put(o, def, a->filter, loose);
    if (a->only) {
        json_begin(o, '{');
        json_key(o, S("has_id"));
        json_begin(o, '[');
        for (ptrdiff_t i = 0; i < a->only_count; i++) json_put_i64(o, a->only[i]);
        json_end(o, ']');
        json_end(o, '}');
    }
    json_end(o, ']');
    json_end(o, '}');
}

/* -- Asking ---------------------------------------------------------------------------------------- */

static Str query_text(Ctx *c, const Store *s, const StoreAsk *a, int64_t limit, bool *loose) {
    Buf b = buf_new(c->arena, 16 * KIB);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    json_key(&o, S("query"));
    vector_put(&o, a->unit, s->def->dims);
    filter_put(c, &o, s, a, loose);
    int_put(&o, "limit", limit);
    json_key(&o, S("with_payload"));
    json_put_bool(&o, false);
    json_key(&o, S("with_vector"));
    json_put_bool(&o, false);
    json_key(&o, S("params"));
    json_put_raw(&o, s->approximate ? S("{\"exact\":false}") : S("{\"exact\":true}"));
    if (isfinite(a->threshold)) {
        json_key(&o, S("score_threshold"));
        json_put_f64(&o, a->threshold);
    }
    json_end(&o, '}');
    return buf_str(&b);
}

static Err *points_take(Ctx *c, const json_t *points, StoreAnswer *out) {
    size_t count = json_array_size(points);
    out->keys = arena_array(c->arena, int64_t, (ptrdiff_t)count + 1);
    out->similarities = arena_array(c->arena, double, (ptrdiff_t)count + 1);
    out->count = (ptrdiff_t)count;
    for (size_t i = 0; i < count; i++) {
        const json_t *point = json_array_get(points, i);
        double *score = &out->similarities[i];
        if (!json_i64(json_at(point, "id"), &out->keys[i]) ||
            !json_f64(json_at(point, "score"), score))
            FAIL(c, UNAVAILABLE, "Qdrant answers points without id or score");
        *score = fmin(1, fmax(-1, *score));
    }
    store_sort(c->arena, out);
    return NULL;
}

static Err *total_ask(Ctx *c, const Store *s, Str place, const StoreAsk *a, StoreAnswer *out) {
    Buf b = buf_new(c->arena, KIB);
    JsonOut o = json_out(&b);
    json_t *result;
    bool loose;
    json_begin(&o, '{');
    filter_put(c, &o, s, a, &loose);
    json_key(&o, S("exact"));
    json_put_bool(&o, true);
    json_end(&o, '}');
    TRY(ask(c, s, "counting", "POST", path_at(c, place, "/points/count"), buf_str(&b), &result));
    if (!json_i64(json_at(result, "count"), &out->total)) out->total = -1;
    return NULL;
}

/* Of equals at the end of what is wanted those with the least keys: all of them are looked at. */
static Err *points_nearest(Ctx *c, const Store *s, Str place, const StoreAsk *a, StoreAnswer *out) {
    for (int64_t limit = a->want + 1;; limit = 2 * limit + TIES) {
        json_t *result;
        CtxMark mark = ctx_mark(c);
        Str body = query_text(c, s, a, limit, &out->loose);
        TRY(ask(c, s, "a search", "POST", path_at(c, place, "/points/query"), body, &result));
        if (!result) FAIL(c, UNAVAILABLE, "Qdrant does not have the collection any more");
        TRY(points_take(c, json_at(result, "points"), out));
        bool all = out->count < limit;
        double last = out->count > a->want ? out->similarities[a->want - 1] : -2;
        if (all || last > out->similarities[out->count - 1] || limit > 2 * STORE_DEEP) break;
        ctx_release(c, mark);
    }
    out->all = out->count <= a->want;
    if (!out->all) out->count = a->want;
    if (out->all || !a->total || isfinite(a->threshold)) return NULL;
    return total_ask(c, s, place, a, out);
}

static Err *look(Ctx *c, const Store *s) {
    bool there;
    return place_there(c, s, str_c(states), &there);
}

const StoreKind qdrant_store = {
    .state_get = state_get,
    .state_set = state_set,
    .make = place_make,
    .drop = place_drop,
    .put = points_put,
    .filled = place_filled,
    .nearest = points_nearest,
    .count = place_count,
    .look = look,
};
