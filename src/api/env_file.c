/* SPDX-License-Identifier: Apache-2.0
 * Reads the text of a .env file. What is in it is data: nothing is run, nothing is substituted. */
#include "api/setting.h"

static bool name_byte(char b, bool first) {
    return (b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z') || b == '_' ||
           (!first && b >= '0' && b <= '9');
}

static bool name_ok(Str name) {
    for (ptrdiff_t i = 0; i < name.len; i++)
        if (!name_byte(name.data[i], i == 0)) return false;
    return name.len > 0;
}

static char unescaped(char b) {
    switch (b) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return b;
    }
}

/* What stands between the quotes at the start of *rest; moves behind them. Null Str if they never
 * close. */
static Str quoted(Arena *arena, Str *rest) {
    char quote = rest->data[0];
    char *to = arena_bytes(arena, rest->len + 1);
    ptrdiff_t n = 0, i = 1;
    for (; i < rest->len && rest->data[i] != quote; i++) {
        bool escape = quote == '"' && rest->data[i] == '\\' && i + 1 < rest->len;
        if (escape) i++;
        to[n++] = escape ? unescaped(rest->data[i]) : rest->data[i];
    }
    if (i >= rest->len) return (Str){0};
    to[n] = 0;
    *rest = str_slice(*rest, i + 1, rest->len);
    return str_of(to, n);
}

/* A value without quotes ends at a # that follows white space. */
static Str bare(Str rest) {
    for (ptrdiff_t i = 0; i < rest.len; i++)
        if (rest.data[i] == '#' && (i == 0 || rest.data[i - 1] == ' ' || rest.data[i - 1] == '\t'))
            return str_trim(str_slice(rest, 0, i));
    return str_trim(rest);
}

/* What is wrong with the line, or null. */
static const char *line_parse(Arena *arena, Str line, EnvLine *out) {
    if (str_starts(line, S("export "))) line = str_trim(str_slice(line, 7, line.len));
    Str rest = str_cut(line, '=', &out->name);
    out->name = str_trim(out->name);
    if (!rest.data) return "is not NAME=value";
    if (!name_ok(out->name)) return "has no proper name before its =";
    rest = str_trim(rest);
    if (rest.len == 0 || (rest.data[0] != '"' && rest.data[0] != '\'')) {
        out->value = bare(rest);
        return NULL;
    }
    out->value = quoted(arena, &rest);
    if (!out->value.data) return "has a quote that is never closed";
    rest = str_trim(rest);
    return rest.len == 0 || rest.data[0] == '#' ? NULL : "has something behind its closing quote";
}

bool env_parse(Arena *arena, Str text, EnvLines *out, Str *problem) {
    enum { LINES_MAX = 10000 };
    *out = (EnvLines){0};
    ptrdiff_t cap = 0, size = (ptrdiff_t)sizeof(EnvLine);
    if (str_starts(text, S("\xEF\xBB\xBF"))) text = str_slice(text, 3, text.len);
    if (!str_utf8_valid(text) || str_find_byte(text, 0) >= 0) {
        *problem = S(".env: it is not UTF-8 text");
        return false;
    }
    int64_t number = 0;
    for (Str rest = text, line; rest.data && number < LINES_MAX;) {
        rest = str_cut(rest, '\n', &line);
        number++;
        line = str_trim(line);
        if (line.len == 0 || line.data[0] == '#') continue;
        if (out->count == cap) {
            ptrdiff_t more = cap ? cap * 2 : 32;
            out->items = arena_grow(arena, out->items, cap * size, more * size);
            cap = more;
        }
        EnvLine *item = &out->items[out->count++];
        *item = (EnvLine){.line = number};
        const char *why = line_parse(arena, line, item);
        if (!why) continue;
        *problem = strf(arena, ".env:%lld: the line %s", (long long)number, why);
        return false;
    }
    return true;
}
