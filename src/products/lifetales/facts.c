/* SPDX-License-Identifier: Apache-2.0
 * Facts, put together: what the notes know (their words, numbers, days), and what of a text is not
 * among it. A note knows its own day, month, year and time of day as well as what it says, and the days
 * that it tells from there. */
#include "products/lifetales/facts.h"

#include <math.h>
#include <stdlib.h>

#include "products/lifetales/facts_name.h"
#include "search/language.h"

typedef struct Day {
    int year, month, day; /* year 0: not said */
} Day;

typedef struct Numbers {
    double *items;
    ptrdiff_t count, cap;
    bool sorted;
} Numbers;

struct Facts {
    Arena *arena;
    Tongues tongue; /* of most notes */
    Vocabulary words;
    Numbers numbers, hours;
    Day *days;
    ptrdiff_t day_count, day_cap;
    int64_t *own; /* the notes' own days */
    ptrdiff_t own_count;
    bool months[13], weekdays[7], day_numbers[32];
    bool offsets[9]; /* told from the note's day: -4..4 */
};
enum { OFFSETS = 4, SHORT = 120 /* bytes: hardly a sign of its language */ };

/* -- what the notes know ---------------------------------------------------------------------- */

static void number_know(Facts *f, Numbers *numbers, double value) {
    if (numbers->count == numbers->cap) {
        ptrdiff_t cap = numbers->cap ? 2 * numbers->cap : 64, size = (ptrdiff_t)sizeof value;
        numbers->items = arena_grow(f->arena, numbers->items, numbers->cap * size, cap * size);
        numbers->cap = cap;
    }
    numbers->items[numbers->count++] = value;
    numbers->sorted = false;
}

static void day_know(Facts *f, int year, int month, int day) {
    if (f->day_count == f->day_cap) {
        ptrdiff_t cap = f->day_cap ? 2 * f->day_cap : 32, size = (ptrdiff_t)sizeof(Day);
        f->days = arena_grow(f->arena, f->days, f->day_cap * size, cap * size);
        f->day_cap = cap;
    }
    f->days[f->day_count++] = (Day){year, month, day};
    f->months[month] = true;
    f->day_numbers[day] = true;
}

static int weekday_of(int64_t day) { return (int)(((day + 4) % 7 + 7) % 7); }

static void day_know_whole(Facts *f, int64_t day) {
    Civil civil = calendar_civil(day);
    day_know(f, civil.year, civil.month, civil.day);
    f->weekdays[weekday_of(day)] = true;
}

static void date_know(Facts *f, const Claim *claim, int64_t own) {
    int years[3] = {claim->year, 0, 0}, count = 1;
    int64_t first = claim->year ? 0 : calendar_civil(own).year;
    if (claim->day == 0) {
        f->months[claim->month] = true;
        number_know(f, &f->numbers, claim->year);
        return;
    }
    day_know(f, claim->year, claim->month, claim->day);
    if (claim->either && claim->day <= 12) day_know(f, claim->year, claim->day, claim->month);
    if (claim->year) number_know(f, &f->numbers, claim->year);
    if (!claim->year)
        for (; count <= 3; count++) years[count - 1] = (int)first + count - 2;
    else
        count = 2;
    /* The weekday it was; of the nearest years where none is said. */
    for (int i = 0; i < count - 1; i++)
        if (years[i] > 0 && years[i] < 9999 && (claim->year || i == 1))
            f->weekdays[weekday_of(calendar_day(years[i], claim->month, claim->day))] = true;
}

static void number_claim_know(Facts *f, const Claim *claim) {
    number_know(f, &f->numbers, claim->value);
    for (int i = 0; i < claim->part_count; i++) number_know(f, &f->numbers, claim->parts[i]);
    if (claim->value >= 0 && claim->value <= 24) {
        number_know(f, &f->hours, claim->value);
        number_know(f, &f->hours, claim->value >= 12 ? claim->value - 12 : claim->value + 12);
    }
    if (claim->day_like && claim->value >= 1 && claim->value <= 31)
        f->day_numbers[(int)claim->value] = true;
}

static void claim_know(Facts *f, const Claim *claim, int64_t own) {
    switch (claim->kind) {
    case CLAIM_NUMBER: number_claim_know(f, claim); break;
    case CLAIM_DATE:
        date_know(f, claim, own);
        for (int i = 0; i < claim->part_count; i++) number_know(f, &f->numbers, claim->parts[i]);
        break;
    case CLAIM_MONTH: f->months[(int)claim->value] = true; break;
    case CLAIM_WEEKDAY: {
        int ahead = ((int)claim->value - weekday_of(own) + 7) % 7;
        day_know_whole(f, own + ahead);
        day_know_whole(f, own + ahead - 7);
        break;
    }
    case CLAIM_DAYS:
        if (fabs(claim->value) <= OFFSETS) f->offsets[(int)claim->value + OFFSETS] = true;
        day_know_whole(f, own + (int64_t)claim->value);
    }
}

/* Half past and a quarter to are minutes. */
static void clock_words_know(Facts *f, const FactTokens *t) {
    for (ptrdiff_t i = 0; i < t->count; i++) {
        Str word = t->items[i].word;
        if (word_among(" half demi demie ", word)) number_know(f, &f->hours, 30);
        if (word_among(" quarter quart ", word)) {
            number_know(f, &f->hours, 15);
            number_know(f, &f->hours, 45);
        }
        if (word_among(" midi noon minuit midnight ", word)) {
            number_know(f, &f->hours, 12);
            number_know(f, &f->hours, 0);
        }
    }
}

static void claims_know(Facts *f, const Claims *claims, int64_t own) {
    for (ptrdiff_t i = 0; i < claims->count; i++) claim_know(f, &claims->items[i], own);
}

/* Read as every language that it may be taken for: "four" is a number or an oven. */
static void text_know(Facts *f, Str text, int64_t own) {
    if (text.len == 0) return;
    FactTokens t = fact_tokens(f->arena, text);
    vocabulary_add(&f->words, &t);
    for (Tongues tongue = TONGUE_ANY; tongue <= TONGUE_EN; tongue++) {
        Claims claims = {.arena = f->arena};
        numbers_read(&t, tongue, &claims);
        han_read(text, &claims);
        claims_know(f, &claims, own); /* the numbers of dates, too */
        dates_read(&t, tongue, &claims);
        claims_know(f, &claims, own);
    }
    clock_words_know(f, &t);
}

static Tongues tongue_of(Arena *arena, Str text) {
    Str code = text_language(arena, text);
    return str_eq(code, S("fr")) ? TONGUE_FR : str_eq(code, S("en")) ? TONGUE_EN : TONGUE_ANY;
}

static void note_know(Facts *f, const StoryNote *note, const Zone *zone) {
    int64_t own = calendar_local_day(note->at, zone);
    if (!time_is_null(note->at)) {
        Civil local = calendar_local(note->at, zone);
        f->own[f->own_count++] = own;
        day_know_whole(f, own);
        number_know(f, &f->hours, local.hour);
        number_know(f, &f->hours, local.hour >= 12 ? local.hour - 12 : local.hour + 12);
        number_know(f, &f->hours, local.minute);
    }
    text_know(f, note->title, own);
    text_know(f, note->text, own);
    text_know(f, note->place, own);
}

Facts *facts_gather(Arena *arena, const StoryNote *const *notes, ptrdiff_t count,
                    const Zone *zone) {
    assert(arena && count >= 0);
    Facts *f = arena_new_of(arena, Facts);
    f->arena = arena;
    f->words = vocabulary_new(arena);
    f->own = arena_array(arena, int64_t, count + 1);
    ptrdiff_t bytes[TONGUE_EN + 1] = {0};
    for (ptrdiff_t i = 0; i < count; i++) {
        note_know(f, notes[i], zone);
        bytes[tongue_of(arena, notes[i]->text)] += notes[i]->text.len;
    }
    if (bytes[TONGUE_FR] != bytes[TONGUE_EN])
        f->tongue = bytes[TONGUE_FR] > bytes[TONGUE_EN] ? TONGUE_FR : TONGUE_EN;
    return f;
}

/* -- is it known? ----------------------------------------------------------------------------- */

static int number_order(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool number_known(Numbers *numbers, double value) {
    if (!numbers->sorted && numbers->count > 0)
        qsort(numbers->items, (size_t)numbers->count, sizeof value, number_order);
    numbers->sorted = true;
    return numbers->count > 0 &&
           bsearch(&value, numbers->items, (size_t)numbers->count, sizeof value, number_order);
}

static bool year_known(Facts *f, int year) {
    if (number_known(&f->numbers, year)) return true;
    for (ptrdiff_t i = 0; i < f->day_count; i++)
        if (f->days[i].year == year) return true;
    return false;
}

static bool number_claim_known(Facts *f, const Claim *claim) {
    double value = claim->value;
    if (claim->vague || value == 1) return true;
    if (number_known(&f->numbers, value)) return true;
    if (claim->hour && number_known(&f->hours, value)) return true;
    if (claim->year_like && year_known(f, (int)value)) return true;
    bool day = claim->day_like && value >= 1 && value <= 31;
    if (day && f->day_numbers[(int)value]) return true;
    /* "le 12 300" may be two numbers. */
    bool parts = claim->part_count > 1;
    for (int i = 0; i < claim->part_count; i++)
        parts = parts && number_known(&f->numbers, claim->parts[i]);
    return parts;
}

static bool day_known(Facts *f, int year, int month, int day) {
    for (ptrdiff_t i = 0; i < f->day_count; i++) {
        const Day *known = &f->days[i];
        if (known->day != day || known->month != month) continue;
        if (!year || known->year == year || (!known->year && year_known(f, year))) return true;
    }
    return false;
}

static bool date_known(Facts *f, const Claim *claim) {
    if (claim->day == 0) return f->months[claim->month] && year_known(f, claim->year);
    if (day_known(f, claim->year, claim->month, claim->day)) return true;
    if (claim->either && claim->day <= 12 && day_known(f, claim->year, claim->day, claim->month))
        return true;
    return claim->part_count == 2 && number_known(&f->numbers, claim->parts[0]) &&
           number_known(&f->numbers, claim->parts[1]);
}

/* A day told from the day of the story: one that a note tells so, or the day of another note. */
static bool days_known(Facts *f, int days) {
    if (abs(days) <= OFFSETS && f->offsets[days + OFFSETS]) return true;
    for (ptrdiff_t i = 0; i < f->own_count; i++) {
        Civil civil = calendar_civil(f->own[i] + days);
        if (day_known(f, civil.year, civil.month, civil.day)) return true;
    }
    return f->own_count == 0;
}

static bool claim_known(Facts *f, const Claim *claim) {
    switch (claim->kind) {
    case CLAIM_NUMBER: return number_claim_known(f, claim);
    case CLAIM_DATE: return date_known(f, claim);
    case CLAIM_MONTH: return f->months[(int)claim->value];
    case CLAIM_WEEKDAY: return f->weekdays[(int)claim->value];
    case CLAIM_DAYS: return claim->vague || days_known(f, (int)claim->value);
    }
    return true;
}

/* -- the text --------------------------------------------------------------------------------- */

typedef struct Finding {
    Arena *arena;
    Str text;
    Invention *items;
    ptrdiff_t count;
} Finding;

static void invention_put(Finding *f, FactKind kind, ptrdiff_t from, ptrdiff_t to) {
    if (f->count < INVENTIONS_MAX)
        f->items[f->count++] = (Invention){kind, str_slice(f->text, from, to), from};
}

static void name_put(void *arg, ptrdiff_t from, ptrdiff_t to) {
    invention_put(arg, FACT_NAME, from, to);
}

static int invention_order(const void *a, const void *b) {
    ptrdiff_t x = ((const Invention *)a)->at, y = ((const Invention *)b)->at;
    return (x > y) - (x < y);
}

Invention *facts_against(Arena *arena, Facts *facts, Str text, ptrdiff_t *found) {
    assert(arena && facts && found);
    Finding f = {.arena = arena, .text = text};
    f.items = arena_array(arena, Invention, INVENTIONS_MAX);
    FactTokens t = fact_tokens(arena, text);
    Claims claims = {.arena = arena};
    Tongues tongue = tongue_of(arena, text);
    if (tongue == TONGUE_ANY || (text.len < SHORT && facts->tongue != TONGUE_ANY))
        tongue = facts->tongue;
    numbers_read(&t, tongue, &claims);
    han_read(text, &claims);
    dates_read(&t, tongue, &claims);
    for (ptrdiff_t i = 0; i < claims.count; i++) {
        const Claim *claim = &claims.items[i];
        if (claim_known(facts, claim)) continue;
        bool number = claim->kind == CLAIM_NUMBER && !claim->year_like;
        invention_put(&f, number ? FACT_NUMBER : FACT_DATE, claim->from, claim->to);
    }
    Vocabulary own = vocabulary_new(arena);
    vocabulary_add(&own, &t);
    names_invented(arena, &t, &facts->words, &own, name_put, &f);
    qsort(f.items, (size_t)f.count, sizeof *f.items, invention_order);
    *found = f.count;
    return f.items;
}

Invention *facts_invented(Arena *arena, Str text, const StoryNote *const *notes, ptrdiff_t count,
                          const Zone *zone, ptrdiff_t *found) {
    return facts_against(arena, facts_gather(arena, notes, count, zone), text, found);
}
