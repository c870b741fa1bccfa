/* SPDX-License-Identifier: Apache-2.0
 * `/`: what this is, as JSON for programs and as the console for people; /search, the page that
 * searches; and the files of both, from pages/ by their paths. /ping and /healthz are ops'. */
#include "api/embedded.h"
#include "pages_embed.h"
#include "products/veyl/routes.h"

typedef struct Welcome {
    Str message, version, status, docs;
} Welcome;
static const Field welcome_fields[] = {
    FIELD(Welcome, message),
    FIELD(Welcome, version),
    FIELD(Welcome, status),
    FIELD(Welcome, docs),
};
static const Record welcome_record = RECORD(Welcome, welcome_fields);

static Err *root(Ctx *c, Call *k) {
    const EmbedFile *page = embed_find(pages_files, S("console/index.html"));
    reply_header(k->r, S("Vary"), S("Accept, Accept-Encoding"));
    if (page && str_eq(call_type(k), S("text/html"))) return call_embedded(c, k, page);
    *(Welcome *)call_out(k) =
        (Welcome){S("veyl.io API"), S(SOCLE_VERSION), S("healthy"), S("/docs")};
    return NULL;
}

static Err *page_send(Ctx *c, Call *k, Str path) {
    const EmbedFile *file = embed_find(pages_files, path);
    if (!file) FAIL(c, NOT_FOUND, "There is nothing at this address.");
    return call_embedded(c, k, file);
}

static Err *search_page(Ctx *c, Call *k) { return page_send(c, k, S("search/index.html")); }

/* /console/{file} is console/FILE of pages/. */
static Err *page_part(Ctx *c, Call *k) {
    Str folder = str_c(k->route->path + 1);
    folder = str_slice(folder, 0, str_find_byte(folder, '{'));
    return page_send(c, k, strf(c->arena, "%.*s%.*s", S_ARG(folder), S_ARG(k->params[0])));
}

#define PARTS                                                                                   \
    .access = ACCESS_OPEN, .out_type = "text/css, text/javascript, text/html", .errors = "404", \
    .tag = "root"

const Route root_routes[] = {
    {GET, "/", root, .access = ACCESS_OPEN, .out = &welcome_record,
     .out_type = "application/json, text/html", .tag = "root",
     .doc = "What this is; for a browser, the console"},
    {GET, "/search", search_page, .access = ACCESS_OPEN, .out_type = "text/html", .tag = "root",
     .doc = "The page that searches posts"},
    {GET, "/console/{file}", page_part, PARTS, .doc = "Parts of the console"},
    {GET, "/search/{file}", page_part, PARTS, .doc = "Parts of the page that searches"},
    {GET, "/shared/{file}", page_part, PARTS, .doc = "What the pages share"},
    {0},
};
