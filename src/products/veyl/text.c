/* SPDX-License-Identifier: Apache-2.0
 * Names and tokens of captions. See text.h. */
#include "products/veyl/text.h"

#include <utf8proc.h>

enum { NAMES_MAX = 100, NAME_MAX_BYTES = 255 };

/* Accents that stand alone, and the selectors behind emoji. */
static bool is_mark(int32_t code) {
    return (code >= 0x300 && code <= 0x36F) || (code >= 0xFE00 && code <= 0xFE0F);
}

/* A letter, digit or mark of any script, by its Unicode category. */
static bool is_word(int32_t code) {
    if (code < 0x80)
        return (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z') ||
               (code >= '0' && code <= '9');
    switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ND: return true;
    default: return false;
    }
}

Str name_fold(Arena *arena, Str name, char sigil) {
    Str rest = str_trim(name);
    while (rest.len > 0 && rest.data[0] == sigil) rest = str_slice(rest, 1, rest.len);
    rest = str_trim(rest);
    char *to = arena_bytes(arena, rest.len * 2 + 4);
    ptrdiff_t len = 0;
    for (ptrdiff_t at = 0; at < rest.len;) {
        unsigned char byte = (unsigned char)rest.data[at];
        if (byte < 0x80) {
            to[len++] = (char)(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
            at++;
            continue;
        }
        int32_t code = utf8proc_tolower(str_utf8_next(rest, &at));
        len += utf8proc_encode_char(code, (utf8proc_uint8_t *)to + len);
    }
    return str_of(to, len);
}

static void name_add(Arena *arena, StrList *list, Str name, char sigil) {
    if (list->count == NAMES_MAX) return;
    Str folded = name_fold(arena, name, sigil);
    if (folded.len == 0 || folded.len > NAME_MAX_BYTES) return;
    for (ptrdiff_t i = 0; i < list->count; i++)
        if (str_eq(list->items[i], folded)) return;
    list->items[list->count++] = folded;
}

StrList names_fold(Arena *arena, StrList names, char sigil) {
    StrList list = {arena_array(arena, Str, min_size(names.count, NAMES_MAX) + 1), 0};
    for (ptrdiff_t i = 0; i < names.count; i++) name_add(arena, &list, names.items[i], sigil);
    return list;
}

/* How far a tag or user name that starts at `at` goes. */
static ptrdiff_t name_end(Str text, ptrdiff_t at, bool dots) {
    ptrdiff_t end = at;
    while (end < text.len) {
        ptrdiff_t next = end;
        int32_t code = str_utf8_next(text, &next);
        bool inner_dot =
            dots && code == '.' && next < text.len && is_word((unsigned char)text.data[next]);
        if (!is_word(code) && code != '_' && !inner_dot) break;
        end = next;
    }
    return end;
}

/* Not inside a word: mail@example.org and c#minor hold no names. */
static bool starts_name(Str text, ptrdiff_t at) {
    if (at == 0) return true;
    unsigned char before = (unsigned char)text.data[at - 1];
    return before >= 0x80 || !(is_word(before) || before == '_' || before == '/' || before == '&');
}

static bool digits_only(Str name) {
    for (ptrdiff_t i = 0; i < name.len; i++)
        if (name.data[i] < '0' || name.data[i] > '9') return false;
    return true;
}

static StrList names_of(Arena *arena, Str text, char sigil) {
    ptrdiff_t most = 0;
    for (ptrdiff_t i = 0; i < text.len && most < NAMES_MAX; i++) most += text.data[i] == sigil;
    StrList list = {arena_array(arena, Str, most + 1), 0};
    ptrdiff_t behind = -1; /* a name: #one#two are two */
    for (ptrdiff_t at = 0; most > 0 && at < text.len && list.count < most; at++) {
        if (text.data[at] != sigil || (at != behind && !starts_name(text, at))) continue;
        ptrdiff_t end = name_end(text, at + 1, sigil == '@');
        Str name = str_slice(text, at + 1, end);
        if (name.len == 0 || (sigil == '#' && digits_only(name))) continue;
        name_add(arena, &list, name, sigil);
        behind = end;
        at = end - 1;
    }
    return list;
}

StrList hashtags_of(Arena *arena, Str caption) { return names_of(arena, caption, '#'); }
StrList mentions_of(Arena *arena, Str caption) { return names_of(arena, caption, '@'); }

/* -- tokens ----------------------------------------------------------------------------------- */

/* Latin letters without their accents; NULL for what stays as it is. From U+00C0 to U+017F. */
static const char *const unaccented[] = {
    "a", "a", "a",  "a",  "a", "a", "ae", "c",  "e", "e", "e", "e", "i", "i", "i",  "i",
    "d", "n", "o",  "o",  "o", "o", "o",  NULL, "o", "u", "u", "u", "u", "y", "th", "ss",
    "a", "a", "a",  "a",  "a", "a", "ae", "c",  "e", "e", "e", "e", "i", "i", "i",  "i",
    "d", "n", "o",  "o",  "o", "o", "o",  NULL, "o", "u", "u", "u", "u", "y", "th", "y",
    "a", "a", "a",  "a",  "a", "a", "c",  "c",  "c", "c", "c", "c", "c", "c", "d",  "d",
    "d", "d", "e",  "e",  "e", "e", "e",  "e",  "e", "e", "e", "e", "g", "g", "g",  "g",
    "g", "g", "g",  "g",  "h", "h", "h",  "h",  "i", "i", "i", "i", "i", "i", "i",  "i",
    "i", "i", "ij", "ij", "j", "j", "k",  "k",  "k", "l", "l", "l", "l", "l", "l",  "l",
    "l", "l", "l",  "n",  "n", "n", "n",  "n",  "n", "n", "n", "n", "o", "o", "o",  "o",
    "o", "o", "oe", "oe", "r", "r", "r",  "r",  "r", "r", "s", "s", "s", "s", "s",  "s",
    "s", "s", "t",  "t",  "t", "t", "t",  "t",  "u", "u", "u", "u", "u", "u", "u",  "u",
    "u", "u", "u",  "u",  "w", "w", "y",  "y",  "y", "z", "z", "z", "z", "z", "z",  "s",
};
static_assert(COUNT(unaccented) == 0x180 - 0xC0, "one row for each letter");

static void token_put(Token *token, const char *bytes, ptrdiff_t len) {
    if (token->len + len > TOKEN_MAX) return;
    memcpy(token->text + token->len, bytes, (size_t)len);
    token->len += len;
}

static void token_letter(Token *token, int32_t code) {
    if (code < 0x80) {
        char byte = (char)(code >= 'A' && code <= 'Z' ? code + 32 : code);
        token_put(token, &byte, 1);
        return;
    }
    if (is_mark(code)) return;
    token->code = utf8proc_tolower(code);
    const char *plain = code >= 0xC0 && code < 0x180 ? unaccented[code - 0xC0] : NULL;
    if (plain) {
        token_put(token, plain, (ptrdiff_t)strlen(plain));
        return;
    }
    utf8proc_uint8_t bytes[4];
    token_put(token, (char *)bytes, utf8proc_encode_char(token->code, bytes));
}

static bool is_apostrophe(int32_t code) { return code == '\'' || code == 0x2019; }

/* l' d' j' m' t' s' n' c' qu', and words in -que: the French drop a vowel before an apostrophe. */
static bool elides(const Token *token) {
    Str word = str_of(token->text, token->len);
    return word.len == 1 || str_ends(word, S("qu"));
}

/* `don't` becomes `dont`, `l'eau` an elision and a word, `cat's` the word `cat`. */
static bool apostrophe_take(Tokens *tokens, Token *out, ptrdiff_t next) {
    if (elides(out)) {
        tokens->at = next;
        out->kind = TOKEN_ELISION;
        return true;
    }
    ptrdiff_t after = next;
    int32_t code = after < tokens->text.len ? str_utf8_next(tokens->text, &after) : 0;
    if (code == 't' || code == 'T') return false;
    /* The rest of the word (s, m, re, ll) says nothing. */
    while (next < tokens->text.len) {
        after = next;
        if (!is_word(str_utf8_next(tokens->text, &after))) break;
        next = after;
    }
    tokens->at = next;
    return true;
}

static void word_take(Tokens *tokens, Token *out) {
    out->kind = TOKEN_WORD;
    while (tokens->at < tokens->text.len) {
        ptrdiff_t next = tokens->at;
        int32_t code = str_utf8_next(tokens->text, &next);
        if (is_apostrophe(code)) {
            if (apostrophe_take(tokens, out, next)) return;
        } else if (is_word(code)) {
            token_letter(out, code);
        } else {
            return;
        }
        tokens->at = next;
    }
}

/* Addresses and mentions say nothing about language or feeling. */
static bool foreign_skip(Tokens *tokens) {
    Str rest = str_slice(tokens->text, tokens->at, tokens->text.len);
    bool address = str_starts(rest, S("http://")) || str_starts(rest, S("https://")) ||
                   str_starts(rest, S("www."));
    if (!address && rest.data[0] != '@') return false;
    while (tokens->at < tokens->text.len && (unsigned char)tokens->text.data[tokens->at] > ' ')
        tokens->at++;
    return true;
}

bool token_next(Tokens *tokens, Token *out) {
    while (tokens->at < tokens->text.len) {
        if (foreign_skip(tokens)) continue;
        ptrdiff_t next = tokens->at;
        int32_t code = str_utf8_next(tokens->text, &next);
        out->len = 0;
        out->code = 0;
        if (is_word(code) && !is_mark(code)) {
            word_take(tokens, out);
            return true;
        }
        tokens->at = next;
        if (code == '!') {
            out->kind = TOKEN_SHOUT;
        } else if (code == '.' || code == '?' || code == ';' || code == ':' || code == '\n') {
            out->kind = TOKEN_STOP;
        } else if (code >= 0x2190 && code != 0xFE0F && code != 0xFFFD) {
            out->kind = TOKEN_SYMBOL;
            out->code = code;
        } else {
            continue;
        }
        return true;
    }
    return false;
}
