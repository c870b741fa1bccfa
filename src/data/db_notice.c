/* SPDX-License-Identifier: Apache-2.0
 * Who listens to which channel. Listeners are added at start and stay as long as the database is
 * open; a notice is copied to the loop of each and handed over there. */
#include <pthread.h>
#include <stdlib.h>

#include "data/db_room.h"

typedef struct Hearer {
    struct Hearer *next;
    Str channel; /* on the heap */
    Loop *loop;
    void (*fn)(void *arg, Str payload);
    void *arg;
} Hearer;

struct Listeners {
    pthread_mutex_t lock;
    Hearer *first, *last;
};

typedef struct Delivery {
    void (*fn)(void *arg, Str payload);
    void *arg;
    bool missed; /* a null payload: look yourself */
    ptrdiff_t len;
    char bytes[];
} Delivery;

Listeners *listeners_new(void) {
    Listeners *l = calloc(1, sizeof *l);
    if (!l) abort();
    pthread_mutex_init(&l->lock, NULL);
    return l;
}

void listeners_free(Listeners *l) {
    while (l->first) {
        Hearer *h = l->first;
        l->first = h->next;
        free((char *)(uintptr_t)h->channel.data);
        free(h);
    }
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static Str heap_text(const char *text) {
    char *copy = strdup(text);
    if (!copy) abort();
    return str_c(copy);
}

bool listeners_add(Listeners *l, const char *channel, Loop *loop, void (*fn)(void *, Str),
                   void *arg) {
    Hearer *h = calloc(1, sizeof *h);
    if (!h) abort();
    *h = (Hearer){.channel = heap_text(channel), .loop = loop, .fn = fn, .arg = arg};
    bool known = false;
    pthread_mutex_lock(&l->lock);
    for (Hearer *other = l->first; other; other = other->next)
        known |= str_eq(other->channel, h->channel);
    if (l->last)
        l->last->next = h;
    else
        l->first = h;
    l->last = h;
    pthread_mutex_unlock(&l->lock);
    return !known;
}

static void deliver(void *arg) {
    Delivery *d = arg;
    d->fn(d->arg, (Str){d->missed ? NULL : d->bytes, d->len});
    free(d);
}

void listeners_tell(Listeners *l, Str channel, Str payload) {
    pthread_mutex_lock(&l->lock);
    for (Hearer *h = l->first; h; h = h->next) {
        if (channel.data && !str_eq(h->channel, channel)) continue;
        Delivery *d = malloc(sizeof *d + (size_t)payload.len);
        if (!d) abort();
        *d = (Delivery){h->fn, h->arg, payload.data == NULL, payload.len};
        if (payload.len > 0) memcpy(d->bytes, payload.data, (size_t)payload.len);
        loop_post(h->loop, deliver, d);
    }
    pthread_mutex_unlock(&l->lock);
}

Str listeners_channel(Listeners *l, ptrdiff_t i) {
    Str name = {NULL, 0};
    ptrdiff_t at = 0;
    pthread_mutex_lock(&l->lock);
    for (Hearer *h = l->first; h && !name.data; h = h->next) {
        bool earlier = false;
        for (Hearer *o = l->first; o != h; o = o->next) earlier |= str_eq(o->channel, h->channel);
        if (!earlier && at++ == i) name = h->channel;
    }
    pthread_mutex_unlock(&l->lock);
    return name;
}
