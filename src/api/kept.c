/* SPDX-License-Identifier: Apache-2.0
 * Answers kept while the database stands still. Of a route that is `kept`, what the handler answered
 * is given again to the same account at the same address as long as db_state gives the same number:
 * the handler would read the same rows and write the same bytes. So nothing is ever told to go: a
 * commit of anybody, also of another process, is a new state, and whoever was told of the commit has
 * his next answer made anew. Where the state is not known (PostgreSQL) nothing is kept.
 *
 * A compressed form is kept beside the answer when it has been asked for once.
 *
 * Signing in, access and rates come before this and are looked at for every request.
 *
 * A table per loop, touched by its thread only, whose answers are all of one state and live in one
 * arena: with the next state, or when the arena is full, all go at once. An address is kept from its
 * second answer on, so that who walks through many addresses once moves no memory. Answers are copied
 * out, because a slow reader may still be taking one when the table is emptied. */
#include <stdlib.h>

#include "api/base_settings.h"
#include "api/router_room.h"
#include "core/map.h"

enum { SLOTS = 1024, KEPT_MAX = 64 * KIB, TARGET_MAX = 512, ETAG_LEN = 18 };

typedef struct Slot {
    uint64_t hash;      /* of the address asked for last */
    int64_t generation; /* of the table when it was kept; else it is only an address */
    Str key, headers, body, etag;
    Str forms[TEXT_FORMS]; /* body compressed, by encoding; null: not asked for yet */
} Slot;

typedef struct Table {
    Arena *arena;
    int64_t state, generation;
    Slot slots[SLOTS];
} Table;

static Table *tables[LOOPS_MAX];

/* What the answer depends on, beside the database. */
typedef struct Asker {
    const Route *route;
    Account account; /* without its texts, which follow from its ids */
} Asker;

static ptrdiff_t bytes_max(void) { return settings.kept_bytes / loop_count(); }

static Table *table_here(void) {
    Table **table = &tables[loop_index(loop_here())];
    if (*table) return *table;
    *table = calloc(1, sizeof **table);
    if (!*table) abort();
    (*table)->arena = arena_new(PTRDIFF_MAX / 2); /* bytes_max is seen to by kept_add */
    return *table;
}

static void table_empty(Table *t, int64_t state) {
    arena_reset(t->arena);
    t->generation++;
    t->state = state;
}

static Str key_make(Ctx *c, const Call *k) {
    Asker asker;
    memset(&asker, 0, sizeof asker); /* padding too is part of the key */
    asker.route = k->route;
    asker.account.user = c->account.user;
    asker.account.role = c->account.role;
    asker.account.organisation = c->account.organisation;
    asker.account.session = c->account.session;
    asker.account.api_key = c->account.api_key;
    Str target = k->q->target;
    char *text = arena_bytes(c->arena, (ptrdiff_t)sizeof asker + target.len);
    memcpy(text, &asker, sizeof asker);
    memcpy(text + sizeof asker, target.data, (size_t)target.len);
    return str_of(text, (ptrdiff_t)sizeof asker + target.len);
}

static Str copied(Arena *arena, Str s) {
    char *to = arena_bytes(arena, max_size(s.len, 1));
    if (s.len) memcpy(to, s.data, (size_t)s.len);
    return str_of(to, s.len);
}

/* -- Compressed forms -------------------------------------------------------------------------- */

/* Of an answer that was found, which may have gone by the time it is sent. */
typedef struct Found {
    TextForms forms;
    Table *table;
    Slot *slot;
    int64_t generation;
    uint64_t hash;
} Found;

static bool found_still(const Found *f) {
    return f->slot->generation == f->generation && f->table->generation == f->generation &&
           f->slot->hash == f->hash;
}

static Str form_find(Ctx *c, void *arg, int encoding) {
    const Found *f = arg;
    assert(encoding > 0 && encoding < TEXT_FORMS);
    if (!found_still(f) || !f->slot->forms[encoding].data) return (Str){NULL, 0};
    return copied(c->arena, f->slot->forms[encoding]);
}

static void form_keep(void *arg, int encoding, Str bytes) {
    Found *f = arg;
    assert(encoding > 0 && encoding < TEXT_FORMS);
    if (!found_still(f) || arena_used(f->table->arena) + bytes.len > bytes_max()) return;
    f->slot->forms[encoding] = copied(f->table->arena, bytes);
}

static const TextForms *forms_of(Ctx *c, Table *t, Slot *slot) {
    Found *f = arena_new_of(c->arena, Found);
    *f = (Found){{form_find, form_keep, f}, t, slot, t->generation, slot->hash};
    return &f->forms;
}

/* -- Answers ----------------------------------------------------------------------------------- */

bool kept_find(Ctx *c, Call *k, KeptKey *key) {
    assert(k->route->kept);
    *key = (KeptKey){0};
    if (bytes_max() < KEPT_MAX || k->q->target.len > TARGET_MAX || !db_state(c, &key->state))
        return false;
    Table *t = table_here();
    key->text = key_make(c, k);
    key->hash = siphash_secret(key->text);
    if (t->state != key->state) table_empty(t, key->state);
    Slot *slot = &t->slots[key->hash % SLOTS];
    if (slot->generation != t->generation || !str_eq(slot->key, key->text)) return false;
    Reply *r = k->r;
    buf_add(&r->headers, slot->headers);
    r->body = copied(c->arena, slot->body);
    r->etag = copied(c->arena, slot->etag);
    r->forms = forms_of(c, t, slot);
    k->encoded = true;
    return true;
}

/* Has the handler done nothing but what is kept: lines of the head, and a body that call_encode or
 * call_list wrote? */
static bool is_plain(const Call *k) {
    const Reply *r = k->r;
    return k->encoded && !k->answered && !r->begun && !r->file && r->status == 200 &&
           !r->etag.data && !r->no_etag && !r->no_compress && !r->no_body && !r->close &&
           time_is_null(r->last_modified) && str_eq(r->content_type, S("application/json"));
}

void kept_add(Ctx *c, const Call *k, const KeptKey *key) {
    Table *t = table_here();
    Slot *slot = &t->slots[key->hash % SLOTS];
    /* After a commit meanwhile, what was read may be of before it, of behind it, or both: but then no
     * call is given key->state again, and nobody finds it. */
    if (!is_plain(k) || t->state != key->state) return;
    Str headers = str_slice(buf_str(&k->r->headers), k->head_len, k->r->headers.len);
    ptrdiff_t bytes = key->text.len + headers.len + k->r->body.len + ETAG_LEN;
    if (bytes > KEPT_MAX) return;
    k->r->etag = etag_of(c->arena, k->r->body);
    bool before = slot->hash == key->hash;
    slot->hash = key->hash;
    slot->generation = 0;
    if (!before) return;
    if (arena_used(t->arena) + bytes > bytes_max()) table_empty(t, key->state);
    *slot = (Slot){.hash = key->hash,
                   .generation = t->generation,
                   .key = copied(t->arena, key->text),
                   .headers = copied(t->arena, headers),
                   .body = copied(t->arena, k->r->body),
                   .etag = copied(t->arena, k->r->etag)};
}
