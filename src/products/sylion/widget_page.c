/* SPDX-License-Identifier: Apache-2.0
 * /widget.js, the script that websites embed, and /widget/demo, a page that shows it and says how. Both
 * are files of pages/widget. The demo page speaks to a channel of the demo's tenants, or to ?channel=. */
#include "api/pages.h"
#include "products/sylion/demo.h"
#include "products/sylion/routes.h"
#include "products/sylion/scope.h"
#include "products/sylion/system_sql.h"

#define CHANNEL_META "<meta name=\"channel\" content=\""

/* Websites that demand it of what they embed (COEP) may have it; caches ask again after ten minutes. */
static Err *script(Ctx *c, Call *k) {
    reply_header(k->r, S("Cache-Control"), S("public, max-age=600"));
    reply_header(k->r, S("Cross-Origin-Resource-Policy"), S("cross-origin"));
    return call_page(c, k, S("widget/widget.js"));
}

typedef struct Found {
    Str id;
} Found;
static const Field found_fields[] = {FIELD(Found, id)};
static const Record found_record = RECORD(Found, found_fields);

static Err *demo_channel(Ctx *c, Str *out) {
    *out = (Str){0};
    for (ptrdiff_t i = 0; i < demo_tenant_count && !out->data; i++) {
        Found row = {0};
        bool found;
        TRY(system_maybe(c, SQL(SQL_SYSTEM_DEMO_CHANNEL), ARGS(V(str_c(demo_tenants[i].slug))),
                         &found_record, &row, &found));
        if (found) *out = row.id;
    }
    return NULL;
}

static Err *demo_page(Ctx *c, Call *k) {
    Str page, channel = req_query(c, k->q, S("channel"));
    TRY(page_text(c, S("widget/demo.html"), &page));
    if (!uuid_valid(channel)) TRY(demo_channel(c, &channel));
    ptrdiff_t at = str_find(page, S(CHANNEL_META));
    assert(at >= 0);
    at += (ptrdiff_t)sizeof CHANNEL_META - 1;
    Buf b = buf_new(c->arena, page.len + 64);
    buf_add(&b, str_slice(page, 0, at));
    buf_html(&b, channel);
    buf_add(&b, str_slice(page, at, page.len));
    reply_text(k->r, 200, S("text/html; charset=utf-8"), buf_str(&b));
    k->answered = true;
    return NULL;
}

static Err *widget_part(Ctx *c, Call *k) {
    return call_page(c, k, str_concat(c->arena, S("widget/"), k->params[0]));
}

const Route widget_page_routes[] = {
    {GET, "/widget.js", script, .access = ACCESS_OPEN, .out_type = "text/javascript",
     .tag = "widget", .doc = "The chat window that websites embed"},
    {GET, "/widget/demo", demo_page, .access = ACCESS_OPEN, .out_type = "text/html",
     .tag = "widget", .doc = "The chat window on a page that says how to embed it"},
    {GET, "/widget/parts/{file}", widget_part, PAGE_PART, .doc = "Parts of that page"},
    {.path = NULL},
};
