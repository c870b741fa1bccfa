/* SPDX-License-Identifier: Apache-2.0
 * Settings: environment variables (after a .env file in the working directory), declared in tables
 * by whoever uses them. Unknown names with our prefixes and malformed values stop the start with
 * one line.
 *
 *   typedef struct VeylSettings { int64_t trend_days; Str model; bool clusters; } VeylSettings;
 *   static VeylSettings veyl;   (filled once before anything starts, read-only afterwards)
 *   static const Setting veyl_settings[] = {
 *       SETTING("VEYL_TREND_DAYS", veyl.trend_days, .usual = "7", .min = 1, .max = 90,
 *               .unit = "days", .doc = "…"),
 *   };
 *
 * Two tables may declare the same name; both places are filled. */
#ifndef SOCLE_API_SETTING_H
#define SOCLE_API_SETTING_H

#include "core/err.h"
#include "core/str.h"

typedef enum SettingKind { SETTING_BOOL, SETTING_INT, SETTING_STR } SettingKind;

typedef struct Setting {
    const char *name;
    SettingKind kind;
    void *value;
    const char *usual; /* text of the default; NULL: false, 0, empty */
    int64_t min, max;  /* both 0: no limit */
    const char *const *values;
    bool secret;
    const char *unit, *doc;
    /* Called when all settings are read: fills in what depends on others, or refuses (a null Str is
     * good, else what is wrong with this setting). */
    Str (*settle)(Arena *arena);
} Setting;

#define SETTING(variable, ...) \
    SETTING_MADE(variable, __VA_ARGS__, ) /* attributes may be left out */
#define SETTING_MADE(variable, place, ...)       \
    {                                            \
        .name = (variable),                      \
        .kind = _Generic((place), bool           \
                         : SETTING_BOOL, int64_t \
                         : SETTING_INT, Str      \
                         : SETTING_STR),         \
        .value = &(place), __VA_ARGS__           \
    }

/* Fill all settings from .env and the environment; texts live in the arena. An empty number or
 * switch counts as not given. On failure *problem is the one line to print. */
MUST_USE bool settings_load(Arena *arena, const Setting *const *tables, const ptrdiff_t *counts,
                            ptrdiff_t n, Str *problem);
/* The table as Markdown, with present values (secrets masked) when `values`. */
void settings_print(Buf *b, const Setting *const *tables, const ptrdiff_t *counts, ptrdiff_t n,
                    bool values);

/* The .env file: NAME=value lines, `export` allowed, # comments, 'as it is' and "with \n \t \" \\
 * \$" quotes. False with *problem for a line that is none of these. */
typedef struct EnvLine {
    Str name, value;
    int64_t line;
} EnvLine;
typedef struct EnvLines {
    EnvLine *items;
    ptrdiff_t count;
} EnvLines;
MUST_USE bool env_parse(Arena *arena, Str text, EnvLines *out, Str *problem);

#endif
