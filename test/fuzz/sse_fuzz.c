/* SPDX-License-Identifier: Apache-2.0
 * The parser of server-sent events gives the same events however the bytes are cut. The first byte of
 * the input says the length of the pieces. */
#include "net/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LIMIT = 4096 };

/* All events in one text, length before each part, so that no two lists of events look alike. */
static Buf events_of(Arena *arena, Str stream, ptrdiff_t piece, bool *fits) {
    SseParser *p = sse_parser_new(arena, LIMIT);
    Buf seen = buf_new(arena, 256);
    *fits = true;
    for (ptrdiff_t at = 0; at < stream.len && *fits; at += piece) {
        *fits = sse_feed(p, str_slice(stream, at, at + piece));
        for (SseEvent e; sse_take(p, &e);) {
            assert(e.event.len > 0 && e.event.len <= LIMIT && e.data.len <= LIMIT);
            assert(str_find_byte(e.id, '\0') < 0);
            buf_f(&seen, "%td %td %td ", e.event.len, e.data.len, e.id.len);
            buf_add(&seen, e.event);
            buf_add(&seen, e.data);
            buf_add(&seen, e.id);
        }
    }
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2 || size > 256 * 1024) return 0;
    Arena *arena = arena_new(256 * MIB);
    Str stream = str_of((const char *)data + 1, (ptrdiff_t)size - 1);
    bool whole_fits, cut_fits;
    Buf whole = events_of(arena, stream, stream.len, &whole_fits);
    Buf cut = events_of(arena, stream, data[0] + 1, &cut_fits);
    assert(whole_fits == cut_fits);
    assert(str_eq(buf_str(&whole), buf_str(&cut)));
    arena_free(arena);
    return 0;
}
