/* search_bench CORPUS [--docs N] [--threads T] [--seconds S] [--folder F] [--only KIND] [--rates a,b]:
 * measures the search engine alone, in this process: no HTTP, no database. CORPUS is NDJSON as
 * bench/gen_posts prints it. Prints one JSON object a line: build, open, then for each kind of query and for
 * the mix the rate and percentiles, closed loop (T threads as fast as they can) and open loop (arrivals at
 * fixed rates, latency from when a query was due).
 *
 * Queries are drawn from the corpus with a fixed seed: same corpus, same queries.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/time.h"
#include "search/engine.h"

enum { CAPTION, HASHTAGS, AUTHOR, PLATFORM, LANGUAGE, POSTED_AT, SCORE, FIELD_COUNT };
static const SearchField fields[FIELD_COUNT] = {
    [CAPTION] = {"caption", SEARCH_TEXT, SEARCH_FOR},
    [HASHTAGS] = {"hashtags", SEARCH_KEYWORD, SEARCH_FOR | SEARCH_FILTER},
    [AUTHOR] = {"author", SEARCH_KEYWORD, SEARCH_FOR | SEARCH_FILTER},
    [PLATFORM] = {"platform", SEARCH_KEYWORD, SEARCH_FILTER},
    [LANGUAGE] = {"language", SEARCH_KEYWORD, SEARCH_FILTER},
    [POSTED_AT] = {"posted_at", SEARCH_TIME, SEARCH_FILTER | SEARCH_SORT},
    [SCORE] = {"score", SEARCH_INT, SEARCH_FILTER | SEARCH_SORT},
};
static const SearchDef def = {
    .name = "bench",
    .fields = fields,
    .field_count = FIELD_COUNT,
    .order_field = POSTED_AT,
    .partition_field = -1,
    .tuning = {.stem = true},
    .version = 1,
};

static void die(const char *what) {
    fprintf(stderr, "search_bench: %s\n", what);
    exit(1);
}

static void check(const Err *err) {
    if (err) {
        fprintf(stderr, "search_bench: %.*s\n", S_ARG(err->detail));
        exit(1);
    }
}

static int64_t memory_kb(const char *name) {
    char line[256];
    int64_t kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, name, strlen(name))) kb = strtoll(line + strlen(name) + 1, NULL, 10);
    if (f) fclose(f);
    return kb;
}

/* ---- the corpus: batches as a feed would fill them */

enum { BATCH = 10000 };
static SearchDocs **batches;
static int batch_count;
static Str *captions; /* to draw queries from */
static int64_t doc_count;

static void describe(SearchDocs *d, int64_t key, json_t *post) {
    const char *caption = json_string_value(json_object_get(post, "caption"));
    const char *author = json_string_value(json_object_get(post, "author"));
    const char *platform = json_string_value(json_object_get(post, "platform"));
    const char *language = json_string_value(json_object_get(post, "language"));
    const char *posted = json_string_value(json_object_get(post, "posted_at"));
    json_t *metrics = json_object_get(post, "metrics"), *tag;
    size_t i;
    Time at;
    search_doc(d, key);
    if (caption) search_doc_text(d, CAPTION, str_c(caption));
    json_array_foreach(json_object_get(post, "hashtags"), i, tag)
        search_doc_text(d, HASHTAGS, str_c(json_string_value(tag)));
    if (author) search_doc_text(d, AUTHOR, str_c(author));
    if (platform) search_doc_text(d, PLATFORM, str_c(platform));
    if (language) search_doc_text(d, LANGUAGE, str_c(language));
    if (posted && time_parse(str_c(posted), &at)) search_doc_int(d, POSTED_AT, at.us);
    search_doc_int(d, SCORE, json_integer_value(json_object_get(metrics, "likes")));
}

static void corpus_load(const char *path, int64_t most) {
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    int64_t cap = 0;
    if (!f) die("cannot read the corpus");
    while (doc_count < most && (len = getline(&line, &room, f)) > 0) {
        json_t *post = json_loadb(line, (size_t)len, 0, NULL);
        if (!post) die("a line of the corpus is no JSON");
        if (doc_count % BATCH == 0) {
            batches = realloc(batches, (size_t)(batch_count + 1) * sizeof *batches);
            batches[batch_count++] = search_docs_new(arena_new(1024 * MIB), &def);
        }
        if (doc_count == cap) {
            cap = cap ? 2 * cap : 4096;
            captions = realloc(captions, (size_t)cap * sizeof *captions);
        }
        SearchDocs *d = batches[batch_count - 1];
        describe(d, doc_count + 1, post);
        DocValue *first = &d->values[d->entries[d->count - 1].first];
        captions[doc_count++] = first->field == CAPTION ? first->text : S("");
        json_decref(post);
    }
    free(line);
    fclose(f);
}

/* ---- queries */

static uint64_t state = 42;
static uint64_t next_random(void) {
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}
static int64_t below(int64_t n) { return n > 0 ? (int64_t)(next_random() % (uint64_t)n) : 0; }

typedef enum Kind {
    FREQUENT, TWO_FREQUENT, RARE, SEVERAL, TYPO, PREFIX, PHRASE, FILTER, FACETS, DEEP, SORTED, KINDS
} Kind;
static const char *const kind_names[KINDS] = {
    "frequent", "two_frequent", "rare", "several", "typo", "prefix",
    "phrase",   "filter",       "facets", "deep",  "sorted"};
static const char *const tops[] = {"de", "la", "the", "to", "and", "le", "for", "love", "pour",
                                   "new", "amour", "summer", "recette", "voyage"};

typedef struct Query {
    Kind kind;
    Str q;
    SearchFilter *filter;
    SearchFacetAsk asks[4];
    int ask_count;
    SearchSort sort;
    bool sorted;
    int64_t offset;
} Query;

/* A word of a random caption that is at least so long. */
static Str word_of(Arena *a, int letters) {
    for (int tries = 0; tries < 10000; tries++) {
        Words w = {.arena = a};
        words_add(&w, captions[below(doc_count)]);
        if (w.count == 0) continue;
        Str word = w.items[below(w.count)].text;
        if (word_letters(word) >= letters) return word;
    }
    return S("recette");
}

static Str run_of(Arena *a, int words) {
    for (int tries = 0; tries < 10000; tries++) {
        Words w = {.arena = a};
        words_add(&w, captions[below(doc_count)]);
        if (w.count < words) continue;
        ptrdiff_t from = below(w.count - words + 1);
        Buf b = buf_new(a, 64);
        for (ptrdiff_t i = from; i < from + words; i++) {
            if (i > from) buf_byte(&b, ' ');
            buf_add(&b, w.items[i].text);
        }
        return buf_str(&b);
    }
    return S("la vie");
}

/* One edit that keeps the first letter: two letters change places, one goes, one is another. */
static Str misspelt(Arena *a, Str word) {
    Buf b = buf_new(a, word.len + 1);
    ptrdiff_t at = 1 + below(word.len - 2);
    while ((word.data[at] & 0x80) || (word.data[at + 1] & 0x80)) {
        at = 1 + below(word.len - 2);
        if (below(8) == 0) return word;
    }
    buf_add(&b, str_slice(word, 0, at));
    switch (below(3)) {
    case 0:
        buf_byte(&b, word.data[at + 1]);
        buf_byte(&b, word.data[at]);
        buf_add(&b, str_slice(word, at + 2, word.len));
        break;
    case 1: buf_add(&b, str_slice(word, at + 1, word.len)); break;
    default:
        buf_byte(&b, (char)('a' + below(26)));
        buf_add(&b, str_slice(word, at + 1, word.len));
    }
    return buf_str(&b);
}

static Query query_make(Arena *a, Kind kind) {
    static const char *const platforms[] = {"instagram", "tiktok", "facebook"};
    Query q = {.kind = kind};
    Str top = str_c(tops[below(COUNT(tops))]), other = str_c(tops[below(COUNT(tops))]);
    switch (kind) {
    case FREQUENT: q.q = strf(a, "%.*s ", S_ARG(top)); break;
    case TWO_FREQUENT: q.q = strf(a, "%.*s %.*s ", S_ARG(top), S_ARG(other)); break;
    case RARE: q.q = strf(a, "%.*s ", S_ARG(word_of(a, 8))); break;
    case SEVERAL: q.q = run_of(a, 2 + (int)below(3)); break;
    case TYPO: q.q = strf(a, "%.*s ", S_ARG(misspelt(a, word_of(a, 5 + (int)below(5))))); break;
    case PREFIX: {
        Str w = word_of(a, 4);
        q.q = str_utf8_cut(w, 1 + below(w.len - 1));
        break;
    }
    case PHRASE: q.q = strf(a, "\"%.*s\"", S_ARG(run_of(a, 2 + (int)below(2)))); break;
    case FILTER:
        q.q = run_of(a, 1 + (int)below(2));
        q.filter = search_filter_and(
            a, search_filter_is(a, PLATFORM, str_c(platforms[below(3)])),
            search_filter_range(a, POSTED_AT, 1763600000000000 - below(500) * US_PER_DAY, INT64_MAX));
        break;
    case FACETS:
        q.q = below(2) ? run_of(a, 1 + (int)below(2)) : top;
        q.asks[0] = SEARCH_FACET(PLATFORM);
        q.asks[1] = SEARCH_FACET(HASHTAGS);
        q.asks[2] = SEARCH_FACET(LANGUAGE);
        q.asks[3] = SEARCH_FACET(POSTED_AT);
        q.asks[3].unit = SEARCH_DAY;
        q.ask_count = 4;
        break;
    case DEEP:
        q.q = run_of(a, 1);
        q.offset = 1000;
        break;
    case SORTED:
        q.q = run_of(a, 1);
        q.sort = (SearchSort){SCORE, true};
        q.sorted = true;
        break;
    case KINDS: break;
    }
    return q;
}

/* ---- asking */

static SearchEngine *engine;
static Query *queries;
static int query_count;

static int64_t query_run(Ctx *c, const Query *q) {
    SearchRequest r = SEARCH_REQUEST;
    SearchResult result;
    r.q = q->q;
    r.filter = q->filter;
    r.facets = q->asks;
    r.facet_count = q->ask_count;
    r.sort = &q->sort;
    r.sort_count = q->sorted;
    r.offset = q->offset;
    View *v = engine_view(engine);
    Err *err = engine_search(c, &def, v, &r, &result);
    view_release(v);
    if (err) {
        fprintf(stderr, "%.*s: ", S_ARG(q->q));
        check(err);
    }
    return result.total;
}

typedef struct Worker {
    pthread_t thread;
    int first, step; /* the queries it asks: first, first + step, … */
    int64_t end_us;
    double rate; /* of all workers; 0: as fast as it can */
    int64_t start_us;
    uint32_t *took; /* µs */
    int64_t count, cap;
} Worker;

static atomic_llong arrivals;

static void *worker_run(void *arg) {
    Worker *w = arg;
    Arena *arena = arena_new(256 * MIB);
    for (int64_t i = w->first;; i += w->step) {
        int64_t from = mono_us();
        if (w->rate > 0) {
            int64_t n = atomic_fetch_add(&arrivals, 1);
            int64_t due = w->start_us + (int64_t)((double)n * 1e6 / w->rate);
            if (due >= w->end_us) break;
            while (from < due) {
                usleep((useconds_t)(due - from));
                from = mono_us();
            }
            from = due;
            i = n;
        }
        if (from >= w->end_us || w->count == w->cap) break;
        Ctx c = {.arena = arena};
        query_run(&c, &queries[i % query_count]);
        arena_reset(arena);
        w->took[w->count++] = (uint32_t)(mono_us() - from);
    }
    arena_free(arena);
    return NULL;
}

static int by_size(const void *x, const void *y) {
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    return (a > b) - (a < b);
}

static void measure(const char *what, int threads, double seconds, double rate) {
    Worker *workers = calloc((size_t)threads, sizeof *workers);
    int64_t start = mono_us(), total = 0;
    atomic_store(&arrivals, 0);
    for (int i = 0; i < threads; i++) {
        workers[i] = (Worker){.first = i, .step = threads, .rate = rate, .start_us = start,
                              .end_us = start + (int64_t)(seconds * 1e6), .cap = 4000000};
        workers[i].took = malloc((size_t)workers[i].cap * sizeof(uint32_t));
        pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]);
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
        total += workers[i].count;
    }
    double took = (double)(mono_us() - start) / 1e6;
    uint32_t *all = malloc((size_t)(total + 1) * sizeof *all);
    int64_t n = 0;
    double sum = 0;
    for (int i = 0; i < threads; i++) {
        memcpy(all + n, workers[i].took, (size_t)workers[i].count * sizeof *all);
        n += workers[i].count;
        free(workers[i].took);
    }
    for (int64_t i = 0; i < n; i++) sum += all[i];
    qsort(all, (size_t)n, sizeof *all, by_size);
    if (n > 0)
        printf("{\"what\": \"%s\", \"threads\": %d, \"rate_asked\": %.0f, \"rate\": %.0f, "
               "\"mean_us\": %.0f, \"p50_us\": %u, \"p90_us\": %u, \"p99_us\": %u, \"p999_us\": %u, "
               "\"max_us\": %u}\n",
               what, threads, rate, (double)n / took, sum / (double)n, all[n / 2], all[n * 9 / 10],
               all[n * 99 / 100], all[n * 999 / 1000], all[n - 1]);
    fflush(stdout);
    free(all);
    free(workers);
}

/* ---- writing */

static void build(const char *folder) {
    Arena *arena = arena_new(64 * MIB);
    Ctx c = {.arena = arena};
    Str healed;
    check(engine_open(&c, &def, folder ? str_c(folder) : (Str){0}, &engine, &healed));
    int64_t start = mono_us();
    EngineBuild *b = engine_build_new(engine);
    for (int i = 0; i < batch_count; i++) check(engine_build_add(&c, b, batches[i]));
    check(engine_build_finish(&c, b, doc_count));
    engine_build_free(b);
    double built = (double)(mono_us() - start) / 1e6;
    start = mono_us();
    if (folder) check(engine_flush(&c, engine));
    double flushed = (double)(mono_us() - start) / 1e6;
    printf("{\"what\": \"build\", \"documents\": %lld, \"seconds\": %.2f, \"documents_s\": %.0f, "
           "\"flush_seconds\": %.2f, \"disk_mb\": %.1f, \"rss_mb\": %.0f, \"peak_mb\": %.0f}\n",
           (long long)doc_count, built, (double)doc_count / built, flushed,
           (double)engine_disk_bytes(engine) / 1e6, (double)memory_kb("VmRSS:") / 1024,
           (double)memory_kb("VmHWM:") / 1024);
    if (folder) {
        engine_close(engine);
        start = mono_us();
        check(engine_open(&c, &def, str_c(folder), &engine, &healed));
        printf("{\"what\": \"open\", \"ms\": %.1f, \"healed\": \"%.*s\"}\n",
               (double)(mono_us() - start) / 1e3, S_ARG(healed));
    }
    arena_free(arena);
}

typedef struct Writes {
    pthread_t thread;
    atomic_bool stop;
    int64_t count, worst_us;
} Writes;

static void *writes_run(void *arg) {
    Writes *w = arg;
    Arena *arena = arena_new(64 * MIB);
    for (int64_t i = 0; !atomic_load(&w->stop); i++) {
        Ctx c = {.arena = arena};
        SearchDocs *d = search_docs_new(arena, &def);
        search_doc(d, doc_count + 1 + i);
        search_doc_text(d, CAPTION, captions[i % doc_count]);
        search_doc_text(d, PLATFORM, S("tiktok"));
        search_doc_int(d, POSTED_AT, 1763600000000000 + i);
        int64_t from = mono_us();
        check(engine_apply(&c, engine, d, doc_count + 1 + i));
        w->worst_us = max_i64(w->worst_us, mono_us() - from);
        w->count++;
        arena_reset(arena);
    }
    arena_free(arena);
    return NULL;
}

static void measure_writes(int threads, double seconds) {
    Writes w = {0};
    int64_t start = mono_us();
    pthread_create(&w.thread, NULL, writes_run, &w);
    measure("mix_while_writing", threads, seconds, 0);
    atomic_store(&w.stop, true);
    pthread_join(w.thread, NULL);
    printf("{\"what\": \"single_writes\", \"documents_s\": %.0f, \"worst_us\": %lld}\n",
           (double)w.count * 1e6 / (double)(mono_us() - start), (long long)w.worst_us);
}

int main(int argc, char **argv) {
    const char *folder = NULL, *only = NULL, *rates = "1000,3000,5000";
    int threads = 2;
    double seconds = 3;
    int64_t most = INT64_MAX;
    if (argc < 2) die("usage: search_bench CORPUS [--docs N] [--threads T] [--seconds S] …");
    for (int i = 2; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--docs")) most = strtoll(argv[i + 1], NULL, 10);
        else if (!strcmp(argv[i], "--threads")) threads = (int)strtol(argv[i + 1], NULL, 10);
        else if (!strcmp(argv[i], "--seconds")) seconds = strtod(argv[i + 1], NULL);
        else if (!strcmp(argv[i], "--folder")) folder = argv[i + 1];
        else if (!strcmp(argv[i], "--only")) only = argv[i + 1];
        else if (!strcmp(argv[i], "--rates")) rates = argv[i + 1];
        else die("an option that is not known");
    }
    corpus_load(argv[1], most);
    build(folder);

    enum { EACH = 2000 };
    Arena *arena = arena_new(1024 * MIB);
    Query *all = calloc((size_t)KINDS * EACH, sizeof *all);
    for (int k = 0; k < KINDS; k++)
        for (int i = 0; i < EACH; i++) all[k * EACH + i] = query_make(arena, (Kind)k);
    for (int k = 0; k < KINDS; k++) {
        if (only && strcmp(only, kind_names[k])) continue;
        queries = all + k * EACH;
        query_count = EACH;
        measure(kind_names[k], 1, seconds / 2, 0);
    }
    if (only) return 0;
    queries = calloc((size_t)KINDS * EACH, sizeof *queries); /* shuffled */
    query_count = KINDS * EACH;
    memcpy(queries, all, (size_t)query_count * sizeof *queries);
    for (int i = query_count - 1; i > 0; i--) {
        int j = (int)below(i + 1);
        Query t = queries[i];
        queries[i] = queries[j];
        queries[j] = t;
    }
    measure("mix", 1, seconds, 0);
    measure("mix", threads, seconds, 0);
    measure("mix", 16, seconds, 0);
    for (const char *r = rates; *r;) {
        char *end;
        double rate = strtod(r, &end);
        if (rate > 0) measure("mix_open", 16, seconds, rate);
        r = *end ? end + 1 : end;
    }
    measure_writes(threads, seconds);
    return 0;
}
