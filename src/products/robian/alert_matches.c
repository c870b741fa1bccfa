/* SPDX-License-Identifier: Apache-2.0
 * New transcripts against alerts.
 *
 * One coroutine a process goes through transcripts behind a mark, in order of their change numbers,
 * and asks the alerts (kept in memory; read again when their version has moved) of each one's
 * speeches. What they find is stored in one transaction with the counts, the events or jobs that
 * tell it, and the mark. A match has a unique key (alert, debate), so going over the same
 * transcript again, corrected, after a crash or in a second process, tells nothing twice. The mark
 * is moved only with matches and now and then: without alerts nothing is read or written. */
#include <stdlib.h>

#include "core/log.h"
#include "products/robian/alerts.h"
#include "products/robian/alerts_sql.h"
#include "products/robian/debate.h"
#include "products/robian/robian.h"
#include "rt/offload.h"
#include "work/events.h"

enum {
    TRANSCRIPTS_STEP = 100,
    SPEECHES_STEP = 2000,
    MARK_EVERY_MS = 10000
};

/* An alert as the follower keeps it, on the heap. */
typedef struct Watch {
    int64_t n, since;
} Watch;

typedef struct Follower {
    Coro *coro;
    SearchSaved *set;
    int64_t version; /* of the set; -1: to be read */
    Watch *watches;  /* of the set, ascending by n */
    int64_t count;
    int64_t done; /* transcripts up to this change number were asked; -1: to be read */
    int64_t marked_us;
} Follower;
static Follower follower;

/* -- The set ----------------------------------------------------------------------------------- */

static Watch *watch_find(const Follower *f, int64_t n) {
    int64_t low = 0, high = f->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (f->watches[middle].n < n)
            low = middle + 1;
        else
            high = middle;
    }
    return low < f->count && f->watches[low].n == n ? &f->watches[low] : NULL;
}

static void set_free(Follower *f) {
    search_saved_free(f->set);
    free(f->watches);
    f->set = NULL;
    f->watches = NULL;
    f->count = 0;
    f->version = -1;
}

static Err *set_add(Ctx *c, SearchSaved *set, const Alert *a) {
    Str filter;
    TRY(alert_filter(c, a->filters, &filter));
    return search_saved_put(c, set, a->n, a->q, (Str){0}, filter);
}

/* What is new in the set watches from its `since` on, though others are further. */
static Err *set_read(Ctx *c, Follower *f) {
    int64_t version;
    Rows rows;
    TRY(db_int(c, SQL(SQL_ALERTS_VERSION), NO_ARGS, &version));
    if (version == f->version) return NULL;
    TRY(db_query(c, SQL(SQL_ALERTS_ENABLED), NO_ARGS, &alert_row_record, &rows));
    Follower next = {.set = search_saved_new(&debates_index)};
    next.watches = calloc((size_t)rows.count + 1, sizeof *next.watches);
    if (!next.watches) abort();
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        const Alert *a = (const Alert *)rows.items + i;
        Err *err = set_add(c, next.set, a);
        if (err) { /* was good when it was made: fields of the index have changed since */
            log_msg(c, LOG_WARN, "alert %.*s is no longer understood: %.*s", S_ARG(a->id),
                    S_ARG(err->detail));
            continue;
        }
        const Watch *known = watch_find(f, a->n);
        bool new = !known || known->since != a->since;
        if (new && f->version >= 0 && f->done >= 0) f->done = min_i64(f->done, a->since);
        next.watches[next.count++] = (Watch){a->n, a->since};
    }
    set_free(f);
    f->set = next.set;
    f->watches = next.watches;
    f->count = next.count;
    f->version = version;
    return NULL;
}

/* -- Asking ------------------------------------------------------------------------------------ */

typedef struct Asking {
    Ctx *c;
    SearchSaved *set;
    const SearchDocs *docs;
    SearchMatch *matches;
    ptrdiff_t count;
    Err *err;
} Asking;

static void ask(void *arg) {
    Asking *a = arg;
    a->err = search_saved_run(a->c, a->set, a->docs, &a->matches, &a->count);
}

/* first[i]: the first speech that the i-th alert found, 0: none. */
static Err *speeches_ask(Ctx *c, Follower *f, int64_t debate_n, int64_t *first) {
    for (int64_t from = 0; from >= 0;) {
        CtxMark before = ctx_mark(c);
        Asking a = {.c = c, .set = f->set, .docs = search_docs_new(c->arena, &debates_index)};
        TRY(debate_speeches_describe(c, debate_n, SPEECHES_STEP, &from, (SearchDocs *)a.docs));
        TRY(offload(c, LANE_LONG, ask, &a));
        TRY(a.err);
        for (ptrdiff_t i = 0; i < a.count; i++) {
            int64_t *one = &first[watch_find(f, a.matches[i].saved) - f->watches];
            if (*one == 0) *one = a.matches[i].key;
        }
        ctx_release(c, before);
    }
    return NULL;
}

/* -- Telling ----------------------------------------------------------------------------------- */

typedef struct Match {
    Alert alert;
    int64_t debate_n;
    Str payload;
} Match;

typedef struct MatchRow {
    int64_t n;
} MatchRow;
static const Field match_row_fields[] = {FIELD(MatchRow, n)};
static const Record match_row_record = RECORD(MatchRow, match_row_fields);

typedef struct Storing {
    Match *matches;
    ptrdiff_t count;
    int64_t mark;
} Storing;

/* The passage as a search shows it; where the index cannot say, the beginning of the speech. */
static Err *passage_make(Ctx *c, const Alert *a, const Debate *d, int64_t key, Passage *out) {
    DebateAsk about = {.q = a->q, .narrow = {.from = TIME_NULL, .before = TIME_NULL}};
    DebateHit hit = {.debate = *d};
    DebateDocument speech;
    bool found;
    TRY(alert_narrow(c, a->filters, &about.narrow));
    Err *err = search_sync(c, search_find(c->app, S("debates")));
    if (!err) err = debate_passages(c, &about, &hit, 1);
    if (!err && hit.passages.count > 0) {
        *out = *(const Passage *)hit.passages.items;
        return NULL;
    }
    TRY(debates_collection.load(c, &key, 1, &speech, &found));
    if (!found) return NULL;
    *out = passage_of(c, d, &speech, NULL);
    return NULL;
}

static Err *match_make(Ctx *c, const Follower *f, ptrdiff_t i, const Debate *d, int64_t key,
                       Match *out) {
    AlertNews news = {.debate_id = d->id,
                      .title = d->title,
                      .type = d->type,
                      .date = d->date,
                      .commission = d->commission,
                      .has_audio = d->has_audio};
    Buf b = buf_new(c->arena, 2048);
    bool found;
    *out = (Match){.debate_n = d->n};
    TRY(db_maybe(c, SQL(SQL_ALERT_BY_N), ARGS(V(f->watches[i].n)), &alert_row_record, &out->alert,
                 &found));
    if (!found) return NULL;
    news.alert_id = out->alert.id;
    news.q = out->alert.q;
    TRY(passage_make(c, &out->alert, d, key, &news.passage));
    record_write(&b, &alert_news_record, &news);
    out->payload = buf_str(&b);
    return NULL;
}

static Err *match_tell(Ctx *c, const Match *m, int64_t match_n) {
    const Alert *a = &m->alert;
    if (str_eq(a->deliver, S("webhook"))) {
        Str job = strf(c->arena, "{\"match\":%lld}", (long long)match_n);
        return job_add(c, ALERT_WEBHOOK_JOB, job,
                       (JobOptions){.max_attempts = robian.webhook_tries}, NULL);
    }
    if (!str_eq(a->deliver, S("websocket"))) return NULL;
    return event_emit(c, alert_channel(c, a), S("alert_match"), m->payload);
}

static Err *matches_store(Ctx *c, void *arg) {
    const Storing *s = arg;
    int64_t *made = arena_array(c->arena, int64_t, s->count + 1);
    Time now = time_now();
    for (ptrdiff_t i = 0; i < s->count; i++) {
        const Match *m = &s->matches[i];
        bool found;
        MatchRow row = {0};
        TRY(db_maybe(c, SQL(SQL_ALERT_MATCH_ADD),
                     ARGS(V(m->alert.n), V(m->debate_n), V((JsonText){m->payload}), V(now)),
                     &match_row_record, &row, &found));
        if (!found) continue;
        made[i] = row.n;
        TRY(db_exec(c, SQL(SQL_ALERT_MATCHED), ARGS(V(m->alert.n), V(now)), NULL));
    }
    TRY(db_exec(c, SQL(SQL_ALERTS_MARK_RAISE), ARGS(V(s->mark)), NULL));
    for (ptrdiff_t i = 0; i < s->count; i++)
        if (made[i]) TRY(match_tell(c, &s->matches[i], made[i]));
    return NULL;
}

/* -- Following --------------------------------------------------------------------------------- */

typedef struct News {
    int64_t debate_n, change_seq;
} News;
static const Field news_row_fields[] = {FIELD(News, debate_n), FIELD(News, change_seq)};
static const Record news_row_record = RECORD(News, news_row_fields);

static Err *transcript_ask(Ctx *c, Follower *f, const News *t) {
    int64_t *first = arena_array(c->arena, int64_t, f->count + 1);
    Storing s = {arena_array(c->arena, Match, f->count + 1), 0, t->change_seq};
    Debate d;
    TRY(speeches_ask(c, f, t->debate_n, first));
    Err *err = debate_at(c, t->debate_n, &d);
    if (err && err->kind == ERR_NOT_FOUND) return NULL; /* gone meanwhile */
    TRY(err);
    for (int64_t i = 0; i < f->count; i++) {
        if (first[i] == 0 || t->change_seq <= f->watches[i].since) continue;
        TRY(match_make(c, f, i, &d, first[i], &s.matches[s.count]));
        s.count += s.matches[s.count].alert.n != 0;
    }
    if (s.count == 0) return NULL;
    TRY(db_transaction(c, matches_store, &s));
    f->marked_us = mono_us();
    return NULL;
}

/* A few transcripts from f->done on, at most to `upto`. */
static Err *step(Ctx *c, Follower *f, int64_t upto) {
    Rows rows;
    TRY(db_query(c, SQL(SQL_ALERTS_TRANSCRIPTS),
                 ARGS(V(f->done), V(upto), V((int64_t)TRANSCRIPTS_STEP)), &news_row_record, &rows));
    const News *t = rows.items;
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        CtxMark before = ctx_mark(c);
        TRY(transcript_ask(c, f, &t[i]));
        ctx_release(c, before);
    }
    f->done = rows.count == TRANSCRIPTS_STEP ? t[rows.count - 1].change_seq : upto;
    if (mono_us() - f->marked_us < MARK_EVERY_MS * US_PER_MS) return NULL;
    f->marked_us = mono_us();
    return db_exec(c, SQL(SQL_ALERTS_MARK_RAISE), ARGS(V(f->done)), NULL);
}

/* Whoever makes an alert begins at its `since`. */
static Err *follow(Ctx *c, void *arg) {
    Follower *f = arg;
    int64_t upto, earliest;
    TRY(db_int(c, SQL(SQL_ALERTS_NEWEST), NO_ARGS, &upto));
    TRY(set_read(c, f));
    if (f->done < 0) TRY(db_int(c, SQL(SQL_ALERTS_MARK), NO_ARGS, &f->done));
    earliest = upto;
    for (int64_t i = 0; i < f->count; i++) earliest = min_i64(earliest, f->watches[i].since);
    f->done = max_i64(f->done, earliest);
    while (f->done < upto) {
        CtxMark before = ctx_mark(c);
        TRY(step(c, f, upto));
        ctx_release(c, before);
    }
    return NULL;
}

static void followed(Ctx *c, void *arg) {
    Follower *f = arg;
    search_follow(c, search_find(c->app, S("debates")), "alerts", follow, f, &f->done);
    set_free(f);
}

void alerts_start(Ctx *c) {
    follower = (Follower){.version = -1, .done = -1};
    follower.coro = coro_spawn(
        (CoroOptions){.name = "alerts", .budget_bytes = 256 * MIB, .app = c->app, .service = true},
        followed, &follower);
}

void alerts_stop(Ctx *c) {
    (void)c;
    if (follower.coro) coro_cancel(follower.coro);
    follower.coro = NULL;
}
