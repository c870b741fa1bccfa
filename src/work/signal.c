/* SPDX-License-Identifier: Apache-2.0 */
#include "core/time.h"
#include "work/room.h"

void signal_init(Signal *s, Loop *loop) {
    assert(s && loop);
    *s = (Signal){.loop = loop};
}

void signal_give_here(Signal *s) {
    assert(s->loop == loop_here());
    s->set = true;
    wait_wake_all(&s->waiting);
}

static void signal_posted(void *arg) {
    Signal *s = arg;
    atomic_store(&s->posted, false);
    s->set = true; /* not signal_give_here: the last posts of a loop run when it is no more */
    wait_wake_all(&s->waiting);
}

void signal_give(Signal *s) {
    if (!s->loop) return; /* never started */
    if (!atomic_exchange(&s->posted, true)) loop_post(s->loop, signal_posted, s);
}

void signal_wait(Ctx *c, Signal *s, int64_t ms) {
    assert(s->loop == loop_here());
    if (!s->set) {
        int64_t former = ctx_deadline_within(c, ms);
        Err *err = wait_on(c, &s->waiting);
        (void)err; /* time over and cancelled are seen by the caller */
        c->deadline_us = former;
    }
    s->set = false;
}

void service_end(Ctx *c, const atomic_bool *alive, Coro *co) {
    enum { BY_ITSELF_MS = 2000, LOOK_MS = 10 };
    int64_t until_us = mono_us() + BY_ITSELF_MS * US_PER_MS;
    bool told = false;
    Err *err = NULL;
    while (!err && atomic_load(alive)) {
        err = sleep_ms(c, LOOK_MS);
        if (told || mono_us() < until_us || !atomic_load(alive)) continue;
        coro_cancel(co);
        told = true;
    }
}
