/* SPDX-License-Identifier: Apache-2.0
 * Who has the open data fetched: a schedule, an administrator, the command line. */
#include "core/json.h"
#include "products/robian/fetch.h"
#include "products/robian/open_data_sql.h"
#include "products/robian/robian.h"
#include "products/robian/routes.h"

enum { PAUSE_MS = 2000 }; /* between two requests to the Assembly's server */

/* -- jobs ------------------------------------------------------------------------------------- */

typedef struct Following {
    Job *job;
    const char *source;
    char note[100]; /* the job keeps pointing here until it ends */
} Following;

static Err *job_follow(Ctx *c, void *arg, const OpenDataFigures *figures, int64_t done,
                       int64_t total) {
    Following *f = arg;
    snprintf(f->note, sizeof f->note, "%s: %lld files", f->source, (long long)figures->files);
    return job_progress(c, f->job, done, total, str_c(f->note));
}

static void fetched_json(JsonOut *o, const char *source, const Fetched *f) {
    json_key(o, str_c(source));
    json_begin(o, '{');
    json_key(o, S("unchanged"));
    json_put_bool(o, f->unchanged);
    json_key(o, S("bytes"));
    json_put_i64(o, f->bytes);
    json_key(o, S("files"));
    json_put_i64(o, f->figures.files);
    json_key(o, S("added"));
    json_put_i64(o, f->figures.added);
    json_key(o, S("changed"));
    json_put_i64(o, f->figures.changed);
    json_key(o, S("same"));
    json_put_i64(o, f->figures.same);
    json_key(o, S("refused"));
    json_put_i64(o, f->figures.refused);
    json_end(o, '}');
}

/* All that are to be fetched, one after the other; one that fails keeps none of the others. */
static Err *sources_fetch(Ctx *c, Job *job, const OpenDataKind *only, bool anew) {
    Buf b = buf_new(c->arena, 512);
    JsonOut o = json_out(&b);
    Err *first = NULL;
    bool asked = false;
    json_begin(&o, '{');
    for (const OpenDataKind *const *kind = open_data_fetched; *kind; kind++) {
        if (only && *kind != only) continue;
        if (asked) TRY(sleep_ms(c, PAUSE_MS));
        asked = true;
        Following *following = arena_new_of(c->arena, Following);
        *following = (Following){.job = job, .source = (*kind)->name};
        OpenDataWatch watch = {.progress = job_follow, .arg = following};
        Fetched fetched;
        Err *err = open_data_fetch(c, *kind, anew, &watch, &fetched);
        if (err && (err->kind == ERR_CANCELLED || c->cancelled)) return err;
        if (err && !first) first = err;
        if (!err) fetched_json(&o, (*kind)->name, &fetched);
    }
    json_end(&o, '}');
    job->result = (JsonText){buf_str(&b)};
    return first;
}

typedef struct Wanted {
    Str source;
    bool anew;
} Wanted;
static const char *const source_names[] = {"deputies", "agenda", "votes", "transcripts", NULL};
static const Field wanted_fields[] = {
    FIELD(Wanted, source, .flags = F_NULLABLE, .values = source_names, .doc = "All unless given"),
    FIELD(Wanted, anew, .fallback = "false",
          .doc = "Also what the server has not changed since it was last fetched"),
};
static const Record wanted_record =
    RECORD_AS("OpenDataFetch", Wanted, wanted_fields, .doc = "What of the open data to fetch");

Err *fetch_run(Ctx *c, Job *job) {
    json_t *json;
    Wanted wanted;
    TRY(json_parse(c, job->payload.text, &json));
    TRY(record_read(c, &wanted_record, json, READ_CREATE, &wanted, NULL));
    const OpenDataKind *only = wanted.source.data ? open_data_fetched_find(wanted.source) : NULL;
    return sources_fetch(c, job, only, wanted.anew);
}

Err *fetch_nightly(Ctx *c, Job *job) {
    return robian.open_data_fetch ? sources_fetch(c, job, NULL, false) : NULL;
}

/* -- routes ----------------------------------------------------------------------------------- */

static Err *fetch_in(Ctx *c, void *arg) {
    Call *k = arg;
    const Wanted *wanted = k->in;
    Id id;
    Buf payload = buf_new(c->arena, 64);
    record_write(&payload, &wanted_record, wanted);
    TRY(job_add(c, "robian.fetch", buf_str(&payload), (JobOptions){.unique_key = buf_str(&payload)},
                &id));
    return job_load(c, id, call_out(k));
}

static Err *fetch_post(Ctx *c, Call *k) { return db_transaction(c, fetch_in, k); }

static Err *sources_list(Ctx *c, Call *k) {
    Rows rows;
    TRY(db_query(c, SQL(SQL_SOURCE_LIST), NO_ARGS, &open_data_source_record, &rows));
    call_list(c, k, rows, rows.count, (Str){0});
    return NULL;
}

const Route open_data_routes[] = {
    {GET, "/api/open-data/sources", sources_list, .access = ACCESS_ADMIN, .scope = "debates:read",
     .out = &open_data_source_record, .out_list = true, .tag = "open data",
     .doc = "The Assembly's archives, as they were when they were last fetched"},
    {POST, "/api/open-data/fetch", fetch_post, .access = ACCESS_ADMIN, .scope = "debates:write",
     .in = &wanted_record, .out = &job_record, .status = 202, .rate = RATE_WRITE,
     .tag = "open data",
     .doc = "Fetch the Assembly's open data now: the job that does it, or is about to already"},
    {0},
};

/* -- the command line -------------------------------------------------------------------------- */

static void refused_print(void *arg, ptrdiff_t path, int64_t position, Str name, Str why) {
    Transfer *t = arg;
    Arena *arena = arena_new(64 * KIB + 8 * (name.len + why.len));
    (void)path;
    t->line_number = position;
    transfer_reject(t, strf(arena, "%.*s: %.*s", S_ARG(name), S_ARG(why)));
    arena_free(arena);
}

static Err *one_fetch(Ctx *c, Transfer *t, const OpenDataKind *kind, bool anew) {
    OpenDataWatch watch = {refused_print, NULL, t};
    Fetched f;
    TRY(open_data_fetch(c, kind, anew, &watch, &f));
    t->done += f.figures.files - f.figures.refused;
    t->bytes_done += f.bytes;
    if (t->quiet) return NULL;
    if (!t->json) fprintf(stderr, "%s: %s\n", kind->name, f.unchanged ? "nothing new" : "fetched");
    if (!f.unchanged) open_data_figures_print(t, &f.figures);
    return NULL;
}

static Err *kind_named(Ctx *c, Str name, const OpenDataKind **out) {
    *out = open_data_fetched_find(name);
    if (*out || str_eq(name, S("all"))) return NULL;
    FAIL(c, INVALID, "there is no `%.*s` to fetch: all, deputies, agenda, votes, transcripts",
         S_ARG(name));
}

Err *robian_import_fetch(Ctx *c, Transfer *t) {
    bool anew = !str_is_null(transfer_option(t, "anew")), asked = false;
    c->deadline_us = 0;
    for (ptrdiff_t i = 0; i < t->file_count; i++) {
        const OpenDataKind *only;
        TRY(kind_named(c, t->files[i], &only));
        t->next_file = i + 1;
        for (const OpenDataKind *const *kind = open_data_fetched; *kind; kind++) {
            if (only && *kind != only) continue;
            if (asked) TRY(sleep_ms(c, PAUSE_MS));
            asked = true;
            TRY(one_fetch(c, t, *kind, anew));
        }
    }
    return NULL;
}
