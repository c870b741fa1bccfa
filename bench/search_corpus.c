/* Reads what search_pack wrote: posts without holding them in memory, queries.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "search_bench.h"

enum { BLOCK = 8 << 20 };

const char *const kind_names[KINDS] = {
    [FREQUENT] = "frequent", [TWO_FREQUENT] = "two_frequent",
    [RARE] = "rare",         [SEVERAL] = "several",
    [TYPO] = "typo",         [PREFIX] = "prefix",
    [PHRASE] = "phrase",     [FILTER] = "filter",
    [FACETS] = "facets",     [DEEP] = "deep",
    [SORTED] = "sorted",
};

void die(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

uint64_t random_next(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* ---- posts */

struct Corpus {
    FILE *file;
    char *block; /* bytes [at, end) are read and not yet told */
    size_t at, end;
    int64_t told;
};

static FILE *open_in(const char *folder, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    if (!file) die("%s: %s", path, strerror(errno));
    return file;
}

Corpus *corpus_open(const char *folder) {
    Corpus *c = calloc(1, sizeof *c);
    if (!c || !(c->block = malloc(BLOCK))) abort();
    c->file = open_in(folder, "posts.bin");
    return c;
}

void corpus_close(Corpus *c) {
    fclose(c->file);
    free(c->block);
    free(c);
}

/* A whole post lies at c->at: its size in bytes, else 0. */
static size_t post_whole(const Corpus *c, PackedPost *head) {
    size_t size = sizeof *head;
    if (c->end - c->at < size) return 0;
    memcpy(head, c->block + c->at, sizeof *head);
    for (int i = 0; i < POST_TEXTS; i++) size += head->lengths[i];
    return c->end - c->at < size ? 0 : size;
}

ptrdiff_t corpus_read(Corpus *c, Post *posts, ptrdiff_t most) {
    PackedPost head;
    ptrdiff_t count = 0;
    memmove(c->block, c->block + c->at, c->end - c->at);
    c->end -= c->at;
    c->at = 0;
    c->end += fread(c->block + c->end, 1, BLOCK - c->end, c->file);
    for (size_t size; count < most && (size = post_whole(c, &head)) > 0; c->at += size) {
        const char *p = c->block + c->at + sizeof head;
        Str texts[POST_TEXTS];
        for (int i = 0; i < POST_TEXTS; p += head.lengths[i++])
            texts[i] = str_of(p, head.lengths[i]);
        posts[count++] = (Post){++c->told, head.posted_at_us, head.likes, texts[0],
                                texts[1],  texts[2],          texts[3],   texts[4]};
    }
    if (count == 0 && c->end > 0) die("posts.bin ends within a post");
    return count;
}

/* ---- queries */

static Str text_of(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text ? str_c(strdup(text)) : (Str){0};
}

static Kind kind_of(const char *name) {
    for (int k = 0; name && k < KINDS; k++)
        if (!strcmp(name, kind_names[k])) return (Kind)k;
    die("a query of no known kind");
}

static Query query_of(const json_t *line) {
    const json_t *from = json_object_get(line, "from_us"), *word;
    size_t i;
    Query q = {
        .kind = kind_of(json_string_value(json_object_get(line, "kind"))),
        .prefix = json_is_true(json_object_get(line, "prefix")),
        .phrase = json_is_true(json_object_get(line, "phrase")),
        .platform = text_of(line, "platform"),
        .from_us = from ? json_integer_value(from) : INT64_MIN,
        .facets = json_is_true(json_object_get(line, "facets")),
        .by_likes = json_is_true(json_object_get(line, "by_likes")),
        .offset = json_integer_value(json_object_get(line, "offset")),
    };
    json_array_foreach(json_object_get(line, "words"), i, word) {
        if (q.word_count == QUERY_WORDS) die("a query of too many words");
        q.words[q.word_count++] = str_c(strdup(json_string_value(word)));
    }
    return q;
}

Queries queries_read(const char *folder, Kind kind) {
    FILE *file = open_in(folder, "queries.ndjson");
    Queries all = {0};
    char *line = NULL;
    size_t room = 0;
    int cap = 0;
    for (ssize_t len; (len = getline(&line, &room, file)) > 0;) {
        json_t *json = json_loadb(line, (size_t)len, 0, NULL);
        if (!json) die("a line of queries.ndjson is no JSON");
        Query q = query_of(json);
        json_decref(json);
        if (kind != KINDS && q.kind != kind) continue;
        if (all.count == cap) {
            cap = cap ? 2 * cap : 1024;
            all.items = realloc(all.items, (size_t)cap * sizeof *all.items);
            if (!all.items) abort();
        }
        all.items[all.count++] = q;
    }
    free(line);
    fclose(file);
    if (all.count == 0) die("no queries");
    return all;
}
