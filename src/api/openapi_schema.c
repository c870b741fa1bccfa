/* SPDX-License-Identifier: Apache-2.0
 * The records behind the routes as components of the OpenAPI document: Name as it is read,
 * NameCreate and NameChange as they are sent. */
#include <stdlib.h>

#include "api/router_room.h"

typedef struct Collector {
    Arena *arena;
    Schemas found;
    ptrdiff_t cap;
} Collector;

static const char *const suffixes[] = {
    [SCHEMA_OUT] = "", [SCHEMA_CREATE] = "Create", [SCHEMA_CHANGE] = "Change"};

Str schema_ref(Arena *arena, const Record *record, SchemaMode mode) {
    return strf(arena, "#/components/schemas/%s%s", record->name, suffixes[mode]);
}

static NORETURN void same_name(const Record *record) {
    fprintf(stderr, "socle: two records of the API are named %s: rename one of them\n",
            record->name);
    abort();
}

static void collect(Collector *all, const Record *record, SchemaMode mode) {
    if (!record) return;
    for (ptrdiff_t i = 0; i < all->found.count; i++) {
        const Schema *s = &all->found.items[i];
        if (s->record != record && strcmp(s->record->name, record->name) == 0) same_name(record);
        if (s->record == record && s->mode == mode) return;
    }
    if (all->found.count == all->cap) {
        ptrdiff_t cap = all->cap ? all->cap * 2 : 64, size = (ptrdiff_t)sizeof(Schema);
        all->found.items = arena_grow(all->arena, all->found.items, all->cap * size, cap * size);
        all->cap = cap;
    }
    all->found.items[all->found.count++] = (Schema){record, mode};
    for (ptrdiff_t i = 0; i < record->field_count; i++)
        collect(all, record->fields[i].record, mode);
}

static int schema_order(const void *a, const void *b) {
    const Schema *left = a, *right = b;
    int order = strcmp(left->record->name, right->record->name);
    return order ? order : (int)left->mode - (int)right->mode;
}

Schemas schemas_collect(Arena *arena, const Router *router) {
    Collector all = {.arena = arena};
    for (ptrdiff_t i = 0; i < router->count; i++) {
        const Route *route = router->ordered[i]->route;
        collect(&all, route->in, route->in_change ? SCHEMA_CHANGE : SCHEMA_CREATE);
        collect(&all, route->out, SCHEMA_OUT);
        collect(&all, route->out_other, SCHEMA_OUT);
        const Envelope *envelope = router->ordered[i]->module->envelope;
        collect(&all, envelope ? envelope->refusal : NULL, SCHEMA_OUT);
    }
    if (all.found.count > 0)
        qsort(all.found.items, (size_t)all.found.count, sizeof(Schema), schema_order);
    return all.found;
}

void schemas_write(JsonOut *o, Schemas schemas) {
    for (ptrdiff_t i = 0; i < schemas.count; i++) {
        Schema s = schemas.items[i];
        json_key(o, strf(o->buf->arena, "%s%s", s.record->name, suffixes[s.mode]));
        Buf b = buf_new(o->buf->arena, 1024);
        record_schema(&b, s.record, s.mode);
        json_put_raw(o, buf_str(&b));
    }
}
