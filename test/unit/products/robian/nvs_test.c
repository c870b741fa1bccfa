/* SPDX-License-Identifier: Apache-2.0
 * Chapters of a video, who speaks in them, and their moments from the other file. */
#include "products/robian/nvs.h"

#include "shared_data.h"
#include "t.h"

static Ctx *c;

static void leave(void) {
    if (c) ctx_undo(c, NULL);
    if (c) arena_free(c->arena);
    c = NULL;
}

static void fresh(void) {
    static Ctx own;
    static bool known;
    if (!known) atexit(leave);
    known = true;
    leave();
    own = (Ctx){.arena = arena_new(64 * MIB)};
    c = &own;
}

static bool good(Err *err) {
    if (err) printf("  %.*s\n", S_ARG(err_chain(c->arena, err)));
    return CHECK(!err);
}

static void refused(Err *err, const char *why) {
    REQUIRE(err != NULL);
    CHECK_INT(err->kind, ERR_INVALID);
    if (str_find(err->detail, str_c(why)) < 0) printf("  %.*s\n", S_ARG(err->detail));
    CHECK(str_find(err->detail, str_c(why)) >= 0);
}

#define CHAPTERS                                                                             \
    "<?xml version='1.0'?><data interfaceuid='1_a' status='vod'><chapters>"                  \
    "<chapter id='1' label='Un &lt;br&gt;titre&lt;br /&gt;'><type key='2' value='Article'/>" \
    "<chapter id='2' label='M. A'><type key='7' value='Intervention'/><speaker "             \
    "id='s1'/></chapter>"                                                                    \
    "<chapter id='3' label=''><speaker id='s2'/></chapter></chapter>"                        \
    "<chapter id='4' label='Fin'/></chapters><metadatas>"                                    \
    "<metadata name='meeting_id' value='RU9'/></metadatas><speakers>"                        \
    "<speaker id='s1'><name>M. A</name><url>12</url></speaker>"                              \
    "<speaker id='s2'><name>Mme B</name><url/></speaker></speakers></data>"

TEST(chapters_nest_and_know_their_speakers) {
    Timeline t;
    fresh();
    REQUIRE(good(timeline_read(c, S(CHAPTERS), &t)));
    REQUIRE(t.count == 4);
    CHECK_STR(t.meeting_uid, S("RU9"));
    CHECK_STR(t.video_id, S("1_a"));
    CHECK_STR(t.chapters[0].title, S("Un titre"));
    CHECK_STR(t.chapters[0].type, S("Article"));
    CHECK_INT(t.chapters[1].parent, 0);
    CHECK_INT(t.chapters[1].level, 2);
    CHECK_STR(t.chapters[1].speaker_id, S("PA12"));
    CHECK_STR(t.chapters[2].title, S("Mme B"));
    CHECK_STR(t.chapters[2].speaker_id, (Str){0});
    CHECK_INT(t.chapters[3].parent, -1);
}

TEST(moments_are_joined_by_id_and_markers_are_not_chapters) {
    Timeline t;
    fresh();
    REQUIRE(good(timeline_read(c, S(CHAPTERS), &t)));
    REQUIRE(
        good(timeline_join(c,
                           S("<player starttime='1'><synchro id='M0' timecode='0'/>"
                             "<synchro id='1' timecode='1000'/><synchro id='2' timecode='x'/>"
                             "<synchro id='3' timecode='2000'/><synchro id='3' timecode='9000'/>"
                             "<synchro id='4' timecode='5000'/><synchro timecode='7'/>"
                             "<synchro id='M60' timecode='60000'/></player>"),
                           &t)));
    REQUIRE(t.count == 4);
    CHECK_INT(t.chapters[0].start_ms.value, 1000);
    CHECK_INT(t.chapters[0].end_ms.value, 5000);
    CHECK(!t.chapters[1].start_ms.set && !t.chapters[1].end_ms.set);
    CHECK_INT(t.chapters[2].start_ms.value, 2000);
    CHECK_INT(t.chapters[2].end_ms.value, 5000);
    CHECK(t.chapters[3].start_ms.set && !t.chapters[3].end_ms.set);
}

TEST(chapters_without_any_moment_stay) {
    Timeline t;
    fresh();
    REQUIRE(good(timeline_read(c, S(CHAPTERS), &t)));
    REQUIRE(good(timeline_join(c, S("<player/>"), &t)));
    for (ptrdiff_t i = 0; i < t.count; i++) CHECK(!t.chapters[i].start_ms.set);
}

TEST(halves_are_told_apart_by_their_root) {
    CHECK_STR(timeline_half(S(CHAPTERS)), S("data"));
    CHECK_STR(timeline_half(S("<!-- <data> --><player/>")), S("player"));
    CHECK_STR(timeline_half(S("<html>")), (Str){0});
    CHECK_STR(timeline_half(S("")), (Str){0});
    CHECK_STR(timeline_half(S("<!--")), (Str){0});
}

TEST(refuses_what_is_no_timeline) {
    Timeline t;
    fresh();
    refused(timeline_read(c, S(""), &t), "empty");
    refused(timeline_read(c, S("<player/>"), &t), "<player>");
    refused(timeline_read(c, S("<!DOCTYPE data [<!ENTITY a 'b'>]><data/>"), &t), "document type");
    refused(timeline_join(c, S("<data/>"), &t), "<data>");
    Str whole = S(CHAPTERS);
    for (ptrdiff_t at = 0; at < whole.len; at++) {
        fresh();
        Err *err = timeline_read(c, str_slice(whole, 0, at), &t);
        if (!CHECK(err && err->kind == ERR_INVALID)) return;
    }
}

TEST(refuses_chapters_without_end) {
    Timeline t;
    fresh();
    Buf b = buf_new(c->arena, MIB);
    buf_add(&b, S("<data><chapters>"));
    for (int i = 0; i < 5001; i++) buf_add(&b, S("<chapter/>"));
    buf_add(&b, S("</chapters></data>"));
    refused(timeline_read(c, buf_str(&b), &t), "5000");
}

/* -- real files ------------------------------------------------------------------------------------ */

TEST(a_real_timeline_is_read) {
    Timeline t;
    fresh();
    Str text = shared_read(c->arena, "an/videos/19502241_data.nvs");
    if (!text.data) SKIP("no shared data");
    REQUIRE(good(timeline_read(c, text, &t)));
    CHECK_STR(t.meeting_uid, S("RUANR5L17S2027IDS30927"));
    CHECK_STR(t.video_id, S("19502241_6ac548b948b27"));
    ptrdiff_t chapters = 0, references = 0, known = 0;
    for (Str rest = text; (rest = str_slice(rest, str_find(rest, S("<chapter id=")), rest.len)).len;
         rest = str_slice(rest, 1, rest.len)) {
        if (!str_starts(rest, S("<chapter id="))) break;
        chapters++;
        ptrdiff_t next = str_find(str_slice(rest, 1, rest.len), S("<chapter id="));
        Str own = next < 0 ? str_slice(rest, 0, str_find(rest, S("</chapters>")))
                           : str_slice(rest, 0, next);
        references += str_find(own, S("<speaker id=")) >= 0;
    }
    for (ptrdiff_t i = 0; i < t.count; i++) known += t.chapters[i].speaker_id.data != NULL;
    CHECK(chapters > 20);
    CHECK_INT(t.count, chapters);
    CHECK_INT(known, references);
}

TEST(a_real_pair_is_joined) {
    Timeline t;
    fresh();
    Str data = shared_read(c->arena, "an/videos/pair1_data.nvs"),
        player = shared_read(c->arena, "an/videos/pair1_liveplayer.nvs");
    if (!data.data || !player.data) SKIP("no shared data");
    REQUIRE(good(timeline_read(c, data, &t)));
    REQUIRE(good(timeline_join(c, player, &t)));
    REQUIRE(t.count == 3);
    CHECK_INT(t.chapters[0].start_ms.value, 60000);
    CHECK_INT(t.chapters[0].end_ms.value, 150000);
    CHECK_INT(t.chapters[1].start_ms.value, 90000);
    CHECK_STR(t.chapters[1].speaker_id, S("PA721896"));
    CHECK_INT(t.chapters[2].start_ms.value, 150000);
}

T_MAIN(T_ROW(chapters_nest_and_know_their_speakers),
       T_ROW(moments_are_joined_by_id_and_markers_are_not_chapters),
       T_ROW(chapters_without_any_moment_stay), T_ROW(halves_are_told_apart_by_their_root),
       T_ROW(refuses_what_is_no_timeline), T_ROW(refuses_chapters_without_end),
       T_ROW(a_real_timeline_is_read), T_ROW(a_real_pair_is_joined))
