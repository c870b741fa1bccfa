/* SPDX-License-Identifier: Apache-2.0
 * Resources as routes. Owner scoping is in where_owner (resource_sql.c) and owner_of here, nowhere
 * else; a foreign row is as absent as one that never was.
 *
 * Writes load the row in their own transaction, locked, so that If-Match, the hooks and the new
 * values all speak of the same state. */
#include <sodium.h>

#include "api/resource_room.h"
#include "api/router_room.h"

typedef struct MadeRoute {
    Route route; /* first: a Call's route leads to its resource */
    const Made *made;
} MadeRoute;

static const Made *made_of(const Call *k) {
    return ((const MadeRoute *)(const void *)k->route)->made;
}

/* -- Whose ------------------------------------------------------------------------------------- */

typedef struct Owner {
    const ResourceSql *sql;
    Value values[1];
    ptrdiff_t count;
} Owner;

static Err *owner_of(Ctx *c, const Made *made, Owner *out) {
    *out = (Owner){.sql = &made->sql[SCOPE_OWN]};
    if (!made->user && !made->organisation) return NULL;
    bool in_organisation = made->organisation && !id_is_none(c->account.organisation);
    if (!made->user && !in_organisation)
        FAIL(c, FORBIDDEN, "This belongs to organisations: act within one.");
    if (in_organisation && made->user) out->sql = &made->sql[SCOPE_ORGANISATION];
    out->values[out->count++] = V(in_organisation ? c->account.organisation : c->account.user);
    return NULL;
}

static void owner_fill(const Ctx *c, const Made *made, void *row) {
    if (made->user) *(Id *)field_at(made->user, row) = c->account.user;
    if (made->organisation) *(Id *)field_at(made->organisation, row) = c->account.organisation;
}

/* -- Rows -------------------------------------------------------------------------------------- */

static Value id_value(const Made *made, const Call *k) {
    return made->id->kind == KIND_STR ? V(k->params[0]) : V(k->ids[0]);
}

static Err *missing(Ctx *c, const Made *made) {
    FAIL(c, NOT_FOUND, "%s",
         made->resource->missing ? made->resource->missing : "There is nothing at this address.");
}

static Err *row_load(Ctx *c, const Call *k, const Owner *owner, bool locked, void *row) {
    const Made *made = made_of(k);
    Value values[2] = {owner->values[0]};
    values[owner->count] = id_value(made, k);
    bool found;
    TRY(db_maybe(c, locked ? owner->sql->load_locked : owner->sql->load,
                 (Args){values, owner->count + 1}, made->record, row, &found));
    return found ? NULL : missing(c, made);
}

/* Strong: made of every byte a reader sees, so it changes exactly when they do. */
static Str row_etag(Ctx *c, const Made *made, const void *row) {
    unsigned char hash[16];
    Buf b = buf_new(c->arena, 512);
    record_write(&b, made->record, row);
    crypto_generichash(hash, sizeof hash, (const unsigned char *)b.data, (unsigned long long)b.len,
                       NULL, 0);
    return strf(c->arena, "\"%.*s\"", S_ARG(str_hex(c->arena, hash, (ptrdiff_t)sizeof hash)));
}

static Err *if_match(Ctx *c, const Call *k, const void *row) {
    if (!req_header(k->q, S("If-Match")).data || req_if_match(k->q, row_etag(c, made_of(k), row)))
        return NULL;
    FAIL(c, PRECONDITION, "It has been changed since: read it again.");
}

static Err *duplicate(Ctx *c, const Made *made, Err *err) {
    if (!err || err->kind != ERR_CONFLICT) return err;
    const Resource *resource = made->resource;
    ErrKind kind = resource->duplicate_status == 400 ? ERR_BAD_REQUEST : ERR_CONFLICT;
    Err *said = err_wrap(c, kind, __func__, err, "%s",
                         resource->duplicate ? resource->duplicate
                                             : "Something with the same values is there already.");
    said->code = S("conflict");
    return said;
}

/* -- Reading ----------------------------------------------------------------------------------- */

static Err *resource_fetch(Ctx *c, Call *k) {
    const Made *made = made_of(k);
    Owner owner;
    TRY(owner_of(c, made, &owner));
    TRY(row_load(c, k, &owner, false, call_out(k)));
    k->r->etag = row_etag(c, made, k->out);
    return NULL;
}

typedef struct Page {
    int64_t limit, offset;
} Page;

/* limit and offset, or page and per_page: whichever the caller knows. */
static Page page_of(const Made *made, const ListQuery *q) {
    int64_t usual = made->resource->page_usual ? made->resource->page_usual : 50;
    Page page = {.limit = q->per_page.set ? q->per_page.value : usual};
    if (q->page.set) page.offset = (q->page.value - 1) * page.limit;
    if (q->limit.set) page.limit = q->limit.value;
    if (q->offset.set) page.offset = q->offset.value;
    return page;
}

static Value filter_value(Ctx *c, const Made *made, const ListQuery *q, int i) {
    const Field *f = &made->query_fields[LIST_FIELDS + i];
    switch (f->kind) {
    case KIND_STR: return V(*(const Str *)field_at(f, q));
    case KIND_TIME: return V(*(const Time *)field_at(f, q));
    case KIND_ID: return V(*(const Id *)field_at(f, q));
    case KIND_OPT_INT: return V(*(const OptInt *)field_at(f, q));
    case KIND_OPT_BOOL: {
        const OptBool *b = field_at(f, q);
        return b->set ? V(b->value) : value_null();
    }
    default: break;
    }
    (void)c;
    assert(!"a filter of this kind is refused at start");
    return value_null();
}

static Str cursor_text(Ctx *c, const Field *f, const void *row) {
    switch (f->kind) {
    case KIND_STR: return *(const Str *)field_at(f, row);
    case KIND_TIME: return strf(c->arena, "%lld", (long long)((const Time *)field_at(f, row))->us);
    default: return strf(c->arena, "%lld", (long long)*(const int64_t *)field_at(f, row));
    }
}

static Err *cursor_value(Ctx *c, const Field *f, Str text, Value *out) {
    int64_t number;
    if (f->kind == KIND_STR) {
        *out = V(text);
        return NULL;
    }
    if (!str_to_i64(text, &number))
        FAIL(c, BAD_REQUEST, "The cursor is not one that this list gave.");
    *out = f->kind == KIND_TIME ? V((Time){number}) : V(number);
    return NULL;
}

/* Arguments of a list: owner, filters, where it goes on, how many, from where. */
typedef struct ListArgs {
    Value items[1 + FILTERS_MAX + 2 + 2];
    ptrdiff_t count;
    int mask;
} ListArgs;

static void list_filters(Ctx *c, const Made *made, const ListQuery *q, ListArgs *args) {
    for (int i = 0; i < made->filter_count; i++) {
        Value value = filter_value(c, made, q, i);
        if (value.kind == VALUE_NULL) continue;
        args->mask |= 1 << i;
        args->items[args->count++] = value;
    }
}

static Err *list_after(Ctx *c, const Made *made, Str cursor, ListArgs *args) {
    Str texts[2];
    ptrdiff_t count = made->sort == made->id ? 1 : 2;
    TRY(cursor_read(c, cursor, texts, count));
    TRY(cursor_value(c, made->sort, texts[0], &args->items[args->count++]));
    if (count == 2) TRY(cursor_value(c, made->id, texts[1], &args->items[args->count++]));
    return NULL;
}

static Str next_cursor(Ctx *c, const Made *made, Rows rows) {
    const char *last = (const char *)rows.items + (rows.count - 1) * made->record->size;
    Str texts[2] = {cursor_text(c, made->sort, last), cursor_text(c, made->id, last)};
    return cursor_make(c, texts, made->sort == made->id ? 1 : 2);
}

static Err *resource_list(Ctx *c, Call *k) {
    const Made *made = made_of(k);
    const ListQuery *q = k->query;
    Owner owner;
    TRY(owner_of(c, made, &owner));
    ListArgs args = {.count = owner.count};
    if (owner.count) args.items[0] = owner.values[0];
    list_filters(c, made, q, &args);
    int64_t total = 0;
    TRY(db_int(c, owner.sql->count[args.mask], (Args){args.items, args.count}, &total));
    Page page = page_of(made, q);
    bool after = q->cursor.len > 0;
    if (after) TRY(list_after(c, made, q->cursor, &args));
    args.items[args.count++] = V(page.limit + 1); /* one more, to know whether there is more */
    args.items[args.count++] = V(after ? (int64_t)0 : page.offset);
    Rows rows = {0};
    Sql sql = after ? owner.sql->list_after[args.mask] : owner.sql->list[args.mask];
    TRY(db_query(c, sql, (Args){args.items, args.count}, made->record, &rows));
    bool more = rows.count > page.limit;
    if (more) rows.count = (ptrdiff_t)page.limit;
    call_list(c, k, rows, total, more && rows.count > 0 ? next_cursor(c, made, rows) : (Str){0});
    return NULL;
}

/* -- Writing ----------------------------------------------------------------------------------- */

typedef struct Write {
    Call *k;
    const Made *made;
    Owner owner;
    void *row;
} Write;

static Err *create_in(Ctx *c, void *arg) {
    Write *w = arg;
    const Made *made = w->made;
    memcpy(w->row, w->k->in, (size_t)made->record->size);
    owner_fill(c, made, w->row);
    Time now = time_now();
    if (made->created) *(Time *)field_at(made->created, w->row) = now;
    if (made->updated) *(Time *)field_at(made->updated, w->row) = now;
    if (made->id->kind == KIND_STR && made->id->flags & F_READONLY)
        *(Str *)field_at(made->id, w->row) = uuid_v7(c->arena);
    if (made->resource->check) TRY(made->resource->check(c, w->row, NULL));
    TRY(duplicate(c, made, db_insert(c, made->record, w->row)));
    if (made->resource->after_write) TRY(made->resource->after_write(c, w->row, NULL));
    w->k->r->etag = row_etag(c, made, w->row);
    w->k->r->headers.len = w->k->head_len;
    reply_header(
        w->k->r, S("Location"),
        strf(c->arena, "%s/%.*s", made->resource->path, S_ARG(cursor_text(c, made->id, w->row))));
    return call_settle(c, w->k);
}

static Err *resource_create(Ctx *c, Call *k) {
    Write w = {.k = k, .made = made_of(k), .row = call_out(k)};
    TRY(owner_of(c, w.made, &w.owner));
    return db_transaction(c, create_in, &w);
}

static ptrdiff_t field_bytes(const Field *f) {
    switch (f->kind) {
    case KIND_BOOL: return (ptrdiff_t)sizeof(bool);
    case KIND_INT: return (ptrdiff_t)sizeof(int64_t);
    case KIND_FLOAT: return (ptrdiff_t)sizeof(double);
    case KIND_STR: return (ptrdiff_t)sizeof(Str);
    case KIND_ID: return (ptrdiff_t)sizeof(Id);
    case KIND_TIME: return (ptrdiff_t)sizeof(Time);
    case KIND_OPT_INT: return (ptrdiff_t)sizeof(OptInt);
    case KIND_OPT_FLOAT: return (ptrdiff_t)sizeof(OptFloat);
    case KIND_OPT_BOOL: return (ptrdiff_t)sizeof(OptBool);
    case KIND_JSON: return (ptrdiff_t)sizeof(JsonText);
    case KIND_STR_LIST: return (ptrdiff_t)sizeof(StrList);
    case KIND_RECORD: return f->record->size;
    case KIND_RECORD_LIST: return (ptrdiff_t)sizeof(RecordList);
    }
    return 0;
}

/* The body's fields over the row's. */
static void merge(const Record *record, FieldSet present, const void *in, void *row) {
    for (ptrdiff_t i = 0; i < record->field_count; i++) {
        const Field *f = &record->fields[i];
        if (present >> i & 1) memcpy(field_at(f, row), field_at(f, in), (size_t)field_bytes(f));
    }
}

static Err *update(Ctx *c, const Write *w) {
    const Made *made = w->made;
    Value values[2 + 64] = {w->owner.values[0]};
    ptrdiff_t count = w->owner.count;
    values[count++] = id_value(made, w->k);
    for (ptrdiff_t i = 0; i < made->record->field_count; i++)
        if (column_changes(made, &made->record->fields[i]))
            values[count++] = field_value(c, &made->record->fields[i], w->row);
    return db_exec(c, w->owner.sql->update, (Args){values, count}, NULL);
}

static Err *change_in(Ctx *c, void *arg) {
    Write *w = arg;
    const Made *made = w->made;
    TRY(row_load(c, w->k, &w->owner, true, w->row));
    TRY(if_match(c, w->k, w->row));
    void *before = arena_bytes(c->arena, made->record->size);
    memcpy(before, w->row, (size_t)made->record->size);
    merge(made->record, w->k->present, w->k->in, w->row);
    if (made->updated) *(Time *)field_at(made->updated, w->row) = time_now();
    if (made->resource->check) TRY(made->resource->check(c, w->row, before));
    TRY(duplicate(c, made, update(c, w)));
    if (made->resource->after_write) TRY(made->resource->after_write(c, w->row, before));
    w->k->r->etag = row_etag(c, made, w->row);
    return NULL;
}

static Err *resource_change(Ctx *c, Call *k) {
    Write w = {.k = k, .made = made_of(k), .row = call_out(k)};
    TRY(owner_of(c, w.made, &w.owner));
    return db_transaction(c, change_in, &w);
}

static Err *erase_in(Ctx *c, void *arg) {
    Write *w = arg;
    TRY(row_load(c, w->k, &w->owner, true, w->row));
    TRY(if_match(c, w->k, w->row));
    Value values[2] = {w->owner.values[0]};
    values[w->owner.count] = id_value(w->made, w->k);
    TRY(db_exec(c, w->owner.sql->erase, (Args){values, w->owner.count + 1}, NULL));
    return w->made->resource->after_write ? w->made->resource->after_write(c, NULL, w->row) : NULL;
}

static Err *resource_erase(Ctx *c, Call *k) {
    const Made *made = made_of(k);
    Write w = {.k = k, .made = made, .row = arena_alloc(c->arena, made->record->size, 1)};
    TRY(owner_of(c, made, &w.owner));
    TRY(db_transaction(c, erase_in, &w));
    if (made->resource->deleted) call_message(c, k, str_c(made->resource->deleted));
    return NULL;
}

/* -- Making ready ------------------------------------------------------------------------------ */

static const Field *field_named(const Record *record, Str name) {
    for (ptrdiff_t i = 0; i < record->field_count; i++)
        if (str_eq(str_c(record->fields[i].name), name)) return &record->fields[i];
    return NULL;
}

static const Field *time_named(const Record *record, Str name) {
    const Field *f = field_named(record, name);
    return f && f->kind == KIND_TIME && f->flags & F_READONLY ? f : NULL;
}

static void made_owners(Made *made) {
    for (ptrdiff_t i = 0; i < made->record->field_count; i++) {
        const Field *f = &made->record->fields[i];
        if (!(f->flags & F_OWNER)) continue;
        bool is_user = strcmp(f->name, "user_id") == 0;
        assert(f->kind == KIND_ID && (is_user || strcmp(f->name, "organisation_id") == 0));
        *(is_user ? &made->user : &made->organisation) = f;
    }
}

static void made_sort(Made *made) {
    Str name = made->resource->sort ? str_c(made->resource->sort) : S("id");
    made->descending = str_starts(name, S("-"));
    made->sort = field_named(made->record, str_slice(name, made->descending ? 1 : 0, name.len));
    assert(made->sort && column_of(made->sort));
    FieldKind kind = made->sort->kind;
    assert(kind == KIND_STR || kind == KIND_TIME || kind == KIND_INT || kind == KIND_ID);
    assert(made->sort == made->id ||
           !(made->sort->flags & F_NULLABLE)); /* null has no place in an order */
}

/* A filter's query parameter: absent is not the same as 0 or false. */
static Field filter_field(const Field *f, ptrdiff_t offset) {
    Field made = {.name = f->name,
                  .kind = f->kind,
                  .offset = offset,
                  .values = f->values,
                  .format = f->format,
                  .doc = "Only those that have it so"};
    if (f->kind == KIND_INT) made.kind = KIND_OPT_INT;
    if (f->kind == KIND_BOOL) made.kind = KIND_OPT_BOOL;
    assert(made.kind == KIND_STR || made.kind == KIND_TIME || made.kind == KIND_ID ||
           made.kind == KIND_OPT_INT || made.kind == KIND_OPT_BOOL);
    return made;
}

static void made_query(Made *made) {
    int64_t max = made->resource->page_max ? made->resource->page_max : 200;
    const Field fields[LIST_FIELDS] = {
        FIELD(ListQuery, limit, .min = 1, .max = max, .doc = "At most so many"),
        FIELD(ListQuery, offset, .min = 0, .max = 1000000000, .doc = "Leave out so many first"),
        FIELD(ListQuery, page, .min = 1, .max = 1000000,
              .doc = "Instead of offset: the page, from 1"),
        FIELD(ListQuery, per_page, .min = 1, .max = max, .doc = "Instead of limit: rows of a page"),
        FIELD(ListQuery, cursor, .max = 4096,
              .doc = "Where to go on: from the Link header of the page before"),
    };
    memcpy(made->query_fields, fields, sizeof fields);
    for (Str rest = str_c(made->resource->filter), name; rest.data;) {
        rest = str_cut(rest, ' ', &name);
        const Field *f = field_named(made->record, name);
        assert(f && column_of(f) && made->filter_count < FILTERS_MAX);
        ptrdiff_t offset = (ptrdiff_t)sizeof(ListQuery) + made->filter_count * FILTER_BYTES;
        made->query_fields[LIST_FIELDS + made->filter_count] = filter_field(f, offset);
        made->filters[made->filter_count++] = f;
    }
    made->query = (Record){.name = "ListQuery",
                           .fields = made->query_fields,
                           .field_count = LIST_FIELDS + made->filter_count,
                           .size = (ptrdiff_t)sizeof(ListQuery) + FILTERS_MAX * FILTER_BYTES};
}

static const char *scope_for(Arena *arena, const char *scope, bool writes) {
    if (!scope || strchr(scope, ':')) return scope;
    return str_cstr(arena, strf(arena, "%s:%s", scope, writes ? "write" : "read"));
}

typedef struct Maker {
    Arena *arena;
    const Made *made;
    const Route **routes;
    ptrdiff_t count;
    const char *item_path;
} Maker;

static void route_add(Maker *m, Route route, bool writes) {
    const Resource *resource = m->made->resource;
    MadeRoute *made = arena_new_of(m->arena, MadeRoute);
    route.access = writes && resource->write_access ? resource->write_access : resource->access;
    route.scope = scope_for(m->arena, resource->scope, writes);
    route.rate = writes ? RATE_WRITE : RATE_DEFAULT;
    route.tag = resource->tag ? resource->tag : m->made->record->name;
    *made = (MadeRoute){.route = route, .made = m->made};
    m->routes[m->count++] = &made->route;
}

static const char *doc_of(const Maker *m, const char *verb) {
    const char *doc = m->made->resource->doc ? m->made->resource->doc : m->made->record->name;
    return str_cstr(m->arena, strf(m->arena, "%s: %s", doc, verb));
}

static void routes_make(Maker *m) {
    const Resource *res = m->made->resource;
    const Record *record = res->record;
    Method change = res->change_method ? res->change_method : METHOD_PATCH;
    if (res->verbs & LIST)
        route_add(m,
                  (Route){GET, res->path, resource_list, .query = &m->made->query, .out = record,
                          .out_list = true, .errors = "400", .doc = doc_of(m, "list")},
                  false);
    if (res->verbs & CREATE)
        route_add(m,
                  (Route){POST, res->path, resource_create, .in = record, .out = record,
                          .status = 201, .idempotent = true,
                          .errors = res->duplicate_status == 400 ? "400" : "409",
                          .doc = doc_of(m, "create")},
                  true);
    if (res->verbs & FETCH)
        route_add(m,
                  (Route){GET, m->item_path, resource_fetch, .out = record, .errors = "404",
                          .doc = doc_of(m, "one")},
                  false);
    if (res->verbs & CHANGE)
        route_add(m,
                  (Route){change, m->item_path, resource_change, .in = record, .in_change = true,
                          .out = record,
                          .errors = res->duplicate_status == 400 ? "400 404 412" : "404 409 412",
                          .doc = doc_of(m, "change")},
                  true);
    if (res->verbs & ERASE)
        route_add(m,
                  (Route){DELETE, m->item_path, resource_erase, .status = res->deleted ? 200 : 204,
                          .out = res->deleted ? &message_record : NULL, .errors = "404 412",
                          .doc = doc_of(m, "erase")},
                  true);
}

static Err *sql_check(Ctx *c, const Resource *resource, Sql sql) {
    if (!sql.sqlite) return NULL;
    Err *err = db_check(c, sql);
    if (!err) return NULL;
    return err_wrap(c, ERR_INTERNAL, __func__, err, "the resource %s does not fit its table %s",
                    resource->path, resource->record->table);
}

Err *resource_check(Ctx *c, const Route *route) {
    Handler h = route->handler;
    if (h != resource_list && h != resource_fetch && h != resource_create && h != resource_change &&
        h != resource_erase)
        return NULL;
    const Made *made = ((const MadeRoute *)(const void *)route)->made;
    for (int i = 0; i < SCOPE_KINDS; i++) {
        const ResourceSql *sql = &made->sql[i];
        TRY(sql_check(c, made->resource, sql->load_locked));
        TRY(sql_check(c, made->resource, sql->list_after[0]));
        TRY(sql_check(c, made->resource, sql->update));
    }
    return NULL;
}

const Route *const *resource_routes(Arena *arena, const Resource *resource, ptrdiff_t *count) {
    assert(resource->path && resource->record && resource->record->table && resource->verbs);
    record_verify(resource->record);
    Made *made = arena_new_of(arena, Made);
    made->resource = resource;
    made->record = resource->record;
    made->id = field_named(made->record, S("id"));
    assert(made->id && (made->id->kind == KIND_ID || made->id->kind == KIND_STR));
    made->created = time_named(made->record, S("created_at"));
    made->updated = time_named(made->record, S("updated_at"));
    made_owners(made);
    assert(resource->access != ACCESS_OPEN || (!made->user && !made->organisation));
    made_sort(made);
    made_query(made);
    resource_sql(arena, made);
    Maker m = {.arena = arena,
               .made = made,
               .routes = arena_array(arena, const Route *, RESOURCE_ROUTES_MAX)};
    const char *id = made->id->kind == KIND_STR ? "{id}" : "{id:int}";
    m.item_path = str_cstr(arena, strf(arena, "%s/%s", resource->path, id));
    routes_make(&m);
    *count = m.count;
    return m.routes;
}
