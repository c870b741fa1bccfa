/* SPDX-License-Identifier: Apache-2.0
 * What an index is and holds, in Meilisearch's words: settings as its definition has them, counts,
 * version, and that there are no tasks, because an index follows the database by itself. */
#include "api/meili_room.h"
#include "core/json.h"

/* -- Indexes ------------------------------------------------------------------------------------- */

typedef struct PageAsk {
    int64_t offset, limit;
} PageAsk;
static const Field page_fields[] = {
    FIELD(PageAsk, offset, .min = 0, .max = 1000000000, .fallback = "0"),
    FIELD(PageAsk, limit, .min = 0, .max = 1000000000, .fallback = "20"),
};
const Record meili_page_record = RECORD_AS("MeiliPage", PageAsk, page_fields);

typedef struct Index {
    Str uid, primaryKey;
    Time createdAt, updatedAt;
} Index;
static const Field index_fields[] = {
    FIELD(Index, uid),
    FIELD(Index, primaryKey),
    FIELD(Index, createdAt, .flags = F_NULLABLE, .doc = "Not known: an index follows the database"),
    FIELD(Index, updatedAt, .flags = F_NULLABLE, .doc = "Not known: an index follows the database"),
};
const Record meili_index_record = RECORD_AS("MeiliIndex", Index, index_fields);

typedef struct Indexes {
    RecordList results;
    int64_t offset, limit, total;
} Indexes;
static const Field indexes_fields[] = {
    FIELD_LIST(Indexes, results, &meili_index_record),
    FIELD(Indexes, offset),
    FIELD(Indexes, limit),
    FIELD(Indexes, total),
};
const Record meili_indexes_record = RECORD_AS("MeiliIndexes", Indexes, indexes_fields);

static Index index_of(const Collection *collection) {
    return (Index){str_c(collection->def->name), str_c(collection->primary_key), TIME_NULL,
                   TIME_NULL};
}

Err *meili_indexes(Ctx *c, Call *k) {
    const PageAsk *page = k->query;
    ptrdiff_t total, count = 0;
    const Collection *const *all = collections_all(&total);
    Index *some = arena_array(c->arena, Index, total);
    for (ptrdiff_t i = page->offset; i < total && count < page->limit; i++)
        some[count++] = index_of(all[i]);
    *(Indexes *)call_out(k) = (Indexes){{some, count}, page->offset, page->limit, total};
    return NULL;
}

Err *meili_index(Ctx *c, Call *k) {
    const Collection *collection;
    SearchIndex *index;
    TRY(meili_collection(c, k->params[0], &collection, &index));
    *(Index *)call_out(k) = index_of(collection);
    return NULL;
}

/* -- Counts -------------------------------------------------------------------------------------- */

typedef struct IndexStats {
    int64_t numberOfDocuments, rawDocumentDbSize, avgDocumentSize;
    bool isIndexing;
    int64_t numberOfEmbeddings, numberOfEmbeddedDocuments;
    JsonText fieldDistribution;
} IndexStats;
static const Field index_stats_fields[] = {
    FIELD(IndexStats, numberOfDocuments,
          .doc = "Of an index that tenants share: the caller's, and nothing else is told"),
    FIELD(IndexStats, rawDocumentDbSize,
          .doc = "Of the index on disk: documents are the database's"),
    FIELD(IndexStats, avgDocumentSize),
    FIELD(IndexStats, isIndexing, .doc = "It is being rebuilt"),
    FIELD(IndexStats, numberOfEmbeddings),
    FIELD(IndexStats, numberOfEmbeddedDocuments),
    FIELD(IndexStats, fieldDistribution, .doc = "How many documents have each field"),
};
const Record meili_index_stats_record =
    RECORD_AS("MeiliIndexStats", IndexStats, index_stats_fields);

typedef struct Stats {
    int64_t databaseSize, usedDatabaseSize;
    Time lastUpdate;
    JsonText indexes;
} Stats;
static const Field stats_fields[] = {
    FIELD(Stats, databaseSize, .doc = "Of the indexes on disk"),
    FIELD(Stats, usedDatabaseSize),
    FIELD(Stats, lastUpdate, .flags = F_NULLABLE),
    FIELD(Stats, indexes, .doc = "By uid, as of one index"),
};
const Record meili_stats_record = RECORD_AS("MeiliStats", Stats, stats_fields);

/* Of a shared index, what is the caller's: figures of the whole would tell of others. */
static Err *stats_of_partition(Ctx *c, const Collection *collection, SearchIndex *index,
                               IndexStats *out) {
    SearchRequest request = SEARCH_REQUEST;
    SearchResult result;
    request.limit = 0;
    TRY(collection->partition(c, &request.partition));
    TRY(search_run(c, index, &request, &result));
    *out = (IndexStats){.numberOfDocuments = result.total, .fieldDistribution = {S("{}")}};
    return NULL;
}

static IndexStats stats_of_all(Ctx *c, const Collection *collection, SearchIndex *index) {
    const SearchDef *def = collection->def;
    SearchStats stats = {0};
    search_stats(index, c, &stats);
    Buf b = buf_new(c->arena, 256);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    for (int i = 0; stats.field_documents && i < def->field_count; i++) {
        if (stats.field_documents[i] == 0) continue;
        json_key(&o, str_c(def->fields[i].name));
        json_put_i64(&o, stats.field_documents[i]);
    }
    json_end(&o, '}');
    return (IndexStats){
        .numberOfDocuments = stats.documents,
        .rawDocumentDbSize = stats.disk_bytes,
        .avgDocumentSize = stats.documents > 0 ? stats.disk_bytes / stats.documents : 0,
        .isIndexing = stats.rebuilding,
        .fieldDistribution = {buf_str(&b)},
    };
}

static Err *stats_of(Ctx *c, Str uid, IndexStats *out) {
    const Collection *collection;
    SearchIndex *index;
    TRY(meili_collection(c, uid, &collection, &index));
    TRY(search_sync(c, index));
    if (collection->partition) return stats_of_partition(c, collection, index, out);
    *out = stats_of_all(c, collection, index);
    return NULL;
}

Err *meili_index_stats(Ctx *c, Call *k) { return stats_of(c, k->params[0], call_out(k)); }

Err *meili_stats(Ctx *c, Call *k) {
    ptrdiff_t total;
    const Collection *const *all = collections_all(&total);
    Stats *out = call_out(k);
    Buf b = buf_new(c->arena, 1024);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    for (ptrdiff_t i = 0; i < total; i++) {
        Str uid = str_c(all[i]->def->name);
        IndexStats stats;
        Err *err = stats_of(c, uid, &stats);
        if (err && err->kind == ERR_FORBIDDEN && all[i]->partition) continue; /* not the caller's */
        TRY(err);
        Buf one = buf_new(c->arena, 256);
        record_write(&one, &meili_index_stats_record, &stats);
        json_key(&o, uid);
        json_put_raw(&o, buf_str(&one));
        out->databaseSize += stats.rawDocumentDbSize;
    }
    json_end(&o, '}');
    out->usedDatabaseSize = out->databaseSize;
    out->indexes.text = buf_str(&b);
    return NULL;
}

/* -- Settings ------------------------------------------------------------------------------------ */

typedef struct WordSizes {
    int64_t oneTypo, twoTypos;
} WordSizes;
static const Field sizes_fields[] = {FIELD(WordSizes, oneTypo), FIELD(WordSizes, twoTypos)};
static const Record sizes_record = RECORD_AS("MeiliWordSizes", WordSizes, sizes_fields);

typedef struct Typos {
    bool enabled;
    WordSizes minWordSizeForTypos;
    StrList disableOnWords, disableOnAttributes;
    bool disableOnNumbers;
} Typos;
static const Field typos_fields[] = {
    FIELD(Typos, enabled),          FIELD_RECORD(Typos, minWordSizeForTypos, &sizes_record),
    FIELD(Typos, disableOnWords),   FIELD(Typos, disableOnAttributes),
    FIELD(Typos, disableOnNumbers),
};
static const Record typos_record = RECORD_AS("MeiliTypoTolerance", Typos, typos_fields);

typedef struct Settings {
    StrList displayedAttributes, searchableAttributes, filterableAttributes, sortableAttributes,
        rankingRules, stopWords, nonSeparatorTokens, separatorTokens, dictionary;
    JsonText synonyms;
    Str distinctAttribute, proximityPrecision;
    Typos typoTolerance;
    JsonText faceting, pagination, embedders, localizedAttributes;
    OptInt searchCutoffMs;
    bool facetSearch;
    Str prefixSearch;
} Settings;
static const Field settings_fields[] = {
    FIELD(Settings, displayedAttributes),
    FIELD(Settings, searchableAttributes, .doc = "The most important first"),
    FIELD(Settings, filterableAttributes),
    FIELD(Settings, sortableAttributes),
    FIELD(Settings, rankingRules),
    FIELD(Settings, stopWords),
    FIELD(Settings, nonSeparatorTokens),
    FIELD(Settings, separatorTokens),
    FIELD(Settings, dictionary),
    FIELD(Settings, synonyms),
    FIELD(Settings, distinctAttribute, .flags = F_NULLABLE),
    FIELD(Settings, proximityPrecision),
    FIELD_RECORD(Settings, typoTolerance, &typos_record),
    FIELD(Settings, faceting),
    FIELD(Settings, pagination,
          .doc = "There is no limit of hits: maxTotalHits is the greatest number"),
    FIELD(Settings, embedders),
    FIELD(Settings, localizedAttributes, .flags = F_NULLABLE),
    FIELD(Settings, searchCutoffMs),
    FIELD(Settings, facetSearch),
    FIELD(Settings, prefixSearch),
};
const Record meili_settings_record = RECORD_AS("MeiliSettings", Settings, settings_fields);

static StrList fields_with(Ctx *c, const SearchDef *def, unsigned use) {
    StrList names = {arena_array(c->arena, Str, def->field_count), 0};
    for (int i = 0; i < def->field_count; i++)
        if (def->fields[i].use & use) names.items[names.count++] = str_c(def->fields[i].name);
    return names;
}

static StrList texts_of(Ctx *c, const char *const *texts) {
    ptrdiff_t count = 0;
    while (texts && texts[count]) count++;
    StrList list = {arena_array(c->arena, Str, count), count};
    for (ptrdiff_t i = 0; i < count; i++) list.items[i] = str_c(texts[i]);
    return list;
}

static StrList rules_of(Ctx *c, const SearchDef *def) {
    static const char *const usual[] = {"words", "typo",      "proximity", "attributeRank",
                                        "sort",  "exactness", NULL};
    static const char *const names[] = {[SEARCH_BY_WORDS] = "words",
                                        [SEARCH_BY_TYPO] = "typo",
                                        [SEARCH_BY_PROXIMITY] = "proximity",
                                        [SEARCH_BY_ATTRIBUTE] = "attributeRank",
                                        [SEARCH_BY_SORT] = "sort",
                                        [SEARCH_BY_EXACTNESS] = "exactness",
                                        [SEARCH_BY_POSITION] = "wordPosition"};
    const uint8_t *rules = def->tuning.rules;
    if (!rules[0]) return texts_of(c, usual);
    StrList list = {arena_array(c->arena, Str, SEARCH_RULES_MAX), 0};
    while (list.count < SEARCH_RULES_MAX && rules[list.count]) {
        assert(rules[list.count] < COUNT(names));
        list.items[list.count] = str_c(names[rules[list.count]]);
        list.count++;
    }
    return list;
}

/* 0 is the usual size, below 0 never: 255, as Meilisearch says it. */
static int64_t word_size(int from, int usual) { return from == 0 ? usual : from < 0 ? 255 : from; }

static Settings settings_of(Ctx *c, const SearchDef *def) {
    static Str all[] = {S_INIT("*")};
    const SearchTuning *t = &def->tuning;
    return (Settings){
        .displayedAttributes = {all, 1},
        .searchableAttributes = fields_with(c, def, SEARCH_FOR),
        .filterableAttributes = fields_with(c, def, SEARCH_FILTER),
        .sortableAttributes = fields_with(c, def, SEARCH_SORT),
        .rankingRules = rules_of(c, def),
        .stopWords = texts_of(c, t->stop_words),
        .synonyms = {S("{}")},
        .proximityPrecision = S("byWord"),
        .typoTolerance = {.enabled = t->one_typo_from >= 0,
                          .minWordSizeForTypos = {word_size(t->one_typo_from, 5),
                                                  word_size(t->two_typos_from, 9)},
                          .disableOnWords = texts_of(c, t->exact_words),
                          .disableOnAttributes = fields_with(c, def, SEARCH_EXACT)},
        .faceting = {strf(c->arena,
                          "{\"maxValuesPerFacet\":%d,\"sortFacetValuesBy\":{\"*\":\"count\"}}",
                          MEILI_FACET_VALUES)},
        .pagination = {S("{\"maxTotalHits\":9007199254740991}")},
        .embedders = {S("{}")},
        .facetSearch = true,
        .prefixSearch = S("indexingTime"),
    };
}

Err *meili_settings_all(Ctx *c, Call *k) {
    const Collection *collection;
    SearchIndex *index;
    TRY(meili_collection(c, k->params[0], &collection, &index));
    *(Settings *)call_out(k) = settings_of(c, collection->def);
    return NULL;
}

/* ranking-rules → rankingRules */
static Str camel(Arena *arena, Str kebab) {
    Buf b = buf_new(arena, kebab.len);
    for (ptrdiff_t i = 0; i < kebab.len; i++) {
        bool up = kebab.data[i] == '-' && i + 1 < kebab.len;
        char byte = kebab.data[up ? ++i : i];
        buf_byte(&b, up && byte >= 'a' && byte <= 'z' ? (char)(byte - 32) : byte);
    }
    return buf_str(&b);
}

Err *meili_setting(Ctx *c, Call *k) {
    const Collection *collection;
    SearchIndex *index;
    TRY(meili_collection(c, k->params[0], &collection, &index));
    Settings settings = settings_of(c, collection->def);
    Buf all = buf_new(c->arena, 1024), one = buf_new(c->arena, 256);
    json_t *v;
    record_write(&all, &meili_settings_record, &settings);
    TRY(json_parse(c, buf_str(&all), &v));
    const json_t *setting = json_object_get(v, str_cstr(c->arena, camel(c->arena, k->params[1])));
    if (!setting || str_find_byte(k->params[1], 0) >= 0)
        FAIL(c, NOT_FOUND, "There is no setting `%.*s`.", S_ARG(str_utf8_cut(k->params[1], 60)));
    buf_json_value(&one, setting);
    reply_json(k->r, 200, buf_str(&one));
    k->answered = true;
    return NULL;
}

/* -- Version, tasks ------------------------------------------------------------------------------ */

typedef struct Version {
    Str commitSha, commitDate, pkgVersion;
} Version;
static const Field version_fields[] = {
    FIELD(Version, commitSha),
    FIELD(Version, commitDate),
    FIELD(Version, pkgVersion, .doc = "The Meilisearch whose routes these are like"),
};
const Record meili_version_record = RECORD_AS("MeiliVersion", Version, version_fields);

Err *meili_version(Ctx *c, Call *k) {
    (void)c;
    *(Version *)call_out(k) = (Version){S("unknown"), S("unknown"), S("1.53.0")};
    return NULL;
}

typedef struct Tasks {
    StrList results;
    int64_t total, limit;
    OptInt from, next;
} Tasks;
static const Field tasks_fields[] = {
    FIELD(Tasks, results, .doc = "None, ever: a write is found in the answer to itself"),
    FIELD(Tasks, total),
    FIELD(Tasks, limit),
    FIELD(Tasks, from),
    FIELD(Tasks, next),
};
const Record meili_tasks_record = RECORD_AS("MeiliTasks", Tasks, tasks_fields);

Err *meili_tasks(Ctx *c, Call *k) {
    (void)c;
    *(Tasks *)call_out(k) = (Tasks){.limit = MEILI_LIMIT};
    return NULL;
}

Err *meili_task(Ctx *c, Call *k) {
    return meili_err(c, ERR_NOT_FOUND, S("task_not_found"), "Task `%.*s` not found.",
                     S_ARG(str_utf8_cut(k->params[0], 60)));
}
