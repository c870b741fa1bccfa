/* SPDX-License-Identifier: Apache-2.0
 * Cutting text into words. Runs of ASCII letters have a loop of their own; everything else goes by
 * glyph (glyph.h). Linear in the text whatever it holds.
 *
 * SEPARATED positions lie between words that ! ? ; : … and their like part, and . and , when no
 * letter follows at once (in 3.14 and example.com they do not part), and an empty line. One line end
 * does not: much text is wrapped by hand. Quotes, brackets, dashes and slashes do not. */
#include "search/text.h"

#include "core/buf.h"
#include "search/glyph.h"

/* One words_add. A word grows at bytes + used, and is counted in when it ends. */
typedef struct Cutter {
    Words *w;
    Str text;
    ptrdiff_t at;
    uint32_t gap; /* to the word before; 0: there is none yet */
    int lines;    /* line ends since the last word */
    bool tag;     /* behind # or @ */
    bool open;    /* in a word */
    bool full;    /* which is as long as a word can be: the rest of it is left out */
    int length;   /* of its folded bytes */
    uint32_t from, to;

    /* For camel words: the two letters before, and where parts behind the first begin. */
    LetterCase last_case, case_before;
    int last_at;
    uint32_t last_from;
    int part_count;
    uint8_t part_at[WORD_MAX];
    uint32_t part_from[WORD_MAX];
} Cutter;

static Word *word_add(Cutter *k, Str text, uint32_t from, uint32_t to) {
    Words *w = k->w;
    if (w->count == w->cap) {
        ptrdiff_t cap = w->cap ? 2 * w->cap : 32, size = (ptrdiff_t)sizeof *w->items;
        w->items = arena_grow(w->arena, w->items, w->cap * size, cap * size);
        w->cap = cap;
    }
    w->next_position += k->gap;
    Word *word = &w->items[w->count++];
    *word = (Word){.text = text, .position = w->next_position, .from = from, .to = to};
    k->gap = 1;
    k->lines = 0;
    return word;
}

/* Room for a longest word. */
static void bytes_ready(Cutter *k) {
    Words *w = k->w;
    if (w->room - w->used >= WORD_MAX) return;
    w->room = max_size(2 * w->room, 2 * WORD_MAX + min_size(k->text.len, 64 * KIB));
    w->bytes = arena_bytes(w->arena, w->room);
    w->used = 0;
}

static void word_open(Cutter *k, uint32_t from) {
    bytes_ready(k);
    k->open = true;
    k->full = false;
    k->from = from;
    k->length = k->part_count = 0;
    k->last_case = k->case_before = NO_CASE;
}

static void word_put(Cutter *k, const char *bytes, int length) {
    if (k->length + length > WORD_MAX) k->full = true;
    if (k->full) return;
    memcpy(k->w->bytes + k->w->used + k->length, bytes, (size_t)length);
    k->length += length;
}

static void parts_add(Cutter *k, Str text) {
    int start = 0;
    uint32_t from = k->from;
    for (int i = 0; i <= k->part_count; i++) {
        bool last = i == k->part_count;
        int end = last ? (int)text.len : k->part_at[i];
        uint32_t to = last ? k->to : k->part_from[i];
        word_add(k, str_slice(text, start, end), from, to);
        start = end;
        from = to;
    }
}

static void word_close(Cutter *k) {
    if (!k->open) return;
    k->open = false;
    Str text = {k->w->bytes + k->w->used, k->length};
    k->w->used += k->length;
    Word *word = word_add(k, text, k->from, k->to);
    if (k->part_count == 0) return;
    word->whole = true;
    k->gap = 0;
    parts_add(k, text);
}

/* -- Letters ------------------------------------------------------------------------------------- */

static void part_begin(Cutter *k, int at, uint32_t from) {
    if (at == 0 || (k->part_count && k->part_at[k->part_count - 1] >= at)) return;
    k->part_at[k->part_count] = (uint8_t)at;
    k->part_from[k->part_count++] = from;
}

/* Parts begin as in aB, a1, 1a; the last of several capitals goes with the small letter behind it
 * (HTTPServer). */
static void camel_look(Cutter *k, LetterCase now, uint32_t from) {
    LetterCase last = k->last_case;
    if (k->length > 0 && ((now == DIGIT) != (last == DIGIT) || (last == LOWER && now == UPPER)))
        part_begin(k, k->length, from);
    else if (k->case_before == UPPER && last == UPPER && now == LOWER)
        part_begin(k, k->last_at, k->last_from);
    k->case_before = last;
    k->last_case = now;
    k->last_at = k->length;
    k->last_from = from;
}

static void letter_take(Cutter *k, const Glyph *g, uint32_t from) {
    if (!k->open) word_open(k, from);
    k->to = (uint32_t)k->at;
    bool fits = !k->full && k->length + g->length <= WORD_MAX;
    if (k->tag && fits) camel_look(k, (LetterCase)g->letter_case, from);
    word_put(k, g->bytes, g->length);
}

static void ascii_take(Cutter *k) {
    const uint8_t *s = (const uint8_t *)k->text.data;
    if (!k->open) word_open(k, (uint32_t)k->at);
    char *out = k->w->bytes + k->w->used;
    ptrdiff_t at = k->at, room = k->full ? 0 : WORD_MAX - k->length;
    ptrdiff_t end = min_size(k->text.len, at + room);
    int length = k->length;
    uint8_t folded;
    while (at < end && (folded = glyph_ascii[s[at]]) != 0) {
        out[length++] = (char)folded;
        at++;
    }
    k->length = length;
    for (; at < k->text.len && glyph_ascii[s[at]]; at++) k->full = true;
    k->at = at;
    k->to = (uint32_t)at;
}

/* -- Scripts without spaces, and emoji ----------------------------------------------------------- */

/* The letter before, which makes a word with the next one. */
typedef struct Syllable {
    char bytes[4];
    int length;
    uint32_t from, to;
} Syllable;

static void syllable_take(Cutter *k, Syllable *before, Syllable now) {
    if (before->length) {
        word_open(k, before->from);
        word_put(k, before->bytes, before->length);
        word_put(k, now.bytes, now.length);
        k->to = now.to;
        word_close(k);
    }
    *before = now;
}

/* A run of letters, each with the one behind it a word; one alone is itself. */
static void syllables_take(Cutter *k, Glyph *g, uint32_t from) {
    Syllable before = {.length = 0};
    ptrdiff_t first = k->w->count, at = k->at;
    do {
        k->at = at;
        for (ptrdiff_t i = 0; i < g->length;) { /* a glyph may be several letters (ำ) */
            Syllable now = {.from = from, .to = (uint32_t)at};
            do now.bytes[now.length++] = g->bytes[i++];
            while (i < g->length && ((uint8_t)g->bytes[i] & 0xc0) == 0x80);
            syllable_take(k, &before, now);
        }
        if (g->kind == MARK) before.to = (uint32_t)at;
        from = (uint32_t)at;
    } while (at < k->text.len &&
             (glyph_next(k->text, &at, g), g->kind == SYLLABLE || g->kind == MARK));
    if (k->w->count > first) {
        k->w->items[k->w->count - 1].to = before.to;
        return;
    }
    word_open(k, before.from);
    word_put(k, before.bytes, before.length);
    k->to = before.to;
    word_close(k);
}

/* Take what follows a pictograph in its sequence: false at the end of it. */
static bool emoji_more(Cutter *k) {
    Glyph g;
    ptrdiff_t at = k->at, start = at;
    if (at >= k->text.len) return false;
    int32_t c = glyph_next(k->text, &at, &g);
    if (c == JOINER && at < k->text.len) {
        glyph_next(k->text, &at, &g);
        if (g.kind != EMOJI) return false;
        if (k->length + 3 + g.length > WORD_MAX) k->full = true; /* no joiner at the end */
        word_put(k, k->text.data + start, 3);
        word_put(k, g.bytes, g.length);
    } else if (glyph_is_tag(c)) {
        word_put(k, k->text.data + start, (int)(at - start));
    } else if (!glyph_is_skin(c) && g.kind != MARK) {
        return false;
    }
    k->at = at;
    return true;
}

/* A pictograph and all that is joined to it. Skin and the way of drawing are left out, so that 👍
 * finds 👍🏽. */
static void emoji_take(Cutter *k, const Glyph *g, uint32_t from) {
    word_open(k, from);
    word_put(k, g->bytes, g->length);
    while (emoji_more(k)) continue;
    k->to = (uint32_t)k->at;
    word_close(k);
}

static void flag_take(Cutter *k, const Glyph *g, uint32_t from) {
    Glyph second;
    word_open(k, from);
    word_put(k, g->bytes, g->length);
    ptrdiff_t at = k->at;
    if (at < k->text.len && (glyph_next(k->text, &at, &second), second.kind == FLAG)) {
        word_put(k, second.bytes, second.length);
        k->at = at;
    }
    k->to = (uint32_t)k->at;
    word_close(k);
}

/* -- The text ------------------------------------------------------------------------------------ */

static bool letter_follows(const Cutter *k) {
    Glyph g;
    ptrdiff_t at = k->at;
    if (at >= k->text.len) return false;
    glyph_next(k->text, &at, &g);
    return g.kind == LETTER || g.kind == SYLLABLE;
}

static void separate(Cutter *k, GlyphKind kind, bool underscore) {
    bool behind_word = k->open;
    word_close(k);
    k->tag = kind == SIGN ? !behind_word : underscore && k->tag;
    bool hard =
        kind == HARD || (kind == LINE && ++k->lines > 1) || (kind == DOT && !letter_follows(k));
    if (hard && k->gap) k->gap = SEPARATED;
}

static void glyph_take(Cutter *k) {
    Glyph g;
    uint32_t from = (uint32_t)k->at;
    int32_t c = glyph_next(k->text, &k->at, &g);
    switch ((GlyphKind)g.kind) {
    case LETTER: letter_take(k, &g, from); return;
    case MARK:
        if (k->open && c != JOINER) k->to = (uint32_t)k->at;
        return;
    case SYLLABLE:
        word_close(k);
        syllables_take(k, &g, from);
        break;
    case EMOJI:
        word_close(k);
        emoji_take(k, &g, from);
        break;
    case FLAG:
        word_close(k);
        flag_take(k, &g, from);
        break;
    default: separate(k, (GlyphKind)g.kind, c == '_'); return;
    }
    k->tag = false;
}

void words_add(Words *w, Str text) {
    assert(w->arena);
    assert(text.len >= 0 && text.len <= UINT32_MAX);
    glyphs_ready();
    if (w->count == 0) w->used = 0;
    Cutter k; /* the arrays for parts need no zeroes */
    k.w = w;
    k.text = text;
    k.at = 0;
    k.gap = 0;
    k.lines = 0;
    k.tag = k.open = false;
    const uint8_t *s = (const uint8_t *)text.data;
    while (k.at < text.len) {
        uint8_t byte = s[k.at];
        if (k.tag) {
            glyph_take(&k);
        } else if (glyph_ascii[byte]) {
            ascii_take(&k);
        } else if (byte == ' ') {
            word_close(&k);
            k.at++;
        } else {
            glyph_take(&k);
        }
    }
    word_close(&k);
    if (k.gap) w->next_position += SEPARATED;
}

Str text_fold(Arena *arena, Str text) {
    glyphs_ready();
    Buf b = buf_new(arena, text.len + 1);
    bool space = false;
    for (ptrdiff_t at = 0; at < text.len;) {
        Glyph g;
        int32_t c = glyph_next(text, &at, &g);
        if (g.kind == SPACE || g.kind == LINE) {
            space = true;
            continue;
        }
        if (g.kind <= SIGN) glyph_separator(c, &g);
        if (g.length == 0) continue;
        if (space && b.len > 0) buf_byte(&b, ' ');
        space = false;
        buf_add(&b, str_of(g.bytes, g.length));
    }
    return buf_str(&b);
}
