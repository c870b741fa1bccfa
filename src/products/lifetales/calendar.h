/* SPDX-License-Identifier: Apache-2.0
 * Calendar: days as people name them, French, English and Arabic. Pure. */
#ifndef SOCLE_LIFETALES_CALENDAR_H
#define SOCLE_LIFETALES_CALENDAR_H

#include "products/lifetales/plan.h"

/* Of a folded word; months also by their usual abbreviations. 1..12, 0: none. 0 Sunday, -1: none. */
int calendar_month(Str word);
int calendar_weekday(Str word);
/* Months whose names are other words too: may, march, mars, sept, jan … */
bool calendar_month_doubtful(Str word);

/* Days since 1970 and back, of the proleptic Gregorian calendar. */
int64_t calendar_day(int year, int month, int day);
Civil calendar_civil(int64_t day);
/* What the clock of that zone shows; a zone of NULL is UTC. */
Civil calendar_local(Time at, const Zone *zone);
int64_t calendar_local_day(Time at, const Zone *zone);

#endif
