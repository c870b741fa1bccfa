/* SPDX-License-Identifier: Apache-2.0
 * Which language a text is in, and which of its words say nothing. Pure, from any thread. */
#ifndef SOCLE_SEARCH_LANGUAGE_H
#define SOCLE_SEARCH_LANGUAGE_H

#include "core/arena.h"
#include "core/str.h"

/* fr or en by their small words; ar, zh, ja, ko, ru, el, he, th, hi by their letters. One sign is
 * enough; null where there is none, or as many of both ("ok", "12"). */
Str text_language(Arena *arena, Str text);

/* A word (folded) that is in every text of its language (fr, en, ar) and says nothing about it. */
bool word_is_stop(Str word);

#endif
