/* SPDX-License-Identifier: Apache-2.0
 * Chapters without a model: what is taken out of sentences and what never is, titles, pictures' words; and
 * on real notes, in every mode and tone, that nothing is said that no note says. */
#include "notes_world.h"
#include "products/lifetales/facts.h"
#include "products/lifetales/writer_local_room.h"
#include "search/text.h"

static const char *const modes[] = {"transcription", "clean", "creative", "chapter"};
static const char *const tones[] = {"cinematic", "funny",        "neutral",
                                    "emotional", "journalistic", "poetic"};

static ChapterDraft written(Arena *arena, const StoryNote *notes, ptrdiff_t count, const char *mode,
                            const char *tone, const char *language) {
    Ctx c = {.arena = arena};
    PlannedChapter *chapter = arena_new_of(arena, PlannedChapter);
    chapter->notes = arena_array(arena, const StoryNote *, count + 1);
    chapter->count = count;
    for (ptrdiff_t i = 0; i < count; i++) chapter->notes[i] = &notes[i];
    StorySettings *settings = arena_new_of(arena, StorySettings);
    *settings =
        (StorySettings){.narrative_tone = str_c(tone), .story_mode = str_c(mode), .creativity = 1};
    ChapterTask task = {.chapter = chapter,
                        .settings = settings,
                        .language = str_c(language),
                        .zone = zone_find("UTC")};
    ChapterDraft draft;
    chapter_write_local(&c, &task, &draft);
    return draft;
}

/* [start, end) in code points. */
static Str points_of(Str text, int64_t start, int64_t end) {
    ptrdiff_t at = 0, from = 0;
    for (int64_t i = 0; i < end && at < text.len; i++) {
        if (i == start) from = at;
        str_utf8_next(text, &at);
    }
    return str_slice(text, start == end ? at : from, at);
}

/* Sentences with a space or a paragraph between are the content, each of one of the chapter's notes. */
static bool whole(Arena *arena, const ChapterDraft *draft, const StoryNote *notes,
                  ptrdiff_t count) {
    int64_t behind = 0;
    for (ptrdiff_t i = 0; i < draft->sentence_count; i++) {
        const StorySentence *one = &draft->sentences[i];
        Str gap = points_of(draft->content, behind, one->start);
        if (i > 0 && !str_eq(gap, S(" ")) && !str_eq(gap, S("\n\n"))) return false;
        if (one->end <= one->start || one->note_ids.count < 1 || (i == 0 && one->start != 0))
            return false;
        for (ptrdiff_t k = 0; k < one->note_ids.count; k++) {
            bool known = false;
            for (ptrdiff_t n = 0; n < count; n++)
                known = known || str_eq(notes[n].id, one->note_ids.items[k]);
            if (!known) return false;
        }
        behind = one->end;
    }
    (void)arena;
    return behind == str_utf8_count(draft->content) && str_utf8_valid(draft->content);
}

static StoryNote note_at(const char *text, const char *when) {
    StoryNote note = {.id = S("a"), .text = str_c(text)};
    CHECK(time_parse(str_c(when), &note.at));
    return note;
}

TEST(cleans_what_was_said) {
    static const struct {
        const char *language, *said, *want;
    } rows[] = {
        {"fr", "euh je je suis allé à la la mer", "Je suis allé à la mer."},
        {"fr", "Nous nous sommes levés, euh, tard", "Nous nous sommes levés tard."},
        {"fr", "c'était très très beau", "C'était très très beau."},
        {"fr", "on est partis euh.", "On est partis."},
        {"fr", "le  chien ,  le chat", "Le chien, le chat."},
        {"fr", "l'été\nest là", "L'été est là."},
        {"fr", "« venez ! »", "« Venez ! »"},
        {"fr", "em\u00admène-moi", "Emmène-moi."},
        {"fr", "Bonjour bonjour", "Bonjour bonjour."},
        {"fr", "euh", ""},
        {"en", "um, so I I went to the the shop", "So I went to the shop."},
        {"en", "he had had enough", "He had had enough."},
        {"en", "I saw er him", "I saw er him."},
        {"en", "we walked, er, home", "We walked home."},
        {"en", "what did you do?", "What did you do?"},
        {"en", "# Monday", "Monday."},
        {"en", "it cost 12 €", "It cost 12 €."},
        {"de", "um sieben Uhr", "Um sieben Uhr."},
        {"fr", "🎉🎉", "🎉🎉"},
        {"zh", "今天很好", "今天很好。"},
        {"ar", "ذهبنا إلى البحر", "ذهبنا إلى البحر."},
        {"ar", "هل ذهبنا؟", "هل ذهبنا؟"},
    };
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        Arena *arena = arena_new(MIB);
        Str got = local_clean(arena, str_c(rows[i].said), str_c(rows[i].language), false, false);
        t_check_str(got, str_c(rows[i].want), rows[i].said, __FILE__, __LINE__);
        arena_free(arena);
    }
}

TEST(writes_each_mode_in_its_measure) {
    static const char text[] =
        "euh on est partis tôt. Le train était en retard. On a mangé des crêpes au port. "
        "Les crêpes étaient bonnes. Le port était plein de bateaux. On a mangé des crêpes au port. "
        "Voilà.";
    static const struct {
        const char *mode, *tone, *want;
    } rows[] = {
        {"transcription", "cinematic",
         "On est partis tôt. Le train était en retard. On a mangé des crêpes au port. Les crêpes "
         "étaient bonnes. Le "
         "port était plein de bateaux. On a mangé des crêpes au port. Voilà."},
        {"chapter", "cinematic",
         "Samedi 21 novembre 2026.\n\nOn est partis tôt. Le train était en retard. On a mangé des "
         "crêpes au port. Les "
         "crêpes étaient bonnes. Le port était plein de bateaux. On a mangé des crêpes au port. "
         "Voilà."},
        {"clean", "poetic",
         "On est partis tôt. Le train était en retard. On a mangé des crêpes au port. Les crêpes "
         "étaient bonnes. Le "
         "port était plein de bateaux. Voilà."},
    };
    Arena *arena = arena_new(4 * MIB);
    StoryNote note = note_at(text, "2026-11-21T18:04:00Z");
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        ChapterDraft draft = written(arena, &note, 1, rows[i].mode, rows[i].tone, "fr");
        t_check_str(draft.content, str_c(rows[i].want), rows[i].mode, __FILE__, __LINE__);
        CHECK(whole(arena, &draft, &note, 1));
    }
    ChapterDraft creative = written(arena, &note, 1, "creative", "neutral", "fr");
    CHECK(str_starts(creative.content, S("Samedi 21 novembre 2026.\n\n")));
    CHECK(creative.content.len < note.text.len);
    CHECK(str_find(creative.content, S("crêpes")) > 0);
    CHECK(str_find(creative.content, S("Voilà")) < 0);
    arena_free(arena);
}

TEST(joins_no_letter_to_a_name) {
    Arena *arena = arena_new(MIB);
    StoryNote note = {.id = S("n"), .text = S("Nous avons suivi le plan B\nMartin est venu à midi.")};
    ChapterDraft draft = written(arena, &note, 1, "transcription", "neutral", "fr");
    CHECK_STR(draft.content, S("Nous avons suivi le plan B.\n\nMartin est venu à midi."));
    CHECK(whole(arena, &draft, &note, 1));
    arena_free(arena);
}

TEST(names_both_notes_of_what_two_say) {
    Arena *arena = arena_new(MIB);
    StoryNote notes[2] = {
        note_at("Le port était plein de grands bateaux blancs.", "2026-11-21T08:00:00Z"),
        note_at("Le port était plein de grands bateaux blancs. On dort.", "2026-11-21T09:00:00Z")};
    notes[1].id = S("b");
    ChapterDraft draft = written(arena, notes, 2, "clean", "neutral", "fr");
    CHECK_STR(draft.content, S("Le port était plein de grands bateaux blancs.\n\nOn dort."));
    CHECK_INT(draft.sentences[0].note_ids.count, 2);
    CHECK_STR(draft.sentences[0].note_ids.items[1], S("b"));
    arena_free(arena);
}

TEST(opens_with_day_and_place_unless_the_note_does) {
    static const struct {
        const char *text, *place, *want;
    } rows[] = {
        {"Il pleut.", "Nice", "Nice, samedi 21 novembre 2026.\n\nIl pleut."},
        {"Il pleut.", NULL, "Samedi 21 novembre 2026.\n\nIl pleut."},
        {"Samedi. Il pleut.", "Nice", "Samedi. Il pleut."},
        {"Le 20 novembre, il pleut.", NULL, "Le 20 novembre, il pleut."},
        {"2e jour. Il pleut.", NULL, "2e jour. Il pleut."},
    };
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        Arena *arena = arena_new(MIB);
        StoryNote note = note_at(rows[i].text, "2026-11-21T18:04:00Z");
        note.place = str_c(rows[i].place);
        ChapterDraft draft = written(arena, &note, 1, "chapter", "cinematic", "fr");
        CHECK_STR(draft.content, str_c(rows[i].want));
        arena_free(arena);
    }
}

TEST(titles_are_the_notes_own_words) {
    static const struct {
        const char *title, *text, *language, *want;
    } rows[] = {
        {"la plage ", "Il pleut.", "fr", "La plage"},
        {NULL, "Nous avons mangé, et la grande plage était vide. La plage, toujours la plage.",
         "fr", "La grande plage était vide"},
        {NULL, "🎉", "fr", "🎉"},
        {NULL, "Pluie", "fr", "Pluie"},
        {NULL, "今天我们去了海边。", "zh", "今天我们去了海边"},
        {NULL, "", "fr", "Samedi 21 novembre 2026"},
    };
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        Arena *arena = arena_new(MIB);
        StoryNote note = note_at(rows[i].text, "2026-11-21T18:04:00Z");
        note.title = str_c(rows[i].title);
        CHECK_STR(written(arena, &note, 1, "chapter", "poetic", rows[i].language).title,
                  str_c(rows[i].want));
        arena_free(arena);
    }
}

TEST(cuts_long_titles_between_words) {
    Arena *arena = arena_new(MIB);
    CHECK_STR(
        local_short(
            arena,
            S("Le jour où nous avons traversé la France entière à bicyclette et en chantant")),
        S("Le jour où nous avons traversé la France entière à…"));
    CHECK_STR(local_short(arena, S("court")), S("court"));
    /* A space right behind the last that has room. */
    CHECK_STR(local_short(arena, S("Soixante lettres et pas une de plus tiennent dans ce titre-c ici")),
              S("Soixante lettres et pas une de plus tiennent dans ce…"));
    Buf b = buf_new(arena, 400);
    for (int i = 0; i < 100; i++) buf_add(&b, S("é"));
    CHECK_INT(str_utf8_count(local_short(arena, buf_str(&b))), LOCAL_TITLE_MAX);
    b.len = 0;
    for (int i = 0; i < 100; i++) buf_add(&b, S("海"));
    CHECK_INT(str_utf8_count(local_short(arena, buf_str(&b))), LOCAL_TITLE_MAX);
    arena_free(arena);
}

TEST(pictures_words_are_things_place_and_hour) {
    Arena *arena = arena_new(MIB);
    StoryNote note =
        note_at("La plage était vide. Les bateaux rentraient au port, et la plage brillait.",
                "2026-07-21T19:04:00Z");
    note.place = S("Brest");
    ChapterDraft draft = written(arena, &note, 1, "chapter", "neutral", "fr");
    CHECK(str_starts(draft.illustration_prompt, S("plage, ")));
    CHECK(str_find(draft.illustration_prompt, S("bateaux")) > 0);
    CHECK(str_ends(draft.illustration_prompt, S("Brest, été, soir")));
    arena_free(arena);
}

TEST(tells_pictures_without_words) {
    Arena *arena = arena_new(MIB);
    Str image = S("i");
    StoryNote note = note_at("", "2026-11-21T18:04:00Z");
    note.image_ids = (StrList){&image, 1};
    ChapterDraft draft = written(arena, &note, 1, "transcription", "neutral", "fr");
    CHECK_STR(draft.content, S("Samedi 21 novembre 2026."));
    CHECK(whole(arena, &draft, &note, 1));
    note.title = S("le port");
    CHECK_STR(written(arena, &note, 1, "transcription", "neutral", "fr").content, S("Le port."));
    arena_free(arena);
}

/* The content's words, in their order, are words of the text. */
static ptrdiff_t words_missing(Arena *arena, Str content, Str text) {
    Words a = {.arena = arena}, b = {.arena = arena};
    words_add(&a, content);
    words_add(&b, text);
    ptrdiff_t at = 0, missing = 0;
    for (ptrdiff_t i = 0; i < a.count; i++) {
        ptrdiff_t k = at;
        while (k < b.count && !str_eq(a.items[i].text, b.items[k].text)) k++;
        if (k == b.count)
            missing++;
        else
            at = k + 1;
    }
    return missing;
}

static ptrdiff_t words_in(Arena *arena, Str text) {
    Words words = {.arena = arena};
    words_add(&words, text);
    return words.count;
}

TEST(says_of_real_notes_what_they_say) {
    Arena *world_arena = arena_new(4 * MIB);
    NotesWorld *world = arena_new_of(world_arena, NotesWorld);
    if (!notes_load(world_arena, world)) {
        arena_free(world_arena);
        SKIP("no shared data (SOCLE_SHARED_DATA)");
    }
    for (ptrdiff_t n = 0; n < world->count; n++) {
        Arena *arena = arena_new(256 * MIB);
        const StoryNote *note = &world->items[n];
        const char *language = str_cstr(arena, world->languages[n]);
        Facts *facts = facts_gather(arena, &note, 1, zone_find("UTC"));
        for (int m = 0; m < COUNT(modes); m++)
            for (int k = 0; k < COUNT(tones); k++) {
                ChapterDraft draft = written(arena, note, 1, modes[m], tones[k], language);
                ptrdiff_t found, in_title;
                Invention *all = facts_against(arena, facts, draft.content, &found);
                facts_against(arena, facts, draft.title, &in_title);
                if (!CHECK_INT(found, 0))
                    printf("    %.*s: %.*s\n", S_ARG(note->id), S_ARG(all[0].what));
                if (!CHECK_INT(in_title, 0)) printf("    %.*s\n", S_ARG(draft.title));
                CHECK(draft.content.len > 0 && draft.title.len > 0);
                CHECK(str_utf8_count(draft.title) <= LOCAL_TITLE_MAX);
                CHECK(whole(arena, &draft, note, 1));
                if (m == 0) CHECK_INT(words_missing(arena, draft.content, note->text), 0);
                /* A word said twice by stumbling may be gone. */
                if (m == 0)
                    CHECK(words_in(arena, note->text) - words_in(arena, draft.content) <= 3);
            }
        arena_free(arena);
    }
    arena_free(world_arena);
}

TEST(stands_any_note) {
    static const char *const bits[] = {"euh ", "a",    "B",      " ", ".",   "! ",     "\n",
                                       "\n\n", "é",    "…",      "»", "« ",  "le le ", "今",
                                       "。",   "🎉",    "3",      ",", "- x", "\u00a0", "؟",
                                       "\"",   "12. ", "\u00ad", "#"};
    Chance chance = {11};
    for (int round = 0; round < 1500; round++) {
        Arena *arena = arena_new(4 * MIB);
        Buf b[2] = {buf_new(arena, 64), buf_new(arena, 64)};
        for (int i = 0; i < 2; i++)
            for (ptrdiff_t n = chance_below(&chance, 40); n-- > 0;)
                buf_add(&b[i], str_c(bits[chance_below(&chance, COUNT(bits))]));
        StoryNote notes[2] = {{.id = S("a"), .text = buf_str(&b[0])},
                              {.id = S("b"), .text = buf_str(&b[1]), .at = {1}}};
        const char *mode = modes[chance_below(&chance, COUNT(modes))],
                   *tone = tones[chance_below(&chance, COUNT(tones))];
        ChapterDraft draft = written(arena, notes, 2, mode, tone, "fr"),
                     again = written(arena, notes, 2, mode, tone, "fr");
        if (!CHECK(whole(arena, &draft, notes, 2)))
            printf("    [%.*s] of [%.*s] [%.*s] %ld\n", S_ARG(draft.content), S_ARG(notes[0].text),
                   S_ARG(notes[1].text), (long)draft.sentence_count);
        CHECK_STR(again.content, draft.content);
        CHECK_STR(again.title, draft.title);
        CHECK(str_utf8_count(draft.title) <= LOCAL_TITLE_MAX);
        arena_free(arena);
    }
}

TEST(stands_100000_characters) {
    Arena *arena = arena_new(256 * MIB);
    Buf b = buf_new(arena, 200000);
    for (int i = 0; b.len < 100000; i++)
        buf_f(&b, i % 7 ? "et puis on a vu le phare " : "Le bateau %d est là. ", i);
    StoryNote note = {.id = S("a"), .text = buf_str(&b)};
    for (int m = 0; m < COUNT(modes); m++) {
        ChapterDraft draft = written(arena, &note, 1, modes[m], "neutral", "fr");
        CHECK(whole(arena, &draft, &note, 1));
        CHECK(draft.content.len > 1000);
    }
    arena_free(arena);
}

T_MAIN(T_ROW(cleans_what_was_said), T_ROW(writes_each_mode_in_its_measure),
       T_ROW(joins_no_letter_to_a_name), T_ROW(names_both_notes_of_what_two_say),
       T_ROW(opens_with_day_and_place_unless_the_note_does), T_ROW(titles_are_the_notes_own_words),
       T_ROW(cuts_long_titles_between_words), T_ROW(pictures_words_are_things_place_and_hour),
       T_ROW(tells_pictures_without_words), T_ROW(says_of_real_notes_what_they_say),
       T_ROW(stands_any_note), T_ROW(stands_100000_characters))
