/* SPDX-License-Identifier: Apache-2.0
 * One walk over the text, word by word. A word is what stands between white space, quotes,
 * brackets and the signs = : , ; & ? / and |. Each is judged by its look and by the word before
 * it. */
#include "ops/scrub.h"

#include "core/buf.h"
#include "core/id.h"

enum { OPAQUE_MIN = 24, PHONE_DIGITS_MIN = 9, PHONE_BARE_MIN = 10, PHONE_DIGITS_MAX = 15 };

static bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }
static bool is_upper(char byte) { return byte >= 'A' && byte <= 'Z'; }
static bool is_lower(char byte) { return byte >= 'a' && byte <= 'z'; }
static bool is_delimiter(char byte) {
    return (unsigned char)byte <= ' ' || strchr("\"'`()[]{}<>=:,;&?/|\\", byte) != NULL;
}

static bool has_nocase(Str text, Str part) {
    for (ptrdiff_t i = 0; i + part.len <= text.len; i++)
        if (str_eq_nocase(str_slice(text, i, i + part.len), part)) return true;
    return false;
}

bool scrub_name(Str name) {
    static const Str parts[] = {S_INIT("password"),   S_INIT("passwd"),        S_INIT("secret"),
                                S_INIT("token"),      S_INIT("authorization"), S_INIT("cookie"),
                                S_INIT("api_key"),    S_INIT("apikey"),        S_INIT("api-key"),
                                S_INIT("credential"), S_INIT("signature"),     S_INIT("phone"),
                                S_INIT("dsn"),        S_INIT("sentry_key")};
    for (ptrdiff_t i = 0; i < COUNT(parts); i++)
        if (has_nocase(name, parts[i])) return true;
    return false;
}

static bool is_email(Str word) {
    ptrdiff_t at = str_find_byte(word, '@');
    return at > 0 && str_find_byte(str_slice(word, at + 1, word.len), '.') > 0;
}

/* Looks like the output of a generator: long, of mixed kinds, and not a UUID (ours name
 * requests). */
static bool is_opaque(Str part) {
    ptrdiff_t digits = 0, upper = 0, lower = 0;
    if (part.len < OPAQUE_MIN || uuid_valid(part)) return false;
    for (ptrdiff_t i = 0; i < part.len; i++) {
        digits += is_digit(part.data[i]);
        upper += is_upper(part.data[i]);
        lower += is_lower(part.data[i]);
    }
    return digits >= 6 || (digits > 0 && upper > 0 && lower > 0);
}

static bool is_token(Str word) {
    if (str_starts(word, S("sk_")) || str_starts(word, S("sk-"))) return word.len > 6;
    if (str_starts(word, S("eyJ")) && str_find_byte(word, '.') > 0) return true;
    for (Str rest = word, part; rest.data;) {
        rest = str_cut(rest, '.', &part);
        if (is_opaque(part)) return true;
    }
    return false;
}

/* Length of the phone number at the start of the text, 0 if none. Parts of a number may be apart
 * by one sign each when it begins with + or 0: other numbers stand alone. */
static ptrdiff_t phone_length(Str text) {
    bool parted = text.len > 0 && (text.data[0] == '+' || text.data[0] == '0');
    ptrdiff_t i = parted && text.data[0] == '+', digits = 0, end = 0;
    for (; i < text.len; i++) {
        char byte = text.data[i];
        if (is_digit(byte)) {
            digits++;
            end = i + 1;
        } else if (!parted || !strchr(" .-", byte) || i + 1 >= text.len ||
                   !is_digit(text.data[i + 1])) {
            break;
        }
    }
    bool ends = end == text.len || is_delimiter(text.data[end]) || strchr(".!", text.data[end]);
    if (digits > PHONE_DIGITS_MAX || !ends) return 0;
    return digits >= (parted ? PHONE_DIGITS_MIN : PHONE_BARE_MIN) ? end : 0;
}

static Str word_at(Str text, ptrdiff_t i) {
    ptrdiff_t end = i;
    while (end < text.len && !is_delimiter(text.data[end])) end++;
    return str_slice(text, i, end);
}

/* The log-in of a URL (`user:password@`) that begins here, behind `://`; its length, 0 if none. */
static ptrdiff_t login_length(Str text) {
    for (ptrdiff_t i = 0; i < text.len; i++) {
        char byte = text.data[i];
        if (byte == '@') return i + 1;
        if (byte == '/' || byte == '?' || byte == '"' || (unsigned char)byte <= ' ') return 0;
    }
    return 0;
}

static ptrdiff_t query_length(Str text) {
    ptrdiff_t i = 0;
    while (i < text.len && (unsigned char)text.data[i] > ' ' && !strchr("\"'<>)", text.data[i]))
        i++;
    return i;
}

/* What replaces the word, null to keep it. */
static Str word_judge(Str word, bool named_secret) {
    if (named_secret) return S("[secret]");
    if (is_email(word)) return S("[email]");
    if (is_token(word)) return S("[token]");
    return (Str){NULL, 0};
}

typedef struct Walk {
    Buf out;
    bool named;  /* the last word names a secret … */
    bool gives;  /* … and = or : followed it */
    bool scheme; /* the last word was Bearer or Basic */
    bool in_url;
} Walk;

static ptrdiff_t word_take(Walk *w, Str text, ptrdiff_t i) {
    Str rest = str_slice(text, i, text.len), word = word_at(text, i);
    ptrdiff_t phone = phone_length(rest);
    bool scheme = str_eq_nocase(word, S("bearer")) || str_eq_nocase(word, S("basic"));
    Str instead = scheme ? (Str){NULL, 0} : word_judge(word, (w->named && w->gives) || w->scheme);
    w->gives =
        w->named && w->gives && scheme; /* `Authorization: Bearer …`: the secret is yet to come */
    w->named = scheme ? w->gives : scrub_name(word);
    w->scheme = scheme;
    if (!instead.data && phone > 0) {
        buf_add(&w->out, S("[phone]"));
        return phone;
    }
    buf_add(&w->out, instead.data ? instead : word);
    return word.len;
}

static ptrdiff_t sign_take(Walk *w, Str text, ptrdiff_t i) {
    Str rest = str_slice(text, i, text.len);
    char byte = text.data[i];
    if (str_starts(rest, S("://"))) {
        ptrdiff_t login = login_length(str_slice(rest, 3, rest.len));
        buf_add(&w->out, login > 0 ? S("://[login]@") : S("://"));
        w->in_url = true;
        w->named = w->gives = false;
        return 3 + login;
    }
    if (byte == '?' && w->in_url) {
        buf_add(&w->out, S("?[query]"));
        return query_length(rest);
    }
    if ((unsigned char)byte <= ' ' || byte == '"') w->in_url = false;
    if (byte == '=' || byte == ':')
        w->gives = w->named;
    else if (byte != ' ' && byte != '"' && byte != '\'' && byte != '\\')
        w->named = w->gives = false;
    buf_byte(&w->out, byte);
    return 1;
}

Str scrub(Arena *arena, Str text) {
    Walk w = {.out = buf_new(arena, text.len + 16)};
    for (ptrdiff_t i = 0; i < text.len;)
        i += is_delimiter(text.data[i]) ? sign_take(&w, text, i) : word_take(&w, text, i);
    return buf_str(&w.out);
}
