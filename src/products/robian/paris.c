/* SPDX-License-Identifier: Apache-2.0
 * Days and instants of the Assembly's clocks. */
#include "products/robian/paris.h"

const Zone *paris(void) { return zone_find("Europe/Paris"); }

Civil paris_civil(Time at) {
    assert(!time_is_null(at));
    return time_civil(time_add(at, zone_offset_s(paris(), at) * US_PER_SECOND));
}

Str paris_day_text(Arena *arena, Time at) {
    Civil day = paris_civil(at);
    return strf(arena, "%04d-%02d-%02d", day.year, day.month, day.day);
}

static bool is_day(Str text) {
    if (text.len != 10) return false;
    for (ptrdiff_t i = 0; i < text.len; i++) {
        bool dash = i == 4 || i == 7, digit = text.data[i] >= '0' && text.data[i] <= '9';
        if (dash ? text.data[i] != '-' : !digit) return false;
    }
    return true;
}

bool paris_day(Str text, int64_t days, Time *first) {
    Time local;
    if (!is_day(text) || !time_parse(text, &local)) return false;
    *first = zone_first_instant(paris(), time_add(local, days * US_PER_DAY));
    return true;
}

bool paris_time(Str text, bool last, Time *out) {
    if (!is_day(text)) return time_parse(text, out);
    if (!paris_day(text, last ? 1 : 0, out)) return false;
    if (last) out->us--;
    return true;
}
