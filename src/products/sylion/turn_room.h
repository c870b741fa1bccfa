/* SPDX-License-Identifier: Apache-2.0
 * What the files of the conversation's job share: turn.c (the run, gathering, finishing),
 * turn_steps.c (a turn's steps up to its message), turn_media.c, turn_around.c (what it is made
 * in), turn_send.c (what goes out), turn_end.c (how a turn ends, or is tried again), turn_kept.c
 * (its row), turn_again.c (replay), turn_routes.c.
 *
 * Every step is: work outside a transaction, then one transaction that locks the conversation's
 * row, looks whether the turn is still where this run left it, and writes the effect and the turn's
 * next step together. Who finds it elsewhere (another worker took the job over, a person ended it)
 * writes nothing and is `stale`. */
#ifndef SOCLE_SYLION_TURN_ROOM_H
#define SOCLE_SYLION_TURN_ROOM_H

#include "products/sylion/answer.h"
#include "products/sylion/handoff.h"
#include "products/sylion/turn.h"

enum {
    TURN_TRIES = 5,      /* of a turn; then it has failed */
    SEND_TRIES = 8,      /* of a message that was certainly not sent */
    GATHER_MOST = 50,    /* messages in one question */
    HISTORY_MOST = 30,   /* messages that are looked at before it */
    DEBOUNCE_ROUNDS = 5, /* a contact that never stops is answered after so many debounces */
    QUESTION_BYTES_MAX = 32 * 1024,
    REASON_BYTES_MAX = 500
};
#define WINDOW_US (24 * US_PER_HOUR) /* in which one may write freely to a contact */

/* turns.used: reservations, and what the turn becomes when its message is sent. */
typedef struct Used {
    int64_t round;                         /* how often it was begun anew: a new charge each time */
    int64_t messages, ai_requests, tokens; /* reservations; 0: none is held */
    int64_t tokens_reserved;
    Str outcome, why, language;
    bool degraded; /* see retrieve.h */
} Used;

typedef struct Work {
    Job *job;
    Scope s;
    Id conversation;
    Conversation v; /* as of the last lock */
    Channel channel;
    Contact contact;
    Assistant assistant;
    Handoff handoff;
    bool channel_there, assistant_there, turn_there, stale;
    bool begun; /* the turn is of this run: `asked` and `assistant` are as it was begun with */
    Turn t;
    Used used;
    Rows asked;    /* struct Message: what the turn answers */
    Rows passages; /* struct Passage */
    Answer answer;
    int64_t debounce_ms;
    bool shows_read, shows_typing;
    struct Attached *attached; /* the one that is being written down */
    int64_t again_ms;          /* run again after it; -1: not for our sake */
} Work;

/* What happens in tests: called after each transaction of the job, by the name of what it has done
 * ("gather", "media", "reserve", …); an error ends the run there, as a crash would. NULL: nothing.
 * */
extern Err *(*turn_test_after)(Ctx *c, const char *done);
Err *turn_after(Ctx *c, const char *done);

/* -- the row (turn_kept.c) --------------------------------------------------------------------- */

/* What a transaction changes of a Work: put back before each run of it, and when it fails. */
typedef struct TurnKept {
    Turn t;
    Used used;
    bool turn_there, stale, begun;
    int64_t again_ms;
} TurnKept;
TurnKept turn_keep(const Work *w);
void turn_put_back(Work *w, const TurnKept *kept);

/* Lock the conversation, and turn_look. (tx) */
MUST_USE Err *turn_lock(Ctx *c, Work *w);
/* With the conversation locked: is w->t as it was? Else w->stale. (tx) */
MUST_USE Err *turn_look(Ctx *c, Work *w);
/* One transaction: turn_lock, then fn unless stale. fn may run twice. */
MUST_USE Err *turn_step(Ctx *c, Work *w, const char *name, Err *(*fn)(Ctx *c, Work *w));
/* Write w->t (with w->used), and tell it. Last in a transaction. (tx) */
MUST_USE Err *turn_write(Ctx *c, Work *w);
/* The turn and what belongs to it into w. */
MUST_USE Err *turn_read(Ctx *c, Work *w, const Turn *t);
MUST_USE Err *turn_asked_read(Ctx *c, Work *w);
JsonText sources_write(Ctx *c, Rows passages);
MUST_USE Err *sources_read(Ctx *c, JsonText kept, Rows *out);
MUST_USE Err *used_read(Ctx *c, JsonText kept, Used *out);
/* "turn:42", "turn:42/1" when it was begun anew. */
Str turn_key(Ctx *c, const Work *w);
bool is(Str text, const char *word);

/* -- around it (turn_around.c) ----------------------------------------------------------------- */

/* Conversation, channel and contact into w; NOT_FOUND without the conversation. */
MUST_USE Err *turn_conversation_read(Ctx *c, Work *w);
/* Who is to answer: the conversation's assistant, else the channel's by its bindings, else the
 * tenant's default; w->assistant_there. */
MUST_USE Err *turn_assistant_choose(Ctx *c, Work *w);
/* The assistant of w->t. */
MUST_USE Err *turn_assistant_read(Ctx *c, Work *w);

/* -- steps (turn_steps.c, turn_media.c) -------------------------------------------------------- */

/* From where it is to its end. w->again_ms says that it waits. */
MUST_USE Err *turn_go(Ctx *c, Work *w);
MUST_USE Err *turn_media(Ctx *c, Work *w);
/* Is there something attached that is to be fetched? */
bool turn_has_attachments(Ctx *c, const Work *w);
/* (tx) With all that was attached read: the question stands, and what its answer may cost is reserved;
 * or the turn has ended. */
MUST_USE Err *turn_ask(Ctx *c, Work *w);
MUST_USE Err *turn_reserve(Ctx *c, Work *w);
/* The contact sees that somebody is at it; a second time would tell nothing new. */
void turn_seen(Ctx *c, const Work *w);
/* The messages as one question: texts, captions, what was heard. */
Str turn_question(Ctx *c, const Work *w);

/* Why it cannot be answered from the start; null: it can. */
Str turn_hindrance(const Work *w);

/* -- ends (turn_end.c) ------------------------------------------------------------------------- */

/* (tx) w->t has ended so: reservations are given back, its messages say it too, the figures count.
 * */
MUST_USE Err *turn_end(Ctx *c, Work *w, const char *state, Str reason);
/* (tx) What is reserved for it and was not used. */
MUST_USE Err *turn_give_back(Ctx *c, Work *w);
/* Try again later, or end it as failed. Its own transaction. */
MUST_USE Err *turn_failed(Ctx *c, Work *w, const Err *err);
/* "ai_bad_answer: …", for people. */
Str turn_reason(Ctx *c, const Err *err);
int64_t turn_backoff_ms(int64_t tries, const Err *err, int64_t base_ms, int64_t most_ms);
/* What is left of the least such pause after the last of `tries`, for whoever was woken early. */
int64_t turn_pause_left_ms(int64_t tries, Time since, int64_t base_ms, int64_t most_ms);
int64_t turn_waits_ms(const Work *w);

/* -- out (turn_send.c) ------------------------------------------------------------------------- */

/* Send what waits, in order. w->again_ms: the first of them waits. Where nothing is left, `then` is run
 * in the transaction that has seen it. */
MUST_USE Err *turn_send_all(Ctx *c, Work *w, Err *(*then)(Ctx *c, Work *w));
/* turn_step of `store`, in whose transaction the message that it writes is marked as being sent where
 * it is next; then as turn_send_all. */
MUST_USE Err *turn_store_and_send(Ctx *c, Work *w, Err *(*store)(Ctx *c, Work *w),
                                  Err *(*then)(Ctx *c, Work *w));
/* (tx) Its message is settled, or gone (NULL): so is the turn. */
MUST_USE Err *turn_message_ended(Ctx *c, Work *w, const Message *m);
bool window_is_open(const Work *w);

/* -- the run (turn.c) -------------------------------------------------------------------------- */

/* (tx) With the conversation locked: the job has done, and is asked for again where something is left. */
MUST_USE Err *turn_run_end(Ctx *c, Work *w);

/* -- figures (turn_metrics.c) ------------------------------------------------------------------ */

void turn_count(Str state);
void turn_step_took(const char *step, int64_t us);
void turn_answered_after(int64_t us);

#endif
