/* SPDX-License-Identifier: Apache-2.0
 * See feed_xml.h. */
#include "products/robian/feed_xml.h"

#include <libxml/xmlwriter.h>
#include <openssl/evp.h>

#include "products/robian/audio.h"

enum { PERSONS_MAX = 50, TITLE_MAX = 128, SOUNDBITE_MIN_MS = 15000, SOUNDBITE_MAX_MS = 120000 };

/* -- Texts ------------------------------------------------------------------------------------- */

/* What XML 1.0 can hold of it, for the writer. */
static const xmlChar *clean(Arena *arena, Str text) {
    char *out = arena_bytes(arena, 3 * text.len + 1);
    ptrdiff_t len = 0;
    for (ptrdiff_t at = 0; at < text.len;) {
        ptrdiff_t from = at;
        int32_t point = str_utf8_next(text, &at);
        bool control = point < 0x20 && point != '\t' && point != '\n' && point != '\r';
        if (control || point == 0x7f || point == 0xfffe || point == 0xffff) continue;
        Str bytes = str_slice(text, from, at);
        if (point == 0xfffd) bytes = S("\xef\xbf\xbd"); /* also what was no UTF-8 */
        memcpy(out + len, bytes.data, (size_t)bytes.len);
        len += bytes.len;
    }
    out[len] = 0;
    return (const xmlChar *)out;
}

Str feed_guid(Arena *arena, Str url) {
    static const unsigned char podcasts[16] = {0xea, 0xd4, 0xc2, 0x36, 0xbf, 0x58, 0x58, 0xc6,
                                               0xa2, 0xc6, 0xa6, 0xb2, 0x8d, 0x12, 0x8c, 0xb6};
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned int length;
    ptrdiff_t scheme = str_find(url, S("://"));
    if (scheme >= 0) url = str_slice(url, scheme + 3, url.len);
    while (str_ends(url, S("/"))) url.len--;
    Str seed = str_concat(arena, str_of((const char *)podcasts, sizeof podcasts), url);
    if (EVP_Digest(seed.data, (size_t)seed.len, hash, &length, EVP_sha1(), NULL) != 1) abort();
    hash[6] = (unsigned char)((hash[6] & 0x0f) | 0x50);
    hash[8] = (unsigned char)((hash[8] & 0x3f) | 0x80);
    Str hex = str_hex(arena, hash, 16);
    return strf(arena, "%.8s-%.4s-%.4s-%.4s-%.12s", hex.data, hex.data + 8, hex.data + 12,
                hex.data + 16, hex.data + 20);
}

Str debate_type_label(Str type) {
    if (str_eq(type, S("seance_publique"))) return S("Séance publique");
    if (str_eq(type, S("commission"))) return S("Commission");
    if (str_eq(type, S("audition"))) return S("Audition");
    if (str_eq(type, S("question_gouvernement"))) return S("Questions au Gouvernement");
    return S("Autres débats");
}

/* -- Writing ----------------------------------------------------------------------------------- */

typedef struct Feed {
    Arena *arena;
    xmlTextWriter *w;
    const FeedChannel *channel;
    bool failed;
} Feed;

static void element(Feed *f, const char *name) {
    f->failed |= xmlTextWriterStartElement(f->w, (const xmlChar *)name) < 0;
}

static void element_end(Feed *f) { f->failed |= xmlTextWriterEndElement(f->w) < 0; }

static void attribute(Feed *f, const char *name, Str value) {
    f->failed |=
        xmlTextWriterWriteAttribute(f->w, (const xmlChar *)name, clean(f->arena, value)) < 0;
}

static void text(Feed *f, const char *name, Str value) {
    f->failed |= xmlTextWriterWriteElement(f->w, (const xmlChar *)name, clean(f->arena, value)) < 0;
}

static Str absolute(const Feed *f, Str path) {
    return str_concat(f->arena, f->channel->base, path);
}

static void page_link(Feed *f, const char *rel, Str href) {
    if (str_is_null(href)) return;
    element(f, "atom:link");
    attribute(f, "href", href);
    attribute(f, "rel", str_c(rel));
    attribute(f, "type", S("application/rss+xml"));
    element_end(f);
}

static void image(Feed *f) {
    Str cover = absolute(f, S("/feeds/cover.png"));
    element(f, "image");
    text(f, "url", cover);
    text(f, "title", f->channel->title);
    text(f, "link", absolute(f, S("/")));
    element_end(f);
    element(f, "itunes:image");
    attribute(f, "href", cover);
    element_end(f);
}

static void channel(Feed *f) {
    const FeedChannel *ch = f->channel;
    text(f, "title", ch->title);
    text(f, "link", absolute(f, S("/")));
    text(f, "description", ch->description);
    text(f, "language", S("fr"));
    text(f, "copyright", S("Assemblée nationale, Licence ouverte 2.0 (Etalab)"));
    text(f, "generator", S("socle"));
    text(f, "lastBuildDate", time_http(f->arena, ch->changed));
    page_link(f, "self", ch->url);
    page_link(f, "next", ch->next);
    page_link(f, "prev", ch->previous);
    image(f);
    text(f, "itunes:author", S("Assemblée nationale"));
    text(f, "itunes:explicit", S("false"));
    text(f, "itunes:type", S("episodic"));
    element(f, "itunes:category");
    attribute(f, "text", S("Government"));
    element_end(f);
    text(f, "podcast:guid", feed_guid(f->arena, ch->url));
    text(f, "podcast:medium", S("podcast"));
    text(f, "podcast:locked", S("no"));
}

/* -- An item ----------------------------------------------------------------------------------- */

/* As HTML: what the item is about, else what is known of the debate. */
static Str description(const Feed *f, const FeedItem *item) {
    const Debate *d = item->debate;
    Buf b = buf_new(f->arena, 1024);
    for (ptrdiff_t i = 0; i < item->passage_count; i++) {
        const Passage *p = &item->passages[i];
        buf_f(&b, "<p><a href=\"");
        buf_html(&b, absolute(f, p->url));
        buf_f(&b, "\">");
        if (p->second.set)
            buf_f(&b, "%d:%02d:%02d ", (int)(p->second.value / 3600),
                  (int)(p->second.value / 60 % 60), (int)(p->second.value % 60));
        buf_html(&b, p->speaker);
        buf_f(&b, "</a> : %.*s</p>", S_ARG(p->text));
    }
    if (d->description.len > 0) {
        buf_f(&b, "<p>");
        buf_html(&b, d->description);
        buf_f(&b, "</p>");
    }
    buf_f(&b, "<p>");
    buf_html(&b, debate_type_label(d->type));
    if (d->commission.len > 0) {
        buf_f(&b, " · ");
        buf_html(&b, d->commission);
    }
    buf_f(&b, "</p>");
    return buf_str(&b);
}

static void enclosure(Feed *f, const FeedItem *item) {
    const AudioFile *a = item->audio;
    element(f, "enclosure");
    attribute(f, "url", absolute(f, a->stream_url));
    attribute(f, "length", strf(f->arena, "%lld", (long long)a->file_size.value));
    attribute(f, "type", audio_media_type(a->format));
    element_end(f);
    if (a->duration_seconds.set)
        text(f, "itunes:duration", strf(f->arena, "%lld", (long long)a->duration_seconds.value));
}

static void persons(Feed *f, StrList names, ptrdiff_t *left) {
    for (ptrdiff_t i = 0; i<names.count && * left> 0; i++) {
        Str name = str_trim(names.items[i]);
        if (name.len == 0) continue;
        element(f, "podcast:person");
        attribute(f, "role", S("guest"));
        f->failed |= xmlTextWriterWriteString(f->w, clean(f->arena, name)) < 0;
        element_end(f);
        (*left)--;
    }
}

static void transcript(Feed *f, Str id, const char *format, const char *type, bool captions) {
    element(f, "podcast:transcript");
    attribute(
        f, "url",
        absolute(f, strf(f->arena, "/api/debates/%.*s/transcript?format=%s", S_ARG(id), format)));
    attribute(f, "type", str_c(type));
    if (captions) attribute(f, "rel", S("captions"));
    element_end(f);
}

/* A moment of the audio: at least 15 seconds, at most two minutes, not behind its end. */
static void soundbite(Feed *f, const FeedItem *item, const Passage *p) {
    if (!p->start_ms.set || !item->audio) return;
    int64_t start = p->start_ms.value, length = SOUNDBITE_MIN_MS;
    if (p->end_ms.set) length = max_i64(length, p->end_ms.value - start);
    length = min_i64(length, SOUNDBITE_MAX_MS);
    if (item->audio->duration_ms.set)
        length = min_i64(length, item->audio->duration_ms.value - start);
    if (start < 0 || length <= 0) return;
    element(f, "podcast:soundbite");
    attribute(f, "startTime", strf(f->arena, "%.3f", (double)start / 1000));
    attribute(f, "duration", strf(f->arena, "%.3f", (double)length / 1000));
    Str title = strf(f->arena, "%.*s : %.*s", S_ARG(p->speaker), S_ARG(item->debate->title));
    f->failed |=
        xmlTextWriterWriteString(f->w, clean(f->arena, str_utf8_cut(title, TITLE_MAX))) < 0;
    element_end(f);
}

static void item_write(Feed *f, const FeedItem *item) {
    const Debate *d = item->debate;
    Str page = strf(f->arena, "/listen/%.*s", S_ARG(d->id));
    ptrdiff_t left = PERSONS_MAX;
    element(f, "item");
    text(f, "title", d->title);
    text(f, "link", absolute(f, item->passage_count ? item->passages[0].url : page));
    text(f, "description", description(f, item));
    element(f, "guid");
    attribute(f, "isPermaLink", S("false"));
    f->failed |= xmlTextWriterWriteString(f->w, clean(f->arena, item->guid)) < 0;
    element_end(f);
    text(f, "pubDate", time_http(f->arena, item->published));
    text(f, "category", debate_type_label(d->type));
    if (item->audio) enclosure(f, item);
    text(f, "itunes:title", d->title);
    text(f, "itunes:explicit", S("false"));
    text(f, "itunes:episodeType", S("full"));
    if (item->transcript) {
        transcript(f, d->id, "vtt", "text/vtt", true);
        transcript(f, d->id, "srt", "application/x-subrip", true);
        transcript(f, d->id, "txt", "text/plain", false);
    }
    if (item->chapters) {
        element(f, "podcast:chapters");
        attribute(f, "url",
                  absolute(f, strf(f->arena, "/api/debates/%.*s/chapters", S_ARG(d->id))));
        attribute(f, "type", S("application/json+chapters"));
        element_end(f);
    }
    persons(f, d->speakers, &left);
    persons(f, d->ministers, &left);
    for (ptrdiff_t i = 0; i < item->passage_count; i++) soundbite(f, item, &item->passages[i]);
    element_end(f);
}

/* -- The whole --------------------------------------------------------------------------------- */

static void rss_begin(Feed *f) {
    f->failed |= xmlTextWriterStartDocument(f->w, "1.0", "UTF-8", NULL) < 0;
    element(f, "rss");
    attribute(f, "version", S("2.0"));
    attribute(f, "xmlns:itunes", S("http://www.itunes.com/dtds/podcast-1.0.dtd"));
    attribute(f, "xmlns:podcast", S("https://podcastindex.org/namespace/1.0"));
    attribute(f, "xmlns:atom", S("http://www.w3.org/2005/Atom"));
    element(f, "channel");
}

Err *feed_xml(Ctx *c, const FeedChannel *ch, const FeedItem *items, ptrdiff_t count, Str *out) {
    xmlBuffer *buffer = xmlBufferCreate();
    xmlTextWriter *writer = buffer ? xmlNewTextWriterMemory(buffer, 0) : NULL;
    Feed f = {.arena = c->arena, .w = writer, .channel = ch, .failed = !writer};
    if (writer) {
        rss_begin(&f);
        channel(&f);
        for (ptrdiff_t i = 0; i < count; i++) item_write(&f, &items[i]);
        f.failed |= xmlTextWriterEndDocument(writer) < 0;
        xmlFreeTextWriter(writer);
    }
    if (!f.failed)
        *out = str_copy(c->arena, str_of((const char *)xmlBufferContent(buffer),
                                         (ptrdiff_t)xmlBufferLength(buffer)));
    if (buffer) xmlBufferFree(buffer);
    if (f.failed) FAIL(c, INTERNAL, "the feed could not be written");
    return NULL;
}
