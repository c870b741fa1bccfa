/* SPDX-License-Identifier: Apache-2.0
 * Documents of the index as clients of Meilisearch's routes read them; narrowing a search down; the
 * keys that a search finds, for lists made by SQL. */
#include "core/map.h"
#include "data/db.h"
#include "products/robian/search_index.h"
#include "products/robian/search_sql.h"
#include "search/text.h"

JsonText keys_json(Arena *arena, const int64_t *keys, ptrdiff_t count) {
    Buf b = buf_new(arena, 16 * count + 2);
    buf_byte(&b, '[');
    for (ptrdiff_t i = 0; i < count; i++) {
        if (i > 0) buf_byte(&b, ',');
        buf_i64(&b, keys[i]);
    }
    buf_byte(&b, ']');
    return (JsonText){buf_str(&b)};
}

/* -- The collection ---------------------------------------------------------------------------- */

#define DOCUMENT_FIELDS                                                                            \
    FIELD(DebateDocument, kind, .doc = "debate, speech"), FIELD(DebateDocument, debate_id),        \
        FIELD(DebateDocument, title, .doc = "The debate's"), FIELD(DebateDocument, type),          \
        FIELD(DebateDocument, date), FIELD(DebateDocument, commission, .flags = F_NULLABLE),       \
        FIELD(DebateDocument, has_audio), FIELD(DebateDocument, description, .flags = F_NULLABLE), \
        FIELD(DebateDocument, speakers), FIELD(DebateDocument, tags),                              \
        FIELD(DebateDocument, text, .flags = F_NULLABLE),                                          \
        FIELD(DebateDocument, speaker, .flags = F_NULLABLE),                                       \
        FIELD(DebateDocument, speaker_id, .flags = F_NULLABLE),                                    \
        FIELD(DebateDocument, role, .flags = F_NULLABLE), FIELD(DebateDocument, start_ms),         \
        FIELD(DebateDocument, end_ms), FIELD(DebateDocument, time_source, .flags = F_NULLABLE)
static const Field document_fields[] = {
    FIELD(DebateDocument, id, .doc = "Of a speech: the debate's, _ and its position"),
    DOCUMENT_FIELDS,
};
static const Record document_record = RECORD(DebateDocument, document_fields);
static const Field document_row_fields[] = {FIELD(DebateDocument, n),
                                            FIELD(DebateDocument, position), DOCUMENT_FIELDS};
static const Record document_row_record =
    RECORD_AS("DebateDocumentRow", DebateDocument, document_row_fields);

/* Rows come in any order. */
static Err *documents_load(Ctx *c, const int64_t *keys, ptrdiff_t count, void *documents,
                           bool *found) {
    DebateDocument *out = documents;
    Rows rows;
    JsonText list = keys_json(c->arena, keys, count);
    TRY(db_query(c, SQL2(SQL_SEARCH_LOAD_SQLITE, SQL_SEARCH_LOAD_POSTGRES), ARGS(V(list)),
                 &document_row_record, &rows));
    DebateDocument *row = rows.items;
    Map by_key = {.arena = c->arena};
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        Str id = row[i].debate_id;
        row[i].id = row[i].position < 0
                        ? id
                        : strf(c->arena, "%.*s_%lld", S_ARG(id), (long long)row[i].position);
        map_set(&by_key, str_of((const char *)&row[i].n, sizeof row[i].n), &row[i]);
    }
    for (ptrdiff_t i = 0; i < count; i++) {
        const DebateDocument *one =
            map_get(&by_key, str_of((const char *)&keys[i], sizeof keys[i]));
        found[i] = one != NULL;
        if (one) out[i] = *one;
    }
    return NULL;
}

static Err *document_key(Ctx *c, Str id, int64_t *key) {
    Str debate, rest = str_cut(id, '_', &debate);
    int64_t position;
    if (str_is_null(rest)) return db_int(c, SQL(SQL_SEARCH_KEY), ARGS(V(id)), key);
    if (!str_to_i64(rest, &position)) FAIL(c, NOT_FOUND, "There is no such document.");
    return db_int(c, SQL(SQL_SEARCH_SPEECH_KEY), ARGS(V(debate), V(position)), key);
}

const Collection debates_collection = {
    .def = &debates_index,
    .primary_key = "id",
    .record = &document_record,
    .load = documents_load,
    .key = document_key,
};

/* -- Narrowing --------------------------------------------------------------------------------- */

enum { NAMES_MAX = 200 };

/* Are these words, whole, in the name? Both folded. */
static bool name_has(Str name, Str words) {
    for (ptrdiff_t at = 0;;) {
        ptrdiff_t found = str_find(str_slice(name, at, name.len), words);
        if (found < 0) return false;
        ptrdiff_t from = at + found, to = from + words.len;
        if ((from == 0 || name.data[from - 1] == ' ' || name.data[from - 1] == '-') &&
            (to == name.len || name.data[to] == ' ' || name.data[to] == '-'))
            return true;
        at = from + 1;
    }
}

/* Or the field is this name; where there is no such, one that has these words. */
static Err *or_named(Ctx *c, int field, Str words, SearchFilter **out) {
    SearchRequest all = SEARCH_REQUEST;
    SearchValue *values;
    ptrdiff_t count, kept = 0;
    SearchIndex *index = search_find(c->app, S("debates"));
    TRY(search_values(c, index, field, words, &all, NAMES_MAX, &values, &count));
    Str *names = arena_array(c->arena, Str, count + 1), folded = text_fold(c->arena, words);
    bool exact = false;
    for (ptrdiff_t i = 0; i < count && !exact; i++) {
        Str name = text_fold(c->arena, values[i].value);
        exact = str_eq(name, folded);
        if (exact) kept = 0;
        if (exact || name_has(name, folded)) names[kept++] = values[i].value;
    }
    *out = search_filter_or(c->arena, *out, search_filter_in(c->arena, field, names, kept));
    return NULL;
}

static Err *speaker_filter(Ctx *c, Str speaker, SearchFilter **out) {
    *out = search_filter_is(c->arena, IN_SPEAKER_ID, speaker);
    TRY(or_named(c, IN_SPEAKER, speaker, out));
    return or_named(c, IN_SPEAKERS, speaker, out);
}

Err *debates_filter(Ctx *c, const DebateNarrow *narrow, SearchFilter **out) {
    Arena *a = c->arena;
    SearchFilter *f = NULL, *some = NULL;
    if (narrow->type.len > 0) f = search_filter_is(a, IN_TYPE, narrow->type);
    if (narrow->commission.len > 0) {
        TRY(or_named(c, IN_COMMISSION, narrow->commission, &some));
        f = search_filter_and(a, f, some);
    }
    if (narrow->has_audio.set) {
        int64_t has = narrow->has_audio.value;
        f = search_filter_and(a, f, search_filter_range(a, IN_HAS_AUDIO, has, has + 1));
    }
    if (!time_is_null(narrow->from) || !time_is_null(narrow->before)) {
        int64_t high = time_is_null(narrow->before) ? INT64_MAX : narrow->before.us;
        f = search_filter_and(a, f, search_filter_range(a, IN_DATE, narrow->from.us, high));
    }
    if (narrow->speaker.len > 0) {
        TRY(speaker_filter(c, narrow->speaker, &some));
        f = search_filter_and(a, f, some);
    }
    *out = f;
    return NULL;
}

/* -- For lists --------------------------------------------------------------------------------- */

enum { MATCHING_MAX = 100000 };

typedef struct Group {
    int64_t key, n;
} Group;
static const Field group_fields[] = {FIELD(Group, n)};
static const Record group_record = RECORD(Group, group_fields);

Err *debates_matching(Ctx *c, Str q, const DebateNarrow *narrow, JsonText *keys) {
    SearchIndex *index = search_find(c->app, S("debates"));
    SearchRequest request = SEARCH_REQUEST;
    SearchResult result;
    Rows rows;
    request.q = q;
    request.operators = true;
    request.distinct_field = IN_DEBATE_ID;
    request.limit = MATCHING_MAX;
    TRY(search_sync(c, index));
    if (narrow) TRY(debates_filter(c, narrow, &request.filter));
    TRY(search_run(c, index, &request, &result));
    int64_t *n = arena_array(c->arena, int64_t, result.count + 1);
    for (ptrdiff_t i = 0; i < result.count; i++) n[i] = result.hits[i].key;
    JsonText hits = keys_json(c->arena, n, result.count);
    TRY(db_query(c, SQL2(SQL_SEARCH_GROUPS_SQLITE, SQL_SEARCH_GROUPS_POSTGRES), ARGS(V(hits)),
                 &group_record, &rows));
    for (ptrdiff_t i = 0; i < rows.count; i++) n[i] = ((Group *)rows.items)[i].n;
    *keys = keys_json(c->arena, n, rows.count);
    return NULL;
}

/* -- Clean-up ---------------------------------------------------------------------------------- */

enum { KEEP_DAYS = 90 };

static Err *tombstones_purge(Ctx *c, void *arg) {
    const Time *before = arg;
    TRY(db_exec(c, SQL(SQL_DEBATES_FORGOTTEN), ARGS(V(*before)), NULL));
    return db_exec(c, SQL(SQL_DEBATES_TOMBSTONES_PURGE), ARGS(V(*before)), NULL);
}

Err *tombstones_purge_run(Ctx *c, Job *job) {
    Time before = time_add(time_now(), -KEEP_DAYS * US_PER_DAY);
    (void)job;
    return db_transaction(c, tombstones_purge, &before);
}
