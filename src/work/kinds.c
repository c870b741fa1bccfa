/* SPDX-License-Identifier: Apache-2.0
 * The kinds of jobs that this process knows, and the limits of queues. Filled before the first
 * job is asked for, read-only afterwards, so that every thread reads them without a lock. */
#include "core/map.h"
#include "core/rand.h"
#include "core/time.h"
#include "work/room.h"

static struct {
    Map by_name;
    const char *queues[QUEUES_MAX];
    ptrdiff_t queue_count;
    struct {
        Str queue;
        int64_t limit;
    } limits[QUEUES_MAX];
    ptrdiff_t limit_count;
} kinds;

const char *job_kind_queue(const JobKind *kind) { return kind->queue ? kind->queue : "default"; }

static void queue_note(const char *queue) {
    assert(queue[0] && !strchr(queue, ','));
    for (ptrdiff_t i = 0; i < kinds.queue_count; i++) {
        if (strcmp(kinds.queues[i], queue) == 0) return;
    }
    assert(kinds.queue_count < QUEUES_MAX);
    kinds.queues[kinds.queue_count++] = queue;
}

void jobs_kinds_set(const JobKind *const *tables, const ptrdiff_t *counts, ptrdiff_t n) {
    map_free(&kinds.by_name);
    kinds.queue_count = 0;
    for (ptrdiff_t t = 0; t < n; t++) {
        for (ptrdiff_t i = 0; i < counts[t]; i++) {
            const JobKind *kind = &tables[t][i];
            assert(kind->name && kind->run);
            assert(kind->max_attempts >= 0 && kind->timeout_ms >= 0 && kind->keep_ms >= 0);
            void *former = map_set(&kinds.by_name, str_c(kind->name), (void *)(uintptr_t)kind);
            assert(!former); /* two kinds of one name */
            (void)former;
            queue_note(job_kind_queue(kind));
        }
    }
}

const JobKind *job_kind(Str name) { return map_get(&kinds.by_name, name); }

ptrdiff_t kinds_queues(const char **out) {
    memcpy(out, kinds.queues, (size_t)kinds.queue_count * sizeof *out);
    return kinds.queue_count;
}

Str kinds_json(Arena *arena) {
    Buf b = buf_new(arena, 1024);
    MapSlot slot;
    buf_byte(&b, '[');
    for (ptrdiff_t i = 0; map_next(&kinds.by_name, &i, &slot);) {
        if (b.len > 1) buf_byte(&b, ',');
        buf_json(&b, slot.key);
    }
    buf_byte(&b, ']');
    return buf_str(&b);
}

void jobs_queue_limit(const char *queue, int64_t limit) {
    assert(queue && limit >= 0);
    for (ptrdiff_t i = 0; i < kinds.limit_count; i++) {
        if (!str_eq(kinds.limits[i].queue, str_c(queue))) continue;
        kinds.limits[i].limit = limit;
        return;
    }
    assert(kinds.limit_count < QUEUES_MAX);
    kinds.limits[kinds.limit_count].queue = str_c(queue);
    kinds.limits[kinds.limit_count++].limit = limit;
}

int64_t queue_limit(Str queue) {
    for (ptrdiff_t i = 0; i < kinds.limit_count; i++) {
        if (str_eq(kinds.limits[i].queue, queue)) return kinds.limits[i].limit;
    }
    return 0;
}

int64_t kind_max_attempts(const JobKind *kind) {
    return kind->max_attempts ? kind->max_attempts : 5;
}

int64_t kind_timeout_ms(const JobKind *kind) {
    return kind->timeout_ms ? kind->timeout_ms : 5 * US_PER_MINUTE / US_PER_MS;
}

int64_t kind_keep_ms(const JobKind *kind) {
    return kind && kind->keep_ms ? kind->keep_ms : US_PER_DAY / US_PER_MS;
}

int64_t kind_dead_keep_ms(const JobKind *kind) {
    return max_i64(kind_keep_ms(kind), 30 * US_PER_DAY / US_PER_MS);
}

/* Full jitter: anything from nothing to the doubled base, so that jobs that failed together do not
 * come back together. Never sooner than the other side asked. */
int64_t kind_backoff_ms(const JobKind *kind, int64_t attempts, const Err *err) {
    assert(attempts >= 1);
    int64_t base = kind && kind->backoff_base_ms ? kind->backoff_base_ms : 1000;
    int64_t most = kind && kind->backoff_max_ms ? kind->backoff_max_ms : 600 * 1000;
    int64_t doublings = min_i64(attempts - 1, 30);
    int64_t span = base > most >> doublings ? most : base << doublings;
    int64_t asked = err ? min_i64(err->retry_after_s, 24 * 3600) * 1000 : 0;
    return asked + rand_below(rand_thread(), span + 1);
}
