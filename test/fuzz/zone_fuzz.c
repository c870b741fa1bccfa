/* SPDX-License-Identifier: Apache-2.0
 * Time zone files and cron expressions. A first byte 'Z': the rest is a TZif file, and whatever is
 * taken must answer for any instant. Else: the rest is an expression; one that is taken fires later
 * than asked, on a minute, and the next firing is later still. */
#include "work/schedule.h"
#include "work/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void zone_ask(Str bytes) {
    Zone *zone = zone_decode(bytes);
    if (!zone) return;
    for (int64_t year = -200; year < 400; year += 7) {
        Time at = {year * 365 * US_PER_DAY};
        int64_t offset = zone_offset_s(zone, at);
        assert(offset > -26 * 3600 && offset < 26 * 3600);
        int64_t moved = zone_first_instant(zone, at).us - at.us;
        assert(moved > -53 * US_PER_HOUR && moved < 53 * US_PER_HOUR);
    }
    free(zone);
}

static void cron_ask(Str text) {
    Cron cron;
    if (!cron_parse(text, &cron)) return;
    Time at = {1767225599 * US_PER_SECOND};
    for (int i = 0; i < 3 && !time_is_null(at); i++) {
        Time next = cron_next(&cron, NULL, at);
        assert(time_is_null(next) || (next.us > at.us && next.us % US_PER_MINUTE == 0));
        at = next;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1 || size > 64 * 1024) return 0;
    Str rest = str_of((const char *)data + 1, (ptrdiff_t)size - 1);
    if (data[0] == 'Z')
        zone_ask(rest);
    else
        cron_ask(rest);
    return 0;
}
