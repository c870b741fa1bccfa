/* SPDX-License-Identifier: Apache-2.0
 * JSON bodies in parts:
 *
 *   socket ─▶ piece ─▶ pool thread: digest, json_parts_take ─▶ rest (memory)
 *              ▲                                            └▶ bytes ─▶ sheet (disk)
 *              └────────── read on when it is done ──────────┘
 *
 * One sheet for all parts of a body: descriptors are few. What the disk refuses is not tried again; the
 * body is given up. */
#include "net/body_parts.h"

#include <openssl/evp.h>
#include <unistd.h>

#include "core/rand.h"
#include "net/server.h"
#include "net/sheet.h"
#include "rt/offload.h"

enum {
    PIECE = 128 * 1024,
    PART_FROM = 4096, /* shorter texts stay where they are */
    PARSE_ON_LOOP = 256 * 1024,
    SECRET_BYTES = 16
};

typedef struct BodyParts {
    JsonParts *parts;
    Sheet sheet;
    EVP_MD_CTX *digest; /* NULL: not wanted */
    char *out;          /* what is still to be written, at out_at */
    ptrdiff_t out_len;
    int64_t out_at;
    int error;
} BodyParts;

static void digest_free(void *arg) { EVP_MD_CTX_free(arg); }

static EVP_MD_CTX *digest_start(Ctx *c) {
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    if (!digest || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1) abort();
    defer(c, digest_free, digest);
    return digest;
}

/* -- on a pool thread -------------------------------------------------------------------------- */

static void out_flush(BodyParts *b) {
    if (b->out_len > 0 && !b->error)
        b->error = sheet_write(&b->sheet, b->out_at, str_of(b->out, b->out_len));
    b->out_len = 0;
}

static void out_add(void *arg, int64_t at, Str bytes) {
    BodyParts *b = arg;
    if (at != b->out_at + b->out_len || b->out_len + bytes.len > PIECE) out_flush(b);
    if (b->out_len == 0) b->out_at = at;
    assert(bytes.len <= PIECE);
    memcpy(b->out + b->out_len, bytes.data, (size_t)bytes.len);
    b->out_len += bytes.len;
}

typedef struct Taking {
    BodyParts *b;
    Str piece;
} Taking;

static void take_now(void *arg) {
    const Taking *t = arg;
    if (t->b->digest && EVP_DigestUpdate(t->b->digest, t->piece.data, (size_t)t->piece.len) != 1)
        abort();
    json_parts_take(t->b->parts, t->piece);
}

typedef struct Ending {
    Ctx *c;
    BodyParts *b;
    json_t *json;
    Err *err;
} Ending;

static void end_now(void *arg) {
    Ending *e = arg;
    json_parts_end(e->b->parts);
    out_flush(e->b);
    bool empty = json_parts_rest(e->b->parts).len == 0;
    if (!e->b->error && !empty) e->err = json_parts_parse(e->c, e->b->parts, &e->json);
}

/* -- in the coroutine -------------------------------------------------------------------------- */

static Err *parts_open(Ctx *c, BodyJsonOptions options, BodyParts **out) {
    BodyParts *b = arena_new_of(c->arena, BodyParts);
    TRY(sheet_open(c, &b->sheet));
    b->parts = json_parts_new(c->arena, (JsonPartsOptions){
                                            .record = options.record,
                                            .from = PART_FROM,
                                            .align = sysconf(_SC_PAGESIZE),
                                            .secret = rand_token(c->arena, S(""), SECRET_BYTES),
                                            .write = out_add,
                                            .arg = b,
                                        });
    b->out = arena_bytes(c->arena, PIECE);
    if (options.digest) b->digest = digest_start(c);
    *out = b;
    return NULL;
}

static Err *piece_next(Ctx *c, Req *q, char *to, Str *piece) {
    ptrdiff_t len = 0;
    for (ptrdiff_t n = 1; n > 0 && len < PIECE; len += n)
        TRY(body_read(c, q, to + len, PIECE - len, &n));
    *piece = str_of(to, len);
    return NULL;
}

static Err *pieces_take(Ctx *c, Req *q, BodyParts *b, ptrdiff_t rest_limit) {
    char *room = arena_bytes(c->arena, PIECE);
    for (Taking t = {.b = b, .piece = S("1")}; t.piece.len > 0;) {
        TRY(piece_next(c, q, room, &t.piece));
        if (t.piece.len > 0) TRY(offload(c, LANE_SHORT, take_now, &t));
        TRY(sheet_err(c, b->error));
        if (json_parts_rest(b->parts).len > rest_limit)
            FAIL(c, TOO_LARGE, "The body may have at most %td bytes beside the base64 in it.",
                 rest_limit);
    }
    return NULL;
}

static Err *parts_end(Ctx *c, BodyParts *b, json_t **out) {
    Ending e = {.c = c, .b = b};
    bool small = json_parts_rest(b->parts).len <= PARSE_ON_LOOP && b->out_len == 0;
    if (small)
        end_now(&e);
    else
        TRY(offload(c, LANE_SHORT, end_now, &e));
    TRY(sheet_err(c, b->error));
    *out = e.json;
    return e.err;
}

static Str digest_end(Ctx *c, BodyParts *b) {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (EVP_DigestFinal_ex(b->digest, bytes, &length) != 1) abort();
    return str_hex(c->arena, bytes, (ptrdiff_t)length);
}

Err *body_json(Ctx *c, Req *q, BodyJsonOptions options, json_t **out, Str *digest) {
    BodyParts *b;
    assert(q->conn && !q->conn->body.started && out && (digest || !options.digest));
    if (q->body_length > q->body_limit) { /* before anything is opened */
        char byte;
        ptrdiff_t n;
        return body_read(c, q, &byte, 1, &n);
    }
    TRY(parts_open(c, options, &b));
    TRY(pieces_take(c, q, b, options.rest_limit));
    if (options.digest) *digest = digest_end(c, b);
    TRY(parts_end(c, b, out));
    q->conn->body.parts = b;
    return NULL;
}

const JsonPart *body_part(const Req *q, Str text) {
    const BodyParts *b = q && q->conn ? q->conn->body.parts : NULL;
    return b ? json_parts_find(b->parts, text) : NULL;
}

Err *body_part_bytes(Ctx *c, const Req *q, const JsonPart *part, Str *out) {
    const BodyParts *b = q->conn->body.parts;
    assert(b && part && !part->bad);
    return sheet_map(c, &b->sheet, part->at, part->size, out);
}
