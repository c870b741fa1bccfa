/* SPDX-License-Identifier: Apache-2.0
 * Plain text and CSV (RFC 4180; also with semicolons or tabs, as spreadsheets write it in France). A
 * row of CSV becomes a block of its own, each value with its column's name, so that a passage found
 * says what its figures mean. */
#include "products/sylion/extract.h"

/* -- Encodings ------------------------------------------------------------------------------------- */

static void point_put(Buf *b, uint32_t point) {
    if (point < 0x80) {
        buf_byte(b, (char)point);
    } else if (point < 0x800) {
        buf_byte(b, (char)(0xC0 | point >> 6));
        buf_byte(b, (char)(0x80 | (point & 0x3F)));
    } else {
        if (point < 0x10000) {
            buf_byte(b, (char)(0xE0 | point >> 12));
        } else {
            buf_byte(b, (char)(0xF0 | point >> 18));
            buf_byte(b, (char)(0x80 | (point >> 12 & 0x3F)));
        }
        buf_byte(b, (char)(0x80 | (point >> 6 & 0x3F)));
        buf_byte(b, (char)(0x80 | (point & 0x3F)));
    }
}

static uint32_t unit_at(Str bytes, ptrdiff_t at, bool big) {
    uint32_t a = (uint8_t)bytes.data[at], b = (uint8_t)bytes.data[at + 1];
    return big ? a << 8 | b : b << 8 | a;
}

static Str from_utf16(Arena *arena, Str bytes, bool big) {
    Buf b = buf_new(arena, bytes.len * 3 / 2 + 4);
    for (ptrdiff_t at = 2; at + 1 < bytes.len; at += 2) {
        uint32_t unit = unit_at(bytes, at, big);
        if (unit >= 0xD800 && unit < 0xDC00 && at + 3 < bytes.len) {
            uint32_t low = unit_at(bytes, at + 2, big);
            if (low >= 0xDC00 && low < 0xE000) {
                point_put(&b, 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00));
                at += 2;
                continue;
            }
        }
        point_put(&b, unit >= 0xD800 && unit < 0xE000 ? 0xFFFD : unit);
    }
    return buf_str(&b);
}

static Str from_windows_1252(Arena *arena, Str bytes) {
    static const uint16_t high[32] = {
        0x20AC, 0xFFFD, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
        0x2039, 0x0152, 0xFFFD, 0x017D, 0xFFFD, 0xFFFD, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
        0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0xFFFD, 0x017E, 0x0178};
    Buf b = buf_new(arena, bytes.len * 2 + 1);
    for (ptrdiff_t i = 0; i < bytes.len; i++) {
        uint8_t byte = (uint8_t)bytes.data[i];
        point_put(&b, byte >= 0x80 && byte < 0xA0 ? high[byte - 0x80] : byte);
    }
    return buf_str(&b);
}

/* More than one in a hundred bytes is a control that no text has. */
static bool is_binary(Str bytes) {
    ptrdiff_t odd = 0;
    for (ptrdiff_t i = 0; i < bytes.len; i++) {
        uint8_t byte = (uint8_t)bytes.data[i];
        odd += byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t' && byte != '\f';
    }
    return odd * 100 > bytes.len;
}

Str extract_decode(Extraction *x, Str bytes) {
    bool big = str_starts(bytes, S("\xFE\xFF"));
    if (str_starts(bytes, S("\xEF\xBB\xBF"))) bytes = str_slice(bytes, 3, bytes.len);
    if (big || str_starts(bytes, S("\xFF\xFE"))) bytes = from_utf16(x->arena, bytes, big);
    if (is_binary(bytes)) {
        extract_fail(x, "It is not text.");
        return (Str){0};
    }
    return str_utf8_valid(bytes) ? bytes : from_windows_1252(x->arena, bytes);
}

/* -- Plain text ------------------------------------------------------------------------------------ */

/* The end of the paragraph that begins at `from`: an empty line, or the end of the text. */
static ptrdiff_t paragraph_end(Str text, ptrdiff_t from) {
    for (ptrdiff_t at = from; at < text.len;) {
        ptrdiff_t end = str_find_byte(str_slice(text, at, text.len), '\n');
        if (end < 0) return text.len;
        if (at > from && str_trim(str_slice(text, at, at + end)).len == 0) return at;
        at += end + 1;
    }
    return text.len;
}

void extract_text(Extraction *x, Str bytes) {
    Str text = extract_decode(x, bytes);
    for (ptrdiff_t at = 0; at < text.len && !x->full;) {
        ptrdiff_t end = paragraph_end(text, at);
        extract_block(x, str_slice(text, at, end), false);
        at = end;
    }
}

/* -- CSV ------------------------------------------------------------------------------------------- */

typedef struct Csv {
    Extraction *x;
    Str text;
    ptrdiff_t at;
    int64_t line; /* of the row that begins */
    char separator;
    Str values[EXTRACT_COLUMNS_MAX];
    ptrdiff_t count;
} Csv;

/* The one that divides the first line most often, quoted parts left out. */
static char separator_guess(Str text) {
    static const char candidates[] = {',', ';', '\t', '|'};
    ptrdiff_t best = 0;
    char separator = ',';
    for (ptrdiff_t i = 0; i < COUNT(candidates); i++) {
        ptrdiff_t count = 0;
        bool quoted = false;
        for (ptrdiff_t at = 0; at < text.len && (quoted || text.data[at] != '\n'); at++) {
            if (text.data[at] == '"')
                quoted = !quoted;
            else if (!quoted && text.data[at] == candidates[i])
                count++;
        }
        if (count > best) {
            best = count;
            separator = candidates[i];
        }
    }
    return separator;
}

/* A value in quotes, in which two of them are one; the quote is at v->at. */
static Str quoted_read(Csv *v) {
    Buf b = buf_new(v->x->arena, 64);
    for (ptrdiff_t at = v->at + 1; at < v->text.len; at++) {
        if (v->text.data[at] != '"') {
            buf_byte(&b, v->text.data[at]);
        } else if (at + 1 < v->text.len && v->text.data[at + 1] == '"') {
            buf_byte(&b, '"');
            at++;
        } else {
            v->at = at + 1;
            return buf_str(&b);
        }
    }
    v->at = v->text.len;
    extract_fail(v->x, "The quotes that open in row %lld do not close.", (long long)v->line);
    return (Str){0};
}

static Str plain_read(Csv *v) {
    ptrdiff_t from = v->at;
    while (v->at < v->text.len && v->text.data[v->at] != v->separator &&
           v->text.data[v->at] != '\n')
        v->at++;
    return str_trim(str_slice(v->text, from, v->at));
}

static bool row_read(Csv *v) {
    v->count = 0;
    v->line++;
    if (v->at >= v->text.len) return false;
    for (;;) {
        bool quoted = v->at < v->text.len && v->text.data[v->at] == '"';
        Str value = quoted ? quoted_read(v) : plain_read(v);
        if (quoted) plain_read(v); /* what stands between the quote and the separator is nothing */
        if (v->x->full) return false;
        if (v->count == EXTRACT_COLUMNS_MAX) {
            extract_fail(v->x, "Row %lld has more than %d columns.", (long long)v->line,
                         EXTRACT_COLUMNS_MAX);
            return false;
        }
        v->values[v->count++] = value;
        if (v->at >= v->text.len) return true;
        if (v->text.data[v->at++] == '\n') return true;
    }
}

static void row_add(Csv *v, const Str *names, ptrdiff_t name_count) {
    Buf b = buf_new(v->x->arena, 256);
    for (ptrdiff_t i = 0; i < v->count; i++) {
        if (str_trim(v->values[i]).len == 0) continue;
        if (i < name_count && names[i].len > 0) buf_f(&b, "%.*s: ", S_ARG(names[i]));
        buf_add(&b, v->values[i]);
        buf_byte(&b, '\n');
    }
    extract_block(v->x, buf_str(&b), true);
}

void extract_csv(Extraction *x, Str bytes) {
    Csv *v = arena_new_of(x->arena, Csv);
    v->x = x;
    v->text = extract_decode(x, bytes);
    v->separator = separator_guess(v->text);
    if (!row_read(v)) return;
    ptrdiff_t name_count = v->count;
    Str *names = arena_array(x->arena, Str, name_count);
    for (ptrdiff_t i = 0; i < name_count; i++) names[i] = str_copy(x->arena, v->values[i]);
    while (!x->full && row_read(v)) row_add(v, names, name_count);
    if (x->count == 0 && name_count > 0) {
        v->count = name_count; /* a single row: it names nothing */
        memcpy(v->values, names, (size_t)name_count * sizeof *names);
        row_add(v, names, 0);
    }
}
