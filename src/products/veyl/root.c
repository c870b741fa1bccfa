/* SPDX-License-Identifier: Apache-2.0
 * `/`: what this is, as JSON for programs and as the console for people. /ping and /healthz are
 * ops'. */
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

static Err *console_file(Ctx *c, Call *k) {
    const EmbedFile *file =
        embed_find(pages_files, strf(c->arena, "console/%.*s", S_ARG(k->params[0])));
    if (!file) FAIL(c, NOT_FOUND, "There is nothing at this address.");
    return call_embedded(c, k, file);
}

const Route root_routes[] = {
    {GET, "/", root, .access = ACCESS_OPEN, .out = &welcome_record,
     .out_type = "application/json, text/html", .tag = "root",
     .doc = "What this is; for a browser, the console"},
    {GET, "/console/{file}", console_file, .access = ACCESS_OPEN,
     .out_type = "text/css, text/javascript", .errors = "404", .tag = "root",
     .doc = "Parts of the console"},
    {0},
};
