/* SPDX-License-Identifier: Apache-2.0
 * Ctx: what an activity (request, job, schedule, command, test) carries everywhere: its arena, its
 * deadline, who it acts for, and what to undo at its end. Every function that may wait, allocate or
 * log takes it first, so that domain code never knows who called it.
 *
 * A Ctx belongs to one coroutine. core knows only the names of what the other rooms hang on it. */
#ifndef SOCLE_CORE_CTX_H
#define SOCLE_CORE_CTX_H

#include "core/arena.h"
#include "core/id.h"
#include "core/str.h"

struct App;
struct Coro;
struct DbTx;

typedef enum Role { ROLE_NONE, ROLE_USER, ROLE_ANALYST, ROLE_ADMIN } Role;

/* Who acts. `user` is none for open routes and for the system itself. */
typedef struct Account {
    Id user;
    Role role;
    Id organisation; /* the tenant acted in, none when personal */
    Id session;      /* the log-in a token came from; none with a key */
    Id api_key;      /* set when signed in by key */
    Str scopes;      /* of the key, space-separated; null with a token (everything the role may) */
    Str email;
} Account;

typedef struct Defer {
    struct Defer *next;
    void (*fn)(void *);
    void *arg;
} Defer;

typedef struct Ctx {
    Arena *arena;
    struct App *app;
    struct Coro *coro; /* NULL in plain threads (database writer, command line without a loop) */
    struct DbTx *tx;   /* the transaction under way, if any: see data/db.h */
    int64_t deadline_us; /* monotonic; every wait obeys it. 0: none (only the process's own services) */
    bool cancelled;      /* the caller went away or shut-down began: waits return CANCELLED */
    Account account;
    Str client_ip; /* of the caller over the network, else null */
    Str request_id;
    Str route;           /* pattern, for logs and metrics */
    Defer *defers;
} Ctx;

/* Run fn(arg) when the activity ends, last in first out, on every way out. */
void defer(Ctx *c, void (*fn)(void *), void *arg);
/* Run the defers made since `mark` (a former value of c->defers; NULL: all). For whoever owns the Ctx. */
void ctx_undo(Ctx *c, Defer *mark);

/* What was allocated and is to be undone since a moment, for activities that live long: undone, then given
 * back, when what came since is over. */
typedef struct CtxMark {
    ArenaMark arena;
    Defer *defers;
} CtxMark;
CtxMark ctx_mark(Ctx *c);
void ctx_release(Ctx *c, CtxMark mark);

/* Sooner of the present deadline and ms from now; returns the former one, to put back. */
int64_t ctx_deadline_within(Ctx *c, int64_t ms);

#endif
