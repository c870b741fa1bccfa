/* SPDX-License-Identifier: Apache-2.0
 * The illustration agent.
 *
 *   key ─▶ illustrations ──there──▶ media row of the person ─▶ out
 *              │ not there: once for all who want it now (cache_fill), and by nodes (ai/kept.h)
 *              ▼
 *          a model ── refused, or none ──▶ drawing, in a thread
 *              └───────────┬─────────────────┘
 *                          ▼
 *          blob ─▶ Cloudinary, where configured ─▶ row
 *
 * Killed anywhere before the row, it is made again; the same bytes are the same blob. A picture that a
 * provider refused is drawn and kept under the provider's key, so that it is not asked again; one that was
 * drawn because nothing is configured is kept under the drawing's own. */
#include "products/lifetales/illustration.h"

#include <sodium.h>

#include "ai/policy.h"
#include "ai/wire.h"
#include "core/json.h"
#include "core/log.h"
#include "core/time.h"
#include "data/cache.h"
#include "data/db.h"
#include "products/lifetales/album.h"
#include "products/lifetales/cloudinary.h"
#include "products/lifetales/lifetales.h"
#include "products/lifetales/drawing.h"
#include "products/lifetales/erase.h"
#include "products/lifetales/illustration_sql.h"
#include "rt/offload.h"

enum {
    PROMPT_BYTES = 4000, /* of a prompt, as models and drawings are given it */
    CHARACTERS_MAX = 12,
    LOOK_BYTES = 300, /* of how somebody looks */
    DRAWING_BUDGET = 64 * 1024 * 1024,
    VERSION = 1 /* of prompts and drawings: another one makes other pictures */
};

typedef struct IllustrationRow {
    Str key, sha256, mime_type, provider, model, url;
    int64_t width, height;
} IllustrationRow;
static const Field row_fields[] = {
    FIELD(IllustrationRow, key),       FIELD(IllustrationRow, sha256),
    FIELD(IllustrationRow, mime_type), FIELD(IllustrationRow, width),
    FIELD(IllustrationRow, height),    FIELD(IllustrationRow, provider),
    FIELD(IllustrationRow, model),     FIELD(IllustrationRow, url, .flags = F_NULLABLE),
};
static const Record illustration_record = RECORD(IllustrationRow, row_fields);

/* -- prompts ----------------------------------------------------------------------------------- */

static Str style_words(Str style) {
    static const struct {
        const char *name, *words;
    } styles[] = {
        {"cinematic",
         "a wide cinematic still: one strong light, depth, teal shadows and warm highlights"},
        {"pastel", "a soft drawing in chalk pastels on toned paper, gentle edges, light colours"},
        {"realistic", "a realistic, natural photograph in soft daylight, with atmospheric depth"},
    };
    for (int i = 0; i < COUNT(styles); i++)
        if (str_eq(style, str_c(styles[i].name))) return str_c(styles[i].words);
    return S("a storybook illustration: ink contours, flat warm colours, the texture of paper");
}

/* Whatever the prompt says, the picture is of its scene, in the style, without writing. */
static Str prompt_of(Arena *arena, const IllustrationTask *task) {
    Buf b = buf_new(arena, 2 * KIB);
    buf_f(
        &b,
        "Make one picture for a chapter of a personal story, landscape format 4:3. Style: %.*s.\n",
        S_ARG(style_words(task->style)));
    buf_f(&b, "The scene: %.*s\n", S_ARG(str_utf8_cut(str_trim(task->prompt), PROMPT_BYTES)));
    json_error_t ignored;
    json_t *all = str_is_empty(task->characters.text)
                      ? NULL
                      : json_loadb(task->characters.text.data, (size_t)task->characters.text.len, 0,
                                   &ignored);
    const char *name;
    json_t *looks;
    int count = 0;
    json_object_foreach(all, name, looks) {
        if (!json_is_string(looks) || count == CHARACTERS_MAX) continue;
        buf_add(&b, count++ ? S("; ") : S("People, who look the same in every picture: "));
        buf_f(&b, "%.*s: %.*s", S_ARG(str_utf8_cut(str_c(name), 80)),
              S_ARG(str_utf8_cut(json_str(looks), LOOK_BYTES)));
    }
    json_decref(all);
    buf_add(&b, count ? S(".\n") : S(""));
    buf_add(&b, S("No text, letters, captions, frames or logos in the picture."));
    return buf_str(&b);
}

static Str words_of(Arena *arena, const IllustrationTask *task) {
    Str prompt = str_utf8_cut(str_trim(task->prompt), PROMPT_BYTES);
    if (str_is_empty(task->title)) return prompt;
    return strf(arena, "%.*s\n%.*s", S_ARG(prompt), S_ARG(task->title));
}

/* -- keys -------------------------------------------------------------------------------------- */

static const Provider *provider_ready(Arena *arena) {
    Str name = provider_usual(AI_IMAGE);
    const Provider *p = str_is_empty(name) ? NULL : provider_named(name);
    if (!p || !provider_does(p, AI_IMAGE) || str_is_empty(provider_model(p, AI_IMAGE))) return NULL;
    return p->lacks && !str_is_null(p->lacks(arena)) ? NULL : p;
}

bool illustration_by_model(Arena *arena) { return provider_ready(arena) != NULL; }

static Str key_of(Arena *arena, const Str *parts, ptrdiff_t count) {
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    for (ptrdiff_t i = 0; i < count; i++) { /* told apart by their lengths */
        Str head = strf(arena, "%lld:", (long long)parts[i].len);
        crypto_hash_sha256_update(&state, (const unsigned char *)head.data, (size_t)head.len);
        if (parts[i].len)
            crypto_hash_sha256_update(&state, (const unsigned char *)parts[i].data,
                                      (size_t)parts[i].len);
    }
    crypto_hash_sha256_final(&state, hash);
    return str_hex(arena, hash, sizeof hash);
}

static Str key_of_drawing(Arena *arena, const IllustrationTask *task) {
    const Str parts[] = {S("local"), strf(arena, "%d", VERSION), words_of(arena, task), task->style,
                         strf(arena, "%llu", (unsigned long long)task->look)};
    return key_of(arena, parts, COUNT(parts));
}

Str illustration_key(Arena *arena, const IllustrationTask *task) {
    const Provider *p = provider_ready(arena);
    if (!p) return key_of_drawing(arena, task);
    const Str parts[] = {str_c(p->name), provider_model(p, AI_IMAGE), strf(arena, "%d", VERSION),
                         S("4:3"), prompt_of(arena, task)};
    return key_of(arena, parts, COUNT(parts));
}

/* -- making ------------------------------------------------------------------------------------ */

typedef struct Making {
    const IllustrationTask *task;
    IllustrationRow row;
    Looked looked;
    Illustration *out;
    bool made; /* by this caller */
} Making;

typedef struct DrawWork {
    Arena *arena;
    DrawingTask task;
    Str png;
} DrawWork;

static void draw_now(void *arg) {
    DrawWork *w = arg;
    w->png = drawing_make(w->arena, &w->task);
}

static Err *draw(Ctx *c, Making *m) {
    const IllustrationTask *task = m->task;
    SideArena *side = side_new(c, DRAWING_BUDGET);
    DrawWork w = {.arena = side->arena,
                  .task = {words_of(c->arena, task), task->style, task->look}};
    TRY(offload(c, LANE_LONG, draw_now, &w));
    if (w.png.len == 0) FAIL(c, INTERNAL, "The picture could not be drawn.");
    m->looked = (Looked){.mime_type = S("image/png"),
                         .kind = S("image"),
                         .bytes = str_copy(c->arena, w.png),
                         .width = {.set = true, .value = DRAWING_WIDTH},
                         .height = {.set = true, .value = DRAWING_HEIGHT}};
    side_free(side);
    m->row.provider = S("local");
    m->row.model = S("drawing");
    return NULL;
}

static bool refused(const Err *err) {
    return err && err->kind == ERR_INVALID && str_eq(err->code, S("ai_refused_request"));
}

static Err *ask_model(Ctx *c, Making *m) {
    Image image;
    ImageRequest request = {.prompt = prompt_of(c->arena, m->task),
                            .aspect = S("4:3"),
                            .timeout_ms = lifetales.illustration_ms,
                            .payer = m->task->payer};
    int64_t began = mono_us();
    Err *err = image_make(c, &request, &image);
    m->out->latency_ms = (mono_us() - began) / 1000;
    m->out->usage = image.usage;
    m->out->calls = image.origin.tries;
    if (err) {
        m->out->calls = max_i64(m->out->calls, err->kind != ERR_NOT_CONFIGURED);
        m->out->errors = err->kind != ERR_NOT_CONFIGURED;
        if (err->kind == ERR_INVALID && !refused(err)) /* no fault of who asked */
            return err_wrap(c, ERR_UPSTREAM, __func__, err, "The provider takes no such request.");
        return err;
    }
    m->row.provider = image.origin.provider;
    m->row.model = image.origin.model;
    err = album_look(c, image.bytes, image.mime, &m->looked);
    if (err &&
        (err->kind == ERR_INVALID || err->kind == ERR_MEDIA_TYPE || err->kind == ERR_TOO_LARGE))
        return err_wrap(c, ERR_UPSTREAM, __func__, err, "The provider's picture cannot be read.");
    return err;
}

static Err *row_store(Ctx *c, void *arg) {
    const IllustrationRow *r = &((const Making *)arg)->row;
    return db_exec(c, SQL(SQL_SYSTEM_ILLUSTRATION_ADD),
                   ARGS(V(r->key), V(r->sha256), V(r->mime_type), V(r->width), V(r->height),
                        V(r->provider), V(r->model), V(r->url), V(time_now())),
                   NULL);
}

/* A picture that the CDN does not take is served from here. */
static void upload(Ctx *c, Making *m) {
    if (!cloudinary_on()) return;
    Str name = strf(c->arena, "lifetales/%.*s", S_ARG(m->row.sha256));
    Err *err = cloudinary_put(c, name, m->looked.bytes, m->row.mime_type, &m->row.url);
    if (!err) return;
    m->row.url = (Str){0};
    log_msg(c, LOG_WARN, "a picture was not uploaded, and is served from here: %.*s",
            S_ARG(err->detail));
}

static Err *row_load(Ctx *c, Str key, IllustrationRow *row, bool *found) {
    *row = (IllustrationRow){0};
    return db_maybe(c, SQL(SQL_SYSTEM_ILLUSTRATION), ARGS(V(key)), &illustration_record, row,
                    found);
}

/* For cache_fill: the key under which the row is, in the end. */
static Err *make(Ctx *c, void *arg, Str *value) {
    Making *m = arg;
    bool found;
    Str key = m->row.key;
    TRY(row_load(c, key, &m->row, &found));
    *value = key;
    if (found) return NULL; /* another was through while we came here */
    m->row.key = key;
    Err *err = NULL;
    if (illustration_by_model(c->arena))
        err = ask_model(c, m);
    else
        err = draw(c, m);
    if (err && err->kind == ERR_NOT_CONFIGURED) m->row.key = key_of_drawing(c->arena, m->task);
    if (refused(err) || (err && err->kind == ERR_NOT_CONFIGURED)) err = draw(c, m);
    if (err) return err;
    m->row.mime_type = m->looked.mime_type;
    m->row.width = m->looked.width.value;
    m->row.height = m->looked.height.value;
    TRY(album_put(c, &m->looked, &m->row.sha256));
    upload(c, m);
    TRY(db_transaction(c, row_store, m));
    m->made = true;
    *value = m->row.key;
    return NULL;
}

/* -- to the person ------------------------------------------------------------------------------- */

typedef struct Keeping {
    const Making *making;
    Looked looked;
    Media media;
} Keeping;

static Err *media_keep(Ctx *c, void *arg) {
    Keeping *k = arg;
    return album_add(c, k->making->task->user, &k->looked, k->making->row.sha256, S("illustration"),
                     (Str){0}, &k->media);
}

/* NOT_FOUND when the bytes are there no more. */
static Err *give(Ctx *c, Making *m) {
    Illustration *out = m->out;
    int64_t size;
    int fd;
    TRY(blob_open(c, app_blobs(c), m->row.sha256, &fd, &size));
    Keeping k = {.making = m};
    k.looked = (Looked){.mime_type = m->row.mime_type,
                        .kind = S("image"),
                        .bytes = {NULL, (ptrdiff_t)size}, /* stored: only their count is written */
                        .width = {.set = true, .value = m->row.width},
                        .height = {.set = true, .value = m->row.height}};
    TRY(db_transaction(c, media_keep, &k));
    out->media = k.media;
    out->key = m->row.key;
    out->kept = !m->made;
    out->provider = m->row.provider;
    out->drawn = str_eq(m->row.provider, S("local"));
    out->url = str_is_empty(m->row.url) ? k.media.url : m->row.url;
    return NULL;
}

Err *illustration_known(Ctx *c, Str key, bool *known) {
    IllustrationRow row;
    return row_load(c, key, &row, known);
}

static Err *illustrate_once(Ctx *c, Making *m, Str key) {
    bool found;
    TRY(row_load(c, key, &m->row, &found));
    if (!found) {
        Str name = strf(c->arena, "lifetales:picture:%.*s", S_ARG(key)), made;
        m->row.key = key;
        TRY(cache_fill(c, app_cache(c), name, 0, 0, make, m, &made));
        TRY(row_load(c, made, &m->row, &found));
        if (!found) FAIL(c, UNAVAILABLE, "The picture is gone again.");
    }
    return give(c, m);
}

Err *illustrate(Ctx *c, const IllustrationTask *task, Illustration *out) {
    assert(task && out && !c->tx);
    *out = (Illustration){0};
    if (str_trim(task->prompt).len == 0) FAIL(c, INVALID, "A picture needs a prompt.");
    Making m = {.task = task, .out = out};
    Str key = illustration_key(c->arena, task);
    Err *err = illustrate_once(c, &m, key);
    if (!err || err->kind != ERR_NOT_FOUND) return err;
    /* The row is there, its blob is not: a store that was emptied. Made anew, once. */
    TRY(db_exec(c, SQL(SQL_SYSTEM_ILLUSTRATION_FORGET), ARGS(V(m.row.key), V(m.row.sha256)), NULL));
    m = (Making){.task = task, .out = out};
    return illustrate_once(c, &m, key);
}

Err *illustration_let_go(Ctx *c, Id user, Id media_n) {
    Media old;
    if (id_is_none(media_n)) return NULL;
    Err *err = album_load_n(c, user, media_n, &old);
    if (err) return err->kind == ERR_NOT_FOUND ? NULL : err;
    if (!str_eq(old.made, S("illustration"))) return NULL;
    return album_drop_alone(c, user, old.n, old.id, old.sha256);
}

static Err *sweep_in(Ctx *c, void *arg) {
    Time before = time_add(time_now(), -US_PER_DAY);
    (void)arg;
    TRY(erase_served_old(c, before));
    return db_exec(c, SQL(SQL_SYSTEM_ILLUSTRATIONS_SWEEP), ARGS(V(before)), NULL);
}

Err *illustrations_sweep(Ctx *c) { return db_transaction(c, sweep_in, NULL); }
