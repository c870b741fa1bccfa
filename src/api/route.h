/* SPDX-License-Identifier: Apache-2.0
 * Route: one row per endpoint. The router checks method, access, rate and idempotency, validates
 * and decodes the query and body, calls the handler, encodes what it gives. The same row feeds
 * OpenAPI, metrics labels and the access tests.
 *
 *   static Err *project_get(Ctx *c, Call *k) {
 *       Project *p = call_out(k);
 *       TRY(project_load(c, k->ids[0], p));
 *       return NULL;
 *   }
 *   static const Route project_routes[] = {
 *       {GET, "/api/v1/projects/{id}", project_get, .access = ACCESS_USER, .out = &project_record,
 *        .errors = "404", .doc = "One project with its relations"},
 *   };
 *
 * Both `/x` and `/x/` answer the same. HEAD follows GET; OPTIONS and 405 are automatic. A path's
 * parameters are whole segments; the last one may be {name*}: all that is left, slashes included.
 * Written-out segments win over parameters. */
#ifndef SOCLE_API_ROUTE_H
#define SOCLE_API_ROUTE_H

#include "core/record.h"
#include "data/db.h"
#include "net/http.h"

typedef enum Access {
    ACCESS_OPEN = 1, /* nobody need be signed in (an account is filled in where a token is given) */
    ACCESS_USER,     /* any signed-in user or API key holding `scope` */
    ACCESS_ANALYST,  /* role analyst or admin */
    ACCESS_ADMIN
} Access;

/* RATE_NONE: never refused for coming too often; where it is also open nobody is signed in
 * (probes). */
typedef enum RateClass {
    RATE_DEFAULT,
    RATE_AUTH,
    RATE_WRITE,
    RATE_BULK,
    RATE_SEARCH,
    RATE_NONE,
    RATE_CLASS_COUNT
} RateClass;

enum { PATH_PARAMS_MAX = 4 };

struct Route;
struct Claim;
struct Entry;

/* What a handler gets and gives. */
typedef struct Call {
    Req *q;
    Reply *r;
    const struct Route *route;
    Str params[PATH_PARAMS_MAX]; /* of the path, decoded, in order */
    Id ids[PATH_PARAMS_MAX];     /* of those whose pattern is {name:int}; other text there is 404 */
    void *query;                 /* struct of route->query */
    void *in;                    /* struct of route->in */
    FieldSet present;            /* which fields of `in` the body had */
    void *out;     /* struct of route->out: written as the answer when the handler returns */
    bool answered; /* the handler has made the reply itself (reply_json, reply_file, …) */
    int64_t total; /* of call_list: how many there are in all; -1: not told */
    /* The router's own. */
    const struct Entry *entry;
    struct Claim *claim;    /* of an Idempotency-Key */
    Str body;               /* the text `in` was read from */
    ptrdiff_t head_len;     /* of r->headers when the handler began */
    bool encoded, composed; /* r->body holds the answer; call_list or call_message wrote it */
} Call;

typedef Err *(*Handler)(Ctx *c, Call *k);

typedef struct Route {
    Method method;
    const char *path; /* "/api/v1/projects/{id}/hashtags/{link_id:int}" */
    Handler handler;
    Access access;
    const char *scope; /* API keys must hold it: "projects:read" */
    bool key_suffices; /* a key that holds `scope` by this very name may, whatever its user's role;
                        * only who has the role can make one (or the operator, from the shell) */
    const Record *query, *in, *out;
    bool in_change; /* the body changes an existing thing: nothing is required */
    bool out_list;  /* the answer is a JSON array of `out` */
    const Record *out_other; /* or, when the query asks for it, one of these (k->answered) */
    bool in_raw; /* the handler reads the body itself (uploads, NDJSON); in_type may be checked */
    const char *in_type, *out_type; /* media types when not application/json, comma-separated */
    int status_also; /* a further status with such a body: 503 of a health check that fails */
    int status;      /* of success: unless set 200, or 204 for a route without out and out_type */
    bool plain_http; /* answered without HTTPS where REQUIRE_HTTPS is on, too: probes */
    /* GET: the answer follows from its address, the account and the database alone (not from the
     * clock, a header or another service), so that it may be given again while nobody commits
     * anything. Who may ask is looked at each time. See kept.c. */
    bool kept;
    ptrdiff_t body_limit; /* 0: the server's */
    int64_t timeout_ms;   /* 0: the server's */
    RateClass rate;
    bool idempotent;    /* POST that creates or charges: takes Idempotency-Key. With in_raw the body
                        itself is not compared */
    bool secret_out;    /* the answer holds a secret: kept sealed, where it is kept */
    /* Which other origins' pages may read the answers here, errors too: in place of CORS_ORIGINS, and
     * never with cookies. Asked before all else, also for a preflight; params: of the path. False
     * where it cannot be found out. May wait. NULL: CORS_ORIGINS says. */
    bool (*may_read)(Ctx *c, const Req *q, const Str *params, Str origin);
    const char *errors; /* further statuses it may answer: "404 409" */
    const char *tag, *doc;
    const char *not_integer; /* detail of the 400 for a non-integer {x:int}; NULL: 404 */
} Route;

#define GET METHOD_GET
#define POST METHOD_POST
#define PUT METHOD_PUT
#define PATCH METHOD_PATCH
#define DELETE METHOD_DELETE

/* The struct to fill as the answer (of route->out; zeroed, times null). */
void *call_out(Call *k);
/* Of route->out_type, the one the client likes best (the first when it does not care). An answer
 * that follows it says `Vary: Accept`. */
Str call_type(const Call *k);
/* Answer a list of route->out records (route->out_list), with X-Total-Count when total >= 0 and
 * Link: rel="next" when next_cursor is not null. */
void call_list(Ctx *c, Call *k, Rows rows, int64_t total, Str next_cursor);
/* Answer {"message": …}: of a route whose .out is &message_record. */
extern const Record message_record;
void call_message(Ctx *c, Call *k, Str message);

/* The last step of a handler's own transaction on an `idempotent` route: the answer (call_out
 * filled) is stored with the effect it tells of, so that a crash cannot part them. Elsewhere, and
 * without an Idempotency-Key, it does nothing. A handler that leaves it out has its answer stored
 * after it returned, and a crash between the two lets the effect happen twice: only for routes
 * without an effect in the database. */
MUST_USE Err *call_settle(Ctx *c, Call *k);
/* (tx) Answers kept for this user's Idempotency-Keys are forgotten: those in which `about` (an id) stands,
 * null: all. */
MUST_USE Err *answers_forget(Ctx *c, Id user, Str about);

/* Opaque cursors: text made of values, signed with the process's secret so that a forged one is
 * 400; good for the route that made it only. Good on every node, and after a restart. */
Str cursor_make(Ctx *c, const Str *values, ptrdiff_t count);
MUST_USE Err *cursor_read(Ctx *c, Str cursor, Str *values, ptrdiff_t count);

#endif
