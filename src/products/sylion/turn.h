/* SPDX-License-Identifier: Apache-2.0
 * The conversation's job: sends what is to go out, then answers what has come in, until there is
 * neither. One runs at a time for a conversation (conversation.h), on all nodes together.
 *
 * A turn is one answer. Its row says at every moment how far it is and why, and is where it goes on
 * after a crash:
 *
 *   state    open ─▶ answered | refused | handed_over | failed | over_quota | skipped | unknown
 *   step     gather ─▶ media ─▶ reserve ─▶ retrieve ─▶ think ─▶ store ─▶ send ─▶ settle
 *
 *   gather    messages of the contact that no turn has, as one question (a burst within the
 *             channel's debounce is one); they get this turn_n
 *   media     what was attached is fetched into the blob store, recordings are written down; where
 *             nobody can write down, that is said in the message and the text alone is answered
 *   reserve   one message and one AI request of the tenant's quota, and the tokens that it may take,
 *             under the keys "turn:N": over_quota when they do not fit
 *   retrieve  passages (retrieve.h), kept in `sources`
 *   think     answer.h; the last messages within a budget of tokens
 *   store     one transaction: the answer as a message, what was used settled and written down,
 *             messages processed, the turn's figures
 *   send      send.h; marked `sending` before and settled after: a crash between the two is `unknown`,
 *             is shown, and is never sent a second time by the program
 *
 * Steps between which nothing is waited for are one transaction, and what they are together is what is
 * seen: gather, media (where nothing is attached) and reserve; store, and marking its message as being
 * sent; the last message and the run's end. turn.c has them.
 *
 * A failure that may pass is tried again by the job; one that will not, or the last try, ends the
 * turn with its reason, and turn_replay goes on with it: an answer that is written is sent again,
 * without one the turn begins anew. A person taking over ends an open turn
 * (handed_over) before anything is sent. */
#ifndef SOCLE_SYLION_TURN_H
#define SOCLE_SYLION_TURN_H

#include "products/sylion/conversation.h"
#include "work/jobs.h"

#define CONVERSATION_JOB "sylion.conversation"
#define CONVERSATION_QUEUE "incoming_messages"

/* Run of CONVERSATION_JOB; payload {"tenant":7,"conversation":42}. */
Err *conversation_run(Ctx *c, Job *job);

/* (tx) Answer anew what a turn did not: CONFLICT unless it ended as failed, over_quota or unknown.
 * For an unknown one a person says with this that it was not sent. */
MUST_USE Err *turn_replay(Ctx *c, const Scope *s, Str turn_id);
/* (tx) Send a message of ours again that failed, or of which nobody knows; its turn with it.
 * CONFLICT else. */
MUST_USE Err *message_resend(Ctx *c, const Scope *s, Str message_id);

/* Run of TURNS_SWEEP_JOB: conversations whose job was lost get another. */
#define TURNS_SWEEP_JOB "sylion.turns"
Err *turns_sweep(Ctx *c, Job *job);
/* At the module's start. */
void turn_metrics_declare(void);

#endif
