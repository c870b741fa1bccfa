/* SPDX-License-Identifier: Apache-2.0
 * /listen: the page where people find a debate, and /listen/{debate}, where they hear it and read
 * along. Both are files of pages/listen; all they know they ask of the API. */
#include "api/pages.h"
#include "products/robian/routes.h"

static Err *home_page(Ctx *c, Call *k) { return call_page(c, k, S("listen/home.html")); }
static Err *debate_page(Ctx *c, Call *k) { return call_page(c, k, S("listen/debate.html")); }

static Err *listen_part(Ctx *c, Call *k) {
    return call_page(c, k, str_concat(c->arena, S("listen/"), k->params[0]));
}

#define PAGE .access = ACCESS_OPEN, .out_type = "text/html", .tag = "listen"

const Route listen_routes[] = {
    {GET, "/listen", home_page, PAGE, .doc = "The page where people find a debate"},
    {GET, "/listen/{debate}", debate_page, PAGE,
     .doc = "The page that plays a debate and shows its transcript; t: the second to begin at"},
    {GET, "/listen/parts/{file}", listen_part, PAGE_PART, .doc = "Parts of these pages"},
    {0},
};
