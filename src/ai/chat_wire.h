/* SPDX-License-Identifier: Apache-2.0
 * What the chat providers have in common. A dialect says how one service's JSON is read; the reader
 * puts an answer together from it, whole or in pieces:
 *
 *   chat_exchange ─▶ wire_post ─▶ dialect.whole ─┐
 *                 └▶ wire_stream ─▶ dialect.event ─┴▶ chat_draft, chat_add… ─▶ parts of the answer
 *
 * Bounds: CHAT_PARTS_MAX parts, CHAT_ANSWER_MAX bytes of all of them. on_text gets valid UTF-8
 * only: a code point that a service cuts in two (in its JSON, against the rules) waits for its
 * other half. */
#ifndef SOCLE_AI_CHAT_WIRE_H
#define SOCLE_AI_CHAT_WIRE_H

#include "ai/wire.h"

enum {
    CHAT_PARTS_MAX = 128,
    CHAT_ANSWER_MAX = 2 * 1024 * 1024,
    CHAT_WHOLE_MAX = 8 * 1024 * 1024, /* of an answer that is not streamed, as JSON */
    CHAT_MAX_TOKENS = 1024,           /* where the request names none */
};

/* -- the request ------------------------------------------------------------------------------- */

/* INVALID for parts that no service takes: of another role's, without the id, name or bytes they
 * need, with malformed JSON. */
MUST_USE Err *chat_check(Ctx *c, const ChatRequest *request);
/* System text and sources, as one; null without either. */
Str chat_system_text(Ctx *c, const ChatRequest *request);
/* The request's schema as services take it that refuse what they do not enforce: objects are
 * closed, and the keywords named (a NULL-ended list) go into descriptions. *all_required: every
 * object requires all it has. */
MUST_USE Err *chat_schema(Ctx *c, JsonText schema, const char *const *without, Str *out,
                          bool *all_required);
/* "data:image/png;base64,…" */
Str chat_data_url(Arena *arena, const ChatPart *part);
/* The base64 of a part's data alone. */
Str chat_base64(Arena *arena, const ChatPart *part);
/* url + path, whether or not the url ends with a slash. */
Str chat_url(Arena *arena, Str base, const char *path);

/* -- the answer -------------------------------------------------------------------------------- */

typedef struct ChatDraft {
    ChatPartKind kind;
    int64_t index; /* the service's number of it; -1 */
    Buf text, id, name, signature; /* signature: goes back with the part, unchanged */
    bool ready; /* opaque: `text` is its JSON already, else the dialect makes it */
} ChatDraft;

typedef struct ChatReader ChatReader;

typedef struct ChatDialect {
    const char *provider;
    /* One event of a stream; a whole answer; one with a bad status, which may turn out
     * to be an answer (a filter's refusal). JSON lives until they return. */
    Err *(*event)(Ctx *c, ChatReader *r, const json_t *event);
    Err *(*whole)(Ctx *c, ChatReader *r, const json_t *answer);
    Err *(*failure)(Ctx *c, ChatReader *r, const HttpAnswer *answer);
    /* An opaque part's JSON; NULL for dialects that have none. */
    Str (*opaque)(Arena *arena, const ChatDraft *draft);
    bool lists; /* an answer may be an array of such answers, one after the other */
} ChatDialect;

extern const ChatDialect openai_dialect, anthropic_dialect, mistral_dialect, gemini_dialect,
    vertex_dialect;

struct ChatReader {
    const ChatDialect *dialect;
    const ChatRequest *request;
    ChatAnswer *out;
    HttpAnswer answer;
    SideArena *side;
    ChatDraft *drafts; /* CHAT_PARTS_MAX */
    ptrdiff_t count, bytes;
    Buf raw;      /* a stream's answer that is no event stream */
    json_t *json; /* being read */
    bool mended;  /* its invalid bytes stand as private code points */
    char held[4]; /* the beginning of a code point whose rest has not come */
    int held_len;
    bool ended;  /* the service said why it ended */
    bool unsure; /* but it says so before its end, too: only a good end of the stream is one */
    bool over;  /* nothing more is to come */
    bool used;  /* it told its usage */
    int64_t started_us;
};

/* Send and read. Fills *out (parts and texts in c's arena) but for json; usage and origin also
 * where it fails. */
MUST_USE Err *chat_exchange(Ctx *c, const ChatDialect *dialect, const ChatRequest *request,
                            WireCall call, ChatAnswer *out);

/* The same of an answer that is at hand, body and all; a stream's comes in pieces as played ones
 * do. Does not wait. */
MUST_USE Err *chat_read(Ctx *c, const ChatDialect *dialect, const ChatRequest *request,
                        const HttpAnswer *answer, ChatAnswer *out);

/* The draft of that kind and index, made where it is not there; NULL over CHAT_PARTS_MAX (*err
 * says so). */
ChatDraft *chat_draft(Ctx *c, ChatReader *r, ChatPartKind kind, int64_t index, Err **err);
/* The text part under way: pieces of text belong to it until another part begins. */
MUST_USE Err *chat_add_text(Ctx *c, ChatReader *r, ChatDraft *draft, Str piece);
/* Into a draft's id, name, signature, or text that nobody is told. */
MUST_USE Err *chat_add(Ctx *c, ChatReader *r, Buf *to, Str piece);
/* A whole JSON value. */
MUST_USE Err *chat_add_json(Ctx *c, ChatReader *r, Buf *to, const json_t *value);
/* Why it ended, and the service's word for it. */
void chat_end(Ctx *c, ChatReader *r, ChatEnd end, Str reason);
/* The name of the model that answered. */
void chat_model_said(Ctx *c, ChatReader *r, Str model);
/* A count of tokens; false (and nothing changed) where it is none. */
bool chat_count(const json_t *value, int64_t *to);
/* UPSTREAM `ai_bad_answer`. */
Err *chat_bad(Ctx *c, const ChatReader *r, const char *what);
/* The failure that an error inside an answer of status 200 stands for: its type and code say which
 * status it would have had. */
Err *chat_failure_inside(Ctx *c, ChatReader *r, Str code, Str type, Str message);
/* Lenient parse, released by the next one and at c's end; NULL when it is no JSON. */
json_t *chat_parse(ChatReader *r, Str text);
/* Bytes that are no UTF-8 as private code points U+F780…U+F7FF, unpaired surrogate escapes as
 * U+FFFD: JSON that a strict reader takes. */
Str chat_mend(Arena *arena, Str text);

/* -- chat/completions, which OpenAI and Mistral share (chat_wire_completions.c) ---------------- */

typedef struct CompletionsStyle {
    const char *max_tokens; /* the member's name */
    bool temperature;       /* the model takes one */
    double temperature_max;
    bool mistral; /* ids of nine characters, order of roles, `any`, thinking as chunks */
} CompletionsStyle;

MUST_USE Err *completions_body(Ctx *c, const ChatRequest *request, const CompletionsStyle *style,
                               Arena *arena, Str *out);
Err *completions_event(Ctx *c, ChatReader *r, const json_t *event);
Err *completions_whole(Ctx *c, ChatReader *r, const json_t *answer);
Err *completions_failure(Ctx *c, ChatReader *r, const HttpAnswer *answer);
/* The error of a bad status whose body is this JSON, or none (NULL). */
Err *completions_error(Ctx *c, const char *provider, const HttpAnswer *answer, const json_t *body);
Str completions_opaque(Arena *arena, const ChatDraft *draft);
/* An id as Mistral takes it: nine letters and digits; others are hashed to such. */
Str completions_short_id(Arena *arena, Str id);

#endif
