/* SPDX-License-Identifier: Apache-2.0
 * Takes out of a text what must not leave the machine: tokens, keys, passwords, e-mail
 * addresses, phone numbers, log-ins inside URLs and URLs' queries. The second line of defence:
 * nothing of this is to be logged in the first place. It would rather take too much than too
 * little. */
#ifndef SOCLE_OPS_SCRUB_H
#define SOCLE_OPS_SCRUB_H

#include "core/str.h"

/* The text with each secret replaced by what it was: [token], [email], [phone] …; in the arena. */
Str scrub(Arena *arena, Str text);
/* Is the value of a member (header, parameter) of this name secret whatever it looks like? */
bool scrub_name(Str name);

#endif
