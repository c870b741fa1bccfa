/* SPDX-License-Identifier: Apache-2.0
 * /listen: the page where people find a debate, and /listen/{debate}, where they hear it and read
 * along. Both are files of pages/listen; all they know they ask of the API.
 *
 * What is told here already is for those who are sent the address: the programs that show a preview
 * of it run no scripts (https://ogp.me). */
#include "api/pages.h"
#include "api/public_url.h"
#include "products/robian/debate.h"
#include "products/robian/feed_xml.h"
#include "products/robian/paris.h"
#include "products/robian/robian.h"
#include "products/robian/routes.h"

#define TITLE "<title>robian</title>"

static Err *home_page(Ctx *c, Call *k) { return call_page(c, k, S("listen/home.html")); }

static void property(Buf *b, const char *name, Str value) {
    buf_f(b, "<meta property=\"og:%s\" content=\"", name);
    buf_html(b, value);
    buf_add(b, S("\">\n"));
}

static void preview(Ctx *c, Buf *b, Str base, const Debate *d) {
    Str day = paris_day_text(c->arena, d->date), kind = debate_type_label(d->type);
    Str about =
        strf(c->arena, "%.*s · %.*s/%.*s/%.*s%s%.*s", S_ARG(kind), S_ARG(str_slice(day, 8, 10)),
             S_ARG(str_slice(day, 5, 7)), S_ARG(str_slice(day, 0, 4)),
             d->commission.len ? " · " : "", S_ARG(d->commission));
    Str id = d->id, image = d->thumbnail_url;
    if (!image.len) image = strf(c->arena, "%.*s/feeds/cover.png", S_ARG(base));
    buf_add(b, S("<title>"));
    buf_html(b, d->title);
    buf_add(b, S(" · robian</title>\n"));
    property(b, "site_name", S("robian"));
    property(b, "type", S("article"));
    property(b, "title", d->title);
    property(b, "description", about);
    property(b, "image", image);
    property(b, "url", strf(c->arena, "%.*s/listen/%.*s", S_ARG(base), S_ARG(id)));
    if (d->has_audio)
        property(b, "audio",
                 strf(c->arena, "%.*s/api/streaming/%.*s/stream", S_ARG(base), S_ARG(id)));
}

/* Of a debate that does not exist the page itself tells. */
static Err *debate_page(Ctx *c, Call *k) {
    Debate d;
    Str page;
    Err *err = debate_find(c, k->params[0], &d);
    if (err && err->kind != ERR_NOT_FOUND) return err;
    TRY(page_text(c, S("listen/debate.html"), &page));
    ptrdiff_t at = str_find(page, S(TITLE));
    assert(at >= 0);
    Buf b = buf_new(c->arena, page.len + 2048);
    buf_add(&b, str_slice(page, 0, at));
    if (err)
        buf_add(&b, S(TITLE));
    else
        preview(c, &b, public_url(c, k->q, robian.public_url), &d);
    buf_add(&b, str_slice(page, at + (ptrdiff_t)sizeof TITLE - 1, page.len));
    reply_text(k->r, err ? 404 : 200, S("text/html; charset=utf-8"), buf_str(&b));
    k->answered = true;
    return NULL;
}

static Err *listen_part(Ctx *c, Call *k) {
    return call_page(c, k, str_concat(c->arena, S("listen/"), k->params[0]));
}

#define PAGE .access = ACCESS_OPEN, .out_type = "text/html", .tag = "listen"

const Route listen_routes[] = {
    {GET, "/listen", home_page, PAGE, .doc = "The page where people find a debate"},
    {GET, "/listen/{debate}", debate_page, PAGE, .status_also = 404,
     .doc = "The page that plays a debate and shows its transcript; t: the second to begin at"},
    {GET, "/listen/parts/{file}", listen_part, PAGE_PART, .doc = "Parts of these pages"},
    {0},
};
