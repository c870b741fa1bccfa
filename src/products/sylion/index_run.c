/* SPDX-License-Identifier: Apache-2.0
 * The index job: bytes → text → chunks → vectors → what searches find. Every step may be done again:
 * text and chunks are made anew, chunks of a run that did not end are thrown away first, vectors
 * known from before are not asked for twice (ai/), and all becomes visible in one transaction.
 *
 * What will not get better by trying again ends as `failed` with its reason. What may (the
 * embedding provider is away) says so in `reason`, and the job is tried again. */
#include "ai/embed.h"
#include "core/log.h"
#include "data/blob.h"
#include "products/sylion/chunk.h"
#include "products/sylion/documents_sql.h"
#include "products/sylion/knowledge.h"
#include "products/sylion/knowledge_sql.h"
#include "products/sylion/system_sql.h"
#include "rt/offload.h"

enum {
    BATCH = 32,
    WHOLE_MAX = 200 * 1024 * 1024, /* of files that are read as a whole */
    HEAD = 4096
};

typedef struct IndexRun {
    Job *job;
    Scope s;
    Document d;
    Arena *arena; /* of the text and its chunks; other threads work in it */
    Extraction x;
    Chunks chunks;
    Str bytes;
    Str model;
    bool gone; /* the document is, or its revision: nothing is left to do */
    /* Of the transaction under way. */
    Str status, reason;
    ptrdiff_t from, to;
    const float *vectors;
} IndexRun;

static Str chunk_text(const IndexRun *r, const Chunk *k) {
    return str_slice(buf_str(&r->x.text), k->from, k->to);
}

/* -- States ---------------------------------------------------------------------------------------- */

static Err *told(Ctx *c, IndexRun *r, ptrdiff_t changed) {
    r->gone = changed == 0;
    return r->gone ? NULL : tenant_tell(c, &r->s, "document.updated", &document_record, &r->d);
}

static Err *state_write(Ctx *c, void *arg) {
    IndexRun *r = arg;
    Document *d = &r->d;
    ptrdiff_t changed;
    d->status = r->status;
    d->reason = r->reason;
    d->updated_at = time_now();
    TRY(tenant_exec(c, &r->s, SQL(SQL_DOCUMENT_STATE),
                    ARGS(V(d->n), V(d->revision), V(d->status), V(d->reason), V(d->updated_at)),
                    &changed));
    return told(c, r, changed);
}

static Err *state_set(Ctx *c, IndexRun *r, Str status, Str reason) {
    r->status = status;
    r->reason = reason;
    return db_transaction(c, state_write, r);
}

static Err *failed(Ctx *c, IndexRun *r, Str reason) {
    log_msg(c, LOG_INFO, "a document could not be indexed: %.*s", S_ARG(reason));
    return state_set(c, r, S("failed"), reason);
}

/* The last try that the job has? */
static bool is_last(const Job *job, const Err *err) {
    bool again = err_retryable(err->kind) || err->kind == ERR_INTERNAL;
    return !again || job->attempts >= job->max_attempts;
}

/* A step failed for a reason that may pass, or has no try left. The error goes on to the job's runner. */
static Err *stopped(Ctx *c, IndexRun *r, Err *err, const char *what) {
    if (err->kind == ERR_CANCELLED || err->kind == ERR_CONFLICT) return err;
    bool last = is_last(r->job, err);
    Str reason = err->kind == ERR_NOT_CONFIGURED
                     ? strf(c->arena, "%s is not configured on this server.", what)
                     : strf(c->arena, "%s %s.%s", what,
                            err->kind == ERR_RATE_LIMITED ? "asks for a pause" : "does not answer",
                            last ? "" : " It is tried again.");
    Err *second = state_set(c, r, last ? S("failed") : r->d.status, reason);
    return second ? second : err;
}

/* -- Text and chunks ------------------------------------------------------------------------------- */

static void extract_off_loop(void *arg) {
    IndexRun *r = arg;
    extract_bytes(&r->x, r->bytes, r->d.name);
    if (str_is_null(r->x.failure))
        r->chunks = chunks_of(r->arena, buf_str(&r->x.text), r->x.blocks, r->x.count, CHUNK_TOKENS,
                              CHUNK_OVERLAP);
}

static Err *file_whole(Ctx *c, IndexRun *r, int fd, int64_t size) {
    if (size > WHOLE_MAX) {
        extract_fail(&r->x, "It is too large to be read as %.*s. Divide it.",
                     S_ARG(file_type_mime(r->x.type)));
        return NULL;
    }
    char *bytes = arena_bytes(r->arena, size + 1);
    int64_t at = 0;
    for (ptrdiff_t n = 1; at < size && n > 0; at += n)
        TRY(file_read(c, fd, bytes + at, size - at, at, &n));
    r->bytes = str_of(bytes, at);
    return NULL;
}

/* Into r->bytes: the file, or of a PDF its text. */
static Err *bytes_read(Ctx *c, IndexRun *r) {
    int fd;
    int64_t size;
    ptrdiff_t n;
    Str why;
    char head[HEAD];
    Err *err = blob_open(c, app_blobs(c), r->d.sha256, &fd, &size);
    if (err && err->kind == ERR_NOT_FOUND) {
        extract_fail(&r->x, "Its bytes are not there any more. Upload it again.");
        return NULL;
    }
    TRY(err);
    TRY(file_read(c, fd, head, HEAD, 0, &n));
    r->x.type = file_type(str_of(head, n), r->d.name, r->d.mime_type, &why);
    if (r->x.type == FILE_UNKNOWN)
        extract_fail(&r->x, "It is %.*s.", S_ARG(why));
    else if (r->x.type == FILE_PDF)
        return extract_pdf(c, &r->x, fd, &r->bytes);
    else
        return file_whole(c, r, fd, size);
    return NULL;
}

static Err *text_read(Ctx *c, IndexRun *r) {
    r->x = (Extraction){.arena = r->arena};
    TRY(state_set(c, r, S("extracting"), (Str){0}));
    if (r->gone) return NULL;
    TRY(job_progress(c, r->job, 0, 0, S("extracting")));
    Err *err = bytes_read(c, r);
    if (err) return stopped(c, r, err, "The reader of this kind of file");
    if (str_is_null(r->x.failure)) TRY(offload(c, LANE_LONG, extract_off_loop, r));
    if (r->chunks.too_many)
        extract_fail(&r->x, "It would be more than %d passages. Divide it.", CHUNKS_MAX);
    if (r->chunks.count == 0) extract_fail(&r->x, "There is no text in it.");
    return NULL;
}

static Err *read_write(Ctx *c, void *arg) {
    IndexRun *r = arg;
    Document *d = &r->d;
    ptrdiff_t changed;
    d->mime_type = file_type_mime(r->x.type);
    d->page_count = (OptInt){r->x.pages, r->x.pages > 0};
    d->language = r->chunks.language;
    d->status = S("indexing");
    d->reason = r->x.note;
    d->updated_at = time_now();
    TRY(tenant_exec(c, &r->s, SQL(SQL_DOCUMENT_READ),
                    ARGS(V(d->n), V(d->revision), V(d->mime_type), V(d->page_count), V(d->language),
                         V(d->reason), V(d->updated_at)),
                    &changed));
    TRY(tenant_exec(c, &r->s, SQL(SQL_CHUNKS_UNSTAGE), ARGS(V(d->n)), NULL));
    return told(c, r, changed);
}

/* -- Vectors --------------------------------------------------------------------------------------- */

/* "cnil-04-Gérer-son-code-source.md": its words without the ending. */
static Str name_words(Arena *arena, Str name) {
    ptrdiff_t end = name.len;
    for (ptrdiff_t i = name.len - 1; i > 0 && name.len - i < 10; i--)
        if (name.data[i] == '.') {
            end = i;
            break;
        }
    char *words = arena_bytes(arena, end + 1);
    for (ptrdiff_t i = 0; i < end; i++)
        words[i] = name.data[i] == '-' || name.data[i] == '_' ? ' ' : name.data[i];
    return str_of(words, end);
}

static Err *chunk_write(Ctx *c, IndexRun *r, ptrdiff_t i, int64_t n) {
    const Chunk *k = &r->chunks.items[i];
    int dims = embed_dimensions();
    OptInt page = {k->page, k->page > 0};
    const float *vector = r->vectors + (i - r->from) * dims;
    Value bytes = value_blob(str_of((const char *)vector, dims * (ptrdiff_t)sizeof *vector));
    TRY(tenant_exec(c, &r->s, SQL(SQL_CHUNK_ADD),
                    ARGS(V(n), V(uuid_v7(c->arena)), V(r->d.knowledge_base_n), V(r->d.n),
                         V(r->d.revision), V((int64_t)i), V(k->heading), V(page),
                         V(chunk_text(r, k)), V(k->tokens), V(k->language), V(time_now())),
                    NULL));
    return tenant_exec(c, &r->s, SQL(SQL_CHUNK_VECTOR_ADD), ARGS(V(n), V(r->model), V(bytes)),
                       NULL);
}

static Err *batch_write(Ctx *c, void *arg) {
    IndexRun *r = arg;
    ptrdiff_t locked;
    int64_t first;
    TRY(tenant_exec(c, &r->s, SQL(SQL_DOCUMENT_LOCK), ARGS(V(r->d.n), V(r->d.revision)), &locked));
    r->gone = locked == 0;
    if (r->gone) return NULL;
    TRY(db_next_change(c, r->to - r->from, &first));
    for (ptrdiff_t i = r->from; i < r->to; i++) TRY(chunk_write(c, r, i, first + i - r->from));
    return NULL;
}

static Err *batch_embed(Ctx *c, IndexRun *r) {
    Str texts[BATCH], name = name_words(c->arena, r->d.name);
    float *vectors;
    AiUsage usage;
    for (ptrdiff_t i = r->from; i < r->to; i++) {
        const Chunk *k = &r->chunks.items[i];
        texts[i - r->from] = strf(c->arena, "%.*s\n%.*s\n%.*s", S_ARG(name), S_ARG(k->heading),
                                  S_ARG(chunk_text(r, k)));
    }
    AiPayer payer = {r->s.owner, strf(c->arena, "index:%.*s:%lld:%td", S_ARG(r->d.id),
                                      (long long)r->d.revision, r->from)};
    TRY(embed(c, EMBED_DOCUMENT, texts, r->to - r->from, payer, &vectors, &usage));
    r->vectors = vectors;
    return NULL;
}

static Err *vectors_write(Ctx *c, IndexRun *r) {
    r->model = embed_model(c->arena);
    for (r->from = 0; r->from < r->chunks.count && !r->gone; r->from = r->to) {
        CtxMark mark = ctx_mark(c);
        r->to = min_size(r->from + BATCH, r->chunks.count);
        TRY(job_progress(c, r->job, r->from, r->chunks.count, S("indexing")));
        Err *err = batch_embed(c, r);
        if (err) return stopped(c, r, err, "The embedding provider");
        TRY(db_transaction(c, batch_write, r));
        ctx_release(c, mark);
    }
    return NULL;
}

/* -- Showing --------------------------------------------------------------------------------------- */

static Err *publish(Ctx *c, void *arg) {
    IndexRun *r = arg;
    Document *d = &r->d;
    ptrdiff_t changed;
    int64_t first;
    d->status = S("indexed");
    d->reason = r->x.note;
    d->chunk_count = r->chunks.count;
    d->token_count = r->chunks.tokens;
    d->embedding_model = r->model;
    d->updated_at = d->indexed_at = time_now();
    TRY(tenant_exec(c, &r->s, SQL(SQL_DOCUMENT_INDEXED),
                    ARGS(V(d->n), V(d->revision), V(d->chunk_count), V(d->token_count), V(r->model),
                         V(d->reason), V(d->updated_at)),
                    &changed));
    if (changed == 0) return job_finish(c, r->job, S("{\"gone\":true}"));
    TRY(db_next_change(c, r->chunks.count + 1, &first));
    TRY(tenant_exec(c, &r->s, SQL(SQL_CHUNKS_FORGET),
                    ARGS(V(d->n), V(d->revision), V(first), V(d->updated_at)), NULL));
    TRY(tenant_exec(c, &r->s, SQL(SQL_CHUNKS_REMOVE), ARGS(V(d->n), V(d->revision)), NULL));
    TRY(tenant_exec(c, &r->s, SQL(SQL_CHUNKS_PUBLISH), ARGS(V(d->n), V(d->revision), V(first + 1)),
                    NULL));
    TRY(job_finish(c, r->job,
                   strf(c->arena, "{\"chunks\":%td,\"tokens\":%lld}", r->chunks.count,
                        (long long)r->chunks.tokens)));
    return tenant_tell(c, &r->s, "document.updated", &document_record, d);
}

/* -- The job --------------------------------------------------------------------------------------- */

static void arena_end(void *arena) { arena_free(arena); }

static Err *document_index(Ctx *c, IndexRun *r) {
    TRY(text_read(c, r));
    if (r->gone) return NULL;
    if (!str_is_null(r->x.failure)) return failed(c, r, r->x.failure);
    TRY(db_transaction(c, read_write, r));
    if (!r->gone) TRY(vectors_write(c, r));
    return r->gone ? NULL : db_transaction(c, publish, r);
}

/* What the job is about; *found false when the tenant, the document or its revision is gone. */
static Err *run_load(Ctx *c, Job *job, IndexRun *r, bool *found) {
    json_t *payload;
    int64_t tenant, document, revision;
    *found = false;
    TRY(json_parse(c, job->payload.text, &payload));
    if (!json_i64(json_at(payload, "tenant"), &tenant) ||
        !json_i64(json_at(payload, "document"), &document) ||
        !json_i64(json_at(payload, "revision"), &revision))
        FAIL(c, INVALID, "A job that does not say what it is about.");
    Err *err = scope_of_tenant(c, (Id){tenant}, &r->s);
    if (err && err->kind == ERR_NOT_FOUND) return NULL;
    TRY(err);
    TRY(tenant_maybe(c, &r->s, SQL(SQL_DOCUMENT_BY_N), ARGS(V(document)), &document_row_record,
                     &r->d, found));
    *found = *found && r->d.revision == revision && !str_eq(r->d.status, S("indexed"));
    r->d.tenant_id = r->s.tenant_id;
    return NULL;
}

Err *index_run(Ctx *c, Job *job) {
    IndexRun *r = arena_new_of(c->arena, IndexRun);
    bool found;
    r->job = job;
    TRY(run_load(c, job, r, &found));
    if (!found) return NULL;
    r->arena = arena_new(EXTRACT_BUDGET + WHOLE_MAX);
    defer(c, arena_end, r->arena);
    return document_index(c, r);
}
