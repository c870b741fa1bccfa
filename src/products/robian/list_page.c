/* SPDX-License-Identifier: Apache-2.0
 * See list_page.h. */
#include "products/robian/list_page.h"

#include <stdlib.h>

#include "products/robian/debate.h"
#include "products/robian/listeners_sql.h"

Err *list_from(Ctx *c, const ListQuery *query, ListFrom *out) {
    Str below;
    *out = (ListFrom){INT64_MAX, (query->page - 1) * query->per_page};
    if (query->cursor.len == 0) return NULL;
    out->offset = 0;
    TRY(cursor_read(c, query->cursor, &below, 1));
    if (!str_to_i64(below, &out->below))
        FAIL(c, BAD_REQUEST, "The cursor is not one that this list gave.");
    return NULL;
}

Str list_next(Ctx *c, const ListQuery *query, ptrdiff_t count, int64_t last_n) {
    if (count < query->per_page) return (Str){NULL, 0};
    Str last = strf(c->arena, "%lld", (long long)last_n);
    return cursor_make(c, &last, 1);
}

static int debate_order(const void *a, const void *b) {
    int64_t x = ((const Debate *)a)->n, y = ((const Debate *)b)->n;
    return (x > y) - (x < y);
}

Err *list_debates(Ctx *c, const int64_t *keys, ptrdiff_t count, Debate **out) {
    Rows rows;
    *out = arena_array(c->arena, Debate, count + 1);
    if (count == 0) return NULL;
    Buf list = buf_new(c->arena, 2 + count * 8);
    for (ptrdiff_t i = 0; i < count; i++) buf_f(&list, "%s%lld", i ? "," : "[", (long long)keys[i]);
    buf_byte(&list, ']');
    JsonText json = {buf_str(&list)};
    TRY(db_query(c, SQL2(SQL_DEBATES_AT_SQLITE, SQL_DEBATES_AT_POSTGRES), ARGS(V(json)),
                 &debate_row_record, &rows));
    if (rows.count == 0) return NULL;
    TRY(debates_show(c, rows.items, rows.count));
    qsort(rows.items, (size_t)rows.count, sizeof(Debate), debate_order);
    for (ptrdiff_t i = 0; i < count; i++) {
        Debate key = {.n = keys[i]};
        const Debate *d = bsearch(&key, rows.items, (size_t)rows.count, sizeof key, debate_order);
        if (d) (*out)[i] = *d;
    }
    return NULL;
}
