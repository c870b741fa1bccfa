/* SPDX-License-Identifier: Apache-2.0
 * A lexer that knows just enough of JSON to tell members from texts:
 *
 *   PLAIN ──"──► KEY ─────────"──► PLAIN
 *     ├────"──► TEXT ────────"──► PLAIN          of no interest: copied
 *     └────"──► WAIT ────────"──► PLAIN          base64, short so far: copied
 *                 └─over `from`─► PART ──"──► PLAIN
 *                                  └─no JSON─► BROKEN    a little more is copied, then nothing
 *
 * What jansson will refuse further on it refuses before it comes to where the two could differ, so that
 * nothing is validated here but the inside of parts. There jansson has two kinds of faults. It stops at
 * control bytes, bad escapes and bad UTF-8: these and what follows are copied. Lone surrogates and U+0000
 * it finds when it has seen the whole text: the first is copied, and the part goes on. */
#include "core/json_parts.h"

#include "core/base64.h"

enum {
    KEY_MAX = 64,
    HEAD_MAX = 1024, /* of a data: URL */
    ESCAPE_MAX = 12, /* \ud83d\ude00 */
    BROKEN_MAX = 64, /* copied behind what is no JSON */
    SLICE = 4096     /* decoded at once */
};

typedef enum State { PLAIN, KEY, TEXT, WAIT, PART, BROKEN } State;

typedef struct Frame {
    const Record *record; /* of this object, or of the list's items; NULL: of no interest */
    const Field *field;   /* of the present key */
    bool list, key_next;
} Frame;

struct JsonParts {
    JsonPartsOptions options;
    Arena *arena;
    Buf rest;
    State state;
    Frame frames[JSON_DEPTH_MAX + 1];
    ptrdiff_t depth; /* frames[0] holds the whole */
    bool escaped;    /* KEY, TEXT, WAIT: behind a backslash */
    char key[KEY_MAX];
    ptrdiff_t key_len; /* -1: no field has such a name */
    ptrdiff_t start;   /* in the rest: of the present text */
    char *written;     /* room for one that becomes a part */

    JsonPart *parts;
    ptrdiff_t count, room;
    int64_t end; /* of all parts' bytes */

    /* The present part. */
    char pending[ESCAPE_MAX]; /* an escape or a character whose end has not come */
    ptrdiff_t pending_len;
    bool late; /* a fault that jansson finds at its end is in the rest */
    int64_t chars;
    Base64 base64;
    char head[HEAD_MAX]; /* may be a data: URL's */
    ptrdiff_t head_len;  /* -1: past */
    ptrdiff_t broken_left;
    bool ended;
};

static bool is_base64(const Field *f) {
    return f && f->kind == KIND_STR && f->format && strcmp(f->format, "base64") == 0;
}

static bool is_either(const Field *f) {
    return f && f->kind == KIND_STR && f->format && strcmp(f->format, "text-or-base64") == 0;
}

static bool holds_base64(const Record *record, int depth) {
    for (ptrdiff_t i = 0; depth > 0 && i < record->field_count; i++) {
        const Field *f = &record->fields[i];
        if (f->flags & (F_READONLY | F_OWNER)) continue;
        if (is_base64(f) || is_either(f) || (f->record && holds_base64(f->record, depth - 1)))
            return true;
    }
    return false;
}

bool json_parts_has(const Record *record) {
    enum { DEPTH = 8 };
    return holds_base64(record, DEPTH);
}

JsonParts *json_parts_new(Arena *arena, JsonPartsOptions options) {
    assert(options.from >= 32 && options.align > 0 && options.write && options.secret.len > 0);
    JsonParts *p = arena_new_of(arena, JsonParts);
    p->options = options;
    p->arena = arena;
    p->rest = buf_new(arena, 1024);
    p->written = arena_bytes(arena, options.from + 1);
    p->frames[0] = (Frame){.record = options.record, .list = true};
    return p;
}

Str json_parts_rest(const JsonParts *p) { return buf_str(&p->rest); }

/* -- where in the record ----------------------------------------------------------------------- */

static Frame *frame(JsonParts *p) {
    return p->depth <= JSON_DEPTH_MAX ? &p->frames[p->depth] : NULL;
}

static const Field *field_named(const Record *record, Str name) {
    char room[FIELD_NAME_MAX];
    for (ptrdiff_t i = 0; i < record->field_count; i++)
        if (str_eq(field_wire(record, &record->fields[i], room), name)) return &record->fields[i];
    return NULL;
}

/* What an object or list that begins here is of. */
static const Record *record_inside(const Frame *f, bool list) {
    if (!f) return NULL;
    if (f->list) return list ? NULL : f->record;
    if (!f->field) return NULL;
    return f->field->kind == (list ? KIND_RECORD_LIST : KIND_RECORD) ? f->field->record : NULL;
}

static void bracket_open(JsonParts *p, bool list) {
    const Record *record = record_inside(frame(p), list);
    p->depth++;
    Frame *f = frame(p);
    if (f) *f = (Frame){.record = record, .list = list, .key_next = !list};
}

static void bracket_close(JsonParts *p) {
    if (p->depth > 0) p->depth--;
}

static void text_open(JsonParts *p) {
    Frame *f = frame(p);
    p->start = p->rest.len;
    p->escaped = false;
    p->key_len = 0;
    if (f && f->key_next)
        p->state = KEY;
    else if (f && !f->list && (is_base64(f->field) || is_either(f->field)))
        p->state = WAIT;
    else
        p->state = TEXT;
}

static void plain_byte(JsonParts *p, char byte) {
    Frame *f = frame(p);
    buf_byte(&p->rest, byte);
    switch (byte) {
    case '"': text_open(p); break;
    case '{': bracket_open(p, false); break;
    case '[': bracket_open(p, true); break;
    case '}':
    case ']': bracket_close(p); break;
    case ',':
        if (f) f->key_next = !f->list;
        break;
    default: break;
    }
}

static void key_close(JsonParts *p) {
    Frame *f = frame(p);
    assert(f && f->key_next);
    f->key_next = false;
    f->field =
        p->key_len > 0 && f->record ? field_named(f->record, str_of(p->key, p->key_len)) : NULL;
}

/* A byte of a text that is copied. A key with an escape in it is no field's: it is read all the same, when
 * what is left is parsed. */
static void text_byte(JsonParts *p, char byte) {
    buf_byte(&p->rest, byte);
    bool closes = byte == '"' && !p->escaped;
    if (p->state == KEY && !closes) {
        if (byte == '\\' || p->key_len == KEY_MAX) p->key_len = -1;
        if (p->key_len >= 0) p->key[p->key_len++] = byte;
    }
    p->escaped = byte == '\\' && !p->escaped;
    if (!closes) return;
    if (p->state == KEY) key_close(p);
    p->state = PLAIN;
}

/* -- the bytes of a part ----------------------------------------------------------------------- */

static JsonPart *part(JsonParts *p) { return &p->parts[p->count - 1]; }

static void part_decode(JsonParts *p, Str text) {
    char bytes[SLICE / 4 * 3 + 3];
    JsonPart *one = part(p);
    static_assert(sizeof bytes >= SLICE / 4 * 3 + 3, "base64_room");
    while (text.len > 0 && !p->base64.bad) {
        Str slice = str_slice(text, 0, SLICE);
        ptrdiff_t n = base64_take(&p->base64, slice, bytes);
        if (n > 0) p->options.write(p->options.arg, one->at + one->size, str_of(bytes, n));
        one->size += n;
        text = str_slice(text, slice.len, text.len);
    }
}

/* Its type, and what follows it. Without `;base64` its colon makes it no base64. */
static void head_cut(JsonParts *p) {
    Str text = str_of(p->head, p->head_len), type;
    ptrdiff_t comma = str_find_byte(text, ',');
    Str head = str_slice(text, 5, comma);
    p->head_len = -1;
    if (!str_ends(head, S(";base64"))) {
        p->base64.bad = true;
        return;
    }
    str_cut(head, ';', &type);
    part(p)->mime = str_lower(p->arena, str_trim(type));
    part_decode(p, str_slice(text, comma + 1, text.len));
}

/* More of the text, its escapes taken off. */
static void part_text(JsonParts *p, Str text) {
    while (p->head_len >= 0 && text.len > 0) {
        ptrdiff_t n =
            min_size(text.len, p->head_len < 5 ? 5 - p->head_len : HEAD_MAX - p->head_len);
        memcpy(p->head + p->head_len, text.data, (size_t)n);
        p->head_len += n;
        text = str_slice(text, n, text.len);
        Str seen = str_of(p->head, p->head_len);
        if (!str_starts(S("data:"), str_slice(seen, 0, 5))) {
            p->head_len = -1;
            part_decode(p, seen);
        } else if (str_find_byte(seen, ',') >= 0) {
            head_cut(p);
        } else if (p->head_len == HEAD_MAX) {
            p->head_len = -1;
            p->base64.bad = true;
        }
    }
    if (p->head_len < 0) part_decode(p, text);
}

static void part_char(JsonParts *p, char byte) { part_text(p, str_of(&byte, 1)); }

static int64_t chars_of(Str text) {
    int64_t n = 0;
    for (ptrdiff_t i = 0; i < text.len; i++) n += ((unsigned char)text.data[i] & 0xC0) != 0x80;
    return n;
}

/* -- the text of a part ------------------------------------------------------------------------ */

static void pending_copy(JsonParts *p, ptrdiff_t len) {
    buf_add(&p->rest, str_of(p->pending, len));
}

/* The text goes on, but jansson will not take it: the first fault is what it tells. */
static void part_late(JsonParts *p, ptrdiff_t len) {
    part_char(p, '?');
    if (!p->late) pending_copy(p, len);
    p->late = true;
}

static void part_settle(JsonParts *p) {
    JsonPart *one = part(p);
    Str kept = str_slice(buf_str(&p->rest), p->start, p->rest.len);
    one->cut = p->chars - chars_of(kept);
    one->bad |= p->base64.bad;
    if (one->bad) one->size = 0;
    p->end = (one->at + one->size + p->options.align - 1) / p->options.align * p->options.align;
}

static void part_broken(JsonParts *p) {
    part(p)->bad = true;
    part_settle(p);
    pending_copy(p, p->pending_len);
    p->state = BROKEN;
    p->broken_left = BROKEN_MAX;
}

static void part_close(JsonParts *p) {
    char last[2];
    if (p->head_len >= 0 && p->head_len < 5) {
        Str head = str_of(p->head, p->head_len);
        p->head_len = -1;
        part_decode(p, head);
    }
    if (p->head_len >= 0) p->base64.bad = true; /* a data: URL without an end of its head */
    ptrdiff_t n = base64_end(&p->base64, last);
    if (n > 0) p->options.write(p->options.arg, part(p)->at + part(p)->size, str_of(last, n));
    part(p)->size += n;
    p->chars++; /* the quote, which is in the rest as well */
    buf_byte(&p->rest, '"');
    part_settle(p);
    p->state = PLAIN;
}

static int hex_of(char byte) {
    if (byte >= '0' && byte <= '9') return byte - '0';
    if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
    return -1;
}

static int unit_at(const JsonParts *p, ptrdiff_t at) {
    int unit = 0;
    for (ptrdiff_t i = at; i < at + 4; i++) unit = unit * 16 + hex_of(p->pending[i]);
    return unit;
}

static bool is_high(int unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
static bool is_low(int unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

static void pending_add(JsonParts *p, char byte) {
    assert(p->pending_len < ESCAPE_MAX);
    p->pending[p->pending_len++] = byte;
}

/* The first `len` bytes of the escape are dealt with. */
static void pending_drop(JsonParts *p, ptrdiff_t len) {
    p->chars += len;
    p->pending_len -= len;
    memmove(p->pending, p->pending + len, (size_t)p->pending_len);
}

/* \uXXXX or both halves of a pair are whole. */
static void unicode_whole(JsonParts *p) {
    int unit = unit_at(p, 2);
    bool pair = p->pending_len == ESCAPE_MAX;
    if (pair ? !is_low(unit_at(p, 8)) : unit == 0 || is_low(unit))
        part_late(p, p->pending_len);
    else
        part_char(p, unit < 0x80 ? (char)unit : '?');
    pending_drop(p, p->pending_len);
}

/* Behind half a pair comes the other; else (false) it stands alone, and the byte is still to be taken. */
static bool pair_goes_on(JsonParts *p, char byte) {
    if (p->pending_len == 6 ? byte == '\\' : byte == 'u') {
        pending_add(p, byte);
        return true;
    }
    part_late(p, 6);
    pending_drop(p, 6);
    return false;
}

static void escape_byte(JsonParts *p, char byte) {
    static const char signs[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *sign = p->pending_len == 1 && byte ? strchr(signs, byte) : NULL;
    bool good = p->pending_len == 0 || sign || (p->pending_len == 1 && byte == 'u') ||
                (p->pending_len > 1 && hex_of(byte) >= 0);
    if (!good) {
        part_broken(p);
        return;
    }
    pending_add(p, byte);
    if (sign) {
        part_char(p, meant[sign - signs]);
        pending_drop(p, 2);
    } else if (p->pending_len == ESCAPE_MAX || (p->pending_len == 6 && !is_high(unit_at(p, 2)))) {
        unicode_whole(p);
    }
}

/* How many bytes the character has that begins so; 0: none does. */
static ptrdiff_t utf8_length(char byte) {
    unsigned char b = (unsigned char)byte;
    return b < 0x80 ? 1 : b < 0xC2 ? 0 : b < 0xE0 ? 2 : b < 0xF0 ? 3 : b < 0xF5 ? 4 : 0;
}

static void wide_byte(JsonParts *p, char byte) {
    ptrdiff_t length = utf8_length(p->pending_len ? p->pending[0] : byte);
    if (length > p->pending_len + 1) {
        pending_add(p, byte);
        return;
    }
    char whole[4];
    memcpy(whole, p->pending, (size_t)p->pending_len);
    whole[p->pending_len] = byte;
    if (length == 0 || !str_utf8_valid(str_of(whole, length))) {
        part_broken(p);
        return;
    }
    p->pending_len = 0;
    p->chars++;
    part_char(p, '?'); /* no base64 */
}

/* When it breaks the part, it has not been taken. */
static void part_byte(JsonParts *p, char byte) {
    bool escape = p->pending_len > 0 && p->pending[0] == '\\';
    if (escape && (p->pending_len == 6 || p->pending_len == 7) && pair_goes_on(p, byte)) return;
    escape = p->pending_len > 0 && p->pending[0] == '\\';
    if (escape || (p->pending_len == 0 && byte == '\\'))
        escape_byte(p, byte);
    else if (p->pending_len > 0 || (unsigned char)byte >= 0x80)
        wide_byte(p, byte);
    else if (byte == '"')
        part_close(p);
    else if ((unsigned char)byte < 0x20)
        part_broken(p);
    else {
        part_char(p, byte);
        p->chars++;
    }
}

/* Bytes that stand for themselves. */
static ptrdiff_t plain_run(Str text) {
    ptrdiff_t n = 0;
    while (n < text.len) {
        unsigned char b = (unsigned char)text.data[n];
        if (b < 0x20 || b >= 0x80 || b == '"' || b == '\\') break;
        n++;
    }
    return n;
}

/* Up to its end, or to that of the bytes; how many were taken. */
static ptrdiff_t part_take(JsonParts *p, Str bytes) {
    ptrdiff_t at = 0;
    while (at < bytes.len && p->state == PART) {
        ptrdiff_t run = p->pending_len ? 0 : plain_run(str_slice(bytes, at, bytes.len));
        if (run > 0) {
            part_text(p, str_slice(bytes, at, at + run));
            p->chars += run;
            at += run;
            continue;
        }
        part_byte(p, bytes.data[at]);
        if (p->state != BROKEN) at++;
    }
    return at;
}

/* What is no JSON, and a little of what follows, is for jansson to tell. */
static void broken_byte(JsonParts *p, char byte) {
    if (p->broken_left == 0) return;
    buf_byte(&p->rest, byte);
    p->broken_left--;
}

/* -- from a text to a part --------------------------------------------------------------------- */

/* Does the text, as it is written, begin like a data: URL of sound, picture or video? */
static bool shows_media(Str written) {
    static const char *const kinds[] = {"data:audio/", "data:image/", "data:video/"};
    char begin[11];
    ptrdiff_t at = 0, n = 0;
    for (; n < (ptrdiff_t)sizeof begin && at < written.len; n++) {
        char byte = written.data[at++];
        if (byte == '\\' && at < written.len) byte = written.data[at++];
        if (byte == 'u' && written.data[at - 2] == '\\' && at + 4 <= written.len) {
            int unit = 0;
            for (ptrdiff_t end = at + 4; at < end; at++)
                unit = unit * 16 + (hex_of(written.data[at]) & 15);
            byte = unit < 0x80 ? (char)unit : '?';
        }
        begin[n] = byte;
    }
    for (int i = 0; i < COUNT(kinds); i++)
        if (str_eq(str_of(begin, n), str_c(kinds[i]))) return true;
    return false;
}

static void part_open(JsonParts *p) {
    if (p->count == p->room) {
        ptrdiff_t size = (ptrdiff_t)sizeof *p->parts, room = max_size(8, 2 * p->room);
        p->parts = arena_grow(p->arena, p->parts, p->room * size, room * size);
        p->room = room;
    }
    Str name = strf(p->arena, "part:%.*s:%td", S_ARG(p->options.secret), p->count);
    p->parts[p->count++] = (JsonPart){.name = name, .at = p->end, .cut_at = p->start + name.len};
    p->pending_len = p->head_len = 0;
    p->chars = 0;
    p->late = false;
    p->base64 = (Base64){0};
    p->state = PART;
}

/* The text is longer than what stays in the rest. */
static void text_long(JsonParts *p) {
    const Frame *f = frame(p);
    Str written = str_slice(buf_str(&p->rest), p->start, p->rest.len);
    if (is_either(f->field) && !shows_media(written)) {
        p->state = TEXT;
        return;
    }
    assert(written.len <= p->options.from + 1);
    memcpy(p->written, written.data, (size_t)written.len);
    written.data = p->written;
    part_open(p);
    p->rest.len = p->start;
    buf_add(&p->rest, part(p)->name);
    part_take(p, written);
    if (p->state != BROKEN) return;
    /* No JSON so near its beginning is told with these words beside it: it is left as it was. */
    p->count--;
    p->rest.len = p->start;
    buf_add(&p->rest, written);
}

void json_parts_take(JsonParts *p, Str bytes) {
    assert(p && !p->ended);
    for (ptrdiff_t at = 0; at < bytes.len;) {
        char byte = bytes.data[at];
        if (p->state == PART) {
            at += part_take(p, str_slice(bytes, at, bytes.len));
            continue;
        }
        at++;
        if (p->state == PLAIN)
            plain_byte(p, byte);
        else if (p->state == BROKEN)
            broken_byte(p, byte);
        else
            text_byte(p, byte);
        if (p->state == WAIT && p->rest.len - p->start > p->options.from) text_long(p);
    }
}

void json_parts_end(JsonParts *p) {
    assert(p && !p->ended);
    if (p->state == PART) part_broken(p);
    p->ended = true;
}

const JsonPart *json_parts_find(const JsonParts *p, Str text) {
    int64_t i;
    ptrdiff_t before = (ptrdiff_t)sizeof "part:" + p->options.secret.len;
    if (!str_starts(text, S("part:")) || !str_to_i64(str_slice(text, before, text.len), &i))
        return NULL;
    return i >= 0 && i < p->count && str_eq(p->parts[i].name, text) ? &p->parts[i] : NULL;
}

/* Of those in the line of the place `at`. */
static int64_t chars_missing(const void *arg, ptrdiff_t at) {
    const JsonParts *p = arg;
    int64_t missing = 0;
    for (ptrdiff_t i = p->count - 1, line = at; i >= 0; i--) {
        const JsonPart *one = &p->parts[i];
        if (one->cut_at > at) continue;
        if (str_find_byte(str_slice(buf_str(&p->rest), one->cut_at, line), '\n') >= 0) break;
        missing += one->cut;
        line = one->cut_at;
    }
    return missing;
}

Err *json_parts_parse(Ctx *c, const JsonParts *p, json_t **out) {
    assert(p->ended);
    return json_parse_cut(c, json_parts_rest(p), chars_missing, p, out);
}
