/* SPDX-License-Identifier: Apache-2.0
 * `/`: what this is, as JSON for programs and as the console for people. /ping and /healthz are
 * ops'. */
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

static const EmbedFile *page_find(Str path) {
    for (int i = 0; i < pages_files_count; i++)
        if (str_eq(str_c(pages_files[i].path), path)) return &pages_files[i];
    return NULL;
}

/* Pages are held gzipped; whoever does not take gzip gets the JSON, or nothing. */
static bool takes_gzip(const Req *q) {
    return str_find(req_header(q, S("Accept-Encoding")), S("gzip")) >= 0;
}

static void page_send(Ctx *c, Call *k, const EmbedFile *page) {
    reply_header(k->r, S("Vary"), S("Accept, Accept-Encoding"));
    if (page->gzip) reply_header(k->r, S("Content-Encoding"), S("gzip"));
    k->r->no_compress = true;
    k->r->etag = strf(c->arena, "\"%s\"", page->etag);
    reply_text(k->r, 200, str_c(page->type), str_of((const char *)page->bytes, page->size));
    k->answered = true;
}

/* A browser says text/html before anything else; programs say application/json or take anything. */
static bool wants_html(const Req *q) {
    Str accept = req_header(q, S("Accept"));
    ptrdiff_t html = str_find(accept, S("text/html")),
              json = str_find(accept, S("application/json"));
    return html >= 0 && (json < 0 || html < json);
}

static Err *root(Ctx *c, Call *k) {
    const EmbedFile *page = page_find(S("console/index.html"));
    if (page && wants_html(k->q) && (!page->gzip || takes_gzip(k->q))) {
        page_send(c, k, page);
        return NULL;
    }
    reply_header(k->r, S("Vary"), S("Accept"));
    *(Welcome *)call_out(k) =
        (Welcome){S("veyl.io API"), S(SOCLE_VERSION), S("healthy"), S("/docs")};
    return NULL;
}

static Err *console_file(Ctx *c, Call *k) {
    const EmbedFile *page = page_find(strf(c->arena, "console/%.*s", S_ARG(k->params[0])));
    if (!page) FAIL(c, NOT_FOUND, "There is nothing at this address.");
    if (page->gzip && !takes_gzip(k->q)) FAIL(c, NOT_ACCEPTABLE, "This file is only sent gzipped.");
    page_send(c, k, page);
    return NULL;
}

const Route root_routes[] = {
    {GET, "/", root, .access = ACCESS_OPEN, .out = &welcome_record, .tag = "root",
     .doc = "What this is; for a browser, the console"},
    {GET, "/console/{file}", console_file, .access = ACCESS_OPEN,
     .out_type = "text/css, text/javascript", .errors = "404 406", .tag = "root",
     .doc = "Parts of the console"},
    {0},
};
