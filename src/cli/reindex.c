/* SPDX-License-Identifier: Apache-2.0
 * socle reindex [NAME]: builds search indexes anew from the database and leaves their snapshots for
 * the server to open. Where a server keeps them, it is asked to do it. */
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "core/time.h"
#include "search/search.h"

static const Option reindex_options[] = {
    {"json", NULL, NULL, "progress as JSON lines on standard error"},
    {"quiet", NULL, NULL, "say nothing but errors"},
};

enum { EVERY_MS = 1000 };

typedef struct Progress {
    Ctx *c;
    SearchIndex *index;
    int64_t began_us, told_us;
    bool json, quiet, bar;
} Progress;

static int64_t percent(int64_t done, int64_t total) {
    return total > 0 ? min_i64(100, done * 100 / total) : 0;
}

static void tell(void *arg, int64_t done, int64_t total) {
    Progress *p = arg;
    if (p->quiet || (!p->bar && mono_us() - p->told_us < EVERY_MS * US_PER_MS)) return;
    p->told_us = mono_us();
    ArenaMark mark = arena_mark(p->c->arena);
    SearchStats stats;
    search_stats(p->index, p->c, &stats);
    int64_t docs = stats.rebuilt_documents, us = max_i64(1, mono_us() - p->began_us);
    const char *name = search_def(p->index)->name;
    if (p->json)
        fprintf(stderr,
                "{\"event\":\"progress\",\"index\":\"%s\",\"documents\":%lld,\"percent\":%lld}\n",
                name, (long long)docs, (long long)percent(done, total));
    else
        fprintf(stderr, "%s%s: %lld documents, %lld %%, %lld/s%s", p->bar ? "\r\033[K" : "", name,
                (long long)docs, (long long)percent(done, total),
                (long long)(docs * US_PER_SECOND / us), p->bar ? "" : "\n");
    arena_release(p->c->arena, mark);
}

static Err *reindex_one(Ctx *c, const Cli *cli, SearchIndex *index) {
    Progress p = {.c = c,
                  .index = index,
                  .began_us = mono_us(),
                  .json = cli_flag(cli, "json"),
                  .quiet = cli_flag(cli, "quiet")};
    p.bar = !p.json && !p.quiet && isatty(STDERR_FILENO);
    Err *err = search_rebuild(c, index, tell, &p);
    if (p.bar) fprintf(stderr, "\r\033[K");
    if (err) return err;
    SearchStats stats;
    search_stats(index, c, &stats);
    if (!p.quiet)
        cli_printf("%s: %lld documents in %.1f s\n", search_def(index)->name,
                   (long long)stats.documents, (double)(mono_us() - p.began_us) / US_PER_SECOND);
    return NULL;
}

static Err *index_unknown(Ctx *c, const Cli *cli) {
    Buf b = buf_new(c->arena, 128);
    SearchIndex *index;
    for (ptrdiff_t i = 0; (index = search_at(c->app, i)); i++)
        buf_f(&b, "%s%s", i ? ", " : "", search_def(index)->name);
    return cli_usage(c, "there is no index `%.*s`; there is %.*s", S_ARG(cli->words[0]),
                     S_ARG(b.len ? buf_str(&b) : S("none")));
}

static Err *reindex(Ctx *c, const Cli *cli) {
    SearchIndex *index;
    if (cli->word_count) {
        index = search_find(c->app, cli->words[0]);
        return index ? reindex_one(c, cli, index) : index_unknown(c, cli);
    }
    for (ptrdiff_t i = 0; (index = search_at(c->app, i)); i++) TRY(reindex_one(c, cli, index));
    return NULL;
}

static Err *reindex_run(Ctx *c, Cli *cli) {
    TRY(modules_register(c, cli->modules, cli->module_count));
    TRY(modules_start(c, cli->modules, cli->module_count));
    Err *err = reindex(c, cli);
    modules_stop(c, cli->modules, cli->module_count);
    return err;
}

const Command reindex_command = {
    .name = "reindex",
    .words = "[NAME]",
    .words_max = 1,
    .options = reindex_options,
    .option_count = COUNT(reindex_options),
    .need = NEED_SCHEMA,
    .doc = "Build search indexes anew from the database",
    .more =
        "Without NAME: all of them. A running server keeps its indexes itself: then it is asked "
        "to\nbuild the index anew beside the one it serves, and the command exits with 1.",
    .run = reindex_run,
};
