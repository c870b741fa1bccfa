/* SPDX-License-Identifier: Apache-2.0
 * pgvector, the extension of PostgreSQL, as a store of vectors: in the database itself. A place is a table
 * that is made when it is needed, for its columns depend on the index; the states of all are rows of
 * vector_stores. Keywords are arrays of folded texts, numbers the integers that order as they do. All
 * of a filter is known here. Values of filters are one JSON argument, so that a filter of any size is
 * the same few statements.
 *
 * Without an index every vector that the filter lets through is compared: exact. With HNSW
 * (VECTOR_SEARCH=approximate) the index is read on until enough are let through
 * (hnsw.iterative_scan), and may miss some. */
#include <math.h>

#include "core/json.h"
#include "data/db.h"
#include "search/store.h"
#include "search/vectors.h"

enum { HNSW_DIMS_MOST = 2000 };

/* Statements are made at run time, with names of tables and columns that are ours. */
static Sql sql_of(const Buf *b) {
    const char *text = buf_str(b).data;
    return (Sql){text, text};
}

static Sql sql_f(Ctx *c, const char *format, Str place) {
    const char *text = strf(c->arena, format, S_ARG(place)).data;
    return (Sql){text, text};
}

/* -- The state ------------------------------------------------------------------------------------- */

static const char states_there[] = "SELECT count(*) FROM (SELECT to_regclass('vector_stores') AS "
                                   "name) AS t WHERE name IS NOT NULL";
static const char states_make[] =
    "CREATE TABLE IF NOT EXISTS vector_stores (name TEXT PRIMARY KEY, place TEXT NOT NULL, "
    "former TEXT NOT NULL, definition TEXT NOT NULL, covered BIGINT NOT NULL)";
static const char state_read[] = "SELECT place, former, definition, CASE WHEN to_regclass(place) "
                                 "IS NULL THEN -1 ELSE covered END "
                                 "AS covered FROM vector_stores WHERE name = $1";
static const char state_write[] =
    "INSERT INTO vector_stores (name, place, former, definition, covered) VALUES ($1, $2, $3, $4, "
    "$5) "
    "ON CONFLICT (name) DO UPDATE SET place = excluded.place, former = excluded.former, "
    "definition = excluded.definition, covered = excluded.covered";

static const Field state_fields[] = {FIELD(StoreState, place), FIELD(StoreState, former),
                                     FIELD(StoreState, definition), FIELD(StoreState, covered)};
static const Record state_record = RECORD(StoreState, state_fields);
static_assert(NOTHING_COVERED == -1, "state_read says so");

static Err *state_get(Ctx *c, Store *s, StoreState *out) {
    int64_t there;
    bool found;
    TRY(db_int(c, SQL(states_there), NO_ARGS, &there));
    if (!there) return NULL;
    return db_maybe(c, SQL(state_read), ARGS(V(str_c(s->index))), &state_record, out, &found);
}

static Err *state_set(Ctx *c, Store *s, const StoreState *state) {
    return db_exec(c, SQL(state_write),
                   ARGS(V(str_c(s->index)), V(state->place),
                        V(state->former.len ? state->former : S("")), V(state->definition),
                        V(state->covered)),
                   NULL);
}

/* -- Places ---------------------------------------------------------------------------------------- */

static Err *extension_make(Ctx *c) {
    int64_t there;
    TRY(db_int(c, SQL("SELECT count(*) FROM pg_extension WHERE extname = 'vector'"), NO_ARGS,
               &there));
    if (there) return NULL;
    Err *err = db_exec(c, SQL("CREATE EXTENSION IF NOT EXISTS vector"), NO_ARGS, NULL);
    if (!err || err->kind == ERR_CANCELLED) return err;
    return err_wrap(
        c, ERR_NOT_CONFIGURED, __func__, err,
        "VECTOR_STORE=pgvector needs the extension vector in the database: install "
        "pgvector on its server, and let an administrator of it say CREATE EXTENSION vector");
}

static Err *place_drop(Ctx *c, Store *s, Str place) {
    (void)s;
    return db_exec(c, sql_f(c, "DROP TABLE IF EXISTS %.*s", place), NO_ARGS, NULL);
}

static const char *column_type(SearchKind kind) {
    return kind == SEARCH_KEYWORD ? "TEXT[]" : "BIGINT";
}

static Err *place_make(Ctx *c, Store *s, Str place) {
    const SearchDef *def = s->def;
    Buf b = buf_new(c->arena, KIB);
    if (s->approximate && def->dims > HNSW_DIMS_MOST)
        FAIL(c, NOT_CONFIGURED,
             "VECTOR_SEARCH=approximate: pgvector's HNSW takes at most %d dimensions",
             (int)HNSW_DIMS_MOST);
    TRY(extension_make(c));
    TRY(db_exec(c, SQL(states_make), NO_ARGS, NULL));
    TRY(place_drop(c, s, place));
    buf_f(&b, "CREATE TABLE %.*s (key BIGINT PRIMARY KEY, embedding vector(%d) NOT NULL",
          S_ARG(place), def->dims);
    for (int f = 0; f < def->field_count; f++)
        if (store_keeps(def, f)) buf_f(&b, ", f%d %s", f, column_type(def->fields[f].kind));
    buf_byte(&b, ')');
    buf_byte(&b, 0);
    TRY(db_exec(c, sql_of(&b), NO_ARGS, NULL));
    if (def->partition_field < 0) return NULL;
    Str index =
        strf(c->arena, "CREATE INDEX ON %.*s USING gin (f%d)", S_ARG(place), def->partition_field);
    return db_exec(c, SQL(index.data), NO_ARGS, NULL);
}

static Err *place_filled(Ctx *c, Store *s, Str place) {
    if (s->approximate)
        TRY(db_exec(
            c, sql_f(c, "CREATE INDEX ON %.*s USING hnsw (embedding vector_cosine_ops)", place),
            NO_ARGS, NULL));
    return db_exec(c, sql_f(c, "ANALYZE %.*s", place), NO_ARGS, NULL);
}

static Err *place_count(Ctx *c, const Store *s, Str place, int64_t *out) {
    (void)s;
    return db_int(c, sql_f(c, "SELECT count(*) FROM %.*s", place), NO_ARGS, out);
}

/* -- Writing --------------------------------------------------------------------------------------- */

/* As PostgreSQL reads one: [0.5,-0.25]. */
static Str vector_text(Arena *a, const float *unit, int dims) {
    Buf b = buf_new(a, 12 * (ptrdiff_t)dims);
    for (int i = 0; i < dims; i++) buf_f(&b, "%c%.9g", i ? ',' : '[', (double)unit[i]);
    buf_byte(&b, ']');
    return buf_str(&b);
}

static void columns_put(Ctx *c, JsonOut *o, const SearchDocs *d, const DocEntry *e) {
    for (int f = 0; f < d->def->field_count; f++) {
        int64_t number;
        bool any = false;
        if (!store_keeps(d->def, f)) continue;
        if (d->def->fields[f].kind != SEARCH_KEYWORD) {
            if (!store_number(d, e, f, &number)) continue;
            json_key(o, strf(c->arena, "f%d", f));
            json_put_i64(o, number);
            continue;
        }
        for (ptrdiff_t i = e->first; i < e->first + e->count; i++) {
            if (d->values[i].field != f) continue;
            if (!any) {
                json_key(o, strf(c->arena, "f%d", f));
                json_begin(o, '[');
            }
            any = true;
            json_put_str(o, text_fold(c->arena, d->values[i].text));
        }
        if (any) json_end(o, ']');
    }
}

static Sql put_sql(Ctx *c, const SearchDef *def, Str place) {
    Buf b = buf_new(c->arena, KIB);
    buf_f(&b, "INSERT INTO %.*s (key, embedding", S_ARG(place));
    for (int f = 0; f < def->field_count; f++)
        if (store_keeps(def, f)) buf_f(&b, ", f%d", f);
    buf_add(&b, S(") SELECT r.key, r.embedding::vector"));
    for (int f = 0; f < def->field_count; f++) {
        if (!store_keeps(def, f)) continue;
        if (def->fields[f].kind == SEARCH_KEYWORD)
            buf_f(&b,
                  ", CASE WHEN r.f%d IS NOT NULL THEN ARRAY(SELECT "
                  "jsonb_array_elements_text(r.f%d)) END",
                  f, f);
        else
            buf_f(&b, ", r.f%d", f);
    }
    buf_add(&b, S(" FROM jsonb_to_recordset($1::jsonb) AS r(key BIGINT, embedding TEXT"));
    for (int f = 0; f < def->field_count; f++)
        if (store_keeps(def, f))
            buf_f(&b, ", f%d %s", f, def->fields[f].kind == SEARCH_KEYWORD ? "JSONB" : "BIGINT");
    buf_add(&b, S(") ON CONFLICT (key) DO UPDATE SET embedding = excluded.embedding"));
    for (int f = 0; f < def->field_count; f++)
        if (store_keeps(def, f)) buf_f(&b, ", f%d = excluded.f%d", f, f);
    buf_byte(&b, 0);
    return sql_of(&b);
}

static Err *rows_put(Ctx *c, Store *s, Str place, const SearchDocs *d, const DocEntry **entries,
                     ptrdiff_t count) {
    Buf put = buf_new(c->arena, 64 * KIB), gone = buf_new(c->arena, KIB);
    float *room = arena_array(c->arena, float, vector_floats(d->def->dims));
    JsonOut p = json_out(&put), g = json_out(&gone);
    ptrdiff_t puts = 0;
    json_begin(&p, '[');
    json_begin(&g, '[');
    for (ptrdiff_t i = 0; i < count; i++) {
        const DocEntry *e = entries[i];
        const float *unit = store_vector(d, e, room);
        if (!unit) {
            json_put_i64(&g, e->key);
            continue;
        }
        json_begin(&p, '{');
        json_key(&p, S("key"));
        json_put_i64(&p, e->key);
        json_key(&p, S("embedding"));
        json_put_str(&p, vector_text(c->arena, unit, d->def->dims));
        columns_put(c, &p, d, e);
        json_end(&p, '}');
        puts++;
    }
    json_end(&p, ']');
    json_end(&g, ']');
    if (puts > 0)
        TRY(db_exec(c, put_sql(c, s->def, place), ARGS(V((JsonText){buf_str(&put)})), NULL));
    if (puts == count) return NULL;
    return db_exec(c,
                   sql_f(c,
                         "DELETE FROM %.*s WHERE key IN (SELECT value::bigint FROM "
                         "jsonb_array_elements_text($1::jsonb) AS value)",
                         place),
                   ARGS(V((JsonText){buf_str(&gone)})), NULL);
}

/* -- Filters --------------------------------------------------------------------------------------- */

/* A condition's text, and its values as elements of the JSON argument $2. */
typedef struct Where {
    Buf *sql;
    JsonOut values;
    int count;
} Where;

static void value_put(Where *w, const char *cast) {
    buf_f(w->sql, "($2::jsonb->>%d)%s", w->count++, cast);
}

static void text_put(Where *w, Str value) {
    json_put_str(&w->values, value);
    value_put(w, "");
}

/* Of numbers the open ends are bounds as any others: no value is there. */
static void range_put(Where *w, const SearchFilter *f) {
    buf_f(w->sql, "coalesce(f%d >= ", f->field);
    json_put_i64(&w->values, f->low);
    value_put(w, "::bigint");
    if (f->high != INT64_MAX) {
        buf_f(w->sql, " AND f%d < ", f->field);
        json_put_i64(&w->values, f->high);
        value_put(w, "::bigint");
    }
    buf_add(w->sql, S(", false)"));
}

static void any_value_put(Where *w, const SearchFilter *f) {
    bool starts = f->kind == FILTER_STARTS;
    buf_f(w->sql, "EXISTS (SELECT 1 FROM unnest(f%d) AS value WHERE %s", f->field,
          starts ? "starts_with(value, " : "strpos(value, ");
    text_put(w, f->text);
    buf_add(w->sql, starts ? S("))") : S(") > 0)"));
}

static void where_put(Where *w, const SearchFilter *f);

/* a AND b AND c without a parenthesis for each: PostgreSQL's stack is not without end. */
static void chain_put(Where *w, const SearchFilter *f, FilterKind kind) {
    if (f->kind != kind) {
        where_put(w, f);
        return;
    }
    chain_put(w, f->left, kind);
    buf_add(w->sql, kind == FILTER_AND ? S(" AND ") : S(" OR "));
    chain_put(w, f->right, kind);
}

static void where_put(Where *w, const SearchFilter *f) {
    switch (f->kind) {
    case FILTER_AND:
    case FILTER_OR:
        buf_byte(w->sql, '(');
        chain_put(w, f, f->kind);
        buf_byte(w->sql, ')');
        break;
    case FILTER_NOT:
        buf_add(w->sql, S("NOT "));
        where_put(w, f->left);
        break;
    case FILTER_NONE: buf_add(w->sql, S("false")); break;
    case FILTER_IS:
        buf_f(w->sql, "coalesce(f%d @> ARRAY[", f->field);
        text_put(w, f->text);
        buf_add(w->sql, S("], false)"));
        break;
    case FILTER_RANGE: range_put(w, f); break;
    case FILTER_EXISTS: buf_f(w->sql, "f%d IS NOT NULL", f->field); break;
    case FILTER_CONTAINS:
    case FILTER_STARTS: any_value_put(w, f); break;
    }
}

/* $2: values; the rest of the statement is the caller's. */
static Str wheres_put(Ctx *c, const Store *s, Buf *sql, const StoreAsk *a) {
    Buf values = buf_new(c->arena, KIB);
    Where w = {.sql = sql, .values = json_out(&values)};
    int part = s->def->partition_field;
    json_begin(&w.values, '[');
    buf_add(sql, S(" WHERE $2::jsonb IS NOT NULL")); /* an argument must stand in the text */
    if (part >= 0) {                                 /* bare, for the index */
        buf_f(sql, " AND f%d @> ARRAY[", part);
        text_put(&w, text_fold(c->arena, a->partition));
        buf_byte(sql, ']');
    }
    if (a->filter) {
        buf_add(sql, S(" AND "));
        where_put(&w, a->filter);
    }
    if (a->only) {
        Buf keys = buf_new(c->arena, KIB);
        for (ptrdiff_t i = 0; i < a->only_count; i++)
            buf_f(&keys, "%c%lld", i ? ',' : '{', (long long)a->only[i]);
        buf_byte(&keys, '}');
        buf_add(sql, S(" AND key = ANY("));
        text_put(&w, buf_str(&keys));
        buf_add(sql, S("::bigint[])"));
    }
    json_end(&w.values, ']');
    return buf_str(&values);
}

/* -- Asking ---------------------------------------------------------------------------------------- */

typedef struct Found {
    int64_t key, total;
    double similarity;
} Found;
static const Field found_fields[] = {FIELD(Found, key), FIELD(Found, total),
                                     FIELD(Found, similarity)};
static const Record found_record = RECORD(Found, found_fields);

typedef struct Asked {
    Sql sql;
    Args args;
    Rows rows;
} Asked;

static Err *approximate_in(Ctx *c, void *arg) {
    Asked *q = arg;
    TRY(db_exec(c, SQL("SET LOCAL hnsw.iterative_scan = strict_order"), NO_ARGS, NULL));
    TRY(db_exec(c, SQL("SET LOCAL hnsw.ef_search = 200"), NO_ARGS, NULL));
    return db_query(c, q->sql, q->args, &found_record, &q->rows);
}

static Str nearest_sql(Ctx *c, const Store *s, Str place, const StoreAsk *a, Str *values) {
    Buf b = buf_new(c->arena, 2 * KIB);
    buf_f(&b,
          "SELECT key, similarity%s FROM (SELECT key, 1 - (embedding <=> $1::text::vector) "
          "AS similarity FROM %.*s",
          s->approximate ? "" : ", count(*) OVER () AS total", S_ARG(place));
    *values = wheres_put(c, s, &b, a);
    if (s->approximate) buf_add(&b, S(" ORDER BY embedding <=> $1::text::vector LIMIT $4"));
    buf_add(&b, S(") AS near WHERE similarity >= $3 ORDER BY similarity DESC, key LIMIT $4"));
    buf_byte(&b, 0);
    return (Str){b.data, b.len - 1};
}

static void rows_take(Ctx *c, const Rows *rows, StoreAnswer *out) {
    const Found *found = rows->items;
    out->keys = arena_array(c->arena, int64_t, rows->count + 1);
    out->similarities = arena_array(c->arena, double, rows->count + 1);
    out->count = rows->count;
    for (ptrdiff_t i = 0; i < rows->count; i++) {
        out->keys[i] = found[i].key;
        out->similarities[i] = fmin(1, fmax(-1, found[i].similarity));
        out->total = found[i].total;
    }
    store_sort(c->arena, out);
}

static Err *rows_nearest(Ctx *c, const Store *s, Str place, const StoreAsk *a, StoreAnswer *out) {
    Str values, text = nearest_sql(c, s, place, a, &values);
    double threshold = isfinite(a->threshold) ? a->threshold : -2;
    Asked q = {.sql = SQL(text.data),
               .args = ARGS(V(vector_text(c->arena, a->unit, s->def->dims)), V((JsonText){values}),
                            V(threshold), V(a->want + 1))};
    if (s->approximate)
        TRY(db_transaction(c, approximate_in, &q));
    else
        TRY(db_query(c, q.sql, q.args, &found_record, &q.rows));
    rows_take(c, &q.rows, out);
    out->all = out->count <= a->want;
    if (!out->all) out->count = a->want;
    if (s->approximate) out->total = -1;
    return NULL;
}

static Err *look(Ctx *c, const Store *s) {
    int64_t there;
    (void)s;
    TRY(db_int(c, SQL("SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'"),
               NO_ARGS, &there));
    if (there) return NULL;
    FAIL(c, NOT_CONFIGURED, "the server of the database has no extension vector (pgvector)");
}

const StoreKind pgvector_store = {
    .state_get = state_get,
    .state_set = state_set,
    .make = place_make,
    .drop = place_drop,
    .put = rows_put,
    .filled = place_filled,
    .nearest = rows_nearest,
    .count = place_count,
    .look = look,
};
