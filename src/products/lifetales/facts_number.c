/* SPDX-License-Identifier: Apache-2.0
 * Numbers: in digits (4,000 · 4 000 · 3,5 · 10h30 · 3rd), in French, English and Arabic words (quatre-
 * vingt-dix-sept, two hundred and five, sixteen sixty-seven, a dozen), Roman, Chinese. */
#include "products/lifetales/facts_room.h"

#include <math.h>

enum { DIGITS_MAX = 15 };

/* -- words ------------------------------------------------------------------------------------------ */

typedef enum WordUse {
    USE_PLAIN,   /* builds numbers: two, vingt */
    USE_TIMES,   /* multiplies what is before it: hundred, mille */
    USE_ORDINAL, /* ends one: third, vingtième */
    USE_ALONE,   /* is one by itself: dozen, twice */
    USE_HINT     /* in the notes as good as the number; says none itself: both, couple */
} WordUse;

typedef struct NumberWord {
    const char *word;
    double value;
    WordUse use;
    Tongues tongue; /* TONGUE_ANY: is a number in whatever language */
} NumberWord;

static const NumberWord number_words[] = {
    {"zero", 0, USE_PLAIN, TONGUE_ANY},
    {"un", 1, USE_PLAIN, TONGUE_FR},
    {"une", 1, USE_PLAIN, TONGUE_FR},
    {"deux", 2, USE_PLAIN, TONGUE_ANY},
    {"trois", 3, USE_PLAIN, TONGUE_ANY},
    {"quatre", 4, USE_PLAIN, TONGUE_ANY},
    {"cinq", 5, USE_PLAIN, TONGUE_ANY},
    {"six", 6, USE_PLAIN, TONGUE_ANY},
    {"sept", 7, USE_PLAIN, TONGUE_FR},
    {"huit", 8, USE_PLAIN, TONGUE_ANY},
    {"neuf", 9, USE_PLAIN, TONGUE_ANY},
    {"dix", 10, USE_PLAIN, TONGUE_ANY},
    {"onze", 11, USE_PLAIN, TONGUE_ANY},
    {"douze", 12, USE_PLAIN, TONGUE_ANY},
    {"treize", 13, USE_PLAIN, TONGUE_ANY},
    {"quatorze", 14, USE_PLAIN, TONGUE_ANY},
    {"quinze", 15, USE_PLAIN, TONGUE_ANY},
    {"seize", 16, USE_PLAIN, TONGUE_FR},
    {"vingt", 20, USE_PLAIN, TONGUE_ANY},
    {"vingts", 20, USE_PLAIN, TONGUE_ANY},
    {"trente", 30, USE_PLAIN, TONGUE_ANY},
    {"quarante", 40, USE_PLAIN, TONGUE_ANY},
    {"cinquante", 50, USE_PLAIN, TONGUE_ANY},
    {"soixante", 60, USE_PLAIN, TONGUE_ANY},
    {"septante", 70, USE_PLAIN, TONGUE_ANY},
    {"huitante", 80, USE_PLAIN, TONGUE_ANY},
    {"octante", 80, USE_PLAIN, TONGUE_ANY},
    {"nonante", 90, USE_PLAIN, TONGUE_ANY},
    {"cent", 100, USE_TIMES, TONGUE_FR},
    {"cents", 100, USE_TIMES, TONGUE_FR},
    {"mille", 1000, USE_TIMES, TONGUE_ANY},
    {"mil", 1000, USE_TIMES, TONGUE_FR},
    {"million", 1e6, USE_TIMES, TONGUE_ANY},
    {"millions", 1e6, USE_TIMES, TONGUE_ANY},
    {"milliard", 1e9, USE_TIMES, TONGUE_ANY},
    {"milliards", 1e9, USE_TIMES, TONGUE_ANY},
    {"dizaine", 10, USE_ALONE, TONGUE_ANY},
    {"douzaine", 12, USE_ALONE, TONGUE_ANY},
    {"quinzaine", 15, USE_ALONE, TONGUE_ANY},
    {"vingtaine", 20, USE_ALONE, TONGUE_ANY},
    {"trentaine", 30, USE_ALONE, TONGUE_ANY},
    {"quarantaine", 40, USE_ALONE, TONGUE_ANY},
    {"cinquantaine", 50, USE_ALONE, TONGUE_ANY},
    {"soixantaine", 60, USE_ALONE, TONGUE_ANY},
    {"centaine", 100, USE_ALONE, TONGUE_ANY},
    {"millier", 1000, USE_ALONE, TONGUE_ANY},
    {"dizaines", 10, USE_HINT, TONGUE_ANY},
    {"douzaines", 12, USE_HINT, TONGUE_ANY},
    {"centaines", 100, USE_HINT, TONGUE_ANY},
    {"milliers", 1000, USE_HINT, TONGUE_ANY},
    {"second", 2, USE_HINT, TONGUE_ANY},
    {"seconde", 2, USE_HINT, TONGUE_ANY},
    {"premier", 1, USE_HINT, TONGUE_ANY},
    {"premiere", 1, USE_HINT, TONGUE_ANY},
    {"deuxieme", 2, USE_ORDINAL, TONGUE_ANY},
    {"troisieme", 3, USE_ORDINAL, TONGUE_ANY},
    {"quatrieme", 4, USE_ORDINAL, TONGUE_ANY},
    {"cinquieme", 5, USE_ORDINAL, TONGUE_ANY},
    {"sixieme", 6, USE_ORDINAL, TONGUE_ANY},
    {"septieme", 7, USE_ORDINAL, TONGUE_ANY},
    {"huitieme", 8, USE_ORDINAL, TONGUE_ANY},
    {"neuvieme", 9, USE_ORDINAL, TONGUE_ANY},
    {"dixieme", 10, USE_ORDINAL, TONGUE_ANY},
    {"onzieme", 11, USE_ORDINAL, TONGUE_ANY},
    {"douzieme", 12, USE_ORDINAL, TONGUE_ANY},
    {"treizieme", 13, USE_ORDINAL, TONGUE_ANY},
    {"quatorzieme", 14, USE_ORDINAL, TONGUE_ANY},
    {"quinzieme", 15, USE_ORDINAL, TONGUE_ANY},
    {"seizieme", 16, USE_ORDINAL, TONGUE_ANY},
    {"vingtieme", 20, USE_ORDINAL, TONGUE_ANY},
    {"trentieme", 30, USE_ORDINAL, TONGUE_ANY},
    {"quarantieme", 40, USE_ORDINAL, TONGUE_ANY},
    {"cinquantieme", 50, USE_ORDINAL, TONGUE_ANY},
    {"soixantieme", 60, USE_ORDINAL, TONGUE_ANY},
    {"centieme", 100, USE_ORDINAL, TONGUE_ANY},
    {"millieme", 1000, USE_ORDINAL, TONGUE_ANY},
    {"demi", 0.5, USE_HINT, TONGUE_ANY},
    {"demie", 0.5, USE_HINT, TONGUE_ANY},
    {"one", 1, USE_PLAIN, TONGUE_EN},
    {"two", 2, USE_PLAIN, TONGUE_ANY},
    {"three", 3, USE_PLAIN, TONGUE_ANY},
    {"four", 4, USE_PLAIN, TONGUE_EN},
    {"five", 5, USE_PLAIN, TONGUE_ANY},
    {"seven", 7, USE_PLAIN, TONGUE_ANY},
    {"eight", 8, USE_PLAIN, TONGUE_ANY},
    {"nine", 9, USE_PLAIN, TONGUE_ANY},
    {"ten", 10, USE_PLAIN, TONGUE_ANY},
    {"eleven", 11, USE_PLAIN, TONGUE_ANY},
    {"twelve", 12, USE_PLAIN, TONGUE_ANY},
    {"thirteen", 13, USE_PLAIN, TONGUE_ANY},
    {"fourteen", 14, USE_PLAIN, TONGUE_ANY},
    {"fifteen", 15, USE_PLAIN, TONGUE_ANY},
    {"sixteen", 16, USE_PLAIN, TONGUE_ANY},
    {"seventeen", 17, USE_PLAIN, TONGUE_ANY},
    {"eighteen", 18, USE_PLAIN, TONGUE_ANY},
    {"nineteen", 19, USE_PLAIN, TONGUE_ANY},
    {"twenty", 20, USE_PLAIN, TONGUE_ANY},
    {"thirty", 30, USE_PLAIN, TONGUE_ANY},
    {"forty", 40, USE_PLAIN, TONGUE_ANY},
    {"fifty", 50, USE_PLAIN, TONGUE_ANY},
    {"sixty", 60, USE_PLAIN, TONGUE_ANY},
    {"seventy", 70, USE_PLAIN, TONGUE_ANY},
    {"eighty", 80, USE_PLAIN, TONGUE_ANY},
    {"ninety", 90, USE_PLAIN, TONGUE_ANY},
    {"hundred", 100, USE_TIMES, TONGUE_ANY},
    {"thousand", 1000, USE_TIMES, TONGUE_ANY},
    {"billion", 1e9, USE_TIMES, TONGUE_ANY},
    {"dozen", 12, USE_ALONE, TONGUE_ANY},
    {"twice", 2, USE_ALONE, TONGUE_ANY},
    {"thrice", 3, USE_ALONE, TONGUE_ANY},
    {"both", 2, USE_HINT, TONGUE_ANY},
    {"couple", 2, USE_HINT, TONGUE_ANY},
    {"pair", 2, USE_HINT, TONGUE_ANY},
    {"paire", 2, USE_HINT, TONGUE_ANY},
    {"fortnight", 14, USE_HINT, TONGUE_ANY},
    {"score", 20, USE_HINT, TONGUE_ANY},
    {"hundreds", 100, USE_HINT, TONGUE_ANY},
    {"thousands", 1000, USE_HINT, TONGUE_ANY},
    {"dozens", 12, USE_HINT, TONGUE_ANY},
    {"half", 0.5, USE_HINT, TONGUE_ANY},
    {"first", 1, USE_HINT, TONGUE_ANY},
    {"third", 3, USE_ORDINAL, TONGUE_ANY},
    {"fourth", 4, USE_ORDINAL, TONGUE_ANY},
    {"fifth", 5, USE_ORDINAL, TONGUE_ANY},
    {"sixth", 6, USE_ORDINAL, TONGUE_ANY},
    {"seventh", 7, USE_ORDINAL, TONGUE_ANY},
    {"eighth", 8, USE_ORDINAL, TONGUE_ANY},
    {"ninth", 9, USE_ORDINAL, TONGUE_ANY},
    {"tenth", 10, USE_ORDINAL, TONGUE_ANY},
    {"eleventh", 11, USE_ORDINAL, TONGUE_ANY},
    {"twelfth", 12, USE_ORDINAL, TONGUE_ANY},
    {"thirteenth", 13, USE_ORDINAL, TONGUE_ANY},
    {"fourteenth", 14, USE_ORDINAL, TONGUE_ANY},
    {"fifteenth", 15, USE_ORDINAL, TONGUE_ANY},
    {"sixteenth", 16, USE_ORDINAL, TONGUE_ANY},
    {"seventeenth", 17, USE_ORDINAL, TONGUE_ANY},
    {"eighteenth", 18, USE_ORDINAL, TONGUE_ANY},
    {"nineteenth", 19, USE_ORDINAL, TONGUE_ANY},
    {"twentieth", 20, USE_ORDINAL, TONGUE_ANY},
    {"thirtieth", 30, USE_ORDINAL, TONGUE_ANY},
    {"fortieth", 40, USE_ORDINAL, TONGUE_ANY},
    {"fiftieth", 50, USE_ORDINAL, TONGUE_ANY},
    {"hundredth", 100, USE_ORDINAL, TONGUE_ANY},
    {"اثنان", 2, USE_ALONE, TONGUE_ANY},
    {"اثنين", 2, USE_ALONE, TONGUE_ANY},
    {"ثلاثة", 3, USE_ALONE, TONGUE_ANY},
    {"ثلاث", 3, USE_ALONE, TONGUE_ANY},
    {"اربعة", 4, USE_ALONE, TONGUE_ANY},
    {"اربع", 4, USE_ALONE, TONGUE_ANY},
    {"خمسة", 5, USE_ALONE, TONGUE_ANY},
    {"خمس", 5, USE_ALONE, TONGUE_ANY},
    {"ستة", 6, USE_ALONE, TONGUE_ANY},
    {"سبعة", 7, USE_ALONE, TONGUE_ANY},
    {"سبع", 7, USE_ALONE, TONGUE_ANY},
    {"ثمانية", 8, USE_ALONE, TONGUE_ANY},
    {"تسعة", 9, USE_ALONE, TONGUE_ANY},
    {"عشرة", 10, USE_ALONE, TONGUE_ANY},
    {"عشرون", 20, USE_ALONE, TONGUE_ANY},
    {"عشرين", 20, USE_ALONE, TONGUE_ANY},
    {"ثلاثون", 30, USE_ALONE, TONGUE_ANY},
    {"ثلاثين", 30, USE_ALONE, TONGUE_ANY},
    {"اربعون", 40, USE_ALONE, TONGUE_ANY},
    {"خمسون", 50, USE_ALONE, TONGUE_ANY},
    {"مية", 100, USE_ALONE, TONGUE_ANY},
    {"الف", 1000, USE_ALONE, TONGUE_ANY},
};

static const NumberWord *number_word(Str word, Tongues tongue) {
    enum { LONGEST = 16 };
    if (word.len < 2 || word.len > LONGEST) return NULL;
    for (ptrdiff_t i = 0; i < COUNT(number_words); i++) {
        const NumberWord *one = &number_words[i];
        if (one->word[0] != word.data[0] || !str_eq(str_c(one->word), word)) continue;
        bool other = one->tongue != TONGUE_ANY && tongue != TONGUE_ANY && one->tongue != tongue;
        return other ? NULL : one;
    }
    return NULL;
}

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

/* -- digits ----------------------------------------------------------------------------------------- */

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

/* -- Roman ------------------------------------------------------------------------------------------ */

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

/* -- all -------------------------------------------------------------------------------------------- */

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

/* -- Han -------------------------------------------------------------------------------------------- */

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
