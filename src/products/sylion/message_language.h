/* SPDX-License-Identifier: Apache-2.0
 * The language of a message or a passage. Pure. */
#ifndef SOCLE_SYLION_MESSAGE_LANGUAGE_H
#define SOCLE_SYLION_MESSAGE_LANGUAGE_H

#include "core/arena.h"
#include "core/str.h"

/* fr, en or ar by script and common words; null when it cannot be told ("ok", "12"). */
Str message_language(Arena *arena, Str text);

#endif
