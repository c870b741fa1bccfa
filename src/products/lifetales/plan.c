/* SPDX-License-Identifier: Apache-2.0
 * From notes to chapters, in three steps: the notes by time; a chapter number for each that says
 * something, day by day; the pictures to the nearest of them. How many chapters a day has depends on
 * the numbers and times of notes only, never on their words, so that an edited note moves nothing
 * outside its day. */
#include "products/lifetales/plan.h"

#include <sodium.h>
#include <stdlib.h>

#include "products/lifetales/calendar.h"
#include "products/lifetales/plan_room.h"
#include "search/language.h"

#define PLAN_VERSION "lifetales-2" /* of prompt and local writer: another one writes all again */
static const double clean_alike = 0.3;

typedef struct Placed {
    const StoryNote *note;
    ptrdiff_t index; /* in the input */
    int64_t day;
    bool says, shows;
    ptrdiff_t chapter; /* -1: none */
} Placed;

typedef struct Planner {
    Arena *arena;
    const PlanInput *in;
    Placed *all; /* by time */
    Placed **said;
    ptrdiff_t said_count, chapters;
} Planner;

/* -- the notes by time ------------------------------------------------------------------------ */

static bool is_blank(Str text) {
    for (ptrdiff_t at = 0; at < text.len;) {
        int32_t code = str_utf8_next(text, &at);
        bool space = code <= ' ' || code == 0xA0 || code == 0x3000 || code == 0xFEFF ||
                     (code >= 0x2000 && code <= 0x200F) || code == 0x2028 || code == 0x2029;
        if (!space) return false;
    }
    return true;
}

static int placed_order(const void *a, const void *b) {
    const Placed *x = a, *y = b;
    if (x->note->at.us != y->note->at.us) return x->note->at.us < y->note->at.us ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static void notes_place(Planner *p) {
    ptrdiff_t count = p->in->count;
    p->all = arena_array(p->arena, Placed, count + 1);
    p->said = arena_array(p->arena, Placed *, count + 1);
    for (ptrdiff_t i = 0; i < count; i++) {
        const StoryNote *note = &p->in->notes[i];
        bool shows = note->image_ids.count > 0;
        p->all[i] = (Placed){
            .note = note,
            .index = i,
            .day = calendar_local_day(note->at, p->in->zone),
            .shows = shows,
            .says = !is_blank(note->text) || (!shows && !is_blank(note->title)),
            .chapter = -1,
        };
    }
    qsort(p->all, (size_t)count, sizeof *p->all, placed_order);
    for (ptrdiff_t i = 0; i < count; i++)
        if (p->all[i].says) p->said[p->said_count++] = &p->all[i];
}

/* -- chapters --------------------------------------------------------------------------------- */

static ptrdiff_t day_end(const Planner *p, ptrdiff_t from) {
    ptrdiff_t end = from;
    while (end < p->said_count && p->said[end]->day == p->said[from]->day) end++;
    return end;
}

/* The notes [from, to) of one day become chapters of their own. */
static void day_divide(Planner *p, ptrdiff_t from, ptrdiff_t to, ptrdiff_t merges, double least) {
    ptrdiff_t count = to - from;
    ArenaMark mark = arena_mark(p->arena);
    const StoryNote **notes = arena_array(p->arena, const StoryNote *, count);
    ptrdiff_t *group = arena_array(p->arena, ptrdiff_t, count);
    for (ptrdiff_t i = 0; i < count; i++) notes[i] = p->said[from + i]->note;
    plan_themes(p->arena, notes, count, merges, least, group);
    for (ptrdiff_t i = 0; i < count; i++)
        p->said[from + i]->chapter =
            group[i] == i ? p->chapters++ : p->said[from + group[i]]->chapter;
    arena_release(p->arena, mark);
}

/* A note a chapter. */
static void chapters_each(Planner *p) {
    for (ptrdiff_t i = 0; i < p->said_count; i++) p->said[i]->chapter = p->chapters++;
}

/* What is alike within a day is one chapter; never more than half of the day's notes go. */
static void chapters_clean(Planner *p) {
    for (ptrdiff_t from = 0, to; from < p->said_count; from = to) {
        to = day_end(p, from);
        day_divide(p, from, to, (to - from) / 2, clean_alike);
    }
}

static bool nearer_behind(const Planner *p, ptrdiff_t from, ptrdiff_t to) {
    if (from == 0 || to >= p->said_count) return false;
    int64_t before = p->said[from]->day - p->said[from - 1]->day;
    int64_t behind = p->said[to]->day - p->said[to - 1]->day;
    return behind * 2 < before;
}

/* Half as many chapters as notes so far, after each day; a day that gets none goes with the day before,
 * or waits for the one behind where that is nearer (then there is one chapter more, until later). */
static void chapters_creative(Planner *p) {
    for (ptrdiff_t from = 0, to; from < p->said_count; from = to) {
        to = day_end(p, from);
        ptrdiff_t target = (to + 1) / 2, want = target - p->chapters, count = to - from;
        if (want <= 0 && p->chapters == target && nearer_behind(p, from, to)) want = 1;
        if (want > 0)
            day_divide(p, from, to, count - min_size(want, count), 0);
        else
            for (ptrdiff_t i = from; i < to; i++) p->said[i]->chapter = p->said[from - 1]->chapter;
    }
}

static uint64_t apart(const Placed *a, const Placed *b) {
    int64_t x = a->note->at.us, y = b->note->at.us;
    return x > y ? (uint64_t)x - (uint64_t)y : (uint64_t)y - (uint64_t)x;
}

/* Each to the nearest note that says something, the earlier of two. */
static void pictures_place(Planner *p) {
    ptrdiff_t next = 0;
    if (p->said_count == 0) p->chapters = 0;
    for (ptrdiff_t i = 0; i < p->in->count; i++) {
        Placed *one = &p->all[i];
        if (one->says || !one->shows) continue;
        if (p->said_count == 0) {
            p->chapters = 1;
            one->chapter = 0;
            continue;
        }
        while (next < p->said_count && p->said[next] < one) next++;
        const Placed *before = next > 0 ? p->said[next - 1] : NULL;
        const Placed *behind = next < p->said_count ? p->said[next] : NULL;
        bool earlier = before && (!behind || apart(before, one) <= apart(behind, one));
        one->chapter = earlier ? before->chapter : behind->chapter;
    }
}

/* -- keys ------------------------------------------------------------------------------------- */

typedef crypto_hash_sha256_state Hash;

static void hash_str(Hash *hash, Str text) {
    uint64_t len = str_is_null(text) ? 0 : (uint64_t)text.len;
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(len >> (8 * i));
    crypto_hash_sha256_update(hash, bytes, sizeof bytes);
    if (len > 0) crypto_hash_sha256_update(hash, (const unsigned char *)text.data, len);
}

static void hash_i64(Hash *hash, int64_t value) {
    char bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (char)((uint64_t)value >> (8 * i));
    hash_str(hash, str_of(bytes, sizeof bytes));
}

static Str key_of(Planner *p, const PlannedChapter *chapter, Str language) {
    const StorySettings *s = p->in->settings;
    Hash hash;
    unsigned char sum[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_init(&hash);
    const Str heads[] = {S(PLAN_VERSION), s->narrative_tone, s->story_mode, language,
                         p->in->writer};
    for (ptrdiff_t i = 0; i < COUNT(heads); i++) hash_str(&hash, heads[i]);
    hash_i64(&hash, (int64_t)(s->creativity * 1000 + 0.5));
    for (ptrdiff_t i = 0; i < chapter->count; i++) {
        const StoryNote *note = chapter->notes[i];
        hash_str(&hash, note->id);
        hash_str(&hash, note->title);
        hash_str(&hash, note->text);
        hash_str(&hash, note->place);
        hash_i64(&hash, note->at.us);
        /* The zone is what it makes of this note's time. */
        bool known = p->in->zone && !time_is_null(note->at);
        hash_i64(&hash, known ? zone_offset_s(p->in->zone, note->at) : 0);
    }
    crypto_hash_sha256_final(&hash, sum);
    return str_hex(p->arena, sum, sizeof sum);
}

/* Of the most text; French where none can be told. */
static Str language_of_most(const Planner *p) {
    static const char *const codes[] = {"fr", "en", "ar", "zh", "ja", "ko",
                                        "ru", "el", "he", "th", "hi"};
    enum { WEIGHT_MOST = 4096 };
    int64_t weights[COUNT(codes)] = {0};
    for (ptrdiff_t i = 0; i < p->said_count; i++) {
        Str text = p->said[i]->note->text, found = text_language(p->arena, text);
        for (ptrdiff_t k = 0; k < COUNT(codes); k++)
            if (str_eq(found, str_c(codes[k]))) weights[k] += min_i64(text.len, WEIGHT_MOST);
    }
    ptrdiff_t best = 0;
    for (ptrdiff_t k = 1; k < COUNT(codes); k++)
        if (weights[k] > weights[best]) best = k;
    return str_c(codes[best]);
}

static void chapters_fill(Planner *p, StoryPlan *plan) {
    plan->count = p->chapters;
    plan->items = arena_array(p->arena, PlannedChapter, p->chapters + 1);
    for (ptrdiff_t i = 0; i < p->in->count; i++)
        if (p->all[i].chapter >= 0) plan->items[p->all[i].chapter].count++;
    for (ptrdiff_t i = 0; i < plan->count; i++) {
        plan->items[i].notes = arena_array(p->arena, const StoryNote *, plan->items[i].count);
        plan->items[i].count = 0;
    }
    for (ptrdiff_t i = 0; i < p->in->count; i++) {
        if (p->all[i].chapter < 0) continue;
        PlannedChapter *chapter = &plan->items[p->all[i].chapter];
        chapter->notes[chapter->count++] = p->all[i].note;
    }
    for (ptrdiff_t i = 0; i < plan->count; i++)
        plan->items[i].key = key_of(p, &plan->items[i], plan->language);
}

StoryPlan story_plan(Arena *arena, const PlanInput *in) {
    assert(arena && in && in->settings);
    assert(in->count >= 0);
    Planner p = {.arena = arena, .in = in};
    StoryPlan plan = {0};
    notes_place(&p);
    plan.language = in->language.len ? in->language : language_of_most(&p);
    if (str_eq(in->settings->story_mode, S("clean")))
        chapters_clean(&p);
    else if (str_eq(in->settings->story_mode, S("creative")))
        chapters_creative(&p);
    else
        chapters_each(&p);
    pictures_place(&p);
    chapters_fill(&p, &plan);
    return plan;
}
