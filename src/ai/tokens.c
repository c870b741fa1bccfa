/* SPDX-License-Identifier: Apache-2.0
 * How many tokens a text is, about, without any tokenizer's vocabulary. Those of today's models keep
 * short words whole, with the space before them, and cut longer ones every four or five letters;
 * digits go by three; each mark is one. Text in other scripts than Latin is cut finer. */
#include "ai/ai.h"

typedef enum Shape { SHAPE_SPACE, SHAPE_LATIN, SHAPE_DIGIT, SHAPE_MARK, SHAPE_OTHER } Shape;

static Shape shape_of(int32_t point) {
    if (point == ' ' || point == '\t' || point == '\r' || point == '\n' || point == 0xA0 ||
        point == 0x202F)
        return SHAPE_SPACE;
    if (point >= '0' && point <= '9') return SHAPE_DIGIT;
    bool ascii = (point >= 'a' && point <= 'z') || (point >= 'A' && point <= 'Z');
    if (ascii || (point >= 0xC0 && point < 0x250 && point != 0xD7 && point != 0xF7))
        return SHAPE_LATIN;
    return point < 0x250 || (point >= 0x2000 && point < 0x2070) ? SHAPE_MARK : SHAPE_OTHER;
}

/* Tokens of a run of one shape: in quarters, so that what is between counts. */
static int64_t run_quarters(Shape shape, int64_t points, int64_t accents) {
    enum { WHOLE = 6 };
    switch (shape) {
    case SHAPE_SPACE: return 0;
    case SHAPE_LATIN: return (points <= WHOLE ? 4 : 4 + (points - WHOLE) * 4 / 5) + accents;
    case SHAPE_DIGIT: return (points + 2) / 3 * 4;
    case SHAPE_MARK: return 4 * ((points + 2) / 3);
    case SHAPE_OTHER: return points * 3;
    }
    return 0;
}

typedef struct Run {
    Shape shape;
    int64_t points, accents;
    ptrdiff_t to; /* behind its last byte */
} Run;

static Run run_next(Str text, ptrdiff_t from) {
    Run run = {.to = from};
    int32_t first = 0;
    while (run.to < text.len) {
        ptrdiff_t next = run.to;
        int32_t point = str_utf8_next(text, &next);
        Shape shape = shape_of(point);
        if (run.points == 0) {
            run.shape = shape;
            first = point;
        }
        /* Marks make one run only while they repeat, as in "-----". */
        if (run.points && (shape != run.shape || (shape == SHAPE_MARK && point != first))) break;
        run.accents += shape == SHAPE_LATIN && point > 0x7F;
        run.points++;
        run.to = next;
    }
    return run;
}

static bool has_line_end(Str text, ptrdiff_t from, ptrdiff_t to) {
    return str_find_byte(str_slice(text, from, to), '\n') >= 0;
}

int64_t ai_tokens(Str text) {
    int64_t quarters = 0;
    for (ptrdiff_t at = 0; at < text.len;) {
        Run run = run_next(text, at);
        quarters += run_quarters(run.shape, run.points, run.accents);
        if (run.shape == SHAPE_SPACE && has_line_end(text, at, run.to)) quarters += 4;
        at = run.to;
    }
    return (quarters + 3) / 4;
}

static bool ends_sentence(Str text, ptrdiff_t at) {
    char last = text.data[at - 1];
    bool space = at == text.len || text.data[at] == ' ' || text.data[at] == '\n';
    return last == '\n' || (space && (last == '.' || last == '!' || last == '?'));
}

Str ai_tokens_cut(Str text, int64_t tokens) {
    if (tokens <= 0) return str_slice(text, 0, 0);
    int64_t quarters = 0;
    ptrdiff_t at = 0, sentence = 0, word = 0;
    while (at < text.len) {
        Run run = run_next(text, at);
        quarters += run_quarters(run.shape, run.points, run.accents);
        if (run.shape == SHAPE_SPACE && has_line_end(text, at, run.to)) quarters += 4;
        if (quarters > tokens * 4) break;
        at = run.to;
        word = at;
        if (ends_sentence(text, at)) sentence = at;
    }
    if (at >= text.len) return text;
    /* A sentence that ends early would leave most of the room unused. */
    ptrdiff_t cut = sentence > word / 2 ? sentence : word;
    if (cut == 0) cut = str_utf8_cut(text, (ptrdiff_t)min_i64(tokens * 4, text.len)).len;
    while (cut > 0 && (text.data[cut - 1] == ' ' || text.data[cut - 1] == '\n')) cut--;
    return str_slice(text, 0, cut);
}
