/* SPDX-License-Identifier: Apache-2.0
 * Some hundred made-up posts, the same every time, spread over the 28 days before the day on
 * which the demo is first loaded. */
#include "products/veyl/demo.h"

#include "api/accounts.h"
#include "core/rand.h"
#include "products/veyl/ingest.h"
#include "products/veyl/jobs.h"
#include "products/veyl/project.h"
#include "products/veyl/queries.h"

enum { POSTS = 600, DAYS = 28 };

static const char *const networks[] = {"instagram", "tiktok", "facebook"};
static const char *const creators[] = {
    "camille.voyage", "atelier_nord", "lea.cuisine", "paris.en.bref", "tom_skates",
    "studio.lumen",   "nina.trails",  "leplateau",   "marché.bio",    "odd.pixel",
};
static const char *const french[] = {
    "Quelle belle lumière ce matin, je suis ravie 😍",
    "Nouvelle recette : simple, rapide et délicieuse !",
    "Un grand merci à toutes et à tous pour ce succès 🎉",
    "Le train a encore du retard, c'est vraiment pénible",
    "On a adoré l'exposition, un moment magnifique",
    "Petite déception au restaurant hier soir, service trop lent",
    "Trois jours de marche dans les Alpes avec les amis",
    "La collection d'automne arrive, restez avec nous",
    "Je n'aime pas du tout cette mise à jour",
    "Bientôt un atelier gratuit près de chez vous",
};
static const char *const english[] = {
    "What a wonderful light this morning, so happy 😍",
    "New recipe: simple, quick and delicious!",
    "A big thank you to all of you for this success 🎉",
    "The train is late again, this is really annoying",
    "We loved the exhibition, an amazing moment",
    "A bit disappointed by the restaurant, the service was slow",
    "Three days of hiking in the Alps with friends",
    "The autumn collection is coming, stay with us",
    "I do not like this update at all",
    "A free workshop near you soon",
};
static const char *const tags[] = {
    "paris",    "mode",  "cuisine", "voyage", "food",  "art",
    "montagne", "photo", "été",     "bio",    "sport", "musique",
};

static OptInt some(Rand *r, int64_t below) { return (OptInt){rand_below(r, below), true}; }

/* What makes a post trend: one in forty does ten times as well. */
static void counts_fill(Rand *r, PostRow *p) {
    int64_t times = rand_below(r, 40) == 0 ? 10 : 1;
    p->likes = some(r, 900 * times);
    p->comments = some(r, 60 * times);
    p->shares = some(r, 40 * times);
    p->views = str_eq(p->platform, S("facebook"))
                   ? (OptInt){0}
                   : (OptInt){p->likes.value * (5 + rand_below(r, 30)), true};
}

static Str caption_make(Ctx *c, Rand *r) {
    int64_t which = rand_below(r, COUNT(french));
    Buf b = buf_new(c->arena, 256);
    buf_add(&b, str_c(rand_below(r, 100) < 60 ? french[which] : english[which]));
    for (int64_t i = rand_below(r, 4); i > 0; i--)
        buf_f(&b, " #%s",
              tags[rand_below(r, COUNT(tags)) * rand_below(r, COUNT(tags)) / COUNT(tags)]);
    return buf_str(&b);
}

static void draft_make(Ctx *c, Rand *r, Time until, int64_t number, Draft *out) {
    PostRow *p = &out->post;
    Str platform = str_c(networks[rand_below(r, COUNT(networks))]);
    *out = (Draft){0};
    *p = (PostRow){
        .platform = platform,
        .external_id = strf(c->arena, "demo%04lld", (long long)number),
        .author = str_c(creators[rand_below(r, COUNT(creators))]),
        .caption = caption_make(c, r),
        .posted_at = time_add(until, -rand_below(r, DAYS * US_PER_DAY)),
        .fetched_at = TIME_NULL,
        .media_type = str_eq(platform, S("tiktok")) ? S("VIDEO") : S("IMAGE"),
        .permalink = strf(c->arena, "https://example.org/%.*s/demo%04lld", S_ARG(platform),
                          (long long)number),
    };
    p->posted_at.us -= p->posted_at.us % US_PER_SECOND;
    counts_fill(r, p);
}

static Err *posts_make(Ctx *c) {
    int64_t there;
    TRY(db_int(c, SQL(SQL_DEMO_POSTS), NO_ARGS, &there));
    if (there) return NULL; /* their times count from the first loading */
    Rand rand = {20261121};
    Draft *drafts = arena_array(c->arena, Draft, POSTS);
    for (int64_t i = 0; i < POSTS; i++) {
        draft_make(c, &rand, time_now(), i, &drafts[i]);
        const char *why = draft_finish(c->arena, &drafts[i]);
        assert(!why);
        (void)why;
    }
    IngestCounts counts;
    return posts_ingest(c, drafts, POSTS, &counts);
}

static Err *project_fill(Ctx *c, void *arg) {
    Id project = *(Id *)arg;
    Id platforms[COUNT(networks)];
    bool linked;
    TRY(project_lock(c, project));
    for (int i = 0; i < COUNT(networks); i++)
        TRY(platform_ensure(c, str_c(networks[i]), &platforms[i]));
    TRY(project_hashtag_link(c, project, S("paris"), platforms[0], &linked));
    TRY(project_hashtag_link(c, project, S("cuisine"), platforms[0], &linked));
    TRY(project_hashtag_link(c, project, S("voyage"), platforms[1], &linked));
    TRY(project_creator_link(c, project, S("lea.cuisine"), platforms[0], &linked));
    TRY(project_creator_link(c, project, S("camille.voyage"), platforms[1], &linked));
    return project_scope_refresh(c, project);
}

static Err *project_make(Ctx *c, Id user) {
    int64_t there, id;
    TRY(db_int(c, SQL(SQL_DEMO_PROJECT), ARGS(V(user), V(S("Paris, à table"))), &there));
    if (there) return NULL;
    TRY(db_int(c, SQL(SQL_PROJECT_ADD),
               ARGS(V(user), value_null(), V(S("Paris, à table")),
                    V(S("Ce qui se dit de la cuisine et des voyages")), V(S("active")),
                    V(((JsonText){S("[]")})), V(time_now())),
               &id));
    Id project = {id};
    return db_transaction(c, project_fill, &project);
}

Err *veyl_demo(Ctx *c) {
    User user;
    TRY(user_by_email(c, S(DEMO_EMAIL), &user));
    TRY(posts_make(c));
    TRY(project_make(c, user.id));
    TRY(platform_week_refresh(c, (Id){0}));
    return veyl_refresh_views(c, NULL);
}
