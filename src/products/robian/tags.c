/* SPDX-License-Identifier: Apache-2.0
 * Attributes may be quoted either way or not at all. A tag that is cut ends the text. */
#include "products/robian/tags.h"

#include "core/buf.h"

static bool is_blank(char x) {
    return x == ' ' || x == '\t' || x == '\n' || x == '\r' || x == '\f';
}

/* What follows `needle`, letters' case aside; null Str when it does not come. */
static Str after(Str text, Str needle) {
    for (ptrdiff_t i = 0; i + needle.len <= text.len; i++)
        if (str_eq_nocase(str_slice(text, i, i + needle.len), needle))
            return str_slice(text, i + needle.len, text.len);
    return (Str){0};
}

/* Where the tag that begins before `text` ends: the > outside of quotes; -1 when it is cut. */
static ptrdiff_t tag_end(Str text) {
    char quote = 0;
    for (ptrdiff_t i = 0; i < text.len; i++) {
        char x = text.data[i];
        if (quote) {
            if (x == quote) quote = 0;
        } else if (x == '>') {
            return i;
        } else if ((x == '"' || x == '\'') && i > 0 && text.data[i - 1] == '=') {
            quote = x;
        }
    }
    return -1;
}

bool tag_is(const Tag *tag, Str name) { return str_eq_nocase(tag->name, name); }

static Str insides_skip(const Tag *tag, Str rest) {
    if (tag_is(tag, S("script"))) return after(rest, S("</script"));
    if (tag_is(tag, S("style"))) return after(rest, S("</style"));
    return rest;
}

Tag tag_next(Str *rest) {
    for (;;) {
        ptrdiff_t at = str_find_byte(*rest, '<');
        if (at < 0) break;
        *rest = str_slice(*rest, at + 1, rest->len);
        if (str_starts(*rest, S("!--"))) {
            *rest = after(*rest, S("-->"));
            continue;
        }
        if (rest->len == 0 || is_blank(rest->data[0]) || rest->data[0] == '/') continue;
        ptrdiff_t end = tag_end(*rest), len = 0;
        if (end < 0) break;
        while (len < end && !is_blank(rest->data[len]) && rest->data[len] != '/') len++;
        Tag tag = {str_slice(*rest, 0, len), str_slice(*rest, len, end)};
        *rest = insides_skip(&tag, str_slice(*rest, end + 1, rest->len));
        return tag;
    }
    *rest = (Str){0};
    return (Tag){{0}, {0}};
}

static Str attribute_name(Str *rest) {
    ptrdiff_t i = 0, from;
    while (i < rest->len && (is_blank(rest->data[i]) || rest->data[i] == '/')) i++;
    from = i;
    while (i < rest->len && !is_blank(rest->data[i]) && rest->data[i] != '=') i++;
    Str name = str_slice(*rest, from, i);
    while (i < rest->len && is_blank(rest->data[i])) i++;
    *rest = str_slice(*rest, i, rest->len);
    return name;
}

static Str attribute_value(Str *rest) {
    if (rest->len == 0 || rest->data[0] != '=') return S("");
    ptrdiff_t i = 1, from;
    while (i < rest->len && is_blank(rest->data[i])) i++;
    char quote = i < rest->len ? rest->data[i] : ' ';
    bool quoted = quote == '"' || quote == '\'';
    from = i += quoted;
    while (i < rest->len && (quoted ? rest->data[i] != quote : !is_blank(rest->data[i]))) i++;
    Str value = str_slice(*rest, from, i);
    *rest = str_slice(*rest, i + quoted, rest->len);
    return value;
}

Str tag_value(Arena *arena, const Tag *tag, Str name) {
    for (Str rest = tag->attributes; rest.len > 0;) {
        Str found = attribute_name(&rest), value = attribute_value(&rest);
        if (found.len == 0 && value.len == 0) break;
        if (str_eq_nocase(found, name)) return str_trim(entities_resolve(arena, value));
    }
    return (Str){0};
}

/* -- entities ------------------------------------------------------------------------------------ */

static void buf_code_point(Buf *b, int64_t code) {
    bool bad = code <= 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF);
    uint32_t x = bad ? 0xFFFD : (uint32_t)code;
    if (x < 0x80) {
        buf_byte(b, (char)x);
        return;
    }
    int more = x < 0x800 ? 1 : x < 0x10000 ? 2 : 3;
    static const unsigned char heads[] = {0, 0xC0, 0xE0, 0xF0};
    buf_byte(b, (char)(heads[more] | (x >> (6 * more))));
    while (more-- > 0) buf_byte(b, (char)(0x80 | ((x >> (6 * more)) & 0x3F)));
}

static bool hex_read(Str text, int64_t *out) {
    int64_t sum = 0;
    if (text.len == 0 || text.len > 6) return false;
    for (ptrdiff_t i = 0; i < text.len; i++) {
        char x = text.data[i];
        int digit = x >= '0' && x <= '9'   ? x - '0'
                    : x >= 'a' && x <= 'f' ? x - 'a' + 10
                    : x >= 'A' && x <= 'F' ? x - 'A' + 10
                                           : -1;
        if (digit < 0) return false;
        sum = sum * 16 + digit;
    }
    *out = sum;
    return true;
}

static bool entity_code(Str name, int64_t *code) {
    static const struct {
        Str name;
        char byte;
    } named[] = {{S_INIT("amp"), '&'},  {S_INIT("lt"), '<'},    {S_INIT("gt"), '>'},
                 {S_INIT("quot"), '"'}, {S_INIT("apos"), '\''}, {S_INIT("nbsp"), ' '}};
    if (str_starts(name, S("#x")) || str_starts(name, S("#X")))
        return hex_read(str_slice(name, 2, name.len), code);
    if (str_starts(name, S("#"))) return str_to_i64(str_slice(name, 1, name.len), code);
    for (ptrdiff_t i = 0; i < COUNT(named); i++) {
        if (!str_eq(name, named[i].name)) continue;
        *code = named[i].byte;
        return true;
    }
    return false;
}

Str entities_resolve(Arena *arena, Str text) {
    enum { ENTITY_MAX = 10 };
    if (str_find_byte(text, '&') < 0) return text;
    Buf b = buf_new(arena, text.len);
    for (ptrdiff_t i = 0; i < text.len; i++) {
        int64_t code = 0;
        ptrdiff_t end = -1;
        if (text.data[i] == '&') {
            Str near = str_slice(text, i + 1, i + 1 + ENTITY_MAX);
            end = str_find_byte(near, ';');
            if (end >= 0 && !entity_code(str_slice(near, 0, end), &code)) end = -1;
        }
        if (end < 0) {
            buf_byte(&b, text.data[i]);
            continue;
        }
        buf_code_point(&b, code);
        i += end + 1;
    }
    return buf_str(&b);
}
