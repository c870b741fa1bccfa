/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ctx.h"

#include "core/time.h"

void defer(Ctx *c, void (*fn)(void *), void *arg) {
    assert(fn);
    Defer *d = arena_new_of(c->arena, Defer);
    *d = (Defer){.next = c->defers, .fn = fn, .arg = arg};
    c->defers = d;
}

void ctx_undo(Ctx *c, Defer *mark) {
    while (c->defers != mark) {
        Defer *d = c->defers;
        assert(d);
        c->defers = d->next;
        d->fn(d->arg);
    }
}

CtxMark ctx_mark(Ctx *c) { return (CtxMark){arena_mark(c->arena), c->defers}; }

void ctx_release(Ctx *c, CtxMark mark) {
    ctx_undo(c, mark.defers);
    arena_release(c->arena, mark.arena);
}

int64_t ctx_deadline_within(Ctx *c, int64_t ms) {
    assert(ms >= 0);
    int64_t former = c->deadline_us, wanted = mono_us() + ms * US_PER_MS;
    if (former == 0 || wanted < former) c->deadline_us = wanted;
    return former;
}
