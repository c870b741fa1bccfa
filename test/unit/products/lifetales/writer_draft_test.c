/* SPDX-License-Identifier: Apache-2.0
 * From a model's JSON to a draft: sentences that rest on the chapter's notes alone, what is wrong said to the model,
 * and at the last try put right from the notes. */
#include "core/json.h"
#include "products/lifetales/writer_room.h"
#include "t.h"

static const StoryNote notes[] = {
    {.id = {"id-one", 6}, .title = {"", 0}, .text = {"Paul a compté trois moutons. Il pleuvait.", 42}},
    {.id = {"id-two", 6}, .title = {"", 0}, .text = {"Lucie est rentrée tard.", 24}},
};
static const StoryNote *const both[] = {&notes[0], &notes[1]};

typedef struct Taken {
    Arena *arena;
    ChapterDraft draft;
    Str wrong;
    bool good;
} Taken;

static Taken take(const char *mode, const char *text, bool last) {
    Taken t = {.arena = arena_new(8 * MIB)};
    Ctx c = {.arena = t.arena};
    PlannedChapter chapter = {.notes = (const StoryNote **)(uintptr_t)both, .count = 2};
    StorySettings settings = {.narrative_tone = S("neutral"), .story_mode = str_c(mode), .creativity = 1};
    ChapterTask task = {.chapter = &chapter, .settings = &settings, .language = S("fr"), .zone = zone_find("UTC")};
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
    CHECK(json != NULL);
    t.good = draft_take(&c, &task, json, last, &t.draft, &t.wrong);
    json_decref(json);
    return t;
}

#define WHOLE(sentences) \
    "{\"title\":\"Le soir\",\"sentences\":[" sentences "],\"illustrationPrompt\":\"rain\",\"characters\":[" \
    "{\"name\":\"Paul\",\"looks\":\"tall\"},{\"name\":\"\",\"looks\":\"x\"}]}"
#define ONE "{\"paragraph\":false,\"text\":\"Paul a compté trois moutons.\",\"noteIds\":[\"n1\"]}"
#define TWO "{\"paragraph\":true,\"text\":\"Lucie est rentrée tard.\",\"noteIds\":[\"n2\"]}"

TEST(sentences_become_a_text_with_their_notes) {
    Taken t = take("chapter", WHOLE(ONE "," TWO), false);
    CHECK(t.good && t.draft.sentence_count == 2);
    CHECK_STR(t.draft.title, S("Le soir"));
    CHECK_STR(t.draft.content, S("Paul a compté trois moutons.\n\nLucie est rentrée tard."));
    CHECK(t.draft.sentences[1].start == 30 && t.draft.sentences[1].end == 53);
    CHECK_STR(t.draft.sentences[0].note_ids.items[0], S("id-one"));
    CHECK_STR(t.draft.sentences[1].note_ids.items[0], S("id-two"));
    CHECK_STR(t.draft.illustration_prompt, S("rain"));
    CHECK_STR(t.draft.characters.text, S("{\"Paul\":\"tall\"}"));
    arena_free(t.arena);
}

TEST(an_invention_is_named_to_the_model_and_in_the_end_taken_out) {
    static const char *const invented =
        WHOLE("{\"paragraph\":false,\"text\":\"Margaret a compté neuf moutons.\",\"noteIds\":[\"n1\"]}," TWO);
    Taken t = take("transcription", invented, false);
    CHECK(!t.good && str_find(t.wrong, S("Margaret")) >= 0);
    arena_free(t.arena);
    t = take("transcription", invented, true);
    CHECK(!t.good || (str_find(t.draft.content, S("Margaret")) < 0 && str_find(t.draft.content, S("neuf")) < 0));
    arena_free(t.arena);
}

TEST(a_sentence_of_no_note_is_not_taken_as_it_is) {
    static const char *const strange[] = {
        WHOLE("{\"paragraph\":false,\"text\":\"Lucie est rentrée tard.\",\"noteIds\":[\"n9\"]}"),
        WHOLE("{\"paragraph\":false,\"text\":\"Lucie est rentrée tard.\",\"noteIds\":[]}"),
        WHOLE("{\"paragraph\":false,\"text\":\"Lucie est rentrée tard.\",\"noteIds\":[\"id-two\",7,null]}"),
    };
    for (int i = 0; i < COUNT(strange); i++)
        for (int last = 0; last < 2; last++) {
            Taken t = take("chapter", strange[i], last);
            CHECK(t.good || t.wrong.len > 0);
            for (ptrdiff_t k = 0; t.good && k < t.draft.sentence_count; k++) {
                StrList ids = t.draft.sentences[k].note_ids;
                CHECK(ids.count > 0);
                for (ptrdiff_t j = 0; j < ids.count; j++)
                    CHECK(str_eq(ids.items[j], S("id-one")) || str_eq(ids.items[j], S("id-two")));
            }
            arena_free(t.arena);
        }
}

TEST(what_is_no_chapter_is_none) {
    static const char *const strange[] = {"{}", "[]", "\"text\"", "{\"sentences\":[]}", "{\"sentences\":7}",
                                          "{\"title\":\"T\",\"sentences\":[{\"text\":\"  \",\"noteIds\":[\"n1\"]}]}",
                                          "{\"sentences\":[null,7,\"x\",[]]}"};
    for (int i = 0; i < COUNT(strange); i++) {
        Taken t = take("chapter", strange[i], i % 2);
        CHECK(!t.good && t.wrong.len > 0);
        arena_free(t.arena);
    }
}

TEST(a_letter_and_a_name_stand_apart) {
    Taken t = take("chapter",
                   WHOLE("{\"paragraph\":false,\"text\":\"Il pleuvait, plan B.\",\"noteIds\":[\"n1\"]},"
                         "{\"paragraph\":false,\"text\":\"Paul a compté trois moutons.\",\"noteIds\":[\"n1\"]}"),
                   true);
    CHECK(t.good && str_find(t.draft.content, S("B. Paul")) < 0);
    arena_free(t.arena);
}

T_MAIN(T_ROW(sentences_become_a_text_with_their_notes),
       T_ROW(an_invention_is_named_to_the_model_and_in_the_end_taken_out),
       T_ROW(a_sentence_of_no_note_is_not_taken_as_it_is), T_ROW(what_is_no_chapter_is_none),
       T_ROW(a_letter_and_a_name_stand_apart))
