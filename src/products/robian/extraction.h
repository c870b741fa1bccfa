/* SPDX-License-Identifier: Apache-2.0
 * Extractions: a debate's audio, asked for, made by a job, followed, cancelled.
 *
 *            extraction_ask          the job runs              committed with the audio
 *   (nothing) ─────────────▶ pending ───────────▶ extracting ──────────────────▶ completed
 *                              │  ▲                 │  │  │
 *                              │  └── another try ──┘  │  └─ no use in trying again ─▶ error
 *                              └──── extraction_cancel ┴────────────────────────▶ cancelled
 *
 * The job is the truth of what goes on: an extraction whose job has ended without saying so (it died
 * with its process, somebody cancelled it in the list of jobs) is settled by extractions_settle. */
#ifndef SOCLE_ROBIAN_EXTRACTION_H
#define SOCLE_ROBIAN_EXTRACTION_H

#include "data/db.h"
#include "products/robian/records.h"
#include "work/jobs.h"

#define EXTRACTION_JOB "robian.extract"
#define EXTRACTION_QUEUE "extractions"
#define EXTRACTION_SETTLE_JOB "robian.extractions_settle"

typedef struct ExtractionRow {
    int64_t n;
    Str id;
    int64_t debate_n, audio_n;
    Id job_id;
    Str priority, status; /* pending, extracting, completed, error, cancelled */
    int64_t progress;
    Str message, error;
    Time created_at, started_at, ended_at;
    /* Joined. */
    Str debate_id, job_state;
    OptInt duration_minutes;
} ExtractionRow;
extern const Record extraction_row_record;

/* As clients see it. */
typedef struct Extraction {
    Str extraction_id, debate_id, status, message;
    OptInt estimated_duration; /* s */
    int64_t progress;
    Str error;
    AudioFile audio_file;
} Extraction;
extern const Record extraction_record;

typedef struct ExtractionAsked {
    Str priority, format, quality; /* as wanted */
    bool any_format, any_quality;  /* whatever is there will do */
} ExtractionAsked;
/* "192k" for 32 to 320 kbit/s; false for what is none. */
MUST_USE bool quality_read(Str text, int64_t *kbps);

/* (tx) The audio that is there, or the extraction that is on its way, or a new one. */
MUST_USE Err *extraction_ask(Ctx *c, Str debate_id, const ExtractionAsked *asked, Extraction *out);
/* The same in a transaction of its own; who is second at the same moment gets the first one's. After it
 * `after` (may be NULL) runs in the same transaction. */
MUST_USE Err *extraction_start(Ctx *c, Str debate_id, const ExtractionAsked *asked,
                               Err *(*after)(Ctx *c, void *arg), void *arg, Extraction *out);
/* The latest of that debate. NOT_FOUND. */
MUST_USE Err *extraction_status(Ctx *c, Str debate_id, Extraction *out);
MUST_USE Err *extraction_by_id(Ctx *c, Str id, Extraction *out);
/* Stop what waits or runs for it; *out is the latest of them. NOT_FOUND when there is none. */
MUST_USE Err *extraction_cancel(Ctx *c, Str debate_id, Extraction *out);

/* Settle what is stale, of one debate (0: of all). */
MUST_USE Err *extractions_settle(Ctx *c, int64_t debate_n);
MUST_USE Err *extractions_settle_run(Ctx *c, Job *job);

/* The job (extraction_run.c). */
MUST_USE Err *extraction_run(Ctx *c, Job *job);
enum { EXTRACTION_TIMEOUT_MS = 6 * 3600 * 1000, EXTRACTION_BUDGET_BYTES = 256 * 1024 * 1024 };

/* Before any of its jobs runs: the limit on all nodes, leftovers, the guard, the check of health. */
MUST_USE Err *extractions_open(Ctx *c);
void extractions_close(void);
/* Of Module.lacks. */
Str extraction_lacks(Ctx *c);

/* -- of extraction*.c only ------------------------------------------------------------------------- */

/* (tx) End an extraction that did not succeed: error, or cancelled. */
MUST_USE Err *extraction_fail(Ctx *c, const ExtractionRow *e, Str status, Str message, Str error);
/* (tx) extraction_<what> on `extractions` and `debate:<id>`. audio may be NULL. */
MUST_USE Err *extraction_emit(Ctx *c, const ExtractionRow *e, const char *what,
                              const AudioFile *audio);
MUST_USE Err *extraction_show(Ctx *c, const ExtractionRow *e, Extraction *out);

#endif
