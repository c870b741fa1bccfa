/* SPDX-License-Identifier: Apache-2.0
 * Numbers: in digits (4,000 · 4 000 · 3,5 · 10h30 · 3rd), in French, English and Arabic words (quatre-
 * vingt-dix-sept, two hundred and five, sixteen sixty-seven, a dozen), Roman, Chinese. */
#include "products/lifetales/facts_number.h"

#include <math.h>

enum { DIGITS_MAX = 15 };

/* -- words ------------------------------------------------------------------------------------ */

typedef struct Counting {
    double total, group, last; /* group: below a thousand, under way */
    bool any, ended;
} Counting;

static bool times_on(Counting *n, double v) {
    if (v > 100) {
        if (n->total > 0 && v >= n->total) return false;
        n->total += (n->group > 0 ? n->group : 1) * v;
        n->group = 0;
    } else {
        if (n->group >= 100 || (n->any && n->group <= 0 && n->total <= 0)) return false;
        n->group = n->group > 0 ? n->group * 100 : 100;
    }
    n->last = v;
    return n->any = true;
}

/* May `word` go on where `n` stands? cent: 2 × 100; vingt behind quatre: 80; units behind tens. */
static bool counts_on(Counting *n, const NumberWord *word, bool linked) {
    double v = word->value;
    if (word->use == USE_TIMES) return times_on(n, v);
    bool ordinal = word->use == USE_ORDINAL;
    if (!n->any) {
        n->group = v;
    } else if (n->last == 4 && v == 20 && !linked) {
        n->group += 76;
        v = 80;
    } else if (n->last >= 100) {
        if (v >= 100) return false;
        n->group += v;
    } else if (n->last >= 20 && n->last < 100 && v < 10) {
        n->group += v;
    } else if ((n->last == 60 || n->last == 80) && v >= 10 && v < 20) {
        n->group += v;
    } else if (n->last == 10 && v >= 7 && v <= 9) {
        n->group += v;
    } else if (n->group >= 10 && n->group <= 21 && n->total == 0 && v >= 20 && v < 100 && !linked) {
        n->group = n->group * 100 + v; /* sixteen sixty-seven */
    } else {
        return false;
    }
    n->last = v;
    n->any = true;
    n->ended = ordinal;
    return true;
}

static bool is_link(Str word) { return str_eq(word, S("et")) || str_eq(word, S("and")); }

/* "neuf" is new as often as nine: it counts before what there can be nine of. */
static bool neuf_counts(const FactTokens *t, ptrdiff_t i) {
    Str next = token_word(t, i + 1), before = token_word(t, i - 1);
    bool many = str_ends(next, S("s")) || str_ends(next, S("x")) || calendar_month(next) > 0 ||
                number_word(next, TONGUE_FR);
    return many ||
           word_among(" les ces des mes ses leurs nos vos vingt dix trente quarante cinquante "
                      "soixante cent mille ",
                      before);
}

/* The number in words that begins at i; behind it, or i where there is none. */
static ptrdiff_t words_number(const FactTokens *t, ptrdiff_t i, Tongues tongue, Claim *claim) {
    const NumberWord *word = number_word(token_word(t, i), tongue);
    if (!word) return i;
    if (word->use == USE_ALONE || word->use == USE_HINT) {
        claim->value = word->value;
        claim->vague = word->use == USE_HINT;
        return i + 1;
    }
    Counting n = {0};
    ptrdiff_t at = i, used = i;
    for (bool linked = false; at < t->count && !n.ended; at++) {
        if (at > i && !token_joined(t, at)) break;
        Str text = token_word(t, at);
        if (used > i && !linked && is_link(text) && n.last >= 20) {
            linked = true;
            continue;
        }
        /* pour cent, per cent */
        bool percent = at > 0 && str_starts(text, S("cent")) &&
                       word_among(" pour per ", token_word(t, at - 1));
        word = percent ? NULL : number_word(text, tongue);
        bool builds = word && (word->use <= USE_ORDINAL);
        if (linked && builds && word->use == USE_TIMES) builds = false;
        if (!builds || !counts_on(&n, word, linked)) break;
        linked = false;
        used = at + 1;
    }
    if (used == i) return i;
    claim->value = n.total + n.group;
    bool alone = used == i + 1;
    bool doubted = alone && tongue == TONGUE_ANY &&
                   number_word(token_word(t, i), tongue)->tongue != TONGUE_ANY;
    claim->vague = claim->value == 1 || doubted ||
                   (alone && str_eq(token_word(t, i), S("neuf")) && !neuf_counts(t, i));
    claim->day_like = n.ended;
    return used;
}

/* -- digits ----------------------------------------------------------------------------------- */

static bool is_digits(Str word) {
    for (ptrdiff_t i = 0; i < word.len; i++)
        if (word.data[i] < '0' || word.data[i] > '9') return false;
    return word.len > 0;
}

static ptrdiff_t digits_of(Str word, double *value) {
    ptrdiff_t i = 0;
    *value = 0;
    for (; i < word.len && word.data[i] >= '0' && word.data[i] <= '9'; i++)
        *value = *value * 10 + (word.data[i] - '0');
    return i;
}

static bool is_gap(const FactTokens *t, ptrdiff_t i, const char *const *gaps) {
    for (; i < t->count && *gaps; gaps++)
        if (str_eq(t->items[i].gap, str_c(*gaps))) return true;
    return false;
}

static const char *const group_gaps[] = {",",      ".", " ", "\u00a0", "\u202f",
                                         "\u2009", "'", "’", "٬",      NULL};
static const char *const point_gaps[] = {",", ".", "٫", NULL};

/* 4,000 and 12 500: groups of three behind one to three digits. */
static ptrdiff_t groups_take(const FactTokens *t, ptrdiff_t i, Claim *claim) {
    ptrdiff_t at = i + 1;
    double value = claim->value;
    if (t->items[i].word.len > 3 || t->items[i].word.data[0] == '0') return at;
    while (at < t->count && at - i < 4 && t->items[at].word.len == 3 &&
           is_digits(t->items[at].word) && is_gap(t, at, group_gaps) &&
           (at == i + 1 || str_eq(t->items[at].gap, t->items[i + 1].gap))) {
        double part;
        digits_of(t->items[at].word, &part);
        claim->parts[claim->part_count++] = part;
        value = value * 1000 + part;
        at++;
    }
    claim->value = value;
    return at;
}

static ptrdiff_t decimals_take(const FactTokens *t, ptrdiff_t i, ptrdiff_t at, Claim *claim) {
    if (at != i + 1 || at >= t->count || !is_gap(t, at, point_gaps)) return at;
    Str part = t->items[at].word;
    double value;
    ptrdiff_t len = digits_of(part, &value);
    if (len == 0 || len > 6) return at;
    claim->parts[claim->part_count++] = claim->value;
    claim->parts[claim->part_count++] = value;
    claim->value += value / pow(10, (double)len);
    return at + 1;
}

/* What is written behind the digits in the same word. */
static void suffix_read(Str suffix, Claim *claim) {
    if (word_among(" st nd rd th er ere re e eme ieme d nde ", suffix)) claim->day_like = true;
    if (str_starts(suffix, S("h")) || str_eq(suffix, S("am")) || str_eq(suffix, S("pm")))
        claim->hour = true;
    if (str_eq(suffix, S("k"))) claim->value *= 1000;
}

static ptrdiff_t digits_number(const FactTokens *t, ptrdiff_t i, Claim *claim, Claims *out) {
    const Token *token = &t->items[i];
    ptrdiff_t len = digits_of(token->word, &claim->value), at = i + 1;
    if (len == 0 || len > DIGITS_MAX) return len ? i + 1 : i;
    Str suffix = str_slice(token->word, len, token->word.len);
    if (suffix.len == 0) {
        claim->parts[claim->part_count++] = claim->value;
        at = groups_take(t, i, claim);
        if (at == i + 1) {
            claim->part_count = 0;
            at = decimals_take(t, i, at, claim);
        }
    } else {
        suffix_read(suffix, claim);
        double minutes;
        if (suffix.data[0] == 'h' && suffix.len > 1 &&
            digits_of(str_slice(suffix, 1, suffix.len), &minutes) == suffix.len - 1)
            claim_add(out, (Claim){.from = token->from,
                                   .to = token->to,
                                   .first = i,
                                   .behind = i + 1,
                                   .value = minutes,
                                   .hour = true});
    }
    const NumberWord *times =
        token_joined(t, at) ? number_word(token_word(t, at), TONGUE_ANY) : NULL;
    if (times && times->use == USE_TIMES && times->value >= 1000) {
        claim->value *= times->value;
        claim->part_count = 0;
        at++;
    }
    return at;
}

/* -- Roman ------------------------------------------------------------------------------------ */

static double roman_letter(char c) {
    switch (c) {
    case 'I': return 1;
    case 'V': return 5;
    case 'X': return 10;
    case 'L': return 50;
    case 'C': return 100;
    case 'D': return 500;
    case 'M': return 1000;
    default: return 0;
    }
}

static Str roman_write(Arena *arena, int value) {
    static const struct {
        int value;
        const char *text;
    } signs[] = {{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"},
                 {90, "XC"},  {50, "L"},   {40, "XL"}, {10, "X"},   {9, "IX"},
                 {5, "V"},    {4, "IV"},   {1, "I"}};
    Buf b = buf_new(arena, 32);
    for (ptrdiff_t i = 0; i < COUNT(signs); i++)
        for (; value >= signs[i].value; value -= signs[i].value) buf_add(&b, str_c(signs[i].text));
    return buf_str(&b);
}

/* XIV, XIXe; a single V or X behind a name; nothing of C, D, L and M that is short enough for initials. */
static bool roman_number(Arena *arena, const FactTokens *t, ptrdiff_t i, double *value) {
    enum { LONGEST = 15, INITIALS = 4 };
    const Token *token = &t->items[i];
    Str word = str_slice(t->text, token->from, token->to);
    ptrdiff_t len = 0;
    double sum = 0;
    bool large = false;
    while (len < word.len && roman_letter(word.data[len]) > 0) len++;
    Str tail = str_slice(word, len, word.len);
    if (len == 0 || len > LONGEST || (tail.len > 0 && !word_among(" e er eme th es ème ", tail)))
        return false;
    for (ptrdiff_t k = 0; k < len; k++) {
        double one = roman_letter(word.data[k]),
               next = k + 1 < len ? roman_letter(word.data[k + 1]) : 0;
        sum += one < next ? -one : one;
        large = large || one >= 50;
    }
    bool named = i > 0 && t->items[i - 1].capital && str_eq(token->gap, S(" "));
    bool followed = i + 1 < t->count && str_starts(t->items[i + 1].gap, S("."));
    if (len == 1 && tail.len == 0 && (!named || followed || word.data[0] == 'I' || large))
        return false;
    if (large && len < (tail.len > 0 ? INITIALS - 1 : INITIALS)) return false;
    ArenaMark mark = arena_mark(arena);
    bool right = sum > 0 && str_eq(roman_write(arena, (int)sum), str_slice(word, 0, len));
    arena_release(arena, mark);
    *value = sum;
    return right;
}

/* -- all -------------------------------------------------------------------------------------- */

static void context_read(const FactTokens *t, Claim *claim) {
    Str before = token_word(t, claim->first - 1), behind = token_word(t, claim->behind);
    bool whole = claim->value == floor(claim->value);
    if (word_among(" h heure heures o am pm ", behind)) claim->hour = true;
    if (claim->behind < t->count && str_eq(t->items[claim->behind].gap, S(":"))) claim->hour = true;
    if (claim->first > 0 && str_eq(t->items[claim->first].gap, S(":"))) claim->hour = true;
    if (str_eq(before, S("h")) || word_among(" heure heures ", before)) claim->hour = true;
    if (whole && claim->value >= 1 && claim->value <= 31 && word_among(" le du au ", before))
        claim->day_like = true;
    bool four = whole && claim->value >= 1000 && claim->value < 2200;
    claim->year_like = four && (claim->behind - claim->first == 1 || claim->part_count == 0);
}

void numbers_read(FactTokens *t, Tongues tongue, Claims *out) {
    assert(t && out);
    for (ptrdiff_t i = 0; i < t->count;) {
        Claim claim = {.kind = CLAIM_NUMBER, .first = i};
        ptrdiff_t behind = i;
        double roman;
        if (t->items[i].digit)
            behind = digits_number(t, i, &claim, out);
        else if (t->items[i].capital && roman_number(out->arena, t, i, &roman))
            claim.value = roman, behind = i + 1;
        else
            behind = words_number(t, i, tongue, &claim);
        if (behind == i) {
            i++;
            continue;
        }
        claim.behind = behind;
        claim.from = t->items[i].from;
        claim.to = t->items[behind - 1].to;
        context_read(t, &claim);
        if (!claim.vague)
            for (ptrdiff_t k = i; k < behind; k++) t->items[k].taken = true;
        claim_add(out, claim);
        i = behind;
    }
}

/* -- Han -------------------------------------------------------------------------------------- */

static int han_digit(int32_t c) {
    static const int32_t digits[] = {0x3007, 0x4E00, 0x4E8C, 0x4E09, 0x56DB,
                                     0x4E94, 0x516D, 0x4E03, 0x516B, 0x4E5D};
    if (c == 0x96F6) return 0;
    if (c == 0x4E24) return 2; /* 两 */
    for (int i = 0; i < (int)COUNT(digits); i++)
        if (digits[i] == c) return i;
    return -1;
}

static double han_times(int32_t c) {
    return c == 0x5341 ? 10 : c == 0x767E ? 100 : c == 0x5343 ? 1000 : c == 0x4E07 ? 10000 : 0;
}

/* What is counted, or told the time by; else the signs may be parts of words. */
static bool han_counts(int32_t c) {
    static const Str counters =
        S_INIT("年月日号點点时時分秒个個岁歲人天块塊元次本只隻张張条條米里公度楼樓层層周週位名件");
    for (ptrdiff_t at = 0; at < counters.len;)
        if (str_utf8_next(counters, &at) == c) return true;
    return false;
}

void han_read(Str text, Claims *out) {
    for (ptrdiff_t at = 0; at < text.len;) {
        ptrdiff_t from = at, end = at;
        double total = 0, group = 0, digits = 0;
        bool any = false, only_digits = true;
        for (ptrdiff_t next = at; next < text.len;) {
            int32_t c = str_utf8_next(text, &next);
            int digit = han_digit(c);
            double times = han_times(c);
            if (digit < 0 && times <= 0) break;
            if (digit >= 0) digits = any && only_digits ? digits * 10 + digit : digit;
            if (times >= 10000)
                total = (total + group + digits) * times, group = digits = 0;
            else if (times > 0)
                group += (digits > 0 ? digits : 1) * times, digits = 0;
            only_digits = only_digits && times <= 0;
            any = true;
            at = end = next;
        }
        if (!any) {
            str_utf8_next(text, &at);
            continue;
        }
        ptrdiff_t next = end;
        double value = total + group + digits;
        int32_t behind = end < text.len ? str_utf8_next(text, &next) : 0;
        claim_add(out, (Claim){.kind = CLAIM_NUMBER,
                               .from = from,
                               .to = end,
                               .first = -1,
                               .behind = -1,
                               .value = value,
                               .vague = value <= 1 || !han_counts(behind),
                               .year_like = value >= 1000 && value < 2200});
    }
}
