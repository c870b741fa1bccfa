/* SPDX-License-Identifier: Apache-2.0
 * The search index of posts: which fields it has, and how it follows the tables. */
#ifndef SOCLE_VEYL_SEARCH_INDEX_H
#define SOCLE_VEYL_SEARCH_INDEX_H

#include "search/search.h"

/* Places in posts_index.fields; names are those of the contract's Post. */
enum {
    IN_CAPTION,
    IN_HASHTAGS,
    IN_AUTHOR,
    IN_MENTIONS,
    IN_PLATFORM,
    IN_LANGUAGE,
    IN_MEDIA_TYPE,
    IN_POSTED_AT,
    IN_SCORE,
    IN_LIKES,
    IN_COMMENTS,
    IN_SHARES,
    IN_VIEWS,
    IN_SENTIMENT,
    POST_FIELD_COUNT
};

/* Keys are posts.n. */
extern const SearchDef posts_index;

/* Changes of posts in (after, upto], about `limit` of them, in order; *covered: all up to it are in. */
MUST_USE Err *posts_changes(Ctx *c, int64_t after, int64_t upto, int64_t limit, SearchDocs *out,
                            int64_t *covered);

#endif
