/* SPDX-License-Identifier: Apache-2.0
 * Documents that no job is about any more though they need one: those of another embedding model,
 * which are indexed anew; and those whose job ended without a word (its process killed at every try,
 * the database away at the last one), which are marked failed, so that somebody sees it. */
#include "ai/embed.h"
#include "products/sylion/documents_sql.h"
#include "products/sylion/knowledge.h"
#include "products/sylion/system_sql.h"

typedef struct StaleRow {
    Id n, tenant_n;
    int64_t revision;
} StaleRow;
static const Field stale_fields[] = {FIELD(StaleRow, n), FIELD(StaleRow, tenant_n),
                                     FIELD(StaleRow, revision)};
static const Record stale_record = RECORD(StaleRow, stale_fields);
enum { STALE_STEP = 100 };

static Err *stale_ask(Ctx *c, void *arg) {
    const StaleRow *row = arg;
    Scope s;
    ptrdiff_t changed;
    TRY(scope_of_tenant(c, row->tenant_n, &s));
    TRY(tenant_exec(c, &s, SQL(SQL_DOCUMENT_AGAIN),
                    ARGS(V(row->n), V(row->revision), V(S("indexing")),
                         V(S("It is indexed anew for another embedding model; until then it is "
                             "found by its words.")),
                         V(time_now())),
                    &changed));
    if (changed == 0) return NULL;
    long long n = row->n.value, revision = row->revision + 1;
    return job_add(c, INDEX_JOB,
                   strf(c->arena, "{\"tenant\":%lld,\"document\":%lld,\"revision\":%lld}",
                        (long long)row->tenant_n.value, n, revision),
                   (JobOptions){.unique_key = strf(c->arena, "%lld:%lld", n, revision),
                                .max_attempts = INDEX_TRIES,
                                .priority = -1},
                   NULL);
}

static Err *stale_find(Ctx *c, Job *job) {
    Str model = embed_model(c->arena);
    int64_t after = 0, done = 0;
    for (ptrdiff_t count = STALE_STEP; count == STALE_STEP;) {
        Rows rows;
        TRY(system_query(c, SQL(SQL_SYSTEM_STALE_DOCUMENTS),
                         ARGS(V(model), V(after), V((int64_t)STALE_STEP)), &stale_record, &rows));
        StaleRow *row = rows.items;
        count = rows.count;
        for (ptrdiff_t i = 0; i < count; i++) {
            TRY(db_transaction(c, stale_ask, &row[i]));
            after = row[i].n.value;
        }
        done += count;
        TRY(job_progress(c, job, done, done, S("documents of another model")));
    }
    return NULL;
}

static Err *stuck_mark(Ctx *c, void *arg) {
    const StaleRow *row = arg;
    Scope s;
    Document d;
    bool found;
    ptrdiff_t changed;
    TRY(scope_of_tenant(c, row->tenant_n, &s));
    TRY(tenant_exec(c, &s, SQL(SQL_DOCUMENT_STATE),
                    ARGS(V(row->n), V(row->revision), V(S("failed")),
                         V(S("Indexing it was broken off. Try again.")), V(time_now())),
                    &changed));
    TRY(tenant_maybe(c, &s, SQL(SQL_DOCUMENT_BY_N), ARGS(V(row->n)), &document_row_record, &d,
                     &found));
    if (changed == 0 || !found) return NULL;
    d.tenant_id = s.tenant_id;
    return tenant_tell(c, &s, "document.updated", &document_record, &d);
}

static Err *stuck_find(Ctx *c) {
    Rows rows;
    TRY(system_query(c, SQL(SQL_SYSTEM_STUCK_DOCUMENTS), ARGS(V((int64_t)STALE_STEP)),
                     &stale_record, &rows));
    for (ptrdiff_t i = 0; i < rows.count; i++)
        TRY(db_transaction(c, stuck_mark, (StaleRow *)rows.items + i));
    return NULL;
}

Err *index_stale_run(Ctx *c, Job *job) {
    TRY(stuck_find(c));
    return stale_find(c, job);
}
