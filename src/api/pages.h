/* SPDX-License-Identifier: Apache-2.0
 * The pages that the binary serves to people (pages/), and the front page. */
#ifndef SOCLE_API_PAGES_H
#define SOCLE_API_PAGES_H

#include "api/route.h"

/* Answer with a file of pages/; NOT_FOUND when there is none of that path. */
MUST_USE Err *call_page(Ctx *c, Call *k, Str path);
/* The text of such a file, for who writes something into it. May wait. NOT_FOUND as above. */
MUST_USE Err *page_text(Ctx *c, Str path, Str *out);
/* A handler: GET /NAME/{file} is NAME/FILE of pages/. */
MUST_USE Err *page_part(Ctx *c, Call *k);
#define PAGE_PART                                                                               \
    .access = ACCESS_OPEN, .out_type = "text/css, text/javascript, text/html", .errors = "404", \
    .tag = "root"

/* `/` as JSON: the modules fill in what is still null, in their order (Module.root). Members that are
 * null then are left out; without a message there is nothing at `/`. */
typedef struct RootDocument {
    Str message, version, environment, status, docs;
    JsonText features, endpoints, links;
} RootDocument;

/* `/`, and what all pages share. */
extern const Route root_routes[];

#endif
