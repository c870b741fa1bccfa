/* SPDX-License-Identifier: Apache-2.0
 * How a turn ends, or is tried again. Reasons are `code: sentence`: the code is stable, the
 * sentence is for people and never holds a contact's or a document's words. */
#include "core/log.h"
#include "core/rand.h"
#include "products/sylion/quota.h"
#include "products/sylion/turn_room.h"

enum {
    TURN_BACKOFF_MS = 2000, /* doubled each time */
    TURN_BACKOFF_MOST_MS = 30 * 1000,
    RETRY_AFTER_MOST_S = 120,
    END_MS = 10 * 1000
};

Str turn_reason(Ctx *c, const Err *err) {
    switch (err->kind) {
    case ERR_INTERNAL: return S("internal: an error of the program; the server's log has it");
    case ERR_BUDGET: return S("over_budget: it needed more memory than a turn may take");
    case ERR_STORAGE_FULL: return S("storage_full: the server's disk is full");
    default: break;
    }
    return strf(c->arena, "%.*s: %.*s", S_ARG(err_code(err)), S_ARG(err->detail));
}

/* Anything up to the base, doubled for each try before; never sooner than the other side asks. */
int64_t turn_backoff_ms(int64_t tries, const Err *err, int64_t base_ms, int64_t most_ms) {
    int64_t most = min_i64(base_ms << min_i64(tries, 16), most_ms);
    int64_t pause = most / 2 + rand_below(rand_thread(), most / 2 + 1);
    int64_t asked = min_i64(err->retry_after_s, RETRY_AFTER_MOST_S) * 1000;
    return max_i64(pause, asked);
}

int64_t turn_pause_left_ms(int64_t tries, Time since, int64_t base_ms, int64_t most_ms) {
    if (tries == 0) return 0;
    int64_t least = min_i64(base_ms << min_i64(tries - 1, 16), most_ms) / 2;
    return max_i64(0, least - (time_now().us - since.us) / US_PER_MS);
}

int64_t turn_waits_ms(const Work *w) {
    return turn_pause_left_ms(w->t.attempts, w->t.updated_at, TURN_BACKOFF_MS,
                              TURN_BACKOFF_MOST_MS);
}

/* -- the end ----------------------------------------------------------------------------------- */

static Err *given_back(Ctx *c, const Work *w, int64_t *reservation) {
    if (*reservation == 0) return NULL;
    TRY(quota_release(c, &w->s, (Id){*reservation}));
    *reservation = 0;
    return NULL;
}

Err *turn_give_back(Ctx *c, Work *w) {
    TRY(given_back(c, w, &w->used.messages));
    TRY(given_back(c, w, &w->used.ai_requests));
    return given_back(c, w, &w->used.tokens);
}

static void end_count(Ctx *c, void *arg) {
    (void)c;
    turn_count(*(const Str *)arg);
}

Err *turn_end(Ctx *c, Work *w, const char *state, Str reason) {
    Turn *t = &w->t;
    bool bad = strcmp(state, "failed") == 0 || strcmp(state, "over_quota") == 0;
    bool stored = is(t->step, "send"); /* its messages were answered, whatever became of that */
    TRY(turn_give_back(c, w));
    TRY(turn_asked_read(c, w));
    const Message *m = w->asked.items;
    for (ptrdiff_t i = 0; i < w->asked.count && !stored; i++)
        TRY(message_set(c, &w->s, m[i].n, bad ? "failed" : "processed", reason, (Str){0}));
    t->state = str_c(state);
    t->reason = reason;
    t->finished_at = time_now();
    db_after_commit(c, end_count, &t->state);
    return turn_write(c, w);
}

/* -- or not yet -------------------------------------------------------------------------------- */

typedef struct Failure {
    const Err *err;
    Str reason;
    bool last;
} Failure;

/* Handing over is the last thing that is tried, where it is wanted: the contact is told, a person
 * sees it, and the turn has failed all the same. */
static Err *over_to_person(Ctx *c, Work *w) {
    Message told;
    if (!w->handoff.on_failure || !is(w->v.status, "active")) return NULL;
    Str language = str_is_empty(w->contact.language) ? S("fr") : w->contact.language;
    Outbound m = {.author = S("system"),
                  .type = S("text"),
                  .content = handoff_text(&w->handoff, SAY_HANDOFF, language)};
    TRY(outbound_add(c, &w->s, w->conversation, &m, &told));
    return conversation_set_status(c, &w->s, w->conversation, "handoff",
                                   S("failed: no answer could be made"));
}

static Err *failed_in(Ctx *c, Work *w, const Failure *f) {
    if (f->last) {
        TRY(over_to_person(c, w));
        return turn_end(c, w, "failed", f->reason);
    }
    w->t.attempts++;
    w->t.reason = f->reason;
    return turn_write(c, w);
}

typedef struct FailedStep {
    Work *w;
    Failure f;
    Turn t;
    Used used;
} FailedStep;

static Err *failed_step(Ctx *c, void *arg) {
    FailedStep *step = arg;
    step->w->t = step->t;
    step->w->used = step->used;
    TRY(turn_lock(c, step->w));
    return step->w->stale ? NULL : failed_in(c, step->w, &step->f);
}

Err *turn_failed(Ctx *c, Work *w, const Err *err) {
    bool may_pass = err_retryable(err->kind) || err->kind == ERR_INTERNAL;
    Failure f = {err, turn_reason(c, err), !may_pass || w->t.attempts + 1 >= TURN_TRIES};
    int64_t tries = w->t.attempts;
    log_msg(c, LOG_WARN, "turn %.*s %s at %.*s: %.*s", S_ARG(w->t.id),
            f.last ? "has failed" : "is tried again", S_ARG(w->t.step),
            S_ARG(err_chain(c->arena, err)));
    FailedStep step = {w, f, w->t, w->used};
    int64_t former = c->deadline_us;
    c->deadline_us =
        mono_us() + END_MS * US_PER_MS; /* also when it is this job's time that ended it */
    Err *bad = db_transaction(c, failed_step, &step);
    c->deadline_us = former;
    if (bad) return bad;
    if (!f.last && !w->stale)
        w->again_ms = turn_backoff_ms(tries, err, TURN_BACKOFF_MS, TURN_BACKOFF_MOST_MS);
    return turn_after(c, "failed");
}
