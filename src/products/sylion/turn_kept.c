/* SPDX-License-Identifier: Apache-2.0
 * A turn as a row: what is in it, what it keeps as JSON, and the lock under which it is written. */
#include "products/sylion/turn_room.h"

#include "core/json.h"
#include "products/sylion/turn_sql.h"

static const char *const states[] = {"open",       "answered", "refused", "handed_over", "failed",
                                     "over_quota", "skipped",  "unknown", NULL};
static const char *const steps[] = {"gather", "media", "reserve", "retrieve", "think",
                                    "store",  "send",  "settle",  NULL};

#define SHOWN                                                                                \
    FIELD(Turn, n, .flags = F_SECRET), FIELD(Turn, tenant_n, .flags = F_SECRET),             \
        FIELD(Turn, conversation_n, .flags = F_SECRET),                                      \
        FIELD(Turn, assistant_n, .flags = F_SECRET), FIELD(Turn, id, .format = "uuid"),      \
        FIELD(Turn, conversation_id, .format = "uuid"),                                      \
        FIELD(Turn, assistant_id, .flags = F_NULLABLE, .format = "uuid"),                    \
        FIELD(Turn, state, .values = states),                                                \
        FIELD(Turn, step, .values = steps, .doc = "The step that it is at, or ended at"),    \
        FIELD(Turn, reason, .flags = F_NULLABLE, .doc = "Why: `code: sentence`"),            \
        FIELD(Turn, attempts, .doc = "Tries that failed"),                                   \
        FIELD(Turn, provider, .flags = F_NULLABLE), FIELD(Turn, model, .flags = F_NULLABLE), \
        FIELD(Turn, tokens_in), FIELD(Turn, tokens_out), FIELD(Turn, cost_micros),           \
        FIELD(Turn, started_at), FIELD(Turn, updated_at),                                    \
        FIELD(Turn, finished_at, .flags = F_NULLABLE)

static const Field turn_fields[] = {
    SHOWN,
    FIELD(Turn, question, .flags = F_NULLABLE),
    FIELD(Turn, sources, .doc = "The passages that the answer could rest on"),
    FIELD(Turn, used, .doc = "Reservations, and what the turn becomes when its message is sent"),
};
const Record turn_record =
    RECORD(Turn, turn_fields, .camel = true, .doc = "One answer of an assistant, and why it is so");

/* What is told of it: without the texts, which are longer than an event. */
static const Field told_fields[] = {SHOWN};
static const Record told_record = RECORD_AS("TurnUpdated", Turn, told_fields, .camel = true);

static const Field used_fields[] = {
    FIELD(Used, round),
    FIELD(Used, messages),
    FIELD(Used, ai_requests),
    FIELD(Used, tokens),
    FIELD(Used, tokens_reserved),
    FIELD(Used, outcome, .flags = F_NULLABLE | F_OMIT_NULL),
    FIELD(Used, why, .flags = F_NULLABLE | F_OMIT_NULL, .max = 1000),
    FIELD(Used, language, .flags = F_NULLABLE | F_OMIT_NULL),
    FIELD(Used, degraded),
};
static const Record used_record = RECORD(Used, used_fields, .camel = true, .open = true);

/* As knowledge_passage_record, but to be read back. */
static const Field source_fields[] = {
    FIELD(Passage, chunk_id),
    FIELD(Passage, document_id),
    FIELD(Passage, document_name),
    FIELD(Passage, knowledge_base_id),
    FIELD(Passage, heading, .flags = F_NULLABLE),
    FIELD(Passage, page),
    FIELD(Passage, position),
    FIELD(Passage, text, .max = 1 << 20),
    FIELD(Passage, sentence, .flags = F_NULLABLE, .max = 1 << 20),
    FIELD(Passage, score),
    FIELD(Passage, support),
    FIELD(Passage, similarity),
    FIELD(Passage, keyword_rank),
    FIELD(Passage, vector_rank),
};
static const Record source_record =
    RECORD_AS("TurnSource", Passage, source_fields, .camel = true, .open = true);

bool is(Str text, const char *word) { return str_eq(text, str_c(word)); }

JsonText sources_write(Ctx *c, Rows passages) {
    Buf b = buf_new(c->arena, 1024);
    record_write_list(&b, &source_record, passages.items, passages.count);
    return (JsonText){buf_str(&b)};
}

Err *sources_read(Ctx *c, JsonText kept, Rows *out) {
    json_t *list;
    *out = (Rows){0};
    if (str_is_empty(kept.text)) return NULL;
    TRY(json_parse(c, kept.text, &list));
    ptrdiff_t count = (ptrdiff_t)json_array_size(list);
    Passage *items = arena_array(c->arena, Passage, count + 1);
    for (ptrdiff_t i = 0; i < count; i++)
        TRY(record_read(c, &source_record, json_array_get(list, (size_t)i), READ_CHANGE, &items[i],
                        NULL));
    *out = (Rows){items, count};
    return NULL;
}

Err *used_read(Ctx *c, JsonText kept, Used *out) {
    json_t *json;
    *out = (Used){0};
    if (str_is_empty(kept.text)) return NULL;
    TRY(json_parse(c, kept.text, &json));
    return record_read(c, &used_record, json, READ_CHANGE, out, NULL);
}

Str turn_key(Ctx *c, const Work *w) {
    assert(!id_is_none(w->t.n));
    if (w->used.round == 0) return strf(c->arena, "turn:%lld", (long long)w->t.n.value);
    return strf(c->arena, "turn:%lld/%lld", (long long)w->t.n.value, (long long)w->used.round);
}

TurnKept turn_keep(const Work *w) {
    return (TurnKept){w->t, w->used, w->turn_there, w->stale, w->begun, w->again_ms};
}

void turn_put_back(Work *w, const TurnKept *kept) {
    w->t = kept->t;
    w->used = kept->used;
    w->turn_there = kept->turn_there;
    w->stale = kept->stale;
    w->begun = kept->begun;
    w->again_ms = kept->again_ms;
}

Err *turn_lock(Ctx *c, Work *w) {
    TRY(conversation_lock(c, &w->s, w->conversation, &w->v));
    return turn_look(c, w);
}

Err *turn_look(Ctx *c, Work *w) {
    Turn now;
    bool found;
    w->stale = false;
    if (!w->turn_there) return NULL;
    TRY(tenant_maybe(c, &w->s, SQL(SQL_TURN_AT), ARGS(V(w->t.n)), &turn_record, &now, &found));
    w->stale = !found || !time_is_null(now.finished_at) || !str_eq(now.step, w->t.step) ||
               now.attempts != w->t.attempts;
    return NULL;
}

typedef struct Step {
    Work *w;
    Err *(*fn)(Ctx *c, Work *w);
    TurnKept kept;
} Step;

static Err *step_in(Ctx *c, void *arg) {
    Step *step = arg;
    turn_put_back(step->w, &step->kept);
    TRY(turn_lock(c, step->w));
    return step->w->stale ? NULL : step->fn(c, step->w);
}

Err *turn_step(Ctx *c, Work *w, const char *name, Err *(*fn)(Ctx *c, Work *w)) {
    Step step = {w, fn, turn_keep(w)};
    Err *err = db_transaction(c, step_in, &step);
    if (err) turn_put_back(w, &step.kept);
    return err ? err : turn_after(c, name);
}

Err *(*turn_test_after)(Ctx *c, const char *done);

Err *turn_after(Ctx *c, const char *done) {
    return turn_test_after ? turn_test_after(c, done) : NULL;
}

Err *turn_write(Ctx *c, Work *w) {
    Turn *t = &w->t;
    Buf used = buf_new(c->arena, 256);
    record_write(&used, &used_record, &w->used);
    t->used = (JsonText){buf_str(&used)};
    t->updated_at = time_now();
    t->reason = str_is_null(t->reason) ? t->reason : str_utf8_cut(t->reason, REASON_BYTES_MAX);
    TRY(tenant_exec_later(
        c, &w->s, SQL(SQL_TURN_WRITE),
        ARGS(V(t->n), V(t->assistant_n), V(t->state), V(t->step), V(t->reason), V(t->attempts),
             V(t->question), V(t->sources), V(t->used), V(t->provider), V(t->model),
             V(t->tokens_in), V(t->tokens_out), V(t->cost_micros), V(t->updated_at),
             V(t->finished_at))));
    return tenant_tell(c, &w->s, "turn.updated", &told_record, t);
}

Err *turn_read(Ctx *c, Work *w, const Turn *t) {
    w->t = *t;
    w->turn_there = true;
    TRY(used_read(c, t->used, &w->used));
    return sources_read(c, t->sources, &w->passages);
}

Err *turn_asked_read(Ctx *c, Work *w) {
    return tenant_query(c, &w->s, SQL(SQL_TURN_ASKED), ARGS(V(w->t.n)), &message_row_record,
                        &w->asked);
}
