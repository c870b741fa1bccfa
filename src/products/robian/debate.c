/* SPDX-License-Identifier: Apache-2.0
 * The one door through which debates are written: each write stamps a change number, emits its
 * event and has the caches forgotten once it is committed.
 *
 * Order in a write, so that two of them cannot wait for each other on PostgreSQL: the row's lock,
 * the change number, the row, the events. */
#include "products/robian/debate.h"

#include "core/json.h"
#include "core/log.h"
#include "data/cache.h"
#include "products/robian/audio.h"
#include "products/robian/debates_sql.h"
#include "work/events.h"

#define SAME_SOURCE "Un débat avec cette source existe déjà"

static const Record *const row_record = &debate_row_record;

/* -- reading ---------------------------------------------------------------------------------- */

static Err *missing(Ctx *c, Str id) {
    FAIL(c, NOT_FOUND, "Débat %.*s non trouvé", S_ARG(str_utf8_cut(id, 100)));
}

static Err *missing_n(Ctx *c, int64_t n) {
    return missing(c, strf(c->arena, "%lld", (long long)n));
}

Err *debate_find(Ctx *c, Str id, Debate *out) {
    bool found;
    TRY(db_maybe(c, SQL(SQL_DEBATE_BY_ID), ARGS(V(id)), row_record, out, &found));
    return found ? NULL : missing(c, id);
}

Err *debate_at(Ctx *c, int64_t n, Debate *out) {
    bool found;
    TRY(db_maybe(c, SQL(SQL_DEBATE_BY_N), ARGS(V(n)), row_record, out, &found));
    return found ? NULL : missing_n(c, n);
}

Err *debate_lock(Ctx *c, int64_t n, Debate *out) {
    assert(c->tx);
    bool found;
    TRY(db_maybe(c, SQL2(SQL_DEBATE_LOCKED_SQLITE, SQL_DEBATE_LOCKED_POSTGRES), ARGS(V(n)),
                 row_record, out, &found));
    return found ? NULL : missing_n(c, n);
}

Err *debate_key(Ctx *c, Str id, int64_t *n) {
    Err *err = db_int(c, SQL(SQL_DEBATE_N_BY_ID), ARGS(V(id)), n);
    return err && err->kind == ERR_NOT_FOUND ? missing(c, id) : err;
}

static JsonText keys_json(Arena *arena, const Debate *debates, ptrdiff_t count) {
    Buf b = buf_new(arena, 2 + count * 8);
    for (ptrdiff_t i = 0; i < count; i++)
        buf_f(&b, "%s%lld", i ? "," : "[", (long long)debates[i].n);
    buf_byte(&b, ']');
    return (JsonText){buf_str(&b)};
}

/* The files are sorted by debate. */
static void audio_give(Ctx *c, Debate *d, Rows files) {
    AudioFile *all = files.items;
    ptrdiff_t from = 0;
    while (from < files.count && all[from].debate_n != d->n) from++;
    ptrdiff_t to = from;
    for (; to < files.count && all[to].debate_n == d->n; to++)
        audio_show(c->arena, d->id, &all[to]);
    d->audio_files = (RecordList){to > from ? &all[from] : NULL, to - from};
}

Err *debates_show(Ctx *c, Debate *debates, ptrdiff_t count) {
    assert(count >= 0);
    if (count == 0) return NULL;
    Rows files;
    TRY(db_query(c, SQL2(SQL_DEBATES_AUDIO_SQLITE, SQL_DEBATES_AUDIO_POSTGRES),
                 ARGS(V(keys_json(c->arena, debates, count))), &audio_row_record, &files));
    for (ptrdiff_t i = 0; i < count; i++) {
        audio_give(c, &debates[i], files);
        debates[i].display_duration = duration_display(c->arena, debates[i].duration_minutes);
    }
    return NULL;
}

/* -- what follows a write --------------------------------------------------------------------- */

static void caches_forget(Ctx *c, void *arg) {
    const char *id = arg;
    Str key = strf(c->arena, ROBIAN_CACHE_DEBATE "%s/", id);
    Cache *cache = app_cache(c);
    if (!cache) return;
    Err *err = cache_remove_prefix(c, cache, S(ROBIAN_CACHE_LISTS));
    if (!err) err = cache_remove_prefix(c, cache, key);
    assert(!err); /* see cache.h */
}

static Str event_data(Ctx *c, const Debate *d) {
    Buf b = buf_new(c->arena, 1024);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    json_key(&o, S("debate_id"));
    json_put_str(&o, d->id);
    json_key(&o, S("title"));
    json_put_str(&o, d->title);
    json_key(&o, S("type"));
    json_put_str(&o, d->type);
    json_key(&o, S("date"));
    json_put_str(&o, time_str(c->arena, d->date));
    json_key(&o, S("status"));
    json_put_str(&o, d->status);
    json_key(&o, S("is_live"));
    json_put_bool(&o, d->is_live);
    json_key(&o, S("has_audio"));
    json_put_bool(&o, d->has_audio);
    json_end(&o, '}');
    return buf_str(&b);
}

static Str debate_channel(Ctx *c, Str id) { return strf(c->arena, "debate:%.*s", S_ARG(id)); }

Err *debate_emit(Ctx *c, Str id, Str type, Str data) {
    assert(c->tx);
    TRY(event_emit(c, S("debates"), type, data));
    return event_emit(c, debate_channel(c, id), type, data);
}

static Err *tell(Ctx *c, const Debate *d, Str type) {
    db_after_commit(c, caches_forget, str_cstr(c->arena, d->id));
    return debate_emit(c, d->id, type, event_data(c, d));
}

/* -- writing ---------------------------------------------------------------------------------- */

/* A null list is an empty one here. */
static void list_settle(StrList *list) {
    static Str none;
    if (!list->items) *list = (StrList){&none, 0};
}

/* A debate that somebody filled in field by field: what he left 0 is no time. */
static void nulls_settle(Debate *d) {
    list_settle(&d->speakers);
    list_settle(&d->ministers);
    list_settle(&d->tags);
    list_settle(&d->keywords);
    if (d->start_time.us == 0) d->start_time = TIME_NULL;
    if (d->end_time.us == 0) d->end_time = TIME_NULL;
    if (!d->metadata.text.data) d->metadata.text = S("{}");
    if (!d->status.data) d->status = S("programme");
}

static Err *same_source(Ctx *c, Err *err) {
    if (!err || err->kind != ERR_CONFLICT || !str_eq(err->code, S("debates.source_url")))
        return err;
    return err_wrap(c, ERR_CONFLICT, __func__, err, SAME_SOURCE);
}

static Err *row_insert(Ctx *c, void *arg) { return db_insert(c, row_record, arg); }

Err *debate_add(Ctx *c, Debate *d) {
    assert(c->tx);
    assert(d->title.data && d->type.data && d->source_url.data);
    nulls_settle(d);
    TRY(db_next_change(c, 1, &d->n));
    d->change_seq = d->n;
    d->id = uuid_v7(c->arena);
    d->created_at = d->updated_at = time_now();
    d->view_count = d->download_count = d->stream_count = 0;
    /* In a savepoint: who adds many goes on after one that is there already. */
    TRY(same_source(c, db_transaction(c, row_insert, d)));
    return tell(c, d, S("debate_created"));
}

static Value list_value(Ctx *c, const char *name, const Debate *d) {
    for (ptrdiff_t i = 0; i < row_record->field_count; i++)
        if (strcmp(row_record->fields[i].name, name) == 0)
            return field_value(c, &row_record->fields[i], d);
    assert(!"no such field");
    return value_null();
}

static Err *row_write(Ctx *c, void *arg) {
    const Debate *d = arg;
    return db_exec(c, SQL(SQL_DEBATE_CHANGE),
                   ARGS(V(d->n), V(d->title), V(d->description), V(d->type), V(d->date),
                        V(d->source_url), V(d->start_time), V(d->end_time), V(d->duration_minutes),
                        V(d->video_url), V(d->thumbnail_url), V(d->commission), V(d->salle),
                        list_value(c, "speakers", d), list_value(c, "ministers", d),
                        list_value(c, "tags", d), list_value(c, "keywords", d), V(d->metadata),
                        V(d->status), V(d->is_live), V(d->has_audio), V(d->session_uid),
                        V(d->transcript_uid), V(d->video_id), V(d->updated_at), V(d->change_seq)),
                   NULL);
}

static Str change_type(Str before, Str after) {
    bool was_live = str_eq(before, S("en_cours"));
    if (!was_live && str_eq(after, S("en_cours"))) return S("debate_started");
    if (was_live && str_eq(after, S("termine"))) return S("debate_ended");
    return S("debate_updated");
}

Err *debate_change(Ctx *c, Debate *d) {
    assert(c->tx);
    assert(d->n > 0);
    Debate before;
    nulls_settle(d);
    TRY(debate_lock(c, d->n, &before));
    TRY(db_next_change(c, 1, &d->change_seq));
    d->updated_at = time_now();
    TRY(same_source(c, db_transaction(c, row_write, d)));
    return tell(c, d, change_type(before.status, d->status));
}

Err *debate_touch(Ctx *c, int64_t n) {
    assert(c->tx);
    Debate d;
    TRY(debate_lock(c, n, &d));
    TRY(db_next_change(c, 1, &d.change_seq));
    TRY(db_exec(c, SQL(SQL_DEBATE_STAMP), ARGS(V(n), V(d.change_seq), V(time_now())), NULL));
    return tell(c, &d, S("debate_updated"));
}

Err *debate_remove(Ctx *c, int64_t n) {
    assert(c->tx);
    Debate d;
    int64_t speeches, first;
    Time now = time_now();
    TRY(debate_lock(c, n, &d));
    TRY(db_int(c, SQL(SQL_DEBATE_SPEECH_COUNT), ARGS(V(n)), &speeches));
    TRY(audio_blobs_release(c, n));
    TRY(db_next_change(c, 1 + speeches, &first));
    TRY(db_exec(c, SQL(SQL_DEBATE_TOMBSTONE), ARGS(V(n), V(first), V(now)), NULL));
    TRY(db_exec(c, SQL(SQL_DEBATE_SPEECH_TOMBSTONES), ARGS(V(n), V(first), V(now)), NULL));
    TRY(db_exec(c, SQL(SQL_DEBATE_REMOVE), ARGS(V(n)), NULL));
    return tell(c, &d, S("debate_deleted"));
}

/* -- figures ---------------------------------------------------------------------------------- */

/* Of one debate, of all who count it in this transaction. */
typedef struct Tally {
    int64_t n, added[3]; /* by Counted */
    bool there;
} Tally;

typedef struct CountAsked {
    int64_t n;
    Counted what;
    int64_t views; /* by then */
} CountAsked;

static int tally_order(const void *a, const void *b) {
    int64_t x = ((const Tally *)a)->n, y = ((const Tally *)b)->n;
    return (x > y) - (x < y);
}

static ptrdiff_t tallies_make(const Joint *joints, ptrdiff_t count, Tally *out) {
    ptrdiff_t made = 0;
    for (ptrdiff_t i = 0; i < count; i++) {
        const CountAsked *asked = joints[i].arg;
        out[i] = (Tally){.n = asked->n};
        out[i].added[asked->what] = 1;
    }
    qsort(out, (size_t)count, sizeof *out, tally_order);
    for (ptrdiff_t i = 0; i < count; i++) {
        if (made == 0 || out[made - 1].n != out[i].n) {
            out[made++] = out[i];
            continue;
        }
        for (int what = 0; what < COUNT(out[i].added); what++)
            out[made - 1].added[what] += out[i].added[what];
    }
    return made;
}

static Err *view_emit(Ctx *c, const Debate *d) {
    Str data = strf(c->arena, "{\"debate_id\":\"%.*s\",\"view_count\":%lld}", S_ARG(d->id),
                    (long long)d->view_count);
    return event_emit(c, debate_channel(c, d->id), S("debate_viewed"), data);
}

static Err *tally_write(Ctx *c, Tally *t, Debate *figures) {
    int64_t views = t->added[COUNT_VIEW], streams = t->added[COUNT_STREAM],
            downloads = t->added[COUNT_DOWNLOAD], day = time_now().us / US_PER_DAY;
    TRY(db_maybe(c, SQL(SQL_DEBATE_COUNT), ARGS(V(t->n), V(views), V(streams), V(downloads)),
                 row_record, figures, &t->there));
    if (!t->there) return NULL;
    return db_exec(c, SQL(SQL_DEBATE_COUNT_DAY),
                   ARGS(V(day), V(t->n), V(views), V(streams), V(downloads)), NULL);
}

/* Events come last: from there on who emits waits for the commit. */
static Err *count_in(Ctx *c, Joint *joints, ptrdiff_t count) {
    Tally *tallies = arena_array(c->arena, Tally, count);
    ptrdiff_t made = tallies_make(joints, count, tallies);
    Debate *figures = arena_array(c->arena, Debate, made);
    for (ptrdiff_t i = 0; i < made; i++) TRY(tally_write(c, &tallies[i], &figures[i]));
    for (ptrdiff_t i = 0; i < count; i++) {
        CountAsked *asked = joints[i].arg;
        Tally key = {.n = asked->n};
        const Tally *t = bsearch(&key, tallies, (size_t)made, sizeof key, tally_order);
        if (!t->there) joints[i].err = missing_n(joints[i].c, key.n);
        asked->views = figures[t - tallies].view_count;
    }
    for (ptrdiff_t i = 0; i < made; i++)
        if (tallies[i].there && tallies[i].added[COUNT_VIEW]) TRY(view_emit(c, &figures[i]));
    return NULL;
}

Err *debate_count(Ctx *c, int64_t n, Counted what) {
    CountAsked asked = {n, what, 0};
    return db_transaction_joint(c, count_in, &asked);
}

Err *debate_viewed(Ctx *c, Debate *d) {
    CountAsked asked = {d->n, COUNT_VIEW, 0};
    Err *err = db_transaction_joint(c, count_in, &asked);
    if (!err) d->view_count = asked.views;
    if (!err || err->kind == ERR_NOT_FOUND) return err;
    log_msg(c, LOG_WARN, "a view was not counted: %.*s", S_ARG(err_chain(c->arena, err)));
    return NULL;
}
