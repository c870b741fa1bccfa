/* SPDX-License-Identifier: Apache-2.0
 * What a story is to be, beside what is there: kept, written anew in its place, added, left; pictures that are not
 * there yet; the order. */
#include "products/lifetales/story_room.h"
#include "t.h"

static const StorySettings settings = {.narrative_tone = {"neutral", 7},
                                       .story_mode = {"chapter", 7},
                                       .image_style = {"pastel", 6},
                                       .creativity = 1};

static StoryNote *notes_of(Arena *arena, ptrdiff_t count) {
    StoryNote *notes = arena_array(arena, StoryNote, count);
    for (ptrdiff_t i = 0; i < count; i++)
        notes[i] = (StoryNote){.id = strf(arena, "n%td", i),
                               .title = S(""),
                               .text = strf(arena, "Ce jour-là, Paul a compté %td moutons.", i + 3),
                               .at = {1600000000000000 + i * 86400000000}};
    return notes;
}

static MatchInput input_of(const StoryNote *notes, ptrdiff_t count) {
    return (MatchInput){.plan = {.notes = notes, .count = count, .settings = &settings,
                                 .zone = zone_find("UTC"), .writer = S("local/local")},
                        .image_style = settings.image_style};
}

/* Rows as a run leaves them, of all that is planned. */
static ChapterRow *rows_of(Arena *arena, const MatchInput *in, ptrdiff_t *count) {
    StoryMatch match = story_match(arena, in);
    ChapterRow *rows = arena_array(arena, ChapterRow, match.count);
    *count = match.count;
    for (ptrdiff_t i = 0; i < match.count; i++) {
        const PlannedChapter *planned = match.pieces[i].planned;
        rows[i] = (ChapterRow){.n = {i + 1}, .id = match.pieces[i].id, .title = S("T"), .key = planned->key,
                               .content = S("Une phrase. Une autre phrase. Et la dernière."),
                               .notes_key = match.pieces[i].notes_key, .position = i,
                               .illustration_prompt = S("des moutons"), .illustration_status = S("done"),
                               .illustration_style = S("pastel"), .illustration_n = {100 + i}};
        rows[i].note_ids = (StrList){arena_array(arena, Str, planned->count), 0};
        for (ptrdiff_t k = 0; k < planned->count; k++)
            rows[i].note_ids.items[rows[i].note_ids.count++] = planned->notes[k]->id;
    }
    return rows;
}

TEST(of_nothing_everything_is_new) {
    Arena *arena = arena_new(4 * MIB);
    MatchInput in = input_of(notes_of(arena, 4), 4);
    StoryMatch match = story_match(arena, &in);
    CHECK(match.count == 4 && match.kept == 0 && match.left_count == 0);
    for (ptrdiff_t i = 0; i < 4; i++) {
        CHECK(!match.pieces[i].done && !match.pieces[i].old && match.pieces[i].id.len == 36);
        CHECK_STR(match.pieces[i].planned->notes[0]->id, strf(arena, "n%td", i));
    }
    arena_free(arena);
}

TEST(what_has_not_changed_is_kept_and_a_changed_note_takes_its_chapters_place) {
    Arena *arena = arena_new(4 * MIB);
    StoryNote *notes = notes_of(arena, 4);
    MatchInput in = input_of(notes, 4);
    in.rows = rows_of(arena, &in, &in.row_count);
    StoryMatch match = story_match(arena, &in);
    CHECK(match.kept == 4);
    notes[2].text = S("Tout autre chose.");
    match = story_match(arena, &in);
    CHECK(match.count == 4 && match.kept == 3 && match.left_count == 0);
    CHECK(!match.pieces[2].done && match.pieces[2].old == &in.rows[2]);
    CHECK_STR(match.pieces[2].id, in.rows[2].id);
    arena_free(arena);
}

TEST(chapters_of_removed_notes_are_left_and_new_notes_are_added_in_their_order) {
    Arena *arena = arena_new(4 * MIB);
    StoryNote *notes = notes_of(arena, 4);
    MatchInput in = input_of(notes, 3);
    in.rows = rows_of(arena, &in, &in.row_count);
    in.plan.notes = notes + 1;
    StoryMatch match = story_match(arena, &in);
    CHECK(match.count == 3 && match.kept == 2 && match.left_count == 1);
    CHECK(match.left[0] == &in.rows[0]);
    StoryPiece **order = story_order(arena, &match);
    CHECK_STR(order[0]->planned->notes[0]->id, S("n1"));
    CHECK_STR(order[2]->planned->notes[0]->id, S("n3"));
    in.rows[1].position = 5; /* the person has put n1 last */
    match = story_match(arena, &in);
    order = story_order(arena, &match);
    CHECK_STR(order[0]->planned->notes[0]->id, S("n2"));
    arena_free(arena);
}

TEST(what_the_person_has_edited_stands_unless_told_otherwise_and_changed) {
    Arena *arena = arena_new(4 * MIB);
    StoryNote *notes = notes_of(arena, 2);
    MatchInput in = input_of(notes, 2);
    in.rows = rows_of(arena, &in, &in.row_count);
    in.rows[0].edited = true;
    notes[0].text = S("Tout autre chose.");
    StoryMatch match = story_match(arena, &in);
    CHECK(match.count == 2 && match.plan.count == 1 && match.kept == 2);
    CHECK(match.pieces[1].old == &in.rows[0] && !match.pieces[1].planned);
    CHECK(story_order(arena, &match)[0] == &match.pieces[1]);
    in.overwrite_edited = true;
    match = story_match(arena, &in);
    CHECK(match.plan.count == 2 && match.kept == 1 && !match.pieces[0].done);
    arena_free(arena);
}

TEST(pictures_that_are_not_there_are_wanted) {
    Arena *arena = arena_new(4 * MIB);
    MatchInput in = input_of(notes_of(arena, 1), 1);
    in.rows = rows_of(arena, &in, &in.row_count);
    StoryMatch match = story_match(arena, &in);
    CHECK(!match.pieces[0].wants[0]);
    in.images_per_chapter = 3;
    match = story_match(arena, &in);
    CHECK(!match.pieces[0].wants[0] && match.pieces[0].wants[1] && match.pieces[0].wants[2]);
    Str *prompts = match.pieces[0].prompts;
    CHECK(!str_eq(prompts[1], prompts[2]) && !str_eq(prompts[0], prompts[1]));
    PictureRow had[] = {{.position = 1, .prompt = prompts[1], .style = S("pastel")},
                        {.position = 2, .prompt = S("une licorne"), .style = {0}}};
    in.rows[0].pictures = had;
    in.rows[0].picture_count = 2;
    match = story_match(arena, &in);
    CHECK(!match.pieces[0].wants[1] && !match.pieces[0].wants[2]); /* the second by the person's wish */
    had[0].prompt = S("ce qu'il disait avant");
    in.rows[0].illustration_style = S("cinematic");
    match = story_match(arena, &in);
    CHECK(match.pieces[0].wants[0] && match.pieces[0].wants[1] && !match.pieces[0].wants[2]);
    arena_free(arena);
}

TEST(prompts_are_of_the_texts_parts_whatever_it_is) {
    Arena *arena = arena_new(4 * MIB);
    Str prompts[CHAPTER_PICTURES_MAX];
    story_prompts(arena, S("Le matin. Le midi. Le soir. La nuit."), S("le premier"), 4, prompts);
    CHECK_STR(prompts[0], S("le premier"));
    CHECK_STR(prompts[1], S("Le midi."));
    CHECK_STR(prompts[3], S("La nuit."));
    static const char *const strange[] = {"", "Un.", "🙂", "今天很好。我们去了海边！真的吗？是", "\n\n\n"};
    for (ptrdiff_t i = 0; i < COUNT(strange); i++) {
        story_prompts(arena, str_c(strange[i]), S("x"), 4, prompts);
        for (int k = 1; k < 4; k++) {
            CHECK(prompts[k].len > 0 && str_utf8_valid(prompts[k]));
            for (int j = 0; j < k; j++) CHECK(!str_eq(prompts[j], prompts[k]));
        }
    }
    arena_free(arena);
}

T_MAIN(T_ROW(of_nothing_everything_is_new),
       T_ROW(what_has_not_changed_is_kept_and_a_changed_note_takes_its_chapters_place),
       T_ROW(chapters_of_removed_notes_are_left_and_new_notes_are_added_in_their_order),
       T_ROW(what_the_person_has_edited_stands_unless_told_otherwise_and_changed),
       T_ROW(pictures_that_are_not_there_are_wanted),
       T_ROW(prompts_are_of_the_texts_parts_whatever_it_is))
