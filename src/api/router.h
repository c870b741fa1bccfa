/* SPDX-License-Identifier: Apache-2.0
 * Router: the tables of all modules as one tree of path segments, and what happens around a
 * handler: security headers, CORS, rate limits, sign-in, decoding, idempotency, errors as
 * problem+json. */
#ifndef SOCLE_API_ROUTER_H
#define SOCLE_API_ROUTER_H

#include "api/module.h"

typedef struct Router Router;

/* Build and verify (asserts: paths do not shadow, no handler missing, records sound). Modules
 * outlive it. */
Router *router_new(const Module *const *modules, ptrdiff_t count);
void router_free(Router *router);
/* For HttpOptions.handle and .refuse; the router is found through c->app. */
void router_handle(Ctx *c, Req *q, Reply *r);
void router_refuse(Ctx *c, Req *q, Reply *r, Err *err);
/* For commands: what the route of this address does, with the same reading of query and body and the
 * same handler, but for nobody's connection: no sign-in, no limits, no Idempotency-Key. The account it
 * is done for is c's. Body: JSON, null for none. *out: the answer as JSON, null where there is none;
 * good while c is. Not for routes that read their body themselves, or answer with a stream. */
MUST_USE Err *router_call(Ctx *c, Method method, Str path, Str query, Str body, Str *out);
Router *app_router(Ctx *c); /* defined by src/app.c */

/* All routes, resources expanded, in path order. */
const Route *const *router_routes(const Router *router, ptrdiff_t *count);
/* OpenAPI 3.1 document. */
Str openapi_document(Ctx *c, const Router *router, Str server_url);

/* Turn an error into the reply: RFC 9457, with WWW-Authenticate, Retry-After and the like, and the
 * members of the route's Module's envelope. Of 5xx the detail stays in the log, but of 501: it says
 * what to set. */
void reply_problem(Ctx *c, const Req *q, Reply *r, const Err *err);

/* Another Content-Security-Policy than the one the content type gets (JSON: nothing; HTML: this
 * origin's own). Before the reply begins. */
void reply_policy(Ctx *c, const Req *q, Reply *r, Str policy);

#endif
