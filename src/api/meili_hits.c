/* SPDX-License-Identifier: Apache-2.0
 * Documents as Meilisearch's hits. A document is what its record writes; where only some of it is
 * wanted, or its texts marked, that JSON is read again and walked by paths (`metrics.likes`): a
 * name stands for all that is under it. Walks are as deep as the collection's own records. */
#include "api/meili_room.h"
#include "core/json.h"

enum { LONG_BYTES = 32 * MIB }; /* a buffer that doubles leaves its former selves */

/* -- Loading ------------------------------------------------------------------------------------- */

Err *meili_documents(Ctx *c, const Collection *collection, const int64_t *keys, ptrdiff_t count,
                     Str *out) {
    const Record *record = collection->record;
    char *documents = arena_alloc(c->arena, record->size, count);
    bool *found = arena_array(c->arena, bool, count);
    if (count > 0) TRY(collection->load(c, keys, count, documents, found));
    for (ptrdiff_t i = 0; i < count; i++) {
        out[i] = (Str){0};
        if (!found[i]) continue;
        Buf b = buf_new(c->arena, 1024);
        record_write(&b, record, documents + i * record->size);
        out[i] = buf_str(&b);
    }
    return NULL;
}

/* -- Long answers -------------------------------------------------------------------------------- */

static void long_free(void *arena) { arena_free(arena); }

/* Over its budget it does what c's own arena does. */
Arena *meili_room(Ctx *c) {
    Arena *arena = arena_new(LONG_BYTES);
    jmp_buf *full = arena_on_full(c->arena, NULL);
    arena_on_full(c->arena, full);
    arena_on_full(arena, full);
    defer(c, long_free, arena);
    return arena;
}

MeiliBatch meili_batch_begin(Ctx *c) { return (MeiliBatch){arena_mark(c->arena), c->defers}; }

void meili_batch_end(Ctx *c, const MeiliBatch *batch) {
    ctx_undo(c, batch->defers);
    arena_release(c->arena, batch->mark);
}

void meili_answer(Ctx *c, Call *k, const Record *record, const void *value, ptrdiff_t size) {
    arena_budget_set(c->arena, arena_used(c->arena) + http_options(k->q)->budget_bytes + 3 * size);
    Buf b = buf_new(c->arena, size + 1024);
    record_write(&b, record, value);
    reply_json(k->r, 200, buf_str(&b));
    k->answered = true;
}

/* -- Paths --------------------------------------------------------------------------------------- */

static bool is_under(Str path, Str name) {
    return str_starts(path, name) && (path.len == name.len || path.data[name.len] == '.');
}

typedef enum Cover { NONE, SOME, WHOLE } Cover;

/* How much of what is at path the names cover. */
static Cover cover_of(StrList names, Str path) {
    Cover cover = NONE;
    for (ptrdiff_t i = 0; i < names.count; i++) {
        Str name = names.items[i];
        if (str_eq(name, S("*")) || is_under(path, name)) return WHOLE;
        if (is_under(name, path)) cover = SOME;
    }
    return cover;
}

static Str path_under(Arena *arena, Str path, const char *name) {
    return path.len ? strf(arena, "%.*s.%s", S_ARG(path), name) : str_c(name);
}

static json_t *loose(const json_t *v) { return (json_t *)(uintptr_t)v; } /* jansson's iterators */

/* -- Chosen members ------------------------------------------------------------------------------ */

static void chosen_write(Arena *arena, JsonOut *o, const json_t *v, Str path, StrList names) {
    if (json_is_array(v)) {
        json_begin(o, '[');
        for (size_t i = 0; i < json_array_size(v); i++)
            chosen_write(arena, o, json_array_get(v, i), path, names);
        json_end(o, ']');
        return;
    }
    json_begin(o, '{');
    for (void *i = json_object_iter(loose(v)); i; i = json_object_iter_next(loose(v), i)) {
        const json_t *member = json_object_iter_value(i);
        Str at = path_under(arena, path, json_object_iter_key(i));
        Cover cover = cover_of(names, at);
        bool deep = json_is_object(member) || json_is_array(member);
        if (cover == NONE || (cover == SOME && !deep)) continue;
        json_key(o, str_c(json_object_iter_key(i)));
        if (cover == SOME) {
            chosen_write(arena, o, member, at, names);
        } else {
            Buf b = buf_new(arena, 64);
            buf_json_value(&b, member);
            json_put_raw(o, buf_str(&b));
        }
    }
    json_end(o, '}');
}

static bool is_all(StrList names) { return !names.items || cover_of(names, S("")) == WHOLE; }

Err *meili_document_chosen(Ctx *c, Str document, StrList names, Str *out) {
    *out = document;
    if (is_all(names)) return NULL;
    json_t *v;
    TRY(json_parse(c, document, &v));
    Buf b = buf_new(c->arena, 256);
    JsonOut o = json_out(&b);
    chosen_write(c->arena, &o, v, S(""), names);
    *out = buf_str(&b);
    return NULL;
}

/* -- Marked texts -------------------------------------------------------------------------------- */

/* What is done to a text. */
typedef struct Rule {
    Str name;
    bool highlight, crop;
    int64_t words; /* 0: not cut */
} Rule;

typedef struct Form {
    Arena *arena;
    const MeiliSearch *search;
    Rule *rules;
    ptrdiff_t count;
    StrList shown; /* names of all that _formatted has */
} Form;

static void rule_add(Form *f, Rule rule) {
    f->rules[f->count++] = rule;
    f->shown.items[f->shown.count++] = rule.name;
}

/* name, or name:words. */
static Rule crop_rule(Str text, int64_t usual) {
    Str name = text;
    int64_t words = usual;
    for (ptrdiff_t i = text.len; i-- > 0;) {
        if (text.data[i] != ':') continue;
        name = str_slice(text, 0, i);
        if (!str_to_i64(str_slice(text, i + 1, text.len), &words)) words = usual;
        break;
    }
    return (Rule){.name = name, .crop = true, .words = words > 0 ? words : 0};
}

static Form form_of(Arena *arena, const MeiliSearch *s) {
    const MeiliAsk *ask = s->ask;
    ptrdiff_t rules = ask->attributesToHighlight.count + ask->attributesToCrop.count;
    Form f = {.arena = arena, .search = s, .rules = arena_array(arena, Rule, rules)};
    f.shown.items = arena_array(arena, Str, rules + ask->attributesToRetrieve.count + 1);
    for (ptrdiff_t i = 0; i < ask->attributesToHighlight.count; i++)
        rule_add(&f, (Rule){.name = ask->attributesToHighlight.items[i], .highlight = true});
    for (ptrdiff_t i = 0; i < ask->attributesToCrop.count; i++)
        rule_add(&f, crop_rule(ask->attributesToCrop.items[i], ask->cropLength));
    if (is_all(ask->attributesToRetrieve)) f.shown.items[f.shown.count++] = S("*");
    for (ptrdiff_t i = 0; i < ask->attributesToRetrieve.count; i++)
        f.shown.items[f.shown.count++] = ask->attributesToRetrieve.items[i];
    return f;
}

static Str marked(const Form *f, Str text, Str path) {
    const MeiliAsk *ask = f->search->ask;
    SearchMark mark = {.before = S(""), .after = S(""), .gap = S("")};
    bool any = false;
    for (ptrdiff_t i = 0; i < f->count; i++) {
        const Rule *rule = &f->rules[i];
        if (!str_eq(rule->name, S("*")) && !is_under(path, rule->name)) continue;
        any = true;
        if (rule->crop) mark.crop_words = rule->words;
        if (rule->highlight && ask->highlightPreTag.data) mark.before = ask->highlightPreTag;
        if (rule->highlight && ask->highlightPostTag.data) mark.after = ask->highlightPostTag;
    }
    if (!any || !f->search->result.query) return text;
    if (ask->cropMarker.data) mark.gap = ask->cropMarker;
    return search_highlight(f->arena, f->search->result.query, text, &mark);
}

static Str number_text(Arena *arena, const json_t *v) {
    Buf b = buf_new(arena, 32);
    buf_json_value(&b, v);
    return buf_str(&b);
}

/* Texts marked, numbers as texts, as Meilisearch has them. */
static void formatted_write(const Form *f, JsonOut *o, const json_t *v, Str path, Cover cover) {
    Arena *arena = f->arena;
    if (json_is_array(v)) {
        json_begin(o, '[');
        for (size_t i = 0; i < json_array_size(v); i++)
            formatted_write(f, o, json_array_get(v, i), path, cover);
        json_end(o, ']');
    } else if (json_is_object(v)) {
        json_begin(o, '{');
        for (void *i = json_object_iter(loose(v)); i; i = json_object_iter_next(loose(v), i)) {
            Str at = path_under(arena, path, json_object_iter_key(i));
            Cover of = cover == WHOLE ? WHOLE : cover_of(f->shown, at);
            if (of == NONE) continue;
            json_key(o, str_c(json_object_iter_key(i)));
            formatted_write(f, o, json_object_iter_value(i), at, of);
        }
        json_end(o, '}');
    } else if (json_is_string(v)) {
        json_put_str(o, marked(f, json_str(v), path));
    } else if (json_is_number(v)) {
        json_put_str(o, marked(f, number_text(arena, v), path));
    } else {
        json_put_raw(o, number_text(arena, v));
    }
}

/* -- Where the matches are ----------------------------------------------------------------------- */

enum { INDICES_MAX = 4 };

typedef struct Found {
    Str path;
    SearchPlace place;
    int64_t indices[INDICES_MAX]; /* in the arrays around it */
    int depth;
    bool told;
} Found;

typedef struct Finder {
    Arena *arena;
    const SearchQuery *query;
    Found *items;
    ptrdiff_t count, cap;
} Finder;

static void found_add(Finder *f, Found one) {
    if (f->count == f->cap) {
        ptrdiff_t cap = 2 * f->cap + 16, size = (ptrdiff_t)sizeof one;
        f->items = arena_grow(f->arena, f->items, f->cap * size, cap * size);
        f->cap = cap;
    }
    f->items[f->count++] = one;
}

static void places_find(Finder *f, const json_t *v, Found at) {
    if (json_is_array(v)) {
        int depth = at.depth < INDICES_MAX ? at.depth++ : INDICES_MAX - 1;
        for (size_t i = 0; i < json_array_size(v); i++) {
            at.indices[depth] = (int64_t)i;
            places_find(f, json_array_get(v, i), at);
        }
    } else if (json_is_object(v)) {
        Str path = at.path;
        for (void *i = json_object_iter(loose(v)); i; i = json_object_iter_next(loose(v), i)) {
            at.path = path_under(f->arena, path, json_object_iter_key(i));
            places_find(f, json_object_iter_value(i), at);
        }
    } else if (json_is_string(v) || json_is_number(v)) {
        Str text = json_is_string(v) ? json_str(v) : number_text(f->arena, v);
        ptrdiff_t count = 0;
        SearchPlace *places = search_places(f->arena, f->query, text, &count);
        for (ptrdiff_t i = 0; i < count; i++) {
            at.place = places[i];
            found_add(f, at);
        }
    }
}

static void place_write(JsonOut *o, const Found *one) {
    json_begin(o, '{');
    json_key(o, S("start"));
    json_put_i64(o, one->place.start);
    json_key(o, S("length"));
    json_put_i64(o, one->place.length);
    if (one->depth > 0) {
        json_key(o, S("indices"));
        json_begin(o, '[');
        for (int i = 0; i < one->depth; i++) json_put_i64(o, one->indices[i]);
        json_end(o, ']');
    }
    json_end(o, '}');
}

/* By path, each once. */
static void places_write(Arena *arena, JsonOut *o, const SearchQuery *query,
                         const json_t *document) {
    Finder f = {.arena = arena, .query = query};
    if (query) places_find(&f, document, (Found){.path = S("")});
    json_begin(o, '{');
    for (ptrdiff_t i = 0; i < f.count; i++) {
        if (f.items[i].told) continue;
        json_key(o, f.items[i].path);
        json_begin(o, '[');
        for (ptrdiff_t k = i; k < f.count; k++) {
            if (!str_eq(f.items[k].path, f.items[i].path)) continue;
            f.items[k].told = true;
            place_write(o, &f.items[k]);
        }
        json_end(o, ']');
    }
    json_end(o, '}');
}

/* -- Scores -------------------------------------------------------------------------------------- */

static void put_count(JsonOut *o, const char *name, int value) {
    json_key(o, str_c(name));
    json_put_i64(o, value);
}

static void put_score(JsonOut *o, int rank, int of) {
    json_key(o, S("score"));
    json_put_f64(o, of > 0 ? (double)rank / of : 1);
}

static void exactness_write(JsonOut *o, const SearchDetails *d) {
    static const char *const types[] = {"noExactMatch", "matchesStart", "exactMatch"};
    assert(d->exact_field >= 0 && d->exact_field < COUNT(types));
    json_key(o, S("matchType"));
    json_put_str(o, str_c(types[d->exact_field]));
    if (d->exact_field == 0) {
        put_count(o, "matchingWords", d->exact_words);
        put_count(o, "maxMatchingWords", d->exact_max);
        put_score(o, d->exact_words + 1, 3 * (d->exact_max + 1));
    } else {
        put_score(o, d->exact_field + 1, 3);
    }
}

static void rule_begin(JsonOut *o, const char *name, int order) {
    json_key(o, str_c(name));
    json_begin(o, '{');
    put_count(o, "order", order);
}

/* One rule's part, if the rule was in use. */
static bool rule_write(JsonOut *o, SearchRule rule, const SearchDetails *d, int order) {
    if (rule == SEARCH_BY_WORDS && d->words >= 0) {
        rule_begin(o, "words", order);
        put_count(o, "matchingWords", d->words);
        put_count(o, "maxMatchingWords", d->words_max);
        put_score(o, d->words, d->words_max);
    } else if (rule == SEARCH_BY_TYPO && d->typos >= 0) {
        rule_begin(o, "typo", order);
        put_count(o, "typoCount", d->typos);
        put_count(o, "maxTypoCount", d->typos_max);
        put_score(o, d->typos_max - d->typos + 1, d->typos_max + 1);
    } else if (rule == SEARCH_BY_PROXIMITY && d->proximity >= 0) {
        rule_begin(o, "proximity", order);
        put_score(o, d->proximity_max - d->proximity + 1, d->proximity_max + 1);
    } else if (rule == SEARCH_BY_ATTRIBUTE && d->attribute >= 0) {
        rule_begin(o, "attributeRank", order);
        put_score(o, d->attribute_max - d->attribute + 1, d->attribute_max + 1);
    } else if (rule == SEARCH_BY_POSITION && d->position >= 0) {
        rule_begin(o, "wordPosition", order);
        put_score(o, d->position_max - d->position + 1, d->position_max + 1);
    } else if (rule == SEARCH_BY_EXACTNESS && d->exact_words >= 0) {
        rule_begin(o, "exactness", order);
        exactness_write(o, d);
    } else {
        return false;
    }
    json_end(o, '}');
    return true;
}

static void details_write(JsonOut *o, const SearchDef *def, const SearchDetails *d) {
    static const uint8_t usual[SEARCH_RULES_MAX] = {SEARCH_BY_WORDS,     SEARCH_BY_TYPO,
                                                    SEARCH_BY_PROXIMITY, SEARCH_BY_ATTRIBUTE,
                                                    SEARCH_BY_SORT,      SEARCH_BY_EXACTNESS};
    const uint8_t *rules = def->tuning.rules[0] ? def->tuning.rules : usual;
    int order = 0;
    json_begin(o, '{');
    for (int i = 0; i < SEARCH_RULES_MAX && rules[i]; i++)
        if (rule_write(o, rules[i], d, order)) order++;
    json_end(o, '}');
}

/* -- A hit --------------------------------------------------------------------------------------- */

/* Members of its own, each with its comma. */
static void own_write(const MeiliSearch *s, const SearchHit *hit, JsonOut *o) {
    bool text = s->request.q.len > 0;
    if (s->ask->showRankingScore) {
        json_key(o, S("_rankingScore"));
        json_put_f64(o, hit->score);
    }
    if (s->ask->showRankingScoreDetails) {
        json_key(o, S("_rankingScoreDetails"));
        if (text)
            details_write(o, s->collection->def, &hit->details);
        else
            json_put_raw(o, S("{}"));
    }
}

/* What is made by reading the document again. */
static Err *shown_write(Ctx *c, const MeiliSearch *s, Str document, JsonOut *o) {
    const MeiliAsk *ask = s->ask;
    bool form = ask->attributesToHighlight.count > 0 || ask->attributesToCrop.count > 0;
    if (!form && !ask->showMatchesPosition) return NULL;
    json_t *v;
    TRY(json_parse(c, document, &v));
    if (form) {
        Form f = form_of(c->arena, s);
        json_key(o, S("_formatted"));
        formatted_write(&f, o, v, S(""), SOME);
    }
    if (ask->showMatchesPosition) {
        json_key(o, S("_matchesPosition"));
        places_write(c->arena, o, s->result.query, v);
    }
    return NULL;
}

Err *meili_hit_write(Ctx *c, const MeiliSearch *s, const SearchHit *hit, Str document,
                     Str federation, Buf *out) {
    Str chosen;
    TRY(meili_document_chosen(c, document, s->ask->attributesToRetrieve, &chosen));
    buf_add(out, str_slice(chosen, 0, chosen.len - 1)); /* its } comes below */
    JsonOut o = {.buf = out, .comma = chosen.len > 2};
    TRY(shown_write(c, s, document, &o));
    own_write(s, hit, &o);
    if (federation.data) {
        json_key(&o, S("_federation"));
        json_put_raw(&o, federation);
    }
    buf_byte(out, '}');
    return NULL;
}

static Err *batch_write(Ctx *c, const MeiliSearch *s, const SearchHit *hits, ptrdiff_t count,
                        Buf *out) {
    int64_t keys[MEILI_BATCH] = {0};
    Str documents[MEILI_BATCH];
    assert(count <= MEILI_BATCH);
    for (ptrdiff_t i = 0; i < count; i++) keys[i] = hits[i].key;
    TRY(meili_documents(c, s->collection, keys, count, documents));
    for (ptrdiff_t i = 0; i < count; i++) {
        if (str_is_null(documents[i])) continue;
        if (out->len > 1) buf_byte(out, ',');
        TRY(meili_hit_write(c, s, &hits[i], documents[i], (Str){0}, out));
    }
    return NULL;
}

Err *meili_hits(Ctx *c, Arena *room, const MeiliSearch *s, Str *out) {
    ptrdiff_t count = s->result.count;
    Buf b = buf_new(room, 1024 * (count + 1));
    buf_byte(&b, '[');
    for (ptrdiff_t at = 0; at < count; at += MEILI_BATCH) {
        MeiliBatch batch = meili_batch_begin(c);
        TRY(batch_write(c, s, s->result.hits + at, min_size(MEILI_BATCH, count - at), &b));
        meili_batch_end(c, &batch);
    }
    buf_byte(&b, ']');
    *out = buf_str(&b);
    return NULL;
}
