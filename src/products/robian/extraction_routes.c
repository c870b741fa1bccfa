/* SPDX-License-Identifier: Apache-2.0
 * Extractions over HTTP, and as clients of the first version ask for them: by the address of a video,
 * whose debate is made when there is none yet. */
#include "products/robian/debate.h"
#include "products/robian/extraction.h"
#include "products/robian/extraction_sql.h"
#include "products/robian/routes.h"
#include "products/robian/source.h"

enum { DESCRIBE_MS = 20 * 1000, TITLE_MAX = 500 };

static const char *const priorities[] = {"low", "normal", "high", "urgent", NULL};

/* -- of a debate ---------------------------------------------------------------------------------- */

typedef struct ExtractionRequest {
    Str priority, format, quality;
} ExtractionRequest;
static const Field request_fields[] = {
    FIELD(ExtractionRequest, priority, .values = priorities, .fallback = "\"normal\""),
    FIELD(ExtractionRequest, format, .values = audio_formats, .fallback = "\"mp3\""),
    FIELD(ExtractionRequest, quality, .max = 10, .fallback = "\"192k\"",
          .doc = "32k to 320k; of no meaning for wav"),
};
static const Record request_record =
    RECORD(ExtractionRequest, request_fields,
           .doc = "What is not given: whatever audio is there already will do");

static Err *asked_read(Ctx *c, const ExtractionRequest *in, FieldSet present,
                       ExtractionAsked *out) {
    Problems problems = {.arena = c->arena};
    int64_t kbps;
    *out = (ExtractionAsked){
        .priority = in->priority,
        .format = in->format,
        .quality = in->quality,
        .any_format = !(present & record_bit(&request_record, "format")),
        .any_quality = !(present & record_bit(&request_record, "quality")),
    };
    if (!quality_read(in->quality, &kbps))
        problem_add(&problems, S("quality"), S("format"), "is a bit rate from 32k to 320k");
    if (str_eq(in->format, S("wav"))) out->quality = S("pcm");
    if (!out->any_quality) out->any_format = false; /* of 64k in whatever format nobody speaks */
    return problems_err(c, &problems);
}

static Err *settle(Ctx *c, void *arg) { return call_settle(c, arg); }

static Err *extract_post(Ctx *c, Call *k) {
    ExtractionAsked asked;
    TRY(asked_read(c, k->in, k->present, &asked));
    return extraction_start(c, k->params[0], &asked, settle, k, call_out(k));
}

static Err *extract_delete(Ctx *c, Call *k) {
    return extraction_cancel(c, k->params[0], call_out(k));
}

static Err *status_get(Ctx *c, Call *k) { return extraction_status(c, k->params[0], call_out(k)); }

/* -- the first version ---------------------------------------------------------------------------- */

typedef struct FirstRequest {
    Str url, priority;
} FirstRequest;
static const Field first_fields[] = {
    FIELD(FirstRequest, url, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = 2000, .format = "uri"),
    FIELD(FirstRequest, priority, .values = priorities, .fallback = "\"normal\""),
};
static const Record first_record = RECORD_AS("FirstExtractionRequest", FirstRequest, first_fields);

typedef struct FirstStarted {
    Str extraction_id, status, url;
} FirstStarted;
static const Field started_fields[] = {
    FIELD(FirstStarted, extraction_id, .format = "uuid"),
    FIELD(FirstStarted, status),
    FIELD(FirstStarted, url),
};
static const Record started_record =
    RECORD_AS("FirstExtractionStarted", FirstStarted, started_fields);

typedef struct FirstAnswer {
    bool success;
    Str message;
    FirstStarted data;
} FirstAnswer;
static const Field answer_fields[] = {
    FIELD(FirstAnswer, success),
    FIELD(FirstAnswer, message),
    FIELD_RECORD(FirstAnswer, data, &started_record),
};
static const Record answer_record = RECORD_AS("FirstExtractionAnswer", FirstAnswer, answer_fields);

/* "2eme seance reponse integrale 6 octobre 2026" of the page's own address, for want of a title. */
static Str title_of_url(Ctx *c, Str url) {
    Str path;
    str_cut(url, '?', &path);
    while (str_ends(path, S("/"))) path.len--;
    ptrdiff_t from = path.len;
    while (from > 0 && path.data[from - 1] != '/') from--;
    Str last = str_slice(path, from, path.len);
    Buf b = buf_new(c->arena, last.len);
    for (ptrdiff_t i = 0; i < last.len; i++) {
        bool blank = last.data[i] == '-' || last.data[i] == '_' || last.data[i] == '+';
        buf_byte(&b, blank ? ' ' : last.data[i]);
    }
    return b.len > 0 && str_utf8_valid(buf_str(&b)) ? buf_str(&b) : S("Vidéo");
}

/* What the page says, if it answers in time; that it does not is the job's trouble. */
static Err *debate_of_page(Ctx *c, Str url, Debate *d) {
    SourcePage page = {0};
    int64_t former = ctx_deadline_within(c, DESCRIBE_MS);
    Err *err = source_describe(c, url, &page);
    c->deadline_us = former;
    if (err && !err_retryable(err->kind)) return err;
    Str title = str_is_empty(page.title) ? title_of_url(c, url) : page.title;
    *d = (Debate){.title = str_utf8_cut(title, TITLE_MAX),
                  .description = page.description,
                  .type = S("autre"),
                  .date = time_now(),
                  .source_url = url,
                  .video_url = page.video_url,
                  .thumbnail_url = page.thumbnail_url,
                  .start_time = TIME_NULL,
                  .end_time = TIME_NULL,
                  .status = S("termine")};
    return NULL;
}

typedef struct DebateId {
    Str id;
} DebateId;
static const Field debate_id_fields[] = {FIELD(DebateId, id)};
static const Record debate_id_record = RECORD(DebateId, debate_id_fields);

static Err *add_in(Ctx *c, void *arg) { return debate_add(c, arg); }

static Err *debate_of_url(Ctx *c, Str url, DebateId *out) {
    bool found;
    Debate d;
    TRY(db_maybe(c, SQL(SQL_EXTRACTION_DEBATE_BY_SOURCE), ARGS(V(url)), &debate_id_record, out,
                 &found));
    if (found) return NULL;
    TRY(debate_of_page(c, url, &d));
    Err *err = db_transaction(c, add_in, &d);
    out->id = d.id;
    if (!err || err->kind != ERR_CONFLICT) return err;
    /* Somebody made it meanwhile. */
    return db_one(c, SQL(SQL_EXTRACTION_DEBATE_BY_SOURCE), ARGS(V(url)), &debate_id_record, out);
}

typedef struct FirstAsked {
    Call *k;
    Extraction e;
} FirstAsked;

/* In the transaction of what was asked for. */
static Err *first_settle(Ctx *c, void *arg) {
    const FirstAsked *asked = arg;
    const FirstRequest *in = asked->k->in;
    bool there = str_eq(asked->e.status, S("completed"));
    *(FirstAnswer *)call_out(asked->k) = (FirstAnswer){
        .success = true,
        .message = there ? S("Audio déjà disponible") : S("Extraction démarrée"),
        .data = {asked->e.extraction_id, there ? S("completed") : S("started"), in->url},
    };
    return call_settle(c, asked->k);
}

static Err *first_post(Ctx *c, Call *k) {
    const FirstRequest *in = k->in;
    DebateId debate;
    FirstAsked asked = {.k = k};
    ExtractionAsked wanted = {.priority = in->priority,
                              .format = S("mp3"),
                              .quality = S("192k"),
                              .any_format = true,
                              .any_quality = true};
    TRY(debate_of_url(c, in->url, &debate));
    return extraction_start(c, debate.id, &wanted, first_settle, &asked, &asked.e);
}

typedef struct FirstStatus {
    Str extraction_id, status, file_url;
    OptInt file_size;
    Str message;
    int64_t progress;
} FirstStatus;
static const char *const first_statuses[] = {"completed", "processing", "failed", NULL};
static const Field first_status_fields[] = {
    FIELD(FirstStatus, extraction_id, .format = "uuid"),
    FIELD(FirstStatus, status, .values = first_statuses),
    FIELD(FirstStatus, file_url, .flags = F_NULLABLE),
    FIELD(FirstStatus, file_size),
    FIELD(FirstStatus, message),
    FIELD(FirstStatus, progress, .min = 0, .max = 100),
};
static const Record first_status_record =
    RECORD_AS("FirstExtractionStatus", FirstStatus, first_status_fields);

static Err *first_get(Ctx *c, Call *k) {
    Extraction e;
    TRY(extraction_by_id(c, k->params[0], &e));
    bool done = str_eq(e.status, S("completed"));
    bool bad = str_eq(e.status, S("error")) || str_eq(e.status, S("cancelled"));
    FirstStatus *out = call_out(k);
    *out = (FirstStatus){
        .extraction_id = e.extraction_id,
        .status = done  ? S("completed")
                  : bad ? S("failed")
                        : S("processing"),
        .message = bad && e.error.len ? e.error : e.message,
        .progress = e.progress,
    };
    if (!done) return NULL;
    out->file_url = strf(c->arena, "/api/debats/%.*s/file", S_ARG(e.debate_id));
    out->file_size = e.audio_file.file_size;
    return NULL;
}

/* Analysts, and whoever holds a key that was given the scope. */
#define WRITES                                                                                     \
    .access = ACCESS_ANALYST, .scope = "debates:write", .key_suffices = true, .tag = "extraction", \
    .rate = RATE_WRITE
#define READS .access = ACCESS_OPEN, .tag = "extraction"

const Route extraction_routes[] = {
    {POST, "/api/streaming/{id}/extract", extract_post, WRITES, .in = &request_record,
     .out = &extraction_record, .idempotent = true, .errors = "404",
     .doc = "Have a debate's audio extracted; analysts and API keys"},
    {DELETE, "/api/streaming/{id}/extract", extract_delete, WRITES, .out = &extraction_record,
     .errors = "404", .doc = "Stop the extraction that waits or runs"},
    {GET, "/api/streaming/{id}/status", status_get, READS, .out = &extraction_record,
     .errors = "404", .doc = "How far the latest extraction has got"},
    {POST, "/api/extraction", first_post, WRITES, .in = &first_record, .out = &answer_record,
     .idempotent = true, .timeout_ms = 60 * 1000, .errors = "403 404 413",
     .doc = "Extract a video's audio by its address; its debate is made when there is none"},
    {GET, "/api/extraction/{id}", first_get, READS, .out = &first_status_record, .errors = "404",
     .doc = "The same as clients of the first version read it"},
    {0},
};
