/* SPDX-License-Identifier: Apache-2.0
 * GET /api/spaces/{id}/book: the space's story as a book. What was made is kept by the key of its content
 * and given again, with ranges; who asks while it is being made waits for that one. It is made on a thread,
 * with memory and time of its own; a book is stored whole or, where the disk is full, not at all. */
#include <setjmp.h>

#include "api/base_settings.h"
#include "api/public_url.h"
#include "api/router.h"
#include "core/time.h"
#include "products/lifetales/album_room.h"
#include "products/lifetales/book_made.h"
#include "products/lifetales/book_turn.h"
#include "products/lifetales/books_sql.h"
#include "products/lifetales/person.h"
#include "products/lifetales/routes.h"
#include "rt/offload.h"

static const ptrdiff_t BOOK_MEMORY = (ptrdiff_t)1536 * MIB;
static const int64_t BOOK_MS = 5 * 60 * 1000, MAKE_MS = 2 * 60 * 1000;

typedef struct BookRow {
    Str key, sha256;
    int64_t size;
    Time created_at;
} BookRow;
static const Field book_fields[] = {
    FIELD(BookRow, key),
    FIELD(BookRow, sha256),
    FIELD(BookRow, size),
    FIELD(BookRow, created_at),
};
static const Record book_row_record = RECORD(BookRow, book_fields);

typedef struct Making {
    Space space;
    Str format;
    BookMade made;
    BookRow row;
    /* Of the thread. */
    Arena *arena;
    Str out;
    Err *err;
    int64_t deadline_us;
    bool over;
} Making;

/* -- Kept ------------------------------------------------------------------------------------------ */

/* The book as it was made of the same content, open; false: there is none. */
static Err *book_kept(Ctx *c, Making *m, int *fd, int64_t *size, bool *found) {
    *found = false;
    Err *err = db_one(c, SQL(SQL_BOOK_LOAD), ARGS(V(m->space.user_id), V(m->space.n), V(m->format)),
                      &book_row_record, &m->row);
    if (err) return err->kind == ERR_NOT_FOUND ? NULL : err;
    if (!str_eq(m->row.key, m->made.key)) return NULL;
    err = blob_open(c, app_blobs(c), m->row.sha256, fd, size);
    if (err) return err->kind == ERR_NOT_FOUND ? NULL : err;
    *found = true;
    return NULL;
}

static Err *book_name_it(Ctx *c, void *arg) {
    Making *m = arg;
    BookRow old = {0};
    Value user = V(m->space.user_id), space = V(m->space.n);
    ptrdiff_t changed;
    Err *err = db_one(c, SQL(SQL_BOOK_LOAD), ARGS(user, space, V(m->format)), &book_row_record, &old);
    if (err && err->kind != ERR_NOT_FOUND) return err;
    m->row.created_at = time_now();
    TRY(db_exec(c, SQL(SQL_BOOK_PUT),
                ARGS(user, space, V(m->format), V(m->made.key), V(m->row.sha256), V(m->row.size),
                     V(m->row.created_at)),
                &changed));
    if (changed == 0) FAIL(c, NOT_FOUND, "There is no such space.");
    return old.sha256.len && !str_eq(old.sha256, m->row.sha256) ? album_let_go(c, old.sha256) : NULL;
}

static Err *book_store(Ctx *c, Making *m) {
    Staged staged = {.looked = {.mime_type = S("application/octet-stream"), .bytes = m->out}};
    TRY(blob_put(c, app_blobs(c), m->out, &staged.sha256));
    m->row.sha256 = staged.sha256;
    m->row.size = m->out.len;
    return album_staged(c, &staged, 1, db_transaction(c, book_name_it, m));
}

/* -- Made ------------------------------------------------------------------------------------------ */

static void make(void *arg) {
    Making *m = arg;
    Ctx own = {.arena = m->arena, .deadline_us = m->deadline_us};
    jmp_buf full;
    arena_on_full(m->arena, &full);
    if (setjmp(full)) {
        m->over = true;
    } else if (str_eq(m->format, S("pdf"))) {
        m->err = book_pdf(&own, &m->made.book, &m->out);
    } else if (str_eq(m->format, S("epub"))) {
        m->err = book_epub(&own, &m->made.book, &m->out);
    } else {
        m->err = book_html(&own, &m->made.book, &m->out);
    }
    arena_on_full(m->arena, NULL);
    ctx_undo(&own, NULL);
}

static void arena_end(void *arena) { arena_free(arena); }

static Err *book_make(Ctx *c, Making *m) {
    TRY(book_pictures(c, &m->made));
    m->arena = arena_new(BOOK_MEMORY);
    defer(c, arena_end, m->arena);
    m->deadline_us = mono_us() + MAKE_MS * 1000;
    if (c->deadline_us && c->deadline_us < m->deadline_us) m->deadline_us = c->deadline_us;
    TRY(offload(c, LANE_LONG, make, m));
    if (m->over) FAIL(c, TOO_LARGE, "This story is too large for one book.");
    if (m->err) return err_copy(c->arena, m->err);
    return book_store(c, m);
}

/* -- Had ------------------------------------------------------------------------------------------- */

static Err *book_ready(Ctx *c, Making *m, Str base, int *fd, int64_t *size) {
    bool found;
    BookTurn *turn;
    TRY(book_gather(c, &m->space, base, &m->made));
    TRY(book_kept(c, m, fd, size, &found));
    if (found) return NULL;
    TRY(book_turn(c, strf(c->arena, "%.*s.%.*s", S_ARG(m->space.id), S_ARG(m->format)), &turn));
    TRY(book_kept(c, m, fd, size, &found));
    if (!found) {
        TRY(book_make(c, m));
        TRY(blob_open(c, app_blobs(c), m->row.sha256, fd, size));
    }
    book_turn_end(turn);
    return NULL;
}

/* As a request to this machine would name it. */
static Str own_url(Arena *arena) {
    Str base = settings.public_url, at = settings.listen, port = at;
    while (str_ends(base, S("/"))) base.len--;
    if (base.len > 0) return base;
    if (str_starts(at, S("unix:"))) return S("http://localhost");
    for (ptrdiff_t i = 0; i < at.len; i++)
        if (at.data[i] == ':') port = str_slice(at, i, at.len);
    bool any = str_starts(at, S("0.0.0.0:")) || str_starts(at, S("[::]:")) || port.len == at.len;
    return any ? strf(arena, "http://127.0.0.1%.*s", S_ARG(port)) : strf(arena, "http://%.*s", S_ARG(at));
}

Err *book_have(Ctx *c, const Space *space, Str format, Str base, int *fd, int64_t *size) {
    Making *m = arena_new_of(c->arena, Making);
    *m = (Making){.space = *space, .format = format};
    return book_ready(c, m, str_is_null(base) ? own_url(c->arena) : base, fd, size);
}

/* -- Answered -------------------------------------------------------------------------------------- */

/* Its title, of letters and digits that any system takes. */
static Str file_name(Ctx *c, const Making *m) {
    Buf b = buf_new(c->arena, 128);
    Str title = str_utf8_cut(m->space.title, 80);
    for (ptrdiff_t i = 0; i < title.len;) {
        ptrdiff_t from = i;
        int32_t p = str_utf8_next(title, &i);
        bool plain = (p >= '0' && p <= '9') || (p >= 'a' && p <= 'z') || (p >= 'A' && p <= 'Z') ||
                     (p >= 0xc0 && p < 0xfffd && !(p >= 0x2000 && p < 0x2070) && !(p >= 0xd800 && p < 0xf900));
        if (plain)
            buf_add(&b, str_slice(title, from, i));
        else if (b.len > 0 && b.data[b.len - 1] != '-')
            buf_byte(&b, '-');
    }
    while (b.len > 0 && b.data[b.len - 1] == '-') b.len--;
    if (b.len == 0) buf_add(&b, S("book"));
    buf_byte(&b, '.');
    buf_add(&b, m->format);
    return buf_str(&b);
}

static Str media_type(Str format) {
    return str_eq(format, S("pdf"))    ? S("application/pdf")
           : str_eq(format, S("epub")) ? S("application/epub+zip")
                                       : S("text/html; charset=utf-8");
}

static void book_answer(Ctx *c, Call *k, const Making *m, int fd, int64_t size) {
    if (str_eq(m->format, S("html")))
        reply_policy(c, k->q, k->r, S("default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
                                      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"));
    reply_header(k->r, S("Cache-Control"), S("private, no-cache"));
    reply_file(c, k->r, fd, size, media_type(m->format), strf(c->arena, "\"%.*s\"", S_ARG(m->row.sha256)),
               m->row.created_at, file_name(c, m));
    k->answered = true;
}

typedef struct BookQuery {
    Str format;
} BookQuery;
static const char *const book_formats[] = {"pdf", "epub", "html", NULL};
static const Field book_query_fields[] = {
    FIELD(BookQuery, format, .values = book_formats, .fallback = "\"pdf\""),
};
static const Record book_query_record = RECORD(BookQuery, book_query_fields, .open = true);

static Err *book_get(Ctx *c, Call *k) {
    Id user;
    int fd;
    int64_t size;
    Making *m = arena_new_of(c->arena, Making);
    TRY(person_of(c, k, &user));
    TRY(space_load(c, user, k->params[0], &m->space));
    m->format = ((const BookQuery *)k->query)->format;
    TRY(book_ready(c, m, public_url(c, k->q, (Str){0}), &fd, &size));
    book_answer(c, k, m, fd, size);
    return NULL;
}

const Route book_routes[] = {
    {GET, "/api/spaces/{id}/book", book_get, TALES_READS, .query = &book_query_record,
     .out_type = "application/pdf, application/epub+zip, text/html", .timeout_ms = BOOK_MS,
     .errors = "403 404 409 413 422 501 507",
     .doc = "The story as a book: PDF ready for print, EPUB, or a page that stands alone"},
    {.path = NULL},
};
