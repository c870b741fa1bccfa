/* SPDX-License-Identifier: Apache-2.0
 * See book_turn.h. Who waits stands in a list; whoever ends wakes all of them, and each looks again. A
 * waiter that leaves while somebody is about to wake it takes that wake along: its coroutine must not end
 * before. */
#include "products/lifetales/book_turn.h"

#include <pthread.h>

#include "rt/coro.h"

enum { TURNS_MAX = 2 };

struct BookTurn {
    struct BookTurn *next;
    Str name;
    bool ended;
};

typedef struct Waiter {
    struct Waiter *next;
    Coro *coro;
    bool listed;
} Waiter;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static BookTurn *turns;
static Waiter *waiters;

static bool taken(BookTurn *mine) {
    int count = 0;
    for (const BookTurn *t = turns; t; t = t->next, count++)
        if (str_eq(t->name, mine->name)) return false;
    if (count >= TURNS_MAX) return false;
    mine->next = turns;
    turns = mine;
    return true;
}

static void leave(Waiter *w) {
    for (Waiter **at = &waiters; *at; at = &(*at)->next)
        if (*at == w) {
            *at = w->next;
            break;
        }
    w->listed = false;
}

void book_turn_end(void *arg) {
    BookTurn *turn = arg;
    if (turn->ended) return;
    turn->ended = true;
    pthread_mutex_lock(&lock);
    for (BookTurn **at = &turns; *at; at = &(*at)->next)
        if (*at == turn) {
            *at = turn->next;
            break;
        }
    for (Waiter *w = waiters, *next; w; w = next) {
        next = w->next;
        w->listed = false;
        coro_wake_posted(w->coro);
    }
    waiters = NULL;
    pthread_mutex_unlock(&lock);
}

static Err *turn_wait(Ctx *c, BookTurn *mine) {
    Waiter w = {.coro = c->coro};
    for (;;) {
        pthread_mutex_lock(&lock);
        bool got = taken(mine);
        if (!got) {
            w.next = waiters;
            waiters = &w;
            w.listed = true;
        }
        pthread_mutex_unlock(&lock);
        if (got) return NULL;
        Wake wake = coro_wait(c);
        pthread_mutex_lock(&lock);
        bool woken = !w.listed;
        if (w.listed) leave(&w);
        pthread_mutex_unlock(&lock);
        if (wake == WAKE_DONE) continue;
        if (woken) coro_wait_surely(c);
        return wake_err(c, wake, "the book that is being made");
    }
}

Err *book_turn(Ctx *c, Str name, BookTurn **out) {
    assert(c->coro);
    BookTurn *turn = arena_new_of(c->arena, BookTurn);
    turn->name = name;
    TRY(turn_wait(c, turn));
    defer(c, book_turn_end, turn);
    *out = turn;
    return NULL;
}
