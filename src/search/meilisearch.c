/* SPDX-License-Identifier: Apache-2.0
 * Bringing documents to Meilisearch: every write there is a task, which is waited for, so that what
 * search_sync has waited for is found. */
#include "search/meilisearch.h"

#include <stdlib.h>

#include "core/map.h"
#include "net/client.h"
#include "search/facets.h"

enum {
    CALL_MS = 30000,
    BODY_BYTES = 16 * 1024 * 1024, /* of one request; Meilisearch takes 100 MB */
    LOOK_FIRST_MS = 2,
    LOOK_MOST_MS = 250,
    VALUES_MOST = 1000
};

/* -- Calls --------------------------------------------------------------------------------------- */

Err *meili_call(Ctx *c, const Meili *m, const char *method, Str path, Str body, int *status,
                json_t **out) {
    Header headers[] = {{S("Content-Type"), S("application/json")},
                        {S("Authorization"), strf(c->arena, "Bearer %s", m->key)}};
    HttpCall call = {.method = method,
                     .url = strf(c->arena, "%s%.*s", m->host, S_ARG(path)),
                     .headers = headers,
                     .header_count = *m->key ? 2 : 1,
                     .body = body,
                     .timeout_ms = CALL_MS,
                     .retries = 2}; /* all that is asked here may be asked twice */
    HttpAnswer answer;
    if (out) *out = NULL;
    Err *err = http_call(c, &call, &answer);
    if (err && err->kind == ERR_UPSTREAM)
        return err_wrap(c, ERR_UNAVAILABLE, __func__, err, "Meilisearch cannot be reached");
    TRY(err);
    if (answer.status >= 500 || answer.status == 429)
        FAIL(c, UNAVAILABLE, "Meilisearch answers %d", answer.status);
    if (answer.status == 401 || answer.status == 403)
        FAIL(c, NOT_CONFIGURED, "Meilisearch refuses the key (MEILI_MASTER_KEY)");
    *status = answer.status;
    if (out && answer.body.len > 0) TRY(json_parse(c, answer.body, out));
    return NULL;
}

Err *meili_refused(Ctx *c, const char *what, int status, const json_t *answer) {
    Str said = json_str(json_at(answer, "message"));
    return err_new(c, ERR_UPSTREAM, __func__, "Meilisearch, %s: status %d, %.*s", what, status,
                   S_ARG(said));
}

static Str path_of(Ctx *c, const char *uid, const char *rest) {
    return strf(c->arena, "/indexes/%s%s", uid, rest);
}

/* A write: sent, then waited for until its task has ended. A task that failed with the error code
 * `allowed` (may be NULL) is good. */
static Err *write_wait(Ctx *c, const Meili *m, const char *method, Str path, Str body,
                       const char *allowed) {
    int status;
    json_t *answer;
    int64_t task, pause = LOOK_FIRST_MS;
    TRY(meili_call(c, m, method, path, body, &status, &answer));
    if (status != 202 || !json_i64(json_at(answer, "taskUid"), &task))
        return meili_refused(c, "a write", status, answer);
    Str look = strf(c->arena, "/tasks/%lld", (long long)task);
    for (;; pause = min_i64(2 * pause, LOOK_MOST_MS)) {
        TRY(meili_call(c, m, "GET", look, (Str){0}, &status, &answer));
        if (status != 200) return meili_refused(c, "looking at a task", status, answer);
        Str state = json_str(json_at(answer, "status"));
        if (str_eq(state, S("succeeded"))) return NULL;
        if (str_eq(state, S("failed")) || str_eq(state, S("canceled"))) {
            Str code = json_str(json_path(answer, "error.code"));
            if (allowed && str_eq(code, str_c(allowed))) return NULL;
            return meili_refused(c, "a task", status, json_at(answer, "error"));
        }
        TRY(sleep_ms(c, pause));
    }
}

/* -- Documents ----------------------------------------------------------------------------------- */

const char *meili_unit(SearchUnit unit) {
    static const char *const names[] = {NULL, "__hour", "__day", "__week", "__month", "__year"};
    return names[unit];
}

static Str name_with(Ctx *c, const char *name, const char *more) {
    return strf(c->arena, "%s%s", name, more);
}

static void texts_write(Ctx *c, JsonOut *o, const DocValue *values, ptrdiff_t count, int field,
                        bool folded) {
    json_begin(o, '[');
    for (ptrdiff_t i = 0; i < count; i++)
        if (values[i].field == field)
            json_put_str(o, folded ? text_fold(c->arena, values[i].text) : values[i].text);
    json_end(o, ']');
}

static void number_write(Ctx *c, JsonOut *o, const SearchField *f, int64_t number) {
    json_key(o, str_c(f->name));
    if (f->kind == SEARCH_REAL)
        json_put_f64(o, real_of_number(number));
    else
        json_put_i64(o, number);
    for (SearchUnit u = SEARCH_HOUR; f->kind == SEARCH_TIME && u <= SEARCH_YEAR; u++) {
        json_key(o, name_with(c, f->name, meili_unit(u)));
        json_put_i64(o, unit_start(u, number));
    }
}

static void document_write(Ctx *c, JsonOut *o, const SearchDocs *d, const DocEntry *e) {
    const DocValue *values = d->values + e->first;
    json_begin(o, '{');
    json_key(o, S("key"));
    json_put_i64(o, e->key);
    for (int field = 0; field < d->def->field_count; field++) {
        const SearchField *f = &d->def->fields[field];
        ptrdiff_t last = e->count - 1;
        while (last >= 0 && values[last].field != field) last--;
        if (last < 0) continue;
        if (f->kind != SEARCH_TEXT && f->kind != SEARCH_KEYWORD) {
            number_write(c, o, f, values[last].number);
            continue;
        }
        json_key(o, str_c(f->name));
        texts_write(c, o, values, e->count, field, false);
        if (f->kind != SEARCH_KEYWORD) continue;
        json_key(o, name_with(c, f->name, "__is"));
        texts_write(c, o, values, e->count, field, true);
    }
    json_end(o, '}');
}

/* The last word on each key, in order; the others are left out. */
static const DocEntry **entries_last(Ctx *c, const SearchDocs *d, ptrdiff_t *count) {
    const DocEntry **last = arena_array(c->arena, const DocEntry *, d->count);
    Map seen = {.arena = c->arena};
    ptrdiff_t at = d->count;
    for (ptrdiff_t i = d->count - 1; i >= 0; i--) {
        Str key = strf(c->arena, "%lld", (long long)d->entries[i].key);
        if (!map_set(&seen, key, &seen)) last[--at] = &d->entries[i];
    }
    *count = d->count - at;
    return last + at;
}

static Err *documents_put(Ctx *c, const Meili *m, const char *uid, const SearchDocs *d) {
    ptrdiff_t count;
    const DocEntry **entries = entries_last(c, d, &count);
    Str put = path_of(c, uid, "/documents?primaryKey=key");
    for (ptrdiff_t i = 0; i < count;) {
        Buf b = buf_new(c->arena, 64 * KIB);
        JsonOut o = json_out(&b);
        ptrdiff_t written = 0;
        json_begin(&o, '[');
        for (; i < count && b.len < BODY_BYTES; i++)
            if (!entries[i]->gone) {
                document_write(c, &o, d, entries[i]);
                written++;
            }
        json_end(&o, ']');
        if (written > 0) TRY(write_wait(c, m, "POST", put, buf_str(&b), NULL));
    }
    Buf b = buf_new(c->arena, KIB);
    JsonOut o = json_out(&b);
    ptrdiff_t gone = 0;
    json_begin(&o, '[');
    for (ptrdiff_t i = 0; i < count; i++)
        if (entries[i]->gone) {
            json_put_i64(&o, entries[i]->key);
            gone++;
        }
    json_end(&o, ']');
    if (gone == 0) return NULL;
    return write_wait(c, m, "POST", path_of(c, uid, "/documents/delete-batch"), buf_str(&b), NULL);
}

/* -- Where it stands ----------------------------------------------------------------------------- */

/* Of all that decides what documents and settings look like. */
static Str definition(Ctx *c, const SearchDef *def) {
    Buf b = buf_new(c->arena, 512);
    buf_f(&b, "1 %s %d %d %d", def->name, def->version, def->order_field, def->partition_field);
    for (int i = 0; i < def->field_count; i++)
        buf_f(&b, " %s %d %u", def->fields[i].name, (int)def->fields[i].kind, def->fields[i].use);
    return strf(c->arena, "%016llx", (unsigned long long)str_hash(buf_str(&b)));
}

static Err *state_read(Ctx *c, const Meili *m, const SearchDef *def, int64_t *covered) {
    int status;
    json_t *answer;
    *covered = 0;
    TRY(meili_call(c, m, "GET", strf(c->arena, "/indexes/socle_state/documents/%s", def->name),
                   (Str){0}, &status, &answer));
    if (status == 404) return NULL;
    if (status != 200) return meili_refused(c, "reading its state", status, answer);
    if (str_eq(json_str(json_at(answer, "definition")), definition(c, def)))
        (void)!json_i64(json_at(answer, "covered"), covered);
    return NULL;
}

static Err *state_write(Ctx *c, const Meili *m, const SearchDef *def, int64_t covered) {
    Str body = strf(c->arena, "[{\"id\":\"%s\",\"covered\":%lld,\"definition\":\"%.*s\"}]",
                    def->name, (long long)covered, S_ARG(definition(c, def)));
    return write_wait(c, m, "POST", S("/indexes/socle_state/documents?primaryKey=id"), body, NULL);
}

static Err *documents_count(Ctx *c, Meili *m, const char *uid) {
    int status;
    int64_t count;
    json_t *answer;
    TRY(meili_call(c, m, "GET", path_of(c, uid, "/stats"), (Str){0}, &status, &answer));
    if (status == 200 && json_i64(json_at(answer, "numberOfDocuments"), &count))
        atomic_store(&m->documents, count);
    return NULL;
}

/* -- Settings ------------------------------------------------------------------------------------ */

static void names_write(Ctx *c, JsonOut *o, const SearchDef *def, const char *key, unsigned use) {
    json_key(o, str_c(key));
    json_begin(o, '[');
    for (int i = 0; i < def->field_count; i++) {
        const SearchField *f = &def->fields[i];
        if (!(f->use & use)) continue;
        json_put_str(o, str_c(f->name));
        if (use != SEARCH_FILTER) continue;
        if (f->kind == SEARCH_KEYWORD) json_put_str(o, name_with(c, f->name, "__is"));
        for (SearchUnit u = SEARCH_HOUR; f->kind == SEARCH_TIME && u <= SEARCH_YEAR; u++)
            json_put_str(o, name_with(c, f->name, meili_unit(u)));
    }
    if (use == SEARCH_FILTER) json_put_str(o, S("key"));
    if (use == SEARCH_SORT) json_put_str(o, S("key"));
    json_end(o, ']');
}

static void rules_write(Ctx *c, JsonOut *o, const SearchDef *def) {
    static const char *const names[] = {
        [SEARCH_BY_WORDS] = "words",           [SEARCH_BY_TYPO] = "typo",
        [SEARCH_BY_PROXIMITY] = "proximity",   [SEARCH_BY_ATTRIBUTE] = "attributeRank",
        [SEARCH_BY_POSITION] = "wordPosition", [SEARCH_BY_SORT] = "sort",
        [SEARCH_BY_EXACTNESS] = "exactness"};
    static const uint8_t usual[] = {SEARCH_BY_WORDS,
                                    SEARCH_BY_TYPO,
                                    SEARCH_BY_PROXIMITY,
                                    SEARCH_BY_ATTRIBUTE,
                                    SEARCH_BY_SORT,
                                    SEARCH_BY_EXACTNESS,
                                    0};
    const uint8_t *rules = def->tuning.rules[0] ? def->tuning.rules : usual;
    json_key(o, S("rankingRules"));
    json_begin(o, '[');
    for (int i = 0; i < SEARCH_RULES_MAX && rules[i]; i++) json_put_str(o, str_c(names[rules[i]]));
    bool by_field = def->order_field >= 0; /* ties as in our engine */
    if (by_field) json_put_str(o, name_with(c, def->fields[def->order_field].name, ":desc"));
    json_put_str(o, by_field ? S("key:desc") : S("key:asc"));
    json_end(o, ']');
}

static void words_write(JsonOut *o, const char *key, const char *const *words) {
    json_key(o, str_c(key));
    json_begin(o, '[');
    for (; words && *words; words++) json_put_str(o, str_c(*words));
    json_end(o, ']');
}

static Str settings_text(Ctx *c, const SearchDef *def) {
    Buf b = buf_new(c->arena, KIB);
    JsonOut o = json_out(&b);
    const SearchTuning *t = &def->tuning;
    int one = t->one_typo_from ? t->one_typo_from : 5,
        two = t->two_typos_from ? t->two_typos_from : 9;
    json_begin(&o, '{');
    names_write(c, &o, def, "searchableAttributes", SEARCH_FOR);
    names_write(c, &o, def, "filterableAttributes", SEARCH_FILTER);
    names_write(c, &o, def, "sortableAttributes", SEARCH_SORT);
    rules_write(c, &o, def);
    words_write(&o, "stopWords", t->stop_words);
    json_key(&o, S("typoTolerance"));
    json_begin(&o, '{');
    json_key(&o, S("minWordSizeForTypos"));
    json_put_raw(&o, strf(c->arena, "{\"oneTypo\":%d,\"twoTypos\":%d}", one < 0 ? 255 : one,
                          two < 0 ? 255 : two));
    words_write(&o, "disableOnWords", t->exact_words);
    names_write(c, &o, def, "disableOnAttributes", SEARCH_EXACT);
    json_end(&o, '}');
    json_key(&o, S("faceting"));
    json_put_raw(&o, strf(c->arena,
                          "{\"maxValuesPerFacet\":%d,\"sortFacetValuesBy\":{\"*\":"
                          "\"count\"}}",
                          (int)VALUES_MOST));
    json_key(&o, S("pagination"));
    json_put_raw(&o, S("{\"maxTotalHits\":1000000000}"));
    json_end(&o, '}');
    return buf_str(&b);
}

/* -- The back end -------------------------------------------------------------------------------- */

static Err *backing_open(Ctx *c, SearchIndex *x, bool keeps, int64_t *covered) {
    (void)keeps;
    Meili *m = calloc(1, sizeof *m);
    if (!m) abort();
    x->backing = m;
    const SearchOptions *options = search_options(x);
    Str host = options->meili_host;
    while (str_ends(host, S("/"))) host = str_slice(host, 0, host.len - 1);
    m->host = strndup(host.len ? host.data : "", (size_t)host.len);
    m->key = strndup(options->meili_key.len ? options->meili_key.data : "",
                     (size_t)options->meili_key.len);
    if (!m->host || !m->key) abort();
    Err *err = state_read(c, m, x->def, covered);
    return err ? err : documents_count(c, m, x->def->name);
}

static void backing_close(Ctx *c, SearchIndex *x) {
    (void)c;
    Meili *m = x->backing;
    if (!m) return;
    free(m->host);
    free(m->key);
    free(m);
    x->backing = NULL;
}

static Err *backing_apply(Ctx *c, SearchIndex *x, const SearchDocs *docs, int64_t covered) {
    TRY(documents_put(c, x->backing, x->def->name, docs));
    TRY(state_write(c, x->backing, x->def, covered));
    return documents_count(c, x->backing, x->def->name);
}

static Err *index_make(Ctx *c, const Meili *m, const char *uid) {
    Str body = strf(c->arena, "{\"uid\":\"%s\",\"primaryKey\":\"key\"}", uid);
    return write_wait(c, m, "POST", S("/indexes"), body, "index_already_exists");
}

/* A rebuild fills another index, which then takes the name. */
static Err *backing_build_begin(Ctx *c, SearchIndex *x, void **build) {
    const Meili *m = x->backing;
    char *uid = strdup(name_with(c, x->def->name, "_building").data);
    if (!uid) abort();
    *build = uid;
    TRY(write_wait(c, m, "DELETE", path_of(c, uid, ""), (Str){0}, "index_not_found"));
    TRY(index_make(c, m, uid));
    return write_wait(c, m, "PATCH", path_of(c, uid, "/settings"), settings_text(c, x->def), NULL);
}

static Err *backing_build_add(Ctx *c, SearchIndex *x, void *build, const SearchDocs *docs) {
    return documents_put(c, x->backing, build, docs);
}

static Err *backing_build_finish(Ctx *c, SearchIndex *x, void *build, int64_t covered) {
    Meili *m = x->backing;
    const char *uid = build;
    Str swap = strf(c->arena, "[{\"indexes\":[\"%s\",\"%s\"]}]", x->def->name, uid);
    TRY(index_make(c, m, x->def->name));
    TRY(write_wait(c, m, "POST", S("/swap-indexes"), swap, NULL));
    TRY(write_wait(c, m, "DELETE", path_of(c, uid, ""), (Str){0}, "index_not_found"));
    TRY(state_write(c, m, x->def, covered));
    return documents_count(c, m, x->def->name);
}

static void backing_build_free(Ctx *c, SearchIndex *x, void *build) {
    (void)c;
    (void)x;
    free(build);
}

static void backing_stats(SearchIndex *x, Ctx *c, SearchStats *out) {
    (void)c;
    out->documents = atomic_load(&((Meili *)x->backing)->documents);
}

const SearchBackend search_meilisearch_backend = {
    .name = "meilisearch",
    .open = backing_open,
    .close = backing_close,
    .apply = backing_apply,
    .build_begin = backing_build_begin,
    .build_add = backing_build_add,
    .build_finish = backing_build_finish,
    .build_free = backing_build_free,
    .run = meili_run,
    .values = meili_values,
    .stats = backing_stats,
};
