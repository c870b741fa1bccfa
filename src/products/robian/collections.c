/* SPDX-License-Identifier: Apache-2.0
 * /api/collections: lists of debates that a listener keeps. Public ones are read by anybody, who is
 * then not told whose they are: where devices need no secret, that would be the key to them.
 *
 * debate_count is counted whenever it is shown, so that it is right however a debate went. What
 * depends on all of an owner's collections (how many, which is the usual one) changes under the
 * owner's lock. */
#include "products/robian/debate.h"
#include "products/robian/list_page.h"
#include "products/robian/listeners_sql.h"
#include "products/robian/routes.h"

enum { COLLECTIONS_MAX = 200, COLLECTION_DEBATES_MAX = 500, BODY_MAX = 64 * 1024 };

typedef struct Collection {
    int64_t n;
    Str id, owner, user_id, name, description;
    bool is_public, is_default;
    Str color, icon;
    int64_t sort_order, view_count, counted;
    JsonText metadata;
    Time created_at, updated_at;
    /* Made when shown. */
    int64_t debate_count, actual_debate_count;
    RecordList debates;
} Collection;

static const Field collection_row_fields[] = {
    FIELD(Collection, n),
    FIELD(Collection, id),
    FIELD(Collection, owner),
    FIELD(Collection, user_id, .flags = F_NULLABLE),
    FIELD(Collection, name),
    FIELD(Collection, description, .flags = F_NULLABLE),
    FIELD(Collection, is_public),
    FIELD(Collection, is_default),
    FIELD(Collection, color, .flags = F_NULLABLE),
    FIELD(Collection, icon, .flags = F_NULLABLE),
    FIELD(Collection, sort_order),
    FIELD(Collection, view_count),
    FIELD(Collection, counted),
    FIELD(Collection, metadata),
    FIELD(Collection, created_at),
    FIELD(Collection, updated_at),
};
static const Record collection_row_record =
    RECORD_AS("CollectionRow", Collection, collection_row_fields);

#define COLLECTION_FIELDS                                                                  \
    FIELD(Collection, id, .format = "uuid"), FIELD(Collection, name),                      \
        FIELD(Collection, description, .flags = F_NULLABLE),                               \
        FIELD(Collection, user_id, .flags = F_NULLABLE, .doc = "Null in what others see"), \
        FIELD(Collection, is_public), FIELD(Collection, is_default),                       \
        FIELD(Collection, color, .flags = F_NULLABLE),                                     \
        FIELD(Collection, icon, .flags = F_NULLABLE), FIELD(Collection, sort_order),       \
        FIELD(Collection, debate_count), FIELD(Collection, view_count),                    \
        FIELD(Collection, metadata), FIELD(Collection, created_at), FIELD(Collection, updated_at)

static const Field collection_fields[] = {COLLECTION_FIELDS};
static const Record collection_record =
    RECORD(Collection, collection_fields, .doc = "A listener's list of debates");
static const Field collection_detail_fields[] = {
    COLLECTION_FIELDS,
    FIELD_LIST(Collection, debates, &debate_record),
    FIELD(Collection, actual_debate_count),
};
static const Record collection_detail_record =
    RECORD_AS("CollectionDetail", Collection, collection_detail_fields,
              .doc = "A collection with its debates, in the order in which they were put there");

/* What a body has, and the query of older clients. */
typedef struct CollectionIn {
    Str user_id, name, description;
    OptBool is_public, is_default;
    Str color, icon;
    OptInt sort_order;
    JsonText metadata;
} CollectionIn;
#define COLLECTION_TAKEN                                                                          \
    FIELD(CollectionIn, user_id, .flags = F_NULLABLE, .min = DEVICE_ID_MIN, .max = DEVICE_ID_MAX, \
          .doc = "Of a device"),                                                                  \
        FIELD(CollectionIn, name, .flags = F_TRIM, .min = 1, .max = 200),                         \
        FIELD(CollectionIn, description, .flags = F_NULLABLE, .max = 2000),                       \
        FIELD(CollectionIn, is_public, .doc = "Anybody may read it"),                             \
        FIELD(CollectionIn, is_default, .doc = "The one that things go to usually; one at most"), \
        FIELD(CollectionIn, color, .flags = F_NULLABLE, .max = 32),                               \
        FIELD(CollectionIn, icon, .flags = F_NULLABLE, .max = 64),                                \
        FIELD(CollectionIn, sort_order, .min = -1000000, .max = 1000000)
static const Field collection_in_fields[] = {
    COLLECTION_TAKEN,
    FIELD(CollectionIn, metadata, .doc = "An object"),
};
static const Record collection_in_record = RECORD(CollectionIn, collection_in_fields, .open = true,
                                                  .doc = "Instead, all may be in the query");
static const Field collection_query_fields[] = {COLLECTION_TAKEN};
static const Record collection_query_record =
    RECORD_AS("CollectionInQuery", CollectionIn, collection_query_fields);

/* -- reading ----------------------------------------------------------------------------------- */

static void collection_show(const Listener *l, Collection *x) {
    x->debate_count = x->actual_debate_count = x->counted;
    if (!str_eq(l->owner, x->owner)) x->user_id = (Str){NULL, 0};
}

static Err *collection_missing(Ctx *c, Str id) {
    FAIL(c, NOT_FOUND, "Collection %.*s non trouvée", S_ARG(str_utf8_cut(id, 100)));
}

static Err *collection_find(Ctx *c, Str id, Collection *out) {
    bool found;
    TRY(db_maybe(c, SQL(SQL_COLLECTION_FIND), ARGS(V(id)), &collection_row_record, out, &found));
    return found ? NULL : collection_missing(c, id);
}

/* The owner's; to all others it is not there. */
static Err *collection_own(Ctx *c, const Listener *l, Str id, Collection *out) {
    TRY(collection_find(c, id, out));
    return str_eq(l->owner, out->owner) ? NULL : collection_missing(c, id);
}

static const Field list_query_fields[] = {
    LIST_FIELDS,
    {.name = "public",
     .kind = KIND_BOOL,
     .offset = offsetof(ListQuery, all),
     .doc = "Everybody's public ones, the newest first; so for who is nobody"},
};
static const Record list_query_record =
    RECORD_AS("CollectionListQuery", ListQuery, list_query_fields);

static Err *public_list(Ctx *c, const ListQuery *query, Rows *rows, int64_t *total, Str *next) {
    ListFrom from;
    TRY(list_from(c, query, &from));
    TRY(db_query(c, SQL(SQL_COLLECTIONS_PUBLIC),
                 ARGS(V(from.below), V(query->per_page), V(from.offset)), &collection_row_record,
                 rows));
    TRY(db_int(c, SQL(SQL_COLLECTIONS_PUBLIC_COUNT), NO_ARGS, total));
    const Collection *all = rows->items;
    *next = list_next(c, query, rows->count, rows->count ? all[rows->count - 1].n : 0);
    return NULL;
}

/* In the owner's order, which has no key of its own: the cursor is how many came before. */
static Err *own_list(Ctx *c, const ListQuery *query, const Listener *l, Rows *rows, int64_t *total,
                     Str *next) {
    ListFrom from;
    TRY(list_from(c, query, &from));
    int64_t skip = query->cursor.len ? from.below : from.offset;
    TRY(db_query(c, SQL(SQL_COLLECTIONS_OWN), ARGS(V(l->owner), V(query->per_page), V(skip)),
                 &collection_row_record, rows));
    TRY(db_int(c, SQL(SQL_COLLECTIONS_OWN_COUNT), ARGS(V(l->owner)), total));
    *next = list_next(c, query, rows->count, skip + rows->count);
    return NULL;
}

static Err *collections_list(Ctx *c, Call *k) {
    const ListQuery *query = k->query;
    Listener l;
    Rows rows;
    int64_t total;
    Str next;
    bool somebody;
    TRY(listener_maybe(c, k, &l, &somebody));
    if (query->all || !somebody)
        TRY(public_list(c, query, &rows, &total, &next));
    else
        TRY(own_list(c, query, &l, &rows, &total, &next));
    Collection *all = rows.items;
    for (ptrdiff_t i = 0; i < rows.count; i++) collection_show(&l, &all[i]);
    call_list(c, k, rows, total, next);
    return NULL;
}

static Err *debates_fill(Ctx *c, Collection *x) {
    Rows rows;
    TRY(db_query(c, SQL(SQL_COLLECTION_DEBATES), ARGS(V(x->n), V((int64_t)COLLECTION_DEBATES_MAX)),
                 &debate_row_record, &rows));
    TRY(debates_show(c, rows.items, rows.count));
    x->debates = (RecordList){rows.items, rows.count};
    return NULL;
}

static Err *collection_get(Ctx *c, Call *k) {
    Collection *x = call_out(k);
    Listener l;
    bool somebody;
    TRY(listener_maybe(c, k, &l, &somebody));
    TRY(collection_find(c, k->params[0], x));
    if (!x->is_public && !str_eq(l.owner, x->owner)) return collection_missing(c, k->params[0]);
    TRY(debates_fill(c, x));
    collection_show(&l, x);
    if (k->q->method == METHOD_HEAD) return NULL;
    Err *err = db_int(c, SQL(SQL_COLLECTION_VIEWED), ARGS(V(x->n)), &x->view_count);
    return err && err->kind == ERR_NOT_FOUND ? collection_missing(c, k->params[0]) : err;
}

/* -- writing ----------------------------------------------------------------------------------- */

typedef struct CollectionWrite {
    Call *k;
    Listener l;
    int64_t debate;
    Collection *x;
} CollectionWrite;

/* The body's words over the query's. */
static void collection_take(const Call *k, Collection *x) {
    const CollectionIn *both[] = {k->query, k->in};
    const Record *record = &collection_in_record;
    for (int i = 0; i < COUNT(both); i++) {
        const CollectionIn *in = both[i];
        bool body = i == 1;
        FieldSet present = body ? k->present : 0;
        if (in->name.data) x->name = in->name;
        if (in->description.data || (present & record_bit(record, "description")))
            x->description = in->description;
        if (in->color.data || (present & record_bit(record, "color"))) x->color = in->color;
        if (in->icon.data || (present & record_bit(record, "icon"))) x->icon = in->icon;
        if (in->is_public.set) x->is_public = in->is_public.value;
        if (in->is_default.set) x->is_default = in->is_default.value;
        if (in->sort_order.set) x->sort_order = in->sort_order.value;
        if (in->metadata.text.data) x->metadata = in->metadata;
    }
}

static Err *collection_check(Ctx *c, const Collection *x) {
    Problems problems = {.arena = c->arena};
    if (!x->name.data) problem_add(&problems, S("name"), S("required"), "A collection has a name");
    if (!str_starts(str_trim(x->metadata.text), S("{")))
        problem_add(&problems, S("metadata"), S("type"), "metadata is an object");
    return problems_err(c, &problems);
}

static Err *default_settle(Ctx *c, const CollectionWrite *w) {
    if (!w->x->is_default) return NULL;
    return db_exec(c, SQL(SQL_COLLECTION_DEFAULT), ARGS(V(w->l.owner), V(w->x->n)), NULL);
}

static Str named(Ctx *c, const Collection *x) {
    Buf b = buf_new(c->arena, 64);
    buf_add(&b, S("{\"collection_id\":"));
    buf_json(&b, x->id);
    buf_add(&b, S(",\"name\":"));
    buf_json(&b, x->name);
    buf_byte(&b, '}');
    return buf_str(&b);
}

static Err *collection_insert(Ctx *c, void *arg) {
    CollectionWrite *w = arg;
    Collection *x = w->x;
    int64_t count;
    TRY(listener_lock(c, &w->l));
    TRY(db_int(c, SQL(SQL_COLLECTIONS_OWN_COUNT), ARGS(V(w->l.owner)), &count));
    if (count >= COLLECTIONS_MAX) FAIL(c, CONFLICT, "Au plus %d collections", (int)COLLECTIONS_MAX);
    TRY(db_int(c, SQL(SQL_COLLECTION_ADD),
               ARGS(V(x->id), V(w->l.owner), V(w->l.user_id), V(x->name), V(x->description),
                    V(x->is_public), V(x->is_default), V(x->color), V(x->icon), V(x->sort_order),
                    V(x->metadata), V(x->created_at)),
               &x->n));
    TRY(default_settle(c, w));
    TRY(listener_did(c, &w->l, S("collection_create"), 0, named(c, x)));
    return call_settle(c, w->k);
}

static Err *collection_create(Ctx *c, Call *k) {
    const CollectionIn *in = k->in;
    CollectionWrite w = {.k = k, .x = call_out(k)};
    Collection *x = w.x;
    TRY(listener_named(c, k, in->user_id, &w.l));
    x->metadata.text = S("{}");
    collection_take(k, x);
    TRY(collection_check(c, x));
    x->id = uuid_v7(c->arena);
    x->user_id = w.l.user_id;
    x->created_at = x->updated_at = time_now();
    return db_transaction(c, collection_insert, &w);
}

static Err *collection_rewrite(Ctx *c, void *arg) {
    CollectionWrite *w = arg;
    Collection *x = w->x;
    TRY(listener_lock(c, &w->l));
    TRY(collection_own(c, &w->l, w->k->params[0], x));
    collection_take(w->k, x);
    TRY(collection_check(c, x));
    x->updated_at = time_now();
    TRY(db_exec(c, SQL(SQL_COLLECTION_CHANGE),
                ARGS(V(x->n), V(x->name), V(x->description), V(x->is_public), V(x->is_default),
                     V(x->color), V(x->icon), V(x->sort_order), V(x->metadata), V(x->updated_at)),
                NULL));
    collection_show(&w->l, x);
    return default_settle(c, w);
}

static Err *collection_update(Ctx *c, Call *k) {
    const CollectionIn *in = k->in;
    CollectionWrite w = {.k = k, .x = call_out(k)};
    TRY(listener_named(c, k, in->user_id, &w.l));
    return db_transaction(c, collection_rewrite, &w);
}

static Err *collection_erase(Ctx *c, void *arg) {
    CollectionWrite *w = arg;
    Collection x;
    ptrdiff_t removed;
    TRY(listener_lock(c, &w->l));
    TRY(collection_own(c, &w->l, w->k->params[0], &x));
    TRY(db_exec(c, SQL(SQL_COLLECTION_REMOVE), ARGS(V(x.n)), &removed));
    if (removed == 0) return collection_missing(c, w->k->params[0]);
    return listener_did(c, &w->l, S("collection_delete"), 0, named(c, &x));
}

static Err *collection_delete(Ctx *c, Call *k) {
    CollectionWrite w = {.k = k};
    TRY(listener_of(c, k, &w.l));
    TRY(db_transaction(c, collection_erase, &w));
    call_message(c, k, S("Collection supprimée"));
    return NULL;
}

/* -- its debates ------------------------------------------------------------------------------- */

static Err *debate_put(Ctx *c, void *arg) {
    CollectionWrite *w = arg;
    Collection x;
    ptrdiff_t added;
    Time now = time_now();
    TRY(listener_lock(c, &w->l));
    TRY(collection_own(c, &w->l, w->k->params[0], &x));
    TRY(db_exec(c, SQL(SQL_COLLECTION_PUT), ARGS(V(x.n), V(w->debate), V(now)), &added));
    if (added == 0) FAIL(c, CONFLICT, "Ce débat est déjà dans la collection");
    if (x.counted >= COLLECTION_DEBATES_MAX)
        FAIL(c, CONFLICT, "Au plus %d débats dans une collection", (int)COLLECTION_DEBATES_MAX);
    TRY(db_exec(c, SQL(SQL_COLLECTION_TOUCH), ARGS(V(x.n), V(now)), NULL));
    return listener_did(c, &w->l, S("collection_add"), w->debate, named(c, &x));
}

static Err *debate_take(Ctx *c, void *arg) {
    CollectionWrite *w = arg;
    Collection x;
    ptrdiff_t removed;
    TRY(listener_lock(c, &w->l));
    TRY(collection_own(c, &w->l, w->k->params[0], &x));
    TRY(db_exec(c, SQL(SQL_COLLECTION_TAKE), ARGS(V(x.n), V(w->debate)), &removed));
    if (removed == 0) FAIL(c, NOT_FOUND, "Ce débat n'est pas dans la collection");
    TRY(db_exec(c, SQL(SQL_COLLECTION_TOUCH), ARGS(V(x.n), V(time_now())), NULL));
    return listener_did(c, &w->l, S("collection_remove"), w->debate, named(c, &x));
}

/* Of somebody else's collection nothing is said, not even whether the debate is there. */
static Err *debate_change_in(Ctx *c, Call *k, Err *(*change)(Ctx *, void *), Str message) {
    CollectionWrite w = {.k = k};
    Collection x;
    TRY(listener_of(c, k, &w.l));
    TRY(collection_own(c, &w.l, k->params[0], &x));
    TRY(debate_key(c, k->params[1], &w.debate));
    TRY(db_transaction(c, change, &w));
    call_message(c, k, message);
    return NULL;
}

static Err *collection_debate_add(Ctx *c, Call *k) {
    return debate_change_in(c, k, debate_put, S("Débat ajouté à la collection"));
}

static Err *collection_debate_remove(Ctx *c, Call *k) {
    return debate_change_in(c, k, debate_take, S("Débat retiré de la collection"));
}

#define READS .access = ACCESS_OPEN, .scope = "listening:read", .tag = "collections"
#define WRITES \
    .access = ACCESS_OPEN, .scope = "listening:write", .rate = RATE_WRITE, .tag = "collections"

const Route collection_routes[] = {
    {GET, "/api/collections", collections_list, READS, .query = &list_query_record,
     .out = &collection_record, .out_list = true, .errors = "400 401 403",
     .doc = "The listener's collections in their order; for who is nobody, the public ones"},
    {POST, "/api/collections", collection_create, WRITES, .query = &collection_query_record,
     .in = &collection_in_record, .in_change = true, .body_limit = BODY_MAX,
     .out = &collection_record, .idempotent = true, .errors = "401 403 409",
     .doc = "Make a collection; name is needed"},
    {GET, "/api/collections/{id}", collection_get, READS, .query = &listener_query_record,
     .out = &collection_detail_record, .errors = "401 403 404",
     .doc = "One collection with its debates: the listener's own, or a public one"},
    {PUT, "/api/collections/{id}", collection_update, WRITES, .query = &collection_query_record,
     .in = &collection_in_record, .in_change = true, .body_limit = BODY_MAX,
     .out = &collection_record, .errors = "401 403 404", .doc = "Change what is given"},
    {DELETE, "/api/collections/{id}", collection_delete, WRITES, .query = &listener_query_record,
     .out = &message_record, .errors = "401 403 404", .doc = "Remove it; the debates stay"},
    {POST, "/api/collections/{id}/debates/{debate_id}", collection_debate_add, WRITES,
     .query = &listener_query_record, .out = &message_record, .errors = "401 403 404 409",
     .doc = "Put a debate into it"},
    {DELETE, "/api/collections/{id}/debates/{debate_id}", collection_debate_remove, WRITES,
     .query = &listener_query_record, .out = &message_record, .errors = "401 403 404",
     .doc = "Take a debate out of it"},
    {0},
};
