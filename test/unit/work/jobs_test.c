/* SPDX-License-Identifier: Apache-2.0
 * The promises of jobs.h, on both engines. */
#include "work/jobs.h"

#include "core/json.h"
#include "work_world.h"

/* What the runs of this file's kinds leave behind; every test begins with zeroes. */
static struct {
    atomic_int runs, at_once, at_once_most, cancelled;
    atomic_bool go;
    _Atomic int64_t order[64];
    atomic_int zombie_err; /* ErrKind + 1 of a refused job_finish */
} seen;

static Err *wait_for_go(Ctx *c) {
    while (!atomic_load(&seen.go)) TRY(sleep_ms(c, 2));
    return NULL;
}

static Err *run_plain(Ctx *c, Job *job) {
    int n = atomic_fetch_add(&seen.runs, 1);
    if (n < COUNT(seen.order)) atomic_store(&seen.order[n], job->id.value);
    job->result.text = strf(c->arena, "{\"echo\":%.*s}", S_ARG(job->payload.text));
    return NULL;
}

static Err *run_fail_twice(Ctx *c, Job *job) {
    atomic_fetch_add(&seen.runs, 1);
    if (job->attempts < 3) FAIL(c, UPSTREAM, "boom %d", (int)job->attempts);
    return NULL;
}

static Err *run_fail(Ctx *c, Job *job) {
    (void)job;
    atomic_fetch_add(&seen.runs, 1);
    FAIL(c, UPSTREAM, "boom");
}

static Err *run_refuse(Ctx *c, Job *job) {
    (void)job;
    atomic_fetch_add(&seen.runs, 1);
    FAIL(c, INVALID, "the payload makes no sense");
}

static Err *run_hang(Ctx *c, Job *job) {
    (void)job;
    atomic_fetch_add(&seen.runs, 1);
    Err *err = sleep_ms(c, 60 * 1000);
    if (err && err->kind == ERR_CANCELLED) atomic_fetch_add(&seen.cancelled, 1);
    return err;
}

static Err *run_narrow(Ctx *c, Job *job) {
    (void)job;
    int now = atomic_fetch_add(&seen.at_once, 1) + 1, most = atomic_load(&seen.at_once_most);
    while (now > most && !atomic_compare_exchange_weak(&seen.at_once_most, &most, now)) continue;
    Err *err = sleep_ms(c, 5);
    atomic_fetch_sub(&seen.at_once, 1);
    atomic_fetch_add(&seen.runs, 1);
    return err;
}

static Err *run_huge(Ctx *c, Job *job) {
    (void)job;
    atomic_fetch_add(&seen.runs, 1);
    for (int i = 0; i < 64; i++) arena_bytes(c->arena, MIB);
    return NULL;
}

static Err *effect_in(Ctx *c, void *arg) {
    Job *job = arg;
    TRY(db_exec(c, SQL("INSERT INTO effects (job) VALUES ($1)"), ARGS(V(job->id)), NULL));
    return job_finish(c, job, S("{\"effect\":1}"));
}

static Err *run_effect(Ctx *c, Job *job) {
    atomic_fetch_add(&seen.runs, 1);
    TRY(db_transaction(c, effect_in, job));
    FAIL(c, UPSTREAM, "after the commit nothing changes any more");
}

/* Give the job to another worker, as is done when this one has been silent for too long. */
static Err *take_away(Ctx *c, Id id) {
    TRY(db_exec(c,
                SQL("UPDATE jobs SET state = 'waiting', due = $2, worker = NULL, lease_until = "
                    "NULL WHERE id = $1"),
                ARGS(V(id), value_bool(true)), NULL));
    return db_notify(c, "jobs", S("now"));
}

static Err *run_zombie(Ctx *c, Job *job) {
    if (atomic_fetch_add(&seen.runs, 1) == 0) {
        TRY(take_away(c, job->id));
        TRY(wait_for_go(c));
        Err *err = db_transaction(c, effect_in, job);
        atomic_store(&seen.zombie_err, err ? (int)err->kind + 1 : 0);
        return err;
    }
    TRY(db_transaction(c, effect_in, job));
    atomic_store(&seen.go, true);
    return NULL;
}

static Err *run_progress(Ctx *c, Job *job) {
    for (int i = 1; i <= 100; i++) TRY(job_progress(c, job, i, 100, S("counting")));
    atomic_fetch_add(&seen.runs, 1);
    return wait_for_go(c);
}

static Err *run_as(Ctx *c, Job *job) {
    atomic_store(&seen.order[0], c->account.user.value);
    atomic_store(&seen.order[1], c->account.organisation.value);
    (void)job;
    atomic_fetch_add(&seen.runs, 1);
    return NULL;
}

static Err *run_counted(Ctx *c, Job *job);

static const JobKind kinds[] = {
    {.name = "test.plain", .run = run_plain},
    {.name = "test.fail_twice", .run = run_fail_twice, .backoff_base_ms = 5},
    {.name = "test.fail", .run = run_fail, .backoff_base_ms = 1, .max_attempts = 2},
    {.name = "test.fail_slowly",
     .run = run_fail,
     .backoff_base_ms = 3600 * 1000,
     .backoff_max_ms = 3600 * 1000},
    {.name = "test.refuse", .run = run_refuse},
    {.name = "test.hang", .run = run_hang, .timeout_ms = 20, .max_attempts = 1},
    {.name = "test.hang_long", .run = run_hang},
    {.name = "test.narrow", .queue = "narrow", .run = run_narrow},
    {.name = "test.counted",
     .run = run_counted,
     .max_attempts = 50,
     .backoff_base_ms = 1,
     .backoff_max_ms = 50},
    {.name = "test.ordered", .queue = "ordered", .run = run_plain},
    {.name = "test.huge", .run = run_huge, .budget_bytes = 4 * 1024 * 1024},
    {.name = "test.effect", .run = run_effect, .max_attempts = 3},
    {.name = "test.zombie", .run = run_zombie, .backoff_base_ms = 1},
    {.name = "test.progress", .run = run_progress},
    {.name = "test.as", .run = run_as},
    {.name = "test.brief", .run = run_plain, .keep_ms = 1},
};

static void kinds_use(ptrdiff_t count) {
    const JobKind *tables[] = {kinds};
    jobs_kinds_set(tables, &count, 1);
    memset(&seen, 0, sizeof seen);
}

static bool begin(Ctx *c) {
    kinds_use(COUNT(kinds));
    return GOOD(db_exec(
        c, SQL2("CREATE TABLE effects (job INTEGER) STRICT", "CREATE TABLE effects (job bigint)"),
        NO_ARGS, NULL));
}

static bool work(Ctx *c, WorkerOptions o) {
    if (o.poll_ms == 0)
        o.poll_ms = 60 * 1000; /* so that a wake-up that is missing is seen as such */
    return GOOD(workers_start_with(c, o));
}

/* Wait for a state; the job as it then is. */
static Job wait_state(Ctx *c, Id id, const char *state) {
    Job job = {0};
    for (int64_t until = mono_us() + STILL_S * US_PER_SECOND; mono_us() < until;) {
        if (!GOOD(job_load(c, id, &job)) || str_eq(job.state, str_c(state))) return job;
        if (!GOOD(sleep_ms(c, 2))) return job;
    }
    CHECK_STR(job.state, str_c(state));
    return job;
}

static Id add(Ctx *c, const char *kind, JobOptions options) {
    Id id = {0};
    GOOD(job_add(c, kind, S("{\"n\":1}"), options, &id));
    return id;
}

/* PostgreSQL writes JSON in its own way: a number at a path says enough. */
static void check_json(Ctx *c, Str text, const char *path, int64_t want) {
    json_t *json;
    int64_t got = -1;
    if (!GOOD(json_parse(c, text, &json))) return;
    CHECK(json_i64(json_path(json, path), &got));
    CHECK_INT(got, want);
}

/* -- asking ----------------------------------------------------------------------------------- */

WORK(a_job_runs_and_its_result_is_kept) {
    if (!begin(c) || !work(c, (WorkerOptions){0})) return;
    Id id = add(c, "test.plain", (JobOptions){0});
    Job job = wait_state(c, id, "done");
    check_json(c, job.result.text, "echo.n", 1);
    CHECK_INT(job.attempts, 1);
    CHECK(!time_is_null(job.started_at) && !time_is_null(job.finished_at));
    CHECK(time_is_null(job.lease_until));
    CHECK_STR(job.error, (Str){0});
    workers_stop(c);
}

typedef struct Asking {
    bool fail;
    Id id;
} Asking;

static Err *ask_in(Ctx *c, void *arg) {
    Asking *a = arg;
    TRY(job_add(c, "test.plain", S("1"), (JobOptions){0}, &a->id));
    if (a->fail) FAIL(c, CONFLICT, "no");
    return NULL;
}

WORK(a_job_asked_for_in_a_transaction_that_fails_does_not_exist) {
    if (!begin(c) || !work(c, (WorkerOptions){0})) return;
    Asking lost = {.fail = true}, kept = {0};
    FAILS(db_transaction(c, ask_in, &lost), CONFLICT);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM jobs"), 0);
    GOOD(db_transaction(c, ask_in, &kept));
    wait_state(c, kept.id, "done");
    CHECK_INT(atomic_load(&seen.runs), 1);
    workers_stop(c);
}

WORK(a_unique_key_makes_one_job_while_it_waits_or_runs) {
    if (!begin(c)) return;
    JobOptions options = {.unique_key = S("k")};
    Id first = add(c, "test.plain", options), second = add(c, "test.plain", options);
    Id other_kind = add(c, "test.as", options);
    CHECK_INT(second.value, first.value);
    CHECK(other_kind.value != first.value);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM jobs"), 2);
    if (!work(c, (WorkerOptions){0})) return;
    wait_state(c, first, "done");
    Id third = add(c, "test.plain", options);
    CHECK(third.value != first.value);
    wait_state(c, third, "done");
    workers_stop(c);
}

typedef struct Race {
    const char *kind;
    Id id;
} Race;

static Err *race_one(Ctx *c, void *arg) {
    Race *r = arg;
    return job_add(c, r->kind, S("1"), (JobOptions){.unique_key = S("same")}, &r->id);
}

WORK(fifty_at_once_with_one_key_get_one_job) {
    if (!begin(c)) return;
    Race races[50];
    Task tasks[50];
    for (int i = 0; i < 50; i++) {
        races[i] = (Race){"test.plain", {0}};
        tasks[i] = (Task){race_one, &races[i], NULL};
    }
    GOOD(fork_join(c, tasks, 50));
    for (int i = 1; i < 50; i++) CHECK_INT(races[i].id.value, races[0].id.value);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM jobs"), 1);
}

WORK(refuses_what_is_too_large_or_unknown_and_adds_nothing) {
    if (!begin(c)) return;
    ptrdiff_t size = 256 * 1024 + 1;
    char *text = arena_bytes(c->arena, size);
    memset(text, 'x', (size_t)size);
    text[0] = text[size - 2] = '"';
    FAILS(job_add(c, "test.plain", str_of(text, size), (JobOptions){0}, NULL), TOO_LARGE);
    FAILS(job_add(c, "test.nobody", S("1"), (JobOptions){0}, NULL), INTERNAL);
    FAILS(job_add(c, "test.plain", S("1"), (JobOptions){.delay_ms = -1}, NULL), INVALID);
    FAILS(job_add(c, "test.plain", S("\"\xff\""), (JobOptions){0}, NULL), INVALID);
    FAILS(job_add(c, "test.plain", S("1"), (JobOptions){.unique_key = str_of(text, 501)}, NULL),
          INVALID);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM jobs"), 0);
    GOOD(job_add(c, "test.plain", str_of(text, size - 1), (JobOptions){0}, NULL));
    Job none;
    FAILS(job_load(c, (Id){999}, &none), NOT_FOUND);
    FAILS(job_retry(c, (Id){999}), NOT_FOUND);
    FAILS(job_cancel(c, (Id){999}), NOT_FOUND);
}

/* -- order ------------------------------------------------------------------------------------ */

WORK(the_higher_priority_runs_first_then_the_older) {
    if (!begin(c)) return;
    jobs_queue_limit("ordered", 1);
    Id low = add(c, "test.ordered", (JobOptions){.priority = -1});
    Id first = add(c, "test.ordered", (JobOptions){0});
    Id second = add(c, "test.ordered", (JobOptions){0});
    Id high = add(c, "test.ordered", (JobOptions){.priority = 7});
    if (!work(c, (WorkerOptions){.poll_ms = 20})) return;
    wait_state(c, low, "done");
    const Id wanted[] = {high, first, second, low};
    for (int i = 0; i < COUNT(wanted); i++) CHECK_INT(atomic_load(&seen.order[i]), wanted[i].value);
    workers_stop(c);
    jobs_queue_limit("ordered", 0);
}

WORK(a_delayed_job_waits_for_its_time) {
    if (!begin(c) || !work(c, (WorkerOptions){0})) return;
    int64_t before = time_now().us;
    Id later = add(c, "test.plain", (JobOptions){.delay_ms = 3600 * 1000});
    Id soon = add(c, "test.plain", (JobOptions){.delay_ms = 80});
    Job job = wait_state(c, soon, "done");
    CHECK(job.started_at.us - before >= 80 * US_PER_MS);
    CHECK(job.started_at.us - before < 5 * US_PER_SECOND);
    GOOD(job_load(c, later, &job));
    CHECK_STR(job.state, S("waiting"));
    JobStats stats;
    GOOD(job_stats(c, &stats));
    CHECK_INT(stats.delayed, 1);
    CHECK_INT(stats.done, 1);
    CHECK_INT(stats.waiting, 0);
    workers_stop(c);
}

WORK(a_queue_keeps_to_its_limit_over_all_loops) {
    if (!begin(c)) return;
    jobs_queue_limit("narrow", 2);
    Str payloads[30];
    for (int i = 0; i < 30; i++) payloads[i] = S("1");
    GOOD(job_add_many(c, "test.narrow", payloads, 30, (JobOptions){0}));
    if (!work(c, (WorkerOptions){.per_loop = 8})) return;
    CHECK(reaches(c, &seen.runs, 30));
    CHECK_INT(atomic_load(&seen.at_once_most), 2);
    workers_stop(c);
    jobs_queue_limit("narrow", 0);
}

WORK(workers_of_one_queue_leave_the_others_alone) {
    if (!begin(c)) return;
    Id plain = add(c, "test.plain", (JobOptions){0}),
       narrow = add(c, "test.narrow", (JobOptions){0});
    FAILS(workers_start(c, S("narrow,nothing"), 1), INVALID);
    if (!work(c, (WorkerOptions){.queues = S("narrow")})) return;
    wait_state(c, narrow, "done");
    Job job;
    GOOD(job_load(c, plain, &job));
    CHECK_STR(job.state, S("waiting"));
    workers_stop(c);
}

WORK(a_kind_that_this_process_does_not_know_is_left_for_others) {
    if (!begin(c)) return;
    Id stranger = add(c, "test.as", (JobOptions){.priority = 9});
    kinds_use(1);
    if (!work(c, (WorkerOptions){0})) return;
    Id known = add(c, "test.plain", (JobOptions){0});
    wait_state(c, known, "done");
    wait_state(c, stranger, "waiting"); /* it may have been claimed before it was known as a stranger */
    Job job;
    GOOD(job_load(c, stranger, &job));
    CHECK_INT(job.attempts, 0);
    workers_stop(c);
}

WORK(ten_thousand_jobs_run_exactly_once_each) {
    enum { MANY = 10000 };
    if (!begin(c)) return;
    Str *payloads = arena_array(c->arena, Str, MANY);
    for (int i = 0; i < MANY; i++) payloads[i] = S("1");
    GOOD(job_add_many(c, "test.plain", payloads, MANY, (JobOptions){0}));
    if (!work(c, (WorkerOptions){0})) return;
    CHECK(reaches(c, &seen.runs, MANY));
    workers_stop(c); /* waits for the ends to be written */
    CHECK_INT(atomic_load(&seen.runs), MANY);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM jobs WHERE state = 'done' AND attempts = 1"),
              MANY);
}

static Err *run_counted(Ctx *c, Job *job) {
    atomic_fetch_add(&seen.runs, 1);
    return db_transaction(c, effect_in, job);
}

/* Every connection is cut again and again while jobs run: each effect is there once in the end. */
ON_POSTGRES(connections_that_break_lose_no_job_and_double_no_effect) {
    enum { MANY = 400 };
    if (!migrated(c) || !begin(c)) return;
    Str payloads[MANY];
    for (int i = 0; i < MANY; i++) payloads[i] = S("1");
    GOOD(job_add_many(c, "test.counted", payloads, MANY, (JobOptions){0}));
    if (!work(c, (WorkerOptions){.per_loop = 4, .lease_ms = 3000, .poll_ms = 50})) return;
    const char *cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                      "WHERE application_name <> '' AND datname = '%s' AND pid <> pg_backend_pid()";
    char sql[512];
    snprintf(sql, sizeof sql, cut, strrchr(world.url, '/') + 1);
    for (int i = 0; i < 12; i++) {
        CHECK(pg_admin(sql));
        GOOD(sleep_ms(c, 50));
    }
    int64_t done = 0;
    for (int64_t until = mono_us() + 30 * US_PER_SECOND; done < MANY && mono_us() < until;) {
        Err *err = db_int(c, SQL("SELECT count(*) FROM jobs WHERE state = 'done'"), NO_ARGS, &done);
        if (err && err->kind != ERR_UNAVAILABLE) GOOD(err);
        GOOD(sleep_ms(c, 20));
    }
    CHECK_INT(done, MANY);
    workers_stop(c);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM effects"), MANY);
    CHECK_INT(count_rows(c, "SELECT count(DISTINCT job) FROM effects"), MANY);
}

/* -- failing ---------------------------------------------------------------------------------- */

WORK(a_failed_job_is_tried_again_after_a_pause) {
    if (!begin(c) || !work(c, (WorkerOptions){0})) return;
    Id id = add(c, "test.fail_twice", (JobOptions){0});
    Job job = wait_state(c, id, "done");
    CHECK_INT(job.attempts, 3);
    CHECK_INT(atomic_load(&seen.runs), 3);
    workers_stop(c);
}

WORK(a_job_out_of_tries_is_dead_and_can_be_replayed) {
    if (!begin(c) || !work(c, (WorkerOptions){0})) return;
    Id id = add(c, "test.fail", (JobOptions){0});
    Job job = wait_state(c, id, "dead");
    CHECK_INT(atomic_load(&seen.runs), 2);
    CHECK(str_find(job.error, S("boom")) >= 0);
    Rows dead;
    int64_t total;
    GOOD(job_list(c, (JobFilter){.state = S("dead"), .limit = 10}, &dead, &total));
    CHECK_INT(total, 1);
    CHECK_INT(dead.count, 1);
    GOOD(job_retry(c, id));
    CHECK(reaches(c, &seen.runs, 4));
    job = wait_state(c, id, "dead");
    CHECK_INT(job.attempts, 2);
    workers_stop(c);
}

WORK(what_cannot_get_better_is_dead_at_once) {
    if (!begin(c) || !work(c, (WorkerOptions){0})) return;
    Id id = add(c, "test.refuse", (JobOptions){0});
    Job job = wait_state(c, id, "dead");
    CHECK_INT(job.attempts, 1);
    CHECK(str_find(job.error, S("the payload makes no sense")) >= 0);
    workers_stop(c);
}

WORK(a_failed_job_may_be_sent_on_before_its_pause_is_over) {
    if (!begin(c) || !work(c, (WorkerOptions){0})) return;
    Id id = add(c, "test.fail_slowly", (JobOptions){0});
    CHECK(reaches(c, &seen.runs, 1));
    wait_state(c, id, "waiting");
    GOOD(job_retry(c, id));
    CHECK(reaches(c, &seen.runs, 2));
    workers_stop(c);
}

WORK(a_run_over_its_time_ends_and_counts_as_a_failure) {
    if (!begin(c) || !work(c, (WorkerOptions){0})) return;
    Job job = wait_state(c, add(c, "test.hang", (JobOptions){0}), "dead");
    CHECK(str_find(job.error, S("TIMEOUT")) >= 0);
    workers_stop(c);
}

WORK(a_run_over_its_memory_ends_alone) {
    if (!begin(c) || !work(c, (WorkerOptions){0})) return;
    Job job = wait_state(c, add(c, "test.huge", (JobOptions){0}), "dead");
    CHECK(str_find(job.error, S("memory")) >= 0);
    wait_state(c, add(c, "test.plain", (JobOptions){0}), "done");
    workers_stop(c);
}

/* -- effect and completion -------------------------------------------------------------------- */

WORK(effect_and_completion_commit_together) {
    if (!begin(c) || !work(c, (WorkerOptions){0})) return;
    Job job = wait_state(c, add(c, "test.effect", (JobOptions){0}), "done");
    check_json(c, job.result.text, "effect", 1);
    workers_stop(c);
    CHECK_INT(atomic_load(&seen.runs), 1); /* that it failed later made no second run */
    CHECK_INT(count_rows(c, "SELECT count(*) FROM effects"), 1);
}

WORK(a_worker_that_was_given_up_cannot_commit) {
    if (!begin(c) || !work(c, (WorkerOptions){0})) return;
    JobRuns before = job_runs();
    Job job = wait_state(c, add(c, "test.zombie", (JobOptions){0}), "done");
    CHECK_INT(job.attempts, 2);
    workers_stop(c);                         /* both runs have ended */
    int err = atomic_load(&seen.zombie_err); /* 0, CANCELLED: it was told before it came so far */
    CHECK(err == ERR_CONFLICT + 1 || err == 0 || err == ERR_CANCELLED + 1);
    JobRuns after = job_runs();
    CHECK_INT(after.lost - before.lost, 1);
    CHECK_INT(after.dead - before.dead, 0); /* nor is the job called dead, which is done */
    CHECK_INT(count_rows(c, "SELECT count(*) FROM effects"), 1);
}

WORK(a_worker_hears_that_it_was_given_up) {
    if (!begin(c) || !work(c, (WorkerOptions){.lease_ms = 300, .poll_ms = 20})) return;
    Id id = add(c, "test.hang_long", (JobOptions){0});
    CHECK(reaches(c, &seen.runs, 1));
    GOOD(take_away(c, id));
    CHECK(reaches(c, &seen.cancelled, 1));
    CHECK(reaches(c, &seen.runs, 2));
    GOOD(job_cancel(c, id));
    wait_state(c, id, "cancelled");
    workers_stop(c);
}

/* The refusal itself, without a race: finish with the number of an earlier claim. */
WORK(an_old_lease_finishes_nothing) {
    if (!begin(c)) return;
    Job job = {.id = add(c, "test.plain", (JobOptions){0}), .lease = 4, .kind = S("test.plain")};
    MUST(db_exec(c, SQL("UPDATE jobs SET state = 'running', lease = 5"), NO_ARGS, NULL));
    FAILS(db_transaction(c, effect_in, &job), CONFLICT);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM effects"), 0);
    CHECK(!job.finished);
    job.lease = 5;
    GOOD(db_transaction(c, effect_in, &job));
    CHECK(job.finished);
    FAILS(db_transaction(c, effect_in, &job), CONFLICT); /* once is enough */
    CHECK_INT(count_rows(c, "SELECT count(*) FROM effects"), 1);
}

WORK(a_dead_workers_job_runs_again) {
    if (!begin(c)) return;
    Id id = add(c, "test.plain", (JobOptions){0}), last = add(c, "test.plain", (JobOptions){0});
    Id cancelled = add(c, "test.plain", (JobOptions){0});
    MUST(db_exec(c,
                 SQL("UPDATE jobs SET state = 'running', attempts = 1, lease = 1, worker = 'gone', "
                     "lease_until = $1"),
                 ARGS(V(time_add(time_now(), -US_PER_SECOND))), NULL));
    MUST(db_exec(c, SQL("UPDATE jobs SET max_attempts = 1 WHERE id = $1"), ARGS(V(last)), NULL));
    MUST(db_exec(c, SQL("UPDATE jobs SET cancel_requested = $2 WHERE id = $1"),
                 ARGS(V(cancelled), value_bool(true)), NULL));
    if (!work(c, (WorkerOptions){.lease_ms = 6000, .poll_ms = 20})) return;
    Job job = wait_state(c, id, "done");
    CHECK_INT(job.attempts, 2);
    job = wait_state(c, last, "dead");
    CHECK(str_find(job.error, S("silent")) >= 0);
    wait_state(c, cancelled, "cancelled");
    workers_stop(c);
}

WORK(a_long_run_keeps_its_lease) {
    if (!begin(c) || !work(c, (WorkerOptions){.lease_ms = 3000, .poll_ms = 20})) return;
    Id id = add(c, "test.progress", (JobOptions){0});
    CHECK(reaches(c, &seen.runs, 1));
    GOOD(sleep_ms(c, 4000));
    atomic_store(&seen.go, true);
    Job job = wait_state(c, id, "done");
    CHECK_INT(job.attempts, 1);
    CHECK_INT(atomic_load(&seen.runs), 1);
    CHECK_INT(job.progress_done, 100);
    CHECK_INT(job.progress_total, 100);
    CHECK_STR(job.progress_note, S("counting"));
    workers_stop(c);
}

/* -- cancelling and stopping ------------------------------------------------------------------ */

WORK(cancel_stops_a_waiting_and_a_running_job) {
    if (!begin(c)) return;
    Id waiting = add(c, "test.plain", (JobOptions){.delay_ms = 60000});
    GOOD(job_cancel(c, waiting));
    GOOD(job_cancel(c, waiting));
    Job job;
    GOOD(job_load(c, waiting, &job));
    CHECK_STR(job.state, S("cancelled"));
    if (!work(c, (WorkerOptions){0})) return;
    Id running = add(c, "test.hang_long", (JobOptions){0});
    CHECK(reaches(c, &seen.runs, 1));
    GOOD(job_cancel(c, running));
    wait_state(c, running, "cancelled");
    CHECK_INT(atomic_load(&seen.cancelled), 1);
    Id done = add(c, "test.plain", (JobOptions){0});
    wait_state(c, done, "done");
    FAILS(job_cancel(c, done), CONFLICT);
    FAILS(job_retry(c, done), CONFLICT);
    GOOD(job_retry(c, waiting));
    wait_state(c, waiting, "done");
    workers_stop(c);
}

WORK(retry_is_refused_while_another_job_has_the_key) {
    if (!begin(c)) return;
    JobOptions options = {.unique_key = S("k")};
    Id old = add(c, "test.plain", options);
    GOOD(job_cancel(c, old));
    Id new = add(c, "test.plain", options);
    FAILS(job_retry(c, old), CONFLICT);
    GOOD(job_cancel(c, new));
    GOOD(job_retry(c, old));
}

WORK(stopping_gives_back_what_does_not_end_in_time) {
    if (!begin(c) || !work(c, (WorkerOptions){.drain_ms = 50})) return;
    Id id = add(c, "test.hang_long", (JobOptions){0});
    CHECK(reaches(c, &seen.runs, 1));
    workers_stop(c);
    Job job;
    GOOD(job_load(c, id, &job));
    CHECK_STR(job.state, S("waiting"));
    CHECK_INT(job.attempts, 0);
    CHECK_INT(atomic_load(&seen.cancelled), 1);
}

WORK(stopping_lets_what_ends_in_time_end) {
    if (!begin(c) || !work(c, (WorkerOptions){.per_loop = 1})) return;
    Id ids[6];
    for (int i = 0; i < 6; i++) ids[i] = add(c, "test.progress", (JobOptions){0});
    CHECK(reaches(c, &seen.runs, 2));
    atomic_store(&seen.go, true);
    workers_stop(c);
    CHECK_INT(count_rows(c, "SELECT count(*) FROM jobs WHERE state = 'running'"), 0);
    int64_t done = count_rows(c, "SELECT count(*) FROM jobs WHERE state = 'done'");
    CHECK(done >= 2);
    CHECK_INT(
        done + count_rows(c, "SELECT count(*) FROM jobs WHERE state = 'waiting' AND attempts = 0"),
        6);
    CHECK(ids[5].value > 0);
}

WORK(a_job_acts_for_who_asked) {
    if (!begin(c) || !work(c, (WorkerOptions){0})) return;
    c->account.user = (Id){7};
    c->account.organisation = (Id){8};
    Job job = wait_state(c, add(c, "test.as", (JobOptions){0}), "done");
    CHECK_INT(atomic_load(&seen.order[0]), 7);
    CHECK_INT(atomic_load(&seen.order[1]), 8);
    CHECK_INT(job.user_id.value, 7);
    workers_stop(c);
}

WORK(ended_jobs_are_listed_by_filter_with_exact_totals) {
    if (!begin(c)) return;
    for (int i = 0; i < 5; i++) add(c, "test.plain", (JobOptions){0});
    Id narrow = add(c, "test.narrow", (JobOptions){0});
    GOOD(job_cancel(c, narrow));
    Rows rows;
    int64_t total;
    GOOD(job_list(c, (JobFilter){.limit = 2, .offset = 1}, &rows, &total));
    CHECK_INT(rows.count, 2);
    CHECK_INT(total, 6);
    CHECK_INT(((const Job *)rows.items)[0].id.value, narrow.value - 1);
    GOOD(job_list(c, (JobFilter){.queue = S("narrow"), .limit = 9}, &rows, &total));
    CHECK_INT(total, 1);
    GOOD(job_list(c, (JobFilter){.state = S("waiting"), .kind = S("test.plain"), .limit = 9}, &rows,
                  &total));
    CHECK_INT(total, 5);
    GOOD(job_list(c, (JobFilter){.state = S("x' OR '1'='1"), .limit = 9}, &rows, &total));
    CHECK_INT(total, 0);
}

T_MAIN(BOTH_ROWS(a_job_runs_and_its_result_is_kept),
       BOTH_ROWS(a_job_asked_for_in_a_transaction_that_fails_does_not_exist),
       BOTH_ROWS(a_unique_key_makes_one_job_while_it_waits_or_runs),
       BOTH_ROWS(fifty_at_once_with_one_key_get_one_job),
       BOTH_ROWS(refuses_what_is_too_large_or_unknown_and_adds_nothing),
       BOTH_ROWS(the_higher_priority_runs_first_then_the_older),
       BOTH_ROWS(a_delayed_job_waits_for_its_time),
       BOTH_ROWS(a_queue_keeps_to_its_limit_over_all_loops),
       BOTH_ROWS(workers_of_one_queue_leave_the_others_alone),
       BOTH_ROWS(a_kind_that_this_process_does_not_know_is_left_for_others),
       BOTH_ROWS(ten_thousand_jobs_run_exactly_once_each),
       T_ROW(connections_that_break_lose_no_job_and_double_no_effect_postgres),
       BOTH_ROWS(a_failed_job_is_tried_again_after_a_pause),
       BOTH_ROWS(a_job_out_of_tries_is_dead_and_can_be_replayed),
       BOTH_ROWS(what_cannot_get_better_is_dead_at_once),
       BOTH_ROWS(a_failed_job_may_be_sent_on_before_its_pause_is_over),
       BOTH_ROWS(a_run_over_its_time_ends_and_counts_as_a_failure),
       BOTH_ROWS(a_run_over_its_memory_ends_alone),
       BOTH_ROWS(effect_and_completion_commit_together),
       BOTH_ROWS(a_worker_that_was_given_up_cannot_commit),
       BOTH_ROWS(a_worker_hears_that_it_was_given_up), BOTH_ROWS(an_old_lease_finishes_nothing),
       BOTH_ROWS(a_dead_workers_job_runs_again), BOTH_ROWS(a_long_run_keeps_its_lease),
       BOTH_ROWS(cancel_stops_a_waiting_and_a_running_job),
       BOTH_ROWS(retry_is_refused_while_another_job_has_the_key),
       BOTH_ROWS(stopping_gives_back_what_does_not_end_in_time),
       BOTH_ROWS(stopping_lets_what_ends_in_time_end), BOTH_ROWS(a_job_acts_for_who_asked),
       BOTH_ROWS(ended_jobs_are_listed_by_filter_with_exact_totals))
