/* SPDX-License-Identifier: Apache-2.0
 * The parser of server-sent events. Every case is fed whole, byte by byte, and cut in two at every
 * place: the events must be the same. */
#include "net/client.h"
#include "t.h"

enum { LIMIT = 1000 };

/* The events of a stream as `event|data|id;` each, fed in the pieces that `cut` asks for: 0 whole,
 * -1 byte by byte, else in two at that offset. */
static Str events_of(Arena *arena, Str stream, ptrdiff_t cut) {
    SseParser *p = sse_parser_new(arena, LIMIT);
    Buf seen = buf_new(arena, 64);
    for (ptrdiff_t at = 0; at < stream.len;) {
        ptrdiff_t end = cut < 0 ? at + 1 : at < cut ? cut : stream.len;
        /* A copy of exactly that size, so that the sanitizer sees a read past it. */
        Str piece = str_copy(arena, str_slice(stream, at, end));
        bool fits = sse_feed(p, piece);
        for (SseEvent e; sse_take(p, &e);) {
            buf_add(&seen, e.event);
            buf_byte(&seen, '|');
            buf_add(&seen, e.data);
            buf_byte(&seen, '|');
            buf_add(&seen, e.id);
            buf_byte(&seen, ';');
        }
        if (!fits) {
            buf_add(&seen, S("too large"));
            break;
        }
        at = end;
    }
    return buf_str(&seen);
}

static void check_stream(Str stream, Str want) {
    Arena *arena = arena_new(64 * MIB);
    for (ptrdiff_t cut = -1; cut < stream.len; cut++) {
        int before = t_failures;
        CHECK_STR(events_of(arena, stream, cut), want);
        if (t_failures > before) {
            printf("  cut at %td of: %.*s\n", cut, S_ARG(stream));
            break;
        }
        arena_reset(arena);
    }
    arena_free(arena);
}

TEST(reads_lines_that_end_with_lf_crlf_or_cr) {
    check_stream(S("data: one\n\ndata: two\n\n"), S("message|one|;message|two|;"));
    check_stream(S("data: one\r\n\r\ndata: two\r\n\r\n"), S("message|one|;message|two|;"));
    check_stream(S("data: one\r\rdata: two\r\r"), S("message|one|;message|two|;"));
    check_stream(S("data: one\r\n\rdata: two\n\r\n"), S("message|one|;message|two|;"));
}

TEST(takes_one_space_after_the_colon_and_no_more) {
    check_stream(S("data:x\n\ndata: x\n\ndata:  x\n\ndata:\tx\n\n"),
                 S("message|x|;message|x|;message| x|;message|\tx|;"));
}

TEST(joins_data_lines_with_a_line_feed) {
    check_stream(S("data: a\ndata: b\ndata\ndata:\n\n"), S("message|a\nb\n\n|;"));
    check_stream(S("data: {\"a\":\r\ndata: 1}\r\n\r\n"), S("message|{\"a\":\n1}|;"));
}

TEST(an_event_of_one_empty_data_line_counts) {
    check_stream(S("data\n\ndata:\n\n"), S("message||;message||;"));
}

TEST(an_event_without_data_is_none_and_loses_its_name) {
    check_stream(S("event: ping\n\ndata: x\n\n\n\n"), S("message|x|;"));
}

TEST(names_last_for_one_event_and_ids_until_the_next_id) {
    check_stream(S("event: a\nid: 7\ndata: 1\n\ndata: 2\n\nid\ndata: 3\n\n"),
                 S("a|1|7;message|2|7;message|3|;"));
    check_stream(S("event: a\nevent: b\ndata: 1\n\n"), S("b|1|;"));
    check_stream(S("id: 5\n\ndata: 1\n\n"), S("message|1|5;"));
}

TEST(an_id_with_a_nul_is_ignored) {
    check_stream(S("id: 1\nid: 2\0x\ndata: 1\n\n"), S("message|1|1;"));
}

TEST(comments_unknown_fields_and_other_case_are_ignored) {
    check_stream(S(": hello\n:\nretry: 10\nfoo: bar\n data: no\nData: no\ndatax\ndata: yes\n\n"),
                 S("message|yes|;"));
}

TEST(colons_inside_a_value_stay) { check_stream(S("data: a: b:c\n\n"), S("message|a: b:c|;")); }

TEST(a_byte_order_mark_is_swallowed_at_the_start_only) {
    check_stream(S("\xEF\xBB\xBF"
                   "data: x\n\n"),
                 S("message|x|;"));
    check_stream(S("\xEF\xBB\xBF\xEF\xBB\xBF"
                   "data: x\ndata: y\n\n"),
                 S("message|y|;"));
    check_stream(S("data: x\n\n\xEF\xBB\xBF"
                   "data: y\n\n"),
                 S("message|x|;"));
    check_stream(S("\xEF\xBB"
                   "data: x\ndata: y\n\n"),
                 S("message|y|;"));
}

TEST(an_unfinished_event_at_the_end_is_dropped) {
    check_stream(S("data: x\n\ndata: y"), S("message|x|;"));
    check_stream(S("data: x\n\ndata: y\n"), S("message|x|;"));
}

TEST(text_is_passed_on_byte_for_byte) {
    check_stream(S("data: h\xC3\xA9 \xF0\x9F\x98\x80 \xFF\0 z\n\n"),
                 S("message|h\xC3\xA9 \xF0\x9F\x98\x80 \xFF\0 z|;"));
}

TEST(an_event_over_the_limit_is_refused_wherever_it_is_cut) {
    Arena *arena = arena_new(64 * MIB);
    Buf b = buf_new(arena, 64);
    buf_add(&b, S("data: fits\n\n"));
    for (int i = 0; i < LIMIT / 10; i++) buf_add(&b, S("data: 0123456789\n"));
    buf_add(&b, S("\ndata: after\n\n"));
    check_stream(buf_str(&b), S("message|fits|;too large"));
    b.len = 0;
    buf_add(&b, S(": "));
    for (int i = 0; i < LIMIT; i++) buf_byte(&b, 'x');
    check_stream(buf_str(&b), S("too large"));
    arena_free(arena);
}

TEST(after_an_event_over_the_limit_nothing_is_taken_any_more) {
    Arena *arena = arena_new(MIB);
    SseParser *p = sse_parser_new(arena, 10);
    SseEvent e;
    CHECK(!sse_feed(p, S("data: 01234567890\n\n")));
    CHECK(!sse_feed(p, S("data: x\n\n")));
    CHECK(!sse_take(p, &e));
    arena_free(arena);
}

TEST(an_event_of_just_the_limit_fits) {
    Arena *arena = arena_new(MIB);
    SseParser *p = sse_parser_new(arena, 10);
    SseEvent e;
    CHECK(sse_feed(p, S("data: 0123\n\n")));
    REQUIRE(sse_take(p, &e));
    CHECK_STR(e.data, S("0123"));
    CHECK(!sse_feed(p, S("data: 01234\n\n")));
    arena_free(arena);
}

TEST(a_long_stream_does_not_grow_the_memory) {
    Arena *arena = arena_new(64 * KIB);
    SseParser *p = sse_parser_new(arena, LIMIT);
    SseEvent e;
    int64_t seen = 0;
    for (int i = 0; i < 20000; i++) {
        CHECK(sse_feed(
            p, S("event: delta\nid: 12\ndata: {\"text\": \"some words of an answer\"}\n\n")));
        while (sse_take(p, &e)) seen++;
    }
    CHECK_INT(seen, 20000);
    arena_free(arena);
}

TEST(a_long_id_and_many_events_do_not_multiply) {
    Arena *arena = arena_new(8 * MIB);
    Buf b = buf_new(arena, 64);
    SseEvent e;
    int64_t seen = 0;
    buf_add(&b, S("id: "));
    for (int i = 0; i < 100000; i++) buf_byte(&b, 'x');
    for (int i = 0; i < 1000; i++) buf_add(&b, S("\ndata:\n"));
    SseParser *p = sse_parser_new(arena, 200000);
    CHECK(sse_feed(p, buf_str(&b)));
    for (; sse_take(p, &e); seen++) CHECK_INT(e.id.len, 100000);
    CHECK_INT(seen, 999);
    arena_free(arena);
}

T_MAIN(T_ROW(a_long_id_and_many_events_do_not_multiply),
       T_ROW(reads_lines_that_end_with_lf_crlf_or_cr),
       T_ROW(takes_one_space_after_the_colon_and_no_more), T_ROW(joins_data_lines_with_a_line_feed),
       T_ROW(an_event_of_one_empty_data_line_counts),
       T_ROW(an_event_without_data_is_none_and_loses_its_name),
       T_ROW(names_last_for_one_event_and_ids_until_the_next_id),
       T_ROW(an_id_with_a_nul_is_ignored),
       T_ROW(comments_unknown_fields_and_other_case_are_ignored), T_ROW(colons_inside_a_value_stay),
       T_ROW(a_byte_order_mark_is_swallowed_at_the_start_only),
       T_ROW(an_unfinished_event_at_the_end_is_dropped), T_ROW(text_is_passed_on_byte_for_byte),
       T_ROW(an_event_over_the_limit_is_refused_wherever_it_is_cut),
       T_ROW(after_an_event_over_the_limit_nothing_is_taken_any_more),
       T_ROW(an_event_of_just_the_limit_fits), T_ROW(a_long_stream_does_not_grow_the_memory))
