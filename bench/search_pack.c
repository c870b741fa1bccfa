/* search_pack FOLDER < NDJSON: posts as gen_posts prints them into FOLDER/posts.bin, which every
 * engine reads at next to no cost, and queries into FOLDER/queries.ndjson, in a form without any
 * engine's syntax. Queries are drawn from captions with a fixed seed: same posts, same queries.
 *
 * Words are taken as a caption has them (accents, ligatures, apostrophes), in small letters; of
 * hashtags and emojis none.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/time.h"
#include "search_bench.h"

enum { EACH = 2000, SAMPLE = 1 << 16, CAPTION_WORDS = 128 };

static uint64_t state = 42;
static int64_t below(int64_t n) { return n > 0 ? (int64_t)(random_next(&state) % (uint64_t)n) : 0; }

/* ---- the sample that queries are drawn from: every 1, 2, 4 … th caption */

static char *sample[SAMPLE];
static int64_t sample_count, sample_step = 1;

static void sample_add(int64_t number, const char *caption) {
    if (number % sample_step) return;
    if (sample_count == SAMPLE) { /* every other one goes */
        for (int64_t i = 0; i < SAMPLE; i++)
            if (i % 2) free(sample[i]);
        for (int64_t i = 0; i < SAMPLE / 2; i++) sample[i] = sample[2 * i];
        sample_count /= 2;
        sample_step *= 2;
        if (number % sample_step) return;
    }
    sample[sample_count++] = strdup(caption);
}

/* ---- posts.bin */

static const char *text_of(const json_t *post, const char *name) {
    const char *text = json_string_value(json_object_get(post, name));
    return text ? text : "";
}

static void post_pack(FILE *out, const json_t *post) {
    char tags[1024] = "";
    size_t i, tags_len = 0;
    const json_t *tag;
    json_array_foreach(json_object_get(post, "hashtags"), i, tag) {
        int n = snprintf(tags + tags_len, sizeof tags - tags_len, "%s%s", tags_len ? " " : "",
                         json_string_value(tag));
        if (n < 0 || (size_t)n >= sizeof tags - tags_len) break;
        tags_len += (size_t)n;
    }
    const char *texts[POST_TEXTS] = {text_of(post, "caption"), text_of(post, "author"),
                                     text_of(post, "platform"), text_of(post, "language"), tags};
    Time at;
    if (!time_parse(str_c(text_of(post, "posted_at")), &at)) die("a post without posted_at");
    PackedPost head = {
        .posted_at_us = at.us,
        .likes = json_integer_value(json_object_get(json_object_get(post, "metrics"), "likes")),
    };
    for (int t = 0; t < POST_TEXTS; t++) head.lengths[t] = (uint16_t)strnlen(texts[t], UINT16_MAX);
    fwrite(&head, sizeof head, 1, out);
    for (int t = 0; t < POST_TEXTS; t++) fwrite(texts[t], 1, head.lengths[t], out);
}

/* ---- drawing words */

typedef struct Caption {
    char text[8192]; /* words end with NUL */
    const char *words[CAPTION_WORDS];
    int count;
} Caption;

static bool is_wordly(const char *word) {
    bool letters = false;
    for (const unsigned char *p = (const unsigned char *)word; *p; p++) {
        bool letter = (*p | 0x20) >= 'a' && (*p | 0x20) <= 'z';
        if (*p >= 0xe2 || (*p < 0x80 && !letter && *p != '\'' && *p != '-')) return false;
        letters |= letter || *p >= 0x80;
    }
    return letters;
}

/* The words of a random caption up to the first that is none: neighbours stay neighbours. */
static void caption_draw(Caption *c) {
    c->count = 0;
    snprintf(c->text, sizeof c->text, "%s", sample[below(sample_count)]);
    char *rest = c->text;
    for (char *word; c->count < CAPTION_WORDS && (word = strsep(&rest, " "));) {
        for (char *p = word; *p; p++)
            if (*p >= 'A' && *p <= 'Z') *p = (char)(*p - 'A' + 'a');
        if (!is_wordly(word)) break;
        c->words[c->count++] = word;
    }
}

static Str word_draw(int letters) {
    static Caption c;
    for (int tries = 0; tries < 100000; tries++) {
        caption_draw(&c);
        if (c.count == 0) continue;
        Str word = str_c(c.words[below(c.count)]);
        if (str_utf8_count(word) >= letters && !memchr(word.data, '\'', (size_t)word.len))
            return str_c(strdup(word.data));
    }
    die("no word of %d letters in the sample", letters);
}

static void run_draw(Query *q, int words) {
    static Caption c;
    for (int tries = 0; tries < 100000; tries++) {
        caption_draw(&c);
        if (c.count < words) continue;
        int64_t from = below(c.count - words + 1);
        for (int i = 0; i < words; i++) q->words[i] = str_c(strdup(c.words[from + i]));
        q->word_count = words;
        return;
    }
    die("no caption of %d words in the sample", words);
}

/* One edit that keeps the first letter: two letters change places, one goes, one is another. */
static Str misspelt(Str word) {
    char *out = calloc(1, (size_t)word.len + 2);
    int64_t at = 0;
    for (int tries = 0; tries < 100 && at == 0; tries++) {
        at = 1 + below(word.len - 2);
        if ((word.data[at] & 0x80) || (word.data[at + 1] & 0x80)) at = 0;
    }
    if (at == 0) return word;
    int edit = (int)below(3);
    char other = (char)('a' + below(26)), first = word.data[at], second = word.data[at + 1];
    int size = (int)word.len + 2;
    if (edit == 0)
        snprintf(out, (size_t)size, "%.*s%c%c%s", (int)at, word.data, second, first,
                 word.data + at + 2);
    else if (edit == 1)
        snprintf(out, (size_t)size, "%.*s%s", (int)at, word.data, word.data + at + 1);
    else
        snprintf(out, (size_t)size, "%.*s%c%s", (int)at, word.data, other, word.data + at + 1);
    return str_c(out);
}

static Query query_draw(Kind kind, int64_t newest_us) {
    static const char *const tops[] = {"de",    "la",     "the",     "to",    "and",
                                       "le",    "for",    "love",    "pour",  "new",
                                       "amour", "summer", "recette", "voyage"};
    static const char *const platforms[] = {"instagram", "tiktok", "facebook"};
    Query q = {.kind = kind, .from_us = INT64_MIN, .word_count = 1};
    q.words[0] = str_c(tops[below(COUNT(tops))]);
    switch (kind) {
    case FREQUENT: break;
    case TWO_FREQUENT:
        do q.words[1] = str_c(tops[below(COUNT(tops))]);
        while (str_eq(q.words[0], q.words[1]));
        q.word_count = 2;
        break;
    case RARE: q.words[0] = word_draw(8); break;
    case SEVERAL: run_draw(&q, 2 + (int)below(3)); break;
    case TYPO: q.words[0] = misspelt(word_draw(5 + (int)below(5))); break;
    case PREFIX:
        q.words[0] = word_draw(4);
        q.words[0] = str_utf8_cut(q.words[0], 1 + below(q.words[0].len - 1));
        if (q.words[0].len == 0) q.words[0] = S("m");
        break;
    case PHRASE: run_draw(&q, 2 + (int)below(2)); break;
    case FILTER:
        run_draw(&q, 1 + (int)below(2));
        q.platform = str_c(platforms[below(COUNT(platforms))]);
        q.from_us = newest_us - below(500) * US_PER_DAY;
        break;
    case FACETS:
        if (below(2)) run_draw(&q, 1 + (int)below(2));
        q.facets = true;
        break;
    case DEEP: run_draw(&q, 1), q.offset = 1000; break;
    case SORTED: run_draw(&q, 1), q.by_likes = true; break;
    case KINDS: break;
    }
    q.prefix = kind == SEVERAL || kind >= FILTER || kind == PREFIX;
    q.phrase = kind == PHRASE;
    return q;
}

/* ---- queries.ndjson */

static void query_print(FILE *out, const Query *q) {
    json_t *line = json_object(), *words = json_array();
    for (int i = 0; i < q->word_count; i++)
        json_array_append_new(words, json_stringn(q->words[i].data, (size_t)q->words[i].len));
    json_object_set_new(line, "kind", json_string(kind_names[q->kind]));
    json_object_set_new(line, "words", words);
    if (q->prefix) json_object_set_new(line, "prefix", json_true());
    if (q->phrase) json_object_set_new(line, "phrase", json_true());
    if (q->platform.data) json_object_set_new(line, "platform", json_string(q->platform.data));
    if (q->from_us > INT64_MIN) json_object_set_new(line, "from_us", json_integer(q->from_us));
    if (q->facets) json_object_set_new(line, "facets", json_true());
    if (q->by_likes) json_object_set_new(line, "by_likes", json_true());
    if (q->offset) json_object_set_new(line, "offset", json_integer(q->offset));
    json_dumpf(line, out, JSON_COMPACT);
    fputc('\n', out);
    json_decref(line);
}

static void queries_draw(FILE *out, int64_t newest_us) {
    static Query all[KINDS * EACH];
    enum { TOTAL = KINDS * EACH };
    for (int i = 0; i < TOTAL; i++) all[i] = query_draw((Kind)(i / EACH), newest_us);
    for (int i = TOTAL - 1; i > 0; i--) {
        int64_t j = below(i + 1);
        Query other = all[i];
        all[i] = all[j];
        all[j] = other;
    }
    for (int i = 0; i < TOTAL; i++) query_print(out, &all[i]);
}

static FILE *create_in(const char *folder, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    if (!file) die("%s: %s", path, strerror(errno));
    return file;
}

int main(int argc, char **argv) {
    if (argc != 2) die("usage: search_pack FOLDER < NDJSON");
    FILE *posts = create_in(argv[1], "posts.bin"), *queries = create_in(argv[1], "queries.ndjson");
    char *line = NULL;
    size_t room = 0;
    int64_t count = 0, newest_us = INT64_MIN;
    for (ssize_t len; (len = getline(&line, &room, stdin)) > 0; count++) {
        json_t *post = json_loadb(line, (size_t)len, 0, NULL);
        Time at;
        if (!post) die("line %lld is no JSON", (long long)count + 1);
        post_pack(posts, post);
        sample_add(count, text_of(post, "caption"));
        if (time_parse(str_c(text_of(post, "posted_at")), &at) && at.us > newest_us)
            newest_us = at.us;
        json_decref(post);
    }
    if (count == 0) die("no posts");
    queries_draw(queries, newest_us);
    if (fclose(posts) || fclose(queries)) die("cannot write: %s", strerror(errno));
    free(line);
    return 0;
}
