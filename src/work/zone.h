/* SPDX-License-Identifier: Apache-2.0
 * Time zones read from the system's tz database (TZif, RFC 9636), without touching TZ or the C
 * library's own zone state: a process with threads may not call tzset. Rules beyond the last listed
 * transition come from the file's footer (POSIX TZ). A zone is read once and kept for ever.
 * Not for: leap seconds (the tables called "right/…"), abbreviations. */
#ifndef SOCLE_WORK_ZONE_H
#define SOCLE_WORK_ZONE_H

#include "core/time.h"

typedef struct Zone Zone;

/* By IANA name ("Europe/Paris"); NULL or "UTC" is UTC. NULL when there is no such zone on this
 * machine. The first call for a name reads a file. From any thread. */
const Zone *zone_find(const char *name);

/* Seconds to add to UTC to get local time at that instant. */
int64_t zone_offset_s(const Zone *zone, Time at);

/* The first instant whose local clock shows `local` (a civil time written as if it were UTC). A
 * local time that a change of clocks skips gives the instant of that change. */
Time zone_first_instant(const Zone *zone, Time local);

/* Decode one TZif file; NULL when malformed. For zone_find, tests and fuzzing. free() it. */
Zone *zone_decode(Str bytes);

#endif
