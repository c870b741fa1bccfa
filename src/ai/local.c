/* SPDX-License-Identifier: Apache-2.0
 * The provider that needs no key: it answers with sentences that it was given, chosen by the words
 * they share with the question, each with the number of its source. It writes nothing of its own but
 * that it does not know, and never passes for a model: its name and its model's are `local`.
 *
 * With sources it answers the last message of the user; without, it sums up what the messages say.
 * It calls no tools and looks at no pictures. */
#include "ai/local.h"

#include <stdlib.h>

#include "ai/settings.h"
#include "rt/offload.h"

enum {
    ANSWER_SENTENCES = 3,
    SUMMARY_SENTENCES = 5,
    TEXT_MOST = 64 * 1024,    /* looked at, of all sources together: some 15000 tokens */
    QUESTION_MOST = 2 * 1024, /* looked for: every word of it with every word of the sources */
    SMALL_BYTES = 8 * 1024,   /* done on the loop itself */
};
static const double cover_least = 0.4; /* of the question's words, for a sentence to bear on it */

static Str local_model(void) { return S("local"); }
static Str local_embed_model(void) { return S("local-1"); } /* counts up when vectors change */

static const char *const unknown[LANGUAGES] = {
    "Je ne trouve pas la réponse dans les documents dont je dispose.",
    "I do not find the answer in the documents that I have.",
    "لا أجد الإجابة في الوثائق المتوفرة لدي.",
};

/* -- What was given -------------------------------------------------------------------------------- */

static Str question_of(Arena *arena, const ChatRequest *r) {
    for (ptrdiff_t i = r->message_count; i-- > 0;) {
        if (r->messages[i].role != CHAT_USER) continue;
        Buf b = buf_new(arena, 256);
        for (ptrdiff_t k = 0; k < r->messages[i].count; k++) {
            if (r->messages[i].parts[k].kind != CHAT_TEXT) continue;
            buf_add(&b, r->messages[i].parts[k].text);
            buf_byte(&b, '\n');
        }
        return str_trim(buf_str(&b));
    }
    return S("");
}

static Sentences sources_read(Arena *arena, const ChatRequest *r) {
    Sentences s = {.arena = arena};
    ptrdiff_t left = TEXT_MOST;
    for (ptrdiff_t i = 0; i < r->source_count && left > 0; i++) {
        Str text = str_utf8_cut(r->sources[i].text, left);
        left -= text.len;
        sentences_add(&s, text, (int)i);
    }
    return s;
}

static Sentences messages_read(Arena *arena, const ChatRequest *r) {
    Sentences s = {.arena = arena};
    ptrdiff_t left = TEXT_MOST;
    for (ptrdiff_t i = 0; i < r->message_count; i++)
        for (ptrdiff_t k = 0; k < r->messages[i].count && left > 0; k++) {
            const ChatPart *p = &r->messages[i].parts[k];
            if (p->kind != CHAT_TEXT && p->kind != CHAT_TOOL_ANSWER) continue;
            Str text = str_utf8_cut(p->text, left);
            left -= text.len;
            sentences_add(&s, text, 0);
        }
    return s;
}

/* -- Choosing ---------------------------------------------------------------------------------------- */

/* The best one not yet chosen that passes; NULL: none. Of equals the one in the question's language,
 * then the earlier one. */
static Sentence *best_of(Sentences *s, double cover, double score) {
    Sentence *best = NULL;
    for (ptrdiff_t i = 0; i < s->count; i++) {
        Sentence *one = &s->items[i];
        if (one->chosen || one->cover < cover || one->score < score) continue;
        bool better = !best || one->score > best->score ||
                      (one->score == best->score && best->other_language && !one->other_language);
        if (better) best = one;
    }
    return best;
}

static bool said_already(const Sentences *s, const Sentence *one) {
    for (ptrdiff_t i = 0; i < s->count; i++)
        if (s->items[i].chosen && str_eq(s->items[i].text, one->text)) return true;
    return false;
}

/* Those that come near the best; at most `most`. */
static ptrdiff_t choose(Sentences *s, double cover, ptrdiff_t most) {
    const Sentence *first = best_of(s, cover, 0);
    double least = first ? first->score * 0.75 : 0;
    ptrdiff_t count = 0;
    for (Sentence *one; count < most && (one = best_of(s, cover, least)) != NULL;) {
        bool again = said_already(s, one);
        one->chosen = !again;
        if (again) one->score = -1;
        count += !again;
    }
    return count;
}

/* -- Saying ------------------------------------------------------------------------------------------ */

typedef struct Saying {
    const ChatRequest *request;
    Buf said;
    int64_t tokens;
    bool full;
} Saying;

static Err *say(Ctx *c, Saying *x, Str sentence, int source) {
    Str cited = source < 0 ? sentence : strf(c->arena, "%.*s [%d]", S_ARG(sentence), source + 1);
    int64_t tokens = ai_tokens(cited), left = x->request->max_tokens - x->tokens;
    if (tokens > left) {
        x->full = true;
        if (x->said.len > 0) return NULL;
        cited = ai_tokens_cut(sentence, left);
        if (cited.len == 0) return NULL;
    }
    Str piece = x->said.len > 0 ? str_concat(c->arena, S(" "), cited) : cited;
    buf_add(&x->said, piece);
    x->tokens += tokens;
    return x->request->on_text ? x->request->on_text(c, piece, x->request->arg) : NULL;
}

/* The chosen ones, first those in the question's language, as they stand in their sources. */
static Err *say_chosen(Ctx *c, Saying *x, const Sentences *s, bool cited) {
    for (int other = 0; other < 2; other++)
        for (ptrdiff_t i = 0; i < s->count && !x->full; i++) {
            const Sentence *one = &s->items[i];
            if (one->chosen && one->other_language == (other == 1))
                TRY(say(c, x, one->text, cited ? one->source : -1));
        }
    return NULL;
}

/* What is to be said, found without waiting: for large texts on the pool. */
typedef struct Choice {
    Arena *arena;
    const ChatRequest *request;
    Sentences all;
    Language language;
    bool known;
} Choice;

static void answer_choose(void *arg) {
    Choice *x = arg;
    Str question = question_of(x->arena, x->request);
    Terms terms = terms_of(x->arena, str_utf8_cut(question, QUESTION_MOST));
    x->language = text_spoken(x->arena, question);
    x->all = sources_read(x->arena, x->request);
    Sentences *s = &x->all;
    for (ptrdiff_t i = 0; i < s->count; i++)
        s->items[i].other_language = text_spoken(x->arena, s->items[i].text) != x->language;
    double most = terms.count > 0 ? sentences_ask(x->arena, s, &terms) : 0;
    x->known = most >= cover_least && choose(s, cover_least, ANSWER_SENTENCES) > 0;
}

static void summary_choose(void *arg) {
    Choice *x = arg;
    x->all = messages_read(x->arena, x->request);
    x->language = text_spoken(x->arena, question_of(x->arena, x->request));
    x->known = x->all.count > 0;
    sentences_centre(x->arena, &x->all);
    ptrdiff_t most = min_size((x->all.count + 2) / 3, SUMMARY_SENTENCES);
    for (ptrdiff_t n = 0; n < most; n++) choose(&x->all, 0, 1);
}

static ptrdiff_t request_bytes(const ChatRequest *r) {
    ptrdiff_t sum = 0;
    for (ptrdiff_t i = 0; i < r->message_count; i++)
        for (ptrdiff_t k = 0; k < r->messages[i].count; k++)
            sum += r->messages[i].parts[k].text.len;
    for (ptrdiff_t i = 0; i < r->source_count; i++) sum += r->sources[i].text.len;
    return sum;
}

static Err *text_say(Ctx *c, Saying *x) {
    Choice choice = {.arena = c->arena, .request = x->request};
    bool cited = x->request->source_count > 0;
    void (*fn)(void *arg) = cited ? answer_choose : summary_choose;
    if (request_bytes(x->request) > SMALL_BYTES)
        TRY(offload(c, LANE_SHORT, fn, &choice));
    else
        fn(&choice);
    if (!choice.known) return say(c, x, str_c(unknown[choice.language]), -1);
    return say_chosen(c, x, &choice.all, cited);
}

static Err *bad_answer(Ctx *c) {
    Err *err = err_new(c, ERR_UPSTREAM, __func__,
                       "What local was given does not fill the schema, and it makes nothing up");
    err->code = S("ai_bad_answer");
    return err;
}

static Err *schema_say(Ctx *c, Saying *x) {
    const ChatRequest *r = x->request;
    json_t *schema;
    TRY(json_parse(c, r->schema.text, &schema));
    Sentences s = r->source_count ? sources_read(c->arena, r) : messages_read(c->arena, r);
    json_t *value = local_fill(c, schema, &s);
    if (!value) return bad_answer(c);
    buf_json_value(&x->said, value);
    x->tokens = ai_tokens(buf_str(&x->said));
    return r->on_text ? r->on_text(c, buf_str(&x->said), r->arg) : NULL;
}

static int64_t request_tokens(const ChatRequest *r) {
    int64_t sum = ai_tokens(r->system);
    for (ptrdiff_t i = 0; i < r->message_count; i++)
        for (ptrdiff_t k = 0; k < r->messages[i].count; k++)
            sum += ai_tokens(r->messages[i].parts[k].text);
    for (ptrdiff_t i = 0; i < r->source_count; i++) sum += ai_tokens(r->sources[i].text);
    return sum;
}

static Err *local_chat(Ctx *c, const ChatRequest *r, ChatAnswer *out) {
    bool wants_tool = str_eq(r->tool_choice, S("any"));
    for (ptrdiff_t i = 0; i < r->tool_count; i++)
        wants_tool = wants_tool || str_eq(r->tool_choice, r->tools[i].name);
    if (wants_tool)
        FAIL(c, NOT_CONFIGURED, "local calls no tools: AI_CHAT_PROVIDER names who does");
    Saying x = {.request = r, .said = buf_new(c->arena, 1024)};
    if (!str_is_empty(r->schema.text))
        TRY(schema_say(c, &x));
    else
        TRY(text_say(c, &x));
    ChatPart *part = arena_new_of(c->arena, ChatPart);
    *part = (ChatPart){.kind = CHAT_TEXT, .text = buf_str(&x.said)};
    *out = (ChatAnswer){
        .text = part->text,
        .parts = part,
        .count = 1,
        .end = x.full ? CHAT_LENGTH : CHAT_DONE,
        .reason = x.full ? S("max_tokens") : S("stop"),
        .usage = {.tokens_in = request_tokens(r), .tokens_out = x.tokens, .estimated = true},
        .origin = {.provider = S("local"), .model = S("local")},
    };
    return NULL;
}

/* -- Vectors ------------------------------------------------------------------------------------------ */

typedef struct Work {
    Arena *arena;
    EmbedCall *call;
} Work;

static void vectors_make(void *arg) {
    const Work *w = arg;
    EmbedCall *call = w->call;
    for (ptrdiff_t i = 0; i < call->count; i++)
        local_vector(w->arena, call->texts[i], call->dimensions,
                     call->vectors + i * call->dimensions);
}

static Err *local_embed(Ctx *c, EmbedCall *call) {
    Work w = {c->arena, call};
    ptrdiff_t bytes = 0;
    for (ptrdiff_t i = 0; i < call->count; i++) bytes += call->texts[i].len;
    call->origin = (AiOrigin){.provider = S("local"), .model = local_embed_model()};
    if (bytes > SMALL_BYTES) return offload(c, LANE_SHORT, vectors_make, &w);
    vectors_make(&w);
    return NULL;
}

const Provider provider_local = {
    .name = "local",
    .chat_model = local_model,
    .embed_model = local_embed_model,
    .speak_model = local_model,
    .chat = local_chat,
    .embed = local_embed,
    .embed_most = 64,
    .speak = local_speak,
};
