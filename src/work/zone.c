/* SPDX-License-Identifier: Apache-2.0
 * TZif, version 1 to 4: a header with six counts, a block of 32-bit data, and from version 2 on the
 * same again in 64 bits and a footer "\nCET-1CEST,M3.5.0,M10.5.0/3\n". Only the wider block is
 * used.
 *
 * Every length is checked before it is used: the file is the system's, but a broken one must end in
 * "no such zone", not in a read beyond its end. */
#include "work/zone.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "core/map.h"

enum {
    ZONE_FILE_MAX = 256 * 1024,
    ZONE_NAME_MAX = 64,
    DAY_S = 86400,
    RULE_HOURS_MAX = 167,
    OFFSET_HOURS_MAX = 24
};

/* One end of the summer-time rule: Mm.w.d, Jn (1..365, never 29 February) or n (0..365). */
typedef struct RuleDay {
    enum { RULE_MONTH, RULE_JULIAN, RULE_ORDINAL } kind;
    int month, week, weekday, day;
    int64_t at_s; /* local seconds of that day; may be negative or over 24 h */
} RuleDay;

typedef struct Rule {
    bool there, summer;
    int64_t usual_s, summer_s;
    RuleDay begin, end;
} Rule;

struct Zone {
    int64_t count;         /* of transitions, in rising order */
    int64_t first_s;       /* offset before the first */
    Rule rule;             /* after the last */
    const int64_t *when;   /* count instants, seconds */
    const int32_t *offset; /* count offsets, each valid from its instant on */
};

static const Zone utc = {0};

/* -- the footer ------------------------------------------------------------------------------- */

static bool rule_number(Str *s, int max, int *out) {
    int value = 0;
    ptrdiff_t i = 0;
    for (; i < s->len && s->data[i] >= '0' && s->data[i] <= '9'; i++) {
        value = value * 10 + (s->data[i] - '0');
        if (value > max) return false;
    }
    *s = str_slice(*s, i, s->len);
    *out = value;
    return i > 0;
}

static bool rule_byte(Str *s, char byte) {
    if (s->len == 0 || s->data[0] != byte) return false;
    *s = str_slice(*s, 1, s->len);
    return true;
}

/* [+-]hh[:mm[:ss]] */
static bool rule_time(Str *s, int hours_max, int64_t *seconds) {
    int sign = rule_byte(s, '-') ? -1 : 1, h, m = 0, sec = 0;
    if (sign > 0) rule_byte(s, '+');
    if (!rule_number(s, hours_max, &h)) return false;
    if (rule_byte(s, ':') && !rule_number(s, 59, &m)) return false;
    if (rule_byte(s, ':') && !rule_number(s, 59, &sec)) return false;
    *seconds = sign * ((int64_t)h * 3600 + m * 60 + sec);
    return true;
}

static bool rule_name(Str *s) {
    ptrdiff_t i = 0;
    if (rule_byte(s, '<')) {
        i = str_find_byte(*s, '>');
        if (i < 0) return false;
        *s = str_slice(*s, i + 1, s->len);
        return true;
    }
    while (i < s->len && ((s->data[i] | 32) >= 'a' && (s->data[i] | 32) <= 'z')) i++;
    *s = str_slice(*s, i, s->len);
    return i >= 3;
}

static bool rule_day(Str *s, RuleDay *day) {
    *day = (RuleDay){.kind = RULE_ORDINAL, .at_s = 2 * 3600};
    if (!rule_byte(s, ',')) return false;
    if (rule_byte(s, 'M')) {
        day->kind = RULE_MONTH;
        if (!rule_number(s, 12, &day->month) || day->month < 1 || !rule_byte(s, '.')) return false;
        if (!rule_number(s, 5, &day->week) || day->week < 1 || !rule_byte(s, '.')) return false;
        if (!rule_number(s, 6, &day->weekday)) return false;
    } else {
        if (rule_byte(s, 'J')) day->kind = RULE_JULIAN;
        if (!rule_number(s, 365, &day->day)) return false;
        if (day->kind == RULE_JULIAN && day->day < 1) return false;
    }
    return !rule_byte(s, '/') || rule_time(s, RULE_HOURS_MAX, &day->at_s);
}

static bool rule_parse(Str s, Rule *out) {
    Rule r = {.there = true};
    int64_t west;
    if (!rule_name(&s) || !rule_time(&s, OFFSET_HOURS_MAX, &west)) return false;
    r.usual_s = -west;
    if (s.len > 0) {
        r.summer = true;
        r.summer_s = r.usual_s + 3600;
        if (!rule_name(&s)) return false;
        if (s.len > 0 && s.data[0] != ',') {
            if (!rule_time(&s, OFFSET_HOURS_MAX, &west)) return false;
            r.summer_s = -west;
        }
        if (!rule_day(&s, &r.begin) || !rule_day(&s, &r.end) || s.len > 0) return false;
    }
    *out = r;
    return true;
}

/* Local seconds since 1970 of the rule's day in that year. */
static int64_t rule_local_s(const RuleDay *d, int year) {
    Time january = time_from_civil((Civil){.year = year, .month = 1, .day = 1});
    int64_t start = january.us / US_PER_SECOND;
    if (d->kind == RULE_ORDINAL) return start + (int64_t)d->day * DAY_S + d->at_s;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (d->kind == RULE_JULIAN) {
        return start + (int64_t)(d->day - 1 + (leap && d->day >= 60)) * DAY_S + d->at_s;
    }
    Time first = time_from_civil((Civil){.year = year, .month = d->month, .day = 1});
    int day = 1 + (d->weekday - time_weekday(first) + 7) % 7 + (d->week - 1) * 7;
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int length = lengths[d->month - 1] + (d->month == 2 && leap);
    while (day > length) day -= 7; /* week 5 is the last one */
    return first.us / US_PER_SECOND + (int64_t)(day - 1) * DAY_S + d->at_s;
}

static int64_t rule_offset_s(const Rule *r, int64_t at) {
    if (!r->summer) return r->usual_s;
    int year = time_civil((Time){(at + r->usual_s) * US_PER_SECOND}).year;
    int64_t begin = rule_local_s(&r->begin, year) - r->usual_s;
    int64_t end = rule_local_s(&r->end, year) - r->summer_s;
    bool summer = begin < end ? at >= begin && at < end : at >= begin || at < end;
    return summer ? r->summer_s : r->usual_s;
}

/* -- the file --------------------------------------------------------------------------------- */

static int64_t big_endian(const char *at, int bytes) {
    uint64_t v = (at[0] & 0x80) ? UINT64_MAX : 0;
    for (int i = 0; i < bytes; i++) v = v << 8 | (unsigned char)at[i];
    return (int64_t)v;
}

typedef struct Counts {
    int64_t utc, standard, leaps, times, types, chars;
} Counts;

enum { TZIF_HEADER = 44 };

static bool header_read(Str bytes, Counts *n, int *version) {
    if (bytes.len < TZIF_HEADER || memcmp(bytes.data, "TZif", 4) != 0) return false;
    *version = bytes.data[4] == 0 ? 1 : bytes.data[4] - '0';
    int64_t v[6];
    for (int i = 0; i < 6; i++) {
        v[i] = big_endian(bytes.data + 20 + 4 * i, 4);
        if (v[i] < 0 || v[i] > ZONE_FILE_MAX) return false;
    }
    *n = (Counts){v[0], v[1], v[2], v[3], v[4], v[5]};
    return n->types >= 1 && n->types <= 256;
}

static ptrdiff_t block_size(const Counts *n, int width) {
    return n->times * width + n->times + n->types * 6 + n->chars + n->leaps * (width + 4) +
           n->standard + n->utc;
}

static bool offset_sound(int64_t s) { return s > -26 * 3600 && s < 26 * 3600; }

/* One allocation: the Zone, its instants, its offsets. */
static Zone *block_read(const char *block, const Counts *n, int width) {
    size_t instants = (size_t)n->times * sizeof(int64_t);
    Zone *z = calloc(1, sizeof *z + instants + (size_t)n->times * sizeof(int32_t));
    if (!z) abort();
    int64_t *when = (int64_t *)(z + 1);
    int32_t *offset = (int32_t *)(when + n->times);
    const char *indexes = block + n->times * width, *types = indexes + n->times;
    *z = (Zone){.count = n->times, .when = when, .offset = offset, .first_s = big_endian(types, 4)};
    if (!offset_sound(z->first_s)) goto bad;
    for (int64_t i = 0; i < n->times; i++) {
        unsigned type = (unsigned char)indexes[i];
        when[i] = big_endian(block + i * width, width);
        if (type >= n->types || (i > 0 && when[i] <= when[i - 1])) goto bad;
        offset[i] = (int32_t)big_endian(types + type * 6, 4);
        if (!offset_sound(offset[i])) goto bad;
    }
    return z;
bad:
    free(z);
    return NULL;
}

Zone *zone_decode(Str bytes) {
    Counts n;
    int version, width = 4;
    if (!header_read(bytes, &n, &version)) return NULL;
    if (version >= 2) {
        bytes = str_slice(bytes, TZIF_HEADER + block_size(&n, 4), bytes.len);
        width = 8;
        if (!header_read(bytes, &n, &version)) return NULL;
    }
    bytes = str_slice(bytes, TZIF_HEADER, bytes.len);
    ptrdiff_t size = block_size(&n, width);
    if (bytes.len < size) return NULL;
    Zone *z = block_read(bytes.data, &n, width);
    Str footer = str_slice(bytes, size, bytes.len);
    if (z && width == 8 && footer.len > 2 && footer.data[0] == '\n') {
        Str rule;
        str_cut(str_slice(footer, 1, footer.len), '\n', &rule);
        if (rule.len > 0 && !rule_parse(rule, &z->rule)) {
            free(z);
            return NULL;
        }
    }
    return z;
}

static bool zone_name_valid(Str name) {
    if (name.len == 0 || name.len > ZONE_NAME_MAX || name.data[0] == '/') return false;
    for (ptrdiff_t i = 0; i < name.len; i++) {
        char b = name.data[i];
        bool letter = (b | 32) >= 'a' && (b | 32) <= 'z', digit = b >= '0' && b <= '9';
        if (!letter && !digit && !memchr("_+-/", b, 4)) return false;
    }
    return true;
}

static Zone *zone_load(Str name) {
    if (!zone_name_valid(name)) return NULL;
    char path[ZONE_NAME_MAX + 32];
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%.*s", S_ARG(name));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return NULL;
    char *bytes = malloc(ZONE_FILE_MAX);
    if (!bytes) abort();
    ptrdiff_t len = 0;
    for (ssize_t n; (n = read(fd, bytes + len, (size_t)(ZONE_FILE_MAX - len))) > 0;) len += n;
    close(fd);
    Zone *z = zone_decode(str_of(bytes, len));
    free(bytes);
    return z;
}

const Zone *zone_find(const char *name) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static Map known;
    if (!name || strcmp(name, "UTC") == 0) return &utc;
    pthread_mutex_lock(&lock);
    Zone *z = map_get(&known, str_c(name));
    if (!z && (z = zone_load(str_c(name)))) {
        char *key = strdup(name);
        if (!key) abort();
        map_set(&known, str_c(key), z);
    }
    pthread_mutex_unlock(&lock);
    return z;
}

/* -- asking ----------------------------------------------------------------------------------- */

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static int64_t offset_at(const Zone *z, int64_t at) {
    if (z->count == 0 || at >= z->when[z->count - 1]) {
        if (z->rule.there) return rule_offset_s(&z->rule, at);
        return z->count ? z->offset[z->count - 1] : z->first_s;
    }
    if (at < z->when[0]) return z->first_s;
    int64_t low = 0, high = z->count - 1; /* when[low] <= at < when[high] */
    while (high - low > 1) {
        int64_t middle = (low + high) / 2;
        if (z->when[middle] <= at)
            low = middle;
        else
            high = middle;
    }
    return z->offset[low];
}

int64_t zone_offset_s(const Zone *zone, Time at) {
    assert(zone);
    return offset_at(zone, floor_div(at.us, US_PER_SECOND));
}

Time zone_first_instant(const Zone *zone, Time local) {
    assert(zone);
    int64_t s = floor_div(local.us, US_PER_SECOND), rest = local.us - s * US_PER_SECOND;
    /* The offsets well before and well after: no zone changes twice within two days. */
    int64_t before = offset_at(zone, s - 26 * 3600), after = offset_at(zone, s + 26 * 3600);
    int64_t early = s - before, late = s - after;
    bool early_shows = offset_at(zone, early) == before,
         late_shows = offset_at(zone, late) == after;
    if (early_shows && (!late_shows || early <= late)) return (Time){early * US_PER_SECOND + rest};
    if (late_shows) return (Time){late * US_PER_SECOND + rest};
    /* Skipped: the change lies in (low, high]. */
    int64_t low = min_i64(late, early), high = max_i64(late, early);
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (offset_at(zone, middle) == before)
            low = middle;
        else
            high = middle;
    }
    return (Time){high * US_PER_SECOND};
}
