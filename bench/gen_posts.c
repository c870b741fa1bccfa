/* gen_posts N [SEED] [--end YYYY-MM-DD]: prints N made-up posts of veyl as NDJSON, the body that
 * POST /api/v1/posts/bulk takes. Same arguments, same bytes.
 *
 * What matters to a search engine is kept: words follow Zipf's law over some 200 000 pronounceable
 * words (French and English, each caption in one of them, real small words at the top), hashtags
 * and authors are Zipf too, counts log-normal, some views unknown, times spread over the two years
 * before --end (2026-11-20), denser towards it and by daylight. Words, not sense.
 *
 *   cc -O2 -o gen_posts gen_posts.c -lm
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WORDS = 100000, /* per language */
    HASHTAGS = 20000,
    AUTHORS = 60000,
    NORMALS = 1 << 16,
    SPAN_S = 2 * 365 * 86400,
    POST_MAX = 8192,
    OUT_SIZE = 1 << 20,
};
#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

/* ---- random numbers: splitmix64 */

static uint64_t state;

static uint64_t next_random(void) {
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint32_t below(uint32_t limit) { return (uint32_t)(((next_random() >> 32) * limit) >> 32); }

static double unit(void) { return (double)(next_random() >> 11) * 0x1p-53; }

/* ---- Zipf in constant time: Walker's alias table */

typedef struct Zipf {
    int count;
    uint32_t *keep; /* stays with probability keep / 2^32, else goes to its alias */
    int *alias;
} Zipf;

static Zipf zipf_new(int count, double exponent) {
    Zipf z = {count, calloc((size_t)count, sizeof *z.keep), calloc((size_t)count, sizeof *z.alias)};
    double *weight = malloc((size_t)count * sizeof *weight), sum = 0;
    int *small = malloc((size_t)count * sizeof *small),
        *large = malloc((size_t)count * sizeof *large);
    int smalls = 0, larges = 0;
    assert(z.keep && z.alias && weight && small && large);
    for (int i = 0; i < count; i++) sum += weight[i] = pow(i + 2.7, -exponent);
    for (int i = 0; i < count; i++) {
        weight[i] *= count / sum;
        if (weight[i] < 1)
            small[smalls++] = i;
        else
            large[larges++] = i;
    }
    while (smalls && larges) {
        int s = small[--smalls], l = large[larges - 1];
        z.keep[s] = (uint32_t)(weight[s] * 0xffffffffu);
        z.alias[s] = l;
        weight[l] -= 1 - weight[s];
        if (weight[l] < 1) {
            larges--;
            small[smalls++] = l;
        }
    }
    while (larges) z.keep[large[--larges]] = UINT32_MAX;
    while (smalls) z.keep[small[--smalls]] = UINT32_MAX;
    free(weight);
    free(small);
    free(large);
    return z;
}

static int zipf_pick(const Zipf *z) {
    int i = (int)below((uint32_t)z->count);
    return (uint32_t)next_random() <= z->keep[i] ? i : z->alias[i];
}

/* ---- words */

typedef struct Word {
    char text[47];
    uint8_t len;
} Word;

typedef struct Words {
    Word *list;
    int count;
    Zipf zipf;
} Words;

static const char *const french_top[] = {
    "de",    "la",          "le",       "et",       "les",     "des",        "en",        "un",
    "une",   "à",           "du",       "pour",     "que",     "dans",       "qui",       "sur",
    "pas",   "plus",        "avec",     "on",       "je",      "vous",       "c'est",     "nous",
    "ce",    "mon",         "ma",       "mes",      "tout",    "au",         "par",       "est",
    "l'été", "j'ai",        "cœur",     "ça",       "très",    "bien",       "merci",     "jour",
    "vie",   "amour",       "nouveau",  "nouvelle", "recette", "mode",       "beauté",    "voyage",
    "même",  "aujourd'hui", "week-end", "déjà",     "sœur",    "français",   "garçon",    "où",
    "être",  "forêt",       "œuvre",    "crème",    "soirée",  "collection", "découvrez", "bientôt",
    "santé", "maison",      "cuisine",  "Paris",
};
static const char *const english_top[] = {
    "the",    "to",     "and",    "a",      "of",    "in",      "is",    "you",       "for",
    "my",     "this",   "it",     "with",   "on",    "so",      "we",    "that",      "me",
    "your",   "I'm",    "be",     "just",   "love",  "day",     "at",    "new",       "all",
    "are",    "from",   "out",    "our",    "have",  "one",     "time",  "like",      "more",
    "what",   "best",   "today",  "life",   "happy", "summer",  "style", "beautiful", "travel",
    "food",   "recipe", "makeup", "don't",  "it's",  "weekend", "look",  "home",      "music",
    "follow", "link",   "bio",    "coming", "soon",  "café",
};
static const char *const french_parts[] = {
    "ba",  "bé",  "bou", "cha", "ché", "ci",  "cou",  "cœ",  "da",   "dé", "di", "dou",
    "fa",  "fê",  "fi",  "ga",  "gné", "gui", "ja",   "jou", "la",   "lé", "li", "lou",
    "lun", "ma",  "mé",  "mi",  "mou", "na",  "né",   "ni",  "nou",  "pa", "pè", "pi",
    "plu", "pon", "pré", "quê", "ra",  "ré",  "ri",   "rou", "sa",   "sé", "si", "soi",
    "ta",  "té",  "ti",  "tou", "tra", "va",  "vé",   "vi",  "voi",  "zé", "ça", "ô",
    "île", "an",  "en",  "oi",  "vin", "bon", "teau", "gne", "ille",
};
static const char *const french_ends[] = {
    "tion", "ment", "eur", "euse", "able", "age", "ée",  "és",   "ette", "ique",
    "iste", "oir",  "ure", "ance", "ère",  "eau", "aux", "esse", "ïe",   "r",
    "s",    "t",    "nt",  "",     "e",    "es",  "ons", "ent",
};
static const char *const english_parts[] = {
    "ba",  "bri", "ca", "cla", "co",   "da",  "dri", "e",    "fa",  "flo",  "fo",    "ga",
    "gra", "ha",  "hi", "in",  "jo",   "ka",  "la",  "li",   "lo",  "ma",   "me",    "mo",
    "na",  "no",  "o",  "pa",  "pe",   "pla", "pro", "qui",  "ra",  "re",   "ri",    "ro",
    "sa",  "sha", "so", "sta", "stri", "su",  "ta",  "te",   "tho", "tra",  "un",    "va",
    "vi",  "wa",  "wi", "wo",  "ya",   "zo",  "ble", "cker", "dle", "ther", "under", "over",
};
static const char *const english_ends[] = {
    "ing",  "ed",   "er",   "ers", "ness", "ly",  "tion", "ship", "ful",
    "less", "ment", "able", "y",   "s",    "th",  "ck",   "nd",   "rk",
    "st",   "",     "al",   "ous", "ish",  "ity", "ward", "hood", "land",
};
static const char *const emojis[] = {
    "😍", "❤️", "✨", "🔥", "🥰", "😂",  "🌞", "📸",        "🎉",
    "💕", "🙏",      "👗", "🍰", "🌊",    "🇫🇷", "💪", "👩‍🍳", "🎶",
};

static void word_set(Word *w, const char *text) {
    size_t len = strlen(text);
    assert(len < sizeof w->text);
    memcpy(w->text, text, len + 1);
    w->len = (uint8_t)len;
}

/* One pronounceable word, shorter when it is a frequent one; twins do no harm. */
static void word_make(Word *w, bool frequent, const char *const *parts, int parts_count,
                      const char *const *ends, int ends_count) {
    char text[64] = "";
    int syllables = frequent ? 1 + (int)below(2) : 2 + (int)below(3);
    for (int i = 0; i < syllables; i++) strcat(text, parts[below((uint32_t)parts_count)]);
    strcat(text, ends[below((uint32_t)ends_count)]);
    text[sizeof w->text - 1] = 0;
    word_set(w, text);
}

static Words words_new(const char *const *top, int top_count, const char *const *parts,
                       int parts_count, const char *const *ends, int ends_count) {
    Words words = {calloc(WORDS, sizeof(Word)), WORDS, zipf_new(WORDS, 1.0)};
    assert(words.list);
    for (int i = 0; i < WORDS; i++) {
        if (i < top_count)
            word_set(&words.list[i], top[i]);
        else
            word_make(&words.list[i], i < WORDS / 50, parts, parts_count, ends, ends_count);
    }
    return words;
}

#define WORDS_NEW(language)                                                                     \
    words_new(language##_top, COUNT(language##_top), language##_parts, COUNT(language##_parts), \
              language##_ends, COUNT(language##_ends))

/* Hashtags are made of ASCII syllables: "bellevie", shown in captions as "#BelleVie". */
static void hashtags_new(Word *lower, Word *camel) {
    static const char *const known[] = {"mode",    "beaute", "voyage", "food",
                                        "ootd",    "summer", "paris",  "recette",
                                        "fitness", "love",   "foryou", "skincare"};
    for (int i = 0; i < HASHTAGS; i++) {
        char text[64] = "", shown[64] = "";
        int words = i < COUNT(known) ? 1 : 1 + (int)below(3);
        for (int k = 0; k < words; k++) {
            char one[32] = "";
            if (i < COUNT(known))
                strcpy(one, known[i]);
            else
                for (int j = 0; j < 2; j++) strcat(one, english_parts[below(COUNT(english_parts))]);
            strcat(text, one);
            one[0] = (char)(one[0] - 'a' + 'A');
            strcat(shown, one);
        }
        word_set(&lower[i], text);
        word_set(&camel[i], shown);
    }
}

static void authors_new(Word *authors) {
    for (int i = 0; i < AUTHORS; i++) {
        char name[64] = "";
        for (int j = 0; j < 3; j++) strcat(name, english_parts[below(COUNT(english_parts))]);
        if (below(3) == 0) strcat(name, ".officiel");
        snprintf(name + strlen(name), sizeof name - strlen(name), "_%d", i);
        word_set(&authors[i], name);
    }
}

/* ---- text into the buffer */

static char *put(char *p, const char *text, size_t len) {
    memcpy(p, text, len);
    return p + len;
}

static char *put_text(char *p, const char *text) { return put(p, text, strlen(text)); }

static char *put_word(char *p, const Word *w) {
    memcpy(p, w->text, sizeof w->text); /* a fixed size copies fastest; POST_MAX has room */
    return p + w->len;
}

static char *put_number(char *p, uint64_t n) {
    char digits[20];
    int i = sizeof digits;
    do digits[--i] = (char)('0' + n % 10);
    while (n /= 10);
    return put(p, digits + i, sizeof digits - (size_t)i);
}

static char *put_two(char *p, int n) {
    *p++ = (char)('0' + n / 10);
    *p++ = (char)('0' + n % 10);
    return p;
}

/* Days since 1970 to a date and back, after Howard Hinnant. */
static void date_of(int days, int *year, int *month, int *day) {
    int z = days + 719468, era = z / 146097, doe = z - era * 146097;
    int yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    *day = doy - (153 * mp + 2) / 5 + 1;
    *month = mp < 10 ? mp + 3 : mp - 9;
    *year = yoe + era * 400 + (*month <= 2);
}

static int days_of(int year, int month, int day) {
    year -= month <= 2;
    int era = year / 400, yoe = year - era * 400;
    int doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static char *put_time(char *p, int64_t seconds) {
    int year, month, day, rest = (int)(seconds % 86400);
    date_of((int)(seconds / 86400), &year, &month, &day);
    p = put_number(p, (uint64_t)year);
    *p++ = '-';
    p = put_two(p, month);
    *p++ = '-';
    p = put_two(p, day);
    *p++ = 'T';
    p = put_two(p, rest / 3600);
    *p++ = ':';
    p = put_two(p, rest / 60 % 60);
    *p++ = ':';
    p = put_two(p, rest % 60);
    *p++ = 'Z';
    return p;
}

/* ---- posts */

typedef struct World {
    Words french, english;
    Word *hashtags, *camel, *authors;
    Zipf hashtag_zipf, author_zipf;
    float *normals;
    int64_t end_s;
} World;

static World world_new(int64_t end_s) {
    World w = {
        .french = WORDS_NEW(french),
        .english = WORDS_NEW(english),
        .hashtags = calloc(HASHTAGS, sizeof(Word)),
        .camel = calloc(HASHTAGS, sizeof(Word)),
        .authors = calloc(AUTHORS, sizeof(Word)),
        .hashtag_zipf = zipf_new(HASHTAGS, 1.0),
        .author_zipf = zipf_new(AUTHORS, 0.8),
        .normals = calloc(NORMALS, sizeof(float)),
        .end_s = end_s,
    };
    assert(w.hashtags && w.camel && w.authors && w.normals);
    hashtags_new(w.hashtags, w.camel);
    authors_new(w.authors);
    for (int i = 0; i < NORMALS; i++)
        w.normals[i] = (float)(sqrt(-2 * log(1 - unit())) * cos(6.283185307179586 * unit()));
    return w;
}

static uint64_t log_normal(const World *w, double middle_log, double spread) {
    return (uint64_t)exp(middle_log + spread * (double)w->normals[below(NORMALS)]);
}

static char *put_caption(char *p, const World *w, bool french, const int *tags, int tag_count) {
    const Words *words = french ? &w->french : &w->english;
    int count = 5 + (int)below(10) + (below(5) == 0 ? (int)below(40) : 0);
    for (int i = 0; i < count; i++) {
        uint32_t dice = below(64);
        if (i) *p++ = ' ';
        p = put_word(p, &words->list[zipf_pick(&words->zipf)]);
        if (dice < 4)
            *p++ = ',';
        else if (dice < 6)
            p = put_text(p, " !");
        else if (dice == 6)
            p = put_text(p, ".\\n");
        else if (dice < 10)
            p = put_text(put_text(p, " "), emojis[below(COUNT(emojis))]);
    }
    for (int i = 0; i < tag_count; i++) {
        p = put(p, " #", 2);
        p = put_word(p, &w->camel[tags[i]]);
    }
    return p;
}

static char *put_metrics(char *p, const World *w, const char *platform) {
    uint64_t likes = log_normal(w, 5.0, 1.6);
    p = put_number(put_text(p, ",\"metrics\":{\"likes\":"), likes);
    p = put_number(put_text(p, ",\"comments\":"), likes * below(100) / 1000);
    p = put_number(put_text(p, ",\"shares\":"), likes * below(60) / 1000);
    p = put_text(p, ",\"views\":");
    if (*platform == 't' || below(2))
        p = put_number(p, likes * (5 + below(60)));
    else
        p = put_text(p, "null");
    return put_text(p, "}");
}

static int64_t post_time(const World *w) {
    double u = unit();
    int64_t when = w->end_s - 1 - (int64_t)(u * u * SPAN_S); /* twice as dense near the end */
    int hour = (int)(when / 3600 % 24);
    if (hour < 6 && below(4)) when += 12 * 3600; /* nights are quiet */
    return when < w->end_s ? when : w->end_s - 1 - (int64_t)below(3600);
}

static char *put_post(char *p, const World *w, uint64_t number) {
    static const char *const platforms[] = {"instagram", "instagram", "tiktok", "tiktok",
                                            "facebook"};
    static const char *const addresses[] = {
        ['i'] = "https://www.instagram.com/p/",
        ['t'] = "https://www.tiktok.com/video/",
        ['f'] = "https://www.facebook.com/",
    };
    const char *platform = platforms[below(COUNT(platforms))];
    uint64_t external = 100000000000 + number * 7919;
    uint32_t language = below(100);
    int tags[8], tag_count = 0;
    for (int wanted = (int)below(7); tag_count < wanted;) {
        int tag = zipf_pick(&w->hashtag_zipf);
        bool again = false;
        for (int i = 0; i < tag_count; i++)
            again |= strcmp(w->hashtags[tags[i]].text, w->hashtags[tag].text) == 0;
        if (again)
            wanted--;
        else
            tags[tag_count++] = tag;
    }

    p = put_text(put_text(p, "{\"id\":\""), platform);
    *p++ = '_';
    p = put_number(p, external);
    p = put_text(put_text(p, "\",\"platform\":\""), platform);
    p = put_word(put_text(p, "\",\"author\":\""), &w->authors[zipf_pick(&w->author_zipf)]);
    p = put_caption(put_text(p, "\",\"caption\":\""), w, language < 60, tags, tag_count);
    p = put_text(p, "\",\"hashtags\":[");
    for (int i = 0; i < tag_count; i++) {
        if (i) *p++ = ',';
        *p++ = '"';
        p = put_word(p, &w->hashtags[tags[i]]);
        *p++ = '"';
    }
    *p++ = ']';
    p = put_metrics(p, w, platform);
    p = put_time(put_text(p, ",\"posted_at\":\""), post_time(w));
    p = put_text(put_text(p, "\",\"language\":\""), language < 60 ? "fr" : "en");
    p = put_number(put_text(p, "\",\"media_url\":\"https://cdn.example.org/m/"), external);
    p = put_text(put_text(p, ".jpg\",\"permalink\":\""), addresses[(unsigned char)*platform]);
    p = put_number(p, external);
    p = put_number(put_text(p, "\",\"external_id\":\""), external);
    return put_text(p, "\"}\n");
}

static int usage(void) {
    fputs("usage: gen_posts N [SEED] [--end YYYY-MM-DD]\n", stderr);
    return 2;
}

int main(int argc, char **argv) {
    static char out[OUT_SIZE + POST_MAX];
    uint64_t numbers[2] = {0, 1};
    int given = 0, year = 2026, month = 11, day = 20;
    for (int i = 1; i < argc; i++) {
        char *rest = "";
        if (strcmp(argv[i], "--end") == 0) {
            if (++i >= argc || sscanf(argv[i], "%d-%d-%d", &year, &month, &day) != 3)
                return usage();
        } else if (given == 2 || (numbers[given++] = strtoull(argv[i], &rest, 10), *rest)) {
            return usage();
        }
    }
    if (!given) return usage();

    state = numbers[1];
    static World world;
    world = world_new((int64_t)(days_of(year, month, day) + 1) * 86400);
    char *p = out;
    for (uint64_t i = 0; i < numbers[0]; i++) {
        p = put_post(p, &world, i);
        if (p - out < OUT_SIZE) continue;
        if (fwrite(out, 1, (size_t)(p - out), stdout) != (size_t)(p - out)) return 1;
        p = out;
    }
    return fwrite(out, 1, (size_t)(p - out), stdout) == (size_t)(p - out) && !fflush(stdout) ? 0
                                                                                             : 1;
}
