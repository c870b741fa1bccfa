/* SPDX-License-Identifier: Apache-2.0
 * Forms: good ones from a source that gives any number of bytes at a time, bad ones of every kind,
 * and one over a real connection. */
#include "net/multipart.h"

#include "http_world.h"

static HttpServer *server;

typedef struct Source {
    Str text;
    ptrdiff_t step;
} Source;

static Err *source_read(Ctx *own, void *arg, char *to, ptrdiff_t cap, ptrdiff_t *n) {
    Source *s = arg;
    (void)own;
    *n = min_size(min_size(s->step, cap), s->text.len);
    memcpy(to, s->text.data, (size_t)*n);
    s->text = str_slice(s->text, *n, s->text.len);
    return NULL;
}

/* All parts as one text: [name|filename|type|data], data of skipped parts left out. */
static Err *parts_read(Multipart *m, ptrdiff_t read_size, bool skip, Buf *out) {
    for (;;) {
        Part part;
        bool more;
        TRY(multipart_next(c, m, &part, &more));
        if (!more) return NULL;
        buf_f(out, "[%.*s|%.*s|%.*s|", S_ARG(part.name), S_ARG(part.filename),
              S_ARG(part.content_type));
        for (ptrdiff_t n = 1; n > 0 && !skip;) {
            char *to = buf_reserve(out, read_size);
            TRY(multipart_read(c, m, to, read_size, &n));
            out->len += n;
        }
        buf_byte(out, ']');
    }
}

static Err *parse(Str text, ptrdiff_t step, ptrdiff_t read_size, bool skip, Str *out) {
    Source source = {text, step};
    Buf b = buf_new(c->arena, 256);
    Multipart *m = multipart_over(c, S("xYz"), source_read, &source);
    Err *err = parts_read(m, read_size, skip, &b);
    *out = buf_str(&b);
    return err;
}

static void handle(Ctx *own, Req *q, Reply *r) {
    Multipart *m;
    Part part;
    bool more = false;
    char data[64];
    ptrdiff_t n = 0;
    Err *err = multipart_open(own, q, &m);
    if (!err) err = multipart_next(own, m, &part, &more);
    if (!err && more) err = multipart_read(own, m, data, sizeof data, &n);
    if (err)
        reply_text(r, err_status(err->kind), S("text/plain"), err->detail);
    else
        reply_text(r, 200, S("text/plain"),
                   strf(own->arena, "%.*s=%.*s", S_ARG(part.name), (int)n, data));
}

static void before(void) { server = world_start((HttpOptions){.handle = handle}); }

static const Str good =
    S_INIT("--xYz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n"
           "--xYz\r\ncontent-disposition:form-data;name=\"f\"; filename=\"\xC3\xA9 "
           "\\\"b\\\".txt\"\r\nContent-Type: text/plain\r\n\r\n"
           "li\r\nne\r\n--xY\r\n--\r\n-\r\n--xYz\r\nContent-Disposition: form-data; "
           "name=empty\r\n\r\n\r\n--xYz--\r\nepilogue");

TEST(reads_parts_whatever_the_pieces) {
    Str want =
            S("[a|||one][f|\xC3\xA9 \"b\".txt|text/plain|li\r\nne\r\n--xY\r\n--\r\n-][empty|||]"),
        got;
    for (ptrdiff_t step = 1; step <= good.len; step++) {
        GOOD(parse(good, step, 7, false, &got));
        CHECK_STR(got, want);
    }
    for (ptrdiff_t size = 1; size <= 40; size++) {
        GOOD(parse(good, 1000, size, false, &got));
        CHECK_STR(got, want);
    }
}

TEST(skips_what_nobody_reads) {
    Str got;
    for (ptrdiff_t step = 1; step <= good.len; step += 3) {
        GOOD(parse(good, step, 7, true, &got));
        CHECK_STR(got, S("[a|||][f|\xC3\xA9 \"b\".txt|text/plain|][empty|||]"));
    }
}

TEST(reads_a_part_larger_than_the_window) {
    enum { SIZE = 300000 };
    char *data = arena_bytes(c->arena, SIZE);
    for (ptrdiff_t i = 0; i < SIZE; i++) data[i] = "\r\n--xY-ab"[i * 31 / 7 % 9];
    Buf b = buf_new(c->arena, 0);
    buf_add(&b, S("--xYz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n"));
    buf_add(&b, str_of(data, SIZE));
    buf_add(&b, S("\r\n--xYz--"));
    for (ptrdiff_t step = 1000; step < 40000; step = step * 3 + 1) {
        Str got;
        GOOD(parse(buf_str(&b), step, 5000, false, &got));
        REQUIRE(CHECK_INT(got.len, SIZE + 6));
        CHECK(memcmp(got.data + 5, data, SIZE) == 0);
    }
}

TEST(takes_a_form_without_parts) {
    Str got;
    GOOD(parse(S("--xYz--\r\n"), 100, 7, false, &got));
    CHECK_STR(got, S(""));
}

#define FIELD_A "--xYz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n"

TEST(refuses_forms_that_make_no_sense) {
    static const Str texts[] = {
        S_INIT(""),
        S_INIT("--"),
        S_INIT("--xY"),
        S_INIT("--xYz"),
        S_INIT("--xYz\r"),
        S_INIT("--xYz\r\n"),
        S_INIT("--xYz-"),
        S_INIT("preamble\r\n--xYz--\r\n"),
        S_INIT("\r\n--xYz--\r\n"),
        S_INIT("--other\r\n--xYz--"),
        S_INIT("--xYz \r\n"),
        S_INIT("--xYzA--\r\n"),
        S_INIT("--xYz\n\n"),
        S_INIT("--xYz\r\n\r\ndata\r\n--xYz--"),
        S_INIT("--xYz\r\nContent-Type: a/b\r\n\r\nd\r\n--xYz--"),
        S_INIT("--xYz\r\nContent-Disposition: form-data\r\n\r\nd\r\n--xYz--"),
        S_INIT("--xYz\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nd\r\n--xYz--"),
        S_INIT("--xYz\r\nContent-Disposition: form-data; name=\"a\r\n\r\nd\r\n--xYz--"),
        S_INIT(
            "--xYz\r\nContent-Disposition: form-data; name=\"a\"; name=\"b\"\r\n\r\nd\r\n--xYz--"),
        S_INIT("--xYz\r\nContent-Disposition: form-data; name=\"a\" x\r\n\r\nd\r\n--xYz--"),
        S_INIT("--xYz\r\nContent-Disposition: form-data; name=\"\xFF\"\r\n\r\nd\r\n--xYz--"),
        S_INIT("--xYz\r\nContent-Disposition: form-data; name=\"a\0b\"\r\n\r\nd\r\n--xYz--"),
        S_INIT("--xYz\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Disposition: "
               "form-data; name=\"b\"\r\n\r\nd\r\n--xYz--"),
        S_INIT("--xYz\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: "
               "base64\r\n\r\nZA==\r\n--xYz--"),
        S_INIT("--xYz\r\nContent-Disposition : form-data; name=\"a\"\r\n\r\nd\r\n--xYz--"),
        S_INIT(
            "--xYz\r\nContent-Disposition: form-data; name=\"a\"\r\n folded\r\n\r\nd\r\n--xYz--"),
        S_INIT("--xYz\r\nno colon\r\n\r\nd\r\n--xYz--"),
        S_INIT(FIELD_A "d"),
        S_INIT(FIELD_A "d\r\n"),
        S_INIT(FIELD_A "d\r\n--xYz"),
        S_INIT(FIELD_A "d\r\n--xYz-"),
        S_INIT(FIELD_A "d\n--xYz--"),
        S_INIT(FIELD_A "d\r\n--xYzz\r\n--xYz--"),
        S_INIT(FIELD_A "--xYz--"),
    };
    for (ptrdiff_t i = 0; i < COUNT(texts); i++) {
        for (ptrdiff_t step = 1; step < 200; step = step * 5 + 1) {
            Str got;
            if (!FAILS(parse(texts[i], step, 7, false, &got), BAD_REQUEST))
                printf("    row %td\n", i);
        }
    }
}

TEST(bounds_heads_and_parts) {
    Buf b = buf_new(c->arena, 0);
    Str got;
    buf_add(&b, S("--xYz\r\nX: "));
    for (int i = 0; i < 9000; i++) buf_byte(&b, 'a');
    FAILS(parse(buf_str(&b), 100, 7, false, &got), BAD_REQUEST);
    b.len = 0;
    buf_add(&b, S("--xYz\r\n"));
    for (int i = 0; i < 2000; i++) buf_add(&b, S("X: y\r\n"));
    FAILS(parse(buf_str(&b), 4000, 7, false, &got), BAD_REQUEST);
    b.len = 0;
    for (int i = 0; i < 1001; i++) buf_add(&b, S(FIELD_A "d\r\n"));
    buf_add(&b, S("--xYz--"));
    FAILS(parse(buf_str(&b), 4000, 7, false, &got), BAD_REQUEST);
}

TEST(finds_the_boundary) {
    static const struct {
        const char *type, *boundary; /* NULL: none */
    } rows[] = {
        {"multipart/form-data; boundary=abc", "abc"},
        {"Multipart/Form-Data;BOUNDARY=\"a b\"", "a b"},
        {"multipart/form-data; charset=utf-8; boundary=----WebKitFormBoundary7MA",
         "----WebKitFormBoundary7MA"},
        {"multipart/form-data ; boundary=a; x=y", "a"},
        {"multipart/form-data", NULL},
        {"multipart/form-data; boundary=", NULL},
        {"multipart/form-data; boundary=\"\"", NULL},
        {"multipart/form-data; boundary=a; boundary=b", NULL},
        {"multipart/form-data; boundary=a\"b", NULL},
        {"multipart/form-data; boundary=\"a ", NULL},
        {"multipart/form-data; boundary=\"a \"", NULL},
        {"multipart/mixed; boundary=a", NULL},
        {"text/plain; boundary=a", NULL},
        {"multipart/form-data; boundary=a;b", NULL},
        {"multipart/form-data; "
         "boundary=01234567890123456789012345678901234567890123456789012345678901234567890",
         NULL},
    };
    for (ptrdiff_t i = 0; i < COUNT(rows); i++)
        if (!CHECK_STR(multipart_boundary(c->arena, str_c(rows[i].type)), str_c(rows[i].boundary)))
            printf("    row %td\n", i);
}

TEST(reads_a_form_from_a_request) {
    Str body = S("--b\r\nContent-Disposition: form-data; name=\"k\"\r\n\r\nvalue\r\n--b--\r\n");
    Str text = strf(c->arena,
                    "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; "
                    "boundary=b\r\nContent-Length: %td\r\n\r\n%.*s",
                    body.len, S_ARG(body));
    CHECK_STR(body_in(ask(server, text)), S("k=value"));
    CHECK_INT(status_in(ask(server, S("POST / HTTP/1.1\r\nHost: a\r\nContent-Type: "
                                      "application/json\r\nContent-Length: 2\r\n\r\n{}"))),
              415);
    CHECK_INT(
        status_in(ask(server, S("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"))),
        415);
    CHECK_INT(status_in(ask(server, S("POST / HTTP/1.1\r\nHost: a\r\nContent-Type: "
                                      "multipart/form-data\r\nContent-Length: 2\r\n\r\n{}"))),
              400);
}

T_LOOP_MAIN(1, before, world_stop, T_ROW(reads_parts_whatever_the_pieces),
            T_ROW(skips_what_nobody_reads), T_ROW(reads_a_part_larger_than_the_window),
            T_ROW(takes_a_form_without_parts), T_ROW(refuses_forms_that_make_no_sense),
            T_ROW(bounds_heads_and_parts), T_ROW(finds_the_boundary),
            T_ROW(reads_a_form_from_a_request))
