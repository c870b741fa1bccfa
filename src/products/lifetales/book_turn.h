/* SPDX-License-Identifier: Apache-2.0
 * One at a time: who wants a book that another is making waits for it, and finds it made; no more than a few
 * are made at once in this process, for each takes much memory and a thread. */
#ifndef SOCLE_LIFETALES_BOOK_TURN_H
#define SOCLE_LIFETALES_BOOK_TURN_H

#include "core/err.h"

/* Ours until book_turn_end, or c ends. `name` is borrowed for as long. TIMEOUT, CANCELLED. */
typedef struct BookTurn BookTurn;
MUST_USE Err *book_turn(Ctx *c, Str name, BookTurn **out);
void book_turn_end(void *turn);

#endif
