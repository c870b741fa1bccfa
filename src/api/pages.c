/* SPDX-License-Identifier: Apache-2.0
 * `/`: what this is, as JSON for programs and as a page for people, both brought by the modules that
 * are served; and the files of pages/ by their paths. */
#include "api/pages.h"

#include "api/embedded.h"
#include "api/router_room.h"
#include "net/server.h"
#include "pages_embed.h"

static Err *page_find(Ctx *c, Str path, const EmbedFile **out) {
    *out = embed_find(pages_files, path);
    if (!*out) FAIL(c, NOT_FOUND, "There is nothing at this address.");
    return NULL;
}

Err *call_page(Ctx *c, Call *k, Str path) {
    const EmbedFile *file;
    TRY(page_find(c, path, &file));
    return call_embedded(c, k, file);
}

Err *page_text(Ctx *c, Str path, Str *out) {
    const EmbedFile *file;
    TRY(page_find(c, path, &file));
    *out = str_of((const char *)file->bytes, file->size);
    return file->gzip ? gzip_unpack(c, *out, out) : NULL;
}

Err *page_part(Ctx *c, Call *k) {
    Str folder = str_c(k->route->path + 1);
    folder = str_slice(folder, 0, str_find_byte(folder, '{'));
    return call_page(c, k, str_concat(c->arena, folder, k->params[0]));
}

static const Field root_fields[] = {
    FIELD(RootDocument, message),
    FIELD(RootDocument, version),
    FIELD(RootDocument, environment, .flags = F_NULLABLE | F_OMIT_NULL),
    FIELD(RootDocument, status),
    FIELD(RootDocument, docs),
    FIELD(RootDocument, features, .flags = F_NULLABLE | F_OMIT_NULL, .doc = "A list of names"),
    FIELD(RootDocument, endpoints, .flags = F_NULLABLE | F_OMIT_NULL, .doc = "Paths by name"),
    FIELD(RootDocument, links, .flags = F_NULLABLE | F_OMIT_NULL, .doc = "Paths by name"),
};
static const Record root_record = RECORD_AS("Welcome", RootDocument, root_fields);

static const EmbedFile *home_page(const Router *router) {
    const EmbedFile *page = NULL;
    for (ptrdiff_t i = 0; i < router->module_count && !page; i++)
        if (router->modules[i]->home)
            page = embed_find(pages_files, str_c(router->modules[i]->home));
    return page;
}

static Err *root(Ctx *c, Call *k) {
    const Router *router = app_router(c);
    RootDocument *out = call_out(k);
    const EmbedFile *page = home_page(router);
    reply_header(k->r, S("Vary"), S("Accept, Accept-Encoding"));
    if (page && str_eq(call_type(k), S("text/html"))) return call_embedded(c, k, page);
    *out = (RootDocument){.version = S(SOCLE_VERSION), .docs = S("/docs")};
    for (ptrdiff_t i = 0; i < router->module_count; i++)
        if (router->modules[i]->root) router->modules[i]->root(c, out);
    if (!out->message.data) FAIL(c, NOT_FOUND, "There is nothing at this address.");
    return NULL;
}

const Route root_routes[] = {
    {GET, "/", root, .access = ACCESS_OPEN, .out = &root_record,
     .out_type = "application/json, text/html", .errors = "404", .tag = "root",
     .doc = "What this is; for a browser, a page"},
    {GET, "/shared/{file}", page_part, PAGE_PART, .doc = "What the pages share"},
    {0},
};
