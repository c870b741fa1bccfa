/* SPDX-License-Identifier: Apache-2.0
 * What Meilisearch is told: documents, and the settings of an index. */
#include <xxhash.h>

#include "search/facets.h"
#include "search/meilisearch.h"

enum {
    BODY_BYTES = 4 * 1024 * 1024, /* of one request and a document; Meilisearch takes 100 MB */
    VALUE_BYTES = 400, /* of a value that filters compare: Meilisearch cuts them at 468 */
    VALUE_HEAD = 360
};

/* -- Documents ----------------------------------------------------------------------------------- */

const char *meili_unit(SearchUnit unit) {
    static const char *const names[] = {NULL, "__hour", "__day", "__week", "__month", "__year"};
    return names[unit];
}

Str meili_value(Arena *a, Str folded) {
    if (folded.len <= VALUE_BYTES) return folded;
    return strf(a, "%.*s %016llx", S_ARG(str_utf8_cut(folded, VALUE_HEAD)),
                (unsigned long long)XXH3_64bits(folded.data, (size_t)folded.len));
}

static Str name_with(Ctx *c, const char *name, const char *more) {
    return strf(c->arena, "%s%s", name, more);
}

static void texts_write(Ctx *c, JsonOut *o, const DocValue *values, ptrdiff_t count, int field,
                        bool folded) {
    json_begin(o, '[');
    for (ptrdiff_t i = 0; i < count; i++)
        if (values[i].field == field)
            json_put_str(o, folded ? meili_value(c->arena, text_fold(c->arena, values[i].text))
                                   : values[i].text);
    json_end(o, ']');
}

static void number_write(Ctx *c, JsonOut *o, const SearchField *f, int64_t number) {
    json_key(o, str_c(f->name));
    if (f->kind == SEARCH_REAL)
        json_put_f64(o, real_of_number(number));
    else
        json_put_i64(o, number);
    for (SearchUnit u = SEARCH_HOUR; f->kind == SEARCH_TIME && u <= SEARCH_YEAR; u++) {
        json_key(o, name_with(c, f->name, meili_unit(u)));
        json_put_i64(o, unit_start(u, number));
    }
}

static void document_write(Ctx *c, JsonOut *o, const SearchDocs *d, const DocEntry *e) {
    const DocValue *values = d->values + e->first;
    json_begin(o, '{');
    json_key(o, S("key"));
    json_put_i64(o, e->key);
    for (int field = 0; field < d->def->field_count; field++) {
        const SearchField *f = &d->def->fields[field];
        ptrdiff_t last = e->count - 1;
        while (last >= 0 && values[last].field != field) last--;
        if (last < 0 || f->kind == SEARCH_VECTOR) continue;
        if (f->kind != SEARCH_TEXT && f->kind != SEARCH_KEYWORD) {
            number_write(c, o, f, values[last].number);
            continue;
        }
        json_key(o, str_c(f->name));
        texts_write(c, o, values, e->count, field, false);
        if (f->kind != SEARCH_KEYWORD) continue;
        json_key(o, name_with(c, f->name, "__is"));
        texts_write(c, o, values, e->count, field, true);
    }
    json_end(o, '}');
}

/* A request's text in an arena of its own: a batch may have many. */
static Err *documents_send(Ctx *c, Meili *m, const char *uid, const SearchDocs *d,
                           const DocEntry **entries, ptrdiff_t count, ptrdiff_t *at) {
    Arena *former = c->arena, *own = arena_new(FEED_BYTES);
    Buf b = buf_new(own, 64 * KIB);
    JsonOut o = json_out(&b);
    ptrdiff_t written = 0;
    c->arena = own; /* names and folded texts */
    json_begin(&o, '[');
    for (; *at < count && b.len < BODY_BYTES; ++*at)
        if (!entries[*at]->gone) {
            document_write(c, &o, d, entries[*at]);
            written++;
        }
    json_end(&o, ']');
    c->arena = former;
    Str put = strf(c->arena, "/indexes/%s/documents?primaryKey=key", uid);
    Err *err = NULL;
    if (written > 0) err = meili_write_wait(c, m, "POST", put, buf_str(&b), NULL);
    arena_free(own);
    return err;
}

Err *meili_documents_put(Ctx *c, Meili *m, const char *uid, const SearchDocs *d) {
    ptrdiff_t count, gone = 0;
    const DocEntry **entries = docs_last(c->arena, d, &count);
    for (ptrdiff_t i = 0; i < count;) TRY(documents_send(c, m, uid, d, entries, count, &i));
    Buf b = buf_new(c->arena, KIB);
    JsonOut o = json_out(&b);
    json_begin(&o, '[');
    for (ptrdiff_t i = 0; i < count; i++)
        if (entries[i]->gone) {
            json_put_i64(&o, entries[i]->key);
            gone++;
        }
    json_end(&o, ']');
    if (gone == 0) return NULL;
    Str path = strf(c->arena, "/indexes/%s/documents/delete-batch", uid);
    return meili_write_wait(c, m, "POST", path, buf_str(&b), NULL);
}

/* -- Settings ------------------------------------------------------------------------------------ */

static void names_write(Ctx *c, JsonOut *o, const SearchDef *def, const char *key, unsigned use) {
    json_key(o, str_c(key));
    json_begin(o, '[');
    for (int i = 0; i < def->field_count; i++) {
        const SearchField *f = &def->fields[i];
        if (!(f->use & use)) continue;
        json_put_str(o, str_c(f->name));
        if (use != SEARCH_FILTER) continue;
        if (f->kind == SEARCH_KEYWORD) json_put_str(o, name_with(c, f->name, "__is"));
        for (SearchUnit u = SEARCH_HOUR; f->kind == SEARCH_TIME && u <= SEARCH_YEAR; u++)
            json_put_str(o, name_with(c, f->name, meili_unit(u)));
    }
    if (use == SEARCH_FILTER) json_put_str(o, S("key"));
    if (use == SEARCH_SORT) json_put_str(o, S("key"));
    json_end(o, ']');
}

static void rules_write(Ctx *c, JsonOut *o, const SearchDef *def) {
    static const char *const names[] = {
        [SEARCH_BY_WORDS] = "words",           [SEARCH_BY_TYPO] = "typo",
        [SEARCH_BY_PROXIMITY] = "proximity",   [SEARCH_BY_ATTRIBUTE] = "attributeRank",
        [SEARCH_BY_POSITION] = "wordPosition", [SEARCH_BY_SORT] = "sort",
        [SEARCH_BY_EXACTNESS] = "exactness"};
    static const uint8_t usual[] = {SEARCH_BY_WORDS,
                                    SEARCH_BY_TYPO,
                                    SEARCH_BY_PROXIMITY,
                                    SEARCH_BY_ATTRIBUTE,
                                    SEARCH_BY_SORT,
                                    SEARCH_BY_EXACTNESS,
                                    0};
    const uint8_t *rules = def->tuning.rules[0] ? def->tuning.rules : usual;
    json_key(o, S("rankingRules"));
    json_begin(o, '[');
    for (int i = 0; i < SEARCH_RULES_MAX && rules[i]; i++) json_put_str(o, str_c(names[rules[i]]));
    bool by_field = def->order_field >= 0; /* ties as in our engine */
    if (by_field) json_put_str(o, name_with(c, def->fields[def->order_field].name, ":desc"));
    json_put_str(o, by_field ? S("key:desc") : S("key:asc"));
    json_end(o, ']');
}

static void words_write(JsonOut *o, const char *key, const char *const *words) {
    json_key(o, str_c(key));
    json_begin(o, '[');
    for (; words && *words; words++) json_put_str(o, str_c(*words));
    json_end(o, ']');
}

Str meili_index_settings(Ctx *c, const SearchDef *def) {
    Buf b = buf_new(c->arena, KIB);
    JsonOut o = json_out(&b);
    const SearchTuning *t = &def->tuning;
    int one = t->one_typo_from ? t->one_typo_from : 5,
        two = t->two_typos_from ? t->two_typos_from : 9;
    json_begin(&o, '{');
    names_write(c, &o, def, "searchableAttributes", SEARCH_FOR);
    names_write(c, &o, def, "filterableAttributes", SEARCH_FILTER);
    names_write(c, &o, def, "sortableAttributes", SEARCH_SORT);
    rules_write(c, &o, def);
    words_write(&o, "stopWords", t->stop_words);
    json_key(&o, S("typoTolerance"));
    json_begin(&o, '{');
    json_key(&o, S("minWordSizeForTypos"));
    json_put_raw(&o, strf(c->arena, "{\"oneTypo\":%d,\"twoTypos\":%d}", one < 0 ? 255 : one,
                          two < 0 ? 255 : two));
    words_write(&o, "disableOnWords", t->exact_words);
    names_write(c, &o, def, "disableOnAttributes", SEARCH_EXACT);
    json_end(&o, '}');
    json_key(&o, S("faceting"));
    json_put_raw(&o, strf(c->arena,
                          "{\"maxValuesPerFacet\":%d,\"sortFacetValuesBy\":{\"*\":"
                          "\"count\"}}",
                          (int)MEILI_VALUES));
    json_key(&o, S("pagination"));
    json_put_raw(&o, S("{\"maxTotalHits\":1000000000}"));
    json_end(&o, '}');
    return buf_str(&b);
}
