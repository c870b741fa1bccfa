/* SPDX-License-Identifier: Apache-2.0 */
#include "products/veyl/fast_json.h"

#include <stdlib.h>

typedef struct Cursor {
    Arena *arena;
    const char *at, *end;
} Cursor;

enum { DIGITS_MAX = 15, NUMBER_MAX = 40, TEXT_MAX = 64 * 1024, LIST_MAX = 100 };

static void spaces(Cursor *c) {
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r'))
        c->at++;
}

static bool take(Cursor *c, char byte) {
    spaces(c);
    if (c->at == c->end || *c->at != byte) return false;
    c->at++;
    return true;
}

static bool word(Cursor *c, Str text) {
    if (c->end - c->at < text.len || memcmp(c->at, text.data, (size_t)text.len) != 0) return false;
    c->at += text.len;
    return true;
}

static int hex_digit(char ch) {
    if (ch >= '0' && ch <= '9') return ch - '0';
    if (ch >= 'a' && ch <= 'f') return ch - 'a' + 10;
    return ch >= 'A' && ch <= 'F' ? ch - 'A' + 10 : -1;
}

/* The four digits of \uXXXX at `at`, or -1. */
static int32_t hex4(const Cursor *c, const char *at) {
    int32_t code = 0;
    if (c->end - at < 4) return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0) return -1;
        code = code * 16 + digit;
    }
    return code;
}

/* The code point of the \u at c->at (behind the u), or -1; \u0000 and lone surrogates are not
 * plain. */
static int32_t escaped_code(Cursor *c) {
    int32_t code = hex4(c, c->at);
    c->at += 4;
    if (code <= 0 || (code >= 0xDC00 && code < 0xE000)) return -1;
    if (code < 0xD800 || code >= 0xE000) return code;
    if (c->end - c->at < 6 || c->at[0] != '\\' || c->at[1] != 'u') return -1;
    int32_t low = hex4(c, c->at + 2);
    c->at += 6;
    return low >= 0xDC00 && low < 0xE000 ? 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00) : -1;
}

static char *code_put(char *to, int32_t code) {
    if (code < 0x80) {
        *to++ = (char)code;
        return to;
    }
    if (code >= 0x10000) {
        *to++ = (char)(0xF0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 0x3F));
    } else if (code >= 0x800) {
        *to++ = (char)(0xE0 | code >> 12);
    }
    if (code >= 0x800)
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
    else
        *to++ = (char)(0xC0 | code >> 6);
    *to++ = (char)(0x80 | (code & 0x3F));
    return to;
}

/* One escape behind its backslash into `to`; NULL when it is none. */
static char *escape_take(Cursor *c, char *to) {
    static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
    if (c->at == c->end) return NULL;
    char ch = *c->at++;
    const char *simple = ch ? strchr(from, ch) : NULL;
    if (simple) {
        *to = into[simple - from];
        return to + 1;
    }
    int32_t code = ch == 'u' ? escaped_code(c) : -1;
    return code < 0 ? NULL : code_put(to, code);
}

/* A string; without escapes it stays in the text, else it is written anew in the arena. */
static bool string_take(Cursor *c, Str *out, bool *copied) {
    *copied = false;
    if (!take(c, '"')) return false;
    const char *from = c->at;
    while (c->at < c->end && *c->at != '"' && *c->at != '\\' && (unsigned char)*c->at >= 0x20)
        c->at++;
    if (c->at == c->end || (unsigned char)*c->at < 0x20) return false;
    if (*c->at == '"') {
        *out = str_of(from, c->at++ - from);
        return true;
    }
    const char *close = c->at;
    while (close < c->end && *close != '"') close += *close == '\\' ? 2 : 1;
    char *text = arena_bytes(c->arena, close - from + 1), *to = text;
    memcpy(to, from, (size_t)(c->at - from));
    to += c->at - from;
    while (c->at < c->end && *c->at != '"') {
        if ((unsigned char)*c->at < 0x20) return false;
        if (*c->at != '\\') {
            *to++ = *c->at++;
            continue;
        }
        c->at++;
        to = escape_take(c, to);
        if (!to) return false;
    }
    if (c->at >= c->end) return false;
    c->at++;
    *out = str_of(text, to - text);
    *copied = true;
    return true;
}

static bool edge_space(char ch) { return (unsigned char)ch <= ' '; }

/* What record_read would change or refuse is left to it. */
static bool text_plain(const Field *f, Str text) {
    int64_t most = f->max ? f->max : TEXT_MAX;
    if (text.len > most || text.len < f->min) return false;
    if (f->flags & F_TRIM && text.len &&
        (edge_space(text.data[0]) || edge_space(text.data[text.len - 1])))
        return false;
    for (ptrdiff_t i = 0; f->flags & F_LOWER && i < text.len; i++)
        if (text.data[i] >= 'A' && text.data[i] <= 'Z') return false;
    return true;
}

static bool text_take(Cursor *c, const Field *f, Str *out) {
    Str text;
    bool copied;
    if (!string_take(c, &text, &copied) || !text_plain(f, text)) return false;
    *out = copied ? text : str_copy(c->arena, text);
    return true;
}

static bool list_take(Cursor *c, const Field *f, StrList *out) {
    Str items[LIST_MAX];
    ptrdiff_t most = f->max && f->max < LIST_MAX ? (ptrdiff_t)f->max : LIST_MAX, count = 0;
    if (!take(c, '[')) return false;
    if (!take(c, ']')) {
        do {
            bool copied;
            if (count == most || !string_take(c, &items[count], &copied) ||
                items[count].len > TEXT_MAX)
                return false;
            if (!copied) items[count] = str_copy(c->arena, items[count]);
            count++;
        } while (take(c, ','));
        if (!take(c, ']')) return false;
    }
    if (count < f->min) return false;
    *out = (StrList){arena_array(c->arena, Str, count + 1), count};
    if (count) memcpy(out->items, items, (size_t)count * sizeof(Str));
    return true;
}

static bool digits_take(Cursor *c, int64_t *out) {
    spaces(c);
    const char *from = c->at;
    *out = 0;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9') {
        if (c->at - from == DIGITS_MAX) return false;
        *out = *out * 10 + (*c->at++ - '0');
    }
    ptrdiff_t digits = c->at - from;
    if (digits == 0 || (digits > 1 && *from == '0')) return false;
    return c->at == c->end || (*c->at != '.' && *c->at != 'e' && *c->at != 'E');
}

static bool within(const Field *f, double value) {
    return (f->min == 0 && f->max == 0) || (value >= (double)f->min && value <= (double)f->max);
}

/* A number as text, by JSON's grammar. */
static bool number_take(Cursor *c, double *out) {
    spaces(c);
    char text[NUMBER_MAX + 1];
    int len = 0;
    while (c->at < c->end && len < NUMBER_MAX && *c->at && strchr("+-.0123456789eE", *c->at))
        text[len++] = *c->at++;
    text[len] = 0;
    int first = text[0] == '-';
    bool digit = text[first] >= '0' && text[first] <= '9';
    bool leading_zero = text[first] == '0' && text[first + 1] >= '0' && text[first + 1] <= '9';
    char *end;
    *out = strtod(text, &end);
    return digit && !leading_zero && end == text + len && len < NUMBER_MAX &&
           text[len - 1] != '.' && !strstr(text, ".e") && !strstr(text, ".E");
}

static bool object_take(Cursor *c, const Record *record, void *out, FieldSet *present);

static bool time_take(Cursor *c, Time *out) {
    Str text;
    bool copied;
    return string_take(c, &text, &copied) && time_parse(text, out);
}

static bool count_take(Cursor *c, const Field *f, OptInt *out) {
    out->set = true;
    return digits_take(c, &out->value) && within(f, (double)out->value);
}

static bool float_take(Cursor *c, const Field *f, OptFloat *out) {
    out->set = true;
    return number_take(c, &out->value) && within(f, out->value);
}

static bool nullable(const Field *f) {
    return f->flags & F_NULLABLE || f->kind == KIND_OPT_INT || f->kind == KIND_OPT_FLOAT ||
           f->kind == KIND_OPT_BOOL;
}

/* A value that is not used: only what cannot be wrong. */
static bool ignored_take(Cursor *c) {
    Str text;
    bool copied;
    double number;
    spaces(c);
    if (c->at == c->end) return false;
    if (*c->at == '"') return string_take(c, &text, &copied);
    return word(c, S("null")) || number_take(c, &number);
}

static bool value_take(Cursor *c, const Field *f, void *at) {
    spaces(c);
    if (word(c, S("null"))) {
        if (f->kind == KIND_TIME) *(Time *)at = TIME_NULL;
        return nullable(f);
    }
    switch (f->kind) {
    case KIND_STR: return text_take(c, f, at);
    case KIND_TIME: return time_take(c, at);
    case KIND_STR_LIST: return list_take(c, f, at);
    case KIND_OPT_INT: return count_take(c, f, at);
    case KIND_OPT_FLOAT: return float_take(c, f, at);
    case KIND_ID: return digits_take(c, &((Id *)at)->value) && ((Id *)at)->value > 0;
    case KIND_RECORD: return object_take(c, f->record, at, NULL);
    default: return false;
    }
}

/* Members mostly come in the order of the table: begin where the last one was found. */
static ptrdiff_t field_find(const Record *record, Str name, ptrdiff_t from) {
    for (ptrdiff_t i = 0; i < record->field_count; i++) {
        ptrdiff_t at = from + i < record->field_count ? from + i : from + i - record->field_count;
        const char *own = record->fields[at].name;
        if (own[0] == name.data[0] && strlen(own) == (size_t)name.len &&
            memcmp(own, name.data, (size_t)name.len) == 0)
            return at;
    }
    return -1;
}

static bool object_take(Cursor *c, const Record *record, void *out, FieldSet *present) {
    FieldSet seen = 0;
    ptrdiff_t last = 0;
    if (!take(c, '{')) return false;
    if (take(c, '}')) return true;
    do {
        Str name;
        bool copied;
        if (!string_take(c, &name, &copied) || copied || name.len == 0 || !take(c, ':'))
            return false;
        last = field_find(record, name, last);
        if (last < 0 || seen >> last & 1) return false;
        const Field *f = &record->fields[last];
        assert(!(f->flags & F_REQUIRED) && !f->fallback && !f->format && !f->values);
        seen |= (FieldSet)1 << last;
        if (f->flags & F_READONLY) {
            if (!ignored_take(c)) return false;
            continue;
        }
        if (!value_take(c, f, field_at(f, out))) return false;
        if (present) *present |= (FieldSet)1 << last;
    } while (take(c, ','));
    return take(c, '}');
}

bool fast_json_read(Arena *arena, const Record *record, Str text, void *out, FieldSet *present) {
    Cursor c = {arena, text.data, text.data + text.len};
    *present = 0;
    for (ptrdiff_t i = 0; i < record->field_count; i++)
        if (record->fields[i].kind == KIND_TIME)
            *(Time *)field_at(&record->fields[i], out) = TIME_NULL;
    if (!str_utf8_valid(text) || !object_take(&c, record, out, present)) return false;
    spaces(&c);
    return c.at == c.end;
}
