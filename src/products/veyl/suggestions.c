/* SPDX-License-Identifier: Apache-2.0
 * Names that go on from what somebody types, typing errors forgiven, most used first: creators and
 * hashtags that posts have. */
#include "products/veyl/routes.h"
#include "products/veyl/search_index.h"

typedef struct NameQuery {
    Str q;
    int64_t limit;
} NameQuery;
static const Field name_query_fields[] = {
    FIELD(NameQuery, q, .flags = F_REQUIRED, .min = 1, .max = 255, .doc = "What was typed so far"),
    FIELD(NameQuery, limit, .min = 1, .max = 50, .fallback = "10"),
};
static const Record name_query_record = RECORD(NameQuery, name_query_fields);

static Err *names_find(Ctx *c, const NameQuery *query, int field, char mark, SearchValue **values,
                       ptrdiff_t *count) {
    SearchIndex *index = search_find(c->app, S("posts"));
    SearchRequest all = SEARCH_REQUEST;
    Str name = name_fold(c->arena, query->q, mark);
    *values = NULL;
    *count = 0;
    if (name.len == 0) return NULL;
    TRY(search_sync(c, index));
    return search_values(c, index, field, name, &all, query->limit, values, count);
}

/* -- Creators ------------------------------------------------------------------------------------ */

typedef struct CreatorFound {
    Str username;
} CreatorFound;
static const Field creator_found_fields[] = {FIELD(CreatorFound, username)};
static const Record creator_found_record = RECORD(CreatorFound, creator_found_fields);

typedef struct CreatorsFound {
    RecordList creators;
    int64_t count;
} CreatorsFound;
static const Field creators_found_fields[] = {
    FIELD_LIST(CreatorsFound, creators, &creator_found_record), FIELD(CreatorsFound, count)};
static const Record creators_found_record = RECORD(CreatorsFound, creators_found_fields);

static Err *creators_search(Ctx *c, Call *k) {
    SearchValue *values;
    ptrdiff_t count;
    TRY(names_find(c, k->query, IN_AUTHOR, '@', &values, &count));
    CreatorFound *found = arena_array(c->arena, CreatorFound, count);
    for (ptrdiff_t i = 0; i < count; i++) found[i].username = values[i].value;
    *(CreatorsFound *)call_out(k) = (CreatorsFound){{found, count}, count};
    return NULL;
}

/* -- Hashtags ------------------------------------------------------------------------------------ */

typedef struct HashtagFound {
    Str name;
    int64_t posts;
} HashtagFound;
static const Field hashtag_found_fields[] = {FIELD(HashtagFound, name), FIELD(HashtagFound, posts)};
static const Record hashtag_found_record = RECORD(HashtagFound, hashtag_found_fields);

typedef struct HashtagsFound {
    RecordList hashtags;
    int64_t count;
} HashtagsFound;
static const Field hashtags_found_fields[] = {
    FIELD_LIST(HashtagsFound, hashtags, &hashtag_found_record), FIELD(HashtagsFound, count)};
static const Record hashtags_found_record = RECORD(HashtagsFound, hashtags_found_fields);

static Err *hashtags_suggest(Ctx *c, Call *k) {
    SearchValue *values;
    ptrdiff_t count;
    TRY(names_find(c, k->query, IN_HASHTAGS, '#', &values, &count));
    HashtagFound *found = arena_array(c->arena, HashtagFound, count);
    for (ptrdiff_t i = 0; i < count; i++)
        found[i] = (HashtagFound){values[i].value, values[i].count};
    *(HashtagsFound *)call_out(k) = (HashtagsFound){{found, count}, count};
    return NULL;
}

const Route suggestion_routes[] = {
    {GET, "/api/v1/projects/creators/search", creators_search, .access = ACCESS_USER,
     .scope = "posts:read", .query = &name_query_record, .out = &creators_found_record,
     .rate = RATE_SEARCH, .tag = "projects",
     .doc = "Creators of known posts whose name goes on like this, most posts first"},
    {GET, "/api/v1/hashtags/suggest", hashtags_suggest, .access = ACCESS_USER,
     .scope = "posts:read", .query = &name_query_record, .out = &hashtags_found_record,
     .rate = RATE_SEARCH, .tag = "hashtags",
     .doc = "Hashtags of known posts whose name goes on like this, most posts first"},
    {0},
};
