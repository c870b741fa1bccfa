/* SPDX-License-Identifier: Apache-2.0
 * A store of vectors as a back end of the service: where it stands, who writes to it, rebuilds. */
#include "search/store.h"

#include <math.h>
#include <stdlib.h>
#include <xxhash.h>

#include "core/time.h"
#include "data/db.h"
#include "search/vectors.h"

enum { PUT_BYTES = 4 * 1024 * 1024, FLOAT_BYTES = 12, COUNT_MS = 10000, NAME_MOST = 24 };

/* -- What is kept of a document -------------------------------------------------------------------- */

const float *store_vector(const SearchDocs *d, const DocEntry *e, float *room) {
    if (e->gone) return NULL;
    const float *vector = NULL;
    int field = vector_field(d->def);
    for (ptrdiff_t i = 0; i < e->count; i++)
        if (d->values[e->first + i].field == field) vector = d->values[e->first + i].vector;
    return vector && vector_unit(vector, d->def->dims, room) ? room : NULL;
}

bool store_number(const SearchDocs *d, const DocEntry *e, int field, int64_t *out) {
    for (ptrdiff_t i = e->count - 1; i >= 0; i--) {
        const DocValue *v = &d->values[e->first + i];
        if (v->field != field) continue;
        *out = v->number;
        return v->number != NO_NUMBER;
    }
    return false;
}

/* -- Where it stands ------------------------------------------------------------------------------- */

/* Of all that decides what lies there. */
static Str definition(Ctx *c, const Store *s) {
    const SearchDef *def = s->def;
    Buf b = buf_new(c->arena, 512);
    buf_f(&b, "1 %s %d %d %d", s->index, def->version, def->dims, def->partition_field);
    if (s->kind == &pgvector_store) buf_f(&b, " %d", s->approximate); /* it has an index, or none */
    for (int i = 0; i < def->field_count; i++)
        if (store_keeps(def, i))
            buf_f(&b, " %d %s %d", i, def->fields[i].name, (int)def->fields[i].kind);
    return strf(c->arena, "%016llx", (unsigned long long)str_hash(buf_str(&b)));
}

static void place_set(Store *s, Str place) {
    assert(place.len < STORE_PLACE);
    pthread_mutex_lock(&s->lock);
    snprintf(s->place, sizeof s->place, "%.*s", S_ARG(place));
    pthread_mutex_unlock(&s->lock);
}

static Str place_now(Ctx *c, Store *s) {
    pthread_mutex_lock(&s->lock);
    Str place = str_copy(c->arena, str_c(s->place));
    pthread_mutex_unlock(&s->lock);
    return place;
}

static Err *state_read(Ctx *c, Store *s, StoreState *out) {
    *out = (StoreState){.covered = NOTHING_COVERED};
    TRY(s->kind->state_get(c, s, out));
    if (!str_eq(out->definition, definition(c, s))) out->covered = NOTHING_COVERED;
    if (out->place.len >= STORE_PLACE) *out = (StoreState){.covered = NOTHING_COVERED};
    return NULL;
}

static void state_keep(Store *s, const StoreState *state) {
    StoreState kept = *state;
    Arena *arena = arena_new(64 * KIB);
    kept.place = str_copy(arena, state->place);
    kept.former = str_copy(arena, state->former);
    kept.definition = str_copy(arena, state->definition);
    arena_free(s->state_arena);
    s->state_arena = arena;
    s->state = kept;
    place_set(s, kept.place);
}

static Err *state_write(Ctx *c, Store *s, StoreState state) {
    state.definition = definition(c, s);
    TRY(lease_keep(c, &s->lease));
    TRY(s->kind->state_set(c, s, &state));
    state_keep(s, &state);
    return NULL;
}

/* For people: no harm when it fails. */
static void vectors_count(Ctx *c, Store *s) {
    int64_t count;
    if (mono_us() < s->count_at_us || s->state.place.len == 0) return;
    s->count_at_us = mono_us() + COUNT_MS * US_PER_MS;
    Err *err = s->kind->count(c, s, s->state.place, &count);
    if (!err) atomic_store(&s->vectors, count);
}

/* -- Opening --------------------------------------------------------------------------------------- */

static char *text_keep(Str text) {
    char *kept = strndup(text.len ? text.data : "", (size_t)text.len);
    if (!kept) abort();
    return kept;
}

/* Nothing is asked yet: the store may be away. */
static Err *backing_open(Ctx *c, SearchIndex *x, bool keeps, int64_t *covered) {
    const SearchOptions *options = search_options(x);
    bool qdrant = options->store == SEARCH_STORE_QDRANT;
    Str host = options->qdrant_url;
    while (str_ends(host, S("/"))) host = str_slice(host, 0, host.len - 1);
    Store *s = calloc(1, sizeof *s);
    if (!s) abort();
    *s = (Store){.kind = qdrant ? &qdrant_store : &pgvector_store,
                 .def = x->def,
                 .index = x->of->def->name,
                 .host = text_keep(host),
                 .key = text_keep(options->qdrant_key),
                 .approximate = options->store_approximate,
                 .state_arena = arena_new(64 * KIB)};
    pthread_mutex_init(&s->lock, NULL);
    x->backing = s;
    *covered = 0;
    assert(strlen(s->index) <= NAME_MOST);
    Err *err = lease_open(c, &s->lease, x->def->name, search_folder(x, c->arena));
    if (!err || (err->kind == ERR_CONFLICT && (!keeps || search_follows(x)))) return NULL;
    x->backend->close(c, x);
    return err;
}

static void backing_close(Ctx *c, SearchIndex *x) {
    Store *s = x->backing;
    lease_close(c, &s->lease);
    arena_free(s->state_arena);
    pthread_mutex_destroy(&s->lock);
    free(s->host);
    free(s->key);
    free(s);
    x->backing = NULL;
}

static Err *backing_lead(Ctx *c, SearchIndex *x, bool *leads, int64_t *known) {
    Store *s = x->backing;
    StoreState state;
    TRY(lease_take(c, &s->lease, leads));
    TRY(state_read(c, s, &state));
    state_keep(s, &state);
    *known = state.covered;
    if (state.covered != NOTHING_COVERED) vectors_count(c, s);
    return NULL;
}

/* -- Writing --------------------------------------------------------------------------------------- */

/* In parts that one call takes, and between two of them the lease is renewed. */
static Err *put(Ctx *c, SearchIndex *x, Str place, const SearchDocs *d) {
    Store *s = x->backing;
    ptrdiff_t count, part = PUT_BYTES / FLOAT_BYTES / d->def->dims;
    const DocEntry **entries = docs_last(c->arena, d, &count);
    if (part > 1000) part = 1000;
    for (ptrdiff_t at = 0, n; at < count; at += n) {
        n = count - at < part ? count - at : part;
        ArenaMark mark = arena_mark(c->arena);
        Defer *undo = c->defers;
        if (atomic_load(&x->stopping)) FAIL(c, CANCELLED, "the process ends");
        TRY(lease_keep(c, &s->lease));
        TRY(s->kind->put(c, s, place, d, entries + at, n));
        ctx_undo(c, undo);
        arena_release(c->arena, mark);
    }
    return NULL;
}

static Err *former_drop(Ctx *c, Store *s) {
    StoreState state = s->state;
    if (state.former.len == 0) return NULL;
    TRY(s->kind->drop(c, s, state.former));
    state.former = (Str){0};
    return state_write(c, s, state);
}

static Err *backing_apply(Ctx *c, SearchIndex *x, const SearchDocs *docs, int64_t covered) {
    Store *s = x->backing;
    TRY(former_drop(c, s));
    TRY(put(c, x, s->state.place, docs));
    StoreState state = s->state;
    state.covered = covered;
    TRY(state_write(c, s, state));
    vectors_count(c, s);
    return NULL;
}

/* -- Rebuilds -------------------------------------------------------------------------------------- */

/* Not the one that counts: of two names in turn. */
static Str place_new(Ctx *c, const Store *s, Str now) {
    Str base = strf(c->arena, "socle_%s_v%u_%d", s->index, (unsigned)s->def->version, s->def->dims);
    Str first = str_concat(c->arena, base, S("_a"));
    return str_eq(first, now) ? str_concat(c->arena, base, S("_b")) : first;
}

typedef struct StoreBuild {
    char place[STORE_PLACE];
} StoreBuild;

static Err *backing_build_begin(Ctx *c, SearchIndex *x, void **build) {
    Store *s = x->backing;
    StoreState state;
    bool leads;
    *build = NULL;
    TRY(lease_take(c, &s->lease, &leads));
    if (!leads) FAIL(c, UNAVAILABLE, "another node keeps the vectors, and builds them");
    TRY(state_read(c, s, &state));
    Str place = place_new(c, s, state.place);
    TRY(s->kind->make(c, s, place));
    if (x->hollow && state.place.len > 0) { /* what is there is nothing to go on from */
        state.covered = NOTHING_COVERED;
        TRY(s->kind->state_set(c, s, &state));
    }
    StoreBuild *b = calloc(1, sizeof *b);
    if (!b) abort();
    snprintf(b->place, sizeof b->place, "%.*s", S_ARG(place));
    *build = b;
    return NULL;
}

static Err *backing_build_add(Ctx *c, SearchIndex *x, void *build, const SearchDocs *docs) {
    return put(c, x, str_c(((StoreBuild *)build)->place), docs);
}

static Err *backing_build_finish(Ctx *c, SearchIndex *x, void *build, int64_t covered) {
    Store *s = x->backing;
    Str place = str_c(((StoreBuild *)build)->place);
    StoreState former;
    TRY(s->kind->filled(c, s, place));
    TRY(state_read(c, s, &former));
    StoreState state = {.covered = covered, .place = place, .former = former.place};
    if (str_eq(state.former, place)) state.former = (Str){0};
    TRY(state_write(c, s, state));
    s->count_at_us = 0;
    vectors_count(c, s);
    Err *err = former_drop(c, s);
    (void)err; /* the next batch tries again */
    return NULL;
}

static void backing_build_free(Ctx *c, SearchIndex *x, void *build) {
    (void)c;
    (void)x; /* the next one drops what is left over there */
    free(build);
}

/* -- Asking ---------------------------------------------------------------------------------------- */

typedef struct Near {
    double similarity;
    int64_t key;
} Near;

static int nearer_first(const void *x, const void *y) {
    const Near *a = x, *b = y;
    if (a->similarity != b->similarity) return a->similarity > b->similarity ? -1 : 1;
    return (a->key > b->key) - (a->key < b->key);
}

void store_sort(Arena *a, StoreAnswer *answer) {
    if (answer->count < 2) return;
    Near *all = arena_array(a, Near, answer->count);
    for (ptrdiff_t i = 0; i < answer->count; i++)
        all[i] = (Near){answer->similarities[i], answer->keys[i]};
    qsort(all, (size_t)answer->count, sizeof *all, nearer_first);
    for (ptrdiff_t i = 0; i < answer->count; i++) {
        answer->similarities[i] = all[i].similarity;
        answer->keys[i] = all[i].key;
    }
}

/* Another node may have dropped the place where we look, for a better one. */
Err *store_nearest(Ctx *c, SearchIndex *vectors, const StoreAsk *ask, StoreAnswer *out) {
    Store *s = vectors->backing;
    Str place = place_now(c, s);
    StoreState state;
    *out = (StoreAnswer){.total = -1};
    if (place.len == 0) FAIL(c, UNAVAILABLE, "The vectors are being built.");
    Err *err = s->kind->nearest(c, s, place, ask, out);
    if (!err || err->kind == ERR_CANCELLED || err->kind == ERR_TIMEOUT) return err;
    TRY(state_read(c, s, &state));
    if (state.covered == NOTHING_COVERED || str_eq(state.place, place)) {
        atomic_store(&vectors->doubted, true); /* the follower looks */
        return err;
    }
    place_set(s, state.place);
    *out = (StoreAnswer){.total = -1};
    return s->kind->nearest(c, s, state.place, ask, out);
}

static Err *backing_run(Ctx *c, SearchIndex *x, const SearchRequest *request, SearchResult *out) {
    (void)x;
    (void)request;
    (void)out;
    FAIL(c, NOT_CONFIGURED, "A store of vectors answers no searches of its own");
}

static Err *backing_values(Ctx *c, SearchIndex *x, int field, Str text, const SearchRequest *within,
                           int64_t limit, SearchValue **out, ptrdiff_t *count) {
    (void)field;
    (void)text;
    (void)limit;
    (void)count;
    (void)out;
    return backing_run(c, x, within, NULL);
}

static void backing_stats(SearchIndex *x, Ctx *c, SearchStats *out) {
    (void)c;
    out->documents = atomic_load(&((Store *)x->backing)->vectors);
}

const SearchBackend search_store_backend = {
    .name = "store",
    .open = backing_open,
    .close = backing_close,
    .lead = backing_lead,
    .apply = backing_apply,
    .build_begin = backing_build_begin,
    .build_add = backing_build_add,
    .build_finish = backing_build_finish,
    .build_free = backing_build_free,
    .run = backing_run,
    .values = backing_values,
    .stats = backing_stats,
};
