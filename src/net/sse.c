/* SPDX-License-Identifier: Apache-2.0
 * The parser of server-sent events. Bytes are cut into lines as they come, a finished line goes into
 * the event under construction, and an empty line moves that event to the ready list.
 *
 *   - `line` holds an unfinished line only; `data` has one LF after each data line, so that an empty
 *     one still counts; both together never exceed the limit.
 *   - An id holds for all events until the next one: it is put into `ready` once, not once an event,
 *     so that one long id and many small events do not multiply.
 *   - Ready events are offsets into `ready`, which is emptied by the first feed after all are taken.
 *   - A CR ends its line at once; the LF that may follow (even in the next feed) is swallowed.
 * Text is passed on as it came: whoever decodes it checks the UTF-8. */
#include "net/client.h"

typedef struct Span {
    ptrdiff_t from, to;
} Span;

typedef struct ReadyEvent {
    Span event, data, id;
} ReadyEvent;

struct SseParser {
    Arena *arena;
    ptrdiff_t max;
    Buf line, event, data, id, ready;
    ReadyEvent *items;
    ptrdiff_t count, cap, next;
    Span id_ready; /* where `ready` has the present id; to < 0: nowhere */
    int bom;       /* bytes of the byte order mark seen at the very start; -1: past it */
    bool after_cr; /* the last byte was a CR */
    bool broken;   /* an event went over the limit */
};

SseParser *sse_parser_new(Arena *arena, ptrdiff_t max_event_bytes) {
    assert(max_event_bytes > 0);
    SseParser *p = arena_new_of(arena, SseParser);
    p->arena = arena;
    p->max = max_event_bytes;
    p->id_ready.to = -1;
    p->line = p->event = p->data = p->id = p->ready = buf_new(arena, 0);
    return p;
}

static Span ready_add(SseParser *p, Str text) {
    ptrdiff_t from = p->ready.len;
    buf_add(&p->ready, text);
    return (Span){from, p->ready.len};
}

static void event_finish(SseParser *p) {
    if (p->data.len > 0) {
        if (p->count == p->cap) {
            ptrdiff_t cap = max_size(8, p->cap * 2), size = (ptrdiff_t)sizeof(ReadyEvent);
            p->items = arena_grow(p->arena, p->items, p->cap * size, cap * size);
            p->cap = cap;
        }
        if (p->id_ready.to < 0) p->id_ready = ready_add(p, buf_str(&p->id));
        p->items[p->count++] = (ReadyEvent){
            .event = ready_add(p, p->event.len ? buf_str(&p->event) : S("message")),
            .data = ready_add(p, str_slice(buf_str(&p->data), 0, p->data.len - 1)),
            .id = p->id_ready,
        };
    }
    p->event.len = p->data.len = 0;
}

static void line_finish(SseParser *p, Str line) {
    if (line.len == 0) {
        event_finish(p);
        return;
    }
    if (line.data[0] == ':') return;
    Str name, value = str_cut(line, ':', &name);
    if (value.len > 0 && value.data[0] == ' ') value = str_slice(value, 1, value.len);
    if (str_eq(name, S("data"))) {
        buf_add(&p->data, value);
        buf_byte(&p->data, '\n');
    } else if (str_eq(name, S("event"))) {
        p->event.len = 0;
        buf_add(&p->event, value);
    } else if (str_eq(name, S("id")) && str_find_byte(value, '\0') < 0) {
        p->id.len = 0;
        p->id_ready.to = -1;
        buf_add(&p->id, value);
    }
}

/* Where the line that begins at `from` ends, or the end of the bytes. */
static ptrdiff_t line_end(Str bytes, ptrdiff_t from) {
    while (from < bytes.len && bytes.data[from] != '\n' && bytes.data[from] != '\r') from++;
    return from;
}

/* Swallow a byte order mark at the very start of the stream; gives the bytes after it. A beginning
 * that turns out to be something else is put back into the line. */
static Str bom_skip(SseParser *p, Str bytes) {
    static const char mark[] = "\xEF\xBB\xBF";
    ptrdiff_t at = 0;
    while (p->bom >= 0 && at < bytes.len) {
        if (bytes.data[at] != mark[p->bom]) {
            buf_add(&p->line, str_of(mark, p->bom));
            p->bom = -1;
        } else {
            at++;
            if (++p->bom == 3) p->bom = -1;
        }
    }
    return str_slice(bytes, at, bytes.len);
}

bool sse_feed(SseParser *p, Str bytes) {
    assert(p);
    if (p->broken) return false;
    if (p->next == p->count) {
        p->next = p->count = p->ready.len = 0;
        p->id_ready.to = -1;
    }
    bytes = bom_skip(p, bytes);
    for (ptrdiff_t at = 0; at < bytes.len;) {
        if (p->after_cr) {
            p->after_cr = false;
            if (bytes.data[at] == '\n') {
                at++;
                continue;
            }
        }
        ptrdiff_t end = line_end(bytes, at);
        Str part = str_slice(bytes, at, end);
        if (p->line.len + part.len + p->data.len > p->max) {
            p->broken = true;
            return false;
        }
        if (end == bytes.len) {
            buf_add(&p->line, part);
            return true;
        }
        if (p->line.len > 0) {
            buf_add(&p->line, part);
            part = buf_str(&p->line);
        }
        line_finish(p, part);
        p->line.len = 0;
        p->after_cr = bytes.data[end] == '\r';
        at = end + 1;
    }
    return true;
}

static Str ready_text(const SseParser *p, Span span) {
    return str_slice(buf_str(&p->ready), span.from, span.to);
}

bool sse_take(SseParser *p, SseEvent *out) {
    assert(p);
    assert(out);
    if (p->next == p->count) return false;
    ReadyEvent e = p->items[p->next++];
    *out = (SseEvent){ready_text(p, e.event), ready_text(p, e.data), ready_text(p, e.id)};
    return true;
}
