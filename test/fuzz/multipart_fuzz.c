/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a form with the boundary "b": the same parts, or the same refusal, whatever the
 * pieces they come in. The first byte says how large these are. */
#include "net/multipart.h"

typedef struct Source {
    Str text;
    ptrdiff_t step;
} Source;

static Err *source_read(Ctx *c, void *arg, char *to, ptrdiff_t cap, ptrdiff_t *n) {
    Source *s = arg;
    (void)c;
    *n = min_size(min_size(s->step, cap), s->text.len);
    if (*n) memcpy(to, s->text.data, (size_t)*n);
    s->text = str_slice(s->text, *n, s->text.len);
    return NULL;
}

static Err *parts_read(Ctx *c, Multipart *m, Buf *out) {
    for (;;) {
        Part part;
        bool more;
        TRY(multipart_next(c, m, &part, &more));
        if (!more) return NULL;
        assert(part.name.data && str_utf8_valid(part.name));
        assert(!part.filename.data || str_utf8_valid(part.filename));
        buf_add(out, part.name);
        buf_add(out, part.filename);
        buf_add(out, part.content_type);
        for (ptrdiff_t n = 1; n > 0;) {
            char *to = buf_reserve(out, 64);
            TRY(multipart_read(c, m, to, 64, &n));
            out->len += n;
        }
    }
}

static bool parse(Ctx *c, Str text, ptrdiff_t step, Buf *out) {
    Source source = {text, step};
    return parts_read(c, multipart_over(c, S("b"), source_read, &source), out) == NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    Ctx c = {.arena = arena_new(256 * MIB)};
    Str text = str_of((const char *)data + 1, (ptrdiff_t)size - 1);
    Buf whole = buf_new(c.arena, 64), pieces = buf_new(c.arena, 64);
    bool good = parse(&c, text, 1 << 20, &whole);
    assert(parse(&c, text, data[0] + 1, &pieces) == good);
    if (good) assert(str_eq(buf_str(&whole), buf_str(&pieces)));
    Str boundary = multipart_boundary(c.arena, text);
    assert(!boundary.data || (boundary.len >= 1 && boundary.len <= 70));
    arena_free(c.arena);
    return 0;
}
