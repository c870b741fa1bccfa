/* SPDX-License-Identifier: Apache-2.0
 * socle kb: a tenant's knowledge bases from the shell, and whole folders of documents into them. */
#include <stdio.h>

#include "cli/tenant_call.h"
#include "products/sylion/document_shell.h"

static const Option kb_options[] = {
    {"description", "TEXT", NULL, "of create: what it is about"},
    {"status", "STATUS", NULL,
     "of documents: uploaded, extracting, indexing, indexed or failed (all)"},
    {"wait", NULL, NULL, "of import: until everything is indexed or has failed; helps with it"},
    {"timeout", "TIME", NULL, "of import --wait: at most so long: 90s, 10m (10m)"},
    {"json", NULL, NULL, "JSON lines instead of words, of import also on standard error"},
    {"quiet", NULL, NULL, "of import: say only what went wrong, and the sum"},
};
static_assert(COUNT(kb_options) <= CLI_OPTIONS_MAX, "each has a place");

static const BodyMember members[] = {{"description", "description", MEMBER_TEXT}};

static const ThingColumn columns[] = {
    {"id", NULL, NULL},        {"documentCount", NULL, NULL}, {"chunkCount", NULL, NULL},
    {"sizeBytes", NULL, NULL}, {"name", NULL, NULL},
};
static const ThingColumn document_columns[] = {
    {"id", NULL, NULL},   {"status", NULL, NULL}, {"chunkCount", NULL, NULL},
    {"name", NULL, NULL}, {"reason", NULL, NULL},
};

static const ThingKind bases = {"/api/v1/knowledge-bases", "knowledge base"};

static Err *base_line(Ctx *c, json_t *base, void *arg) {
    thing_print(c, arg, base, columns, COUNT(columns));
    return NULL;
}

static Err *document_line(Ctx *c, json_t *document, void *arg) {
    thing_print(c, arg, document, document_columns, COUNT(document_columns));
    return NULL;
}

static Err *base_add(Ctx *c, Cli *cli, const Scope *s) {
    json_t *made;
    Buf b = buf_new(c->arena, 256);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    json_key(&o, S("name"));
    json_put_str(&o, cli->words[2]);
    TRY(members_put(c, cli, members, COUNT(members), &o));
    json_end(&o, '}');
    TRY(thing_absent(c, s, &bases, cli->words[2]));
    TRY(tenant_call(c, s, METHOD_POST, str_c(bases.path), (Str){0}, buf_str(&b), &made));
    return base_line(c, made, cli);
}

static Err *base_show(Ctx *c, const Cli *cli, const Scope *s, Str id) {
    json_t *base;
    TRY(tenant_call(c, s, METHOD_GET, thing_path(c, &bases, id, ""), (Str){0}, (Str){0}, &base));
    thing_show(c, cli, base);
    return NULL;
}

static Err *documents_show(Ctx *c, Cli *cli, const Scope *s, Str id) {
    Str status = cli_value(cli, "status");
    Buf query = buf_new(c->arena, 64);
    if (!str_is_null(status)) {
        buf_add(&query, S("status="));
        buf_url(&query, status);
    }
    return tenant_call_each(c, s, thing_path(c, &bases, id, "/documents"), buf_str(&query),
                            document_line, cli);
}

/* -- import ------------------------------------------------------------------------------------ */

static const struct {
    const char *key, *words;
} steps[IMPORT_STEPS] = {
    [IMPORT_ADDED] = {"added", "added"},
    [IMPORT_THERE] = {"there", "already there"},
    [IMPORT_REFUSED] = {"refused", "refused"},
    [IMPORT_LEFT_OUT] = {"leftOut", "left out"},
    [IMPORT_INDEXED] = {"indexed", "indexed"},
    [IMPORT_FAILED] = {"failed", "failed"},
    [IMPORT_WAITING] = {"waiting", "not yet indexed"},
};

typedef struct Telling {
    Ctx *c;
    bool json, quiet;
} Telling;

static bool is_wrong(ImportStep step) {
    return step == IMPORT_REFUSED || step == IMPORT_FAILED || step == IMPORT_WAITING;
}

/* Names of files are bytes that anybody may have chosen, and this goes to a terminal. */
static void path_put(Buf *b, Str path) {
    for (ptrdiff_t at = 0; at < path.len;) {
        ptrdiff_t from = at;
        int32_t point = str_utf8_next(path, &at);
        bool odd = point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0xFFFD;
        buf_add(b, odd ? S("?") : str_slice(path, from, at));
    }
}

static void told_text(const ImportTold *t, Buf *b) {
    buf_f(b, "[%td/%td] %s: ", t->position, t->of, steps[t->step].words);
    path_put(b, t->path);
    if (t->reason.len) buf_f(b, " (%.*s)", S_ARG(t->reason));
}

static void member_put(JsonOut *o, const char *name, Str value) {
    if (str_is_null(value)) return;
    json_key(o, str_c(name));
    json_put_str(o, value);
}

static void told_json(const ImportTold *t, Buf *b) {
    JsonOut o = json_out(b);
    json_begin(&o, '{');
    member_put(&o, "event", str_c(steps[t->step].key));
    member_put(&o, "path", t->path);
    member_put(&o, "documentId", t->document_id);
    member_put(&o, "reason", t->reason);
    json_end(&o, '}');
}

static void tell(void *arg, const ImportTold *told) {
    const Telling *t = arg;
    if (t->quiet && !is_wrong(told->step)) return;
    CtxMark mark = ctx_mark(t->c);
    Buf b = buf_new(t->c->arena, 512);
    if (t->json)
        told_json(told, &b);
    else
        told_text(told, &b);
    fprintf(stderr, "%.*s\n", (int)b.len, b.data);
    ctx_release(t->c, mark);
}

/* What there is none of is left out of the sentence, but not of the object. */
static void sum_print(Ctx *c, const Cli *cli, const Import *i) {
    Buf b = buf_new(c->arena, 256);
    JsonOut o = json_out(&b);
    bool json = cli_flag(cli, "json");
    if (json) json_begin(&o, '{');
    for (ImportStep step = 0; step < IMPORT_STEPS; step++) {
        if (json) {
            json_key(&o, str_c(steps[step].key));
            json_put_i64(&o, i->counts[step]);
        } else if (i->counts[step] > 0 || step == IMPORT_ADDED) {
            buf_f(&b, "%s%lld %s", b.len ? ", " : "", (long long)i->counts[step],
                  steps[step].words);
        }
    }
    if (json) json_end(&o, '}');
    buf_byte(&b, '\n');
    cli_print(buf_str(&b));
}

static Err *import_with_help(Ctx *c, const Cli *cli, Import *i) {
    if (i->wait_ms == 0) return documents_import(c, i);
    TRY(modules_start(c, cli->modules, cli->module_count));
    Err *err = documents_import(c, i);
    modules_stop(c, cli->modules, cli->module_count);
    return err;
}

static Err *wait_read(Ctx *c, const Cli *cli, int64_t *ms) {
    Str text = cli_value(cli, "timeout");
    int64_t us;
    *ms = 0;
    if (!cli_flag(cli, "wait") && !str_is_null(text))
        return cli_usage(c, "--timeout is of import --wait");
    if (!cli_flag(cli, "wait")) return NULL;
    if (!duration_parse(str_is_null(text) ? S("10m") : text, &us) || us < US_PER_MS)
        return cli_usage(c, "--timeout is a time like 90s or 10m");
    *ms = us / US_PER_MS;
    return NULL;
}

static Err *documents_bring(Ctx *c, Cli *cli, const Scope *s, Str id, int64_t wait_ms) {
    KnowledgeBase base;
    FoundFiles files;
    Telling telling = {c, cli_flag(cli, "json"), cli_flag(cli, "quiet")};
    Import i = {.s = s, .files = &files, .wait_ms = wait_ms, .tell = tell, .arg = &telling};
    TRY(knowledge_base_load(c, s, id, &base));
    i.knowledge_base_id = base.id;
    files_find(c->arena, cli->words + 3, cli->word_count - 3, &files);
    if (files.too_many)
        FAIL(c, INVALID, "there are more than %d files: name fewer at once", FILES_FOUND_MAX);
    Err *err = import_with_help(c, cli, &i);
    sum_print(c, cli, &i);
    if (i.counts[IMPORT_REFUSED] || i.counts[IMPORT_FAILED] || i.counts[IMPORT_WAITING])
        cli->exit_code = 1;
    return err;
}

/* -- the command ------------------------------------------------------------------------------- */

static const ShellVerb verbs[] = {
    {"list", 2, 2, "json"},
    {"create", 3, 3, "description json"},
    {"show", 3, 3, "json"},
    {"documents", 3, 3, "status json"},
    {"import", 4, CLI_WORDS_MAX, "wait timeout json quiet"},
};

static Err *kb_run(Ctx *c, Cli *cli) {
    Str verb = cli->words[0], id;
    int64_t wait_ms;
    Scope s;
    TRY(verb_check(c, cli, verbs, COUNT(verbs),
                   "kb takes list TENANT, create TENANT NAME, show TENANT KB, documents TENANT KB "
                   "or import TENANT KB PATH..."));
    TRY(wait_read(c, cli, &wait_ms));
    TRY(tenant_enter(c, cli, cli->words[1], &s));
    if (str_eq(verb, S("list")))
        return tenant_call_each(c, &s, str_c(bases.path), (Str){0}, base_line, cli);
    if (str_eq(verb, S("create"))) return base_add(c, cli, &s);
    TRY(thing_find(c, &s, &bases, cli->words[2], &id));
    if (str_eq(verb, S("show"))) return base_show(c, cli, &s, id);
    if (str_eq(verb, S("documents"))) return documents_show(c, cli, &s, id);
    return documents_bring(c, cli, &s, id, wait_ms);
}

const Command kb_command = {
    .name = "kb",
    .words = "list|create|show|documents|import TENANT [NAME|KB [PATH...]]",
    .words_min = 2,
    .words_max = CLI_WORDS_MAX,
    .options = kb_options,
    .option_count = COUNT(kb_options),
    .need = NEED_SCHEMA,
    .doc = "A tenant's knowledge bases, and files into them",
    .more =
        "A TENANT is named by its slug or id, a KB by its id or its name. import takes files and\n"
        "folders, with all that is in them; in folders it leaves out what has another ending than "
        "those\n"
        "that can be read (.pdf .docx .odt .html .md .csv .txt and their like) and what begins "
        "with a\n"
        "dot. What the KB has already is not stored twice: an import that was cut is simply run "
        "again.\n"
        "Servers and workers that run do the indexing; with --wait this command does it too. It "
        "exits\n"
        "with 1 when a file was refused, could not be indexed, or was not when the time was over; "
        "each\n"
        "is named with its reason.",
    .run = kb_run,
};
