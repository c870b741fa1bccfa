/* SPDX-License-Identifier: Apache-2.0
 * What bench/search is made of. The same posts and the same queries go to several search engines,
 * each in a program of its own, linked into it (no network, no SQL server between), by the same
 * threads and clocks:
 *
 *   search_pack.c    NDJSON of gen_posts -> posts.bin, queries.ndjson (drawn from the posts)
 *   search_corpus.c  reads both
 *   search_load.c    threads, pace, percentiles, memory
 *   search_bench.c   the main program of every engine: build, ask
 *   search_peers/    the engines: one `bench_engine` each
 *
 * Figures come as one JSON object a line; bench/search makes tables of them. */
#ifndef SOCLE_BENCH_SEARCH_BENCH_H
#define SOCLE_BENCH_SEARCH_BENCH_H

#include "core/str.h"

/* ---- posts */

enum { POST_TEXTS = 5 };
typedef struct Post {
    int64_t key; /* its place in the corpus, from 1 */
    int64_t posted_at_us, likes;
    Str caption, author, platform, language;
    Str hashtags; /* separated by one space */
} Post;

/* posts.bin: for each post its two numbers, the lengths of its texts, the texts. */
typedef struct PackedPost {
    int64_t posted_at_us, likes;
    uint16_t lengths[POST_TEXTS]; /* caption, author, platform, language, hashtags */
} PackedPost;

typedef struct Corpus Corpus;
Corpus *corpus_open(const char *folder); /* or the program ends */
/* The next posts, at most `most`; their texts live until the next call. */
ptrdiff_t corpus_read(Corpus *corpus, Post *posts, ptrdiff_t most);
void corpus_close(Corpus *corpus);

/* ---- queries */

typedef enum Kind {
    FREQUENT, /* one of the most frequent words */
    TWO_FREQUENT,
    RARE,    /* a long word */
    SEVERAL, /* 2 to 4 neighbouring words */
    TYPO,    /* a word with a typing error */
    PREFIX,  /* the beginning of a word */
    PHRASE,  /* 2 or 3 neighbouring words, in order */
    FILTER,  /* words within a platform and a span of time */
    FACETS,  /* words, with counts by platform, hashtag, language and day */
    DEEP,    /* hits 1001 to 1020 */
    SORTED,  /* by likes */
    KINDS
} Kind;
extern const char *const kind_names[KINDS];

enum { QUERY_WORDS = 4, HITS = 20, FACET_VALUES = 100 };
typedef struct Query {
    Kind kind;
    Str words[QUERY_WORDS];
    int word_count;
    bool prefix; /* of the last word, as while typing; else all words are complete */
    bool phrase;
    Str platform;    /* null: any */
    int64_t from_us; /* posted at or after; INT64_MIN: any */
    bool facets, by_likes;
    int64_t offset;
} Query;

typedef struct Queries {
    Query *items;
    int count;
} Queries;
/* Those of one kind (KINDS: all, mixed), in the order of queries.ndjson. */
Queries queries_read(const char *folder, Kind kind);

/* ---- engines */

typedef struct Engine {
    const char *name;
    unsigned cannot; /* 1 << Kind: what it has no means for */
    /* A new index in an empty folder: add batches in order, then finish: all is searchable and
     * with the system for writing. Then settle: what is done later to make searches faster. */
    void (*create)(const char *folder);
    void (*add)(const Post *posts, ptrdiff_t count);
    void (*finish)(void);
    void (*settle)(void);

    void (*open)(const char *folder);
    void *(*asker)(void); /* one a thread */
    /* How many posts match; -1 where the engine does not say. */
    int64_t (*ask)(void *asker, const Query *query);
    void (*asker_free)(void *asker);
    /* One post, searchable on return; by one thread. NULL callbacks: not measured. */
    void (*write)(const Post *post);
    bool (*upkeep)(void); /* work due in the background; false: none */
} Engine;
extern const Engine bench_engine;

/* ---- load */

typedef struct Load {
    const char *what; /* name in the printed line */
    int threads;
    double seconds;
    double rate; /* arrivals a second, latency from when due; 0: each thread as fast as it can */
} Load;
void load_run(Queries queries, Load load); /* prints its line */

/* From /proc/self/status, in kB: "VmRSS:", "VmHWM:", "RssAnon:", "RssFile:". */
int64_t memory_kb(const char *name);

NORETURN void die(const char *format, ...) PRINTF_LIKE(1, 2);
uint64_t random_next(uint64_t *state); /* splitmix64 */

#endif
