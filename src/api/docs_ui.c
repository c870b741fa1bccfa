/* SPDX-License-Identifier: Apache-2.0
 * /docs and /redoc. The scripts are in the binary when the build could fetch them, else the pages
 * take them from the public CDN; what their Content-Security-Policy allows follows from that. */
#include "api/docs_ui.h"

#include "api/embedded.h"
#include "api/router.h"
#include "docs_ui_embed.h"

#if SOCLE_DOCS_UI_EMBEDDED
#define SWAGGER_CSS "/docs/swagger-ui.css"
#define SWAGGER_JS "/docs/swagger-ui-bundle.js"
#define REDOC_JS "/docs/redoc.standalone.js"
#define SOURCES "'self'"
#else
#define SWAGGER_CSS "https://cdn.jsdelivr.net/npm/swagger-ui-dist@5/swagger-ui.css"
#define SWAGGER_JS "https://cdn.jsdelivr.net/npm/swagger-ui-dist@5/swagger-ui-bundle.js"
#define REDOC_JS "https://cdn.jsdelivr.net/npm/redoc@2/bundles/redoc.standalone.js"
#define SOURCES "'self' https://cdn.jsdelivr.net"
#endif

/* Both libraries put styles into the page themselves; ReDoc searches in a worker made of a blob. */
#define POLICY                                                                                   \
    "default-src 'none'; script-src " SOURCES "; style-src " SOURCES " 'unsafe-inline'; "        \
    "img-src 'self' data: https:; font-src 'self' data:; connect-src 'self'; worker-src blob:; " \
    "base-uri 'none'; frame-ancestors 'none'"

static const char swagger_page[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>socle "
    "API</title>\n"
    "<link rel=\"stylesheet\" href=\"" SWAGGER_CSS "\">\n</head>\n<body>\n<div id=\"ui\"></div>\n"
    "<script src=\"" SWAGGER_JS
    "\"></script>\n<script src=\"/docs/start.js\"></script>\n</body>\n</html>\n";
static const char start_script[] = "SwaggerUIBundle({url: \"/openapi.json\", dom_id: \"#ui\", "
                                   "deepLinking: true, persistAuthorization: true,\n"
                                   "  tagsSorter: \"alpha\", docExpansion: \"none\"});\n";
static const char redoc_page[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>socle "
    "API</title>\n</head>\n"
    "<body>\n<redoc spec-url=\"/openapi.json\"></redoc>\n<script src=\"" REDOC_JS
    "\"></script>\n</body>\n</html>\n";

static Err *page(Ctx *c, Call *k, Str text) {
    reply_policy(c, k->q, k->r, S(POLICY));
    reply_text(k->r, 200, S("text/html; charset=utf-8"), text);
    k->answered = true;
    return NULL;
}

Err *docs_swagger(Ctx *c, Call *k) { return page(c, k, str_c(swagger_page)); }
Err *docs_redoc(Ctx *c, Call *k) { return page(c, k, str_c(redoc_page)); }

Err *docs_file(Ctx *c, Call *k) {
    if (str_eq(k->params[0], S("start.js"))) {
        reply_text(k->r, 200, S("text/javascript; charset=utf-8"), str_c(start_script));
        k->answered = true;
        return NULL;
    }
    const EmbedFile *file = embed_find(docs_ui_files, k->params[0]);
    if (!file) FAIL(c, NOT_FOUND, "There is nothing at this address.");
    reply_header(k->r, S("Cache-Control"), S("public, max-age=3600"));
    return call_embedded(c, k, file);
}
