/* Groonga under bench/search, linked in: its own commands to a context a thread, its cache of
 * answers off. TokenBigram with NormalizerAuto (runs of letters are words), hits by its score,
 * totals exact, facets by drilldown. Misspelt words by fuzzy_search, which finds them unranked. In
 * its favour: the index is made after the loading, which is its fastest way.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <groonga.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/buf.h"
#include "core/time.h"
#include "../search_bench.h"

static grn_ctx *writer;
static grn_obj *db;
static Arena *arena;

static Str command(grn_ctx *ctx, Str text) {
    char *answer = NULL;
    unsigned int len = 0;
    int flags = 0;
    grn_ctx_send(ctx, text.data, (unsigned)text.len, 0);
    if (ctx->rc != GRN_SUCCESS) die("Groonga: %s: %.*s", ctx->errbuf, S_ARG(text));
    grn_ctx_recv(ctx, &answer, &len, &flags);
    if (ctx->rc != GRN_SUCCESS) die("Groonga: %s: %.*s", ctx->errbuf, S_ARG(text));
    return str_of(answer, (ptrdiff_t)len);
}

/* ---- writing */

static void start(const char *folder, bool fresh) {
    char path[4096];
    snprintf(path, sizeof path, "%s/db", folder);
    if (grn_init() != GRN_SUCCESS) die("Groonga does not start");
    grn_default_logger_set_max_level(GRN_LOG_ERROR);
    arena = arena_new(64 * MIB);
    writer = grn_ctx_open(0);
    db = fresh ? grn_db_create(writer, path, NULL) : grn_db_open(writer, path);
    if (!db) die("Groonga: %s", writer->errbuf);
    command(writer, S("cache_limit 0"));
}

static void create(const char *folder) {
    static const char *const schema[] = {
        "table_create Names TABLE_PAT_KEY ShortText",
        "table_create Hashtags TABLE_PAT_KEY ShortText",
        "table_create Posts TABLE_HASH_KEY UInt64",
        "column_create Posts caption COLUMN_SCALAR Text",
        "column_create Posts tags COLUMN_SCALAR Text",
        "column_create Posts author COLUMN_SCALAR ShortText",
        "column_create Posts hashtags COLUMN_VECTOR Hashtags",
        "column_create Posts platform COLUMN_SCALAR Names",
        "column_create Posts language COLUMN_SCALAR Names",
        "column_create Posts posted_at COLUMN_SCALAR Int64",
        "column_create Posts day COLUMN_SCALAR UInt32",
        "column_create Posts likes COLUMN_SCALAR Int64",
        "table_create Terms TABLE_PAT_KEY ShortText --default_tokenizer TokenBigram"
        " --normalizer NormalizerAuto",
    };
    start(folder, true);
    for (int i = 0; i < COUNT(schema); i++) command(writer, str_c(schema[i]));
}

static void text_add(Buf *b, Str text) {
    buf_byte(b, '"');
    for (ptrdiff_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\') buf_byte(b, '\\');
        if (text.data[i] == '\n')
            buf_add(b, S("\\n"));
        else
            buf_byte(b, text.data[i]);
    }
    buf_byte(b, '"');
}

static void post_add(Buf *b, const Post *p) {
    buf_f(b, "{\"_key\":%lld,\"caption\":", (long long)p->key);
    text_add(b, p->caption);
    buf_add(b, S(",\"tags\":"));
    text_add(b, p->hashtags);
    buf_add(b, S(",\"author\":"));
    text_add(b, p->author);
    buf_add(b, S(",\"platform\":"));
    text_add(b, p->platform);
    buf_add(b, S(",\"language\":"));
    text_add(b, p->language);
    buf_add(b, S(",\"hashtags\":["));
    for (Str rest = p->hashtags, tag; rest.len > 0;) {
        rest = str_cut(rest, ' ', &tag);
        text_add(b, tag);
        if (rest.len > 0) buf_byte(b, ',');
    }
    buf_f(b, "],\"posted_at\":%lld,\"day\":%lld,\"likes\":%lld}", (long long)p->posted_at_us,
          (long long)(p->posted_at_us / US_PER_DAY), (long long)p->likes);
}

static void add(const Post *posts, ptrdiff_t count) {
    Buf b = buf_new(arena, MIB);
    buf_add(&b, S("["));
    for (ptrdiff_t i = 0; i < count; i++) {
        if (i) buf_byte(&b, ',');
        post_add(&b, &posts[i]);
    }
    buf_add(&b, S("]"));
    command(writer, S("load --table Posts"));
    command(writer, buf_str(&b));
    arena_reset(arena);
}

static void finish(void) {
    command(writer, S("column_create Terms posts COLUMN_INDEX|WITH_POSITION|WITH_SECTION"
                      " Posts caption,tags,author"));
}

static void settle(void) {
    command(writer, S("io_flush"));
    grn_obj_close(writer, db);
    grn_ctx_close(writer);
    grn_fin();
}

static void open_folder(const char *folder) { start(folder, false); }
static void write_one(const Post *post) { add(post, 1); }

/* ---- asking */

typedef struct Asker {
    grn_ctx *ctx;
    Arena *arena;
} Asker;

static void *asker(void) {
    Asker *a = calloc(1, sizeof *a);
    if (!a) abort();
    a->arena = arena_new(MIB);
    a->ctx = grn_ctx_open(0);
    if (grn_ctx_use(a->ctx, db) != GRN_SUCCESS) die("Groonga: %s", a->ctx->errbuf);
    return a;
}

static void asker_free(void *arg) {
    Asker *a = arg;
    grn_ctx_close(a->ctx);
    arena_free(a->arena);
    free(a);
}

/* Within "..." of a command: \"two\" word*. A prefix is one of the last run of letters. */
static void words_add(Buf *b, const Query *q) {
    for (int i = 0; i < q->word_count; i++) {
        Str word = q->words[i], rest = {0};
        if (i && (!q->phrase || q->prefix)) buf_byte(b, ' ');
        if (q->prefix && i == q->word_count - 1) {
            ptrdiff_t at = word.len;
            while (at > 0 && word.data[at - 1] != '\'' && word.data[at - 1] != '-') at--;
            rest = str_slice(word, at, word.len);
            word = str_slice(word, 0, at);
        }
        if (word.len > 0) {
            buf_add(b, q->phrase && i ? S(" ") : S("\\\""));
            buf_add(b, word);
            if (!q->phrase || i == q->word_count - 1) buf_add(b, S("\\\""));
        }
        if (rest.len > 0) buf_f(b, " %.*s*", S_ARG(rest));
    }
}

static Str select_of(Arena *a, const Query *q) {
    Buf b = buf_new(a, 1024);
    buf_f(&b, "select Posts --output_columns _key,_score --limit %d --offset %lld", HITS,
          (long long)q->offset);
    if (q->kind == TYPO) {
        buf_f(&b,
              " --filter 'fuzzy_search(Terms.posts, \"%.*s\", {\"max_distance\": %d,"
              " \"with_transposition\": true, \"prefix_length\": 1})'",
              S_ARG(q->words[0]), str_utf8_count(q->words[0]) < 9 ? 1 : 2);
    } else {
        buf_add(&b, S(" --match_columns Terms.posts --query \""));
        words_add(&b, q);
        buf_byte(&b, '"');
    }
    if (q->platform.data)
        buf_f(&b, " --filter 'platform == \"%.*s\" && posted_at >= %lld'", S_ARG(q->platform),
              (long long)q->from_us);
    buf_add(&b, q->by_likes ? S(" --sort_keys -likes") : S(" --sort_keys -_score"));
    static const char *const facets[][2] = {{"platform", "-_nsubrecs"},
                                            {"hashtags", "-_nsubrecs"},
                                            {"language", "-_nsubrecs"},
                                            {"day", "-_key"}};
    for (int i = 0; q->facets && i < COUNT(facets); i++)
        buf_f(&b,
              " --drilldowns[%s].keys %s --drilldowns[%s].sort_keys %s"
              " --drilldowns[%s].limit %d",
              facets[i][0], facets[i][0], facets[i][0], facets[i][1], facets[i][0], FACET_VALUES);
    return buf_str(&b);
}

static int64_t ask(void *arg, const Query *q) {
    Asker *a = arg;
    Str answer = command(a->ctx, select_of(a->arena, q)), head;
    int64_t total = 0;
    if (!str_starts(answer, S("[[[")))
        die("Groonga: an answer of another form: %.*s", S_ARG(str_utf8_cut(answer, 100)));
    (void)str_cut(str_slice(answer, 3, answer.len), ']', &head);
    if (!str_to_i64(head, &total)) die("Groonga: no total");
    arena_reset(a->arena);
    return total;
}

const Engine bench_engine = {
    .name = "groonga",
    .create = create,
    .add = add,
    .finish = finish,
    .settle = settle,
    .open = open_folder,
    .asker = asker,
    .ask = ask,
    .asker_free = asker_free,
    .write = write_one,
};
