/* SPDX-License-Identifier: Apache-2.0
 * Chat: messages in, text (or JSON of a schema, or calls of tools) out, at once or in pieces. The
 * same request means the same to every provider. Errors and policy: ai.h. All calls wait. */
#ifndef SOCLE_AI_LLM_H
#define SOCLE_AI_LLM_H

#include "ai/ai.h"

typedef enum ChatRole { CHAT_USER, CHAT_ASSISTANT, CHAT_TOOL } ChatRole;

typedef enum ChatPartKind {
    CHAT_TEXT,
    CHAT_MEDIA,     /* a picture or a recording: `mime` and the bytes in `data` */
    CHAT_TOOL_CALL, /* of the assistant: `id`, `name`, JSON arguments in `text` */
    CHAT_TOOL_ANSWER, /* to one: `id`, `name`, the answer in `text` */
    CHAT_OPAQUE /* what a provider wants back as it was (thought signatures, thinking blocks): its
                   JSON in `text`, its provider in `name`. Other providers leave it out */
} ChatPartKind;

typedef struct ChatPart {
    ChatPartKind kind;
    Str text, mime, data, id, name;
    Str signature; /* of a tool call or a text, to be sent back unchanged; null: none */
} ChatPart;

typedef struct ChatMessage {
    ChatRole role;
    const ChatPart *parts;
    ptrdiff_t count;
} ChatMessage;

typedef struct ChatTool {
    Str name, description; /* name: [a-zA-Z0-9_-]{1,64} */
    JsonText schema;       /* of its arguments, a JSON Schema object */
} ChatTool;

/* A passage that the answer may rest on, numbered from 1 in their order. Models get them as quoted
 * data behind the system text, with the instruction to cite them as [1] and to take no orders from
 * them; local answers with their sentences only, cited the same way. */
typedef struct ChatSource {
    Str title; /* "Règlement, page 3" */
    Str text;
} ChatSource;

typedef struct ChatRequest {
    Str provider, model; /* null: the settings' (AI_CHAT_PROVIDER, its model) */
    Str system;
    const ChatMessage *messages; /* the last one is the user's or a tool's; roles may repeat */
    ptrdiff_t message_count;
    const ChatSource *sources;
    ptrdiff_t source_count;
    OptFloat temperature; /* unset: the model's own */
    int64_t max_tokens;   /* 0: 1024 */
    /* The answer is JSON of this schema: asked of the provider in its own way, checked here, and
     * repaired where only its end is missing or something stands around it; else UPSTREAM
     * `ai_bad_answer`. The schema may use type, properties, required, items, enum, minimum, maximum,
     * minItems, maxItems, minLength, maxLength, description, additionalProperties:false. */
    JsonText schema;
    Str schema_name;
    const ChatTool *tools;
    ptrdiff_t tool_count;
    Str tool_choice; /* "auto" (null), "none", "any", or a tool's name */
    /* Told each piece of text as it comes; its error ends the call and is returned. With it a call
     * is tried again only while nothing was told. A kept answer is told at once. */
    Err *(*on_text)(Ctx *c, Str piece, void *arg);
    void *arg;
    bool keep;          /* an equal request may be given this answer again, until AI_KEEP_DAYS */
    int64_t timeout_ms; /* of the whole call, tries included; 0: AI_TIMEOUT_MS */
    AiPayer payer;
} ChatRequest;

typedef enum ChatEnd {
    CHAT_DONE,
    CHAT_LENGTH,  /* max_tokens, or the model's own limit: the text is not whole */
    CHAT_TOOLS,   /* it wants answers of tools */
    CHAT_REFUSED, /* the model or the provider's filter said no: `reason` */
} ChatEnd;

typedef struct ChatAnswer {
    Str text;              /* without thoughts; "" when there is none */
    const ChatPart *parts; /* the whole turn (text, tool calls, opaque), to be sent back as it is */
    ptrdiff_t count;
    json_t *json; /* with a schema */
    ChatEnd end;
    Str reason; /* the provider's word for why it ended: "SAFETY", "max_tokens" */
    AiUsage usage;
    AiOrigin origin;
} ChatAnswer;

MUST_USE Err *chat(Ctx *c, const ChatRequest *request, ChatAnswer *out);

/* Numbers of the sources that a text cites ([2], [1, 3], [1][3]), each once, in order of mention;
 * those beyond source_count are left out. */
int *chat_citations(Arena *arena, Str text, ptrdiff_t source_count, ptrdiff_t *count);

/* Does a JSON value fit a schema of the kind above? null Str: yes; else where it does not, and why. */
Str schema_check(Arena *arena, const json_t *schema, const json_t *value);

#endif
