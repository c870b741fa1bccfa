/* SPDX-License-Identifier: Apache-2.0
 * The portal has no documented interface: what is looked for in its pages is all in page_read and
 * timeline_files_read. Of several candidates the first that answers with something like media is
 * taken; an address that is refused for being private ends the search. */
#include "products/robian/source.h"

#include "net/url.h"
#include "products/robian/demo.h"
#include "products/robian/download.h"
#include "products/robian/robian.h"
#include "products/robian/tags.h"

enum { PAGE_MAX = 4 * 1024 * 1024, CANDIDATES_MAX = 4, URL_MAX = 2000 };

bool source_url_valid(Str text) {
    Url url;
    if (text.len > URL_MAX || !url_parse(text, &url)) return false;
    bool web = str_eq_nocase(url.scheme, S("http")) || str_eq_nocase(url.scheme, S("https"));
    return web && url.host.len > 0 && str_is_empty(url.userinfo);
}

/* -- what pages say ------------------------------------------------------------------------------ */

/* The first http(s) address that ends in .m3u8, wherever it stands. */
static Str playlist_find(Arena *arena, Str text) {
    for (Str rest = text; rest.len > 0;) {
        ptrdiff_t end = str_find(rest, S(".m3u8")), from;
        if (end < 0) break;
        end += 5;
        for (from = end; from > 0; from--) {
            char x = rest.data[from - 1];
            if (x <= ' ' || x == '"' || x == '\'' || x == '<' || x == '>' || x == '(') break;
        }
        Str url = entities_resolve(arena, str_slice(rest, from, end));
        if (source_url_valid(url)) return url;
        rest = str_slice(rest, end, rest.len);
    }
    return (Str){0};
}

/* `19502241_6ac548b948b27` of `…/video.19502241_6ac548b948b27.slug` and `…/Datas/an/<id>/…`. */
static Str id_after(Str text, Str before) {
    ptrdiff_t at = str_find(text, before), len = 0;
    if (at < 0) return (Str){0};
    Str rest = str_slice(text, at + before.len, text.len);
    while (len < rest.len && len < 64) {
        char x = rest.data[len];
        if (!((x >= '0' && x <= '9') || (x >= 'a' && x <= 'f') || x == '_')) break;
        len++;
    }
    return len > 0 ? str_slice(rest, 0, len) : (Str){0};
}

static void take(Str *member, Str value) {
    if (str_is_empty(*member) && !str_is_empty(value)) *member = value;
}

static void meta_take(Arena *arena, const Tag *tag, Str base, SourcePage *page) {
    static const struct {
        Str name;
        size_t member;
    } known[] = {
        {S_INIT("og:title"), offsetof(SourcePage, title)},
        {S_INIT("name"), offsetof(SourcePage, title)},
        {S_INIT("og:description"), offsetof(SourcePage, description)},
        {S_INIT("og:image"), offsetof(SourcePage, thumbnail_url)},
        {S_INIT("thumbnailUrl"), offsetof(SourcePage, thumbnail_url)},
        {S_INIT("contentURL"), offsetof(SourcePage, video_url)},
        {S_INIT("og:video"), offsetof(SourcePage, video_url)},
        {S_INIT("og:video:url"), offsetof(SourcePage, video_url)},
    };
    Str name = tag_value(arena, tag, S("property"));
    if (str_is_null(name)) name = tag_value(arena, tag, S("itemprop"));
    for (ptrdiff_t i = 0; i < COUNT(known); i++) {
        if (!str_eq_nocase(name, known[i].name)) continue;
        Str value = tag_value(arena, tag, S("content"));
        bool is_url = known[i].member == offsetof(SourcePage, video_url) ||
                      known[i].member == offsetof(SourcePage, thumbnail_url);
        if (is_url) value = url_join(arena, base, value);
        if (!is_url || source_url_valid(value))
            take((Str *)(void *)((char *)page + known[i].member), value);
    }
}

void page_read(Arena *arena, Str html, Str url, SourcePage *out) {
    *out = (SourcePage){0};
    Str rest = html;
    for (Tag tag = tag_next(&rest); !str_is_null(tag.name); tag = tag_next(&rest))
        if (tag_is(&tag, S("meta"))) meta_take(arena, &tag, url, out);
    out->video_id = id_after(url, S("/video."));
    take(&out->video_id, id_after(html, S("/Datas/an/")));
    bool playlist = str_find(out->video_url, S(".m3u8")) >= 0;
    out->playlist_url = playlist ? out->video_url : playlist_find(arena, html);
    if (playlist) out->video_url = (Str){0};
}

void timeline_files_read(Arena *arena, Str nvs, TimelineFiles *out) {
    *out = (TimelineFiles){0};
    Str rest = nvs;
    for (Tag tag = tag_next(&rest); !str_is_null(tag.name); tag = tag_next(&rest)) {
        if (tag_is(&tag, S("data")))
            out->live = str_eq(tag_value(arena, &tag, S("status")), S("live"));
        if (!tag_is(&tag, S("file"))) continue;
        Str url = tag_value(arena, &tag, S("url"));
        if (!source_url_valid(url)) continue;
        Str path;
        str_cut(url, '?', &path);
        if (str_ends(path, S(".mp3")) || str_ends(path, S(".m4a"))) take(&out->audio_url, url);
        if (str_ends(path, S(".mp4"))) take(&out->video_url, url);
        if (str_ends(path, S(".m3u8"))) take(&out->playlist_url, url);
    }
}

/* -- kinds of answers ---------------------------------------------------------------------------- */

typedef enum Answer { IS_MEDIA, IS_PLAYLIST, IS_PAGE, IS_OTHER } Answer;

static bool path_ends(Str url, const char *const *endings) {
    Str path;
    str_cut(url, '?', &path);
    for (; *endings; endings++)
        if (str_ends(path, str_c(*endings))) return true;
    return false;
}

static Answer kind_of(Ctx *c, const Download *d) {
    static const char *const playlists[] = {".m3u8", ".m3u", NULL};
    Str url = str_lower(c->arena, d->head.url), type = d->type;
    if (str_find(type, S("mpegurl")) >= 0 || path_ends(url, playlists)) return IS_PLAYLIST;
    if (str_eq(type, S("text/html")) || str_eq(type, S("application/xhtml+xml"))) return IS_PAGE;
    if (str_starts(type, S("audio/")) || str_starts(type, S("video/")) ||
        str_eq(type, S("application/ogg")) || str_eq(type, S("application/mp4")))
        return IS_MEDIA;
    bool vague = type.len == 0 || str_eq(type, S("application/octet-stream")) ||
                 str_eq(type, S("binary/octet-stream"));
    return vague ? IS_MEDIA : IS_OTHER; /* ffprobe will see */
}

static Err *not_heard(Ctx *c, Str type) {
    FAIL(c, INVALID, "La source n'est ni une vidéo ni un audio (%.*s).", S_ARG(type));
}

/* -- the portal ---------------------------------------------------------------------------------- */

static bool is_portal(Str text) {
    Url url, portal;
    if (demo_owns(text)) return true;
    if (!url_parse(text, &url) || !url_parse(robian.videos_url, &portal)) return false;
    /* Its pages name themselves by http and by https: both usual ports are one. */
    bool usual = (url.port == 80 || url.port == 443) && (portal.port == 80 || portal.port == 443);
    return str_eq_nocase(url.host, portal.host) && (usual || url.port == portal.port);
}

/* The mp3 lies beside the mp4. */
static Str mp3_beside(Ctx *c, Str video) {
    Str path, query = str_cut(video, '?', &path);
    if (!str_ends(path, S(".mp4"))) return (Str){0};
    return strf(c->arena, "%.*s.mp3%s%.*s", S_ARG(str_slice(path, 0, path.len - 4)),
                str_is_null(query) ? "" : "?", S_ARG(query));
}

typedef struct Candidates {
    Str urls[CANDIDATES_MAX]; /* media files, the best first */
    ptrdiff_t count;
    Str playlist;
} Candidates;

static void candidate_add(Candidates *all, Str url) {
    if (!str_is_empty(url) && all->count < CANDIDATES_MAX) all->urls[all->count++] = url;
}

static Err *timeline_ask(Ctx *c, Str id, TimelineFiles *files) {
    Download d;
    Str text;
    Str url =
        strf(c->arena, "%.*s/Datas/an/%.*s/content/data.nvs", S_ARG(robian.videos_url), S_ARG(id));
    TRY(download_open(c, url, &d));
    TRY(download_text(c, &d, PAGE_MAX, &text));
    timeline_files_read(c->arena, text, files);
    if (files->live) FAIL(c, CONFLICT, "La séance est encore en direct : son audio viendra après.");
    return NULL;
}

static Err *candidates_of(Ctx *c, const SourcePage *page, Candidates *all) {
    TimelineFiles files = {0};
    *all = (Candidates){.playlist = page->playlist_url};
    if (str_is_empty(page->video_url) && !str_is_empty(page->video_id)) {
        Err *err = timeline_ask(c, page->video_id, &files);
        if (err && err->kind != ERR_NOT_FOUND) return err;
    }
    candidate_add(all, files.audio_url);
    candidate_add(all, mp3_beside(c, page->video_url.len ? page->video_url : files.video_url));
    candidate_add(all, page->video_url.len ? page->video_url : files.video_url);
    take(&all->playlist, files.playlist_url);
    return NULL;
}

static Err *candidate_try(Ctx *c, Str url, Str folder, Stage stage, Source *out) {
    Download d;
    TRY(download_open(c, url, &d));
    if (kind_of(c, &d) != IS_MEDIA) return not_heard(c, d.type);
    out->url = url;
    Str path;
    str_cut(url, '?', &path);
    out->own_mp3 = str_ends(path, S(".mp3"));
    return download_save(c, &d, folder, SOURCE_FILE, stage, &out->bytes);
}

static bool may_go_on(const Err *err) {
    return err->kind == ERR_NOT_FOUND || err->kind == ERR_INVALID;
}

static Err *portal_fetch(Ctx *c, Str folder, Stage stage, Source *out) {
    Candidates all;
    Err *first = NULL;
    out->origin = SOURCE_PORTAL;
    TRY(candidates_of(c, &out->page, &all));
    for (ptrdiff_t i = 0; i < all.count; i++) {
        Err *err = candidate_try(c, all.urls[i], folder, stage, out);
        if (!err || !may_go_on(err)) return err;
        first = err;
    }
    if (!str_is_empty(all.playlist)) return yt_dlp_fetch(c, all.playlist, folder, stage, out);
    if (first) return first;
    FAIL(c, INVALID, "La page ne donne aucune vidéo.");
}

Str source_of_debate(Arena *arena, const Debate *d) {
    Url url;
    bool plays = !url_parse(d->source_url, &url) ||
                 !str_eq_nocase(url.host, S("www.assemblee-nationale.fr"));
    if (plays) return d->source_url;
    if (!str_is_empty(d->video_id))
        return strf(arena, "%.*s/video.%.*s", S_ARG(robian.videos_url), S_ARG(d->video_id));
    return source_url_valid(d->video_url) ? d->video_url : d->source_url;
}

/* -- any address --------------------------------------------------------------------------------- */

Err *source_fetch(Ctx *c, Str url, Str folder, Stage stage, Source *out) {
    Download d;
    Str html;
    *out = (Source){.origin = SOURCE_DIRECT, .url = url};
    if (!source_url_valid(url))
        FAIL(c, INVALID, "L'adresse de la source doit être en http ou https.");
    TRY(download_open(c, url, &d));
    switch (kind_of(c, &d)) {
    case IS_MEDIA: return download_save(c, &d, folder, SOURCE_FILE, stage, &out->bytes);
    case IS_OTHER: return not_heard(c, d.type);
    case IS_PLAYLIST: http_close(d.stream); break;
    case IS_PAGE:
        TRY(download_text(c, &d, PAGE_MAX, &html));
        page_read(c->arena, html, url, &out->page);
        if (is_portal(url)) return portal_fetch(c, folder, stage, out);
    }
    return yt_dlp_fetch(c, url, folder, stage, out);
}

Err *source_describe(Ctx *c, Str url, SourcePage *out) {
    Download d;
    Str html;
    *out = (SourcePage){0};
    if (!source_url_valid(url))
        FAIL(c, INVALID, "L'adresse de la source doit être en http ou https.");
    Defer *mark = c->defers;
    TRY(download_open(c, url, &d));
    Err *err = NULL;
    if (kind_of(c, &d) == IS_PAGE) {
        err = download_text(c, &d, PAGE_MAX, &html);
        if (!err) page_read(c->arena, html, url, out);
    }
    ctx_undo(c, mark);
    return err;
}
