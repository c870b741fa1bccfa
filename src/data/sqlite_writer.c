/* SPDX-License-Identifier: Apache-2.0 */
#include "data/sqlite_writer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/log.h"

enum {
    QUEUE_MAX = 8192,
    GROUP_MAX = 512,
    JOINT_MAX = 64,   /* transactions done as one: they share the first one's memory */
    JOINT_SCAN = 256, /* waiting ones that are looked at to find them */
    SLOW_MS = 200,
    GROUP_US = 5000,            /* after this long no further transaction joins the group */
    CHECKPOINT_FRAMES = 1000,   /* 4 MB of log wake the checkpointer */
    CHECKPOINT_IDLE_S = 1,      /* … and so does less, this long after it was written */
    LOG_FRAMES_MAX = 16 * 1024, /* 64 MB of log: the writer helps */
};

typedef enum WriteState { WRITE_QUEUED, WRITE_TAKEN, WRITE_DONE } WriteState;

/* Lives on the waiting coroutine's stack. */
typedef struct Write {
    struct Write *prev,
        *next; /* in the queue; then `next` in the list of its loop's finished ones */
    Ctx *c;
    Coro *co;
    int loop;
    Query *q;
    DbTx *tx;
    TxBody body;
    WriteState state;    /* under the writer's lock */
    bool woken;          /* its loop's own */
    struct Write *first; /* of the joint it was done with, if it must wait for what that one does */
    /* How it went. */
    bool good, over_budget;
    Err *err;      /* in c's arena */
    int commit_rc; /* SQLite's result when its commit failed */
    jmp_buf *former;
    ArenaMark mark;
    Defer *defers;
} Write;

typedef enum Control { BEGIN, COMMIT, ROLLBACK, OPEN, RELEASE, BACK, CONTROL_COUNT } Control;
static const char *const control_texts[CONTROL_COUNT] = {
    [BEGIN] = "BEGIN IMMEDIATE", [COMMIT] = "COMMIT",     [ROLLBACK] = "ROLLBACK",
    [OPEN] = "SAVEPOINT t",      [RELEASE] = "RELEASE t", [BACK] = "ROLLBACK TO t",
};

struct Writer {
    pthread_t thread, checkpoint_thread;
    pthread_mutex_t lock;
    pthread_cond_t work;
    Write *head, *tail;
    ptrdiff_t queued;
    bool sleeping, stopping;

    SqlHandle *h; /* the thread's own from here */
    sqlite3_stmt *controls[CONTROL_COUNT];
    DbTallies *tallies;
    Write *group[GROUP_MAX];
    ptrdiff_t count;
    bool fresh;          /* nothing of the group is good yet: to undo is to begin anew */
    atomic_uint commits; /* before those in them are told */
    int help_at;         /* frames in the log from which on we take part in checkpoints */

    /* The checkpointer's. */
    SqlHandle *checkpointing;
    pthread_mutex_t checkpoint_lock;
    pthread_cond_t checkpoint_work;
    bool pending, soon, checkpoint_stopping; /* frames wait for a checkpoint; and many of them */
    _Atomic int frames, frames_done;         /* of the log: written, and covered by a checkpoint */
};

/* -- the queue --------------------------------------------------------------------------------- */

static void queue_unlink(Writer *w, Write *r) {
    *(r->prev ? &r->prev->next : &w->head) = r->next;
    *(r->next ? &r->next->prev : &w->tail) = r->prev;
    r->prev = r->next = NULL;
    w->queued--;
}

static Err *queue_add(Writer *w, Write *r) {
    pthread_mutex_lock(&w->lock);
    bool stopping = w->stopping, room = !stopping && w->queued < QUEUE_MAX;
    if (room) {
        r->prev = w->tail;
        *(w->tail ? &w->tail->next : &w->head) = r;
        w->tail = r;
        w->queued++;
        if (w->sleeping) pthread_cond_signal(&w->work);
    }
    pthread_mutex_unlock(&w->lock);
    if (room) return NULL;
    return err_later(r->c, __func__,
                     stopping ? "The database is closing." : "Too many writes are waiting.");
}

/* The next one, which now has begun; NULL when none waits. */
static Write *queue_take(Writer *w) {
    pthread_mutex_lock(&w->lock);
    Write *r = w->head;
    if (r) {
        queue_unlink(w, r);
        r->state = WRITE_TAKEN;
    }
    pthread_mutex_unlock(&w->lock);
    return r;
}

/* Those that wait with the same joint fn, behind the one just taken. */
static ptrdiff_t queue_take_alike(Writer *w, const JointBody *joint, Write **out, ptrdiff_t max) {
    ptrdiff_t count = 0;
    pthread_mutex_lock(&w->lock);
    Write *next, *r = w->head;
    for (int seen = 0; r && count < max && seen < JOINT_SCAN; seen++, r = next) {
        next = r->next;
        if (!r->body.joint || r->body.joint->fn != joint->fn) continue;
        queue_unlink(w, r);
        r->state = WRITE_TAKEN;
        out[count++] = r;
    }
    pthread_mutex_unlock(&w->lock);
    return count;
}

/* Take it back, unless it has begun. */
static bool queue_withdraw(Writer *w, Write *r) {
    pthread_mutex_lock(&w->lock);
    bool waiting = r->state == WRITE_QUEUED;
    if (waiting) queue_unlink(w, r);
    pthread_mutex_unlock(&w->lock);
    return waiting;
}

/* False when it is time to end. */
static bool queue_wait(Writer *w) {
    pthread_mutex_lock(&w->lock);
    w->sleeping = true;
    while (!w->head && !w->stopping) pthread_cond_wait(&w->work, &w->lock);
    w->sleeping = false;
    bool more = w->head || !w->stopping;
    pthread_mutex_unlock(&w->lock);
    return more;
}

/* -- on the writer's thread: one transaction --------------------------------------------------- */

static int control(Writer *w, Control which) {
    sqlite3_stmt *stmt = w->controls[which];
    w->h->deadline_us = 0;
    int rc = sqlite3_step(stmt);
    int reset = sqlite3_reset(stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : reset != SQLITE_OK ? reset : rc;
}

/* SQLite has rolled back the whole group by itself. */
static bool group_lost(Writer *w) { return sqlite3_get_autocommit(w->h->db) != 0; }

/* A savepoint costs a copy in memory of every page that is written under it. The group's first needs
 * none: when it fails nothing else is lost with it. `opened` says which way it went. */
static int tx_open(Writer *w, bool *opened) {
    *opened = !w->fresh;
    return *opened ? control(w, OPEN) : SQLITE_OK;
}

static int tx_close(Writer *w, bool opened, bool good) {
    if (!opened) {
        if (good) return SQLITE_OK;
        int rc = control(w, ROLLBACK);
        return rc == SQLITE_OK ? control(w, BEGIN) : rc;
    }
    int rc = good ? SQLITE_OK : control(w, BACK);
    return rc == SQLITE_OK ? control(w, RELEASE) : rc;
}

/* Constraints DEFERRABLE would fail the group's commit: look at them while only one can be meant.
 */
static Err *deferred_check(Ctx *c, Writer *w) {
    int open = 0, high = 0;
    sqlite3_db_status(w->h->db, SQLITE_DBSTATUS_DEFERRED_FKS, &open, &high, 0);
    if (!open) return NULL;
    FAIL(c, INVALID, "It refers to something that does not exist, or is referred to.");
}

static void write_body(Writer *w, Write *r) {
    Ctx *c = r->c;
    if (r->q) {
        r->err = sqlite_run(c, w->h, r->q);
        return;
    }
    *r->tx = (DbTx){.db = r->tx->db, .handle = w->h};
    r->err = tx_run(c, r->tx, r->body);
    if (!r->err) r->err = deferred_check(c, w);
}

/* Run it with its Ctx lent to this thread. An overflowing arena ends only this transaction; the
 * error is then made by its coroutine, where there is room again. */
static void write_guarded(Writer *w, Write *r) {
    Ctx *c = r->c;
    jmp_buf full;
    r->former = arena_on_full(c->arena, &full);
    r->mark = arena_mark(c->arena);
    r->defers = c->defers;
    r->over_budget = setjmp(full) != 0;
    if (!r->over_budget) write_body(w, r);
    if (r->over_budget) {
        sqlite_handle_abandon(w->h);
        ctx_undo(c, r->defers); /* they live in what is given back */
        arena_release(c->arena, r->mark);
        r->err = NULL;
    }
    arena_on_full(c->arena, r->former);
    c->tx = NULL;
    r->good = !r->over_budget && !r->err;
}

static void query_reset(Query *q) {
    q->rows = (Rows){NULL, 0};
    q->cap = q->changed = 0;
    q->found = false;
}

static void write_run(Writer *w, Write *r) {
    r->err = NULL;
    r->first = NULL;
    r->commit_rc = SQLITE_OK;
    bool single = r->q != NULL, opened = false;
    if (single)
        query_reset(r->q);
    else if (tx_open(w, &opened) != SQLITE_OK) {
        r->good = false;
        r->commit_rc = sqlite3_extended_errcode(w->h->db);
        return;
    }
    int64_t began = mono_us();
    r->c->coro = NULL; /* nothing in fn may wait */
    write_guarded(w, r);
    r->c->coro = r->co;
    int64_t took_ms = (mono_us() - began) / US_PER_MS;
    if (took_ms >= SLOW_MS)
        log_msg(r->c, LOG_WARN, "a transaction kept the writer for %lld ms", (long long)took_ms);
    if (group_lost(w)) r->good = false;
    int rc = single || group_lost(w) ? SQLITE_OK : tx_close(w, opened, r->good);
    w->fresh &= !r->good;
    if (rc == SQLITE_OK) return;
    r->good = false;
    if (!r->err) r->commit_rc = rc;
    if (!group_lost(w)) control(w, ROLLBACK);
}

/* -- on the writer's thread: several as one ----------------------------------------------------- */

static void joint_lend(Writer *w, Write **all, ptrdiff_t count, jmp_buf *full) {
    for (ptrdiff_t i = 0; i < count; i++) {
        Write *r = all[i];
        r->former = arena_on_full(r->c->arena, full);
        r->mark = arena_mark(r->c->arena);
        r->defers = r->c->defers;
        *r->tx = (DbTx){.db = r->tx->db, .handle = w->h};
        r->c->tx = r->tx;
        r->c->coro = NULL;
    }
}

/* Back to their coroutines; with what they took meanwhile only if it is wanted. */
static void joint_return(Write **all, ptrdiff_t count, bool good) {
    for (ptrdiff_t i = 0; i < count; i++) {
        Write *r = all[i];
        if (!good) {
            ctx_undo(r->c, r->defers);
            arena_release(r->c->arena, r->mark);
        }
        arena_on_full(r->c->arena, r->former);
        r->c->tx = NULL;
        r->c->coro = r->co;
    }
}

static bool has_after(const DbTx *tx) { return tx->after || tx->notices; }

static Err *joint_body(Writer *w, Write **all, Joint *joints, ptrdiff_t count) {
    Ctx *c = all[0]->c;
    TRY(all[0]->body.joint->fn(c, joints, count));
    for (ptrdiff_t i = 0; i < count; i++) TRY(all[i]->tx->failed);
    if (joints[0].err && has_after(all[0]->tx))
        FAIL(c, CONFLICT, "The first is refused, so that nobody would do what comes after.");
    return deferred_check(c, w);
}

static bool joint_guarded(Writer *w, Write **all, Joint *joints, ptrdiff_t count) {
    jmp_buf full;
    joint_lend(w, all, count, &full);
    bool over = setjmp(full) != 0;
    bool good = !over && !joint_body(w, all, joints, count);
    if (over) sqlite_handle_abandon(w->h);
    joint_return(all, count, good);
    return good;
}

/* Without joints: they are all to be run (again). */
static void joint_settle(Write **all, const Joint *joints, ptrdiff_t count) {
    bool after = joints && has_after(all[0]->tx);
    for (ptrdiff_t i = 0; i < count; i++) {
        Write *r = all[i];
        r->over_budget = false;
        r->commit_rc = SQLITE_OK;
        r->err = joints ? joints[i].err : NULL;
        r->good = !r->err;
        r->first = i > 0 && r->good && after ? all[0] : NULL;
    }
}

/* False: nothing of it remains, and each is to be run alone. When the whole group is lost they all
 * count as good, so that they are run again with it. */
static bool joint_run(Writer *w, Write **all, ptrdiff_t count) {
    Joint joints[JOINT_MAX];
    bool opened;
    assert(count <= JOINT_MAX);
    if (tx_open(w, &opened) != SQLITE_OK) return false;
    for (ptrdiff_t i = 0; i < count; i++)
        joints[i] = (Joint){all[i]->c, all[i]->body.joint->arg, NULL};
    bool good = joint_guarded(w, all, joints, count);
    int rc = SQLITE_OK;
    if (!group_lost(w)) {
        rc = tx_close(w, opened, good);
        if (rc != SQLITE_OK && !group_lost(w)) control(w, ROLLBACK);
    }
    w->fresh &= !good;
    if (!good && !group_lost(w)) return false;
    joint_settle(all, group_lost(w) ? NULL : joints, count);
    return true;
}

/* -- the group --------------------------------------------------------------------------------- */

static void write_fail(Write *r, int rc) {
    r->first = NULL;
    r->good = false;
    r->commit_rc = rc;
}

static int commit(Writer *w) {
    int64_t began_us = mono_us();
    int rc = control(w, COMMIT);
    tally_time(&w->tallies->commits, began_us);
    if (rc == SQLITE_OK)
        atomic_fetch_add(&w->commits, 1);
    else if (!group_lost(w))
        control(w, ROLLBACK);
    return rc;
}

/* The group came to nothing, though these were good: each again, in a commit of its own. */
static void group_apart(Writer *w) {
    for (ptrdiff_t i = 0; i < w->count; i++) {
        Write *r = w->group[i];
        if (!r->good) continue;
        tally_add(&w->tallies->again, 1);
        int rc = control(w, BEGIN);
        w->fresh = true;
        if (rc != SQLITE_OK) {
            write_fail(r, rc);
            continue;
        }
        write_run(w, r);
        if (group_lost(w)) continue; /* it failed and took its own transaction along */
        rc = r->good ? commit(w) : control(w, ROLLBACK);
        if (rc != SQLITE_OK) write_fail(r, rc);
    }
}

static void finished_wake(void *arg) {
    for (Write *r = arg; r;) {
        Write *next = r->next;
        r->woken = true;
        coro_wake(r->co);
        r = next;
    }
}

/* One post a loop, in the order given. */
void writer_wake(Write *r) {
    Write *lists[LOOPS_MAX] = {NULL}, *last[LOOPS_MAX], *next;
    for (; r; r = next) {
        next = r->next;
        r->next = NULL;
        *(lists[r->loop] ? &last[r->loop]->next : &lists[r->loop]) = r;
        last[r->loop] = r;
    }
    for (int i = 0; i < loop_count(); i++)
        if (lists[i]) loop_post(loop_at(i), finished_wake, lists[i]);
}

static void group_wake(Writer *w) {
    Write *ready = NULL;
    pthread_mutex_lock(&w->lock);
    for (ptrdiff_t i = w->count - 1; i >= 0; i--) {
        Write *r = w->group[i];
        Write **list = r->first ? &r->first->body.joint->followers : &ready;
        r->state = WRITE_DONE;
        r->next = *list;
        *list = r;
    }
    pthread_mutex_unlock(&w->lock);
    w->count = 0;
    writer_wake(ready);
}

/* Another process holds the database, or the disk fails: nobody who waits now gets in. */
static void queue_fail(Writer *w, int rc) {
    Write *r;
    while (w->count < GROUP_MAX && (r = queue_take(w))) {
        write_fail(r, rc);
        w->group[w->count++] = r;
    }
    group_wake(w);
}

/* One that has been taken, with those that can be done as one with it; false: the group is lost. */
static bool group_add(Writer *w, Write *r) {
    Write **all = &w->group[w->count];
    ptrdiff_t count = 1, max = min_size(JOINT_MAX, GROUP_MAX - w->count);
    all[0] = r;
    if (r->body.joint) count += queue_take_alike(w, r->body.joint, all + 1, max - 1);
    w->count += count;
    if (count > 1 && joint_run(w, all, count)) return !group_lost(w);
    joint_settle(all, NULL, count);
    for (ptrdiff_t i = 0; i < count && !group_lost(w); i++) write_run(w, all[i]);
    return !group_lost(w);
}

static void group_run(Writer *w) {
    int rc = control(w, BEGIN);
    w->fresh = true;
    if (rc != SQLITE_OK) {
        queue_fail(w, rc);
        return;
    }
    int64_t until = mono_us() + GROUP_US;
    bool whole = true;
    Write *r;
    while (whole && w->count < GROUP_MAX && (r = queue_take(w))) {
        whole = group_add(w, r);
        if (mono_us() >= until) break;
    }
    tally_group(&w->tallies->groups, w->count);
    if (!whole || commit(w) != SQLITE_OK) group_apart(w);
    group_wake(w);
}

/* -- checkpoints ------------------------------------------------------------------------------- */

static int on_log_grown(void *arg, sqlite3 *db, const char *name, int frames) {
    Writer *w = arg;
    (void)db;
    (void)name;
    atomic_store(&w->frames, frames);
    return SQLITE_OK;
}

static void checkpoint(Writer *w, SqlHandle *h) {
    int in_log = 0, done = 0;
    int rc = sqlite3_wal_checkpoint_v2(h->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log, &done);
    if (rc == SQLITE_OK)
        atomic_store(&w->frames_done, done);
    else if (rc != SQLITE_BUSY && rc != SQLITE_LOCKED)
        log_msg(NULL, LOG_WARN, "SQLite checkpoint failed: %s", sqlite3_errmsg(h->db));
}

/* After each commit: has the log grown enough for a checkpoint, or so much that we must help? While
 * somebody writes all the time the checkpointer never reaches the log's end, and only at its end
 * can the log start again from its beginning. */
static void checkpoint_ask(Writer *w) {
    int frames = atomic_load(&w->frames), done = atomic_load(&w->frames_done);
    if (frames < done) atomic_store(&w->frames_done, done = 0); /* the log has started again */
    if (frames < LOG_FRAMES_MAX) w->help_at = LOG_FRAMES_MAX;
    if (frames >= w->help_at) {
        checkpoint(w, w->h);
        w->help_at = frames + CHECKPOINT_FRAMES;
    }
    bool soon = frames - done >= CHECKPOINT_FRAMES;
    pthread_mutex_lock(&w->checkpoint_lock);
    if (!w->pending || (soon && !w->soon)) pthread_cond_signal(&w->checkpoint_work);
    w->pending = true;
    w->soon |= soon;
    pthread_mutex_unlock(&w->checkpoint_lock);
}

/* Wait until there is something to do; false when it is time to end. */
static bool checkpoint_wait(Writer *w) {
    pthread_mutex_lock(&w->checkpoint_lock);
    while (!w->pending && !w->checkpoint_stopping)
        pthread_cond_wait(&w->checkpoint_work, &w->checkpoint_lock);
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += CHECKPOINT_IDLE_S;
    int rc = 0;
    while (!w->soon && !w->checkpoint_stopping && rc == 0)
        rc = pthread_cond_timedwait(&w->checkpoint_work, &w->checkpoint_lock, &at);
    w->pending = w->soon = false;
    bool more = !w->checkpoint_stopping;
    pthread_mutex_unlock(&w->checkpoint_lock);
    return more;
}

static void *checkpoint_main(void *arg) {
    Writer *w = arg;
    while (checkpoint_wait(w)) checkpoint(w, w->checkpointing);
    return NULL;
}

/* -- start and end ----------------------------------------------------------------------------- */

static void *writer_main(void *arg) {
    Writer *w = arg;
    while (queue_wait(w)) {
        group_run(w);
        checkpoint_ask(w);
    }
    return NULL;
}

Writer *writer_start(SqlHandle *writing, SqlHandle *checkpointing, DbTallies *tallies) {
    assert(writing && checkpointing);
    Writer *w = calloc(1, sizeof *w);
    if (!w) abort();
    w->h = writing;
    w->checkpointing = checkpointing;
    w->tallies = tallies;
    w->help_at = LOG_FRAMES_MAX;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->work, NULL);
    pthread_mutex_init(&w->checkpoint_lock, NULL);
    pthread_cond_init(&w->checkpoint_work, NULL);
    for (int i = 0; i < CONTROL_COUNT; i++)
        if (sqlite3_prepare_v2(w->h->db, control_texts[i], -1, &w->controls[i], NULL) != SQLITE_OK)
            abort();
    sqlite3_wal_hook(w->h->db, on_log_grown, w);
    if (pthread_create(&w->thread, NULL, writer_main, w) != 0) abort();
    if (pthread_create(&w->checkpoint_thread, NULL, checkpoint_main, w) != 0) abort();
    pthread_setname_np(w->thread, "db writer"); /* as top -H and perf show them */
    pthread_setname_np(w->checkpoint_thread, "db checkpoint");
    return w;
}

void writer_stats(Writer *w, int64_t *queued, int64_t *log_pages) {
    pthread_mutex_lock(&w->lock);
    *queued = w->queued;
    pthread_mutex_unlock(&w->lock);
    *log_pages = max_i64(0, atomic_load(&w->frames) - atomic_load(&w->frames_done));
}

const atomic_uint *writer_commits(const Writer *w) { return &w->commits; }

void writer_stop(Writer *w) {
    if (!w) return;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_mutex_lock(&w->checkpoint_lock);
    w->checkpoint_stopping = true;
    pthread_cond_signal(&w->checkpoint_work);
    pthread_mutex_unlock(&w->checkpoint_lock);
    pthread_join(w->checkpoint_thread, NULL);
    for (int i = 0; i < CONTROL_COUNT; i++) sqlite3_finalize(w->controls[i]);
    sqlite_handle_close(w->checkpointing);
    sqlite_handle_close(w->h);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->work);
    pthread_mutex_destroy(&w->checkpoint_lock);
    pthread_cond_destroy(&w->checkpoint_work);
    free(w);
}

/* -- on the coroutine's side ------------------------------------------------------------------- */

static Err *write_result(Ctx *c, const Write *r) {
    if (r->good) return NULL;
    if (r->over_budget) FAIL(c, BUDGET, "The transaction is over its memory budget.");
    if (r->err) return r->err;
    assert(r->commit_rc != SQLITE_OK);
    int primary = r->commit_rc & 0xff;
    bool locked = primary == SQLITE_BUSY || primary == SQLITE_LOCKED;
    Err *err =
        err_new(c, sqlite_kind(r->commit_rc), __func__, "Nothing was written: %s",
                locked ? "another process holds the database." : sqlite3_errstr(r->commit_rc));
    if (err_retryable(err->kind)) err->retry_after_s = RETRY_S;
    return err;
}

Err *writer_run(Ctx *c, Writer *w, Query *q, DbTx *tx, TxBody body) {
    assert(c->coro && loop_here());
    assert(q || (tx && body.fn));
    Write r = {
        .c = c, .co = c->coro, .loop = loop_index(loop_here()), .q = q, .tx = tx, .body = body};
    Ctx here =
        *c; /* c itself is the writer's from the moment it is in the queue until it is back */
    TRY(queue_add(w, &r));
    Wake wake = WAKE_DONE;
    while (!r.woken && wake == WAKE_DONE) wake = coro_wait(&here);
    if (!r.woken && queue_withdraw(w, &r))
        return wake_err(c, wake, "waiting for the database's writer");
    while (!r.woken) coro_wait_surely(&here);
    return write_result(c, &r);
}
