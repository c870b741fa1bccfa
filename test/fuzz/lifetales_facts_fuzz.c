/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a note, and as what is told of it (what stands behind the first zero byte): sentences lie
 * in order within the text; a note invents nothing about itself; inventions lie in order within what was
 * told; a chapter of the note's own sentences is whole, and its title short. */
#include "products/lifetales/facts.h"
#include "products/lifetales/writer_local_room.h"

static void sentences_check(Arena *arena, Str text) {
    ptrdiff_t count, behind = 0;
    Range *ranges = story_sentences(arena, text, &count);
    for (ptrdiff_t i = 0; i < count; i++) {
        assert(ranges[i].start >= behind && ranges[i].end > ranges[i].start);
        behind = ranges[i].end;
    }
    assert(behind <= text.len);
}

static void told_check(Arena *arena, Facts *facts, Str note, Str told) {
    ptrdiff_t found, behind = 0;
    facts_against(arena, facts, note, &found);
    assert(found == 0);
    Invention *all = facts_against(arena, facts, told, &found);
    assert(found <= INVENTIONS_MAX);
    for (ptrdiff_t i = 0; i < found; i++) {
        assert(all[i].at >= behind && all[i].what.len > 0);
        assert(str_eq(all[i].what, str_slice(told, all[i].at, all[i].at + all[i].what.len)));
        behind = all[i].at;
    }
}

static void chapter_check(Arena *arena, const StoryNote *note, Str mode, Str tone) {
    Ctx c = {.arena = arena};
    PlannedChapter chapter = {.notes = &note, .count = 1};
    StorySettings settings = {.narrative_tone = tone, .story_mode = mode, .creativity = 1};
    ChapterTask task = {
        .chapter = &chapter, .settings = &settings, .language = S("fr"), .zone = zone_find("UTC")};
    ChapterDraft draft;
    chapter_write_local(&c, &task, &draft);
    int64_t behind = 0;
    for (ptrdiff_t i = 0; i < draft.sentence_count; i++) {
        const StorySentence *one = &draft.sentences[i];
        assert(one->start >= behind && one->end > one->start && one->note_ids.count > 0);
        behind = one->end;
    }
    assert(behind == str_utf8_count(draft.content));
    assert(str_utf8_valid(draft.content) && str_utf8_valid(draft.title));
    assert(str_utf8_count(draft.title) <= LOCAL_TITLE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { LONGEST = 8192 };
    Arena *arena = arena_new(512 * MIB);
    Str text,
        told = str_cut(str_of((const char *)data, min_size((ptrdiff_t)size, LONGEST)), '\0', &text);
    StoryNote note = {.id = S("n"), .text = text};
    const StoryNote *notes = &note;
    sentences_check(arena, text);
    told_check(arena, facts_gather(arena, &notes, 1, NULL), text, str_is_null(told) ? S("") : told);
    if (str_utf8_valid(text)) {
        chapter_check(arena, &note, S("transcription"), S("cinematic"));
        chapter_check(arena, &note, S("creative"), S("journalistic"));
    }
    arena_free(arena);
    return 0;
}
