/* SPDX-License-Identifier: Apache-2.0
 * Meilisearch as a back end: where it stands, who writes to it, rebuilds. */
#include "search/meilisearch.h"

#include <stdlib.h>

/* -- Where it stands ----------------------------------------------------------------------------- */

/* Of all that decides what documents and settings look like. */
static Str definition(Ctx *c, const SearchDef *def) {
    Buf b = buf_new(c->arena, 512);
    buf_f(&b, "1 %s %d %d %d", def->name, def->version, def->order_field, def->partition_field);
    for (int i = 0; i < def->field_count; i++)
        buf_f(&b, " %s %d %u", def->fields[i].name, (int)def->fields[i].kind, def->fields[i].use);
    buf_add(&b, meili_index_settings(c, def));
    return strf(c->arena, "%016llx", (unsigned long long)str_hash(buf_str(&b)));
}

/* *covered NOTHING_COVERED: there is nothing to follow from. */
static Err *state_read(Ctx *c, Meili *m, const SearchDef *def, int64_t *covered) {
    int status;
    json_t *answer;
    *covered = NOTHING_COVERED;
    TRY(meili_call(c, m, "GET", strf(c->arena, "/indexes/socle_state/documents/%s", def->name),
                   (Str){0}, &status, &answer));
    if (status == 404) return NULL;
    if (status != 200) return meili_refused(c, "reading its state", status, answer);
    if (str_eq(json_str(json_at(answer, "definition")), definition(c, def)))
        (void)!json_i64(json_at(answer, "covered"), covered);
    return NULL;
}

/* Enqueued only: tasks are done in order, and it tells nothing that is not already so. */
static Err *state_write(Ctx *c, Meili *m, const SearchDef *def, int64_t covered) {
    Str body = strf(c->arena, "[{\"id\":\"%s\",\"covered\":%lld,\"definition\":\"%.*s\"}]",
                    def->name, (long long)covered, S_ARG(definition(c, def)));
    Str path = S("/indexes/socle_state/documents?primaryKey=id");
    return meili_write(c, m, "POST", path, body, &m->state_task);
}

static Err *state_written(Ctx *c, Meili *m) {
    int64_t task = m->state_task;
    m->state_task = -1;
    return task < 0 ? NULL : meili_task_wait(c, m, task, NULL);
}

/* For people: no harm when it fails. */
static void documents_count(Ctx *c, Meili *m, const char *uid) {
    int status;
    int64_t count;
    json_t *answer;
    Err *err = meili_call(c, m, "GET", strf(c->arena, "/indexes/%s/stats", uid), (Str){0}, &status,
                          &answer);
    if (!err && status == 200 && json_i64(json_at(answer, "numberOfDocuments"), &count))
        atomic_store(&m->documents, count);
}

/* -- Opening ------------------------------------------------------------------------------------- */

static char *text_keep(Str text) {
    char *kept = strndup(text.len ? text.data : "", (size_t)text.len);
    if (!kept) abort();
    return kept;
}

/* Nothing is asked yet: Meilisearch may be away. */
static Err *backing_open(Ctx *c, SearchIndex *x, bool keeps, int64_t *covered) {
    const SearchOptions *options = search_options(x);
    Str host = options->meili_host;
    while (str_ends(host, S("/"))) host = str_slice(host, 0, host.len - 1);
    Meili *m = calloc(1, sizeof *m);
    if (!m) abort();
    *m = (Meili){.host = text_keep(host),
                 .key = text_keep(options->meili_key),
                 .stopping = &x->stopping,
                 .state_task = -1};
    x->backing = m;
    *covered = 0;
    Err *err = lease_open(c, &m->lease, x->def->name, search_folder(x, c->arena));
    if (!err || (err->kind == ERR_CONFLICT && (!keeps || search_follows(x)))) return NULL;
    x->backend->close(c, x);
    return err;
}

static void backing_close(Ctx *c, SearchIndex *x) {
    Meili *m = x->backing;
    lease_close(c, &m->lease);
    free(m->host);
    free(m->key);
    free(m);
    x->backing = NULL;
}

static Err *backing_lead(Ctx *c, SearchIndex *x, bool *leads, int64_t *known) {
    Meili *m = x->backing;
    TRY(lease_take(c, &m->lease, leads));
    if (*leads) TRY(state_written(c, m));
    TRY(state_read(c, m, x->def, known));
    bool opened = x->hollow && *known != NOTHING_COVERED;
    if (opened || !*leads) documents_count(c, m, x->def->name);
    return NULL;
}

static Err *backing_apply(Ctx *c, SearchIndex *x, const SearchDocs *docs, int64_t covered) {
    TRY(meili_documents_put(c, x->backing, x->def->name, docs));
    documents_count(c, x->backing, x->def->name);
    return state_write(c, x->backing, x->def, covered);
}

/* -- Rebuilds: another index is filled, which then takes the name ----------------------------------- */

static Str building_uid(Ctx *c, const SearchIndex *x) {
    return strf(c->arena, "%s_building", x->def->name);
}

static Err *index_make(Ctx *c, Meili *m, const char *uid) {
    Str body = strf(c->arena, "{\"uid\":\"%s\",\"primaryKey\":\"key\"}", uid);
    return meili_write_wait(c, m, "POST", S("/indexes"), body, "index_already_exists");
}

static Err *index_drop(Ctx *c, Meili *m, const char *uid) {
    return meili_write_wait(c, m, "DELETE", strf(c->arena, "/indexes/%s", uid), (Str){0},
                            "index_not_found");
}

static Err *backing_build_begin(Ctx *c, SearchIndex *x, void **build) {
    Meili *m = x->backing;
    const char *uid = building_uid(c, x).data;
    bool leads;
    *build = NULL;
    TRY(lease_take(c, &m->lease, &leads));
    if (!leads) FAIL(c, UNAVAILABLE, "another node keeps the index, and builds it");
    if (x->hollow) TRY(state_write(c, m, x->def, NOTHING_COVERED)); /* what is there is of no use */
    TRY(index_drop(c, m, uid));
    TRY(index_make(c, m, uid));
    return meili_write_wait(c, m, "PATCH", strf(c->arena, "/indexes/%s/settings", uid),
                            meili_index_settings(c, x->def), NULL);
}

static Err *backing_build_add(Ctx *c, SearchIndex *x, void *build, const SearchDocs *docs) {
    (void)build;
    return meili_documents_put(c, x->backing, building_uid(c, x).data, docs);
}

static Err *backing_build_finish(Ctx *c, SearchIndex *x, void *build, int64_t covered) {
    Meili *m = x->backing;
    (void)build;
    const char *uid = building_uid(c, x).data;
    Str swap = strf(c->arena, "[{\"indexes\":[\"%s\",\"%s\"]}]", x->def->name, uid);
    TRY(index_make(c, m, x->def->name));
    TRY(meili_write_wait(c, m, "POST", S("/swap-indexes"), swap, NULL));
    TRY(state_write(c, m, x->def, covered));
    TRY(state_written(c, m));
    TRY(index_drop(c, m, uid));
    documents_count(c, m, x->def->name);
    return NULL;
}

static void backing_build_free(Ctx *c, SearchIndex *x, void *build) {
    (void)c;
    (void)x;
    (void)build; /* the next one drops what is left over there */
}

static void backing_stats(SearchIndex *x, Ctx *c, SearchStats *out) {
    (void)c;
    out->documents = atomic_load(&((Meili *)x->backing)->documents);
}

const SearchBackend search_meilisearch_backend = {
    .name = "meilisearch",
    .open = backing_open,
    .close = backing_close,
    .lead = backing_lead,
    .apply = backing_apply,
    .build_begin = backing_build_begin,
    .build_add = backing_build_add,
    .build_finish = backing_build_finish,
    .build_free = backing_build_free,
    .run = meili_run,
    .values = meili_values,
    .stats = backing_stats,
};
