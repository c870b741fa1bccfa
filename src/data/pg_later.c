/* SPDX-License-Identifier: Apache-2.0 */
#include "data/pg_later.h"

#include <stdlib.h>

enum { LATERS_MAX = 64, LATERS_BYTES_MAX = 256 * 1024 };

static ptrdiff_t args_bytes(const PgArgs *a) {
    ptrdiff_t sum = 0;
    for (int i = 0; i < a->count; i++) sum += a->values[i] ? a->lengths[i] : 0;
    return sum;
}

static void args_copy(PgArgs *to, const PgArgs *from, char *space) {
    *to = *from;
    for (int i = 0; i < from->count; i++) {
        if (!from->values[i]) continue;
        memcpy(space, from->values[i], (size_t)from->lengths[i]);
        to->values[i] = space;
        space += from->lengths[i];
    }
}

void pg_laters_add(PgLaters *l, Arena *scratch, const char *text, Args args, unsigned flags) {
    ArenaMark mark = arena_mark(scratch);
    PgArgs borrowed;
    pg_args(scratch, args, &borrowed);
    ptrdiff_t length = (ptrdiff_t)strlen(text) + 1, bytes = args_bytes(&borrowed);
    PgLater *one = calloc(1, sizeof *one + (size_t)(length + bytes));
    if (!one) abort();
    char *space = (char *)(one + 1);
    memcpy(space, text, (size_t)length);
    one->text = space;
    one->flags = flags;
    args_copy(&one->args, &borrowed, space + length);
    *(l->last ? &l->last->next : &l->first) = one;
    l->last = one;
    l->count++;
    l->bytes += bytes;
    arena_release(scratch, mark);
}

bool pg_laters_full(const PgLaters *l) {
    return l->count >= LATERS_MAX || l->bytes >= LATERS_BYTES_MAX;
}

const char *pg_laters_failed(const PgLaters *l, int answers, const char *own) {
    for (const PgLater *one = l->first; one; one = one->next)
        if (answers < one->until) return one->text;
    return own;
}

void pg_laters_free(PgLaters *l) {
    for (PgLater *one = l->first, *next; one; one = next) {
        next = one->next;
        free(one);
    }
    *l = (PgLaters){0};
}
