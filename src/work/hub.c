/* SPDX-License-Identifier: Apache-2.0
 * The hub of each loop: which subscribers want which channel, and their queues.
 *
 * A subscription replays before it is live:
 *
 *   subscriber_add(since ≥ 0) ─▶ behind ── chunk full: next chunk ──┐
 *                                  │  ▲──────────────────────────────┘
 *                                  │ a chunk that is not full, and what came live while it was read
 *   subscriber_add(since < 0) ─▶ live
 *
 * While a chunk is read, live messages are held aside. What was delivered to this loop before the
 * read began had been committed before, so the read sees it; what is committed later is delivered
 * later, so it is held. Held messages that the read has seen too are recognised by their id.
 * Outside a read live messages of a subscription that is behind are let go: the next chunk will
 * have them.
 *
 * Everything here belongs to the loop's thread, but the bytes of messages. */
#include "core/log.h"
#include "core/map.h"
#include "core/time.h"
#include "work/event_room.h"

enum {
    QUEUED_MAX = 1000,
    QUEUED_BYTES_MAX = 4 * 1024 * 1024,
    CHUNK = 64, /* rows of a replay at a time */
    RING_FIRST = 8
};

typedef struct Topic {
    Str name; /* on the heap */
    struct Subscription **items;
    ptrdiff_t count, cap;
} Topic;

/* Several channels that are replayed together, so that their messages come in one order. */
typedef struct Replay {
    struct Replay *next;
    int64_t since; /* everything up to here has been queued */
    bool reading, overflow;
    EventMessage *held[CHUNK];
    ptrdiff_t held_count;
} Replay;

typedef struct Subscription {
    struct Subscription *next; /* of its subscriber */
    Subscriber *subscriber;
    Topic *topic;
    ptrdiff_t index;  /* in topic->items */
    Replay *replay;   /* while behind */
    int64_t after_id; /* live messages up to here have been seen in the replay */
} Subscription;

struct Subscriber {
    Subscriber *prev, *next, *next_dirty;
    void (*on_ready)(void *arg);
    void *arg;
    Subscription *subscriptions;
    ptrdiff_t subscription_count;
    Replay *replays;
    EventMessage **ring;
    ptrdiff_t cap, start, count, max_queued, bytes;
    bool dirty, slow, leaving;
};

typedef struct Hub {
    Map topics; /* name → Topic */
    Subscriber *all;
    Subscriber *dirty; /* who got something in this turn of the loop */
    bool telling, closed;
    /* For whoever asks from another thread. */
    _Atomic int64_t subscribers, delivered, dropped;
} Hub;

static Hub hubs[LOOPS_MAX];

static Hub *hub_here(void) { return &hubs[loop_index(loop_here())]; }

void hub_init(void) {
    for (int i = 0; i < loop_count(); i++) {
        assert(!hubs[i].all);
        map_free(&hubs[i].topics);
        hubs[i] = (Hub){0};
    }
}

EventStats hub_stats(void) {
    EventStats sum = {0};
    for (int i = 0; i < loop_count(); i++) {
        sum.subscribers += atomic_load(&hubs[i].subscribers);
        sum.delivered += atomic_load(&hubs[i].delivered);
        sum.dropped += atomic_load(&hubs[i].dropped);
    }
    return sum;
}

/* -- messages --------------------------------------------------------------------------------- */

static EventMessage *message_new(EventBytes *bytes) {
    EventMessage *m = malloc(sizeof *m);
    if (!m) abort();
    atomic_fetch_add(&bytes->refs, 1);
    *m =
        (EventMessage){bytes->id, bytes->channel, bytes->type, bytes->json, bytes->frame, bytes, 1};
    return m;
}

void subscriber_done(EventMessage *m) {
    assert(m->refs > 0);
    if (--m->refs > 0) return;
    event_bytes_done(m->bytes);
    free(m);
}

/* -- queues ----------------------------------------------------------------------------------- */

static void ring_grow(Subscriber *s) {
    ptrdiff_t cap = s->cap ? s->cap * 2 : RING_FIRST;
    EventMessage **ring = malloc((size_t)cap * sizeof *ring);
    if (!ring) abort();
    for (ptrdiff_t i = 0; i < s->count; i++) ring[i] = s->ring[(s->start + i) % s->cap];
    free(s->ring);
    s->ring = ring;
    s->cap = cap;
    s->start = 0;
}

static void ring_put(Subscriber *s, EventMessage *m) {
    if (s->count == s->cap) ring_grow(s);
    s->ring[(s->start + s->count++) % s->cap] = m;
    s->bytes += m->json.len;
    m->refs++;
}

static EventMessage *ring_take(Subscriber *s) {
    if (s->count == 0) return NULL;
    EventMessage *m = s->ring[s->start];
    s->start = (s->start + 1) % s->cap;
    s->count--;
    s->bytes -= m->json.len;
    return m;
}

static void ring_clear(Subscriber *s) {
    for (EventMessage *m; (m = ring_take(s));) subscriber_done(m);
    free(s->ring);
    s->ring = NULL;
    s->cap = s->start = 0;
}

/* A live message. Over its bounds the subscriber is lost: what it missed it can ask for again. */
static void queue_put(Hub *hub, Subscriber *s, EventMessage *m) {
    if (s->slow || s->leaving) return;
    if (s->count >= s->max_queued || s->bytes + m->json.len > QUEUED_BYTES_MAX) {
        s->slow = true;
        atomic_fetch_add(&hub->dropped, 1);
        return;
    }
    ring_put(s, m);
}

/* -- subscriptions ---------------------------------------------------------------------------- */

static Topic *topic_make(Hub *hub, Str name) {
    Topic *t = map_get(&hub->topics, name);
    if (t) return t;
    t = calloc(1, sizeof *t);
    char *copy = malloc((size_t)name.len + 1);
    if (!t || !copy) abort();
    memcpy(copy, name.data, (size_t)name.len);
    t->name = str_of(copy, name.len);
    map_set(&hub->topics, t->name, t);
    return t;
}

static void topic_free_if_empty(Hub *hub, Topic *t) {
    if (t->count > 0) return;
    map_remove(&hub->topics, t->name);
    free((void *)(uintptr_t)t->name.data);
    free(t->items);
    free(t);
}

static void replay_let_go(Replay *r) {
    for (ptrdiff_t i = 0; i < r->held_count; i++) subscriber_done(r->held[i]);
    r->held_count = 0;
}

static Subscription **subscription_find(const Subscriber *s, Str channel) {
    Subscription **at = (Subscription **)(uintptr_t)&s->subscriptions;
    while (*at && !str_eq((*at)->topic->name, channel)) at = &(*at)->next;
    return at;
}

bool subscriber_has(const Subscriber *s, Str channel) {
    return *subscription_find(s, channel) != NULL;
}
ptrdiff_t subscriber_channels(const Subscriber *s) { return s->subscription_count; }

StrList subscriber_list(Arena *arena, const Subscriber *s) {
    StrList list = {arena_array(arena, Str, s->subscription_count), 0};
    for (const Subscription *one = s->subscriptions; one; one = one->next)
        list.items[list.count++] = str_copy(arena, one->topic->name);
    assert(list.count == s->subscription_count);
    return list;
}

static void subscription_add(Hub *hub, Subscriber *s, Str channel, Replay *replay) {
    Subscription *one = calloc(1, sizeof *one);
    if (!one) abort();
    Topic *t = topic_make(hub, channel);
    if (t->count == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 4;
        t->items = realloc(t->items, (size_t)t->cap * sizeof *t->items);
        if (!t->items) abort();
    }
    *one = (Subscription){
        .next = s->subscriptions, .subscriber = s, .topic = t, .index = t->count, .replay = replay};
    t->items[t->count++] = one;
    s->subscriptions = one;
    s->subscription_count++;
}

static void subscription_drop(Hub *hub, Subscription **at) {
    Subscription *one = *at;
    Topic *t = one->topic;
    *at = one->next;
    one->subscriber->subscription_count--;
    t->items[one->index] = t->items[--t->count];
    t->items[one->index]->index = one->index;
    topic_free_if_empty(hub, t);
    free(one);
}

static Replay *replay_add(Subscriber *s, int64_t since_id) {
    Replay *replay = calloc(1, sizeof *replay);
    if (!replay) abort();
    replay->since = since_id;
    Replay **last = &s->replays;
    while (*last) last = &(*last)->next;
    return *last = replay;
}

void subscriber_add(Subscriber *s, const Str *channels, ptrdiff_t count, int64_t since_id) {
    Hub *hub = hub_here();
    if (s->slow || s->leaving) return;
    Replay *replay = since_id >= 0 && count > 0 ? replay_add(s, since_id) : NULL;
    for (ptrdiff_t i = 0; i < count; i++) {
        assert(channels[i].len > 0 && channels[i].len <= EVENT_CHANNEL_MAX);
        if (!subscriber_has(s, channels[i])) subscription_add(hub, s, channels[i], replay);
    }
}

/* What is queued of a channel goes, so that nothing of it follows the answer to `unsubscribe`. A
 * null channel: all. */
static void ring_forget(Subscriber *s, Str channel) {
    for (ptrdiff_t left = s->count; left > 0; left--) {
        EventMessage *m = ring_take(s);
        if (str_is_null(channel) || str_eq(m->channel, channel)) {
            subscriber_done(m);
            continue;
        }
        ring_put(s, m); /* to the end: after all of them the order is as it was */
        m->refs--;
    }
}

void subscriber_remove(Subscriber *s, Str channel) {
    Subscription **at = subscription_find(s, channel);
    if (!*at) return;
    subscription_drop(hub_here(), at);
    ring_forget(s, channel);
}

/* A replay that has lost its last subscription ends by itself. */
void subscriber_restart(Subscriber *s, int64_t since_id) {
    assert(since_id >= 0);
    if (!s->subscriptions || s->slow || s->leaving) return;
    ring_forget(s, (Str){0}); /* the replay has them again */
    Replay *replay = replay_add(s, since_id);
    for (Subscription *one = s->subscriptions; one; one = one->next) one->replay = replay;
}

/* -- subscribers ------------------------------------------------------------------------------ */

Subscriber *subscriber_new(ptrdiff_t max_queued, void (*on_ready)(void *arg), void *arg) {
    assert(max_queued >= 0 && on_ready);
    Hub *hub = hub_here();
    Subscriber *s = calloc(1, sizeof *s);
    if (!s) abort();
    s->max_queued = max_queued ? max_queued : QUEUED_MAX;
    s->on_ready = on_ready;
    s->arg = arg;
    s->leaving = hub->closed;
    s->next = hub->all;
    if (s->next) s->next->prev = s;
    hub->all = s;
    atomic_fetch_add(&hub->subscribers, 1);
    return s;
}

static void subscriber_empty(Hub *hub, Subscriber *s) {
    while (s->subscriptions) subscription_drop(hub, &s->subscriptions);
    ring_clear(s);
}

void subscriber_free(Subscriber *s) {
    Hub *hub = hub_here();
    if (s->dirty) {
        Subscriber **at = &hub->dirty;
        while (*at != s) at = &(*at)->next_dirty;
        *at = s->next_dirty;
    }
    subscriber_empty(hub, s);
    while (s->replays) {
        Replay *r = s->replays;
        s->replays = r->next;
        replay_let_go(r);
        free(r);
    }
    if (s->prev)
        s->prev->next = s->next;
    else
        hub->all = s->next;
    if (s->next) s->next->prev = s->prev;
    atomic_fetch_sub(&hub->subscribers, 1);
    free(s);
}

Str subscriber_ended(const Subscriber *s) {
    if (s->slow) return S("slow_consumer");
    return s->leaving ? S("going_away") : (Str){0};
}

void hub_close_all(void) {
    Hub *hub = hub_here();
    hub->closed = true;
    for (Subscriber *s = hub->all; s; s = s->next) {
        s->leaving = true;
        s->on_ready(s->arg);
    }
}

/* -- live delivery ---------------------------------------------------------------------------- */

static void hold(Replay *r, EventMessage *m) {
    if (!r->reading) return;
    if (r->held_count == COUNT(r->held)) {
        r->overflow = true;
        return;
    }
    m->refs++;
    r->held[r->held_count++] = m;
}

static void topic_deliver(Hub *hub, const Topic *t, EventMessage *m) {
    for (ptrdiff_t i = 0; i < t->count; i++) {
        Subscription *one = t->items[i];
        Subscriber *s = one->subscriber;
        if (one->replay) {
            hold(one->replay, m);
        } else if (m->id > one->after_id) {
            queue_put(hub, s, m);
            if (s->dirty) continue;
            s->dirty = true;
            s->next_dirty = hub->dirty;
            hub->dirty = s;
        }
    }
}

/* Each once, however many messages and batches came in this turn: what has gathered is one write. */
static void dirty_tell(void *arg) {
    Hub *hub = arg;
    hub->telling = false;
    while (hub->dirty) {
        Subscriber *s = hub->dirty;
        hub->dirty = s->next_dirty;
        s->dirty = false;
        if (s->slow) subscriber_empty(hub, s);
        s->on_ready(s->arg);
    }
}

void hub_deliver(EventBatch *batch) {
    Hub *hub = hub_here();
    int64_t delivered = 0;
    if (!hub->telling) loop_turn_end(dirty_tell, hub);
    hub->telling = true;
    for (ptrdiff_t i = 0; i < batch->count; i++) {
        const Topic *t = map_get(&hub->topics, batch->items[i]->channel);
        if (!t) continue;
        EventMessage *m = message_new(batch->items[i]);
        topic_deliver(hub, t, m);
        delivered += t->count;
        subscriber_done(m);
    }
    batch_done(batch);
    atomic_fetch_add(&hub->delivered, delivered);
}

/* -- replay ----------------------------------------------------------------------------------- */

static void ring_put_own(Arena *scratch, Subscriber *s, const Event *event) {
    ArenaMark mark =
        arena_mark(scratch); /* a chunk of large events must fit into a request's memory */
    EventBytes *bytes = event_bytes_new(scratch, event);
    arena_release(scratch, mark);
    EventMessage *m = message_new(bytes);
    event_bytes_done(bytes);
    ring_put(s, m);
    subscriber_done(m);
}

/* "You have missed something that is no longer kept." */
static void reset_put(Ctx *c, Subscriber *s, const Replay *r, int64_t kept_after) {
    Event reset = {.channel = S("system"), .type = S("reset"), .created_at = time_now()};
    reset.data.text = strf(c->arena, "{\"since\":%lld,\"kept_after\":%lld}", (long long)r->since,
                           (long long)kept_after);
    ring_put_own(c->arena, s, &reset);
}

static ptrdiff_t replay_channels(Ctx *c, const Subscriber *s, const Replay *r, Str **out) {
    ptrdiff_t count = 0;
    *out = arena_array(c->arena, Str, s->subscription_count + 1);
    for (const Subscription *one = s->subscriptions; one; one = one->next) {
        if (one->replay == r) (*out)[count++] = str_copy(c->arena, one->topic->name);
    }
    return count;
}

/* All caught up: what was held follows, then the subscriptions are live. */
static void replay_end(Subscriber *s) {
    Replay *r = s->replays;
    for (ptrdiff_t i = 0; i < r->held_count; i++) {
        if (r->held[i]->id <= r->since) continue;
        r->since = r->held[i]->id;
        ring_put(s, r->held[i]);
    }
    for (Subscription *one = s->subscriptions; one; one = one->next) {
        if (one->replay != r) continue;
        one->replay = NULL;
        one->after_id = r->since;
    }
    s->replays = r->next;
    replay_let_go(r);
    free(r);
}

static void replay_take(Ctx *c, Subscriber *s, Replay *r, Rows rows, int64_t purged, int64_t last) {
    /* Gone before we came, or an id from another life of the database. */
    if (r->since < purged || r->since > last) {
        reset_put(c, s, r, purged);
        r->since = r->since > last ? last : purged;
    }
    const Event *events = rows.items;
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        if (events[i].id.value <= r->since) continue;
        ring_put_own(c->arena, s, &events[i]);
        r->since = events[i].id.value;
    }
}

/* Read one chunk of the first replay into the empty queue. */
static Err *replay_step(Ctx *c, Subscriber *s) {
    Replay *r = s->replays;
    Str *channels;
    Rows rows = {0};
    int64_t purged = 0, last = 0;
    ptrdiff_t count = replay_channels(c, s, r, &channels);
    if (count == 0) { /* unsubscribed meanwhile */
        replay_end(s);
        return NULL;
    }
    r->reading = true;
    r->overflow = false;
    Err *err = events_read(c, channels, count, r->since, CHUNK, &rows, &purged, &last);
    r->reading = false;
    if (!err) replay_take(c, s, r, rows, purged, last);
    if (!err && rows.count < CHUNK && !r->overflow)
        replay_end(s);
    else
        replay_let_go(r);
    return err;
}

EventMessage *subscriber_take(Subscriber *s) {
    return s->slow || s->leaving || s->replays ? NULL : ring_take(s);
}

Err *subscriber_next(Ctx *c, Subscriber *s, EventMessage **out) {
    *out = NULL;
    if (s->slow || s->leaving) return NULL;
    while (s->count == 0 && s->replays) {
        ArenaMark mark = arena_mark(c->arena);
        Err *err = replay_step(c, s);
        if (err) return err;
        arena_release(c->arena, mark);
        if (s->slow || s->leaving) return NULL;
    }
    *out = ring_take(s);
    return NULL;
}
