/* SPDX-License-Identifier: Apache-2.0
 * The documents themselves, read from the database: one, some by their ids, or all in the index's
 * own order (newest first, where it has one). */
#include "api/meili_room.h"
#include "core/json.h"

enum { IDS_MAX = 1000 };

typedef struct Page {
    int64_t offset, limit;
    StrList fields, ids, sort;
    JsonText filter, idList; /* ids: texts or numbers */
    bool retrieveVectors;
} Page;

/* clang-format off */
#define COMMON_FIELDS                                                                            \
    FIELD(Page, offset, .min = 0, .max = 1000000000, .fallback = "0"),                           \
    FIELD(Page, limit, .min = 0, .max = 1000000000, .fallback = "20",                            \
          .doc = "At most 1000 come at once"),                                                   \
    FIELD(Page, fields, .flags = F_NULLABLE, .doc = "Members of the documents; all"),            \
    FIELD(Page, sort, .flags = F_NULLABLE, .max = 16, .doc = "name:asc or name:desc"),           \
    FIELD(Page, retrieveVectors, .fallback = "false", .doc = "Documents have none")
/* clang-format on */
static const Field list_fields[] = {
    COMMON_FIELDS,
    FIELD(Page, ids, .max = IDS_MAX),
    {.name = "filter",
     .kind = KIND_STR,
     .offset = offsetof(Page, filter) + offsetof(JsonText, text)},
};
const Record meili_list_query_record = RECORD_AS("MeiliDocumentsGet", Page, list_fields);

static const Field fetch_fields[] = {
    COMMON_FIELDS,
    {.name = "ids",
     .kind = KIND_JSON,
     .offset = offsetof(Page, idList),
     .flags = F_NULLABLE,
     .doc = "Texts or numbers; in this order, those that are there"},
    FIELD(Page, filter, .flags = F_NULLABLE),
};
const Record meili_fetch_record = RECORD_AS("MeiliDocumentsFetch", Page, fetch_fields);

typedef struct One {
    StrList fields;
    bool retrieveVectors;
} One;
static const Field one_fields[] = {
    FIELD(One, fields, .doc = "Members of the document; all"),
    FIELD(One, retrieveVectors, .fallback = "false", .doc = "Documents have none"),
};
const Record meili_document_query_record = RECORD_AS("MeiliDocumentGet", One, one_fields);

typedef struct List {
    JsonText results;
    int64_t offset, limit, total;
} List;
static const Field answer_fields[] = {FIELD(List, results, .doc = "Documents"), FIELD(List, offset),
                                      FIELD(List, limit), FIELD(List, total)};
const Record meili_list_record = RECORD_AS("MeiliDocuments", List, answer_fields);

/* -- Which --------------------------------------------------------------------------------------- */

typedef struct Keys {
    int64_t *items;
    ptrdiff_t count;
    int64_t total;
} Keys;

/* Of those that are there, the page. */
static Err *keys_of_ids(Ctx *c, const Collection *collection, const Page *page, Keys *out) {
    out->items = arena_array(c->arena, int64_t, page->ids.count);
    for (ptrdiff_t i = 0; i < page->ids.count; i++) {
        int64_t key;
        Err *err = collection->key(c, page->ids.items[i], &key);
        if (err && err->kind == ERR_NOT_FOUND) continue;
        TRY(err);
        int64_t at = out->total++ - page->offset;
        if (at >= 0 && at < page->limit) out->items[out->count++] = key;
    }
    return NULL;
}

/* The errors of a search are named after documents here. */
static Err *as_document_err(Err *err) {
    if (err && str_eq(err->code, S("invalid_search_filter")))
        err->code = S("invalid_document_filter");
    if (err && str_eq(err->code, S("invalid_search_sort"))) err->code = S("invalid_document_sort");
    return err;
}

static Err *keys_found(Ctx *c, const Collection *collection, SearchIndex *index, const Page *page,
                       Keys *out) {
    SearchRequest request = SEARCH_REQUEST;
    SearchResult result;
    if (collection->partition) TRY(collection->partition(c, &request.partition));
    TRY(as_document_err(meili_filter(c, collection->def, page->filter.text, &request.filter)));
    TRY(as_document_err(meili_sorts(c, collection->def, page->sort, &request)));
    request.offset = page->offset;
    request.limit = min_i64(page->limit, MEILI_HITS_MAX);
    TRY(search_sync(c, index));
    TRY(search_run(c, index, &request, &result));
    out->items = arena_array(c->arena, int64_t, result.count);
    out->count = result.count;
    out->total = result.total;
    for (ptrdiff_t i = 0; i < result.count; i++) out->items[i] = result.hits[i].key;
    return NULL;
}

static Err *id_texts(Ctx *c, Str json, StrList *out) {
    json_t *v;
    if (str_is_null(json)) return NULL;
    TRY(json_parse(c, json, &v));
    if (json_is_null(v)) return NULL;
    ptrdiff_t count = (ptrdiff_t)json_array_size(v);
    if (!json_is_array(v))
        MEILI_FAIL(c, "invalid_document_ids", "Invalid value type at `.ids`: expected an array");
    if (count > IDS_MAX)
        MEILI_FAIL(c, "invalid_document_ids", "`.ids`: at most %d at once", IDS_MAX);
    *out = (StrList){arena_array(c->arena, Str, count), count};
    for (ptrdiff_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(v, (size_t)i);
        if (!json_is_string(one) && !json_is_integer(one))
            MEILI_FAIL(c, "invalid_document_ids",
                       "Invalid value at `.ids[%td]`: an id is a string or an integer", i);
        out->items[i] = json_is_string(one)
                            ? json_str(one)
                            : strf(c->arena, "%lld", (long long)json_integer_value(one));
    }
    return NULL;
}

/* -- Routes -------------------------------------------------------------------------------------- */

static Err *batch_write(Ctx *c, const Collection *collection, const Page *page, const int64_t *keys,
                        ptrdiff_t count, JsonOut *o) {
    Str documents[MEILI_BATCH];
    assert(count <= MEILI_BATCH);
    TRY(meili_documents(c, collection, keys, count, documents));
    for (ptrdiff_t i = 0; i < count; i++) {
        if (str_is_null(documents[i])) continue;
        Str chosen;
        TRY(meili_document_chosen(c, documents[i], page->fields, &chosen));
        json_put_raw(o, chosen);
    }
    return NULL;
}

static Err *list_answer(Ctx *c, Call *k, const Collection *collection, const Page *page,
                        const Keys *keys) {
    Buf b = buf_new(meili_room(c), 1024 * (keys->count + 1));
    JsonOut o = json_out(&b);
    json_begin(&o, '[');
    for (ptrdiff_t at = 0; at < keys->count; at += MEILI_BATCH) {
        MeiliBatch batch = meili_batch_begin(c);
        ptrdiff_t count = min_size(MEILI_BATCH, keys->count - at);
        TRY(batch_write(c, collection, page, keys->items + at, count, &o));
        meili_batch_end(c, &batch);
    }
    json_end(&o, ']');
    List out = {{buf_str(&b)}, page->offset, page->limit, keys->total};
    meili_answer(c, k, &meili_list_record, &out, b.len);
    return NULL;
}

static Err *list(Ctx *c, Call *k, const Page *page) {
    const Collection *collection;
    SearchIndex *index;
    Keys keys = {0};
    TRY(meili_collection(c, k->params[0], &collection, &index));
    bool filtered = !str_is_null(page->filter.text) || page->sort.count > 0;
    if (page->ids.items && filtered)
        MEILI_FAIL(c, "invalid_document_ids",
                   "`ids` come in their own order, whole: not together with `filter` or `sort`.");
    if (page->ids.items)
        TRY(keys_of_ids(c, collection, page, &keys));
    else
        TRY(keys_found(c, collection, index, page, &keys));
    return list_answer(c, k, collection, page, &keys);
}

Err *meili_documents_list(Ctx *c, Call *k) {
    Page *page = k->query;
    TRY(meili_query_known(c, k->q, &meili_list_query_record));
    page->filter.text = meili_filter_text(c, page->filter.text);
    return list(c, k, page);
}

Err *meili_documents_fetch(Ctx *c, Call *k) {
    Page *page = k->in;
    TRY(id_texts(c, page->idList.text, &page->ids));
    return list(c, k, page);
}

Err *meili_document(Ctx *c, Call *k) {
    const One *ask = k->query;
    const Collection *collection;
    SearchIndex *index;
    int64_t key;
    Str document = {0};
    TRY(meili_collection(c, k->params[0], &collection, &index));
    TRY(meili_query_known(c, k->q, &meili_document_query_record));
    Err *err = collection->key(c, k->params[1], &key);
    if (err && err->kind != ERR_NOT_FOUND) return err;
    if (!err) TRY(meili_documents(c, collection, &key, 1, &document));
    if (str_is_null(document))
        return meili_err(c, ERR_NOT_FOUND, S("document_not_found"), "Document `%.*s` not found.",
                         S_ARG(str_utf8_cut(k->params[1], 60)));
    TRY(meili_document_chosen(c, document, ask->fields, &document));
    reply_json(k->r, 200, document);
    k->answered = true;
    return NULL;
}
