/* SPDX-License-Identifier: Apache-2.0
 * Fetching the open data: by schedule each night, by an administrator, from the command line. */
#ifndef SOCLE_ROBIAN_FETCH_H
#define SOCLE_ROBIAN_FETCH_H

#include "products/robian/open_data.h"
#include "work/jobs.h"

/* The kinds that have an archive to fetch, in the order in which they are: names of bodies
 * first. */
extern const OpenDataKind *const open_data_fetched[]; /* NULL-ended */
const OpenDataKind *open_data_fetched_find(Str name); /* NULL when there is none of that name */

/* As an archive was last time: a row of open_data_sources. */
typedef struct OpenDataSource {
    Str name, url, etag, last_modified, content_hash;
    Time fetched_at;
    Str error;
} OpenDataSource;
extern const Record open_data_source_record;

typedef struct Fetched {
    bool unchanged; /* nothing new: nothing was imported */
    int64_t bytes;
    OpenDataFigures figures;
} Fetched;
/* Fetch a kind's archive and import it, unless it is as it was last time (not asked when anew).
 * What came of it stands in open_data_sources, also when it failed. Errors: UPSTREAM (with what
 * the server answered), TIMEOUT, TOO_LARGE, STORAGE_FULL, those of the import. */
MUST_USE Err *open_data_fetch(Ctx *c, const OpenDataKind *kind, bool anew,
                              const OpenDataWatch *watch, Fetched *out);

enum { FETCH_TIMEOUT_MS = 4 * 60 * 60 * 1000, FETCH_BUDGET_BYTES = 512 * 1024 * 1024 };
/* Job robian.fetch: {"source": "agenda"}, or without a source all of them; robian.fetch_nightly:
 * all of them, when ROBIAN_OPEN_DATA_FETCH is on. */
MUST_USE Err *fetch_run(Ctx *c, Job *job);
MUST_USE Err *fetch_nightly(Ctx *c, Job *job);

#endif
