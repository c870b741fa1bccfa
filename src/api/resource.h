/* SPDX-License-Identifier: Apache-2.0
 * Resource: plain CRUD over one table, from one row. It expands at start to ordinary Routes: owner
 * scoping, ETag and If-Match, offset and cursor paging, filters, validation are done once, here.
 * This engine never learns a resource's name: what is special is a Route with a handler. */
#ifndef SOCLE_API_RESOURCE_H
#define SOCLE_API_RESOURCE_H

#include "api/route.h"

typedef enum Verb { LIST = 1, FETCH = 2, CREATE = 4, CHANGE = 8, ERASE = 16, CRUD = 31 } Verb;

typedef struct Resource {
    const char *path; /* "/v1/monitors" */
    const Record
        *record; /* record->table is set; a field named id; F_OWNER fields scope every query */
    unsigned verbs;
    Method change_method;        /* PUT or PATCH (default PATCH); both are partial */
    Access access, write_access; /* write_access 0: as access */
    const char *scope;
    const char *sort;   /* "-created_at": column, minus for newest first; id breaks ties */
    const char *filter; /* equality filters by query parameter: "language enabled" */
    int64_t page_usual, page_max;
    const char *missing;   /* detail of 404 */
    const char *duplicate; /* detail of 409/400 on a unique conflict */
    int duplicate_status;  /* 409 unless set */
    const char *deleted;   /* answer 200 {"message": …} instead of 204 */
    const char *tag, *doc;
    /* Named hooks, in the transaction of the write. `before` is NULL when creating. */
    Err *(*check)(Ctx *c, void *record, const void *before);
    Err *(*after_write)(Ctx *c, const void *record,
                        const void *before); /* record NULL when erased */
} Resource;

#endif
