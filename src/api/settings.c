/* SPDX-License-Identifier: Apache-2.0
 * Settings from .env and the environment into their places. The real environment wins over .env,
 * where an empty variable there also counts. Everything is checked before anything starts. */
#include "api/setting.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

extern char **environ;

enum { ENV_FILE_MAX = 1 << 20 };

/* Names that nobody else uses: one of these without a row is a typing error. */
static const char *const our_prefixes[] = {
    "VEYL_",        "ROBIAN_",       "SYLION_",         "LIFETALES_",     "RATE_LIMIT",
    "CACHE_TTL_",   "WHATSAPP_",     "POMELLI_",        "GAMMA_",         "CORS_",
    "ENABLE_AI_",   "ENABLE_GAMMA_", "ENABLE_POMELLI_", "ENABLE_VERTEX_", "ENABLE_AGENT_",
    "OAUTH_STATE_", "ACCESS_TOKEN_", "REFRESH_TOKEN_",  "SECRET_KEY",     "AI_CHAT_",
    "AI_KE",        "AI_RECORD",     "AI_PRICES",       "EMBED_",
};

typedef struct Tables {
    const Setting *const *tables;
    const ptrdiff_t *counts;
    ptrdiff_t n;
} Tables;

typedef struct Loader {
    Arena *arena;
    Tables all;
    EnvLines file;
    Str *problem;
} Loader;

static const Setting *setting_named(Tables all, Str name) {
    for (ptrdiff_t t = 0; t < all.n; t++)
        for (ptrdiff_t i = 0; i < all.counts[t]; i++)
            if (str_eq(str_c(all.tables[t][i].name), name)) return &all.tables[t][i];
    return NULL;
}

/* -- Unknown names ----------------------------------------------------------------------------- */

static bool ours_by_prefix(Str name) {
    for (ptrdiff_t i = 0; i < COUNT(our_prefixes); i++)
        if (str_starts(name, str_c(our_prefixes[i]))) return true;
    return false;
}

/* Levenshtein distance, at most `most` + 1. */
static int distance(Str a, Str b, int most) {
    enum { LONGEST = 64 };
    int row[LONGEST + 1];
    if (a.len > LONGEST || b.len > LONGEST || a.len - b.len > most || b.len - a.len > most)
        return most + 1;
    for (int k = 0; k <= b.len; k++) row[k] = k;
    for (int i = 1; i <= a.len; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int k = 1; k <= b.len; k++) {
            int change = diagonal + (a.data[i - 1] != b.data[k - 1]);
            diagonal = row[k];
            int shorter = row[k] < row[k - 1] ? row[k] + 1 : row[k - 1] + 1;
            row[k] = change < shorter ? change : shorter;
        }
    }
    return row[b.len];
}

/* The known name that was probably meant; NULL when none is near. Short names are near to
 * anything. */
static const char *meant(Tables all, Str name) {
    enum { NEAR = 2, SHORT = 7 };
    const char *best = NULL;
    int least = NEAR + 1;
    for (ptrdiff_t t = 0; t < all.n; t++) {
        for (ptrdiff_t i = 0; i < all.counts[t]; i++) {
            Str known = str_c(all.tables[t][i].name);
            int far = known.len < SHORT ? least : distance(name, known, NEAR);
            if (far >= least) continue;
            least = far;
            best = all.tables[t][i].name;
        }
    }
    return best;
}

static bool refuse_unknown(Loader *l, Str where, Str name) {
    const char *near = meant(l->all, name);
    *l->problem =
        near
            ? strf(l->arena, "%.*s%.*s: there is no such setting; did you mean %s?", S_ARG(where),
                   S_ARG(name), near)
            : strf(l->arena, "%.*s%.*s: there is no such setting (`socle settings` lists them all)",
                   S_ARG(where), S_ARG(name));
    return false;
}

static bool environment_known(Loader *l) {
    for (char **variable = environ; variable && *variable; variable++) {
        Str name;
        str_cut(str_c(*variable), '=', &name);
        if (ours_by_prefix(name) && !setting_named(l->all, name))
            return refuse_unknown(l, S(""), name);
    }
    return true;
}

/* A .env file may be shared with other programs (compose), so only what looks like ours is
 * refused. */
static bool file_known(Loader *l) {
    for (ptrdiff_t i = 0; i < l->file.count; i++) {
        Str name = l->file.items[i].name;
        if (setting_named(l->all, name) || !(ours_by_prefix(name) || meant(l->all, name))) continue;
        return refuse_unknown(l, strf(l->arena, ".env:%lld: ", (long long)l->file.items[i].line),
                              name);
    }
    return true;
}

/* -- Values ------------------------------------------------------------------------------------ */

static bool bool_parse(Str text, bool *out) {
    static const char *const yes[] = {"on", "true", "yes", "1"}, *const no[] = {"off", "false",
                                                                                "no", "0"};
    for (ptrdiff_t i = 0; i < COUNT(yes); i++) {
        if (str_eq_nocase(text, str_c(yes[i]))) return *out = true;
        if (str_eq_nocase(text, str_c(no[i]))) {
            *out = false;
            return true;
        }
    }
    return false;
}

static Str values_list(Arena *arena, const char *const *values) {
    Buf b = buf_new(arena, 64);
    for (ptrdiff_t i = 0; values[i]; i++) buf_f(&b, "%s%s", i ? ", " : "", values[i]);
    return buf_str(&b);
}

static bool refuse(Loader *l, const Setting *s, Str value, Str expected) {
    *l->problem = strf(l->arena, "%s=%.*s: %.*s", s->name, S_ARG(s->secret ? S("***") : value),
                       S_ARG(expected));
    return false;
}

static Str int_expected(Arena *arena, const Setting *s) {
    const char *unit = s->unit ? s->unit : "", *space = s->unit ? " " : "";
    if (s->min == 0 && s->max == 0)
        return strf(arena, "expected a whole number%s%s", *unit ? " of " : "", unit);
    return strf(arena, "expected a whole number from %lld to %lld%s%s", (long long)s->min,
                (long long)s->max, space, unit);
}

static bool value_put(Loader *l, const Setting *s, Str text) {
    int64_t number = 0;
    switch (s->kind) {
    case SETTING_BOOL:
        if (bool_parse(text, s->value)) return true;
        return refuse(l, s, text, S("expected on or off"));
    case SETTING_INT:
        if (!str_to_i64(text, &number) ||
            ((s->min || s->max) && (number < s->min || number > s->max)))
            return refuse(l, s, text, int_expected(l->arena, s));
        *(int64_t *)s->value = number;
        return true;
    case SETTING_STR:
        if (!str_utf8_valid(text)) return refuse(l, s, S("…"), S("it is not UTF-8"));
        *(Str *)s->value = str_copy(l->arena, text);
        for (ptrdiff_t i = 0; s->values; i++) {
            if (!s->values[i])
                return refuse(l, s, text,
                              strf(l->arena, "expected one of: %.*s",
                                   S_ARG(values_list(l->arena, s->values))));
            if (str_eq(text, str_c(s->values[i]))) break;
        }
        return true;
    }
    return false;
}

static Str value_given(const Loader *l, const char *name) {
    const char *value = getenv(name);
    if (value) return str_c(value);
    for (ptrdiff_t i = l->file.count; i-- > 0;) /* the last line wins, as in a shell */
        if (str_eq(l->file.items[i].name, str_c(name))) return l->file.items[i].value;
    return (Str){0};
}

static bool setting_fill(Loader *l, const Setting *s) {
    Str given = value_given(l, s->name);
    bool empty = given.len == 0;
    if (empty && (!given.data || s->kind != SETTING_STR || s->values)) given = str_c(s->usual);
    if (given.data) return value_put(l, s, given);
    if (s->kind == SETTING_STR)
        *(Str *)s->value = S("");
    else if (s->kind == SETTING_INT)
        *(int64_t *)s->value = 0;
    else
        *(bool *)s->value = false;
    return true;
}

/* -- Loading ----------------------------------------------------------------------------------- */

static bool file_read(Loader *l) {
    int fd = open(".env", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        if (errno == ENOENT) return true;
        *l->problem = strf(l->arena, ".env: it cannot be read: %s", strerror(errno));
        return false;
    }
    char *text = arena_bytes(l->arena, ENV_FILE_MAX);
    ptrdiff_t len = 0;
    ssize_t n = 1;
    while (n > 0 && len < ENV_FILE_MAX) {
        n = read(fd, text + len, (size_t)(ENV_FILE_MAX - len));
        if (n > 0) len += n;
    }
    int failed = n < 0 ? errno : 0;
    close(fd);
    if (failed)
        *l->problem = strf(l->arena, ".env: it cannot be read: %s", strerror(failed));
    else if (len == ENV_FILE_MAX)
        *l->problem = strf(l->arena, ".env: it is larger than %d bytes", ENV_FILE_MAX);
    else
        return env_parse(l->arena, str_of(text, len), &l->file, l->problem);
    return false;
}

static bool each_filled(Loader *l) {
    for (ptrdiff_t t = 0; t < l->all.n; t++)
        for (ptrdiff_t i = 0; i < l->all.counts[t]; i++)
            if (!setting_fill(l, &l->all.tables[t][i])) return false;
    return true;
}

static bool each_settled(Loader *l) {
    for (ptrdiff_t t = 0; t < l->all.n; t++) {
        for (ptrdiff_t i = 0; i < l->all.counts[t]; i++) {
            const Setting *s = &l->all.tables[t][i];
            Str wrong = s->settle ? s->settle(l->arena) : (Str){0};
            if (!wrong.data) continue;
            *l->problem = strf(l->arena, "%s: %.*s", s->name, S_ARG(wrong));
            return false;
        }
    }
    return true;
}

bool settings_load(Arena *arena, const Setting *const *tables, const ptrdiff_t *counts, ptrdiff_t n,
                   Str *problem) {
    assert(arena && problem);
    Loader l = {.arena = arena, .all = {tables, counts, n}, .problem = problem};
    *problem = (Str){0};
    return file_read(&l) && file_known(&l) && environment_known(&l) && each_filled(&l) &&
           each_settled(&l);
}

/* -- Printing ---------------------------------------------------------------------------------- */

static void cell(Buf *b, const char *text) {
    for (; text && *text; text++) {
        if (*text == '|') buf_byte(b, '\\');
        buf_byte(b, *text == '\n' ? ' ' : *text);
    }
}

static void cell_value(Buf *b, const Setting *s) {
    switch (s->kind) {
    case SETTING_BOOL: buf_add(b, *(const bool *)s->value ? S("`on`") : S("`off`")); break;
    case SETTING_INT: buf_f(b, "`%lld`", (long long)*(const int64_t *)s->value); break;
    case SETTING_STR: {
        Str text = *(const Str *)s->value;
        if (text.len == 0) break;
        buf_byte(b, '`');
        cell(b, s->secret ? "***" : str_cstr(b->arena, text));
        buf_byte(b, '`');
        break;
    }
    }
}

static void cell_takes(Buf *b, const Setting *s) {
    if (s->kind == SETTING_BOOL)
        buf_add(b, S("on, off"));
    else if (s->values)
        cell(b, str_cstr(b->arena, values_list(b->arena, s->values)));
    else if (s->kind == SETTING_STR)
        buf_add(b, s->secret ? S("secret text") : S("text"));
    else if (s->min || s->max)
        buf_f(b, "%lld..%lld", (long long)s->min, (long long)s->max);
    else
        buf_add(b, S("number"));
    if (s->unit) {
        buf_byte(b, ' ');
        cell(b, s->unit);
    }
}

void settings_print(Buf *b, const Setting *const *tables, const ptrdiff_t *counts, ptrdiff_t n,
                    bool values) {
    Tables all = {tables, counts, n};
    buf_f(b, "| Setting | Takes | Default |%s What it does |\n", values ? " Now |" : "");
    buf_f(b, "|---|---|---|%s---|\n", values ? "---|" : "");
    for (ptrdiff_t t = 0; t < n; t++) {
        for (ptrdiff_t i = 0; i < counts[t]; i++) {
            const Setting *s = &tables[t][i];
            if (setting_named(all, str_c(s->name)) != s) continue; /* declared again elsewhere */
            buf_f(b, "| `%s` | ", s->name);
            cell_takes(b, s);
            buf_f(b, " | %s", s->usual && *s->usual ? "`" : "");
            cell(b, s->usual);
            buf_f(b, "%s | ", s->usual && *s->usual ? "`" : "");
            if (values) {
                cell_value(b, s);
                buf_add(b, S(" | "));
            }
            cell(b, s->doc);
            buf_add(b, S(" |\n"));
        }
    }
}
