/* SPDX-License-Identifier: Apache-2.0
 * See writer_stream.h. A reader of JSON's structure that goes byte by byte: which container is open
 * at each depth, and under which key. Beyond TEXT_DEPTH_MAX it stops. */
#include "products/lifetales/writer_stream.h"

void text_reader_init(TextReader *r) {
    assert(r);
    *r = (TextReader){0};
}

static bool key_is(const TextReader *r, int depth, const char *name) {
    return str_eq(str_of(r->keys[depth], r->key_len[depth]), str_c(name));
}

/* The members of one of the sentences. */
static bool in_sentence(const TextReader *r) {
    return r->depth == 3 && r->open[1] == '{' && r->open[2] == '[' && r->open[3] == '{' &&
           key_is(r, 1, "sentences");
}

/* -- bytes of a text: whole code points only --------------------------------------------------- */

static int length_of(char byte) {
    unsigned char b = (unsigned char)byte;
    return b < 0x80 ? 1 : b >= 0xF0 ? 4 : b >= 0xE0 ? 3 : 2;
}

static void byte_tell(TextReader *r, char byte, Buf *out) {
    if (r->held_len == 4) r->held_len = 0;
    r->held[r->held_len++] = byte;
    if (r->held_len < length_of(r->held[0])) return;
    Str whole = str_of(r->held, r->held_len);
    if (str_utf8_valid(whole)) buf_add(out, whole);
    r->held_len = 0;
}

static void code_tell(TextReader *r, uint32_t code, Buf *out) {
    char bytes[4];
    int n = 0;
    if (code < 0x80) {
        bytes[n++] = (char)code;
    } else if (code < 0x800) {
        bytes[n++] = (char)(0xC0 | code >> 6);
    } else if (code < 0x10000) {
        bytes[n++] = (char)(0xE0 | code >> 12);
        bytes[n++] = (char)(0x80 | (code >> 6 & 0x3F));
    } else {
        bytes[n++] = (char)(0xF0 | code >> 18);
        bytes[n++] = (char)(0x80 | (code >> 12 & 0x3F));
        bytes[n++] = (char)(0x80 | (code >> 6 & 0x3F));
    }
    if (code >= 0x80) bytes[n++] = (char)(0x80 | (code & 0x3F));
    for (int i = 0; i < n; i++) byte_tell(r, bytes[i], out);
}

static void unit_tell(TextReader *r, uint32_t unit, Buf *out) {
    uint32_t high = r->high;
    r->high = 0;
    if (unit >= 0xD800 && unit < 0xDC00)
        r->high = unit;
    else if (unit >= 0xDC00 && unit < 0xE000)
        code_tell(r, high ? 0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00) : 0xFFFD, out);
    else
        code_tell(r, unit, out);
}

/* -- strings ----------------------------------------------------------------------------------- */

static void plain(TextReader *r, char byte, Buf *out) {
    if (r->is_text)
        byte_tell(r, byte, out);
    else if (r->is_key && r->key_len[r->depth] < TEXT_KEY_MAX)
        r->keys[r->depth][r->key_len[r->depth]++] = byte;
}

static uint32_t hex_of(char byte) {
    if (byte >= '0' && byte <= '9') return (uint32_t)(byte - '0');
    if (byte >= 'a' && byte <= 'f') return (uint32_t)(byte - 'a' + 10);
    return byte >= 'A' && byte <= 'F' ? (uint32_t)(byte - 'A' + 10) : 0;
}

static void after_backslash(TextReader *r, char byte, Buf *out) {
    r->escaped = false;
    switch (byte) {
    case 'n': plain(r, '\n', out); break;
    case 't': plain(r, '\t', out); break;
    case 'r':
    case 'b':
    case 'f': break;
    case 'u':
        r->digits = 4;
        r->code = 0;
        break;
    default: plain(r, byte, out); break;
    }
}

static void string_byte(TextReader *r, char byte, Buf *out) {
    if (r->digits > 0) {
        r->code = r->code << 4 | hex_of(byte);
        if (--r->digits == 0 && r->is_text) unit_tell(r, r->code, out);
    } else if (r->escaped) {
        after_backslash(r, byte, out);
    } else if (byte == '\\') {
        r->escaped = true;
    } else if (byte == '"') {
        r->in_string = r->is_text = r->is_key = false;
        r->held_len = 0;
        r->high = 0;
    } else {
        plain(r, byte, out);
    }
}

static void string_begin(TextReader *r, Buf *out) {
    r->in_string = true;
    r->is_key = r->open[r->depth] == '{' && !r->after_colon;
    if (r->is_key) {
        r->key_len[r->depth] = 0;
        return;
    }
    r->is_text = in_sentence(r) && key_is(r, 3, "text");
    if (!r->is_text) return;
    if (r->told++ > 0) buf_add(out, r->paragraph ? S("\n\n") : S(" "));
    r->paragraph = false;
}

/* -- structure --------------------------------------------------------------------------------- */

static void container_begin(TextReader *r, char byte) {
    if (r->depth == TEXT_DEPTH_MAX) {
        r->ended = true;
        return;
    }
    r->open[++r->depth] = byte;
    r->key_len[r->depth] = 0;
    r->after_colon = false;
}

static void structure_byte(TextReader *r, char byte, Buf *out) {
    switch (byte) {
    case '"': string_begin(r, out); break;
    case '{':
    case '[': container_begin(r, byte); break;
    case '}':
    case ']':
        if (--r->depth == 0) r->ended = true;
        r->after_colon = false;
        break;
    case ':': r->after_colon = true; break;
    case ',': r->after_colon = false; break;
    case 't':
        if (in_sentence(r) && key_is(r, 3, "paragraph")) r->paragraph = true;
        break;
    default: break;
    }
}

void text_reader_feed(TextReader *r, Str piece, Buf *out) {
    assert(r && out);
    for (ptrdiff_t i = 0; i < piece.len && !r->ended; i++) {
        char byte = piece.data[i];
        if (!r->begun) { /* a fence, or words before it */
            if (byte != '{') continue;
            r->begun = true;
        }
        if (r->in_string)
            string_byte(r, byte, out);
        else
            structure_byte(r, byte, out);
    }
}
