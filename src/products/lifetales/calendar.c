/* SPDX-License-Identifier: Apache-2.0
 * Names of months and weekdays, to be read (folded, as words are) and to be written. */
#include "products/lifetales/calendar.h"

/* Of each month all that it is called, folded. */
static const char *const months[12] = {
    " janvier january janv jan يناير ",
    " fevrier february fevr fev feb فبراير ",
    " mars march mar مارس ",
    " avril april avr apr ابريل ",
    " mai may مايو ",
    " juin june jun يونيو ",
    " juillet july juil jul يوليو ",
    " aout august aug اغسطس ",
    " septembre september sept sep سبتمبر ",
    " octobre october oct اكتوبر ",
    " novembre november nov نوفمبر ",
    " decembre december dec ديسمبر ",
};
static const char *const weekdays[7] = {
    " dimanche sunday sundays dimanches الاحد ",
    " lundi monday mondays lundis الاثنين ",
    " mardi tuesday tuesdays mardis الثلاثاء ",
    " mercredi wednesday wednesdays mercredis الاربعاء ",
    " jeudi thursday thursdays jeudis الخميس ",
    " vendredi friday fridays vendredis الجمعة ",
    " samedi saturday saturdays samedis السبت ",
};
static const char doubtful[] =
    " may mai march mars mar jan sept sep dec nov oct avr apr jun jul fev "
    "feb aug august ";

static bool named(const char *list, Str word) {
    char padded[32] = " ";
    if (word.len < 2 || word.len > (ptrdiff_t)sizeof padded - 3) return false;
    memcpy(padded + 1, word.data, (size_t)word.len);
    padded[word.len + 1] = ' ';
    return str_find(str_c(list), str_of(padded, word.len + 2)) >= 0;
}

/* Does it begin as one of them? Most words do not. */
static bool begins(Str word, const char *letters) {
    return word.len > 2 && ((unsigned char)word.data[0] >= 0x80 || strchr(letters, word.data[0]));
}

int calendar_month(Str word) {
    if (!begins(word, "adfjmnos")) return 0;
    for (int i = 0; i < 12; i++)
        if (named(months[i], word)) return i + 1;
    return 0;
}

int calendar_weekday(Str word) {
    if (!begins(word, "dfjlmstvw")) return -1;
    for (int i = 0; i < 7; i++)
        if (named(weekdays[i], word)) return i;
    return -1;
}

bool calendar_month_doubtful(Str word) { return named(doubtful, word); }

static int64_t floor_of(int64_t value, int64_t by) {
    return value >= 0 ? value / by : -((-value + by - 1) / by);
}

int64_t calendar_day(int year, int month, int day) {
    Time at = time_from_civil((Civil){.year = year, .month = month, .day = day});
    return floor_of(at.us, US_PER_DAY);
}

Civil calendar_civil(int64_t day) { return time_civil((Time){day * US_PER_DAY}); }

static Time shown(Time at, const Zone *zone) {
    if (time_is_null(at)) return (Time){0};
    return zone ? time_add(at, zone_offset_s(zone, at) * US_PER_SECOND) : at;
}

Civil calendar_local(Time at, const Zone *zone) { return time_civil(shown(at, zone)); }

int64_t calendar_local_day(Time at, const Zone *zone) {
    return floor_of(shown(at, zone).us, US_PER_DAY);
}

/* -- writing ---------------------------------------------------------------------------------- */

typedef struct Tongue {
    const char *code;
    const char *weekdays[7], *months[12];
} Tongue;

static const Tongue tongues[] = {
    {"fr",
     {"Dimanche", "Lundi", "Mardi", "Mercredi", "Jeudi", "Vendredi", "Samedi"},
     {"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre",
      "octobre", "novembre", "décembre"}},
    {"en",
     {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
     {"January", "February", "March", "April", "May", "June", "July", "August", "September",
      "October", "November", "December"}},
    {"ar",
     {"الأحد", "الاثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت"},
     {"يناير", "فبراير", "مارس", "أبريل", "مايو", "يونيو", "يوليو", "أغسطس", "سبتمبر", "أكتوبر",
      "نوفمبر", "ديسمبر"}},
    {"es",
     {"Domingo", "Lunes", "Martes", "Miércoles", "Jueves", "Viernes", "Sábado"},
     {"de enero", "de febrero", "de marzo", "de abril", "de mayo", "de junio", "de julio",
      "de agosto", "de septiembre", "de octubre", "de noviembre", "de diciembre"}},
    {"it",
     {"Domenica", "Lunedì", "Martedì", "Mercoledì", "Giovedì", "Venerdì", "Sabato"},
     {"gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre",
      "ottobre", "novembre", "dicembre"}},
    {"pt",
     {"Domingo", "Segunda-feira", "Terça-feira", "Quarta-feira", "Quinta-feira", "Sexta-feira",
      "Sábado"},
     {"de janeiro", "de fevereiro", "de março", "de abril", "de maio", "de junho", "de julho",
      "de agosto", "de setembro", "de outubro", "de novembro", "de dezembro"}},
    {"de",
     {"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"},
     {"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober",
      "November", "Dezember"}},
};
static const char *const chinese_weekdays[7] = {"日", "一", "二", "三", "四", "五", "六"};

Str story_date(Arena *arena, Time at, const Zone *zone, Str language) {
    assert(arena);
    if (time_is_null(at)) return S("");
    Civil day = calendar_local(at, zone);
    int weekday = time_weekday((Time){calendar_local_day(at, zone) * US_PER_DAY});
    Str code = str_lower(arena, str_slice(language, 0, 2));
    if (str_eq(code, S("zh")))
        return strf(arena, "%d年%d月%d日 星期%s", day.year, day.month, day.day,
                    chinese_weekdays[weekday]);
    for (ptrdiff_t i = 0; i < COUNT(tongues); i++) {
        const Tongue *t = &tongues[i];
        if (!str_eq(code, str_c(t->code))) continue;
        const char *name = t->weekdays[weekday], *month = t->months[day.month - 1];
        if (str_eq_nocase(language, S("en-US")))
            return strf(arena, "%s, %s %d, %d", name, month, day.day, day.year);
        const char *behind = str_eq(code, S("de"))                   ? "."
                             : str_eq(code, S("fr")) && day.day == 1 ? "er"
                                                                     : "";
        const char *of = str_starts(str_c(month), S("de ")) ? "de " : "";
        return strf(arena, "%s %d%s %s %s%d", name, day.day, behind, month, of, day.year);
    }
    return strf(arena, "%04d-%02d-%02d", day.year, day.month, day.day);
}
