/* SPDX-License-Identifier: Apache-2.0
 * /inbox, where a tenant's people read along, take over and answer, with the telephone on which the
 * contact is played; and what `/` says of sylion. The page is files of pages/inbox; all it knows it asks
 * of the API. */
#include "api/pages.h"
#include "products/sylion/routes.h"

static Err *inbox_page(Ctx *c, Call *k) { return call_page(c, k, S("inbox/index.html")); }

const Route inbox_routes[] = {
    {GET, "/inbox", inbox_page, .access = ACCESS_OPEN, .out_type = "text/html", .tag = "root",
     .doc = "The page where conversations are read and answered"},
    {GET, "/inbox/{file}", page_part, PAGE_PART, .doc = "Parts of that page"},
    {.path = NULL},
};

void sylion_root(Ctx *c, RootDocument *d) {
    Str links = d->links.text;
    if (!d->message.data) d->message = S("sylion API");
    if (!d->status.data) d->status = S("operational");
    if (links.len < 3) links = S("{\"docs\":\"/docs\"}");
    d->links.text = strf(c->arena, "%.*s,\"inbox\":\"/inbox\"}", (int)links.len - 1, links.data);
}
