/* SPDX-License-Identifier: Apache-2.0
 * /search, the page that searches posts, and the parts of veyl's pages by their paths in pages/. The
 * console is what `/` shows to people (module.c). */
#include "api/pages.h"
#include "products/veyl/routes.h"

static Err *search_page(Ctx *c, Call *k) { return call_page(c, k, S("search/index.html")); }

const Route page_routes[] = {
    {GET, "/search", search_page, .access = ACCESS_OPEN, .out_type = "text/html", .tag = "root",
     .doc = "The page that searches posts"},
    {GET, "/console/{file}", page_part, PAGE_PART, .doc = "Parts of the console"},
    {GET, "/search/{file}", page_part, PAGE_PART, .doc = "Parts of the page that searches"},
    {0},
};
