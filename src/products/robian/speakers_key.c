/* SPDX-License-Identifier: Apache-2.0
 * Names of people as they are compared. */
#include "products/robian/speakers.h"

#include "core/buf.h"
#include "search/text.h"

enum { NAME_MAX_BYTES = 500 };

static const char *const civilities[] = {"m",      "mm",       "mme",       "mmes",
                                         "mlle",   "mlles",    "dr",        "monsieur",
                                         "madame", "mesdames", "messieurs", NULL};
static const char *const articles[] = {"le", "la", "les", "l", NULL};
/* Words of offices; only looked for behind an article. */
static const char *const offices[] = {
    "president", "presidente",  "vice",     "rapporteur", "rapporteure",  "rapporteuse",
    "general",   "generale",    "ministre", "premier",    "premiere",     "delegue",
    "deleguee",  "secretaire",  "d",        "etat",       "garde",        "des",
    "sceaux",    "depute",      "deputee",  "senateur",   "senatrice",    "questeur",
    "questeure", "commissaire", "orateur",  "oratrice",   "gouvernement", "du",
    "doyen",     "doyenne",     "age",      NULL};

static bool listed(const char *const *list, Str word) {
    for (; *list; list++)
        if (str_eq(str_c(*list), word)) return true;
    return false;
}

/* What stands before the first comma or bracket. */
static Str name_alone(Str name) {
    for (ptrdiff_t i = 0; i < name.len; i++)
        if (name.data[i] == ',' || name.data[i] == '(' || name.data[i] == '[')
            return str_slice(name, 0, i);
    return name;
}

Str speaker_key(Arena *arena, Str name) {
    Words words = {.arena = arena};
    words_add(&words, name_alone(str_utf8_cut(name, NAME_MAX_BYTES)));
    ptrdiff_t from = 0, count = words.count;
    while (from < count && listed(civilities, words.items[from].text)) from++;
    if (from < count && listed(articles, words.items[from].text)) {
        ptrdiff_t office = from + 1, behind = office;
        while (behind < count && listed(offices, words.items[behind].text)) behind++;
        if (behind > office) from = behind < count ? behind : office;
    }
    Buf b = buf_new(arena, name.len + 1);
    for (ptrdiff_t i = from; i < count; i++) {
        if (i > from) buf_byte(&b, ' ');
        buf_add(&b, words.items[i].text);
    }
    return buf_str(&b);
}
