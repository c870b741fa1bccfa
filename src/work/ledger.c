/* SPDX-License-Identifier: Apache-2.0
 * Every change locks its account row (owner, unit) first, so that what follows is alone with the
 * account's lines, reservations and balances.
 *
 * A balance is the sum over one window; quotas of different periods on the same account have
 * different rows. Whatever changes lines or reservations at a time `at` changes all balances whose
 * window holds it; a window asked for the first time is summed up from the lines. */
#include "work/ledger.h"

#include "core/time.h"
#include "work/room.h"

enum { TEXT_MAX = 300, HOLD_MS = 15 * 60 * 1000, FORGET_DAYS = 90 };
static const int64_t amount_max = (int64_t)1 << 52;

typedef struct Reservation {
    Id id;
    Str owner, unit, key, state;
    int64_t amount, used;
    Time at, expires_at;
} Reservation;
static const Field reservation_fields[] = {
    FIELD(Reservation, id),   FIELD(Reservation, owner), FIELD(Reservation, unit),
    FIELD(Reservation, key),  FIELD(Reservation, state), FIELD(Reservation, amount),
    FIELD(Reservation, used), FIELD(Reservation, at),    FIELD(Reservation, expires_at),
};
static const Record reservation_record = RECORD(Reservation, reservation_fields);
#define RESERVATION_COLUMNS "id, owner, unit, key, state, amount, used, at, expires_at"

typedef struct Balance {
    int64_t used, reserved;
} Balance;
static const Field balance_fields[] = {FIELD(Balance, used), FIELD(Balance, reserved)};
static const Record balance_record = RECORD(Balance, balance_fields);

typedef struct Window {
    Time starts, ends;
} Window;

/* -- windows ---------------------------------------------------------------------------------- */

/* months: since the year 0. */
static Time month_begins(const Zone *zone, int64_t months) {
    Time local = time_from_civil(
        (Civil){.year = (int)(months / 12), .month = (int)(months % 12) + 1, .day = 1});
    return zone ? zone_first_instant(zone, local) : local;
}

/* A month begins at the first instant at which local clocks show its first day: every instant is in
 * one month, whatever the clocks are changed to. */
static Window month_of(const Zone *zone, Time at) {
    Time local = zone ? time_add(at, zone_offset_s(zone, at) * US_PER_SECOND) : at;
    Civil day = time_civil(local);
    int64_t months = (int64_t)day.year * 12 + day.month - 1;
    /* Set back over midnight, clocks show the month before once more. */
    if (month_begins(zone, months + 1).us <= at.us) months++;
    Window w = {month_begins(zone, months), month_begins(zone, months + 1)};
    assert(w.starts.us <= at.us && at.us < w.ends.us);
    return w;
}

static Window window_of(const Quota *q, Time at) {
    if (q->rolling) return (Window){time_add(at, 1 - q->period_ms * US_PER_MS), time_add(at, 1)};
    if (q->period_ms == 0) {
        return (Window){{0}, time_from_civil((Civil){.year = 9999, .month = 12, .day = 31})};
    }
    if (q->period_ms < 0) return month_of(q->zone, at);
    int64_t period = q->period_ms * US_PER_MS;
    int64_t starts = (at.us / period - (at.us % period < 0)) * period;
    return (Window){{starts}, {starts + period}};
}

static const char line_sum_sql[] =
    "SELECT CAST(coalesce(sum(amount), 0) AS bigint) FROM ledger_lines "
    "WHERE owner = $1 AND unit = $2 AND at >= $3 AND at < $4";
static const char held_sum_sql[] =
    "SELECT CAST(coalesce(sum(amount), 0) AS bigint) FROM ledger_reservations "
    "WHERE owner = $1 AND unit = $2 AND state = 'held' AND expires_at > $5 AND at >= $3 AND at < "
    "$4";

static Err *window_sum(Ctx *c, Str owner, Str unit, Window w, Balance *out) {
    TRY(db_int(c, SQL(line_sum_sql), ARGS(V(owner), V(unit), V(w.starts), V(w.ends)), &out->used));
    return db_int(c, SQL(held_sum_sql),
                  ARGS(V(owner), V(unit), V(w.starts), V(w.ends), V(time_now())), &out->reserved);
}

/* What reserving has to know, in one. */
typedef struct Outlook {
    int64_t stale;  /* reservations that have expired and still count */
    bool summed;    /* the balance is there */
    int64_t used, reserved;
    Id id;          /* of the reservation under this key; none: 0 */
    Str state;
    int64_t amount;
} Outlook;
static const Field outlook_fields[] = {
    FIELD(Outlook, stale),    FIELD(Outlook, summed), FIELD(Outlook, used),
    FIELD(Outlook, reserved), FIELD(Outlook, id),     FIELD(Outlook, state),
    FIELD(Outlook, amount),
};
static const Record outlook_record = RECORD(Outlook, outlook_fields);
static const char outlook_sql[] =
    "SELECT (SELECT count(*) FROM ledger_reservations WHERE owner = $1 AND unit = $2 "
    "AND state = 'held' AND expires_at <= $4) AS stale, b.owner IS NOT NULL AS summed, b.used, "
    "b.reserved, r.id, r.state, r.amount FROM (SELECT 1 AS one) AS o "
    "LEFT JOIN ledger_balances b ON b.owner = $1 AND b.unit = $2 AND b.starts = $5 AND b.ends = $6 "
    "LEFT JOIN ledger_reservations r ON r.owner = $1 AND r.unit = $2 AND r.key = $3";

static const char balance_sql[] = "SELECT used, reserved FROM ledger_balances "
                                  "WHERE owner = $1 AND unit = $2 AND starts = $3 AND ends = $4";
static const char balance_add_sql[] = "INSERT INTO ledger_balances (owner, unit, starts, ends, "
                                      "used, reserved) VALUES ($1, $2, $3, $4, $5, $6)";

/* With the account locked and what has expired expired. */
static Err *balance_now(Ctx *c, const Quota *q, Time at, const Outlook *seen, Balance *out) {
    Window w = window_of(q, at);
    *out = (Balance){seen->used, seen->reserved};
    if (seen->summed) return NULL;
    TRY(window_sum(c, q->owner, q->unit, w, out));
    if (q->rolling) return NULL;
    return db_exec_later(c, SQL(balance_add_sql),
                         ARGS(V(q->owner), V(q->unit), V(w.starts), V(w.ends), V(out->used),
                              V(out->reserved)));
}

static const char balance_change_sql[] =
    "UPDATE ledger_balances SET used = used + $4, reserved = reserved + $5 "
    "WHERE owner = $1 AND unit = $2 AND starts <= $3 AND ends > $3";

static Err *balances_change(Ctx *c, Str owner, Str unit, Time at, int64_t used, int64_t reserved) {
    return db_exec_later(c, SQL(balance_change_sql),
                         ARGS(V(owner), V(unit), V(at), V(used), V(reserved)));
}

/* -- the account ------------------------------------------------------------------------------ */

/* An update of nothing: its row lock lasts to the commit. SQLite's writer is alone anyway. */
static const char lock_sql[] = "INSERT INTO ledger_accounts (owner, unit) VALUES ($1, $2) "
                               "ON CONFLICT (owner, unit) DO UPDATE SET unit = excluded.unit";
static const char lock_of_sql[] =
    "INSERT INTO ledger_accounts (owner, unit) SELECT owner, unit FROM ledger_reservations "
    "WHERE id = $1 ON CONFLICT (owner, unit) DO UPDATE SET unit = excluded.unit";
static const char expire_sql[] =
    "UPDATE ledger_reservations SET state = 'expired' WHERE owner = $1 AND unit = $2 "
    "AND state = 'held' AND expires_at <= $3 RETURNING " RESERVATION_COLUMNS;

static Err *account_expire(Ctx *c, Str owner, Str unit, Time now) {
    Rows rows;
    TRY(db_query(c, SQL(expire_sql), ARGS(V(owner), V(unit), V(now)), &reservation_record, &rows));
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        const Reservation *r = (const Reservation *)rows.items + i;
        TRY(balances_change(c, owner, unit, r->at, 0, -r->amount));
    }
    return NULL;
}

/* The statement behind it sees all that was done under the lock before. wait: whatever the clock says
 * from here on is later than that, too, as the end of a rolling window must be. */
static Err *account_lock(Ctx *c, Str owner, Str unit, bool wait) {
    Args args = ARGS(V(owner), V(unit));
    if (db_engine(c) == ENGINE_SQLITE) return NULL;
    return wait ? db_exec(c, SQL(lock_sql), args, NULL) : db_exec_later(c, SQL(lock_sql), args);
}

static Err *texts_check(Ctx *c, Str owner, Str unit, Str key) {
    const Str texts[] = {owner, unit, key};
    for (int i = 0; i < COUNT(texts); i++) {
        if (texts[i].len == 0 || texts[i].len > TEXT_MAX)
            FAIL(c, INVALID, "A ledger's owner, unit and key have 1 to %d bytes each.", TEXT_MAX);
    }
    return NULL;
}

static Err *amount_check(Ctx *c, int64_t amount, int64_t least) {
    if (amount < least || amount > amount_max) {
        FAIL(c, INVALID, "An amount must be between %lld and %lld.", (long long)least,
             (long long)amount_max);
    }
    return NULL;
}

/* What is refused has written nothing but what has expired: there is nothing to undo alone, and a
 * savepoint costs PostgreSQL a way there and back. */
static Err *joined(Ctx *c, Err *(*fn)(Ctx *c, void *arg), void *arg) {
    return c->tx ? fn(c, arg) : db_transaction(c, fn, arg);
}

/* -- reserve ---------------------------------------------------------------------------------- */

static const char hold_sql[] =
    "INSERT INTO ledger_reservations (owner, unit, key, amount, state, at, expires_at) "
    "VALUES ($1, $2, $3, $4, 'held', $5, $6) ON CONFLICT (owner, unit, key) DO UPDATE SET "
    "amount = excluded.amount, state = 'held', at = excluded.at, expires_at = excluded.expires_at "
    "RETURNING id";
static const char prolong_sql[] =
    "UPDATE ledger_reservations SET expires_at = $2 WHERE id = $1 AND expires_at < $2";

typedef struct Reserving {
    Quota quota;
    Str key;
    int64_t amount, hold_ms;
    Id id;
} Reserving;

static const char oldest_sql[] =
    "SELECT min(at) FROM (SELECT at FROM ledger_lines WHERE owner = $1 AND unit = $2 AND at >= $3 "
    "UNION ALL SELECT at FROM ledger_reservations WHERE owner = $1 AND unit = $2 AND state = 'held' "
    "AND at >= $3) o";

/* Of a rolling window: when the oldest use falls out of it. */
static Err *oldest_leaves(Ctx *c, const Quota *q, Time at, int64_t *seconds) {
    int64_t oldest;
    TRY(db_int(c, SQL(oldest_sql), ARGS(V(q->owner), V(q->unit), V(window_of(q, at).starts)),
               &oldest));
    if (oldest > 0) *seconds = (oldest + q->period_ms * US_PER_MS - at.us) / US_PER_SECOND + 1;
    return NULL;
}

static Err *quota_refuse(Ctx *c, const Reserving *r, Balance now, Time at) {
    Err *err =
        err_new(c, ERR_PAYMENT_REQUIRED, __func__,
                "The quota of %.*s is used up: %lld of %lld used, %lld reserved, %lld asked for.",
                S_ARG(r->quota.unit), (long long)now.used, (long long)r->quota.limit,
                (long long)now.reserved, (long long)r->amount);
    bool ends = !r->quota.rolling && r->quota.period_ms != 0 && r->amount <= r->quota.limit;
    if (r->quota.rolling && r->amount <= r->quota.limit)
        TRY(oldest_leaves(c, &r->quota, at, &err->retry_after_s));
    if (ends) err->retry_after_s = (window_of(&r->quota, at).ends.us - at.us) / US_PER_SECOND + 1;
    return err;
}

/* Window, expiry and key as of *now. */
static Err *account_look(Ctx *c, const Reserving *r, Time *now, Outlook *out) {
    *now = time_now();
    *out = (Outlook){0};
    Window w = window_of(&r->quota, *now);
    return db_one(c, SQL(outlook_sql),
                  ARGS(V(r->quota.owner), V(r->quota.unit), V(r->key), V(*now), V(w.starts),
                       V(w.ends)),
                  &outlook_record, out);
}

static Err *reserve_in(Ctx *c, void *arg) {
    Reserving *r = arg;
    const Quota *q = &r->quota;
    Time now;
    Outlook former;
    TRY(account_lock(c, q->owner, q->unit, q->rolling));
    TRY(account_look(c, r, &now, &former));
    if (former.stale) {
        TRY(account_expire(c, q->owner, q->unit, now));
        TRY(account_look(c, r, &now, &former));
    }
    Time until = time_add(now, r->hold_ms * US_PER_MS);
    bool held = str_eq(former.state, S("held"));
    if (held || str_eq(former.state, S("settled"))) {
        if (held && former.amount != r->amount)
            FAIL(c, CONFLICT, "This key holds %lld, not %lld.", (long long)former.amount,
                 (long long)r->amount);
        r->id = former.id;
        return db_exec_later(c, SQL(prolong_sql), ARGS(V(former.id), V(until)));
    }
    Balance balance;
    TRY(balance_now(c, q, now, &former, &balance));
    if (q->limit >= 0 && balance.used + balance.reserved + r->amount > q->limit)
        return quota_refuse(c, r, balance, now);
    TRY(db_int(c, SQL(hold_sql),
               ARGS(V(q->owner), V(q->unit), V(r->key), V(r->amount), V(now), V(until)),
               &r->id.value));
    return balances_change(c, q->owner, q->unit, now, 0, r->amount);
}

Err *ledger_reserve(Ctx *c, Quota quota, Str key, int64_t amount, int64_t hold_ms,
                    Id *reservation) {
    assert(reservation);
    assert(quota.limit >= -1 && quota.period_ms >= -1 && hold_ms >= 0);
    assert(!quota.rolling || quota.period_ms > 0);
    TRY(texts_check(c, quota.owner, quota.unit, key));
    TRY(amount_check(c, amount, 0));
    Reserving r = {quota, key, amount, hold_ms ? hold_ms : HOLD_MS, {0}};
    TRY(joined(c, reserve_in, &r));
    *reservation = r.id;
    return NULL;
}

/* -- settle, release, record ------------------------------------------------------------------ */

static const char by_id_sql[] =
    "SELECT " RESERVATION_COLUMNS " FROM ledger_reservations WHERE id = $1";
static const char end_sql[] = "UPDATE ledger_reservations SET state = $2, used = $3 WHERE id = $1";
static const char line_sql[] =
    "INSERT INTO ledger_lines (owner, unit, key, amount, reservation_id, at, created_at) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (owner, unit, key) DO NOTHING";

typedef struct Ending {
    Id id;
    int64_t used; /* -1: released */
} Ending;

/* What was held goes from the balances together with what is added to them. */
static Err *line_add(Ctx *c, const Reservation *r, int64_t amount, int64_t held) {
    ptrdiff_t changed;
    TRY(db_exec(
        c, SQL(line_sql),
        ARGS(V(r->owner), V(r->unit), V(r->key), V(amount), V(r->id), V(r->at), V(time_now())),
        &changed));
    if (!changed) amount = 0;
    if (!amount && !held) return NULL;
    return balances_change(c, r->owner, r->unit, r->at, amount, -held);
}

/* Nobody changes it any more. That its account's others may have expired is for the next who reserves. */
static Err *reservation_open(Ctx *c, Id id, Reservation *out) {
    bool found;
    if (db_engine(c) == ENGINE_POSTGRES)
        TRY(db_exec_later(c, SQL(lock_of_sql), ARGS(V(id.value))));
    TRY(db_maybe(c, SQL(by_id_sql), ARGS(V(id.value)), &reservation_record, out, &found));
    if (!found) FAIL(c, NOT_FOUND, "There is no reservation %lld.", (long long)id.value);
    return NULL;
}

static Err *settle_in(Ctx *c, void *arg) {
    const Ending *e = arg;
    Reservation r;
    TRY(reservation_open(c, e->id, &r));
    if (str_eq(r.state, S("settled"))) {
        if (r.used == e->used) return NULL;
        FAIL(c, CONFLICT, "The reservation was settled with %lld already.", (long long)r.used);
    }
    if (str_eq(r.state, S("released"))) FAIL(c, CONFLICT, "The reservation was released.");
    TRY(db_exec_later(c, SQL(end_sql), ARGS(V(r.id), V(S("settled")), V(e->used))));
    return line_add(c, &r, e->used, str_eq(r.state, S("held")) ? r.amount : 0);
}

Err *ledger_settle(Ctx *c, Id reservation, int64_t used) {
    TRY(amount_check(c, used, 0));
    Ending e = {reservation, used};
    return joined(c, settle_in, &e);
}

static Err *release_in(Ctx *c, void *arg) {
    const Ending *e = arg;
    Reservation r;
    TRY(reservation_open(c, e->id, &r));
    if (str_eq(r.state, S("settled"))) FAIL(c, CONFLICT, "The reservation was settled.");
    if (str_eq(r.state, S("held"))) TRY(balances_change(c, r.owner, r.unit, r.at, 0, -r.amount));
    return db_exec_later(c, SQL(end_sql), ARGS(V(r.id), V(S("released")), V(value_null())));
}

Err *ledger_release(Ctx *c, Id reservation) {
    Ending e = {reservation, -1};
    return joined(c, release_in, &e);
}

typedef struct Recording {
    Reservation line;
} Recording;

static Err *record_in(Ctx *c, void *arg) {
    Recording *r = arg;
    TRY(account_lock(c, r->line.owner, r->line.unit, false));
    r->line.at = time_now();
    return line_add(c, &r->line, r->line.amount, 0);
}

Err *ledger_record(Ctx *c, Str owner, Str unit, Str key, int64_t amount) {
    TRY(texts_check(c, owner, unit, key));
    TRY(amount_check(c, amount, -amount_max));
    Recording r = {{.owner = owner, .unit = unit, .key = key, .amount = amount}};
    return joined(c, record_in, &r);
}

/* -- asking ----------------------------------------------------------------------------------- */

void ledger_window(Quota quota, Time at, Time *starts, Time *ends) {
    Window w = window_of(&quota, at);
    *starts = w.starts;
    *ends = w.ends;
}

Err *ledger_used(Ctx *c, Quota q, Time at, int64_t *used, int64_t *reserved) {
    assert(used);
    TRY(texts_check(c, q.owner, q.unit, S("-")));
    Window w = window_of(&q, at);
    Value owner = V(q.owner), unit = V(q.unit), starts = V(w.starts), ends = V(w.ends);
    Balance balance = {0};
    bool found = false;
    if (!q.rolling) {
        TRY(db_maybe(c, SQL(balance_sql), ARGS(owner, unit, starts, ends), &balance_record,
                     &balance, &found));
    }
    if (!found) TRY(db_int(c, SQL(line_sum_sql), ARGS(owner, unit, starts, ends), &balance.used));
    *used = balance.used;
    if (!reserved) return NULL;
    /* Not from the balance, which still holds what has expired since. */
    return db_int(c, SQL(held_sum_sql), ARGS(owner, unit, starts, ends, V(time_now())), reserved);
}

static const char purge_sql[] =
    "DELETE FROM ledger_reservations WHERE id IN "
    "(SELECT id FROM ledger_reservations WHERE state <> 'held' AND at < $1 ORDER BY at LIMIT $2)";

Err *ledger_purge(Ctx *c, ptrdiff_t *count) {
    Time before = time_add(time_now(), -FORGET_DAYS * US_PER_DAY);
    return db_exec(c, SQL(purge_sql), ARGS(V(before), V((int64_t)HOUSEKEEPING_BATCH)), count);
}
