/* SPDX-License-Identifier: Apache-2.0
 * Of the languages that are told apart, those that assistants answer in. */
#include "products/sylion/message_language.h"

#include "search/language.h"

Str message_language(Arena *arena, Str text) {
    static const char *const answered[] = {"fr", "en", "ar"};
    Str found = text_language(arena, text);
    for (ptrdiff_t i = 0; i < COUNT(answered); i++)
        if (str_eq(found, str_c(answered[i]))) return found;
    return (Str){0};
}
