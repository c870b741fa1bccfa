/* SPDX-License-Identifier: Apache-2.0
 * Each migration is one transaction that first makes sure that it is alone (the writer's lock on
 * SQLite, an advisory lock on PostgreSQL) and that nobody else has applied it meanwhile. */
#include "data/migrate.h"

#include "core/log.h"
#include "data/db_room.h"
#include "migrations_embed.h"

enum { ADVISORY_LOCK = 0x50c1e };

typedef struct Applied {
    int64_t number;
    Str name, checksum;
    Time applied_at;
} Applied;

static const Field applied_fields[] = {
    FIELD(Applied, number),
    FIELD(Applied, name),
    FIELD(Applied, checksum),
    FIELD(Applied, applied_at),
};
static const Record applied_record = RECORD(Applied, applied_fields, .table = "schema_migrations");

/* One embedded file of this engine. */
typedef struct File {
    int64_t number;
    Str name, checksum, text;
} File;

typedef struct Files {
    File *items;
    ptrdiff_t count;
} Files;

/* -- the embedded files ------------------------------------------------------------------------ */

/* `0002_accounts.sqlite.sql`; false when it is not this engine's. */
static bool file_read(const EmbedFile *from, Str engine, File *out) {
    Str name = str_c(from->path), number;
    if (!str_ends(name, engine)) return false;
    name = str_cut(str_slice(name, 0, name.len - engine.len), '_', &number);
    *out = (File){.name = name,
                  .checksum = str_c(from->etag),
                  .text = str_of((const char *)from->bytes, from->size)};
    return name.data && str_to_i64(number, &out->number);
}

static Err *files_load(Ctx *c, Files *out) {
    Str engine = db_engine(c) == ENGINE_SQLITE ? S(".sqlite.sql") : S(".postgres.sql");
    *out = (Files){arena_array(c->arena, File, migrations_files_count + 1), 0};
    for (int i = 0; i < migrations_files_count; i++)
        out->count += file_read(&migrations_files[i], engine, &out->items[out->count]);
    for (ptrdiff_t i = 1; i < out->count; i++)
        if (out->items[i].number <= out->items[i - 1].number)
            FAIL(c, INTERNAL, "two migrations are numbered %lld", (long long)out->items[i].number);
    return NULL;
}

/* What stands between the line `-- up` and the line `-- down`, or behind the latter. */
static Str part(Str text, bool up) {
    Str rest = text, line;
    const char *from = NULL, *to = text.data + text.len;
    while (rest.data) {
        rest = str_cut(rest, '\n', &line);
        line = str_trim(line);
        if (str_eq(line, up ? S("-- up") : S("-- down")))
            from = rest.data ? rest.data : to;
        else if (up && str_eq(line, S("-- down")))
            to = line.data;
    }
    return from ? str_of(from, to - from) : (Str){NULL, 0};
}

/* -- what is applied --------------------------------------------------------------------------- */

static Err *applied_load(Ctx *c, Rows *out) {
    int64_t table = 0;
    *out = (Rows){NULL, 0};
    TRY(db_int(c,
               SQL2("SELECT count(*) FROM sqlite_schema WHERE name = 'schema_migrations'",
                    "SELECT count(*) FROM pg_class WHERE oid = to_regclass('schema_migrations')"),
               NO_ARGS, &table));
    if (table == 0) return NULL;
    return db_query(
        c, SQL("SELECT number, name, checksum, applied_at FROM schema_migrations ORDER BY number"),
        NO_ARGS, &applied_record, out);
}

static const Applied *applied_find(Rows rows, int64_t number) {
    const Applied *items = rows.items;
    for (ptrdiff_t i = 0; i < rows.count; i++)
        if (items[i].number == number) return &items[i];
    return NULL;
}

/* -- one step ---------------------------------------------------------------------------------- */

typedef struct Step {
    const File *file;
    bool up, done;
} Step;

static Err *record_up(Ctx *c, const File *f) {
    return db_exec(c,
                   SQL("INSERT INTO schema_migrations (number, name, checksum, applied_at) "
                       "VALUES ($1, $2, $3, $4)"),
                   ARGS(V(f->number), V(f->name), V(f->checksum), V(time_now())), NULL);
}

static Err *step_in(Ctx *c, void *arg) {
    Step *step = arg;
    const File *f = step->file;
    step->done = false; /* this may be a second run */
    if (db_engine(c) == ENGINE_POSTGRES)
        TRY(db_exec(c, SQL("SELECT pg_advisory_xact_lock($1)"), ARGS(V((int64_t)ADVISORY_LOCK)),
                    NULL));
    Rows rows;
    TRY(applied_load(c, &rows));
    if ((applied_find(rows, f->number) != NULL) == step->up) return NULL;
    Str script = part(f->text, step->up);
    if (!script.data) FAIL(c, INTERNAL, "it has no part `-- %s`", step->up ? "up" : "down");
    if (!step->up)
        TRY(db_exec(c, SQL("DELETE FROM schema_migrations WHERE number = $1"), ARGS(V(f->number)),
                    NULL));
    TRY(db_script(c, script));
    if (step->up) TRY(record_up(c, f));
    step->done = true;
    return NULL;
}

static Err *step_run(Ctx *c, const File *f, bool up, int64_t *count) {
    Step step = {.file = f, .up = up};
    Err *err = db_transaction(c, step_in, &step);
    if (err)
        return err_wrap(c, err->kind, __func__, err, "Migration %04lld_%.*s cannot be %s.",
                        (long long)f->number, S_ARG(f->name), up ? "applied" : "reverted");
    if (!step.done) return NULL;
    log_msg(c, LOG_INFO, "migration %04lld_%.*s %s", (long long)f->number, S_ARG(f->name),
            up ? "applied" : "reverted");
    ++*count;
    return NULL;
}

/* -- the whole --------------------------------------------------------------------------------- */

Err *migrate_up(Ctx *c, int64_t *applied) {
    assert(!c->tx);
    assert(applied);
    Files files;
    Rows rows;
    *applied = 0;
    TRY(files_load(c, &files));
    TRY(applied_load(c, &rows));
    for (ptrdiff_t i = 0; i < files.count; i++) {
        const File *f = &files.items[i];
        const Applied *before = applied_find(rows, f->number);
        if (before && !str_eq(before->checksum, f->checksum))
            log_msg(c, LOG_WARN, "migration %04lld_%.*s is not what was applied",
                    (long long)f->number, S_ARG(f->name));
        if (!before) TRY(step_run(c, f, true, applied));
    }
    return NULL;
}

Err *migrate_down(Ctx *c, int64_t steps, int64_t *reverted) {
    assert(!c->tx);
    assert(steps >= 0);
    Files files;
    Rows rows;
    *reverted = 0;
    TRY(files_load(c, &files));
    TRY(applied_load(c, &rows));
    const Applied *items = rows.items;
    for (ptrdiff_t i = rows.count - 1; i >= 0 && *reverted < steps; i--) {
        const File *f = NULL;
        for (ptrdiff_t k = 0; k < files.count; k++)
            if (files.items[k].number == items[i].number) f = &files.items[k];
        if (!f)
            FAIL(
                c, CONFLICT,
                "Migration %04lld_%.*s is of a newer version of this program: revert it with that.",
                (long long)items[i].number, S_ARG(items[i].name));
        TRY(step_run(c, f, false, reverted));
    }
    return NULL;
}

static int by_number(const void *a, const void *b) {
    const Migration *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

Err *migrate_status(Ctx *c, Migration **out, ptrdiff_t *count) {
    Files files;
    Rows rows;
    TRY(files_load(c, &files));
    TRY(applied_load(c, &rows));
    Migration *list = arena_array(c->arena, Migration, files.count + rows.count + 1);
    ptrdiff_t n = 0;
    for (ptrdiff_t i = 0; i < files.count; i++) {
        const File *f = &files.items[i];
        const Applied *a = applied_find(rows, f->number);
        list[n++] = (Migration){.number = f->number,
                                .name = f->name,
                                .applied = a != NULL,
                                .applied_at = a ? a->applied_at : TIME_NULL,
                                .changed = a && !str_eq(a->checksum, f->checksum)};
    }
    for (ptrdiff_t i = 0; i < rows.count; i++) { /* of a newer program */
        const Applied *a = (const Applied *)rows.items + i;
        bool ours = false;
        for (ptrdiff_t k = 0; k < files.count; k++) ours |= files.items[k].number == a->number;
        if (!ours) list[n++] = (Migration){a->number, a->name, true, a->applied_at, true};
    }
    qsort(list, (size_t)n, sizeof *list, by_number);
    *out = list;
    *count = n;
    return NULL;
}
