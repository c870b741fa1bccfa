/* SPDX-License-Identifier: Apache-2.0
 * /feeds: podcasts of all debates, of a type, a committee, a speaker, a collection, a search, and
 * the news of an alert. Each is the latest hundred with audio, and pages of those before (RFC 5005).
 *
 * The text of a feed is kept until something is written (debate_list_cached); what it says it was
 * last changed at is when anything was. */
#include "api/public_url.h"
#include "core/json.h"
#include "products/robian/alerts.h"
#include "products/robian/audio.h"
#include "products/robian/cover.h"
#include "products/robian/debate.h"
#include "products/robian/debate_list.h"
#include "products/robian/feed_xml.h"
#include "products/robian/feeds_sql.h"
#include "products/robian/list_page.h"
#include "products/robian/robian.h"
#include "products/robian/routes.h"

enum { ITEMS_MAX = 100, PAGES_MAX = 1000 };

/* -- What a feed is of ------------------------------------------------------------------------- */

typedef struct Feed {
    Str path;   /* with its query: what it is known by */
    Str entity; /* a collection's id or an alert's token, whose changes count too */
    Str title, description, base;
    Sql sql; /* of its debates */
    Value arg;
    bool no_arg;
    bool news;       /* of an alert: items are matches */
    bool passages;   /* items are about what was said */
    DebateAsk about; /* by whom, with which words */
    int64_t page;
} Feed;

/* One row of any statement that says what a feed is of, or which debates it has. */
typedef struct FeedRow {
    int64_t n, chapters;
    Str title, description;
    JsonText payload;
    Time created_at;
} FeedRow;
static const Field row_fields[] = {
    FIELD(FeedRow, n),
    FIELD(FeedRow, chapters),
    FIELD(FeedRow, title, .flags = F_NULLABLE),
    FIELD(FeedRow, description, .flags = F_NULLABLE),
    FIELD(FeedRow, payload, .flags = F_NULLABLE),
    FIELD(FeedRow, created_at, .flags = F_NULLABLE),
};
static const Record row_record = RECORD(FeedRow, row_fields);

typedef struct Changed {
    Time changed;
} Changed;
static const Field changed_fields[] = {FIELD(Changed, changed, .flags = F_NULLABLE)};
static const Record changed_record = RECORD(Changed, changed_fields);

/* -- Items ------------------------------------------------------------------------------------- */

static const AudioFile *audio_of(const Debate *d) {
    const AudioFile *files = d->audio_files.items, *first = NULL;
    for (ptrdiff_t i = 0; i < d->audio_files.count; i++)
        if (files[i].is_ready && files[i].file_size.set) first = &files[i]; /* newest come first */
    return first;
}

static Err *marks_find(Ctx *c, FeedItem *items, ptrdiff_t count) {
    int64_t *keys = arena_array(c->arena, int64_t, count + 1);
    Rows rows;
    for (ptrdiff_t i = 0; i < count; i++) keys[i] = items[i].debate->n;
    JsonText list = keys_json(c->arena, keys, count);
    TRY(db_query(c, SQL2(SQL_FEED_TRANSCRIPTS_SQLITE, SQL_FEED_TRANSCRIPTS_POSTGRES), ARGS(V(list)),
                 &row_record, &rows));
    const FeedRow *row = rows.items;
    for (ptrdiff_t i = 0; i < rows.count; i++)
        for (ptrdiff_t k = 0; k < count; k++) {
            if (items[k].debate->n != row[i].n) continue;
            items[k].transcript |= row[i].chapters == 0;
            items[k].chapters |= row[i].chapters == 1;
        }
    return NULL;
}

/* What items are about: of a search what is found now. */
static Err *passages_add(Ctx *c, const Feed *f, FeedItem *items, ptrdiff_t count) {
    DebateHit *hits = arena_array(c->arena, DebateHit, count + 1);
    if (!f->passages) return NULL;
    for (ptrdiff_t i = 0; i < count; i++) hits[i].debate = *items[i].debate;
    TRY(debate_passages(c, &f->about, hits, count));
    for (ptrdiff_t i = 0; i < count; i++) {
        items[i].passages = hits[i].passages.items;
        items[i].passage_count = hits[i].passages.count;
    }
    return NULL;
}

static Err *items_make(Ctx *c, const Feed *f, const FeedRow *rows, ptrdiff_t count, FeedItem *items,
                       ptrdiff_t *made) {
    int64_t *keys = arena_array(c->arena, int64_t, count + 1);
    Debate *debates;
    *made = 0;
    for (ptrdiff_t i = 0; i < count; i++) keys[i] = rows[i].n;
    TRY(list_debates(c, keys, count, &debates));
    for (ptrdiff_t i = 0; i < count; i++) {
        const Debate *d = &debates[i];
        const AudioFile *audio = audio_of(d);
        if (d->n == 0 || (!audio && !f->news)) continue;
        FeedItem *item = &items[(*made)++];
        *item = (FeedItem){.debate = d, .audio = audio, .guid = d->id, .published = d->date};
        if (!f->news) continue;
        item->published = rows[i].created_at;
        TRY(alert_passage(c, rows[i].payload, item)); /* what was found then */
    }
    TRY(passages_add(c, f, items, *made));
    return marks_find(c, items, *made);
}

/* -- The text ---------------------------------------------------------------------------------- */

static Str page_url(Ctx *c, const Feed *f, int64_t page) {
    Str url = str_concat(c->arena, f->base, f->path);
    if (page <= 1) return url;
    char mark = str_find_byte(f->path, '?') < 0 ? '?' : '&';
    return strf(c->arena, "%.*s%cpage=%lld", S_ARG(url), mark, (long long)page);
}

static Err *feed_write(Ctx *c, const Feed *f, Time changed, Str *out) {
    Rows rows;
    Value limit = V((int64_t)ITEMS_MAX + 1), offset = V((f->page - 1) * ITEMS_MAX);
    Args args = f->no_arg ? ARGS(limit, offset) : ARGS(limit, offset, f->arg);
    TRY(db_query(c, f->sql, args, &row_record, &rows));
    bool more = rows.count > ITEMS_MAX;
    ptrdiff_t count = min_size(rows.count, ITEMS_MAX), made;
    FeedItem *items = arena_array(c->arena, FeedItem, count + 1);
    TRY(items_make(c, f, rows.items, count, items, &made));
    FeedChannel channel = {
        .base = f->base,
        .url = page_url(c, f, 1),
        .title = f->title,
        .description = f->description,
        .next = more ? page_url(c, f, f->page + 1) : (Str){NULL, 0},
        .previous = f->page > 1 ? page_url(c, f, f->page - 1) : (Str){NULL, 0},
        .changed = changed,
    };
    return feed_xml(c, &channel, items, made, out);
}

typedef struct Filling {
    const Feed *feed;
    Time changed;
} Filling;

static Err *feed_fill(Ctx *c, void *arg, Str *value) {
    const Filling *filling = arg;
    return feed_write(c, filling->feed, filling->changed, value);
}

static Err *feed_text(Ctx *c, const Feed *f, Time changed, Str *out) {
    Filling filling = {f, changed};
    Str key =
        strf(c->arena, "feed/%.*s%.*s/%lld", S_ARG(f->base), S_ARG(f->path), (long long)f->page);
    if (f->entity.data) return feed_write(c, f, changed, out); /* not of debates alone */
    return debate_list_cached(c, key, feed_fill, &filling, out);
}

/* A date of a second that is not over would say of what is written in its rest that it is old: then
 * there is only the ETag. */
static Time settled(Time changed) {
    bool over = time_now().us / US_PER_SECOND > changed.us / US_PER_SECOND;
    return over ? changed : TIME_NULL;
}

static Err *feed_answer(Ctx *c, Call *k, Feed *f) {
    Changed when = {TIME_NULL};
    Str xml;
    f->base = public_url(c, k->q, robian.public_url);
    TRY(db_one(c, SQL(SQL_FEED_CHANGED), ARGS(V(f->entity.data ? f->entity : S(""))),
               &changed_record, &when));
    if (time_is_null(when.changed)) when.changed = (Time){0};
    TRY(feed_text(c, f, when.changed, &xml));
    reply_text(k->r, 200, strf(c->arena, "%.*s; charset=utf-8", S_ARG(call_type(k))), xml);
    reply_header(k->r, S("Cache-Control"), S("no-cache"));
    k->r->last_modified = settled(when.changed);
    k->answered = true;
    return NULL;
}

/* -- Addresses --------------------------------------------------------------------------------- */

typedef struct PageQuery {
    int64_t page;
    Str q, type, commission, speaker;
} PageQuery;
#define PAGE_FIELD \
    FIELD(PageQuery, page, .min = 1, .max = PAGES_MAX, .fallback = "1", .doc = "100 items each")
static const Field page_fields[] = {PAGE_FIELD};
static const Record page_record = RECORD_AS("FeedPage", PageQuery, page_fields);
static const Field found_fields[] = {
    PAGE_FIELD,
    FIELD(PageQuery, q, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = 500),
    FIELD(PageQuery, type, .values = debate_types),
    FIELD(PageQuery, commission, .flags = F_TRIM, .max = 500),
    FIELD(PageQuery, speaker, .flags = F_TRIM, .max = 200),
};
static const Record found_record = RECORD_AS("FeedSearch", PageQuery, found_fields);

static Feed feed_new(const Call *k) {
    const PageQuery *query = k->query;
    return (Feed){.page = query->page,
                  .description = S("L'audio des débats de l'Assemblée nationale."),
                  .about = {.q = S(""), .narrow = {.from = TIME_NULL, .before = TIME_NULL}}};
}

/* The name that `name.xml` is of. */
static Err *name_of(Ctx *c, const Call *k, Str *out) {
    Str ending = S(".xml");
    *out = str_slice(k->params[0], 0, k->params[0].len - ending.len);
    if (!str_ends(k->params[0], ending) || out->len == 0)
        FAIL(c, NOT_FOUND, "Il n'y a pas de flux à cette adresse.");
    return NULL;
}

static Str path_of(Ctx *c, const char *kind, Str name) {
    Buf b = buf_new(c->arena, 3 * name.len + 64);
    buf_f(&b, "/feeds/%s/", kind);
    buf_url(&b, name);
    buf_f(&b, ".xml");
    return buf_str(&b);
}

/* Of the debates that the words and narrowing of f->about find. */
static Err *feed_found(Ctx *c, Feed *f, bool *any) {
    JsonText keys;
    TRY(debates_matching(c, f->about.q, &f->about.narrow, &keys));
    f->sql = SQL2(SQL_FEED_FOUND_SQLITE, SQL_FEED_FOUND_POSTGRES);
    f->arg = V(keys);
    *any = keys.text.len > 2;
    return NULL;
}

static Err *all_get(Ctx *c, Call *k) {
    Feed f = feed_new(k);
    f.path = S("/feeds/all.xml");
    f.title = S("Assemblée nationale : tous les débats");
    f.sql = SQL(SQL_FEED_ALL);
    f.no_arg = true;
    return feed_answer(c, k, &f);
}

static Err *type_get(Ctx *c, Call *k) {
    Feed f = feed_new(k);
    Str type;
    bool known = false;
    TRY(name_of(c, k, &type));
    for (int i = 0; debate_types[i]; i++) known |= str_eq(type, str_c(debate_types[i]));
    if (!known) FAIL(c, NOT_FOUND, "Type de débat %.*s inconnu", S_ARG(str_utf8_cut(type, 60)));
    f.path = path_of(c, "type", type);
    f.title = strf(c->arena, "Assemblée nationale : %.*s", S_ARG(debate_type_label(type)));
    f.sql = SQL(SQL_FEED_TYPE);
    f.arg = V(type);
    return feed_answer(c, k, &f);
}

static Err *commission_get(Ctx *c, Call *k) {
    Feed f = feed_new(k);
    bool any;
    TRY(name_of(c, k, &f.about.narrow.commission));
    TRY(feed_found(c, &f, &any));
    Str name = f.about.narrow.commission;
    if (!any) FAIL(c, NOT_FOUND, "Commission %.*s non trouvée", S_ARG(str_utf8_cut(name, 200)));
    f.path = path_of(c, "commission", name);
    f.title = strf(c->arena, "Assemblée nationale : %.*s", S_ARG(name));
    return feed_answer(c, k, &f);
}

static Err *speaker_get(Ctx *c, Call *k) {
    Feed f = feed_new(k);
    FeedRow who = {0};
    bool found, any;
    Str name;
    TRY(name_of(c, k, &name));
    TRY(db_maybe(c, SQL(SQL_FEED_SPEAKER_OF), ARGS(V(name)), &row_record, &who, &found));
    if (!found)
        TRY(db_maybe(c, SQL(SQL_FEED_SPEAKER_SAID), ARGS(V(name)), &row_record, &who, &found));
    f.about.narrow.speaker = name;
    f.passages = true;
    TRY(feed_found(c, &f, &any));
    if (!found && !any)
        FAIL(c, NOT_FOUND, "Orateur %.*s non trouvé", S_ARG(str_utf8_cut(name, 200)));
    f.path = path_of(c, "speaker", name);
    f.title = strf(c->arena, "Assemblée nationale : %.*s", S_ARG(found ? who.title : name));
    f.description = strf(c->arena, "Les interventions de %.*s à l'Assemblée nationale.",
                         S_ARG(found ? who.title : name));
    return feed_answer(c, k, &f);
}

static Err *collection_get(Ctx *c, Call *k) {
    Feed f = feed_new(k);
    FeedRow row = {0};
    bool found;
    Str id;
    TRY(name_of(c, k, &id));
    TRY(db_maybe(c, SQL(SQL_FEED_COLLECTION_OF), ARGS(V(id)), &row_record, &row, &found));
    if (!found) FAIL(c, NOT_FOUND, "Collection %.*s non trouvée", S_ARG(str_utf8_cut(id, 100)));
    f.path = path_of(c, "collection", id);
    f.entity = id;
    f.title = row.title;
    if (row.description.len > 0) f.description = row.description;
    f.sql = SQL(SQL_FEED_COLLECTION);
    f.arg = V(row.n);
    return feed_answer(c, k, &f);
}

static void query_add(Buf *b, const char *name, Str value) {
    if (value.len == 0) return;
    buf_f(b, "&%s=", name);
    buf_url(b, value);
}

static Err *search_get(Ctx *c, Call *k) {
    const PageQuery *query = k->query;
    Feed f = feed_new(k);
    bool any;
    f.about.q = query->q;
    f.about.narrow.type = query->type;
    f.about.narrow.commission = query->commission;
    f.about.narrow.speaker = query->speaker;
    f.passages = true;
    TRY(feed_found(c, &f, &any));
    Buf path = buf_new(c->arena, 3 * query->q.len + 64);
    buf_f(&path, "/feeds/search.xml?q=");
    buf_url(&path, query->q);
    query_add(&path, "type", query->type);
    query_add(&path, "commission", query->commission);
    query_add(&path, "speaker", query->speaker);
    f.path = buf_str(&path);
    f.title = strf(c->arena, "Assemblée nationale : « %.*s »", S_ARG(query->q));
    f.description = strf(c->arena, "Les débats de l'Assemblée nationale où l'on dit « %.*s ».",
                         S_ARG(query->q));
    return feed_answer(c, k, &f);
}

static Err *alert_get(Ctx *c, Call *k) {
    Feed f = feed_new(k);
    FeedRow row = {0};
    bool found;
    Str token;
    TRY(name_of(c, k, &token));
    TRY(db_maybe(c, SQL(SQL_FEED_ALERT_OF), ARGS(V(token)), &row_record, &row, &found));
    if (!found) FAIL(c, NOT_FOUND, "Il n'y a pas d'alerte à cette adresse.");
    f.path = path_of(c, "alert", token);
    f.entity = token;
    f.title = strf(c->arena, "Alerte : « %.*s »", S_ARG(row.title));
    f.description = S("Les nouveaux comptes rendus où l'on dit ces mots.");
    f.news = true;
    f.sql = SQL(SQL_FEED_ALERT);
    f.arg = V(row.n);
    return feed_answer(c, k, &f);
}

static Err *cover_fill(Ctx *c, void *arg, Str *value) {
    (void)arg;
    *value = cover_png(c->arena);
    return NULL;
}

static Err *cover_get(Ctx *c, Call *k) {
    Str png;
    TRY(cache_fill(c, app_cache(c), S("robian/cover"), US_PER_DAY / US_PER_MS, 0, cover_fill, NULL,
                   &png));
    reply_text(k->r, 200, S("image/png"), png);
    reply_header(k->r, S("Cache-Control"), S("public, max-age=86400"));
    k->r->no_compress = true;
    k->answered = true;
    return NULL;
}

#define FEED                                      \
    .access = ACCESS_OPEN, .query = &page_record, \
    .out_type = "application/rss+xml,"            \
                "application/xml,text/xml",       \
    .rate = RATE_SEARCH, .tag = "feeds"

const Route feed_routes[] = {
    {GET, "/feeds/all.xml", all_get, FEED, .doc = "Podcast of all debates"},
    {GET, "/feeds/search.xml", search_get, .access = ACCESS_OPEN, .query = &found_record,
     .out_type = "application/rss+xml,application/xml,text/xml", .rate = RATE_SEARCH,
     .tag = "feeds", .doc = "Podcast of what a search finds, each item at the second it is said"},
    {GET, "/feeds/type/{name}", type_get, FEED, .errors = "404",
     .doc = "Podcast of a type: TYPE.xml"},
    {GET, "/feeds/commission/{name*}", commission_get, FEED, .errors = "404",
     .doc = "Podcast of a committee: NAME.xml"},
    {GET, "/feeds/speaker/{name*}", speaker_get, FEED, .errors = "404",
     .doc = "Podcast of what somebody says: an id or a name, .xml"},
    {GET, "/feeds/collection/{name}", collection_get, FEED, .errors = "404",
     .doc = "Podcast of a public collection: ID.xml"},
    {GET, "/feeds/alert/{name}", alert_get, FEED, .errors = "404",
     .doc = "News of an alert: its secret address"},
    {GET, "/feeds/cover.png", cover_get, .access = ACCESS_OPEN, .out_type = "image/png",
     .tag = "feeds", .doc = "The cover of these podcasts, 1400 by 1400"},
    {0},
};
