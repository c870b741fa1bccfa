/* SPDX-License-Identifier: Apache-2.0
 * Putting a chat answer together. Drafts grow in an arena of the reader's own; what they have
 * become is copied into c's at the end, when its size is known to be within bounds. */
#include "ai/chat_wire.h"
#include "core/time.h"

enum { SIDE_BUDGET = 256 * 1024 * 1024, TOKENS_MAX = 1000 * 1000 * 1000 };

/* -- the reader -------------------------------------------------------------------------------- */

static void json_undo(void *arg) {
    ChatReader *r = arg;
    json_decref(r->json);
    r->json = NULL;
}

static ChatReader *reader_new(Ctx *c, const ChatDialect *dialect, const ChatRequest *request,
                              ChatAnswer *out) {
    assert(dialect->event && dialect->whole && dialect->failure);
    ChatReader *r = arena_new_of(c->arena, ChatReader);
    out->text = out->reason = S("");
    out->origin =
        (AiOrigin){.provider = str_c(dialect->provider), .model = request->model, .tries = 1};
    r->dialect = dialect;
    r->request = request;
    r->out = out;
    r->side = side_new(c, SIDE_BUDGET);
    r->drafts = arena_array(r->side->arena, ChatDraft, CHAT_PARTS_MAX);
    r->raw = buf_new(r->side->arena, 0);
    r->started_us = mono_us();
    defer(c, json_undo, r);
    return r;
}

Err *chat_bad(Ctx *c, const ChatReader *r, const char *what) {
    return ai_err(c, ERR_UPSTREAM, "ai_bad_answer", __func__, "%s %s.", r->dialect->provider, what);
}

json_t *chat_parse(ChatReader *r, Str text) {
    json_decref(r->json);
    r->json = NULL;
    r->mended = false;
    if (json_too_deep_at(text) >= 0) return NULL;
    r->json = json_loadb(text.data, (size_t)text.len, JSON_ALLOW_NUL, NULL);
    if (r->json) return r->json;
    ArenaMark mark = arena_mark(r->side->arena);
    Str mended = chat_mend(r->side->arena, text);
    r->json = json_loadb(mended.data, (size_t)mended.len, JSON_ALLOW_NUL, NULL);
    r->mended = r->json != NULL;
    arena_release(r->side->arena, mark);
    return r->json;
}

/* -- text that is not as it should be ---------------------------------------------------------- */

enum { PRIVATE_FIRST = 0xF700 }; /* and the byte: U+F780…U+F7FF */

static bool is_hex(char b) {
    return (b >= '0' && b <= '9') || (b >= 'a' && b <= 'f') || (b >= 'A' && b <= 'F');
}

/* The code unit of an escape \uXXXX at `at`; -1: there is none. */
static int32_t escape_at(Str s, ptrdiff_t at) {
    if (at + 6 > s.len || s.data[at] != '\\' || s.data[at + 1] != 'u') return -1;
    int32_t unit = 0;
    for (ptrdiff_t i = at + 2; i < at + 6; i++) {
        char b = s.data[i];
        if (!is_hex(b)) return -1;
        unit = unit * 16 + (b <= '9' ? b - '0' : (b | 0x20) - 'a' + 10);
    }
    return unit;
}

static ptrdiff_t escape_mend(Buf *b, Str s, ptrdiff_t at) {
    int32_t unit = escape_at(s, at);
    if (unit < 0xD800 || unit > 0xDFFF) {
        buf_add(b, str_slice(s, at, at + 2));
        return min_size(at + 2, s.len);
    }
    int32_t next = unit < 0xDC00 ? escape_at(s, at + 6) : -1;
    bool pair = next >= 0xDC00 && next <= 0xDFFF;
    buf_add(b, pair ? str_slice(s, at, at + 12) : S("\\uFFFD"));
    return at + (pair ? 12 : 6);
}

static void private_add(Buf *b, unsigned char byte) {
    int32_t code = PRIVATE_FIRST + byte;
    buf_byte(b, (char)(0xE0 | (code >> 12)));
    buf_byte(b, (char)(0x80 | ((code >> 6) & 0x3F)));
    buf_byte(b, (char)(0x80 | (code & 0x3F)));
}

/* Bytes of the valid sequence at `at`; 0: it is none. */
static ptrdiff_t sequence_at(Str s, ptrdiff_t at) {
    for (ptrdiff_t len = 1; len <= 4 && at + len <= s.len; len++)
        if (str_utf8_valid(str_slice(s, at, at + len))) return len;
    return 0;
}

Str chat_mend(Arena *arena, Str s) {
    Buf b = buf_new(arena, s.len + 64);
    for (ptrdiff_t at = 0; at < s.len;) {
        unsigned char byte = (unsigned char)s.data[at];
        if (byte == '\\') {
            at = escape_mend(&b, s, at);
        } else if (byte < 0x80) {
            buf_byte(&b, s.data[at++]);
        } else {
            ptrdiff_t len = sequence_at(s, at);
            if (len)
                buf_add(&b, str_slice(s, at, at + len));
            else
                private_add(&b, byte);
            at += max_size(len, 1);
        }
    }
    return buf_str(&b);
}

/* Private code points back to the bytes they stand for. */
static void bytes_add(Buf *b, Str s) {
    for (ptrdiff_t at = 0; at < s.len;) {
        ptrdiff_t from = at;
        int32_t code = str_utf8_next(s, &at);
        if (code >= PRIVATE_FIRST + 0x80 && code <= PRIVATE_FIRST + 0xFF)
            buf_byte(b, (char)(code - PRIVATE_FIRST));
        else
            buf_add(b, str_slice(s, from, at));
    }
}

/* May more bytes make these one code point? */
static bool is_beginning(Str s) {
    unsigned char b = s.len ? (unsigned char)s.data[0] : 0;
    ptrdiff_t whole = b >= 0xF0 && b <= 0xF4  ? 4
                      : b >= 0xE0 && b < 0xF0 ? 3
                      : b >= 0xC2 && b < 0xE0 ? 2
                                              : 0;
    if (s.len >= whole) return false;
    for (ptrdiff_t i = 1; i < s.len; i++)
        if (((unsigned char)s.data[i] & 0xC0) != 0x80) return false;
    return true;
}

/* What of `s` is text, without NUL, U+FFFD for bytes that are none. A beginning at its end is
 * held. */
static Str clean(ChatReader *r, Arena *arena, Str s, bool more) {
    Buf b = buf_new(arena, s.len + 16);
    r->held_len = 0;
    for (ptrdiff_t at = 0; at < s.len;) {
        ptrdiff_t len = sequence_at(s, at);
        Str rest = str_slice(s, at, s.len);
        if (!len && more && is_beginning(rest)) {
            memcpy(r->held, rest.data, (size_t)rest.len);
            r->held_len = (int)rest.len;
            break;
        }
        if (!len)
            buf_add(&b, S("\xEF\xBF\xBD"));
        else if (s.data[at] != '\0')
            buf_add(&b, str_slice(s, at, at + len));
        at += max_size(len, 1);
    }
    return buf_str(&b);
}

static Err *text_tell(Ctx *c, ChatReader *r, Buf *to, Str text) {
    if (text.len == 0) return NULL;
    r->bytes += text.len;
    if (r->bytes > CHAT_ANSWER_MAX) return chat_bad(c, r, "answered with more than 2 MiB of text");
    buf_add(to, text);
    if (!r->request->on_text) return NULL;
    if (!r->out->origin.first_ms)
        r->out->origin.first_ms = max_i64(1, (mono_us() - r->started_us) / US_PER_MS);
    return r->request->on_text(c, text, r->request->arg);
}

/* What is held of the last text part, when nothing can complete it any more. */
static Err *held_flush(Ctx *c, ChatReader *r) {
    if (!r->held_len) return NULL;
    r->held_len = 0;
    return text_tell(c, r, &r->drafts[r->count - 1].text, S("\xEF\xBF\xBD"));
}

Err *chat_add_text(Ctx *c, ChatReader *r, ChatDraft *draft, Str piece) {
    assert(draft->kind == CHAT_TEXT);
    bool last = draft == &r->drafts[r->count - 1];
    bool plain = !r->mended && !(last && r->held_len) && str_find_byte(piece, '\0') < 0;
    if (plain) return text_tell(c, r, &draft->text, piece);
    Buf whole = buf_new(c->arena, piece.len + 8);
    if (last) buf_add(&whole, str_of(r->held, r->held_len));
    if (r->mended)
        bytes_add(&whole, piece);
    else
        buf_add(&whole, piece);
    int held_len = r->held_len;
    Str text = clean(r, c->arena, buf_str(&whole), last);
    if (!last) r->held_len = held_len;
    return text_tell(c, r, &draft->text, text);
}

Err *chat_add(Ctx *c, ChatReader *r, Buf *to, Str piece) {
    r->bytes += piece.len;
    if (r->bytes > CHAT_ANSWER_MAX) return chat_bad(c, r, "answered with more than 2 MiB");
    buf_add(to, piece);
    return NULL;
}

Err *chat_add_json(Ctx *c, ChatReader *r, Buf *to, const json_t *value) {
    ptrdiff_t before = to->len;
    buf_json_value(to, value);
    r->bytes += to->len - before;
    return r->bytes > CHAT_ANSWER_MAX ? chat_bad(c, r, "answered with more than 2 MiB") : NULL;
}

/* -- what dialects say ------------------------------------------------------------------------- */

ChatDraft *chat_draft(Ctx *c, ChatReader *r, ChatPartKind kind, int64_t index, Err **err) {
    for (ptrdiff_t i = r->count - 1; i >= 0; i--) {
        ChatDraft *d = &r->drafts[i];
        if (d->kind == kind && d->index == index && (index >= 0 || i == r->count - 1)) return d;
    }
    *err = r->count == CHAT_PARTS_MAX ? chat_bad(c, r, "answered with more than 128 parts")
                                      : held_flush(c, r);
    if (*err) return NULL;
    ChatDraft *d = &r->drafts[r->count++];
    *d = (ChatDraft){.kind = kind, .index = index};
    d->text = d->id = d->name = d->signature = buf_new(r->side->arena, 0);
    return d;
}

void chat_end(Ctx *c, ChatReader *r, ChatEnd end, Str reason) {
    r->ended = true;
    if (r->out->end != CHAT_REFUSED) r->out->end = end;
    r->out->reason = str_copy(c->arena, str_utf8_cut(reason, 100));
}

void chat_model_said(Ctx *c, ChatReader *r, Str model) {
    if (model.len == 0 || str_eq(model, r->out->origin.model)) return;
    r->out->origin.model = str_copy(c->arena, str_utf8_cut(model, 200));
}

bool chat_count(const json_t *value, int64_t *to) {
    int64_t count;
    if (!json_is_number(value) || !json_i64(value, &count) || count < 0 || count > TOKENS_MAX)
        return false;
    *to = count;
    return true;
}

Err *chat_failure_inside(Ctx *c, ChatReader *r, Str code, Str type, Str message) {
    static const struct {
        const char *word;
        int status;
    } rows[] = {{"overloaded", 529}, {"rate_limit", 429}, {"quota", 429},
                {"billing", 402},    {"authentic", 401},  {"api_key", 401},
                {"permission", 403}, {"not_found", 404},  {"too_large", 413},
                {"timeout", 504},    {"invalid", 400},    {"context_length", 400}};
    HttpAnswer answer = r->answer;
    Str words[] = {str_lower(c->arena, code), str_lower(c->arena, type)};
    int64_t number = 0;
    answer.status = str_to_i64(code, &number) && number >= 400 && number < 600 ? (int)number : 0;
    for (ptrdiff_t i = 0; i < COUNT(rows) && !answer.status; i++)
        if (str_find(words[0], str_c(rows[i].word)) >= 0 ||
            str_find(words[1], str_c(rows[i].word)) >= 0)
            answer.status = rows[i].status;
    if (!answer.status) answer.status = 500;
    return wire_failure(c, r->dialect->provider, &answer, code, type, message);
}

/* -- the end ----------------------------------------------------------------------------------- */

/* False: the arguments of a call of a tool are no JSON object. None at all are `{}`. */
static bool arguments_read(Ctx *c, ChatReader *r, const ChatDraft *d, Str *out) {
    Str text = str_trim(buf_str(&d->text));
    if (text.len == 0 || str_eq(text, S("null"))) text = S("{}");
    json_t *json = chat_parse(r, text);
    if (!json_is_object(json)) return false;
    Buf b = buf_new(c->arena, text.len + 16);
    buf_json_value(&b, json);
    *out = buf_str(&b);
    return true;
}

static Err *call_finish(Ctx *c, ChatReader *r, const ChatDraft *d, ChatPart *part, bool *whole) {
    *part = (ChatPart){.kind = CHAT_TOOL_CALL,
                       .id = str_copy(c->arena, buf_str(&d->id)),
                       .name = str_copy(c->arena, buf_str(&d->name))};
    if (d->signature.len) part->signature = str_copy(c->arena, buf_str(&d->signature));
    if (d->id.len == 0) part->id = strf(c->arena, "call_%td", d - r->drafts);
    *whole = arguments_read(c, r, d, &part->text);
    if (!*whole && r->out->end != CHAT_LENGTH && r->out->end != CHAT_REFUSED)
        return chat_bad(c, r, "called a tool with arguments that are no JSON object");
    return d->name.len ? NULL : chat_bad(c, r, "called a tool without a name");
}

static Err *parts_finish(Ctx *c, ChatReader *r) {
    ChatPart *parts = arena_array(c->arena, ChatPart, r->count + 1);
    Buf text = buf_new(c->arena, 256);
    ptrdiff_t count = 0, calls = 0;
    for (ptrdiff_t i = 0; i < r->count; i++) {
        const ChatDraft *d = &r->drafts[i];
        bool whole = d->text.len > 0 || d->signature.len > 0;
        ChatPart part = {.kind = d->kind};
        if (d->kind == CHAT_TOOL_CALL) {
            TRY(call_finish(c, r, d, &part, &whole));
            calls += whole;
        } else if (d->kind == CHAT_TEXT) {
            part.text = str_copy(c->arena, buf_str(&d->text));
            if (d->signature.len) part.signature = str_copy(c->arena, buf_str(&d->signature));
            buf_add(&text, part.text);
        } else if (whole) {
            part.text =
                d->ready ? str_copy(c->arena, buf_str(&d->text)) : r->dialect->opaque(c->arena, d);
            part.name = str_c(r->dialect->provider);
        }
        if (whole) parts[count++] = part;
    }
    r->out->parts = parts;
    r->out->count = count;
    r->out->text = buf_str(&text);
    if (r->out->end == CHAT_DONE && calls) r->out->end = CHAT_TOOLS;
    if (r->out->end == CHAT_TOOLS && !calls) r->out->end = CHAT_DONE;
    return NULL;
}

static Err *stream_event(Ctx *c, Str event, Str data, void *arg) {
    ChatReader *r = arg;
    if (str_eq(event, S("raw"))) {
        if (r->raw.len + data.len > CHAT_WHOLE_MAX)
            return chat_bad(c, r, "answered with over 8 MiB");
        buf_add(&r->raw, data);
        return NULL;
    }
    if (str_eq(str_trim(data), S("[DONE]"))) {
        r->over = r->ended = true;
        return NULL;
    }
    const json_t *json = chat_parse(r, data);
    if (!json && str_eq(event, S("unfinished"))) return NULL; /* cut in two, and said to be so */
    if (!json_is_object(json)) return chat_bad(c, r, "sent an event that is no JSON object");
    return r->dialect->event(c, r, json);
}

static Err *list_read(Ctx *c, ChatReader *r, const json_t *list) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        if (!json_is_object(one)) return chat_bad(c, r, "answered with what is no JSON object");
        TRY(r->dialect->whole(c, r, one));
    }
    return NULL;
}

static Err *whole_read(Ctx *c, ChatReader *r, Str body) {
    const json_t *json = chat_parse(r, body);
    if (r->dialect->lists && json_is_array(json))
        TRY(list_read(c, r, json));
    else if (json_is_object(json))
        TRY(r->dialect->whole(c, r, json));
    else
        return chat_bad(c, r, "answered with what is no JSON object");
    return r->ended ? NULL : chat_bad(c, r, "answered without saying why it ended");
}

static Err *answer_read(Ctx *c, ChatReader *r, bool streamed) {
    if (r->answer.status >= 400) return r->dialect->failure(c, r, &r->answer);
    if (r->answer.status < 200 || r->answer.status >= 300)
        return wire_failure(c, r->dialect->provider, &r->answer, (Str){0}, (Str){0}, (Str){0});
    if (!streamed) return whole_read(c, r, r->answer.body);
    if (r->raw.len) return whole_read(c, r, buf_str(&r->raw));
    if (r->ended) return NULL;
    AI_FAIL(c, UPSTREAM, "ai_cut_short", "%s cut its answer short.", r->dialect->provider);
}

static Str request_id(Ctx *c, const HttpAnswer *answer) {
    Str id = answer_header(answer, S("x-request-id"));
    if (str_is_null(id)) id = answer_header(answer, S("request-id"));
    if (str_is_null(id)) id = answer_header(answer, S("mistral-correlation-id"));
    return str_is_null(id) ? id : str_copy(c->arena, str_utf8_cut(id, 200));
}

/* What has come becomes the answer, or *err the reason why it does not. */
static Err *reader_end(Ctx *c, ChatReader *r, Err *err) {
    ChatAnswer *out = r->out;
    /* Whoever has said why it ends has said all; what it used is estimated then. */
    if (err && r->ended && !r->unsure && str_eq(err->code, S("ai_cut_short"))) err = NULL;
    if (!err) err = answer_read(c, r, r->request->on_text != NULL);
    if (!err) err = held_flush(c, r);
    if (!err) err = parts_finish(c, r);
    out->origin.request_id = request_id(c, &r->answer);
    out->origin.latency_ms = (mono_us() - r->started_us) / US_PER_MS;
    out->usage.estimated = !r->used;
    side_free(r->side);
    return err;
}

Err *chat_exchange(Ctx *c, const ChatDialect *dialect, const ChatRequest *request, WireCall call,
                   ChatAnswer *out) {
    ChatReader *r = reader_new(c, dialect, request, out);
    call.enough = &r->over;
    if (request->on_text)
        return reader_end(c, r, wire_stream(c, &call, stream_event, r, &r->answer));
    if (!call.max_bytes) call.max_bytes = CHAT_WHOLE_MAX;
    return reader_end(c, r, wire_post(c, &call, &r->answer));
}

Err *chat_read(Ctx *c, const ChatDialect *dialect, const ChatRequest *request,
               const HttpAnswer *answer, ChatAnswer *out) {
    ChatReader *r = reader_new(c, dialect, request, out);
    WireCall call = {.enough = &r->over};
    r->answer = *answer;
    if (!request->on_text) return reader_end(c, r, NULL);
    return reader_end(c, r, wire_stream_of(c, &call, answer->body, stream_event, r, &r->answer));
}
