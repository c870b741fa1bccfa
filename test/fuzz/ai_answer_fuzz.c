/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as an answer of a chat service, whole, streamed, or failed: cut anywhere it is the same
 * answer, and what it gives keeps its promises. The first byte says which service and shape, the
 * second the length of the pieces, the third the status. */
#include "ai/chat_wire.h"
#include "ai/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static Err *tell(Ctx *c, Str piece, void *arg) {
    (void)c;
    assert(piece.len > 0 && str_utf8_valid(piece) && str_find_byte(piece, '\0') < 0);
    buf_add(arg, piece);
    return NULL;
}

static void part_check(Ctx *c, const ChatPart *p) {
    json_t *json = NULL;
    if (p->kind == CHAT_TEXT) return;
    Err *err = json_parse(c, p->text, &json);
    assert(!err && json_is_object(json));
    if (p->kind == CHAT_TOOL_CALL) assert(p->id.len > 0 && p->name.len > 0);
}

/* Everything that an answer says, as text; of a failure its kind and code, and what was told. */
static Str outcome(Ctx *c, const ChatDialect *dialect, const HttpAnswer *answer, bool streamed) {
    ChatPart part = {.kind = CHAT_TEXT, .text = S("?")};
    ChatMessage message = {CHAT_USER, &part, 1};
    Buf told = buf_new(c->arena, 256), said = buf_new(c->arena, 256);
    ChatRequest q = {.model = S("m"), .messages = &message, .message_count = 1};
    ChatAnswer a = {0};
    if (streamed) q.on_text = tell;
    q.arg = &told;
    Err *err = chat_read(c, dialect, &q, answer, &a);
    buf_f(&said, "%d %lld %lld ", err ? (int)err->kind : -1, (long long)a.usage.tokens_in,
          (long long)a.usage.tokens_out);
    buf_add(&said, buf_str(&told));
    if (err) return str_concat(c->arena, buf_str(&said), err_code(err));
    assert(str_utf8_valid(a.text) && a.text.len <= CHAT_ANSWER_MAX && a.count <= CHAT_PARTS_MAX);
    assert(!streamed || str_eq(a.text, buf_str(&told)));
    buf_f(&said, "|%d %.*s|", (int)a.end, S_ARG(a.reason));
    buf_add(&said, a.text);
    for (ptrdiff_t i = 0; i < a.count; i++) {
        part_check(c, &a.parts[i]);
        buf_f(&said, "|%d %.*s %.*s ", (int)a.parts[i].kind, S_ARG(a.parts[i].id),
              S_ARG(a.parts[i].name));
        buf_add(&said, a.parts[i].text);
        buf_add(&said, a.parts[i].signature);
    }
    return buf_str(&said);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const ChatDialect *const dialects[] = {&openai_dialect, &anthropic_dialect,
                                                  &mistral_dialect, &gemini_dialect};
    static const int statuses[] = {200, 200, 200, 400, 404, 429, 500, 302};
    if (size < 3 || size > 64 * 1024) return 0;
    Ctx c = {.arena = arena_new(512 * MIB)};
    /* The first three keep the numbers that saved inputs have. */
    int dialect = data[0] < 200 ? data[0] % 3 : 3;
    int shape = data[0] / 3 % 3; /* whole, streamed, asked to stream but whole */
    Header type = {S("Content-Type"), shape == 1 ? S("text/event-stream") : S("application/json")};
    HttpAnswer answer = {.status = statuses[data[2] % COUNT(statuses)],
                         .headers = &type,
                         .header_count = 1,
                         .body = str_of((const char *)data + 3, (ptrdiff_t)size - 3)};
    ai_settings.play_bytes = 0;
    Str whole = outcome(&c, dialects[dialect], &answer, shape > 0);
    ai_settings.play_bytes = data[1] + 1;
    Str cut = outcome(&c, dialects[dialect], &answer, shape > 0);
    assert(str_eq(whole, cut));
    ctx_undo(&c, NULL);
    arena_free(c.arena);
    return 0;
}
