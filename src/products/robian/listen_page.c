/* SPDX-License-Identifier: Apache-2.0
 * /listen: the page where people find a debate, and /listen/{debate}, where they hear it and read
 * along. Both are files of pages/listen; all they know they ask of the API. */
#include "api/embedded.h"
#include "pages_embed.h"
#include "products/robian/routes.h"

static Err *page_send(Ctx *c, Call *k, Str file) {
    const EmbedFile *page =
        embed_find(pages_files, strf(c->arena, "listen/%.*s", S_ARG(file)));
    if (!page) FAIL(c, NOT_FOUND, "There is nothing at this address.");
    return call_embedded(c, k, page);
}

static Err *home_page(Ctx *c, Call *k) { return page_send(c, k, S("home.html")); }
static Err *debate_page(Ctx *c, Call *k) { return page_send(c, k, S("debate.html")); }
static Err *page_part(Ctx *c, Call *k) { return page_send(c, k, k->params[0]); }

#define PAGE .access = ACCESS_OPEN, .out_type = "text/html", .tag = "listen"

const Route listen_routes[] = {
    {GET, "/listen", home_page, PAGE, .doc = "The page where people find a debate"},
    {GET, "/listen/{debate}", debate_page, PAGE,
     .doc = "The page that plays a debate and shows its transcript; t: the second to begin at"},
    {GET, "/listen/parts/{file}", page_part, .access = ACCESS_OPEN,
     .out_type = "text/css, text/javascript, text/html", .errors = "404", .tag = "listen",
     .doc = "Parts of these pages"},
    {0},
};
