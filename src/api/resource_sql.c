/* SPDX-License-Identifier: Apache-2.0
 * The statements of a resource: single-table, by id and owner, nothing else. Every text is made
 * once, at start; which filters a request names picks one of them, so that each has a plan of its
 * own. */
#include "api/resource_room.h"

bool column_of(const Field *f) {
    return !(f->flags & F_NO_COLUMN) && f->kind != KIND_RECORD && f->kind != KIND_RECORD_LIST;
}

bool column_changes(const Made *made, const Field *f) {
    return column_of(f) && f != made->id && f != made->created &&
           !(f->flags & (F_OWNER | F_IMMUTABLE));
}

typedef struct Text {
    Buf buf;
    const Made *made;
    ScopeKind scope;
    int args; /* placeholders so far */
    bool has_where;
} Text;

static Text text_new(Arena *arena, const Made *made, ScopeKind scope) {
    return (Text){.buf = buf_new(arena, 512), .made = made, .scope = scope};
}

static Sql text_sql(Text *t) {
    const char *text = str_cstr(t->buf.arena, buf_str(&t->buf));
    return SQL(text);
}

static void columns(Text *t) {
    const Record *record = t->made->record;
    bool first = true;
    for (ptrdiff_t i = 0; i < record->field_count; i++) {
        if (!column_of(&record->fields[i])) continue;
        buf_f(&t->buf, "%s%s", first ? "" : ", ", record->fields[i].name);
        first = false;
    }
}

static void condition(Text *t) {
    buf_add(&t->buf, t->has_where ? S(" AND ") : S(" WHERE "));
    t->has_where = true;
}

/* A row of an organisation belongs to its members; one without belongs to its user. */
static void where_owner(Text *t) {
    const Made *made = t->made;
    bool by_organisation = t->scope == SCOPE_ORGANISATION || !made->user;
    const Field *owner = by_organisation ? made->organisation : made->user;
    if (!owner) return;
    condition(t);
    buf_f(&t->buf, "%s = $%d", owner->name, ++t->args);
    if (by_organisation || !made->organisation) return;
    condition(t);
    buf_f(&t->buf, "%s IS NULL", made->organisation->name);
}

static void where_filters(Text *t, int mask) {
    for (int i = 0; i < t->made->filter_count; i++) {
        if (!(mask & 1 << i)) continue;
        condition(t);
        buf_f(&t->buf, "%s = $%d", t->made->filters[i]->name, ++t->args);
    }
}

static void where_after(Text *t) {
    const Made *made = t->made;
    const char *order = made->descending ? "<" : ">";
    condition(t);
    if (made->sort == made->id) {
        buf_f(&t->buf, "%s %s $%d", made->id->name, order, ++t->args);
        return;
    }
    buf_f(&t->buf, "(%s, %s) %s ($%d, $%d)", made->sort->name, made->id->name, order, t->args + 1,
          t->args + 2);
    t->args += 2;
}

static void order_and_limit(Text *t) {
    const Made *made = t->made;
    const char *order = made->descending ? " DESC" : "";
    buf_f(&t->buf, " ORDER BY %s%s", made->sort->name, order);
    if (made->sort != made->id) buf_f(&t->buf, ", %s%s", made->id->name, order);
    buf_f(&t->buf, " LIMIT $%d OFFSET $%d", t->args + 1, t->args + 2);
    t->args += 2;
}

static Sql list_sql(Arena *arena, const Made *made, ScopeKind scope, int mask, bool after) {
    Text t = text_new(arena, made, scope);
    buf_add(&t.buf, S("SELECT "));
    columns(&t);
    buf_f(&t.buf, " FROM %s", made->record->table);
    where_owner(&t);
    where_filters(&t, mask);
    if (after) where_after(&t);
    order_and_limit(&t);
    return text_sql(&t);
}

static Sql count_sql(Arena *arena, const Made *made, ScopeKind scope, int mask) {
    Text t = text_new(arena, made, scope);
    buf_f(&t.buf, "SELECT count(*) FROM %s", made->record->table);
    where_owner(&t);
    where_filters(&t, mask);
    return text_sql(&t);
}

static void where_id(Text *t) {
    where_owner(t);
    condition(t);
    buf_f(&t->buf, "%s = $%d", t->made->id->name, ++t->args);
}

static Sql load_sql(Arena *arena, const Made *made, ScopeKind scope, bool locked) {
    Text t = text_new(arena, made, scope);
    buf_add(&t.buf, S("SELECT "));
    columns(&t);
    buf_f(&t.buf, " FROM %s", made->record->table);
    where_id(&t);
    Sql plain = text_sql(&t);
    if (!locked) return plain;
    /* SQLite has one writer, which a transaction is from its start. */
    buf_add(&t.buf, S(" FOR UPDATE"));
    return SQL2(plain.sqlite, text_sql(&t).postgres);
}

/* Owner and id come first, so that loading and changing share their arguments. */
static Sql update_sql(Arena *arena, const Made *made, ScopeKind scope) {
    Text where = text_new(arena, made, scope), t = text_new(arena, made, scope);
    where_id(&where);
    buf_f(&t.buf, "UPDATE %s SET ", made->record->table);
    bool first = true;
    for (ptrdiff_t i = 0; i < made->record->field_count; i++) {
        const Field *f = &made->record->fields[i];
        if (!column_changes(made, f)) continue;
        buf_f(&t.buf, "%s%s = $%d", first ? "" : ", ", f->name, ++where.args);
        first = false;
    }
    assert(!first); /* nothing that could be changed */
    buf_add(&t.buf, buf_str(&where.buf));
    return text_sql(&t);
}

static Sql erase_sql(Arena *arena, const Made *made, ScopeKind scope) {
    Text t = text_new(arena, made, scope);
    buf_f(&t.buf, "DELETE FROM %s", made->record->table);
    where_id(&t);
    return text_sql(&t);
}

void resource_sql(Arena *arena, Made *made) {
    bool both = made->user && made->organisation;
    unsigned verbs = made->resource->verbs;
    for (ScopeKind scope = SCOPE_OWN; scope <= (both ? SCOPE_ORGANISATION : SCOPE_OWN); scope++) {
        ResourceSql *sql = &made->sql[scope];
        for (int mask = 0; mask < 1 << made->filter_count && verbs & LIST; mask++) {
            sql->list[mask] = list_sql(arena, made, scope, mask, false);
            sql->list_after[mask] = list_sql(arena, made, scope, mask, true);
            sql->count[mask] = count_sql(arena, made, scope, mask);
        }
        sql->load = load_sql(arena, made, scope, false);
        sql->load_locked = load_sql(arena, made, scope, true);
        if (verbs & CHANGE) sql->update = update_sql(arena, made, scope);
        sql->erase = erase_sql(arena, made, scope);
    }
}
