/* SPDX-License-Identifier: Apache-2.0
 * See story_hub.h. Each loop has its ears in buckets by the story's number; a word is one block of
 * memory for all of them, counted across loops. */
#include "products/lifetales/story_hub.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "core/base.h"

enum { BUCKETS = 1024 };

struct StoryWord {
    _Atomic int64_t refs;
    Id story_n;
    ptrdiff_t len;
    char bytes[];
};

typedef struct Ears {
    StoryEar *buckets[BUCKETS];
    _Atomic int64_t count;
} Ears;
static Ears loops[LOOPS_MAX];

static Ears *ears_here(void) { return &loops[loop_index(loop_here())]; }
static StoryEar **bucket_of(Ears *ears, Id n) { return &ears->buckets[n.value % BUCKETS]; }

static void word_done(StoryWord *word) {
    if (atomic_fetch_sub(&word->refs, 1) == 1) free(word);
}

void story_ear_open(StoryEar *ear, Id story_n, void (*on_ready)(void *arg), void *arg) {
    assert(ear && on_ready && !id_is_none(story_n));
    *ear = (StoryEar){.story_n = story_n, .on_ready = on_ready, .arg = arg};
    Ears *ears = ears_here();
    StoryEar **at = bucket_of(ears, story_n);
    ear->next = *at;
    if (ear->next) ear->next->prev = ear;
    *at = ear;
    atomic_fetch_add(&ears->count, 1);
}

static void words_drop(StoryEar *ear) {
    if (ear->given) word_done(ear->given);
    ear->given = NULL;
    for (; ear->count > 0; ear->count--) word_done(ear->words[ear->first++]);
    ear->first = ear->bytes = 0;
}

void story_ear_close(StoryEar *ear) {
    Ears *ears = ears_here();
    if (ear->prev)
        ear->prev->next = ear->next;
    else
        *bucket_of(ears, ear->story_n) = ear->next;
    if (ear->next) ear->next->prev = ear->prev;
    words_drop(ear);
    free(ear->words);
    atomic_fetch_sub(&ears->count, 1);
}

Str story_ear_take(StoryEar *ear) {
    if (ear->given) word_done(ear->given);
    ear->given = NULL;
    if (ear->count == 0) return (Str){0};
    ear->given = ear->words[ear->first++];
    ear->count--;
    ear->bytes -= ear->given->len;
    return str_of(ear->given->bytes, ear->given->len);
}

static void room_make(StoryEar *ear) {
    if (ear->first + ear->count < ear->cap) return;
    if (ear->first > 0) {
        memmove(ear->words, ear->words + ear->first, (size_t)ear->count * sizeof *ear->words);
        ear->first = 0;
        return;
    }
    ear->cap = ear->cap ? ear->cap * 2 : 16;
    ear->words = realloc(ear->words, (size_t)ear->cap * sizeof *ear->words);
    if (!ear->words) abort();
}

static void word_put(StoryEar *ear, StoryWord *word) {
    if (ear->lost || ear->bytes + word->len > EAR_BYTES_MAX) {
        ear->lost = true;
        return;
    }
    room_make(ear);
    atomic_fetch_add(&word->refs, 1);
    ear->words[ear->first + ear->count++] = word;
    ear->bytes += word->len;
}

static void word_deliver(void *arg) {
    StoryWord *word = arg;
    StoryEar *next;
    for (StoryEar *ear = *bucket_of(ears_here(), word->story_n); ear; ear = next) {
        next = ear->next;
        if (!id_eq(ear->story_n, word->story_n)) continue;
        word_put(ear, word);
        ear->on_ready(ear->arg);
    }
    word_done(word);
}

bool story_heard(void) {
    for (int i = 0; i < loop_count(); i++)
        if (atomic_load_explicit(&loops[i].count, memory_order_relaxed) > 0) return true;
    return false;
}

void story_tell(Id story_n, Str frame) {
    if (!story_heard()) return;
    StoryWord *word = malloc(sizeof *word + (size_t)frame.len);
    if (!word) abort();
    *word = (StoryWord){.refs = 1, .story_n = story_n, .len = frame.len};
    memcpy(word->bytes, frame.data, (size_t)frame.len);
    Loop *here = loop_here();
    for (int i = 0; i < loop_count(); i++) {
        if (loop_at(i) == here || atomic_load(&loops[i].count) == 0) continue;
        atomic_fetch_add(&word->refs, 1);
        loop_post(loop_at(i), word_deliver, word);
    }
    if (here && atomic_load(&loops[loop_index(here)].count) > 0)
        word_deliver(word);
    else
        word_done(word);
}
