/* SPDX-License-Identifier: Apache-2.0
 * What a dispatcher does with the table: it writes ends and claims jobs, in one transaction. */
#include "core/time.h"
#include "work/worker_room.h"

/* -- claims ----------------------------------------------------------------------------------- */

static const Field claim_fields[] = {
    FIELD(Job, id),           FIELD(Job, kind),
    FIELD(Job, queue),        FIELD(Job, payload),
    FIELD(Job, priority),     FIELD(Job, attempts),
    FIELD(Job, max_attempts), FIELD(Job, unique_key),
    FIELD(Job, user_id),      FIELD(Job, organisation_id),
    FIELD(Job, run_at),       FIELD(Job, created_at),
    FIELD(Job, started_at),   FIELD(Job, lease_until),
    FIELD(Job, lease),
};
static const Record claim_record = RECORD(Job, claim_fields);

typedef struct Name {
    Str name;
} Name;
static const Field name_fields[] = {FIELD(Name, name)};
static const Record name_record = RECORD(Name, name_fields);

/* Which of the queues $1 (a JSON list) have work that is due? */
static const char due_sqlite[] =
    "SELECT q.value AS name FROM json_each($1) AS q WHERE EXISTS (SELECT 1 FROM jobs "
    "WHERE queue = q.value AND state = 'waiting' AND due = 1)";
static const char due_postgres[] =
    "SELECT q.name FROM jsonb_array_elements_text(CAST($1 AS jsonb)) AS q(name) WHERE EXISTS "
    "(SELECT 1 FROM jobs WHERE queue = q.name AND state = 'waiting' AND due)";

#define CLAIM_SET                                                                     \
    "UPDATE jobs SET state = 'running', attempts = attempts + 1, lease = lease + 1, " \
    "worker = $3, started_at = $4, lease_until = $5 WHERE id "
#define CLAIM_RETURNING                                                                            \
    " RETURNING id, kind, queue, payload, priority, attempts, max_attempts, unique_key, user_id, " \
    "organisation_id, run_at, created_at, started_at, lease_until, lease"
static const char claim_sqlite[] =
    CLAIM_SET "IN (SELECT id FROM jobs WHERE queue = $1 AND state = 'waiting' AND due = 1 "
              "AND ($6 IS NULL OR kind IN (SELECT value FROM json_each($6))) "
              "ORDER BY priority DESC, id LIMIT $2)" CLAIM_RETURNING;
/* = ANY (ARRAY (…)): the inner SELECT locks its rows exactly once, whatever the plan. */
static const char claim_postgres[] =
    CLAIM_SET "= ANY (ARRAY (SELECT id FROM jobs WHERE queue = $1 AND state = 'waiting' AND due "
              "AND (CAST($6 AS text) IS NULL OR kind IN "
              "(SELECT jsonb_array_elements_text(CAST(CAST($6 AS text) AS jsonb)))) "
              "ORDER BY priority DESC, id LIMIT $2 FOR UPDATE SKIP LOCKED))" CLAIM_RETURNING;

static const char lock_postgres[] =
    "SELECT 1 FROM (SELECT pg_advisory_xact_lock(hashtextextended('socle.queue.' || $1, 0))) AS "
    "taken";
static const char running_sql[] =
    "SELECT count(*) FROM jobs WHERE queue = $1 AND state = 'running'";

typedef struct Cycle {
    Dispatcher *dispatcher;
    Run **
        ended; /* those to write. An array: the list itself grows while the writer's thread reads */
    ptrdiff_t ended_count;
    Rows due;     /* queues */
    int64_t room; /* for new ones */
    Rows claimed[QUEUES_MAX];
    ptrdiff_t claimed_count; /* of all queues */
} Cycle;

/* How many of a limited queue may start now. On PostgreSQL others wait until our claim is committed
 * and counted; SQLite's writer is alone anyway. */
static Err *queue_room(Ctx *c, Str queue, int64_t *room) {
    int64_t limit = queue_limit(queue), now, locked;
    if (limit == 0) return NULL;
    if (db_engine(c) == ENGINE_POSTGRES)
        TRY(db_int(c, SQL(lock_postgres), ARGS(V(queue)), &locked));
    TRY(db_int(c, SQL(running_sql), ARGS(V(queue)), &now));
    *room = max_i64(0, min_i64(*room, limit - now));
    return NULL;
}

static Err *claim(Ctx *c, Cycle *cycle) {
    int64_t left = cycle->room;
    Time now = time_now(), until = time_add(now, workers.options.lease_ms * US_PER_MS);
    Str kinds = atomic_load(&workers.strangers) ? kinds_json(c->arena) : (Str){0};
    cycle->claimed_count = 0;
    for (ptrdiff_t i = 0; i < cycle->due.count && left > 0; i++) {
        const Name *queues = cycle->due.items;
        Str queue = queues[(cycle->dispatcher->turn + i) % cycle->due.count].name;
        int64_t share = max_i64(1, left / (cycle->due.count - i));
        cycle->claimed[i] = (Rows){0};
        TRY(queue_room(c, queue, &share));
        if (share == 0) continue;
        TRY(db_query(c, SQL2(claim_sqlite, claim_postgres),
                     ARGS(V(queue), V(share), V(workers.name), V(now), V(until), V(kinds)),
                     &claim_record, &cycle->claimed[i]));
        cycle->claimed_count += cycle->claimed[i].count;
        left -= cycle->claimed[i].count;
    }
    return NULL;
}

/* -- ends ------------------------------------------------------------------------------------- */

static const char end_sql[] =
    "UPDATE jobs SET state = $3, error = $4, due = $5, run_at = $6, attempts = $7, finished_at = "
    "$8, "
    "keep_until = $9, progress_done = $10, progress_total = $11, lease_until = NULL, worker = NULL "
    "WHERE id = $1 AND lease = $2 AND state = 'running'";

static Err *end_write(Ctx *c, const Run *r) {
    const Job *job = &r->job;
    Time now = time_now();
    bool waits = r->ending == ENDING_AGAIN || r->ending == ENDING_BACK;
    int64_t keep_ms = r->ending == ENDING_DEAD ? kind_dead_keep_ms(r->kind) : kind_keep_ms(r->kind);
    Str state = waits ? S("waiting") : r->ending == ENDING_DEAD ? S("dead") : S("cancelled");
    return db_exec(c, SQL(end_sql),
                   ARGS(V(job->id), V(job->lease), V(state), V(r->error),
                        V((bool)(r->delay_ms == 0)), V(time_add(now, r->delay_ms * US_PER_MS)),
                        V(job->attempts - (r->ending == ENDING_BACK)), V(waits ? TIME_NULL : now),
                        V(waits ? TIME_NULL : time_add(now, keep_ms * US_PER_MS)),
                        V(job->progress_done), V(job->progress_total)),
                   NULL);
}

static Err *ends_write(Ctx *c, const Cycle *cycle) {
    for (ptrdiff_t i = 0; i < cycle->ended_count; i++) {
        const Run *r = cycle->ended[i];
        if (r->ending == ENDING_DONE)
            TRY(job_write_done(c, &r->job, r->kind, r->result, r->note, NULL));
        else if (r->ending != ENDING_KNOWN)
            TRY(end_write(c, r));
    }
    return NULL;
}

static Err *cycle_in(Ctx *c, void *arg) {
    Cycle *cycle = arg;
    TRY(ends_write(c, cycle));
    return claim(c, cycle);
}

/* After the commit: forget what is written. Others may have ended meanwhile and stay in the list.
 * True when some of them may run again at once. */
static bool ends_forget(Dispatcher *d, ptrdiff_t count) {
    bool later = false, now = false;
    while (count-- > 0) {
        Run *r = list_take(&d->ended);
        later |= r->delay_ms > 0;
        now |= r->delay_ms == 0 && (r->ending == ENDING_AGAIN || r->ending == ENDING_BACK);
        run_free(r);
    }
    if (later) keeper_look();
    return now;
}

static int claim_order(const void *a, const void *b) {
    const Job *x = a, *y = b;
    if (x->priority != y->priority) return x->priority < y->priority ? 1 : -1;
    return x->id.value < y->id.value ? -1 : 1;
}

static void runs_take(Dispatcher *d, Cycle *cycle) {
    for (ptrdiff_t i = 0; i < cycle->due.count; i++) {
        Rows rows = cycle->claimed[i];
        if (rows.count > 1) qsort(rows.items, (size_t)rows.count, sizeof(Job), claim_order);
        for (ptrdiff_t k = 0; k < rows.count; k++) run_claimed(d, (const Job *)rows.items + k);
    }
    runs_begin(d);
}

/* -- one transaction -------------------------------------------------------------------------- */

static Str queues_json(Arena *arena) {
    Buf b = buf_new(arena, 256);
    buf_byte(&b, '[');
    for (ptrdiff_t i = 0; i < workers.queue_count; i++) {
        if (i) buf_byte(&b, ',');
        buf_json(&b, workers.queues[i]);
    }
    buf_byte(&b, ']');
    return buf_str(&b);
}

Err *dispatch_once(Ctx *c, Dispatcher *d, bool *more) {
    Cycle *cycle = arena_new_of(c->arena, Cycle);
    *more = false;
    *cycle = (Cycle){.dispatcher = d, .room = runs_room(d)};
    cycle->ended = arena_array(c->arena, Run *, d->ended.count);
    for (Run *r = d->ended.first; r; r = r->next) cycle->ended[cycle->ended_count++] = r;
    if (cycle->room > 0) {
        TRY(db_query(c, SQL2(due_sqlite, due_postgres), ARGS(V(queues_json(c->arena))),
                     &name_record, &cycle->due));
    }
    assert(cycle->due.count <= QUEUES_MAX);
    if (cycle->ended_count == 0 && cycle->due.count == 0) return NULL;
    d->turn++;
    TRY(db_transaction(c, cycle_in, cycle));
    bool again = ends_forget(d, cycle->ended_count);
    runs_take(d, cycle);
    *more = cycle->claimed_count > 0 || d->ended.first || again;
    return NULL;
}
