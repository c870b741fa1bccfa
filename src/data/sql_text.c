/* SPDX-License-Identifier: Apache-2.0 */
#include "data/sql_text.h"

static bool is_digit(char ch) { return ch >= '0' && ch <= '9'; }
static bool is_name_start(char ch) {
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_' || (ch & 0x80);
}
static bool is_name(char ch) { return is_name_start(ch) || is_digit(ch); }
static bool is_space(char ch) { return ch == ' ' || (ch >= '\t' && ch <= '\r'); }

static char byte_at(Str s, ptrdiff_t at) { return at >= 0 && at < s.len ? s.data[at] : '\0'; }

/* Behind the closing quote; a doubled quote stands for itself, and with `escapes` (PostgreSQL's
 * E'…') a backslash takes the next byte with it. */
static ptrdiff_t skip_quoted(Str sql, ptrdiff_t at, bool escapes) {
    char quote = sql.data[at++];
    while (at < sql.len) {
        if (escapes && sql.data[at] == '\\') {
            at += 2;
        } else if (sql.data[at] != quote) {
            at++;
        } else if (byte_at(sql, at + 1) == quote) {
            at += 2;
        } else {
            return at + 1;
        }
    }
    return sql.len;
}

static ptrdiff_t skip_line(Str sql, ptrdiff_t at) {
    while (at < sql.len && sql.data[at] != '\n') at++;
    return at;
}

static ptrdiff_t skip_block_comment(Str sql, ptrdiff_t at) {
    for (at += 2; at + 1 < sql.len; at++)
        if (sql.data[at] == '*' && sql.data[at + 1] == '/') return at + 2;
    return sql.len;
}

/* $$…$$ or $tag$…$tag$; `at` itself when this dollar begins none (a parameter, a part of a name).
 */
static ptrdiff_t skip_dollar_quoted(Str sql, ptrdiff_t at) {
    ptrdiff_t end = at + 1;
    if (is_digit(byte_at(sql, end)) || is_name(byte_at(sql, at - 1))) return at;
    while (end < sql.len && is_name(sql.data[end])) end++;
    if (byte_at(sql, end) != '$') return at;
    Str tag = str_slice(sql, at, end + 1);
    ptrdiff_t close = str_find(str_slice(sql, end + 1, sql.len), tag);
    return close < 0 ? sql.len : end + 1 + close + tag.len;
}

ptrdiff_t sql_skip_literal(Str sql, ptrdiff_t at) {
    assert(at >= 0);
    assert(at < sql.len);
    char next = byte_at(sql, at + 1), before = byte_at(sql, at - 1);
    switch (sql.data[at]) {
    case '\'': {
        bool escapes = (before == 'E' || before == 'e') && !is_name(byte_at(sql, at - 2));
        return min_size(skip_quoted(sql, at, escapes), sql.len);
    }
    case '"': return skip_quoted(sql, at, false);
    case '-': return next == '-' ? skip_line(sql, at) : at;
    case '/': return next == '*' ? skip_block_comment(sql, at) : at;
    case '$': return skip_dollar_quoted(sql, at);
    default: return at;
    }
}

/* The next word of code at or after *at, which moves behind it; empty at the end. */
static Str next_word(Str sql, ptrdiff_t *at) {
    while (*at < sql.len) {
        ptrdiff_t past = sql_skip_literal(sql, *at);
        if (past > *at) {
            *at = past;
        } else if (is_name_start(sql.data[*at])) {
            ptrdiff_t from = *at;
            while (*at < sql.len && is_name(sql.data[*at])) ++*at;
            return str_slice(sql, from, *at);
        } else {
            ++*at;
        }
    }
    return S("");
}

static bool is_one_of(Str word, const Str *words, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i++)
        if (str_eq_nocase(word, words[i])) return true;
    return false;
}

bool sql_is_write(Str sql) {
    static const Str reads[] = {S_INIT("SELECT"), S_INIT("VALUES"), S_INIT("EXPLAIN"),
                                S_INIT("SHOW")};
    static const Str writes[] = {S_INIT("INSERT"), S_INIT("UPDATE"), S_INIT("DELETE"),
                                 S_INIT("MERGE")};
    ptrdiff_t at = 0;
    Str word = next_word(sql, &at);
    if (is_one_of(word, reads, COUNT(reads))) return false;
    if (!str_eq_nocase(word, S("WITH"))) return true;
    while ((word = next_word(sql, &at)).len > 0)
        if (is_one_of(word, writes, COUNT(writes))) return true;
    return false;
}

void sql_to_sqlite(char *text, ptrdiff_t len) {
    Str sql = {text, len};
    for (ptrdiff_t at = 0; at < len;) {
        ptrdiff_t past = sql_skip_literal(sql, at);
        if (past > at) {
            at = past;
            continue;
        }
        if (text[at] == '$' && is_digit(byte_at(sql, at + 1)) && !is_name(byte_at(sql, at - 1)))
            text[at] = '?';
        at++;
    }
}

/* Nothing but white space and comments? */
static bool is_blank(Str sql) {
    for (ptrdiff_t at = 0; at < sql.len;) {
        ptrdiff_t past = sql_skip_literal(sql, at);
        bool comment = past > at && (sql.data[at] == '-' || sql.data[at] == '/');
        if (comment) {
            at = past;
        } else if (is_space(sql.data[at])) {
            at++;
        } else {
            return false;
        }
    }
    return true;
}

Str sql_next_statement(Str *rest) {
    while (rest->len > 0) {
        ptrdiff_t at = 0;
        while (at < rest->len && rest->data[at] != ';') {
            ptrdiff_t past = sql_skip_literal(*rest, at);
            at = past > at ? past : at + 1;
        }
        Str statement = str_slice(*rest, 0, at);
        *rest = str_slice(*rest, at + 1, rest->len);
        if (!is_blank(statement)) return str_trim(statement);
    }
    return (Str){NULL, 0};
}
