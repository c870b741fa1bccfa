/* SPDX-License-Identifier: Apache-2.0
 * One call to a provider's service. Bytes come from a connection or from a recording and take the
 * same way from there: whoever reads a played answer is tested by it, streamed ones included, in
 * pieces of any size (ai_settings.play_bytes).
 *
 * Answers are gathered in an arena of their own, because twenty megabytes of a service gone wrong
 * must end this call and not the request. Texts of errors name the host only. */
#include "ai/wire.h"

#include "ai/settings.h"
#include "core/time.h"
#include "net/url.h"

enum {
    IDLE_MS = 60 * 1000,
    EVENT_MAX = 4 * 1024 * 1024,
    EVENT_BUDGET = 96 * 1024 * 1024, /* six buffers of an event, with what growing leaves behind */
    LAST_WORD_MS = 300,              /* for the end of a stream of which enough is known */
};

typedef struct Feed {
    const WireCall *call;
    HttpStream *live; /* NULL: recorded */
    Str recorded, host;
    ptrdiff_t at, total, max;
    SideArena *side;
    Buf kept; /* when recording: all that came */
    bool recording;
} Feed;

/* -- arenas and errors ------------------------------------------------------------------------- */

void side_free(SideArena *side) {
    arena_free(side->arena);
    side->arena = NULL;
}

static void side_undo(void *arg) { side_free(arg); }

SideArena *side_new(Ctx *c, ptrdiff_t budget_bytes) {
    SideArena *side = arena_new_of(c->arena, SideArena);
    defer(c, side_undo, side);
    side->arena = arena_new(budget_bytes);
    jmp_buf *target = arena_on_full(c->arena, NULL);
    arena_on_full(c->arena, target);
    arena_on_full(side->arena, target);
    return side;
}

Err *ai_err(Ctx *c, ErrKind kind, const char *code, const char *where, const char *format, ...) {
    va_list args;
    va_start(args, format);
    Str detail = strvf(c->arena, format, args);
    va_end(args);
    Err *err = err_new(c, kind, where, "%.*s", S_ARG(detail));
    err->code = str_c(code);
    return err;
}

static Err *err_coded(Err *err, const char *code) {
    if (err->kind == ERR_UPSTREAM) err->code = str_c(code);
    return err;
}

/* -- where bytes come from --------------------------------------------------------------------- */

/* A whole answer may be thought about in silence until the deadline; a stream has no reason to. */
static int64_t idle_of(const Ctx *c, const WireCall *call, bool streamed) {
    if (call->idle_ms) return call->idle_ms;
    return streamed || !c->deadline_us ? IDLE_MS : 0;
}

static HttpCall http_call_of(Ctx *c, const WireCall *call, bool streamed) {
    Header *headers = arena_array(c->arena, Header, call->header_count + 1);
    for (ptrdiff_t i = 0; i < call->header_count; i++) headers[i + 1] = call->headers[i];
    headers[0] =
        (Header){S("Content-Type"), str_is_null(call->type) ? S("application/json") : call->type};
    return (HttpCall){.method = "POST",
                      .url = call->url,
                      .headers = headers,
                      .header_count = call->header_count + 1,
                      .body = call->body,
                      .idle_timeout_ms = idle_of(c, call, streamed)};
}

static Err *feed_open(Ctx *c, const WireCall *call, bool streamed, Feed *f, HttpAnswer *out) {
    assert(!str_is_null(call->body) && call->max_bytes >= 0);
    *out = (HttpAnswer){0};
    *f = (Feed){.call = call, .max = call->max_bytes ? call->max_bytes : WIRE_MAX};
    if (str_eq(ai_settings.record, S("play"))) return recording_load(c, call, out, &f->recorded);
    f->recording = str_eq(ai_settings.record, S("record"));
    f->side = side_new(c, 6 * f->max + MIB);
    f->kept = buf_new(f->side->arena, 0);
    Url url;
    if (!url_parse(call->url, &url))
        FAIL(c, NOT_CONFIGURED, "The address of a model's service is malformed.");
    f->host = url.host;
    HttpCall http = http_call_of(c, call, streamed);
    Err *err = http_open(c, &http, &f->live, out);
    if (err && err->kind == ERR_INVALID) /* the address or the key, both the operator's */
        return err_wrap(c, ERR_NOT_CONFIGURED, __func__, err,
                        "The address or key of a model's service is malformed.");
    return err;
}

static Err *feed_read(Ctx *c, Feed *f, char *to, ptrdiff_t cap, ptrdiff_t *n) {
    if (f->live) {
        Err *err = http_read(c, f->live, to, cap, n);
        if (err) return err_coded(err, "ai_cut_short");
    } else {
        ptrdiff_t piece = ai_settings.play_bytes ? min_size(ai_settings.play_bytes, cap) : cap;
        *n = min_size(piece, f->recorded.len - f->at);
        if (*n) memcpy(to, f->recorded.data + f->at, (size_t)*n);
        f->at += *n;
    }
    f->total += *n;
    if (f->total > f->max)
        AI_FAIL(c, UPSTREAM, "ai_bad_answer", "%.*s answered with more than %td bytes.",
                S_ARG(f->host), f->max);
    if (f->recording) buf_add(&f->kept, str_of(to, *n));
    return NULL;
}

static Err *feed_rest(Ctx *c, Feed *f, Str *body) {
    if (!f->side) f->side = side_new(c, 6 * f->max + MIB);
    Buf all = buf_new(f->side->arena, 16 * KIB);
    for (ptrdiff_t n = 1; n > 0; all.len += n) {
        char *to = buf_reserve(&all, 8 * KIB);
        TRY(feed_read(c, f, to, all.cap - all.len, &n));
    }
    *body = buf_str(&all);
    return NULL;
}

static Err *feed_close(Ctx *c, Feed *f, const HttpAnswer *answer) {
    http_close(f->live);
    return f->recording ? recording_save(c, f->call, answer, buf_str(&f->kept)) : NULL;
}

/* -- whole answers ----------------------------------------------------------------------------- */

Err *wire_post(Ctx *c, const WireCall *call, HttpAnswer *out) {
    Feed f;
    TRY(feed_open(c, call, false, &f, out));
    TRY(feed_rest(c, &f, &out->body));
    return feed_close(c, &f, out);
}

/* -- streams ----------------------------------------------------------------------------------- */

static bool is_event_stream(const HttpAnswer *answer) {
    Str type;
    str_cut(answer_header(answer, S("Content-Type")), ';', &type);
    return str_eq_nocase(str_trim(type), S("text/event-stream"));
}

static bool is_enough(const Feed *f) { return f->call->enough && *f->call->enough; }

/* Where a line begins with a brace, which no field of an event does; -1: nowhere. *begun: is the
 * next byte the first of a line? */
static ptrdiff_t bare_at(Str bytes, bool *begun) {
    for (ptrdiff_t i = 0; i < bytes.len; i++) {
        if (*begun && bytes.data[i] == '{') return i;
        *begun = bytes.data[i] == '\n' || bytes.data[i] == '\r';
    }
    return -1;
}

static Err *events_take(Ctx *c, Feed *f, SseParser *parser, Str bytes, const char *name,
                        WireEvent *on_event, void *arg) {
    bool fits = sse_feed(parser, bytes);
    for (SseEvent e; !is_enough(f) && sse_take(parser, &e);)
        TRY(on_event(c, name ? str_c(name) : e.event, e.data, arg));
    if (fits || is_enough(f)) return NULL;
    AI_FAIL(c, UPSTREAM, "ai_bad_answer", "%.*s sent an event over %d bytes.", S_ARG(f->host),
            EVENT_MAX);
}

static Err *raw_tell(Ctx *c, Feed *f, WireEvent *on_event, void *arg) {
    char chunk[8192];
    for (ptrdiff_t n = 1; n > 0 && !is_enough(f);) {
        TRY(feed_read(c, f, chunk, sizeof chunk, &n));
        if (n > 0) TRY(on_event(c, S("raw"), str_of(chunk, n), arg));
    }
    return NULL;
}

/* One server-sent event after the other; its texts are borrowed by on_event while it runs. */
static Err *events_tell(Ctx *c, Feed *f, WireEvent *on_event, void *arg) {
    SideArena *side = side_new(c, EVENT_BUDGET);
    SseParser *parser = sse_parser_new(side->arena, EVENT_MAX);
    bool begun = true;
    char chunk[8192];
    for (ptrdiff_t n = 1; n > 0 && !is_enough(f);) {
        TRY(feed_read(c, f, chunk, sizeof chunk, &n));
        Str bytes = str_of(chunk, n);
        ptrdiff_t bare = bare_at(bytes, &begun);
        TRY(events_take(c, f, parser, bare < 0 ? bytes : str_slice(bytes, 0, bare), NULL, on_event,
                        arg));
        if (bare < 0 || is_enough(f)) continue;
        TRY(on_event(c, S("raw"), str_slice(bytes, bare, n), arg));
        TRY(raw_tell(c, f, on_event, arg));
        n = 0;
        begun = false;
    }
    TRY(events_take(c, f, parser, S("\n\n"), "unfinished", on_event, arg));
    side_free(side);
    return NULL;
}

/* What is left of a stream of which enough is known is usually its end, on its way: taking it keeps
 * the connection. It is not worth waiting for, nor an error when it does not come. */
static void end_take(Ctx *c, Feed *f) {
    if (!is_enough(f) || !f->live) return;
    char chunk[1024];
    ptrdiff_t n = 1;
    int64_t former = ctx_deadline_within(c, LAST_WORD_MS);
    for (int turns = 0; n > 0 && turns < 16; turns++)
        if (feed_read(c, f, chunk, sizeof chunk, &n)) break;
    c->deadline_us = former;
}

static Err *feed_tell(Ctx *c, Feed *f, WireEvent *on_event, void *arg, HttpAnswer *out) {
    if (out->status >= 400) return feed_rest(c, f, &out->body);
    return is_event_stream(out) ? events_tell(c, f, on_event, arg) : raw_tell(c, f, on_event, arg);
}

Err *wire_stream(Ctx *c, const WireCall *call, WireEvent *on_event, void *arg, HttpAnswer *out) {
    assert(on_event);
    Feed f;
    TRY(feed_open(c, call, true, &f, out));
    TRY(feed_tell(c, &f, on_event, arg, out));
    end_take(c, &f);
    return feed_close(c, &f, out);
}

Err *wire_stream_of(Ctx *c, const WireCall *call, Str body, WireEvent *on_event, void *arg,
                    HttpAnswer *head) {
    Feed f = {.call = call, .recorded = body, .max = call->max_bytes ? call->max_bytes : WIRE_MAX};
    return feed_tell(c, &f, on_event, arg, head);
}
