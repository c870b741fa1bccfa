/* SPDX-License-Identifier: Apache-2.0
 * See kept.h. */
#include "ai/kept.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "ai/kept_sql.h"
#include "ai/settings.h"
#include "core/map.h"
#include "core/rand.h"
#include "core/time.h"
#include "data/cache.h"
#include "data/db.h"

enum { HOLDER_BYTES = 12, SURELY_MS = 10000, USED_AGAIN_HOURS = 12, MEMORY_HOURS = 1 };

typedef struct KeptRow {
    Str key, state, value;
    Time used_at;
} KeptRow;
static const Field kept_fields[] = {FIELD(KeptRow, key), FIELD(KeptRow, state),
                                    FIELD(KeptRow, value), FIELD(KeptRow, used_at)};
static const Record kept_row = RECORD(KeptRow, kept_fields);

/* -- Keys ---------------------------------------------------------------------------------------- */

KeptKey kept_key_new(Arena *arena, AiKind kind, Str provider, Str model) {
    KeptKey k = {buf_new(arena, 1024)};
    kept_key_add(&k, str_c(ai_kind_name(kind)));
    kept_key_add(&k, provider);
    kept_key_add(&k, model);
    return k;
}

void kept_key_add(KeptKey *k, Str part) {
    buf_f(&k->buf, "%td:", str_is_null(part) ? (ptrdiff_t)-1 : part.len);
    buf_add(&k->buf, part);
}

void kept_key_add_i64(KeptKey *k, int64_t part) { buf_f(&k->buf, "i%lld:", (long long)part); }

Str kept_key_end(KeptKey *k) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    Str all = buf_str(&k->buf);
    if (EVP_Digest(all.data, (size_t)all.len, digest, &length, EVP_sha256(), NULL) != 1) abort();
    return str_hex(k->buf.arena, digest, (ptrdiff_t)length);
}

/* -- The holder renews its claim ----------------------------------------------------------------- */

/* Of a claim and of the coroutine that renews it, on one loop; the last one frees it. */
typedef struct Renewal {
    Coro *coro;
    bool ended, told;
    char key[2 * EVP_MAX_MD_SIZE + 1], holder[64];
} Renewal;

static Time lease_end(void) { return time_add(time_now(), policy_tuning.lease_ms * US_PER_MS); }

static void renewal_run(Ctx *c, void *arg) {
    Renewal *r = arg;
    while (!r->told) {
        Err *err = sleep_ms(c, policy_tuning.lease_ms / 3);
        if (err || r->told) break;
        CtxMark mark = ctx_mark(c);
        /* Away for a moment: the next one may be in time. */
        err = db_exec(c, SQL(SQL_KEPT_RENEW),
                      ARGS(V(str_c(r->key)), V(str_c(r->holder)), V(lease_end())), NULL);
        ctx_release(c, mark);
    }
    r->ended = true;
    if (r->told) free(r);
}

static Renewal *renewal_start(Ctx *c, Str key, Str holder) {
    Renewal *r = calloc(1, sizeof *r);
    if (!r) abort();
    assert(key.len < COUNT(r->key) && holder.len < COUNT(r->holder));
    memcpy(r->key, key.data, (size_t)key.len);
    memcpy(r->holder, holder.data, (size_t)holder.len);
    r->coro = coro_spawn((CoroOptions){.name = "ai kept", .app = c->app, .service = true},
                         renewal_run, r);
    return r;
}

/* Deferred too: over its memory's budget the holder jumps. */
static void renewal_end(void *arg) {
    Renewal **place = arg, *r = *place;
    *place = NULL;
    if (!r) return;
    r->told = true;
    if (r->ended)
        free(r);
    else
        coro_cancel(r->coro);
}

/* -- Claiming, asking, storing ------------------------------------------------------------------- */

typedef struct Leading {
    const KeptCall *call;
    Str holder;
    Str value;
    AiUsage usage;
    bool made, keep;
    Err *err; /* of make, as it was */
} Leading;

/* The person it is asked for; none: an organisation, or the system itself. */
static Id person_asking(const Ctx *c, const KeptCall *call) {
    static const Str prefix = S_INIT("user:");
    Str owner = call->payer.owner;
    Id user = {0};
    if (str_starts(owner, prefix) &&
        str_to_i64(str_slice(owner, prefix.len, owner.len), &user.value))
        return user;
    bool alone = owner.len == 0 && id_is_none(c->account.organisation);
    return alone ? c->account.user : (Id){0};
}

static Err *store_in(Ctx *c, void *arg) {
    const Leading *l = arg;
    Value key = V(l->call->key), holder = V(l->holder);
    Id person = person_asking(c, l->call);
    ptrdiff_t there = 1;
    if (l->keep && !id_is_none(person))
        TRY(db_exec(c, SQL(SQL_KEPT_OF), ARGS(key, V(person)), &there));
    if (l->keep && there) /* not for an account that was erased meanwhile */
        TRY(db_exec(c, SQL(SQL_KEPT_STORE), ARGS(key, holder, value_blob(l->value), V(time_now())),
                    NULL));
    else
        TRY(db_exec(c, SQL(SQL_KEPT_LEAVE), ARGS(key, holder), NULL));
    return l->err ? NULL : payer_charge(c, l->call->payer, &l->usage);
}

/* Though c be late or cancelled: what was paid for is not to be lost, and nobody to wait for us. */
static Err *surely(Ctx *c, Err *(*fn)(Ctx *c, void *arg), void *arg) {
    int64_t former = c->deadline_us;
    coro_shield(c);
    c->deadline_us = mono_us() + SURELY_MS * US_PER_MS;
    Err *err = db_transaction(c, fn, arg);
    c->deadline_us = former;
    coro_unshield(c);
    return err;
}

static Err *make_and_store(Ctx *c, Leading *l) {
    Renewal **renewal = arena_new_of(c->arena, Renewal *);
    *renewal = renewal_start(c, l->call->key, l->holder);
    defer(c, renewal_end, renewal);
    l->made = true;
    l->err = l->call->make(c, l->call->arg, &l->value, &l->keep, &l->usage);
    l->keep = l->keep && !l->err;
    renewal_end(renewal);
    Err *stored = surely(c, store_in, l);
    if (!l->err) return stored;
    return l->err;
}

typedef enum Claimed { CLAIM_MINE, CLAIM_BUSY, CLAIM_KEPT } Claimed;

static Err *used_again(Ctx *c, const KeptRow *row) {
    Time now = time_now();
    if (row->used_at.us > now.us - USED_AGAIN_HOURS * US_PER_HOUR) return NULL;
    return db_exec(c, SQL(SQL_KEPT_USE), ARGS(V(row->key), V(now)), NULL);
}

static Err *claim(Ctx *c, Leading *l, Claimed *out) {
    Value key = V(l->call->key);
    KeptRow row = {0};
    bool found;
    TRY(db_maybe(c, SQL(SQL_KEPT_READ), ARGS(key), &kept_row, &row, &found));
    *out = CLAIM_KEPT;
    if (found && str_eq(row.state, S("kept"))) {
        l->value = row.value;
        return used_again(c, &row);
    }
    ptrdiff_t changed = 0;
    coro_shield(c); /* a claim of which nobody knows would stand until its lease is over */
    Err *err = db_exec(c, SQL(SQL_KEPT_CLAIM),
                       ARGS(key, V(str_c(ai_kind_name(l->call->kind))), V(l->holder),
                            V(lease_end()), V(time_now())),
                       &changed);
    coro_unshield(c);
    *out = changed ? CLAIM_MINE : CLAIM_BUSY;
    return err;
}

/* Until it is kept, or we made it. */
static Err *lead(Ctx *c, void *arg, Str *value) {
    enum { POLL_MOST = 16 };
    Leading *l = arg;
    l->holder = rand_token(c->arena, S(""), HOLDER_BYTES);
    for (int64_t turns = 1;; turns = min_i64(turns * 2, POLL_MOST)) {
        Claimed claimed;
        TRY(claim(c, l, &claimed));
        if (claimed == CLAIM_MINE) TRY(make_and_store(c, l));
        *value = l->value;
        if (claimed != CLAIM_BUSY) return NULL;
        int64_t pause = policy_tuning.poll_ms * turns;
        TRY(sleep_ms(c, pause / 2 + rand_below(rand_thread(), pause / 2 + 1)));
    }
}

/* What ends one caller's wish (his client went away while he was told) ends nobody else's: to the
 * cache it looks as if he had been cancelled, and another of those who wait asks. */
static Err *lead_for_cache(Ctx *c, void *arg, Str *value) {
    Leading *l = arg;
    Err *err = lead(c, l, value);
    bool own = err && l->made && err->kind != ERR_UPSTREAM && err->kind != ERR_RATE_LIMITED &&
               err->kind != ERR_UNAVAILABLE && err->kind != ERR_INVALID &&
               err->kind != ERR_PAYMENT_REQUIRED && err->kind != ERR_NOT_CONFIGURED;
    if (!err) return NULL;
    l->err = err;
    return own ? err_wrap(c, ERR_CANCELLED, __func__, err, "Left to another caller") : err;
}

static Err *make_alone(Ctx *c, const KeptCall *call, Str *value) {
    AiUsage usage = {0};
    bool keep;
    TRY(call->make(c, call->arg, value, &keep, &usage));
    return payer_charge_surely(c, call->payer, &usage);
}

Err *kept_call(Ctx *c, const KeptCall *call, Str *value, bool *made) {
    assert(call->make && call->key.len > 0);
    assert(!c->tx);
    *made = true;
    if (ai_settings.keep_days <= 0) return make_alone(c, call, value);
    Leading *l = arena_new_of(c->arena, Leading);
    *l = (Leading){.call = call};
    Str key = str_concat(c->arena, S("ai:"), call->key);
    int64_t ttl_ms = call->large ? 0 : MEMORY_HOURS * US_PER_HOUR / US_PER_MS;
    Err *err = cache_fill(c, app_cache(c), key, ttl_ms, 0, lead_for_cache, l, value);
    *made = l->made;
    if (err) return l->err ? l->err : err;
    if (l->made && !l->keep) return cache_remove(c, app_cache(c), key);
    return NULL;
}

/* -- Many ---------------------------------------------------------------------------------------- */

enum { MANY = 100 };

static Str keys_json(Arena *arena, const Str *keys, ptrdiff_t count) {
    Buf b = buf_new(arena, count * 70 + 2);
    JsonOut o = json_out(&b);
    json_begin(&o, '[');
    for (ptrdiff_t i = 0; i < count; i++) json_put_str(&o, keys[i]);
    json_end(&o, ']');
    return buf_str(&b);
}

static Err *read_some(Ctx *c, const Str *keys, ptrdiff_t count, Str *values) {
    JsonText list = {keys_json(c->arena, keys, count)};
    Rows rows;
    TRY(db_query(c, SQL2(SQL_KEPT_READ_MANY_SQLITE, SQL_KEPT_READ_MANY_POSTGRES), ARGS(V(list)),
                 &kept_row, &rows));
    Map at = {.arena = c->arena};
    Time now = time_now();
    bool stale = false;
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        KeptRow *row = (KeptRow *)rows.items + i;
        map_set(&at, row->key, row);
        stale = stale || row->used_at.us < now.us - USED_AGAIN_HOURS * US_PER_HOUR;
    }
    for (ptrdiff_t i = 0; i < count; i++) {
        const KeptRow *row = map_get(&at, keys[i]);
        if (row) values[i] = row->value;
    }
    if (!stale) return NULL;
    return db_exec(c, SQL2(SQL_KEPT_USE_MANY_SQLITE, SQL_KEPT_USE_MANY_POSTGRES),
                   ARGS(V(list), V(now)), NULL);
}

Err *kept_read_many(Ctx *c, const Str *keys, ptrdiff_t count, Str *values) {
    for (ptrdiff_t i = 0; i < count; i++) values[i] = (Str){0};
    if (ai_settings.keep_days <= 0) return NULL;
    for (ptrdiff_t i = 0; i < count; i += MANY)
        TRY(read_some(c, keys + i, min_size(MANY, count - i), values + i));
    return NULL;
}

typedef struct Storing {
    Args *rows;
    ptrdiff_t count;
    AiPayer payer;
    const AiUsage *usage;
} Storing;

static Err *store_many_in(Ctx *c, void *arg) {
    const Storing *s = arg;
    if (s->count) TRY(db_exec_many(c, SQL(SQL_KEPT_PUT), s->rows, s->count));
    return payer_charge(c, s->payer, s->usage);
}

Err *kept_store_many(Ctx *c, AiKind kind, const Str *keys, const Str *values, ptrdiff_t count,
                     AiPayer payer, const AiUsage *usage) {
    enum { COLUMNS = 4 };
    Value *cells = arena_array(c->arena, Value, count * COLUMNS + 1);
    Storing s = {arena_array(c->arena, Args, count + 1), 0, payer, usage};
    Time now = time_now();
    for (ptrdiff_t i = 0; i < count && ai_settings.keep_days > 0; i++) {
        if (str_is_null(values[i])) continue;
        Value *row = cells + s.count * COLUMNS;
        row[0] = V(keys[i]);
        row[1] = V(str_c(ai_kind_name(kind)));
        row[2] = value_blob(values[i]);
        row[3] = V(now);
        s.rows[s.count++] = (Args){row, COLUMNS};
    }
    if (s.count == 0 && str_is_empty(payer.owner)) return NULL;
    return surely(c, store_many_in, &s);
}

/* -- Forgetting ---------------------------------------------------------------------------------- */

static void memory_forget(Ctx *c, void *arg) {
    (void)arg;
    /* All of it: the table has what others asked. */
    Err *err = cache_remove_prefix(c, app_cache(c), S("ai:"));
    (void)err; /* of Redis: told again when it is back; see cache.h */
}

Err *kept_forget(Ctx *c, Id user) {
    assert(!id_is_none(user));
    TRY(db_exec(c, SQL(SQL_KEPT_FORGET), ARGS(V(user)), NULL));
    db_after_commit(c, memory_forget, NULL);
    return NULL;
}

/* -- Purging ------------------------------------------------------------------------------------- */

typedef struct Totals {
    int64_t rows, bytes;
} Totals;
static const Field totals_fields[] = {FIELD(Totals, rows), FIELD(Totals, bytes)};
static const Record totals_row = RECORD(Totals, totals_fields);

enum { PURGE_BATCH = 1000 };

static Err *purge_old(Ctx *c, int64_t *count) {
    Time now = time_now(), before = time_add(now, -ai_settings.keep_days * US_PER_DAY);
    Time dead = time_add(now, -US_PER_HOUR);
    for (ptrdiff_t gone = PURGE_BATCH; gone == PURGE_BATCH; *count += gone)
        TRY(db_exec(c, SQL(SQL_KEPT_PURGE_OLD), ARGS(V(before), V((int64_t)PURGE_BATCH), V(dead)),
                    &gone));
    return NULL;
}

/* How many of the rows are to go, taking their bytes as equal: the next look corrects it. */
static int64_t beyond(const Totals *t) {
    int64_t rows = max_i64(t->rows - ai_settings.kept_rows, 0);
    int64_t bytes = t->bytes - ai_settings.kept_bytes;
    if (bytes <= 0 || t->rows == 0) return rows;
    int64_t each = max_i64(t->bytes / t->rows, 1);
    return max_i64(rows, bytes / each + 1);
}

Err *kept_purge(Ctx *c, int64_t *count) {
    enum { LOOKS = 10 };
    *count = 0;
    TRY(purge_old(c, count));
    for (int i = 0; i < LOOKS; i++) {
        Totals totals;
        Rows rows;
        TRY(db_scan(c, SQL(SQL_KEPT_TOTALS), NO_ARGS, &totals_row, &rows));
        totals = *(const Totals *)rows.items;
        int64_t left = beyond(&totals);
        if (left == 0) return NULL;
        while (left > 0) {
            ptrdiff_t gone;
            int64_t some = min_i64(left, PURGE_BATCH);
            TRY(db_exec(c, SQL(SQL_KEPT_PURGE_SOME), ARGS(V(some)), &gone));
            *count += gone;
            left = gone == 0 ? 0 : left - gone;
        }
    }
    return NULL;
}
