/* SPDX-License-Identifier: Apache-2.0
 * Lists of debates, by SQL that is put together from the conditions that are asked for, all of them
 * constant texts.
 *
 * What is compared folded is found first, as a set of values or keys: the database folds nothing,
 * and so both engines find the same. */
#include "products/robian/debate_list.h"

#include "api/base_settings.h"
#include "products/robian/debate.h"
#include "products/robian/debates_sql.h"
#include "products/robian/search_index.h"
#include "search/text.h"

enum { CONDITIONS_MAX = 12 };

const char *const debate_sorts[] = {
    "date",       "title",          "created_at",   "updated_at", "duration_minutes", "view_count",
    "start_time", "download_count", "stream_count", "type",       "status",           "commission",
    NULL};

/* -- conditions ------------------------------------------------------------------------------- */

typedef struct Where {
    Ctx *c;
    Buf text;
    Value values[CONDITIONS_MAX];
    ptrdiff_t count;
} Where;

/* `condition` has one question mark, where its argument goes. */
static void where_add(Where *w, Sql condition, Value value) {
    assert(w->count < CONDITIONS_MAX);
    const char *text = db_engine(w->c) == ENGINE_SQLITE ? condition.sqlite : condition.postgres;
    w->values[w->count++] = value;
    Str rest, before;
    rest = str_cut(str_c(text), '?', &before);
    buf_f(&w->text, "%s%.*s$%td%.*s", w->count == 1 ? " WHERE " : " AND ", S_ARG(before), w->count,
          S_ARG(rest));
}

typedef struct NameRow {
    Str name;
} NameRow;
static const Field name_fields[] = {FIELD(NameRow, name)};
static const Record name_record = RECORD(NameRow, name_fields);

/* Of the names that a statement gives, those in which `part` is contained; as a JSON list. */
static Err *names_with(Ctx *c, Sql names, Str part, JsonText *out) {
    Rows rows;
    TRY(db_scan(c, names, NO_ARGS, &name_record, &rows));
    Str folded = text_fold(c->arena, part);
    const NameRow *all = rows.items;
    Buf b = buf_new(c->arena, 256);
    buf_byte(&b, '[');
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        if (str_find(text_fold(c->arena, all[i].name), folded) < 0) continue;
        if (b.len > 1) buf_byte(&b, ',');
        buf_json(&b, all[i].name);
    }
    buf_byte(&b, ']');
    out->text = buf_str(&b);
    return NULL;
}

/* The answer to a name may be any number of commissions, none included. */
static Err *commission_add(Where *w, Str part) {
    JsonText names;
    if (str_is_empty(str_trim(part))) return NULL;
    TRY(names_with(w->c, SQL(SQL_DEBATES_COMMISSIONS), part, &names));
    where_add(w,
              SQL2("commission IN (SELECT value FROM json_each(?))",
                   "commission IN (SELECT jsonb_array_elements_text(?))"),
              V(names));
    return NULL;
}

static Err *found_add(Where *w, const DebateFilter *f) {
    DebateNarrow narrow = {.speaker = f->speaker, .from = TIME_NULL, .before = TIME_NULL};
    JsonText keys;
    if (str_is_empty(str_trim(f->q)) && str_is_empty(str_trim(f->speaker))) return NULL;
    TRY(debates_matching(w->c, f->q, &narrow, &keys));
    where_add(w,
              SQL2("n IN (SELECT value FROM json_each(?))",
                   "n IN (SELECT CAST(jsonb_array_elements_text(?) AS bigint))"),
              V(keys));
    return NULL;
}

static Err *where_make(Ctx *c, const DebateFilter *f, Where *w) {
    *w = (Where){.c = c, .text = buf_new(c->arena, 256)};
    if (f->type.data) where_add(w, SQL("type = ?"), V(f->type));
    if (f->status.data) where_add(w, SQL("status = ?"), V(f->status));
    if (!time_is_null(f->from)) where_add(w, SQL("date >= ?"), V(f->from));
    if (!time_is_null(f->to)) where_add(w, SQL("date <= ?"), V(f->to));
    if (f->has_audio.set) where_add(w, SQL("has_audio = ?"), V(f->has_audio.value));
    TRY(commission_add(w, f->commission));
    return found_add(w, f);
}

/* -- the list --------------------------------------------------------------------------------- */

static bool sort_known(Str name) {
    for (const char *const *sort = debate_sorts; *sort; sort++)
        if (str_eq(str_c(*sort), name)) return true;
    return false;
}

/* Of equal ones the order is that of their keys: a page never repeats another's. */
static const char *list_sql(Ctx *c, const Where *w, DebateOrder order) {
    Str by = order.by.data ? order.by : str_c(debate_sorts[0]);
    assert(sort_known(by));
    const char *direction = order.ascending ? "ASC" : "DESC";
    return str_cstr(c->arena, strf(c->arena,
                                   "SELECT * FROM debates%.*s ORDER BY %.*s %s NULLS LAST, n %s "
                                   "LIMIT $%td OFFSET $%td",
                                   S_ARG(buf_str(&w->text)), S_ARG(by), direction, direction,
                                   w->count + 1, w->count + 2));
}

typedef struct Total {
    int64_t total;
} Total;
static const Field total_fields[] = {FIELD(Total, total)};
static const Record total_record = RECORD(Total, total_fields);

/* Off the loop: who counts a hundred thousand debates, or leaves out so many, keeps nobody waiting. */
Err *debate_list(Ctx *c, const DebateFilter *filter, DebateOrder order, int64_t limit,
                 int64_t offset, Rows *out, int64_t *total) {
    assert(limit > 0 && offset >= 0);
    Where w;
    TRY(where_make(c, filter, &w));
    const char *count_sql =
        str_cstr(c->arena, strf(c->arena, "SELECT count(*) AS total FROM debates%.*s",
                                S_ARG(buf_str(&w.text))));
    const char *rows_sql = list_sql(c, &w, order);
    Rows counted;
    TRY(db_scan(c, SQL(count_sql), (Args){w.values, w.count}, &total_record, &counted));
    *total = ((const Total *)counted.items)->total;
    Value values[CONDITIONS_MAX + 2];
    memcpy(values, w.values, sizeof w.values);
    values[w.count] = V(limit);
    values[w.count + 1] = V(offset);
    return db_scan(c, SQL(rows_sql), (Args){values, w.count + 2}, &debate_row_record, out);
}

/* -- the cache -------------------------------------------------------------------------------- */

typedef struct Version {
    int64_t changed, removed;
} Version;
static const Field version_fields[] = {FIELD(Version, changed), FIELD(Version, removed)};
static const Record version_record = RECORD(Version, version_fields);

/* The version is a part of the key: the cache of this process hears of what others write by Redis
 * only, and not at all from a command on SQLite. */
Err *debate_list_cached(Ctx *c, Str key, CacheFill fn, void *arg, Str *out) {
    Version v = {0};
    TRY(db_one(c, SQL(SQL_DEBATES_VERSION), NO_ARGS, &version_record, &v));
    Str full = strf(c->arena, ROBIAN_CACHE_LISTS "%lld/%lld/%.*s", (long long)v.changed,
                    (long long)v.removed, S_ARG(key));
    return cache_fill(c, app_cache(c), full, outside.cache_ttl_debates_s * 1000, 0, fn, arg, out);
}
