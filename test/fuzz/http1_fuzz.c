/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a request: the same verdict wherever they are cut, and what is accepted holds
 * nothing that a second reader could split otherwise. The first byte says where the cut is. */
#include "net/server.h"

enum { HEAD_LIMIT = 32 * 1024 };

typedef struct Verdict {
    int status;
    ptrdiff_t start, length;
    int lines;
} Verdict;

static Verdict scan_cut(Str text, ptrdiff_t cut) {
    Verdict v = {0};
    Http1Scan scan = {0};
    v.status = http1_scan(&scan, str_slice(text, 0, cut), HEAD_LIMIT, &v.length).status;
    if (!v.status && !v.length) v.status = http1_scan(&scan, text, HEAD_LIMIT, &v.length).status;
    v.start = scan.start;
    v.lines = scan.lines;
    return v;
}

static bool inside(Str part, Str whole) {
    return part.data >= whole.data && part.data + part.len <= whole.data + whole.len;
}

static void head_check(Arena *arena, Str head, int lines) {
    Header *headers = arena_array(arena, Header, lines);
    Http1Head h;
    Str path, query, authority, decoded;
    if (http1_parse(head, headers, lines, &h).status) return;
    assert(h.header_count == lines - 1);
    assert(http1_is_token(h.method) && inside(h.target, head));
    assert(h.body_length >= -1 && h.minor >= 0 && h.minor <= 1);
    assert(h.minor == 0 || h.host.len > 0);
    int lengths = 0, codings = 0;
    for (ptrdiff_t i = 0; i < h.header_count; i++) {
        assert(http1_is_token(headers[i].name) && http1_is_field_value(headers[i].value));
        assert(inside(headers[i].name, head) && inside(headers[i].value, head));
        lengths += str_eq_nocase(headers[i].name, S("content-length"));
        codings += str_eq_nocase(headers[i].name, S("transfer-encoding"));
    }
    assert(lengths + codings <= 1);
    if (http1_target(&h, &path, &query, &authority).status) return;
    assert(str_find_byte(path, '?') < 0 && str_find_byte(query, '#') < 0);
    if (!path_decode(arena, path, &decoded)) return;
    assert(str_utf8_valid(decoded) && str_find_byte(decoded, 0) < 0 &&
           str_find(decoded, S("/../")) < 0);
}

static ChunkedState chunks_decode(Str text, ptrdiff_t step, Buf *out, ptrdiff_t *used) {
    Chunked d = {0};
    *used = 0;
    while (*used < text.len && d.state != CHUNKED_DONE && d.state != CHUNKED_BAD) {
        Str data, piece = str_slice(text, *used, *used + step);
        ptrdiff_t n = chunked_take(&d, piece, &data);
        assert(n > 0 && n <= piece.len && (data.len == 0 || inside(data, piece)));
        buf_add(out, data);
        *used += n;
    }
    return d.state;
}

static void chunked_check(Arena *arena, Str text, ptrdiff_t step) {
    Buf whole = buf_new(arena, text.len), pieces = buf_new(arena, text.len);
    ptrdiff_t used, used_in_pieces;
    ChunkedState state = chunks_decode(text, text.len, &whole, &used);
    assert(chunks_decode(text, step, &pieces, &used_in_pieces) == state && used == used_in_pieces);
    assert(str_eq(buf_str(&whole), buf_str(&pieces)));
}

/* Values that the server reads further. */
static void values_check(Arena *arena, Str text) {
    Networks networks;
    Str line;
    while (text.data) {
        text = str_cut(text, '\n', &line);
        encoding_choose(line);
        assert(!etag_listed(line, S("\"a\""), false) || etag_listed(line, S("\"a\""), true));
        if (networks_parse(arena, line, &networks)) networks_have(&networks, S("10.0.0.1"));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    Arena *arena = arena_new(256 * MIB);
    Str text = str_of((const char *)data + 1, (ptrdiff_t)size - 1);
    Verdict whole = scan_cut(text, text.len), cut = scan_cut(text, data[0] % text.len);
    assert(whole.status == cut.status && whole.length == cut.length && whole.start == cut.start);
    if (!whole.status && whole.length)
        head_check(arena, str_slice(text, whole.start, whole.length), whole.lines);
    chunked_check(arena, text, data[0] % 16 + 1);
    values_check(arena, text);
    arena_free(arena);
    return 0;
}
