/* SPDX-License-Identifier: Apache-2.0
 * Code points to glyphs. Those of one and two bytes of UTF-8 come from a table made once, by the
 * same function (glyph_make) that answers for all others with utf8proc.
 *
 * Which separators part a sentence follows Meilisearch's tokenizer: ! ? ; : … and their like in
 * other scripts, and . and , when no letter follows at once (text.c).
 *
 * Of marks those are removed that only colour a letter: accents, points, tones. Vowel signs and
 * viramas of Indic scripts, Thai vowels and so on are letters here: without them different words
 * would be one. They are told apart by their combining class. */
#include "search/glyph.h"

#include <pthread.h>
#include <utf8proc.h>

enum { TABLE_SIZE = 0x800, DECOMPOSED = 32, ZERO_WIDTH_SPACE = 0x200b, TATWEEL = 0x640 };

typedef struct SmallGlyph {
    uint8_t kind, letter_case, length;
    char bytes[5];
} SmallGlyph;

uint8_t glyph_ascii[256];
static SmallGlyph small_glyphs[TABLE_SIZE];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static bool in_range(int32_t c, int32_t from, int32_t to) { return c >= from && c <= to; }

static bool is_unspaced(int32_t c) {
    static const int32_t ranges[][2] = {{0x0e00, 0x0eff}, /* Thai, Lao */
                                        {0x1780, 0x17ff}, /* Khmer */
                                        {0x3005, 0x3007},   {0x3041, 0x30ff},  {0x31f0, 0x31ff},
                                        {0x3400, 0x4dbf},   {0x4e00, 0x9fff},  {0xf900, 0xfaff},
                                        {0x1b000, 0x1b16f}, {0x20000, 0x3ffff}};
    for (int i = 0; i < COUNT(ranges); i++)
        if (in_range(c, ranges[i][0], ranges[i][1])) return true;
    return false;
}

/* Letters that Unicode does not decompose but that people type without their stroke. */
static const char *written_out(int32_t c) {
    switch (c) {
    case 0xe6: return "ae";
    case 0x153: return "oe";
    case 0xf8: return "o";
    case 0xf0:
    case 0x111: return "d";
    case 0x127: return "h";
    case 0x131: return "i";
    case 0x142: return "l";
    case 0x167: return "t";
    case 0xfe: return "th";
    default: return NULL;
    }
}

static bool ends_sentence(int32_t c) {
    static const int32_t marks[] = {'!',    ':',    ';',    '?',    0xa1,   0xa7,   0xb6,   0xbf,
                                    0x55c,  0x55d,  0x55e,  0x589,  0x5c3,  0x60c,  0x61b,  0x61f,
                                    0x6d4,  0x964,  0x965,  0xe5a,  0xe5b,  0xf0d,  0xf0e,  0x104a,
                                    0x104b, 0x1362, 0x1363, 0x1364, 0x1365, 0x1366, 0x1367, 0x1368,
                                    0x17d4, 0x17d5, 0x17d6, 0x1802, 0x1803, 0x1808, 0x1809, 0x203d,
                                    0x2029, 0x2e18, 0x2e2e, 0x3001, 0x3002};
    for (int i = 0; i < COUNT(marks); i++)
        if (marks[i] == c) return true;
    return false;
}

static bool is_mark(const utf8proc_property_t *p) {
    if (p->category == UTF8PROC_CATEGORY_ME) return true;
    if (p->category != UTF8PROC_CATEGORY_MN && p->category != UTF8PROC_CATEGORY_MC) return false;
    switch (p->combining_class) {
    case 0: return p->ignorable;
    case 9:   /* viramas */
    case 103: /* Thai u, uu */
    case 118: /* Lao */
    case 129: /* Tibetan */
    case 130:
    case 132: return false;
    default: return true;
    }
}

static bool is_letter(const utf8proc_property_t *p) {
    return p->category >= UTF8PROC_CATEGORY_LU && p->category <= UTF8PROC_CATEGORY_NO &&
           !is_mark(p);
}

/* What leaves no trace in a folded text. */
static bool is_dropped(int32_t c) { return c == TATWEEL || is_mark(utf8proc_get_property(c)); }

static bool is_apostrophe(int32_t c) { return c == 0x2b9 || in_range(c, 0x2bb, 0x2bf); }

/* Compatibility decomposition, case folded; the code point itself where there is none. */
static int decompose(int32_t c, int32_t out[DECOMPOSED]) {
    int boundary = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char(
        c, out, DECOMPOSED, UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD, &boundary);
    if (n >= 1 && n <= DECOMPOSED) return (int)n;
    out[0] = c;
    return 1;
}

/* ！ and … part sentences as ! and ... do. */
static GlyphKind kind_of_punctuation(int32_t c) {
    int32_t parts[DECOMPOSED];
    if (c == '.' || c == ',') return DOT;
    decompose(c, parts);
    if (parts[0] == '.' || parts[0] == ',') return HARD;
    if (parts[0] == '#' || parts[0] == '@') return SIGN;
    return ends_sentence(parts[0]) ? HARD : SOFT;
}

static GlyphKind kind_of(int32_t c, const utf8proc_property_t *p) {
    if (is_apostrophe(c) || c == ZERO_WIDTH_SPACE) return SOFT;
    if (c == TATWEEL || p->category == UTF8PROC_CATEGORY_CF || is_mark(p)) return MARK;
    if (in_range(c, 0x1f1e6, 0x1f1ff)) return FLAG;
    if (p->boundclass == UTF8PROC_BOUNDCLASS_EXTENDED_PICTOGRAPHIC && c >= 0x2300) return EMOJI;
    if (in_range(c, 0x2e80, 0x2fd5)) return LETTER; /* radicals stand for their ideographs */
    if (is_letter(p)) return LETTER;
    switch (p->category) {
    case UTF8PROC_CATEGORY_ZS: return SPACE;
    case UTF8PROC_CATEGORY_ZL: return LINE;
    case UTF8PROC_CATEGORY_ZP: return HARD;
    case UTF8PROC_CATEGORY_CC:
        return c == '\n' || c == '\v' || c == '\f' || c == 0x85 ? LINE : SPACE;
    default: return kind_of_punctuation(c);
    }
}

static LetterCase case_of(const utf8proc_property_t *p) {
    switch (p->category) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LT: return UPPER;
    case UTF8PROC_CATEGORY_LL: return LOWER;
    case UTF8PROC_CATEGORY_ND: return DIGIT;
    default: return NO_CASE;
    }
}

static void glyph_put(Glyph *g, int32_t c) {
    if (in_range(c, 0x30a1, 0x30f6)) c -= 0x60; /* katakana to hiragana */
    const char *text = written_out(c);
    char encoded[4];
    ptrdiff_t n = text ? (ptrdiff_t)strlen(text) : utf8proc_encode_char(c, (uint8_t *)encoded);
    if (g->length + n > GLYPH_BYTES) return;
    memcpy(g->bytes + g->length, text ? text : encoded, (size_t)n);
    g->length = (uint8_t)(g->length + n);
}

static void letter_fold(int32_t c, Glyph *g) {
    int32_t parts[DECOMPOSED];
    int n = decompose(c, parts);
    bool number = utf8proc_category(c) == UTF8PROC_CATEGORY_NO, whole = true;
    for (int i = 0; i < n; i++) {
        if (is_dropped(parts[i])) continue;
        if (is_letter(utf8proc_get_property(parts[i])) && !is_apostrophe(parts[i]))
            glyph_put(g, parts[i]);
        else
            whole = false;
    }
    if (g->length == 0 && whole) g->kind = MARK; /* the half-width voicing mark */
    if (g->kind == MARK || (g->length > 0 && (whole || !number))) return;
    g->length = 0; /* ½ is not 12 */
    glyph_put(g, c);
}

static void glyph_make(int32_t c, Glyph *g) {
    const utf8proc_property_t *p = utf8proc_get_property(c);
    g->kind = (uint8_t)kind_of(c, p);
    g->letter_case = NO_CASE;
    g->length = 0;
    if (g->kind == LETTER) {
        g->letter_case = (uint8_t)case_of(p);
        letter_fold(c, g);
        int32_t first = g->length ? str_utf8_next(str_of(g->bytes, g->length), &(ptrdiff_t){0}) : 0;
        if (is_unspaced(first) && g->letter_case != DIGIT) g->kind = SYLLABLE;
    } else if (g->kind == EMOJI || g->kind == FLAG) {
        glyph_put(g, c);
    }
}

static int32_t typewritten(int32_t c) {
    if (is_apostrophe(c) || in_range(c, 0x2018, 0x201b)) return '\'';
    if (in_range(c, 0x201c, 0x201f) || c == 0xab || c == 0xbb) return '"';
    if (in_range(c, 0x2010, 0x2015) || c == 0x2212) return '-';
    return c;
}

void glyph_separator(int32_t c, Glyph *g) {
    int32_t parts[DECOMPOSED];
    g->length = 0;
    if (c == ZERO_WIDTH_SPACE || glyph_is_skin(c)) return;
    int n = decompose(c, parts);
    for (int i = 0; i < n; i++)
        if (parts[i] != ' ' && !is_dropped(parts[i])) glyph_put(g, typewritten(parts[i]));
}

static void tables_make(void) {
    Glyph g;
    for (int32_t c = 0; c < TABLE_SIZE; c++) {
        SmallGlyph *s = &small_glyphs[c];
        glyph_make(c, &g);
        assert(g.length <= sizeof s->bytes);
        *s = (SmallGlyph){.kind = g.kind, .letter_case = g.letter_case, .length = g.length};
        memcpy(s->bytes, g.bytes, g.length);
        if (c < 128 && g.kind == LETTER) glyph_ascii[c] = (uint8_t)g.bytes[0];
    }
}

void glyphs_ready(void) { pthread_once(&tables_once, tables_make); }

int32_t glyph_next(Str text, ptrdiff_t *at, Glyph *g) {
    const uint8_t *s = (const uint8_t *)text.data + *at;
    int32_t c;
    assert(*at < text.len);
    if (s[0] < 0x80) {
        c = s[0];
        *at += 1;
    } else if (s[0] >= 0xc2 && s[0] < 0xe0 && text.len - *at > 1 && (s[1] & 0xc0) == 0x80) {
        c = (s[0] & 0x1f) << 6 | (s[1] & 0x3f);
        *at += 2;
    } else {
        c = str_utf8_next(text, at);
    }
    if (c >= TABLE_SIZE) {
        glyph_make(c, g);
        return c;
    }
    const SmallGlyph *small = &small_glyphs[c];
    g->kind = small->kind;
    g->letter_case = small->letter_case;
    g->length = small->length;
    memcpy(g->bytes, small->bytes, sizeof small->bytes);
    return c;
}
