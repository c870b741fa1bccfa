/* SPDX-License-Identifier: Apache-2.0
 * A resource made ready: its fields by the part they play, its query parameters, its SQL. Made once
 * at start, read-only afterwards. Of resource.c and resource_sql.c only. */
#ifndef SOCLE_API_RESOURCE_ROOM_H
#define SOCLE_API_RESOURCE_ROOM_H

#include "api/resource.h"

enum { FILTERS_MAX = 4, FILTER_MASKS = 1 << FILTERS_MAX, RESOURCE_ROUTES_MAX = 5 };

/* Whose rows: of nobody in particular or of a user (or, where the record has no user_id, of an
 * organisation); or of an organisation where the record has both. */
typedef enum ScopeKind { SCOPE_OWN, SCOPE_ORGANISATION, SCOPE_KINDS } ScopeKind;

/* $1 is the owner's id where there is one. */
typedef struct ResourceSql {
    Sql list[FILTER_MASKS], list_after[FILTER_MASKS], count[FILTER_MASKS];
    Sql load, load_locked, update, erase;
} ResourceSql;

typedef struct ListQuery {
    OptInt limit, offset, page, per_page;
    Str cursor;
} ListQuery;
/* Behind it in memory: the filters' values, FILTER_BYTES each. */
enum { LIST_FIELDS = 5, FILTER_BYTES = 16 };

typedef struct Made {
    const Resource *resource;
    const Record *record;
    const Field *id, *sort; /* sort may be the id */
    bool descending;
    const Field *user, *organisation; /* the F_OWNER fields; NULL where there are none */
    const Field *created,
        *updated; /* created_at and updated_at, filled here; NULL where there are none */
    const Field *filters[FILTERS_MAX];
    int filter_count;
    Field query_fields[LIST_FIELDS + FILTERS_MAX];
    Record query;
    ResourceSql sql[SCOPE_KINDS];
} Made;

bool column_of(const Field *f);
/* Does a change write this column? */
bool column_changes(const Made *made, const Field *f);
void resource_sql(Arena *arena, Made *made);

#endif
