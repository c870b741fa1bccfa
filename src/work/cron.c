/* SPDX-License-Identifier: Apache-2.0
 * Cron expressions as cronie reads them: lists, ranges, steps, names of months and weekdays, @daily
 * and its like. When day and weekday are both restricted, either is enough; a field that begins
 * with a star does not count as restricted.
 *
 * cron_next has two ways. An expression that names hours is a clock on the wall: each local time
 * fires once, the first time it is shown, and a skipped one at the change. One of every hour is
 * a rhythm: it follows real time through every change of clocks. */
#include "work/schedule.h"
#include "work/zone.h"

enum { EVERY_HOUR = (1 << 24) - 1, QUARTER_S = 900, MINUTE_S = 60, DAYS_AHEAD = 9 * 366 };

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
                                          "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

typedef struct CronField {
    int min, max;
    const char *const *names; /* of the values from min on; NULL: none */
} CronField;

static bool field_value(const CronField *f, Str text, int *out) {
    for (int i = 0; f->names && f->names[i]; i++) {
        if (str_eq_nocase(text, str_c(f->names[i]))) {
            *out = f->min + i;
            return true;
        }
    }
    int64_t value;
    if (text.len > 2 || text.len == 0 || text.data[0] < '0' || text.data[0] > '9') return false;
    if (!str_to_i64(text, &value) || value < f->min || value > f->max) return false;
    *out = (int)value;
    return true;
}

/* One member of a list: `*`, `5`, `1-5`, each with `/step`. */
static bool field_item(const CronField *f, Str item, uint64_t *bits) {
    Str range, low, step_text = str_cut(item, '/', &range);
    int from = f->min, to = f->max;
    int64_t step = 1;
    if (!str_is_null(step_text)) {
        if (!str_to_i64(step_text, &step) || step < 1 || step > f->max) return false;
    }
    if (!str_eq(range, S("*"))) {
        Str high = str_cut(range, '-', &low);
        if (!field_value(f, low, &from)) return false;
        if (!str_is_null(high) && !field_value(f, high, &to)) return false;
        if (str_is_null(high) && str_is_null(step_text)) to = from;
        if (to < from) return false;
    }
    for (int64_t i = from; i <= to; i += step) *bits |= (uint64_t)1 << i;
    return true;
}

static bool field_parse(const CronField *f, Str text, uint64_t *bits, bool *any) {
    *bits = 0;
    *any = text.len > 0 && text.data[0] == '*';
    while (!str_is_null(text)) {
        Str item;
        text = str_cut(text, ',', &item);
        if (!field_item(f, item, bits)) return false;
    }
    return *bits != 0;
}

static Str cron_macro(Str text) {
    static const struct {
        Str name, means;
    } macros[] = {
        {S_INIT("@yearly"), S_INIT("0 0 1 1 *")},  {S_INIT("@annually"), S_INIT("0 0 1 1 *")},
        {S_INIT("@monthly"), S_INIT("0 0 1 * *")}, {S_INIT("@weekly"), S_INIT("0 0 * * 0")},
        {S_INIT("@daily"), S_INIT("0 0 * * *")},   {S_INIT("@midnight"), S_INIT("0 0 * * *")},
        {S_INIT("@hourly"), S_INIT("0 * * * *")},
    };
    for (ptrdiff_t i = 0; i < COUNT(macros); i++) {
        if (str_eq_nocase(text, macros[i].name)) return macros[i].means;
    }
    return text;
}

/* The next word and the rest; a null word at the end. */
static Str word_cut(Str text, Str *word) {
    ptrdiff_t from = 0, to;
    while (from < text.len && (text.data[from] == ' ' || text.data[from] == '\t')) from++;
    for (to = from; to < text.len && text.data[to] != ' ' && text.data[to] != '\t';) to++;
    *word = to > from ? str_slice(text, from, to) : (Str){0};
    return str_slice(text, to, text.len);
}

bool cron_parse(Str text, Cron *out) {
    assert(out);
    static const CronField fields[] = {
        {0, 59, NULL}, {0, 23, NULL}, {1, 31, NULL}, {1, 12, month_names}, {0, 7, weekday_names}};
    uint64_t bits[5];
    bool any[5];
    Str word, rest = cron_macro(str_trim(text));
    for (ptrdiff_t i = 0; i < COUNT(fields); i++) {
        rest = word_cut(rest, &word);
        if (str_is_null(word) || !field_parse(&fields[i], word, &bits[i], &any[i])) return false;
    }
    word_cut(rest, &word);
    if (!str_is_null(word)) return false;
    if (bits[4] & 1 << 7) bits[4] |= 1; /* Sunday is 0 and 7 */
    *out = (Cron){.minutes = bits[0],
                  .hours = (uint32_t)bits[1],
                  .days = (uint32_t)bits[2],
                  .months = (uint32_t)bits[3],
                  .weekdays = (uint32_t)bits[4],
                  .any_day = any[2],
                  .any_weekday = any[4]};
    return true;
}

static bool day_matches(const Cron *cron, Time local) {
    Civil day = time_civil(local);
    if (!(cron->months >> day.month & 1)) return false;
    bool in_month = cron->days >> day.day & 1;
    bool in_week = cron->weekdays >> time_weekday(local) & 1;
    return cron->any_day || cron->any_weekday ? in_month && in_week : in_month || in_week;
}

static Time rhythm_next(const Cron *cron, const Zone *zone, Time after) {
    int64_t minute = after.us / US_PER_MINUTE - (after.us % US_PER_MINUTE < 0) + 1;
    int64_t s = minute * MINUTE_S, end = s + (int64_t)DAYS_AHEAD * 86400;
    while (s < end) {
        int64_t local = s + zone_offset_s(zone, (Time){s * US_PER_SECOND});
        if (!day_matches(cron, (Time){local * US_PER_SECOND})) {
            /* By quarters: no change of clocks falls between them. */
            s += QUARTER_S - ((local % QUARTER_S) + QUARTER_S) % QUARTER_S;
            continue;
        }
        int64_t in_hour = ((local % 3600) + 3600) % 3600;
        if (cron->minutes >> (in_hour / MINUTE_S) & 1) return (Time){s * US_PER_SECOND};
        s += MINUTE_S - in_hour % MINUTE_S;
    }
    return TIME_NULL;
}

/* The first firing of one local day after `after`. */
static Time day_next(const Cron *cron, const Zone *zone, Time day, Time after) {
    for (int hour = 0; hour < 24; hour++) {
        if (!(cron->hours >> hour & 1)) continue;
        for (int minute = 0; minute < 60; minute++) {
            if (!(cron->minutes >> minute & 1)) continue;
            Time local = time_add(day, hour * US_PER_HOUR + minute * US_PER_MINUTE);
            Time at = zone_first_instant(zone, local);
            if (at.us > after.us) return at;
        }
    }
    return TIME_NULL;
}

static Time clock_next(const Cron *cron, const Zone *zone, Time after) {
    Civil today = time_civil(time_add(after, zone_offset_s(zone, after) * US_PER_SECOND));
    Time midnight =
        time_from_civil((Civil){.year = today.year, .month = today.month, .day = today.day});
    /* From yesterday on: a skipped time of yesterday may fire today. */
    for (int i = -1; i < DAYS_AHEAD; i++) {
        Time day = time_add(midnight, i * US_PER_DAY);
        if (!day_matches(cron, day)) continue;
        Time at = day_next(cron, zone, day, after);
        if (!time_is_null(at)) return at;
    }
    return TIME_NULL;
}

Time cron_next(const Cron *cron, const char *zone_name, Time after) {
    assert(cron && !time_is_null(after));
    const Zone *zone = zone_find(zone_name);
    if (!zone) return TIME_NULL;
    return cron->hours == EVERY_HOUR ? rhythm_next(cron, zone, after)
                                     : clock_next(cron, zone, after);
}

/* From ever further back, so that a machine that was off for a year does not count its minutes. */
Time cron_latest(const Cron *cron, const char *zone, Time after, Time until) {
    Time first = TIME_NULL;
    for (int64_t back = US_PER_HOUR;; back *= 4) {
        bool all = until.us - after.us <= back;
        first = cron_next(cron, zone, all ? after : time_add(until, -back));
        if (time_is_null(first) || (all && first.us > until.us)) return TIME_NULL;
        if (first.us <= until.us) break;
    }
    for (Time next = first; !time_is_null(next) && next.us <= until.us;) {
        first = next;
        next = cron_next(cron, zone, next);
    }
    return first;
}
