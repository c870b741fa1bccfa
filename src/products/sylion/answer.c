/* SPDX-License-Identifier: Apache-2.0
 * An assistant's answer. In this order: does the contact want a person, is it only a greeting, is
 * there anything in the knowledge that bears on the question; only then the model. What comes back
 * is checked: numbers of sources that were not given are taken out, an answer cut at its limit ends
 * with a sentence, and the model's word for "they do not answer" (NO_ANSWER) never reaches anybody.
 * */
#include "products/sylion/answer.h"

#include "products/sylion/answer_prompt.h"
#include "products/sylion/handoff.h"
#include "products/sylion/message_language.h"

enum { ANSWER_CHARACTERS_MAX = 3800 }; /* WhatsApp takes 4096, and the sources are named below */

static const Field citation_fields[] = {
    FIELD(Citation, number, .doc = "As in the text: [1]"),
    FIELD(Citation, document_id),
    FIELD(Citation, document_name),
    FIELD(Citation, chunk_id),
    FIELD(Citation, heading, .flags = F_NULLABLE),
    FIELD(Citation, page),
    FIELD(Citation, sentence, .flags = F_NULLABLE,
          .doc = "The passage's sentence that bears most on it"),
};
const Record citation_record =
    RECORD(Citation, citation_fields, .camel = true, .doc = "What an answer says that it rests on");

typedef struct Making {
    const AnswerAsk *ask;
    Answer *out;
    Handoff handoff;
    Buf told; /* of the model's text, until it cannot be NO_ANSWER any more */
    bool free;
} Making;

/* -- without a model --------------------------------------------------------------------------- */

static Err *say(Ctx *c, Making *m, AnswerKind kind, HandoffText what, const char *reason) {
    Answer *out = m->out;
    out->kind = kind;
    out->text = handoff_text(&m->handoff, what, out->language);
    out->reason = str_c(reason);
    out->origin = (AiOrigin){.provider = S("local"), .model = S("")};
    out->usage = (AiUsage){0};
    if (m->ask->on_text && out->text.len > 0) return m->ask->on_text(c, out->text, m->ask->arg);
    return NULL;
}

static Err *unsupported(Ctx *c, Making *m, const char *reason) {
    AiUsage used = m->out->usage;
    AiOrigin origin = m->out->origin;
    bool asked = !str_is_empty(origin.provider);
    bool over = m->handoff.on_unsupported;
    TRY(say(c, m, over ? ANSWER_HAND_OVER : ANSWER_UNSUPPORTED,
            over ? SAY_HANDOFF : SAY_UNSUPPORTED, reason));
    if (asked) { /* the model said so, and that was paid for */
        m->out->usage = used;
        m->out->origin = origin;
    }
    return NULL;
}

/* -- the model --------------------------------------------------------------------------------- */

/* Held back while it may still become NO_ANSWER. */
static Err *piece_told(Ctx *c, Str piece, void *arg) {
    Making *m = arg;
    if (m->free) return m->ask->on_text(c, piece, m->ask->arg);
    buf_add(&m->told, piece);
    Str so_far = str_trim(buf_str(&m->told));
    if (str_starts(S(NO_ANSWER), so_far) || str_starts(so_far, S(NO_ANSWER))) return NULL;
    m->free = true;
    return m->ask->on_text(c, buf_str(&m->told), m->ask->arg);
}

static Err *model_ask(Ctx *c, Making *m, ChatAnswer *answer) {
    const AnswerAsk *ask = m->ask;
    const Assistant *a = ask->assistant;
    ptrdiff_t count;
    bool grounded = a->enable_rag && m->out->passages.count > 0;
    ChatMessage *messages = prompt_messages(c, ask, &count);
    ChatRequest request = {
        .provider = a->provider,
        .model = a->model,
        .system = prompt_system(c, a, m->out->language, grounded),
        .messages = messages,
        .message_count = count,
        .sources = prompt_sources(c, &m->out->passages),
        .source_count = m->out->passages.count,
        .temperature = a->temperature,
        .max_tokens = a->max_tokens,
        .payer = ask->payer,
    };
    m->told = buf_new(c->arena, 256);
    if (ask->on_text) {
        request.on_text = piece_told;
        request.arg = m;
    }
    return chat(c, &request, answer);
}

/* -- checking ---------------------------------------------------------------------------------- */

static bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

/* The end of "[12]" or "[1, 7]" at `at`, or `at` when it is something else. */
static ptrdiff_t marker_end(Str text, ptrdiff_t at) {
    ptrdiff_t i = at + 1;
    bool digits = false;
    for (; i < text.len && i < at + 24 && text.data[i] != ']'; i++) {
        if (!is_digit(text.data[i]) && text.data[i] != ',' && text.data[i] != ' ') return at;
        digits |= is_digit(text.data[i]);
    }
    return digits && i < text.len && text.data[i] == ']' ? i + 1 : at;
}

/* Without the markers that name no source at all. */
static Str markers_checked(Ctx *c, Str text, ptrdiff_t source_count) {
    Buf b = buf_new(c->arena, text.len + 1);
    for (ptrdiff_t i = 0; i < text.len;) {
        ptrdiff_t end = text.data[i] == '[' ? marker_end(text, i) : i, named = 0;
        if (end > i) {
            chat_citations(c->arena, str_slice(text, i, end), source_count, &named);
            if (named == 0) {
                while (b.len > 0 && b.data[b.len - 1] == ' ') b.len--;
                i = end;
                continue;
            }
        }
        buf_byte(&b, text.data[i++]);
    }
    return buf_str(&b);
}

/* At most so many characters, cut behind a sentence where there is one in its second half. */
static Str text_limited(Str text, ptrdiff_t characters) {
    if (str_utf8_count(text) <= characters) return text;
    ptrdiff_t at = 0, end = 0;
    for (ptrdiff_t n = 0; n < characters && at < text.len; n++) {
        int32_t code = str_utf8_next(text, &at);
        bool ends = code == '.' || code == '!' || code == '?' || code == '\n' || code == 0x061F;
        if (ends && n > characters / 2) end = at;
    }
    return str_trim(str_slice(text, 0, end ? end : at));
}

/* A text that stopped in the middle loses its last, unfinished sentence. */
static Str unfinished_cut(Str text) {
    ptrdiff_t end = 0;
    for (ptrdiff_t at = 0; at < text.len;) {
        int32_t code = str_utf8_next(text, &at);
        if (code == '.' || code == '!' || code == '?' || code == '\n' || code == ']') end = at;
    }
    return end > text.len / 3 ? str_trim(str_slice(text, 0, end)) : text;
}

static void citations_find(Ctx *c, Answer *out) {
    ptrdiff_t count;
    const Passage *passages = out->passages.items;
    int *numbers = chat_citations(c->arena, out->text, out->passages.count, &count);
    Citation *cited = arena_array(c->arena, Citation, count + 1);
    for (ptrdiff_t i = 0; i < count; i++) {
        const Passage *p = &passages[numbers[i] - 1];
        cited[i] = (Citation){.number = numbers[i],
                              .document_id = p->document_id,
                              .document_name = p->document_name,
                              .chunk_id = p->chunk_id,
                              .heading = p->heading,
                              .sentence = p->sentence,
                              .page = p->page};
    }
    out->citations = (Rows){cited, count};
}

static Err *checked(Ctx *c, Making *m, const ChatAnswer *answer) {
    Answer *out = m->out;
    Str text = str_trim(answer->text);
    bool local = str_eq(answer->origin.provider, S("local"));
    out->usage = answer->usage;
    out->origin = answer->origin;
    if (answer->end == CHAT_REFUSED) {
        out->kind = ANSWER_REFUSED;
        out->text = handoff_text(&m->handoff, SAY_REFUSED, out->language);
        out->reason =
            strf(c->arena, "model_refused: the model or its provider would not answer (%.*s)",
                 S_ARG(answer->reason));
        if (m->ask->on_text && !m->free) return m->ask->on_text(c, out->text, m->ask->arg);
        return NULL;
    }
    if (str_starts(text, S(NO_ANSWER)) || (text.len == 0 && local))
        return unsupported(c, m, "no_support: the passages found do not answer the question");
    if (text.len == 0) FAIL(c, UPSTREAM, "The model answered without a word.");
    if (answer->end == CHAT_LENGTH) text = unfinished_cut(text);
    text = markers_checked(c, text, out->passages.count);
    out->kind = ANSWER_GIVEN;
    out->text = text_limited(text, ANSWER_CHARACTERS_MAX);
    citations_find(c, out);
    /* All of it could still have become NO_ANSWER. */
    if (m->ask->on_text && !m->free) TRY(m->ask->on_text(c, out->text, m->ask->arg));
    if (answer->end == CHAT_LENGTH)
        out->reason = S("cut_at_length: the answer reached the assistant's maxTokens");
    else if (out->passages.count > 0 && out->citations.count == 0)
        out->reason = S("uncited: the answer names none of the passages that it was given");
    return NULL;
}

/* -- the whole --------------------------------------------------------------------------------- */

static Err *passages_find(Ctx *c, const Scope *s, Making *m) {
    const Assistant *a = m->ask->assistant;
    bool degraded;
    if (m->ask->passages) {
        m->out->passages = *m->ask->passages;
        return NULL;
    }
    if (!a->enable_rag) return NULL;
    RetrieveAsk ask = {.question = m->ask->question,
                       .knowledge_base_ids = a->knowledge_base_ids,
                       .mode = RETRIEVE_HYBRID,
                       .threshold = a->rag_threshold,
                       .max_results = a->rag_max_results,
                       .budget_tokens = PASSAGE_TOKENS,
                       .payer = m->ask->payer};
    if (!str_is_null(ask.payer.key)) /* the answer has a line of its own */
        ask.payer.key = strf(c->arena, "%.*s/find", S_ARG(ask.payer.key));
    return retrieve(c, s, &ask, &m->out->passages, &degraded);
}

static Str language_choose(Ctx *c, const AnswerAsk *ask) {
    if (!str_is_empty(ask->language)) return ask->language;
    Str found = message_language(c->arena, ask->question);
    return str_is_null(found) ? S("fr") : found;
}

Err *assistant_answer(Ctx *c, const Scope *s, const AnswerAsk *ask, Answer *out) {
    assert(ask->assistant && ask->assistant->tenant_n.value == s->tenant.value);
    Making m = {.ask = ask, .out = out, .handoff = handoff_read(c, ask->assistant->handoff)};
    ChatAnswer answer = {0};
    *out = (Answer){.language = language_choose(c, ask)};
    if (handoff_asked(c, &m.handoff, ask->question))
        return say(c, &m, ANSWER_HAND_OVER, SAY_HANDOFF, "asked: the contact asked for a person");
    if (handoff_is_greeting(c, ask->question))
        return say(c, &m, ANSWER_GIVEN, SAY_GREETING, "greeting: there was no question");
    TRY(passages_find(c, s, &m));
    if (ask->assistant->enable_rag && out->passages.count == 0)
        return unsupported(c, &m, "no_support: nothing in the knowledge bears on the question");
    TRY(model_ask(c, &m, &answer));
    return checked(c, &m, &answer);
}
