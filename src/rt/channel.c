/* SPDX-License-Identifier: Apache-2.0
 * A ring under a mutex, and two lists of waiting coroutines (senders, receivers) of any loop. A waiter
 * that is taken out of its list is woken by a post; one whose wait ends otherwise takes itself out, or
 * finds that it was taken out and then must have been (or will be) posted to. */
#include "rt/channel.h"

#include <pthread.h>

#include "rt/internal.h"

typedef struct Waiter {
    struct Waiter *prev, *next;
    Coro *co;
    bool listed;
} Waiter;

typedef struct Waiters {
    Waiter *head, *tail;
} Waiters;

struct Channel {
    pthread_mutex_t lock;
    ptrdiff_t cap, count, start;
    bool closed;
    Waiters senders, receivers;
    void *items[];
};

Channel *channel_new(ptrdiff_t capacity) {
    assert(capacity > 0);
    Channel *ch = calloc(1, sizeof *ch + (size_t)capacity * sizeof(void *));
    if (!ch) abort();
    ch->cap = capacity;
    pthread_mutex_init(&ch->lock, NULL);
    return ch;
}

void channel_free(Channel *ch) {
    if (!ch) return;
    assert(!ch->senders.head && !ch->receivers.head);
    pthread_mutex_destroy(&ch->lock);
    free(ch);
}

static void waiters_add(Waiters *list, Waiter *w) {
    w->prev = list->tail;
    w->next = NULL;
    w->listed = true;
    if (list->tail) list->tail->next = w;
    else list->head = w;
    list->tail = w;
}

static void waiters_remove(Waiters *list, Waiter *w) {
    if (w->prev) w->prev->next = w->next;
    else list->head = w->next;
    if (w->next) w->next->prev = w->prev;
    else list->tail = w->prev;
    w->listed = false;
}

static void waiters_wake_one(Waiters *list) {
    Waiter *w = list->head;
    if (!w) return;
    waiters_remove(list, w);
    coro_wake_posted(w->co);
}

/* With the lock held; gives it up and takes it again. True if woken by the other side. */
static Wake waiters_wait(Ctx *c, Channel *ch, Waiters *list) {
    Waiter w = {.co = c->coro};
    waiters_add(list, &w);
    pthread_mutex_unlock(&ch->lock);
    Wake wake = coro_wait(c);
    pthread_mutex_lock(&ch->lock);
    if (w.listed) {
        waiters_remove(list, &w);
        return wake;
    }
    if (wake != WAKE_DONE) { /* taken out in the same moment: its post is on the way and must not be left behind */
        pthread_mutex_unlock(&ch->lock);
        coro_wait_surely(c);
        pthread_mutex_lock(&ch->lock);
    }
    return WAKE_DONE;
}

static bool put(Channel *ch, void *item) {
    if (ch->closed || ch->count == ch->cap) return false;
    ch->items[(ch->start + ch->count++) % ch->cap] = item;
    waiters_wake_one(&ch->receivers);
    return true;
}

static bool take(Channel *ch, void **item) {
    if (ch->count == 0) return false;
    *item = ch->items[ch->start];
    ch->start = (ch->start + 1) % ch->cap;
    ch->count--;
    waiters_wake_one(&ch->senders);
    return true;
}

Err *channel_send(Ctx *c, Channel *ch, void *item) {
    assert(item);
    Wake wake = WAKE_DONE;
    pthread_mutex_lock(&ch->lock);
    bool sent = put(ch, item);
    while (!sent && !ch->closed && wake == WAKE_DONE) {
        wake = waiters_wait(c, ch, &ch->senders);
        sent = put(ch, item);
    }
    bool closed = ch->closed;
    pthread_mutex_unlock(&ch->lock);
    if (sent) return NULL;
    if (closed) FAIL(c, CONFLICT, "The channel is closed.");
    return wake_err(c, wake, __func__);
}

bool channel_try_send(Channel *ch, void *item) {
    assert(item);
    pthread_mutex_lock(&ch->lock);
    bool sent = put(ch, item);
    pthread_mutex_unlock(&ch->lock);
    return sent;
}

Err *channel_receive(Ctx *c, Channel *ch, void **item) {
    Wake wake = WAKE_DONE;
    *item = NULL;
    pthread_mutex_lock(&ch->lock);
    bool got = take(ch, item);
    while (!got && !ch->closed && wake == WAKE_DONE) {
        wake = waiters_wait(c, ch, &ch->receivers);
        got = take(ch, item);
    }
    bool closed = ch->closed;
    pthread_mutex_unlock(&ch->lock);
    return got || closed ? NULL : wake_err(c, wake, __func__);
}

bool channel_try_receive(Channel *ch, void **item) {
    pthread_mutex_lock(&ch->lock);
    bool got = take(ch, item);
    pthread_mutex_unlock(&ch->lock);
    return got;
}

void channel_close(Channel *ch) {
    pthread_mutex_lock(&ch->lock);
    ch->closed = true;
    while (ch->senders.head) waiters_wake_one(&ch->senders);
    while (ch->receivers.head) waiters_wake_one(&ch->receivers);
    pthread_mutex_unlock(&ch->lock);
}
