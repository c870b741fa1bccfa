/* SPDX-License-Identifier: Apache-2.0
 * Module: what a part of the program brings: routes, resources, jobs, schedules, settings, checks.
 * src/modules.c is the one list of modules; nothing registers itself. */
#ifndef SOCLE_API_MODULE_H
#define SOCLE_API_MODULE_H

#include "api/collection.h"
#include "api/resource.h"
#include "api/setting.h"
#include "core/json.h"
#include "work/events.h"
#include "work/jobs.h"
#include "work/schedule.h"

struct App;
struct RootDocument;

/* Jobs of one file of a module with many. */
typedef struct JobTable {
    const JobKind *kinds;
    const ptrdiff_t *count;
} JobTable;

/* Is this process a service (serve, worker), not a command? Defined by src/app.c. */
bool app_serves(const struct App *app);

/* For products whose clients expect `{"success": true, "data": …}`: what stands around every JSON
 * answer that the router encodes, and what every problem has besides RFC 9457's members. The schema
 * texts are the same two halves around the answer's own schema in the OpenAPI document. */
typedef struct Envelope {
    void (*open)(Ctx *c, const Call *k, Buf *b);
    void (*close)(Ctx *c, const Call *k, Buf *b);
    const char *schema_open, *schema_close;
    /* detail: what the caller may read of err. */
    void (*problem)(Ctx *c, const Err *err, Str detail, JsonOut *o);
    /* For products whose clients know some errors by another status: the same error with another
     * kind and code, before anything is made of it. NULL: as it is. Also called by the OpenAPI
     * document with a bare kind. */
    Err *(*restate)(Ctx *c, const Err *err);
    /* For clients that expect other errors than RFC 9457's: fills in status (400 for an INVALID)
     * and body instead of it; detail: what the caller may read of err. And that body's record. */
    void (*refuse)(Ctx *c, const Req *q, Reply *r, const Err *err, Str detail);
    const Record *refusal;
} Envelope;

typedef struct Module {
    const char *name;
    const char *doc;
    const Route *routes;
    ptrdiff_t route_count;
    const Route *const *tables; /* more routes, of a module with many files: NULL-ended tables, each
                                 * closed by a row without a path; NULL: none */
    const Resource *resources;
    ptrdiff_t resource_count;
    const JobKind *jobs;
    ptrdiff_t job_count;
    const JobTable *job_tables; /* more jobs: closed by a row without kinds; NULL: none */
    const Schedule *schedules;
    ptrdiff_t schedule_count;
    const Setting *settings;
    ptrdiff_t setting_count;
    const Envelope *envelope;    /* NULL: none */
    const ChannelRule *channels; /* who may follow which events */
    ptrdiff_t channel_count;
    const Collection *const *collections; /* what is searched: NULL-ended; NULL: nothing */
    /* `/` (pages.h): what it says to programs, and the file of pages/ that people see there, unless a
     * module before this one has one. NULL: nothing. */
    void (*root)(Ctx *c, struct RootDocument *document);
    const char *home;
    /* Settings are known, and nothing is open yet but the database: for what an index is made of. */
    Err *(*prepare)(Ctx *c);
    /* Order of the list at start, reverse at stop. start runs in a coroutine after the database is
     * migrated and before the server listens. */
    Err *(*start)(Ctx *c);
    void (*stop)(Ctx *c);
    void (*metrics)(void); /* declares its families (ops/metrics.h), also for the page that lists
                            * them; start calls it itself */
    Err *(*demo)(Ctx *c); /* idempotent demo data */
    /* Does a row of this module's name these bytes of the blob store (blob_use.h)? Also asked where
     * the module is left out. NULL: it keeps none. */
    Err *(*has_blob)(Ctx *c, Str hash, bool *yes);
    /* (tx) An account is about to be erased: what of it does not go with the user's row (accounts.h). Also
     * asked where the module is left out. NULL: all goes with the row. */
    Err *(*erase)(Ctx *c, Id user);
    Str (*lacks)(Ctx *c); /* programs this machine should have, and how to mend it: sentences for the
                           * operator, a line each; null: it has all. NULL: there is nothing to ask */
} Module;

#endif
