/* SPDX-License-Identifier: Apache-2.0
 * Phone numbers: E.164 as it is stored (`+33612345678`), made of what people, providers and
 * spreadsheets write, and masked for logs. Not for finding out whether a number is in use, nor for
 * national numbers without their country. */
#ifndef SOCLE_SYLION_PHONE_H
#define SOCLE_SYLION_PHONE_H

#include "core/str.h"

/* One `+` and 7 to 15 digits, the first not 0. Blanks, hyphens, dots, slashes, brackets and
 * marks of writing direction are left out, a leading `00` is a `+`, `(0)` behind the country's
 * code is nobody's digit, and so are `tel:` and `whatsapp:` before it; Arabic and Persian
 * digits are digits. Without any + the digits are taken as those of a wa_id. Null for anything
 * else. */
Str phone_normalise(Arena *arena, Str text);
/* `+*********78`: as long, all but the last two hidden. For any text, also such as is no number. */
Str phone_mask(Arena *arena, Str phone);

#endif
