/* SPDX-License-Identifier: Apache-2.0
 * Rows of open data into their table, those that are new or changed, many in one transaction. */
#include "products/robian/open_data.h"

#include <sodium.h>

#include "core/json.h"

typedef struct Known {
    Str uid, content_hash;
} Known;
static const Field known_fields[] = {
    FIELD(Known, uid),
    FIELD(Known, content_hash),
};
static const Record known_record = RECORD(Known, known_fields);

typedef struct Put {
    const OpenDataTable *table;
    const char *rows;
    ptrdiff_t row_size, count;
    OpenDataFigures figures;
} Put;

static const void *row_at(const Put *p, ptrdiff_t i) { return p->rows + i * p->row_size; }

/* The hash under which a row's uid is known when its turn comes: an earlier row of these may
 * have it. */
static Str known_hash(const Put *p, Rows known, ptrdiff_t i) {
    Str uid = p->table->uid(row_at(p, i));
    while (i > 0)
        if (str_eq(p->table->uid(row_at(p, --i)), uid)) return p->table->hash(row_at(p, i));
    const Known *all = known.items;
    for (ptrdiff_t k = 0; k < known.count; k++)
        if (str_eq(all[k].uid, uid)) return all[k].content_hash;
    return (Str){0};
}

static JsonText uids_json(Ctx *c, const Put *p) {
    Buf b = buf_new(c->arena, p->count * 32);
    JsonOut o = json_out(&b);
    json_begin(&o, '[');
    for (ptrdiff_t i = 0; i < p->count; i++) json_put_str(&o, p->table->uid(row_at(p, i)));
    json_end(&o, ']');
    return (JsonText){buf_str(&b)};
}

static Err *rows_put(Ctx *c, void *arg) {
    Put *p = arg;
    Rows known;
    JsonText uids = uids_json(c, p);
    Time now = time_now();
    p->figures = (OpenDataFigures){0};
    TRY(db_query(c, p->table->known, ARGS(V(uids)), &known_record, &known));
    for (ptrdiff_t i = 0; i < p->count; i++) {
        Str hash = known_hash(p, known, i);
        if (str_eq(hash, p->table->hash(row_at(p, i)))) {
            p->figures.same++;
            continue;
        }
        TRY(p->table->put(c, row_at(p, i), now));
        if (str_is_null(hash))
            p->figures.added++;
        else
            p->figures.changed++;
    }
    bool wrote = p->figures.added + p->figures.changed > 0;
    return wrote && p->table->after ? p->table->after(c, uids) : NULL;
}

Err *open_data_put(Ctx *c, const OpenDataTable *table, const void *rows, ptrdiff_t row_size,
                   ptrdiff_t count, OpenDataFigures *figures) {
    assert(count > 0);
    Put p = {table, rows, row_size, count, {0}};
    TRY(db_transaction(c, rows_put, &p));
    *figures = p.figures;
    return NULL;
}

Str open_data_hash(Arena *arena, Str bytes, int version) {
    unsigned char hash[16];
    unsigned char key[crypto_generichash_KEYBYTES_MIN] = {(unsigned char)version,
                                                          (unsigned char)(version >> 8)};
    crypto_generichash(hash, sizeof hash, (const unsigned char *)bytes.data,
                       (unsigned long long)bytes.len, key, sizeof key);
    return str_hex(arena, hash, sizeof hash);
}
