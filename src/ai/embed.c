/* SPDX-License-Identifier: Apache-2.0
 * embed(): equal texts once, those known from before not at all, the rest in batches, a few at once. */
#include "ai/embed.h"

#include <math.h>

#include "ai/kept.h"
#include "ai/settings.h"
#include "core/map.h"
#include "search/text.h"

enum {
    TOKENS_MOST = 4000, /* of one text, as we count: 8000 at most as models do */
    BATCH_TEXTS = 64,   /* whose answer in JSON is some megabytes */
    BATCH_TOKENS = 10000, /* as we count: 20000 at most as Vertex AI does, which takes no more */
    BATCHES_AT_ONCE = 4,
};

int embed_dimensions(void) {
    assert(ai_settings.embed_dimensions > 0 &&
           ai_settings.embed_dimensions <= EMBED_DIMENSIONS_MAX);
    return (int)ai_settings.embed_dimensions;
}

Str embed_model(Arena *arena) {
    const Provider *p = provider_named(provider_usual(AI_EMBED));
    Str model = p ? provider_model(p, AI_EMBED) : S("");
    return strf(arena, "%.*s/%.*s/%d", S_ARG(provider_usual(AI_EMBED)), S_ARG(model),
                embed_dimensions());
}

/* One call of embed(). Distinct texts are numbered; vectors are theirs. */
typedef struct Embedding {
    EmbedTask task;
    const Provider *p;
    Str model;
    int dimensions;
    Str *texts, *keys;
    ptrdiff_t count;
    float *vectors;
    bool *wanted;    /* to be asked for */
    ptrdiff_t *todo; /* those, by number */
    ptrdiff_t todo_count, todo_next;
    AiUsage usage;
    AiPayer payer;
} Embedding;

static float *vector_of(const Embedding *e, ptrdiff_t i) { return e->vectors + i * e->dimensions; }

/* -- Vectors as bytes: little-endian, whatever the machine ---------------------------------------- */

static Str vector_bytes(Arena *arena, const float *v, int dimensions) {
    unsigned char *to = arena_bytes(arena, dimensions * 4);
    for (int i = 0; i < dimensions; i++) {
        uint32_t bits;
        memcpy(&bits, &v[i], sizeof bits);
        for (int k = 0; k < 4; k++) to[i * 4 + k] = (unsigned char)(bits >> (8 * k));
    }
    return str_of((const char *)to, dimensions * 4);
}

static bool vector_read(Str bytes, float *v, int dimensions) {
    if (bytes.len != (ptrdiff_t)dimensions * 4) return false;
    const unsigned char *from = (const unsigned char *)bytes.data;
    for (int i = 0; i < dimensions; i++) {
        uint32_t bits = 0;
        for (int k = 0; k < 4; k++) bits |= (uint32_t)from[i * 4 + k] << (8 * k);
        memcpy(&v[i], &bits, sizeof bits);
    }
    return true;
}

static bool vector_unit(float *v, int dimensions) {
    double sum = 0;
    for (int i = 0; i < dimensions; i++) sum += (double)v[i] * (double)v[i];
    if (!(sum > 0) || !isfinite(sum)) return false;
    double length = sqrt(sum);
    for (int i = 0; i < dimensions; i++) v[i] = (float)((double)v[i] / length);
    return true;
}

/* -- A batch ------------------------------------------------------------------------------------- */

typedef struct Batch {
    Embedding *e;
    const ptrdiff_t *numbers;
    ptrdiff_t count;
    float *vectors;
} Batch;

static Err *batch_ask(Ctx *c, const Provider *p, Str model, PolicyTry *one) {
    Batch *b = one->arg;
    Embedding *e = b->e;
    Str *texts = arena_array(c->arena, Str, b->count);
    for (ptrdiff_t i = 0; i < b->count; i++) texts[i] = e->texts[b->numbers[i]];
    EmbedCall call = {
        .task = e->task,
        .texts = texts,
        .count = b->count,
        .model = model,
        .dimensions = e->dimensions,
        .vectors = b->vectors,
    };
    Err *err = p->embed(c, &call);
    one->usage = call.usage;
    one->origin = call.origin;
    if (err || one->usage.tokens_in > 0) return err;
    for (ptrdiff_t i = 0; i < b->count; i++) one->usage.tokens_in += ai_tokens(texts[i]);
    one->usage.estimated = true;
    return NULL;
}

static Err *batch_run(Ctx *c, Batch *b) {
    Embedding *e = b->e;
    AiUsage usage;
    AiOrigin origin;
    PolicyCall call = {.kind = AI_EMBED, .model = e->model, .ask = batch_ask, .arg = b};
    b->vectors = arena_array(c->arena, float, b->count * e->dimensions);
    Err *err = policy_call(c, &call, &usage, &origin);
    usage_add(&e->usage, &usage);
    if (err) return err;
    for (ptrdiff_t i = 0; i < b->count; i++) {
        float *v = b->vectors + i * e->dimensions;
        if (!vector_unit(v, e->dimensions)) {
            err = err_new(c, ERR_UPSTREAM, __func__, "%s answered a vector without a direction",
                          e->p->name);
            err->code = S("ai_bad_answer");
            return err;
        }
        memcpy(vector_of(e, b->numbers[i]), v, sizeof(float) * (size_t)e->dimensions);
        e->wanted[b->numbers[i]] = false;
    }
    return NULL;
}

static ptrdiff_t batch_most(const Embedding *e) {
    int most = e->p->embed_most_of ? e->p->embed_most_of(e->model) : e->p->embed_most;
    return min_size(most > 0 ? most : 1, BATCH_TEXTS);
}

/* The next texts that go together. */
static bool batch_take(Embedding *e, Batch *b) {
    *b = (Batch){.e = e, .numbers = e->todo + e->todo_next};
    ptrdiff_t most = batch_most(e);
    int64_t tokens = 0;
    while (e->todo_next < e->todo_count && b->count < most) {
        tokens += ai_tokens(e->texts[e->todo[e->todo_next]]);
        if (b->count > 0 && tokens > BATCH_TOKENS) break;
        e->todo_next++;
        b->count++;
    }
    return b->count > 0;
}

static Err *batches_run(Ctx *c, void *arg) {
    Embedding *e = arg;
    Batch b;
    while (batch_take(e, &b)) {
        CtxMark mark = ctx_mark(c);
        Err *err = batch_run(c, &b);
        if (err) {
            e->todo_next = e->todo_count; /* all or nothing: the others need not go on */
            return err;
        }
        ctx_release(c, mark);
    }
    return NULL;
}

static Err *todo_run(Ctx *c, Embedding *e) {
    e->todo_count = e->todo_next = 0;
    for (ptrdiff_t i = 0; i < e->count; i++)
        if (e->wanted[i]) e->todo[e->todo_count++] = i;
    if (e->todo_count == 0) return NULL;
    ptrdiff_t most = batch_most(e);
    ptrdiff_t lanes = min_size(BATCHES_AT_ONCE, (e->todo_count + most - 1) / most);
    Task tasks[BATCHES_AT_ONCE] = {0};
    for (ptrdiff_t i = 0; i < lanes; i++) tasks[i] = (Task){.fn = batches_run, .arg = e};
    return fork_join(c, tasks, lanes);
}

/* -- One text: asked once, however many want it --------------------------------------------------- */

static Err *one_make(Ctx *c, void *arg, Str *value, bool *keep, AiUsage *usage) {
    Embedding *e = arg;
    Batch b = {.e = e, .numbers = e->todo, .count = 1};
    Err *err = batch_run(c, &b);
    *usage = e->usage;
    if (err) return err;
    *value = vector_bytes(c->arena, vector_of(e, 0), e->dimensions);
    *keep = true;
    return NULL;
}

static Err *one_run(Ctx *c, Embedding *e) {
    KeptCall call = {
        .kind = AI_EMBED, .key = e->keys[0], .payer = e->payer, .make = one_make, .arg = e};
    Str value;
    bool made;
    TRY(kept_call(c, &call, &value, &made));
    if (made) return NULL;
    figures_kept(provider_index(e->p), AI_EMBED, 1);
    if (vector_read(value, vector_of(e, 0), e->dimensions)) return NULL;
    FAIL(c, INTERNAL, "A kept vector has %td bytes, not %d", value.len, e->dimensions * 4);
}

/* -- Many ----------------------------------------------------------------------------------------- */

static Err *known_read(Ctx *c, Embedding *e) {
    Str *values = arena_array(c->arena, Str, e->count);
    int64_t known = 0;
    TRY(kept_read_many(c, e->keys, e->count, values));
    for (ptrdiff_t i = 0; i < e->count; i++) {
        if (str_is_null(values[i]) || !vector_read(values[i], vector_of(e, i), e->dimensions))
            continue;
        e->wanted[i] = false;
        known++;
    }
    if (known) figures_kept(provider_index(e->p), AI_EMBED, known);
    return NULL;
}

/* What came is kept also when not all of it came: the next attempt has less to ask. */
static Err *many_run(Ctx *c, Embedding *e) {
    TRY(known_read(c, e));
    bool *asked = arena_array(c->arena, bool, e->count);
    for (ptrdiff_t i = 0; i < e->count; i++) asked[i] = e->wanted[i];
    Err *err = todo_run(c, e);
    Str *values = arena_array(c->arena, Str, e->count);
    for (ptrdiff_t i = 0; i < e->count; i++)
        if (asked[i] && !e->wanted[i])
            values[i] = vector_bytes(c->arena, vector_of(e, i), e->dimensions);
    AiPayer payer = err ? (AiPayer){{0}, {0}} : e->payer;
    Err *stored = kept_store_many(c, AI_EMBED, e->keys, values, e->count, payer, &e->usage);
    return err ? err : stored;
}

/* -- The call ------------------------------------------------------------------------------------- */

static bool has_words(Ctx *c, Str text) {
    ArenaMark mark = arena_mark(c->arena);
    Words words = {.arena = c->arena};
    words_add(&words, str_utf8_cut(text, 4 * KIB));
    bool some = words.count > 0;
    if (!some && text.len > 4 * KIB) words_add(&words, text);
    some = words.count > 0;
    arena_release(c->arena, mark);
    return some;
}

static Str text_key(Ctx *c, const Embedding *e, Str text) {
    KeptKey k = kept_key_new(c->arena, AI_EMBED, str_c(e->p->name), e->model);
    kept_key_add_i64(&k, e->dimensions);
    kept_key_add_i64(&k, e->task);
    kept_key_add(&k, text);
    return kept_key_end(&k);
}

/* Number of each text among the distinct ones; -1 for those without a word. */
static ptrdiff_t *distinct(Ctx *c, Embedding *e, const Str *texts, ptrdiff_t count, bool keys) {
    ptrdiff_t *numbers = arena_array(c->arena, ptrdiff_t, count + 1);
    Map seen = {.arena = c->arena};
    for (ptrdiff_t i = 0; i < count; i++) {
        Str text = ai_tokens_cut(texts[i], TOKENS_MOST);
        numbers[i] = -1;
        if (!has_words(c, text)) continue;
        ptrdiff_t *known = map_get(&seen, text);
        if (!known) {
            known = arena_new_of(c->arena, ptrdiff_t);
            *known = e->count++;
            map_set(&seen, text, known);
            e->texts[*known] = text;
            e->wanted[*known] = true;
            if (keys) e->keys[*known] = text_key(c, e, text);
        }
        numbers[i] = *known;
    }
    return numbers;
}

Err *embed(Ctx *c, EmbedTask task, const Str *texts, ptrdiff_t count, AiPayer payer,
           float **vectors, AiUsage *usage) {
    assert(count >= 0 && vectors && usage);
    Embedding *e = arena_new_of(c->arena, Embedding);
    *e = (Embedding){.task = task, .dimensions = embed_dimensions(), .payer = payer};
    *usage = (AiUsage){.priced = true};
    *vectors = arena_array(c->arena, float, count * e->dimensions + 1);
    TRY(payer_check(c, payer));
    TRY(policy_choose(c, AI_EMBED, (Str){0}, (Str){0}, &e->p, &e->model));
    e->texts = arena_array(c->arena, Str, count + 1);
    e->keys = arena_array(c->arena, Str, count + 1);
    e->wanted = arena_array(c->arena, bool, count + 1);
    e->todo = arena_array(c->arena, ptrdiff_t, count + 1);
    bool local = e->p == &provider_local; /* asks nobody, and is quicker than what is kept */
    ptrdiff_t *numbers = distinct(c, e, texts, count, !local);
    if (e->count == 0) return NULL;
    e->vectors = arena_array(c->arena, float, e->count * e->dimensions);
    if (local) {
        TRY(todo_run(c, e));
        TRY(payer_charge_surely(c, payer, &e->usage));
    } else if (e->count == 1) {
        TRY(one_run(c, e));
    } else {
        TRY(many_run(c, e));
    }
    for (ptrdiff_t i = 0; i < count; i++)
        if (numbers[i] >= 0)
            memcpy(*vectors + i * e->dimensions, vector_of(e, numbers[i]),
                   sizeof(float) * (size_t)e->dimensions);
    if (e->usage.tokens_in > 0) *usage = e->usage;
    return NULL;
}
