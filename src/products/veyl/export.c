/* SPDX-License-Identifier: Apache-2.0 */
#include "products/veyl/export.h"

#include "products/veyl/queries.h"
#include "products/veyl/routes.h"
#include "products/veyl/veyl.h"

enum { FLUSH_BYTES = 64 * 1024 };

static const Field post_csv_fields[] = {
    FIELD(PostRow, id),         FIELD(PostRow, platform),
    FIELD(PostRow, author),     FIELD(PostRow, caption),
    FIELD(PostRow, hashtags),   FIELD(PostRow, likes),
    FIELD(PostRow, comments),   FIELD(PostRow, shares),
    FIELD(PostRow, views),      FIELD(PostRow, posted_at, .flags = F_NULLABLE),
    FIELD(PostRow, language),   FIELD(PostRow, media_url),
    FIELD(PostRow, sentiment),  FIELD(PostRow, score),
    FIELD(PostRow, fetched_at), FIELD(PostRow, external_id),
    FIELD(PostRow, permalink),  FIELD(PostRow, mentions),
    FIELD(PostRow, media_type), FIELD(PostRow, thumbnail_url),
};
static const Record post_csv_record = RECORD(PostRow, post_csv_fields);

Err *export_format(Ctx *c, Str name, ExportFormat *out) {
    if (name.len == 0 || str_eq(name, S("ndjson")))
        *out = EXPORT_NDJSON;
    else if (str_eq(name, S("json")))
        *out = EXPORT_JSON;
    else if (str_eq(name, S("csv")))
        *out = EXPORT_CSV;
    else
        FAIL(c, BAD_REQUEST, "format is csv, json or ndjson, not `%.*s`", S_ARG(name));
    return NULL;
}

typedef struct Exporting {
    PostExport *e;
    Buf text;
    ArenaMark mark;
} Exporting;

static Err *flush(Ctx *c, Exporting *x) {
    if (x->text.len == 0) return NULL;
    TRY(x->e->write(c, x->e->arg, buf_str(&x->text)));
    x->text.len = 0;
    return NULL;
}

static Err *post_write(Ctx *c, void *item, void *arg) {
    Exporting *x = arg;
    PostRow *row = item;
    if (x->e->format == EXPORT_CSV) {
        if (row->posted_at.us == POSTED_UNKNOWN.us) row->posted_at = TIME_NULL;
        record_csv_row(&x->text, &post_csv_record, row);
    } else {
        Post post = post_of_row(row);
        if (x->e->format == EXPORT_JSON && x->e->count) buf_byte(&x->text, ',');
        record_write(&x->text, &project_post_record, &post);
        if (x->e->format == EXPORT_NDJSON) buf_byte(&x->text, '\n');
    }
    x->e->count++;
    return x->text.len >= FLUSH_BYTES ? flush(c, x) : NULL;
}

static void text_arena_free(void *arena) { arena_free(arena); }

Err *posts_export(Ctx *c, PostExport *e) {
    /* An arena of its own, because cells and texts of a million rows pass through it. */
    Arena *arena = arena_new(64 * MIB);
    defer(c, text_arena_free, arena);
    Exporting x = {.e = e, .text = buf_new(arena, 2 * FLUSH_BYTES)};
    if (e->format == EXPORT_JSON) buf_byte(&x.text, '[');
    if (e->format == EXPORT_CSV) record_csv_head(&x.text, &post_csv_record);
    TRY(db_each(c, e->sql, e->args, &post_row_record, post_write, &x));
    if (e->format == EXPORT_JSON) buf_add(&x.text, S("]\n"));
    return flush(c, &x);
}

/* -- socle export veyl posts ------------------------------------------------------------------ */

static Err *export_file_write(Ctx *c, void *arg, Str bytes) {
    Transfer *t = arg;
    return transfer_write(c, t, bytes);
}

Err *veyl_export_posts(Ctx *c, Transfer *t) {
    PostExport e = {.write = export_file_write, .arg = t};
    Id platform;
    int64_t project = 0;
    Str number = transfer_option(t, "project");
    c->deadline_us = 0;
    TRY(export_format(c, transfer_option(t, "format"), &e.format));
    TRY(platform_filter(c, transfer_option(t, "platform"), &platform));
    if (number.len && !str_to_i64(number, &project))
        FAIL(c, INVALID, "--project takes a number, not `%.*s`", S_ARG(number));
    e.sql = project ? SQL(SQL_PROJECT_POSTS_EACH) : SQL(SQL_POSTS_EACH);
    e.args = project ? ARGS(V(project)) : ARGS(V(platform));
    TRY(posts_export(c, &e));
    t->done = e.count;
    return NULL;
}
