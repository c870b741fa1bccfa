/* SPDX-License-Identifier: Apache-2.0
 * Civil dates by Howard Hinnant's days-from-civil algorithms (chrono-compatible low-level date
 * algorithms, public domain description). */
#include "core/time.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic int64_t frozen = INT64_MIN;

Time time_now(void) {
    int64_t at = atomic_load_explicit(&frozen, memory_order_relaxed);
    if (at != INT64_MIN) return (Time){at};
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (Time){(int64_t)ts.tv_sec * US_PER_SECOND + ts.tv_nsec / 1000};
}

void time_freeze(Time at) { atomic_store(&frozen, at.us); }

int64_t mono_us(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * US_PER_SECOND + ts.tv_nsec / 1000;
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static int64_t days_from_civil(int64_t y, int64_t m, int64_t d) {
    y -= m <= 2;
    int64_t era = floor_div(y, 400), year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

Civil time_civil(Time t) {
    int64_t days = floor_div(t.us, US_PER_DAY), rest = t.us - days * US_PER_DAY;
    int64_t z = days + 719468, era = floor_div(z, 146097), doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    int month = (int)(mp < 10 ? mp + 3 : mp - 9);
    return (Civil){.year = (int)(yoe + era * 400 + (month <= 2)),
                   .month = month,
                   .day = (int)(doy - (153 * mp + 2) / 5 + 1),
                   .hour = (int)(rest / US_PER_HOUR),
                   .minute = (int)(rest / US_PER_MINUTE % 60),
                   .second = (int)(rest / US_PER_SECOND % 60),
                   .micro = (int)(rest % US_PER_SECOND)};
}

Time time_from_civil(Civil c) {
    int64_t days = days_from_civil(c.year, c.month, c.day);
    return (Time){days * US_PER_DAY + c.hour * US_PER_HOUR + c.minute * US_PER_MINUTE +
                  c.second * US_PER_SECOND + c.micro};
}

int time_weekday(Time t) {
    int64_t days = floor_div(t.us, US_PER_DAY);
    return (int)(((days + 4) % 7 + 7) % 7);
}

static void put_digits(char *at, int value, int width) {
    for (int i = width; i-- > 0; value /= 10) at[i] = (char)('0' + value % 10);
}

/* The time with six digits of a second; how many bytes those before the fraction and all are. */
enum { TIME_SECONDS_LEN = 19, TIME_MICROS_LEN = 26 };
static char *time_digits(Buf *b, Time t) {
    Civil c = time_civil(t);
    char *at = buf_reserve(b, 28);
    memcpy(at, "0000-00-00T00:00:00.000000Z", 27);
    put_digits(at, c.year, 4);
    put_digits(at + 5, c.month, 2);
    put_digits(at + 8, c.day, 2);
    put_digits(at + 11, c.hour, 2);
    put_digits(at + 14, c.minute, 2);
    put_digits(at + 17, c.second, 2);
    put_digits(at + 20, c.micro, 6);
    return at;
}

void buf_time(Buf *b, Time t) {
    if (time_is_null(t)) {
        buf_add(b, S("null"));
        return;
    }
    char *at = time_digits(b, t);
    ptrdiff_t length = TIME_MICROS_LEN;
    while (at[length - 1] == '0' && length > TIME_SECONDS_LEN + 1) length--;
    if (length == TIME_SECONDS_LEN + 1) length--; /* no fraction: the point goes too */
    at[length++] = 'Z';
    b->len += length;
}

void buf_time_ms(Buf *b, Time t) {
    assert(!time_is_null(t));
    char *at = time_digits(b, t);
    at[TIME_MICROS_LEN - 3] = 'Z';
    b->len += TIME_MICROS_LEN - 2;
}

Str time_str(Arena *arena, Time t) {
    Buf b = buf_new(arena, 32);
    buf_time(&b, t);
    return buf_str(&b);
}

/* Exactly `width` digits at s[*pos]. */
static bool digits_at(Str s, ptrdiff_t *pos, int width, int *out) {
    int value = 0;
    if (*pos + width > s.len) return false;
    for (int i = 0; i < width; i++) {
        char c = s.data[*pos + i];
        if (c < '0' || c > '9') return false;
        value = value * 10 + (c - '0');
    }
    *pos += width;
    *out = value;
    return true;
}

static bool byte_at(Str s, ptrdiff_t *pos, const char *any) {
    if (*pos >= s.len || !s.data[*pos] || !strchr(any, s.data[*pos])) return false;
    ++*pos;
    return true;
}

static bool civil_valid(Civil c) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (c.year % 4 == 0 && c.year % 100 != 0) || c.year % 400 == 0;
    if (c.year < 1 || c.month < 1 || c.month > 12 || c.day < 1) return false;
    if (c.day > days[c.month - 1] + (c.month == 2 && leap)) return false;
    return c.hour < 24 && c.minute < 60 && c.second <= 60;
}

static bool fraction_at(Str s, ptrdiff_t *pos, int *micro) {
    if (!byte_at(s, pos, ".,")) return true;
    ptrdiff_t from = *pos;
    int value = 0;
    for (; *pos < s.len && s.data[*pos] >= '0' && s.data[*pos] <= '9'; ++*pos)
        if (*pos - from < 6) value = value * 10 + (s.data[*pos] - '0');
    ptrdiff_t count = *pos - from;
    if (count == 0) return false;
    for (; count < 6; count++) value *= 10;
    *micro = value;
    return true;
}

static bool offset_at(Str s, ptrdiff_t *pos, int64_t *offset_us) {
    if (*pos == s.len || byte_at(s, pos, "Zz")) return true;
    int hours, minutes, sign = s.data[*pos] == '-' ? -1 : 1;
    if (!byte_at(s, pos, "+-") || !digits_at(s, pos, 2, &hours)) return false;
    byte_at(s, pos, ":");
    if (!digits_at(s, pos, 2, &minutes) || hours > 23 || minutes > 59) return false;
    *offset_us = sign * (hours * US_PER_HOUR + minutes * US_PER_MINUTE);
    return true;
}

bool time_parse(Str s, Time *out) {
    Civil c = {0};
    ptrdiff_t pos = 0;
    int64_t offset = 0;
    if (!digits_at(s, &pos, 4, &c.year) || !byte_at(s, &pos, "-") || !digits_at(s, &pos, 2, &c.month) ||
        !byte_at(s, &pos, "-") || !digits_at(s, &pos, 2, &c.day))
        return false;
    if (pos < s.len) {
        if (!byte_at(s, &pos, "Tt ") || !digits_at(s, &pos, 2, &c.hour) || !byte_at(s, &pos, ":") ||
            !digits_at(s, &pos, 2, &c.minute))
            return false;
        if (byte_at(s, &pos, ":") && !digits_at(s, &pos, 2, &c.second)) return false;
        if (!fraction_at(s, &pos, &c.micro) || !offset_at(s, &pos, &offset)) return false;
    }
    if (pos != s.len || !civil_valid(c)) return false;
    *out = (Time){time_from_civil(c).us - offset};
    return true;
}

static const char *const weekdays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

Str time_http(Arena *arena, Time t) {
    Civil c = time_civil(t);
    return strf(arena, "%s, %02d %s %04d %02d:%02d:%02d GMT", weekdays[time_weekday(t)], c.day,
                months[c.month - 1], c.year, c.hour, c.minute, c.second);
}

bool time_parse_http(Str s, Time *out) {
    Civil c = {0};
    ptrdiff_t pos = 5;
    if (s.len != 29 || !str_ends(s, S(" GMT")) || s.data[3] != ',' || s.data[4] != ' ') return false;
    if (!digits_at(s, &pos, 2, &c.day) || s.data[pos++] != ' ') return false;
    for (int i = 0; i < 12; i++)
        if (str_eq(str_slice(s, pos, pos + 3), str_c(months[i]))) c.month = i + 1;
    pos += 3;
    if (s.data[pos++] != ' ' || !digits_at(s, &pos, 4, &c.year) || s.data[pos++] != ' ' ||
        !digits_at(s, &pos, 2, &c.hour) || s.data[pos++] != ':' || !digits_at(s, &pos, 2, &c.minute) ||
        s.data[pos++] != ':' || !digits_at(s, &pos, 2, &c.second) || !civil_valid(c))
        return false;
    *out = time_from_civil(c);
    return true;
}

bool duration_parse(Str s, int64_t *out_us) {
    static const struct {
        Str unit;
        int64_t us;
    } units[] = {{S_INIT("ms"), 1000}, {S_INIT("s"), US_PER_SECOND}, {S_INIT("m"), US_PER_MINUTE},
                 {S_INIT("h"), US_PER_HOUR}, {S_INIT("d"), US_PER_DAY}};
    for (ptrdiff_t i = 0; i < COUNT(units); i++) {
        int64_t n;
        if (!str_ends(s, units[i].unit) || !str_to_i64(str_slice(s, 0, s.len - units[i].unit.len), &n)) continue;
        return n >= 0 && !__builtin_mul_overflow(n, units[i].us, out_us);
    }
    return false;
}
