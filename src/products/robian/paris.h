/* SPDX-License-Identifier: Apache-2.0
 * The Assembly's clocks: Europe/Paris, with its changes of clocks. A day is what they show. */
#ifndef SOCLE_ROBIAN_PARIS_H
#define SOCLE_ROBIAN_PARIS_H

#include "core/err.h"
#include "core/time.h"
#include "work/zone.h"

/* NULL where this machine has no tz database: then robian does not start. */
const Zone *paris(void);

/* What the clocks show at that instant. */
Civil paris_civil(Time at);
Str paris_day_text(Arena *arena, Time at); /* 2026-11-21 */

/* The first instant of `2026-11-21`, and of the day `days` after it; false for what is no day. */
MUST_USE bool paris_day(Str text, int64_t days, Time *first);
/* A day, or RFC 3339. Of a day its first instant; last: its last microsecond. */
MUST_USE bool paris_time(Str text, bool last, Time *out);
#define DATE_EXPECTED "is neither a day (2026-03-29) nor a date-time (RFC 3339)"

#endif
