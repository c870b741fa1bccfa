/* SPDX-License-Identifier: Apache-2.0
 * What the files of the router share. Nobody outside the router's files includes this.
 *
 *   router.c       the pipeline around a handler   tree.c     paths to routes
 *   call.c         bodies in, answers out          accept.c   media types
 *   problem.c      errors as replies               headers.c  what every answer carries, CORS
 *   ratelimit.c    token buckets                   idempotency.c
 *   resource.c     resources to routes             page.c     lists and cursors
 *   kept.c         answers given again             pages.c    the front page
 *   openapi*.c     the document */
#ifndef SOCLE_API_ROUTER_ROOM_H
#define SOCLE_API_ROUTER_ROOM_H

#include "api/router.h"

enum { METHOD_SLOTS = 6, PATH_SEGMENTS_MAX = 16, ROUTES_MAX = 4096 };

typedef struct PathParam {
    Str name;
    bool integer, rest;
} PathParam;

/* A route, made ready. */
typedef struct Entry {
    const Route *route;
    const Module *module;
    Str pattern; /* "/api/v1/posts/{id}": for logs, metrics, OpenAPI */
    PathParam params[PATH_PARAMS_MAX];
    int param_count;
} Entry;

/* A segment of paths. */
typedef struct Node {
    Str text;
    struct Node **literals; /* by text */
    ptrdiff_t literal_count, literal_cap;
    struct Node *param;                 /* any segment */
    struct Node *rest;                  /* all segments that are left */
    const Entry *entries[METHOD_SLOTS]; /* by the method's bit */
    unsigned allowed;                   /* methods of entries */
} Node;

struct Router {
    Arena *arena;
    Node root;
    Entry *entries;
    const Route **routes;  /* in path order */
    const Entry **ordered; /* likewise */
    ptrdiff_t count, cap;
    const Module **modules;
    ptrdiff_t module_count;
    Str document; /* OpenAPI, made on first use */
};

/* router.c */
Role route_role(const Route *route); /* the least that may, of those signed in */

/* tree.c */
void tree_add(Arena *arena, Node *root, Entry *entry);
typedef struct Match {
    const Entry *entry; /* NULL: no such path, or not that method */
    const Entry *other; /* a route there, whatever its method */
    unsigned allowed;   /* methods that the path knows */
    Str params[PATH_PARAMS_MAX];
    int count;
} Match;
void tree_match(const Node *root, Str path, Method method, Match *m);

/* call.c */
MUST_USE Err *call_params(Ctx *c, Call *k, const Match *m);
MUST_USE Err *call_query(Ctx *c, Call *k);
MUST_USE Err *call_body(Ctx *c, Call *k);
/* How large the text can be that such a body is read from: all of it, or what is beside its base64. */
ptrdiff_t call_text_max(const Call *k, const Record *record);
/* Give the reply its status and body by what the handler left. */
void call_encode(Ctx *c, Call *k);

/* accept.c */
bool type_is_json(Str content_type); /* application/json, …+json; a charset must be UTF-8 */
bool type_is(Str content_type, Str essence);
/* May an answer of one of these types (comma-separated) be sent to whoever says Accept: accept? */
bool accept_allows(Str accept, Str types);
/* Which of them the client likes best, the first when it does not care; null if none may be sent. */
Str accept_choose(Str accept, Str types);
MUST_USE Err *call_negotiate(Ctx *c, const Call *k);

/* headers.c */
/* Request id, security headers, CORS: what no answer may lack. m: of the path, NULL when it is not
 * known. Whether a page of another origin may read the answer. */
bool headers_begin(Ctx *c, const Req *q, Reply *r, const Match *m);
/* The Content-Security-Policy by what the answer is. */
void headers_settle(const Req *q, Reply *r);
bool cors_is_preflight(const Req *q);
/* What a page that may read may ask for. */
void cors_preflight(Reply *r, Str allow);
Str methods_text(Arena *arena, unsigned allowed);

/* https.c */
/* True: the request had to come by HTTPS and did not; the reply says so, nothing else is to be done. */
MUST_USE bool https_insist(Ctx *c, Req *q, Reply *r, const Match *m);

/* ratelimit.c */
MUST_USE Err *rate_check_address(Ctx *c, const Call *k);
MUST_USE Err *rate_check_account(Ctx *c, const Call *k);

/* idempotency.c */
/* Claim the key. *replayed: the reply is the stored one, nothing is to be run. */
MUST_USE Err *claim_take(Ctx *c, Call *k, bool *replayed);
/* After the handler, whose error is err: keep the answer, or (5xx) let the key go. */
void claim_end(Ctx *c, Call *k, const Err *err);

/* kept.c */
typedef struct KeptKey {
    Str text; /* null: nothing is kept of this call */
    uint64_t hash;
    int64_t state; /* of the database */
} KeptKey;
/* The answer as it was given before; *key is for kept_add where there is none. */
MUST_USE bool kept_find(Ctx *c, Call *k, KeptKey *key);
/* After the handler: keep what it answered. */
void kept_add(Ctx *c, const Call *k, const KeptKey *key);

/* openapi_schema.c */
typedef struct Schema {
    const Record *record;
    SchemaMode mode;
} Schema;
typedef struct Schemas {
    Schema *items;
    ptrdiff_t count;
} Schemas;
/* Every record that the routes' bodies and answers are made of, each once, by name. Two records of
 * one name end the program: their schemas would be taken for each other. */
Schemas schemas_collect(Arena *arena, const Router *router);
void schemas_write(JsonOut *o, Schemas schemas);
Str schema_ref(Arena *arena, const Record *record, SchemaMode mode);

/* resource.c */
/* If the route is a resource's: does its SQL fit the schema? INTERNAL that names both. */
MUST_USE Err *resource_check(Ctx *c, const Route *route);
/* The routes of a resource; *count of them, in the arena. */
const Route *const *resource_routes(Arena *arena, const Resource *resource, ptrdiff_t *count);

#endif
