/* SPDX-License-Identifier: Apache-2.0
 * Where an export is asked for: GET /api/export, and `socle export lifetales`. */
#include "api/auth.h"
#include "products/lifetales/export.h"
#include "products/lifetales/lifetales.h"
#include "products/lifetales/person.h"
#include "products/lifetales/routes.h"

#include <stdatomic.h>

enum { AT_ONCE = 4, AWAY_S = 30, EXPORT_BYTES = 128 * 1024 * 1024 };
static const int64_t EXPORT_MS = 6 * 60 * 60 * 1000;
static _Atomic int under_way;

static void way_leave(void *arg) {
    (void)arg;
    atomic_fetch_sub(&under_way, 1);
}

static Err *way_enter(Ctx *c) {
    if (atomic_fetch_add(&under_way, 1) >= AT_ONCE) {
        way_leave(NULL);
        Err *err = err_new(c, ERR_UNAVAILABLE, __func__, "Other exports are under way.");
        err->retry_after_s = AWAY_S;
        return err;
    }
    defer(c, way_leave, NULL);
    return NULL;
}

static Err *to_client(Ctx *c, void *arg, Str bytes) {
    Call *k = arg;
    return reply_write(c, k->q, k->r, bytes);
}

static Err *export_get(Ctx *c, Call *k) {
    TalesExport e = {.out = {to_client, k}};
    TRY(person_of(c, k, &e.user));
    TRY(way_enter(c));
    arena_budget_set(c->arena, arena_used(c->arena) + EXPORT_BYTES);
    k->answered = true;
    k->r->content_type = S("application/x-tar");
    k->r->no_compress = true;
    reply_header(k->r, S("Cache-Control"), S("no-store"));
    Str day = str_slice(time_str(c->arena, time_now()), 0, 10);
    reply_header(k->r, S("Content-Disposition"),
                 strf(c->arena, "attachment; filename=\"lifetales-%.*s.tar\"", S_ARG(day)));
    TRY(reply_begin(c, k->q, k->r));
    return k->q->method == METHOD_HEAD ? NULL : tales_export(c, &e);
}

static Err *to_file(Ctx *c, void *arg, Str bytes) { return transfer_write(c, arg, bytes); }
static void file_told(void *arg) { transfer_progress(arg, "files"); }

Err *tales_user_option(Ctx *c, const Transfer *t, User *out) {
    Str email = transfer_option(t, "user");
    if (email.len == 0) FAIL(c, INVALID, "--user says whose: the address of an account.");
    Err *err = user_by_email(c, email, out);
    if (err && err->kind == ERR_NOT_FOUND)
        FAIL(c, NOT_FOUND, "--user %.*s: there is no such account.", S_ARG(email));
    return err;
}

Err *lifetales_export(Ctx *c, Transfer *t) {
    TalesExport e = {.out = {to_file, t}, .told = file_told, .told_arg = t};
    User user;
    c->deadline_us = 0;
    TRY(tales_user_option(c, t, &user));
    e.user = user.id;
    return tales_export(c, &e);
}

const Route export_routes[] = {
    {GET, "/api/export", export_get, TALES_READS, .rate = RATE_BULK,
     .out_type = "application/x-tar", .timeout_ms = EXPORT_MS, .errors = "403 503",
     .doc = "Everything the person has, as a tar file: spaces, notes, recordings, pictures, "
            "chapters, books. "
            "Its last file is export.json: without it the file was cut"},
    {.path = NULL},
};
