/* SPDX-License-Identifier: Apache-2.0
 * /tales, where a person collects notes and reads the story; and what a page has to know beforehand of
 * this server. The page is files of pages/tales; all it knows it asks of the API. */
#include "ai/speech.h"
#include "api/pages.h"
#include "products/lifetales/lifetales.h"
#include "products/lifetales/routes.h"

static Err *tales_page(Ctx *c, Call *k) { return call_page(c, k, S("tales/index.html")); }

typedef struct TalesLimits {
    int64_t media_max_bytes, audio_max_seconds, space_max_notes;
    Str transcription_lacks;
} TalesLimits;
static const Field limits_fields[] = {
    FIELD(TalesLimits, media_max_bytes, .doc = "A larger recording or picture is not taken"),
    FIELD(TalesLimits, audio_max_seconds, .doc = "Nor a longer recording"),
    FIELD(TalesLimits, space_max_notes),
    FIELD(TalesLimits, transcription_lacks, .flags = F_NULLABLE,
          .doc = "Why nobody writes recordings down here; null: somebody does"),
};
static const Record limits_record = RECORD(TalesLimits, limits_fields, .camel = true);

static Err *limits_get(Ctx *c, Call *k) {
    *(TalesLimits *)call_out(k) = (TalesLimits){
        .media_max_bytes = lifetales.media_max_bytes,
        .audio_max_seconds = lifetales.audio_max_s,
        .space_max_notes = lifetales.space_max_notes,
        .transcription_lacks = transcribe_lacks(c->arena),
    };
    return NULL;
}

const Route tales_routes[] = {
    {GET, "/tales", tales_page, .access = ACCESS_OPEN, .out_type = "text/html", .tag = "root",
     .doc = "The page where notes are collected and the story is read"},
    {GET, "/tales/{file}", page_part, PAGE_PART, .doc = "Parts of that page"},
    {GET, "/api/limits", limits_get, TALES_READS, .out = &limits_record,
     .doc = "What this server takes of recordings, pictures and notes"},
    {.path = NULL},
};

void tales_root(Ctx *c, RootDocument *d) {
    Str links = d->links.text;
    if (!d->message.data) d->message = S("lifetales API");
    if (!d->status.data) d->status = S("operational");
    if (links.len < 3) links = S("{\"docs\":\"/docs\"}");
    d->links.text = strf(c->arena, "%.*s,\"tales\":\"/tales\"}", (int)links.len - 1, links.data);
}
