/* SPDX-License-Identifier: Apache-2.0
 * A turn's steps from its question to its stored message. Each is repeatable: what it found is
 * written with the step that follows, in one transaction (turn_room.h); models are asked again
 * after a crash, and the ledger's keys see to it that this costs the tenant nothing more. */
#include "products/sylion/answer_prompt.h"
#include "products/sylion/conversation.h"
#include "products/sylion/message_language.h"
#include "products/sylion/quota.h"
#include "products/sylion/turn_room.h"
#include "products/sylion/turn_sql.h"

enum { FOOTER_BYTES_MAX = 290 };

/* Is the conversation still the assistant's? Else the turn ends, and nothing is sent. */
static Err *taken_over(Ctx *c, Work *w, bool *ended) {
    *ended = !is(w->v.status, "active");
    if (!*ended) return NULL;
    if (is(w->v.status, "handoff"))
        return turn_end(c, w, "handed_over", S("person: a person has taken over"));
    if (is(w->v.status, "paused"))
        return turn_end(c, w, "skipped", S("paused: the conversation was paused"));
    return turn_end(c, w, "skipped", S("conversation_ended: the conversation has ended"));
}

/* -- reserve ----------------------------------------------------------------------------------- */

static Err *units_reserve(Ctx *c, void *arg) {
    Work *w = arg;
    Id messages, ai_requests, tokens;
    Used *u = &w->used;
    Str key = turn_key(c, w);
    TRY(quota_reserve(c, &w->s, QUOTA_MESSAGES, key, 1, &messages));
    u->messages = messages.value;
    if (w->t.question.len > 0) { /* nothing to read is nothing to ask */
        u->tokens_reserved = prompt_tokens_most(&w->assistant, w->t.question);
        TRY(quota_reserve(c, &w->s, QUOTA_AI_REQUESTS, key, 1, &ai_requests));
        TRY(quota_reserve(c, &w->s, QUOTA_TOKENS, key, u->tokens_reserved, &tokens));
        u->ai_requests = ai_requests.value;
        u->tokens = tokens.value;
    }
    return NULL;
}

/* All units or none. What else goes wrong while the turn is begun is seen again, and told, by the step. */
Err *turn_reserve(Ctx *c, Work *w) {
    bool ended;
    TRY(taken_over(c, w, &ended));
    if (ended) return NULL;
    Used before = w->used;
    Err *err = db_transaction(c, units_reserve, w);
    if (err) w->used = before;
    if (err && str_eq(err->code, S("QUOTA_EXCEEDED")))
        return turn_end(c, w, "over_quota",
                        strf(c->arena, "quota_exceeded: %.*s", S_ARG(err->detail)));
    if (err && !w->begun) return err;
    if (!err) w->t.step = S("retrieve");
    return turn_write(c, w);
}

static Err *reserve(Ctx *c, Work *w) {
    w->begun = false;
    return turn_step(c, w, "reserve", turn_reserve);
}

/* -- retrieve ---------------------------------------------------------------------------------- */

static Err *retrieve_in(Ctx *c, Work *w) {
    w->t.sources = sources_write(c, w->passages);
    w->t.step = S("think");
    return turn_write(c, w);
}

static Err *passages_find(Ctx *c, Work *w) {
    const Assistant *a = &w->assistant;
    w->passages = (Rows){0};
    if (!a->enable_rag || w->t.question.len == 0) return NULL;
    RetrieveAsk ask = {.question = w->t.question,
                       .knowledge_base_ids = a->knowledge_base_ids,
                       .mode = RETRIEVE_HYBRID,
                       .threshold = a->rag_threshold,
                       .max_results = a->rag_max_results,
                       .budget_tokens = PASSAGE_TOKENS,
                       .payer = {w->s.owner, strf(c->arena, "%.*s/find", S_ARG(turn_key(c, w)))}};
    return retrieve(c, &w->s, &ask, &w->passages, &w->used.degraded);
}

static Err *retrieve_step(Ctx *c, Work *w) {
    TRY(passages_find(c, w));
    return turn_step(c, w, "retrieve", retrieve_in);
}

/* -- think ------------------------------------------------------------------------------------- */

static Str language_choose(Ctx *c, const Work *w) {
    Str found = message_language(c->arena, w->t.question);
    if (!str_is_null(found)) return found;
    if (!str_is_empty(w->contact.language)) return w->contact.language;
    return S("fr");
}

static Err *history_read(Ctx *c, Work *w, Rows *history) {
    const Message *first = w->asked.items;
    *history = (Rows){0};
    if (w->asked.count == 0 || first->n.value <= 1) return NULL;
    return messages_before(c, &w->s, w->conversation, (Id){first->n.value - 1}, HISTORY_MOST,
                           history);
}

/* What cannot be read has no answer but the configured one. */
static void unread_answer(Work *w, Str language) {
    bool over = w->handoff.on_media;
    w->answer = (Answer){.kind = over ? ANSWER_HAND_OVER : ANSWER_UNSUPPORTED,
                         .language = language,
                         .reason = S("unreadable: nobody here can read what was sent")};
    w->answer.text = handoff_text(&w->handoff, over ? SAY_HANDOFF : SAY_MEDIA, language);
}

/* -- store ------------------------------------------------------------------------------------- */

/* The sources named below the text, for a reader who has nothing but WhatsApp's window. */
static Str text_with_sources(Ctx *c, const Answer *a) {
    Buf b = buf_new(c->arena, a->text.len + FOOTER_BYTES_MAX);
    const Citation *cited = a->citations.items;
    ptrdiff_t begin = a->text.len;
    buf_add(&b, a->text);
    for (ptrdiff_t i = 0; i < a->citations.count; i++) {
        Buf line = buf_new(c->arena, 256);
        buf_f(&line, "%s[%lld] %.*s", i ? "\n" : "\n\n", (long long)cited[i].number,
              S_ARG(str_utf8_cut(cited[i].document_name, 120)));
        if (cited[i].page.set) buf_f(&line, ", p. %lld", (long long)cited[i].page.value);
        if (b.len - begin + line.len > FOOTER_BYTES_MAX) break;
        buf_add(&b, buf_str(&line));
    }
    return buf_str(&b);
}

static JsonText answer_metadata(Ctx *c, const Work *w) {
    Buf b = buf_new(c->arena, 512);
    static const char *const kinds[] = {"answer", "unsupported", "handOver", "refused"};
    buf_f(&b, "{\"kind\":\"%s\",\"language\":", kinds[w->answer.kind]);
    buf_json(&b, w->answer.language);
    buf_add(&b, S(",\"citations\":"));
    record_write_list(&b, &citation_record, w->answer.citations.items, w->answer.citations.count);
    buf_byte(&b, '}');
    return (JsonText){buf_str(&b)};
}

static bool model_was_asked(const Answer *a) { return !str_is_empty(a->origin.model); }

static Err *settle(Ctx *c, Work *w, QuotaKind kind, int64_t *reservation, int64_t amount) {
    const Answer *a = &w->answer;
    if (*reservation == 0) return NULL;
    Use use = {.amount = amount,
               .conversation = w->conversation,
               .turn = w->t.n,
               .provider = a->origin.provider,
               .model = a->origin.model,
               .tokens_in = a->usage.tokens_in,
               .tokens_out = a->usage.tokens_out,
               .cost_micros = a->usage.cost_micros};
    TRY(quota_settle(c, &w->s, kind, turn_key(c, w), (Id){*reservation}, &use));
    *reservation = 0;
    return NULL;
}

/* What the model cost is the tenant's also when its answer comes too late. */
static Err *ai_settle(Ctx *c, Work *w) {
    const Answer *a = &w->answer;
    if (!model_was_asked(a)) return NULL;
    TRY(settle(c, w, QUOTA_AI_REQUESTS, &w->used.ai_requests, 1));
    TRY(settle(c, w, QUOTA_TOKENS, &w->used.tokens, a->usage.tokens_in + a->usage.tokens_out));
    w->t.provider = a->origin.provider;
    w->t.model = a->origin.model;
    w->t.tokens_in = (OptInt){a->usage.tokens_in, true};
    w->t.tokens_out = (OptInt){a->usage.tokens_out, true};
    w->t.cost_micros = (OptInt){a->usage.cost_micros, a->usage.priced};
    return NULL;
}

static Err *language_keep(Ctx *c, const Work *w) {
    TRY(tenant_exec_later(c, &w->s, SQL(SQL_TURN_CONTACT_LANGUAGE),
                          ARGS(V(w->contact.n), V(w->answer.language))));
    return tenant_exec_later(c, &w->s, SQL(SQL_TURN_CONVERSATION_LANGUAGE),
                             ARGS(V(w->conversation), V(w->answer.language)));
}

static Err *answer_add(Ctx *c, Work *w) {
    Message stored;
    Outbound m = {.author = S("assistant"),
                  .turn = w->t.n,
                  .type = S("text"),
                  .content = is(w->channel.type, "whatsapp") ? text_with_sources(c, &w->answer)
                                                             : w->answer.text,
                  .metadata = answer_metadata(c, w)};
    return outbound_add(c, &w->s, w->conversation, &m, &stored);
}

static Err *message_give_back(Ctx *c, Work *w) {
    Id reservation = {w->used.messages};
    w->used.messages = 0;
    return id_is_none(reservation) ? NULL : quota_release(c, &w->s, reservation);
}

/* It is no longer the assistant's to say. */
static Err *too_late(Ctx *c, Work *w) {
    bool ended;
    TRY(message_give_back(c, w));
    TRY(ai_settle(c, w));
    TRY(taken_over(c, w, &ended));
    assert(ended);
    return NULL;
}

static Err *store_in(Ctx *c, Work *w) {
    static const char *const outcomes[] = {"answered", "refused", "handed_over", "refused"};
    if (!is(w->v.status, "active")) return too_late(c, w);
    TRY(language_keep(c, w));
    TRY(answer_add(c, w));
    const Message *asked = w->asked.items;
    for (ptrdiff_t i = 0; i < w->asked.count; i++)
        TRY(message_set(c, &w->s, asked[i].n, "processed", (Str){0}, (Str){0}));
    if (w->answer.kind == ANSWER_HAND_OVER)
        TRY(conversation_set_status(c, &w->s, w->conversation, "handoff", w->answer.reason));
    /* Late, for the tenant's other turns wait for it; units in the order in which they are reserved:
     * others take them so, and wait. */
    TRY(settle(c, w, QUOTA_MESSAGES, &w->used.messages, 1));
    TRY(ai_settle(c, w));
    TRY(turn_give_back(c, w));
    w->used.outcome = str_c(outcomes[w->answer.kind]);
    w->used.why = w->answer.reason;
    w->used.language = w->answer.language;
    w->t.step = S("send");
    return turn_write(c, w);
}

/* Its message is out of the queue, and the turn still open: it ends as its message did. */
static Err *settled_in(Ctx *c, Work *w) {
    Message m = {0};
    bool there;
    TRY(tenant_maybe(c, &w->s, SQL(SQL_TURN_ANSWER), ARGS(V(w->t.n)), &message_row_record, &m,
                     &there));
    if (there && (is(m.status, "pending") || is(m.status, "sending"))) return NULL;
    return turn_message_ended(c, w, there ? &m : NULL);
}

/* Nothing is left to send: the run's end, too. */
static Err *sent_in(Ctx *c, Work *w) {
    TRY(turn_look(c, w));
    if (!w->stale) TRY(settled_in(c, w));
    return turn_run_end(c, w);
}

/* As it stands after sending: whoever has ended it, it is not gone on with in this run. */
static Err *sent(Work *w, Err *err) {
    if (!err && w->again_ms < 0) w->stale |= time_is_null(w->t.finished_at);
    return err;
}

static Err *send_step(Ctx *c, Work *w) { return sent(w, turn_send_all(c, w, sent_in)); }

static Err *store(Ctx *c, Work *w) { return sent(w, turn_store_and_send(c, w, store_in, sent_in)); }

static Err *think(Ctx *c, Work *w) {
    Rows history;
    Str language = language_choose(c, w);
    if (w->t.question.len == 0) {
        unread_answer(w, language);
        return store(c, w);
    }
    TRY(history_read(c, w, &history));
    AnswerAsk ask = {.assistant = &w->assistant,
                     .history = history.items,
                     .history_count = history.count,
                     .question = w->t.question,
                     .language = language,
                     .payer = {w->s.owner, turn_key(c, w)},
                     .passages = &w->passages};
    TRY(assistant_answer(c, &w->s, &ask, &w->answer));
    return store(c, w);
}

/* -- all of them ------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    Err *(*run)(Ctx *c, Work *w);
} steps[] = {
    {"media", turn_media}, {"reserve", reserve}, {"retrieve", retrieve_step},
    {"think", think},      {"send", send_step},
};

static Err *step_run(Ctx *c, Work *w) {
    for (ptrdiff_t i = 0; i < COUNT(steps); i++) {
        if (!is(w->t.step, steps[i].name)) continue;
        int64_t began_us = mono_us();
        Err *err = steps[i].run(c, w);
        turn_step_took(steps[i].name, mono_us() - began_us);
        return err;
    }
    FAIL(c, INVALID, "A turn has no step %.*s.", S_ARG(w->t.step));
}

static Err *gone_in(Ctx *c, Work *w) {
    bool ended;
    TRY(taken_over(c, w, &ended));
    if (ended) return NULL;
    if (w->asked.count == 0)
        return turn_end(c, w, "skipped", S("moved: its messages are another conversation's now"));
    return turn_end(c, w, "failed", w->t.reason);
}

/* Between two runs things may have changed. */
static Err *may_go_on(Ctx *c, Work *w, bool *may) {
    *may = is(w->t.step, "send"); /* what is written is looked at when it is sent */
    if (*may) return NULL;
    TRY(turn_assistant_read(c, w));
    Str why = turn_hindrance(w);
    *may = str_is_null(why) && is(w->v.status, "active") && w->asked.count > 0;
    if (*may) return NULL;
    w->t.reason = why;
    return turn_step(c, w, "gone", gone_in);
}

Err *turn_go(Ctx *c, Work *w) {
    bool may = true;
    w->again_ms = -1;
    if (!w->begun) {
        TRY(turn_asked_read(c, w));
        TRY(may_go_on(c, w, &may));
    }
    int64_t waits_ms = turn_waits_ms(w);
    if (may && waits_ms > 0) {
        w->again_ms = waits_ms;
        return NULL;
    }
    while (may && !w->stale && w->again_ms < 0 && time_is_null(w->t.finished_at)) {
        Err *err = step_run(c, w);
        if (err && err->kind == ERR_CANCELLED) return err;
        if (err) TRY(turn_failed(c, w, err));
    }
    return NULL;
}
