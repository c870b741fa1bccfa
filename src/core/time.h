/* SPDX-License-Identifier: Apache-2.0
 * Time: microseconds since 1970-01-01T00:00:00Z. A type of its own, so that the compiler refuses to
 * mix it with numbers. Deadlines use the monotonic clock instead: plain int64_t µs, named …_us.
 * The wall clock can be set for tests (TIME_FREEZE). */
#ifndef SOCLE_CORE_TIME_H
#define SOCLE_CORE_TIME_H

#include "core/buf.h"
#include "core/str.h"

typedef struct Time {
    int64_t us;
} Time;

#define TIME_NULL ((Time){INT64_MIN})
#define US_PER_MS ((int64_t)1000)
#define US_PER_SECOND ((int64_t)1000000)
#define US_PER_MINUTE (60 * US_PER_SECOND)
#define US_PER_HOUR (60 * US_PER_MINUTE)
#define US_PER_DAY (24 * US_PER_HOUR)

Time time_now(void);
/* Freeze the wall clock of this process (tests); TIME_NULL lets it run again. */
void time_freeze(Time at);
/* Monotonic clock, µs. */
int64_t mono_us(void);

static inline bool time_is_null(Time t) { return t.us == INT64_MIN; }
static inline Time time_add(Time t, int64_t us) { return (Time){t.us + us}; }

typedef struct Civil {
    int year, month, day, hour, minute, second, micro; /* month 1..12, UTC */
} Civil;
Civil time_civil(Time t);
Time time_from_civil(Civil c);
int time_weekday(Time t); /* 0 = Sunday */

/* RFC 3339 with Z: `2026-11-21T10:00:00Z`, with fractional digits only where they are not zero. */
void buf_time(Buf *b, Time t);
/* The same with exactly three digits of a second, cut off; t is not null. */
void buf_time_ms(Buf *b, Time t);
Str time_str(Arena *arena, Time t);
/* Reads RFC 3339 (any offset, `T` or space, lower case allowed), Meta's `+0000` without colon, a
 * date alone (midnight UTC), and a date-time without offset (taken as UTC). Years 1..9999. */
MUST_USE bool time_parse(Str s, Time *out);
/* HTTP date, RFC 9110 §5.6.7: writes IMF-fixdate, reads IMF-fixdate. */
Str time_http(Arena *arena, Time t);
MUST_USE bool time_parse_http(Str s, Time *out);
/* `7d`, `24h`, `15m`, `30s`, `200ms` to µs. */
MUST_USE bool duration_parse(Str s, int64_t *out_us);

#endif
