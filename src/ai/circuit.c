/* SPDX-License-Identifier: Apache-2.0
 * Circuits: policy.h draws their states. Calls of all loops meet here, for the length of a few
 * additions under one lock. */
#include <pthread.h>

#include "ai/policy.h"
#include "core/time.h"

enum { BUCKETS = 6 };

typedef struct Bucket {
    int64_t from_us, calls, failures;
} Bucket;

typedef struct Circuit {
    Bucket buckets[BUCKETS];
    int64_t failures;           /* in a row */
    int64_t opened_us, open_ms; /* open_ms > 0: not closed */
    bool probing;
} Circuit;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Circuit circuits[PROVIDERS_MAX][AI_KINDS];

static Circuit *circuit_of(ptrdiff_t provider, AiKind kind) {
    assert(provider >= 0 && provider < PROVIDERS_MAX);
    assert(kind >= 0 && kind < AI_KINDS);
    return &circuits[provider][kind];
}

static CircuitState state_of(const Circuit *x, int64_t now) {
    if (x->open_ms == 0) return CIRCUIT_CLOSED;
    return now < x->opened_us + x->open_ms * US_PER_MS ? CIRCUIT_OPEN : CIRCUIT_HALF;
}

/* The bucket of this moment, empty when its time has come again. */
static Bucket *bucket_now(Circuit *x, int64_t now) {
    int64_t width = max_i64(policy_tuning.window_ms * US_PER_MS / BUCKETS, 1);
    Bucket *b = &x->buckets[now / width % BUCKETS];
    int64_t from = now / width * width;
    if (b->from_us != from) *b = (Bucket){.from_us = from};
    return b;
}

static bool share_is_bad(const Circuit *x, int64_t now) {
    int64_t calls = 0, failures = 0;
    for (int i = 0; i < BUCKETS; i++) {
        if (x->buckets[i].from_us <= now - policy_tuning.window_ms * US_PER_MS) continue;
        calls += x->buckets[i].calls;
        failures += x->buckets[i].failures;
    }
    return calls >= policy_tuning.window_calls &&
           failures * 100 >= calls * policy_tuning.window_percent;
}

static void circuit_close(Circuit *x) { *x = (Circuit){0}; }

static void circuit_open(Circuit *x, int64_t now, int64_t open_ms) {
    *x = (Circuit){.opened_us = now, .open_ms = min_i64(open_ms, policy_tuning.open_max_ms)};
}

bool circuit_enter(ptrdiff_t provider, AiKind kind, CircuitPass *pass, int64_t *wait_ms) {
    assert(pass && wait_ms);
    Circuit *x = circuit_of(provider, kind);
    int64_t now = policy_tuning.now_us();
    *pass = (CircuitPass){0};
    *wait_ms = 0;
    pthread_mutex_lock(&lock);
    CircuitState state = state_of(x, now);
    bool good = state == CIRCUIT_CLOSED || (state == CIRCUIT_HALF && !x->probing);
    if (good && state == CIRCUIT_HALF) pass->probe = x->probing = true;
    if (state == CIRCUIT_OPEN)
        *wait_ms = (x->opened_us + x->open_ms * US_PER_MS - now) / US_PER_MS + 1;
    else if (!good)
        *wait_ms = US_PER_SECOND / US_PER_MS; /* the probe is on its way */
    pthread_mutex_unlock(&lock);
    return good;
}

/* What began before the circuit opened and comes back later says nothing new. */
static void leave(Circuit *x, bool probe, CircuitResult result, int64_t now) {
    if (x->open_ms > 0 && !probe) return;
    if (probe) {
        x->probing = false;
        if (result == CALL_GOOD) circuit_close(x);
        if (result == CALL_BAD) circuit_open(x, now, x->open_ms * 2);
        return;
    }
    if (result == CALL_NEITHER) return;
    Bucket *b = bucket_now(x, now);
    b->calls++;
    b->failures += result == CALL_BAD;
    x->failures = result == CALL_BAD ? x->failures + 1 : 0;
    if (x->failures >= policy_tuning.failures || (result == CALL_BAD && share_is_bad(x, now)))
        circuit_open(x, now, policy_tuning.open_ms);
}

void circuit_leave(ptrdiff_t provider, AiKind kind, CircuitPass pass, CircuitResult result) {
    Circuit *x = circuit_of(provider, kind);
    int64_t now = policy_tuning.now_us();
    pthread_mutex_lock(&lock);
    leave(x, pass.probe, result, now);
    pthread_mutex_unlock(&lock);
}

CircuitState circuit_state(ptrdiff_t provider, AiKind kind) {
    Circuit *x = circuit_of(provider, kind);
    int64_t now = policy_tuning.now_us();
    pthread_mutex_lock(&lock);
    CircuitState state = state_of(x, now);
    pthread_mutex_unlock(&lock);
    return state;
}

void circuits_reset(void) {
    pthread_mutex_lock(&lock);
    memset(circuits, 0, sizeof circuits);
    pthread_mutex_unlock(&lock);
}
