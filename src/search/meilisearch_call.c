/* SPDX-License-Identifier: Apache-2.0
 * Calling Meilisearch. Every write there is a task, which is waited for, so that what search_sync has
 * waited for is found. */
#include "net/client.h"
#include "search/meilisearch.h"

enum { LOOK_FIRST_MS = 2, LOOK_MOST_MS = 250 };

static Err *answer_read(Ctx *c, const HttpAnswer *a, int *status, json_t **out) {
    *status = a->status;
    if (a->status == 401 || a->status == 403)
        FAIL(c, UNAVAILABLE, "Meilisearch refuses the key (MEILI_MASTER_KEY)");
    if (a->status >= 500 || a->status == 408 || a->status == 429)
        FAIL(c, UNAVAILABLE, "Meilisearch answers %d", a->status);
    *out = NULL;
    if (a->body.len == 0) return NULL;
    Err *err = json_parse(c, a->body, out);
    if (!err) return NULL;
    return err_wrap(c, ERR_UNAVAILABLE, __func__, err,
                    "What answers at MEILI_HOST is no Meilisearch");
}

static Err *call(Ctx *c, const Meili *m, const HttpCall *how, Str path, int *status, json_t **out) {
    Header headers[] = {{S("Content-Type"), S("application/json")},
                        {S("Authorization"), strf(c->arena, "Bearer %s", m->key)}};
    HttpCall one = *how;
    one.url = strf(c->arena, "%s%.*s", m->host, S_ARG(path));
    one.headers = headers;
    one.header_count = *m->key ? 2 : 1;
    one.timeout_ms = MEILI_CALL_MS;
    HttpAnswer answer;
    Err *err = http_call(c, &one, &answer);
    if (err && err->kind == ERR_CANCELLED) return err;
    if (err) return err_wrap(c, ERR_UNAVAILABLE, __func__, err, "Meilisearch cannot be reached");
    return answer_read(c, &answer, status, out);
}

Err *meili_call(Ctx *c, const Meili *m, const char *method, Str path, Str body, int *status,
                json_t **out) {
    HttpCall how = {.method = method, .body = body, .retries = 1};
    return call(c, m, &how, path, status, out);
}

Err *meili_refused(Ctx *c, const char *what, int status, const json_t *answer) {
    Str said = json_str(json_at(answer, "message"));
    return err_new(c, ERR_UPSTREAM, __func__, "Meilisearch, %s: status %d, %.*s", what, status,
                   S_ARG(str_utf8_cut(said, 300)));
}

/* -- Tasks --------------------------------------------------------------------------------------- */

/* One look. *ended: good, or failed with the code `allowed`. */
static Err *task_look(Ctx *c, const Meili *m, int64_t task, const char *allowed, bool *ended) {
    int status;
    json_t *answer;
    TRY(meili_call(c, m, "GET", strf(c->arena, "/tasks/%lld", (long long)task), (Str){0}, &status,
                   &answer));
    if (status != 200) return meili_refused(c, "looking at a task", status, answer);
    Str state = json_str(json_at(answer, "status"));
    *ended = str_eq(state, S("succeeded"));
    if (!str_eq(state, S("failed")) && !str_eq(state, S("canceled"))) return NULL;
    const json_t *error = json_at(answer, "error");
    *ended = allowed && str_eq(json_str(json_at(error, "code")), str_c(allowed));
    return *ended ? NULL : meili_refused(c, "a task", status, error);
}

Err *meili_task_wait(Ctx *c, Meili *m, int64_t task, const char *allowed) {
    bool ended = false;
    for (int64_t pause = LOOK_FIRST_MS;; pause = min_i64(2 * pause, LOOK_MOST_MS)) {
        ArenaMark mark = arena_mark(c->arena);
        Defer *undo = c->defers;
        TRY(task_look(c, m, task, allowed, &ended));
        ctx_undo(c, undo);
        arena_release(c->arena, mark);
        if (ended) return NULL;
        if (atomic_load(m->stopping)) FAIL(c, CANCELLED, "the process ends");
        TRY(lease_keep(c, &m->lease));
        TRY(sleep_ms(c, pause));
    }
}

Err *meili_write(Ctx *c, Meili *m, const char *method, Str path, Str body, int64_t *task) {
    int status;
    json_t *answer;
    HttpCall how = {.method = method, .body = body, .once = true};
    TRY(lease_keep(c, &m->lease));
    TRY(call(c, m, &how, path, &status, &answer));
    if (status != 202 || !json_i64(json_at(answer, "taskUid"), task))
        return meili_refused(c, "a write", status, answer);
    return NULL;
}

Err *meili_write_wait(Ctx *c, Meili *m, const char *method, Str path, Str body,
                      const char *allowed) {
    int64_t task;
    TRY(meili_write(c, m, method, path, body, &task));
    return meili_task_wait(c, m, task, allowed);
}
