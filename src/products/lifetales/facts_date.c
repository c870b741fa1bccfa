/* SPDX-License-Identifier: Apache-2.0
 * Dates: a month with the numbers beside it (21 novembre 2026 · November 21st, 2026 · the third of June),
 * digits alone (2026-11-21 · 21/11/26 · 21.11.2026), Han (2026年11月21日), weekdays, and days told from
 * the one on which the note was made (hier, the next day, il y a trois jours, two weeks ago). */
#include "products/lifetales/facts_room.h"

#include <math.h>

typedef struct Dates {
    FactTokens *t;
    Tongues tongue;
    Claims *claims;
    ptrdiff_t numbers; /* the first claims are numbers, by place */
    ptrdiff_t *at;     /* of a token: 1 + the number that begins or goes on there */
    bool *gone;        /* of a number: part of a date */
} Dates;

static Claim *number_at(Dates *d, ptrdiff_t token) {
    if (token < 0 || token >= d->t->count || d->at[token] == 0) return NULL;
    return &d->claims->items[d->at[token] - 1];
}

static int day_of(const Claim *number) {
    bool day = number && number->value >= 1 && number->value <= 31 &&
               number->value == floor(number->value);
    return day ? (int)number->value : 0;
}

static int year_of(const Claim *number) {
    return number && number->year_like ? (int)number->value : 0;
}

static void number_take(Dates *d, const Claim *number, Claim *date) {
    d->gone[number - d->claims->items] = true;
    date->first = min_size(date->first, number->first);
    date->behind = max_size(date->behind, number->behind);
}

static void date_put(Dates *d, Claim date) {
    date.from = d->t->items[date.first].from;
    date.to = d->t->items[date.behind - 1].to;
    for (ptrdiff_t i = date.first; i < date.behind; i++) d->t->items[i].taken = true;
    claim_add(d->claims, date);
}

static bool gap_parts(const FactTokens *t, ptrdiff_t i) {
    if (i >= t->count) return true;
    Str gap = t->items[i].gap;
    for (ptrdiff_t k = 0; k < gap.len; k++)
        if (strchr(".;:!?()\n", gap.data[k]) && !(gap.data[k] == '.' && k == 0 && gap.len < 3))
            return true;
    return false;
}

/* -- months ----------------------------------------------------------------------------------- */

/* The number that ends right before token i, "of" and "de" between allowed. */
static Claim *number_before(Dates *d, ptrdiff_t i) {
    ptrdiff_t at = i - 1;
    if (gap_parts(d->t, i)) return NULL;
    while (at >= 0 && at >= i - 2 && word_among(" of de d du day the ", token_word(d->t, at))) at--;
    return number_at(d, at);
}

static Claim *number_behind(Dates *d, ptrdiff_t i) {
    if (gap_parts(d->t, i)) return NULL;
    if (str_eq(token_word(d->t, i), S("the")) || str_eq(token_word(d->t, i), S("le"))) i++;
    Claim *number = number_at(d, i);
    return number && number->first == i ? number : NULL;
}

/* A doubtful name stands for the month when a number, or what is said of months, is beside it. */
static bool month_meant(const Dates *d, ptrdiff_t i) {
    const Token *token = &d->t->items[i];
    if (!calendar_month_doubtful(token->word)) return true;
    Str before = token_word(d->t, i - 1);
    if (token->word.len == 3 && !word_among(" may mai ", token->word)) return false;
    if (str_eq(token->word, S("sept"))) return false;
    if (token->capital && !token->start)
        return word_among(" in of since until till last next early late mid this by during en ",
                          before);
    return word_among(" en mois depuis debut fin mi courant ", before) &&
           word_among(" mai mars ", token->word);
}

/* "un" and "may" are no first of May, "sept" behind a word none of September. */
static bool day_meant(const Dates *d, const Claim *day, ptrdiff_t month) {
    bool doubtful = calendar_month_doubtful(d->t->items[month].word);
    bool in_words = !d->t->items[day->first].digit;
    return !(doubtful && in_words && (day->value == 1 || day->vague) &&
             !word_among(" premier first ", token_word(d->t, day->first)));
}

static void month_read(Dates *d, ptrdiff_t i) {
    Claim date = {.kind = CLAIM_DATE, .first = i, .behind = i + 1};
    Claim *own = number_at(d, i); /* sept */
    if (own && own->behind - own->first > 1) return;
    date.month = calendar_month(d->t->items[i].word);
    Claim *before = number_before(d, i), *behind = number_behind(d, i + 1);
    if (before && !day_meant(d, before, i)) before = NULL;
    if (behind && !day_meant(d, behind, i)) behind = NULL;
    if (day_of(before)) {
        date.day = day_of(before);
        number_take(d, before, &date);
    } else if (day_of(behind)) {
        date.day = day_of(behind);
        number_take(d, behind, &date);
        behind = number_behind(d, date.behind);
    }
    if (behind && word_among(" de of ", token_word(d->t, i + 1))) behind = NULL;
    if (!behind && word_among(" de of in ", token_word(d->t, date.behind)))
        behind = number_behind(d, date.behind + 1);
    if (year_of(behind)) {
        date.year = year_of(behind);
        number_take(d, behind, &date);
    }
    if (!date.day && !date.year) {
        if (!month_meant(d, i)) return;
        date.kind = CLAIM_MONTH;
        date.value = date.month;
    }
    if (own) number_take(d, own, &date);
    date_put(d, date);
}

/* -- digits ----------------------------------------------------------------------------------- */

static bool whole_of(const FactTokens *t, ptrdiff_t i, int *value) {
    if (i >= t->count || !t->items[i].digit || t->items[i].word.len > 4) return false;
    *value = 0;
    for (ptrdiff_t k = 0; k < t->items[i].word.len; k++) {
        char c = t->items[i].word.data[k];
        if (c < '0' || c > '9') return false;
        *value = *value * 10 + (c - '0');
    }
    return true;
}

static bool parts_fit(Claim *date, const int parts[3], int count, ptrdiff_t year_digits) {
    int day = parts[0], month = parts[1], year = count == 3 ? parts[2] : 0;
    if (parts[0] > 31) day = parts[2], month = parts[1], year = parts[0];
    if (count == 3 && year < 100 && year_digits == 2) year += year < 70 ? 2000 : 1900;
    if (month > 12 && day <= 12) {
        int swap = month;
        month = day;
        day = swap;
    }
    date->day = day;
    date->month = month;
    date->year = year;
    date->either = parts[0] <= 12 && parts[1] <= 12;
    return day >= 1 && day <= 31 && month >= 1 && month <= 12 && (count == 2 || year >= 1000);
}

/* 21/11/2026 at token i; 21/11 by strokes only. */
static void digits_date(Dates *d, ptrdiff_t i) {
    const FactTokens *t = d->t;
    int parts[3] = {0}, count = 1;
    if (t->items[i].taken && number_at(d, i) && d->gone[number_at(d, i) - d->claims->items]) return;
    if (!whole_of(t, i, &parts[0]) || i + 1 >= t->count) return;
    Str gap = t->items[i + 1].gap;
    if (!str_eq(gap, S("/")) && !str_eq(gap, S("-")) && !str_eq(gap, S("."))) return;
    while (count < 3 && i + count < t->count && str_eq(t->items[i + count].gap, gap) &&
           whole_of(t, i + count, &parts[count]))
        count++;
    if (count < 2 || (count == 2 && !str_eq(gap, S("/")))) return;
    Claim date = {.kind = CLAIM_DATE, .first = i, .behind = i + count};
    ptrdiff_t last = parts[0] > 31 ? i : i + count - 1;
    if (!parts_fit(&date, parts, count, t->items[last].word.len)) return;
    for (ptrdiff_t k = i; k < i + count; k++)
        if (number_at(d, k)) d->gone[number_at(d, k) - d->claims->items] = true;
    if (count == 2) { /* or a fraction, or 24/7: then its numbers must be there */
        date.parts[0] = parts[0];
        date.parts[1] = parts[1];
        date.part_count = 2;
    }
    date_put(d, date);
}

/* -- days from the note's own ----------------------------------------------------------------- */

typedef struct DayWords {
    const char *words[4]; /* tokens one behind the other */
    int days;
} DayWords;

/* Longer ones first. */
static const DayWords day_words[] = {
    {{"the", "day", "before", "yesterday"}, -2},
    {{"the", "day", "after", "tomorrow"}, 2},
    {{"day", "before", "yesterday"}, -2},
    {{"day", "after", "tomorrow"}, 2},
    {{"avant", "hier"}, -2},
    {{"apres", "demain"}, 2},
    {{"next", "day"}, 1},
    {{"next", "morning"}, 1},
    {{"following", "day"}, 1},
    {{"following", "morning"}, 1},
    {{"previous", "day"}, -1},
    {{"day", "before"}, -1},
    {{"previous", "evening"}, -1},
    {{"day", "after"}, 1},
    {{"jour", "suivant"}, 1},
    {{"jour", "precedent"}, -1},
    {{"yesterday"}, -1},
    {{"hier"}, -1},
    {{"tomorrow"}, 1},
    {{"demain"}, 1},
    {{"lendemain"}, 1},
    {{"surlendemain"}, 2},
    {{"la", "veille"}, -1},
    {{"last", "night"}, -1},
};

static ptrdiff_t day_words_read(Dates *d, ptrdiff_t i) {
    for (ptrdiff_t k = 0; k < COUNT(day_words); k++) {
        ptrdiff_t len = 0;
        while (len < 4 && day_words[k].words[len] &&
               str_eq(token_word(d->t, i + len), str_c(day_words[k].words[len])))
            len++;
        if (len == 0 || (len < 4 && day_words[k].words[len])) continue;
        date_put(
            d,
            (Claim){.kind = CLAIM_DAYS, .first = i, .behind = i + len, .value = day_words[k].days});
        return i + len;
    }
    return i + 1;
}

static int days_of_unit(Str unit) {
    if (word_among(" day days jour jours ", unit)) return 1;
    return word_among(" week weeks semaine semaines ", unit) ? 7 : 0;
}

/* il y a trois jours, three days ago, dans deux semaines, in two weeks: the number stays one. */
static void days_counted(Dates *d, ptrdiff_t n) {
    Claim number = d->claims->items[n];
    int unit = days_of_unit(token_word(d->t, number.behind)), sign = 0;
    if (!unit || number.value > 400 || number.value != floor(number.value)) return;
    Str behind = token_word(d->t, number.behind + 1), before = token_word(d->t, number.first - 1);
    if (word_among(" ago earlier before auparavant avant ", behind)) sign = -1;
    if (word_among(" later after apres ", behind)) sign = 1;
    if (str_eq(before, S("a")) && str_eq(token_word(d->t, number.first - 2), S("y"))) sign = -1;
    if (word_among(" in dans within ", before)) sign = 1;
    if (sign)
        claim_add(d->claims, (Claim){.kind = CLAIM_DAYS,
                                     .from = number.from,
                                     .to = number.to,
                                     .first = number.first,
                                     .behind = number.behind,
                                     .vague = true,
                                     .value = sign * unit * number.value});
}

static void weekday_read(Dates *d, ptrdiff_t i) {
    int weekday = calendar_weekday(d->t->items[i].word);
    if (weekday >= 0)
        date_put(d, (Claim){.kind = CLAIM_WEEKDAY, .first = i, .behind = i + 1, .value = weekday});
}

/* -- Han -------------------------------------------------------------------------------------- */

enum { HAN_YEAR = 0x5E74, HAN_MONTH = 0x6708, HAN_DAY = 0x65E5, HAN_DAY_TOO = 0x53F7 };

static bool within(double value, int least, int most) {
    return value >= least && value <= most && value == floor(value);
}

static void han_put(Dates *d, ptrdiff_t from, ptrdiff_t to, Claim claim) {
    claim.from = from;
    claim.to = to;
    claim.first = claim.behind = -1;
    claim_add(d->claims, claim);
}

/* 2026年11月21日, 十一月二十一日: numbers that the signs of year, month and day follow. */
static void han_dates(Dates *d) {
    Str text = d->t->text;
    int year = 0, month = 0;
    ptrdiff_t from = -1, last = -1;
    for (ptrdiff_t i = 0; i < d->numbers; i++) {
        const Claim number = d->claims->items[i];
        ptrdiff_t at = number.to;
        int32_t sign = at < text.len ? str_utf8_next(text, &at) : 0;
        if (last != number.from) from = number.from, year = month = 0;
        if (sign == HAN_YEAR && number.year_like) {
            year = (int)number.value;
        } else if (sign == HAN_MONTH && within(number.value, 1, 12)) {
            month = (int)number.value;
            han_put(d, from, at, (Claim){.kind = CLAIM_MONTH, .value = month});
        } else if ((sign == HAN_DAY || sign == HAN_DAY_TOO) && month &&
                   within(number.value, 1, 31)) {
            int day = (int)number.value;
            han_put(d, from, at,
                    (Claim){.kind = CLAIM_DATE, .year = year, .month = month, .day = day});
        } else {
            continue;
        }
        d->gone[i] = true;
        last = at;
    }
}

/* 星期六, 周六, 礼拜六 */
static void han_weekdays(Str text, Claims *claims) {
    static const char *const heads[] = {"星期", "周", "礼拜", "週"};
    static const char *const days[] = {"日", "一", "二", "三", "四", "五", "六", "天"};
    for (int h = 0; h < COUNT(heads); h++)
        for (ptrdiff_t at = 0, found;
             (found = str_find(str_slice(text, at, text.len), str_c(heads[h]))) >= 0;) {
            ptrdiff_t from = at + found;
            at = from + (ptrdiff_t)strlen(heads[h]);
            for (int k = 0; k < COUNT(days); k++)
                if (str_starts(str_slice(text, at, text.len), str_c(days[k])))
                    claim_add(claims, (Claim){.kind = CLAIM_WEEKDAY,
                                              .from = from,
                                              .to = at + 3,
                                              .first = -1,
                                              .behind = -1,
                                              .value = k % 7});
        }
}

/* -- all -------------------------------------------------------------------------------------- */

static void gone_drop(Dates *d) {
    ptrdiff_t kept = 0;
    for (ptrdiff_t i = 0; i < d->claims->count; i++) {
        if (i < d->numbers && d->gone[i]) continue;
        d->claims->items[kept++] = d->claims->items[i];
    }
    d->claims->count = kept;
}

void dates_read(FactTokens *t, Tongues tongue, Claims *claims) {
    assert(t && claims);
    Dates d = {.t = t, .tongue = tongue, .claims = claims, .numbers = claims->count};
    d.at = arena_array(claims->arena, ptrdiff_t, t->count + 1);
    d.gone = arena_array(claims->arena, bool, claims->count + 1);
    for (ptrdiff_t n = 0; n < d.numbers; n++)
        for (ptrdiff_t i = claims->items[n].first; i >= 0 && i < claims->items[n].behind; i++)
            d.at[i] = n + 1;
    for (ptrdiff_t i = 0; i < t->count; i++) {
        if (calendar_month(t->items[i].word)) month_read(&d, i);
        digits_date(&d, i);
        weekday_read(&d, i);
    }
    for (ptrdiff_t i = 0; i < t->count;) i = day_words_read(&d, i);
    for (ptrdiff_t n = 0; n < d.numbers; n++)
        if (!d.gone[n] && claims->items[n].first >= 0) days_counted(&d, n);
    han_dates(&d);
    han_weekdays(t->text, claims);
    gone_drop(&d);
}
