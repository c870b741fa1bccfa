/* SPDX-License-Identifier: Apache-2.0
 * Which notes make which chapter: counts of each mode, days of the person's zone, themes, pictures, keys
 * that other notes do not move, and thousands of notes. */
#include "products/lifetales/plan.h"

#include "notes_world.h"
#include "products/lifetales/calendar.h"

static StorySettings settings_of(const char *mode) {
    return (StorySettings){
        .narrative_tone = S("cinematic"), .story_mode = str_c(mode), .creativity = 1};
}

static StoryPlan planned(Arena *arena, const StoryNote *notes, ptrdiff_t count, const char *mode,
                         const char *zone) {
    StorySettings settings = settings_of(mode);
    return story_plan(arena, &(PlanInput){.notes = notes,
                                          .count = count,
                                          .settings = &settings,
                                          .zone = zone_find(zone),
                                          .writer = S("local/local")});
}

static StoryNote note_made(Arena *arena, int n, const char *text, const char *when) {
    StoryNote note = {.id = strf(arena, "n%d", n), .text = str_c(text)};
    CHECK(time_parse(str_c(when), &note.at));
    return note;
}

/* "0,1|2": the indexes of the notes, chapter by chapter. */
static Str shape_of(Arena *arena, const StoryPlan *plan, const StoryNote *notes) {
    Buf b = buf_new(arena, 64);
    for (ptrdiff_t i = 0; i < plan->count; i++) {
        if (i > 0) buf_byte(&b, '|');
        for (ptrdiff_t k = 0; k < plan->items[i].count; k++) {
            ptrdiff_t at = 0;
            while (!str_eq(notes[at].id, plan->items[i].notes[k]->id)) at++;
            if (k > 0) buf_byte(&b, ',');
            buf_i64(&b, at);
        }
    }
    return buf_str(&b);
}

typedef struct Made {
    const char *text, *when;
} Made;

/* Every note is in one chapter, by time within it; chapters by their first note. */
static void plan_sound(const StoryPlan *plan, ptrdiff_t notes) {
    ptrdiff_t sum = 0;
    for (ptrdiff_t i = 0; i < plan->count; i++) {
        const PlannedChapter *chapter = &plan->items[i];
        CHECK(chapter->count > 0);
        CHECK_INT(chapter->key.len, 64);
        sum += chapter->count;
        for (ptrdiff_t k = 1; k < chapter->count; k++)
            CHECK(chapter->notes[k - 1]->at.us <= chapter->notes[k]->at.us);
    }
    CHECK_INT(sum, notes);
}

TEST(makes_as_many_chapters_as_the_mode_wants) {
    static const int sizes[] = {1, 2, 3, 4, 5, 7, 30, 101};
    Chance chance = {3};
    for (int s = 0; s < COUNT(sizes); s++)
        for (int round = 0; round < 40; round++) {
            Arena *arena = arena_new(64 * MIB);
            int n = sizes[s], half = (n + 1) / 2;
            StoryNote *notes = arena_array(arena, StoryNote, n);
            ptrdiff_t spread = chance_below(&chance, 3);
            static const char *const words[] = {"mer",    "bateau", "train", "gare",
                                                "crêpes", "pluie",  "école", "marché"};
            for (int i = 0; i < n; i++) {
                Buf b = buf_new(arena, 64);
                for (int k = 0; k < 5; k++)
                    buf_f(&b, "%s ", words[chance_below(&chance, COUNT(words))]);
                int64_t day = spread == 0 ? 0 : spread == 1 ? i : chance_below(&chance, n);
                notes[i] =
                    (StoryNote){.id = strf(arena, "n%d", i),
                                .text = buf_str(&b),
                                .at = {day * US_PER_DAY + chance_below(&chance, 24) * US_PER_HOUR}};
            }
            static const char *const modes[] = {"transcription", "chapter", "clean", "creative"};
            for (int m = 0; m < COUNT(modes); m++) {
                StoryPlan plan = planned(arena, notes, n, modes[m], "Europe/Paris");
                plan_sound(&plan, n);
                if (m < 2) CHECK_INT(plan.count, n);
                if (m == 2) CHECK(plan.count >= half && plan.count <= n);
                if (m == 3) CHECK(plan.count >= half - 1 && plan.count <= half + 1);
                CHECK_STR(plan.language, S("fr"));
            }
            arena_free(arena);
        }
}

TEST(groups_by_day_and_theme) {
    static const struct {
        const char *mode, *zone, *want;
        Made made[6];
    } rows[] = {
        {"creative",
         "UTC",
         "0,2|1,3",
         {{"Le bateau sur la mer bleue", "2026-06-01T08:00:00Z"},
          {"La gare et le train de nuit", "2026-06-01T09:00:00Z"},
          {"La mer et un bateau rouge", "2026-06-01T10:00:00Z"},
          {"Un train quitte la gare", "2026-06-01T11:00:00Z"}}},
        {"clean",
         "UTC",
         "0,1|2",
         {{"Le bateau sur la mer", "2026-06-01T08:00:00Z"},
          {"Un bateau sur la mer", "2026-06-01T09:00:00Z"},
          {"Le train", "2026-06-01T10:00:00Z"}}},
        /* The same words on another day are another chapter. */
        {"clean",
         "UTC",
         "0|1",
         {{"Le bateau sur la mer", "2026-06-01T23:30:00Z"},
          {"Le bateau sur la mer", "2026-06-02T00:30:00Z"}}},
        /* In Paris both are of one day. */
        {"clean",
         "Europe/Paris",
         "0,1",
         {{"Le bateau sur la mer", "2026-06-01T23:30:00Z"},
          {"Le bateau sur la mer", "2026-06-02T00:30:00Z"}}},
        /* The night of 25 October 2026 has 25 hours there. */
        {"clean",
         "Europe/Paris",
         "0,1",
         {{"Le bateau sur la mer", "2026-10-24T22:10:00Z"},
          {"Le bateau sur la mer", "2026-10-25T22:50:00Z"}}},
        /* Out of order, equal times in the order that they came in. */
        {"chapter",
         "UTC",
         "2|0|1",
         {{"b", "2026-06-02T00:00:00Z"},
          {"c", "2026-06-02T00:00:00Z"},
          {"a", "2026-06-01T00:00:00Z"}}},
        /* A day with one note goes with the nearer neighbour. */
        {"creative",
         "UTC",
         "0|1,2",
         {{"un", "2026-06-01T08:00:00Z"},
          {"deux", "2026-06-20T08:00:00Z"},
          {"trois", "2026-06-21T08:00:00Z"}}},
        {"creative",
         "UTC",
         "0,1|2",
         {{"un", "1667-06-01T08:00:00Z"},
          {"deux", "1667-06-02T08:00:00Z"},
          {"trois", "2926-06-21T08:00:00Z"}}},
        {"creative", "UTC", "0", {{"🎉", "2026-06-01T08:00:00Z"}}},
    };
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        Arena *arena = arena_new(4 * MIB);
        StoryNote notes[6];
        int count = 0;
        for (; count < 6 && rows[i].made[count].text; count++)
            notes[count] =
                note_made(arena, count, rows[i].made[count].text, rows[i].made[count].when);
        StoryPlan plan = planned(arena, notes, count, rows[i].mode, rows[i].zone);
        t_check_str(shape_of(arena, &plan, notes), str_c(rows[i].want), rows[i].made[0].text,
                    __FILE__, __LINE__);
        arena_free(arena);
    }
}

TEST(puts_pictures_with_the_nearest_words) {
    Arena *arena = arena_new(4 * MIB);
    Str image = S("i");
    StoryNote notes[5] = {note_made(arena, 0, "matin", "2026-06-01T08:00:00Z"),
                          note_made(arena, 1, "", "2026-06-01T09:00:00Z"),
                          note_made(arena, 2, " \n", "2026-06-01T17:00:00Z"),
                          note_made(arena, 3, "soir", "2026-06-01T18:00:00Z"),
                          note_made(arena, 4, "", "2026-06-01T13:00:00Z")};
    for (int i = 0; i < 5; i++)
        if (i != 0 && i != 3) notes[i].image_ids = (StrList){&image, 1};
    StoryPlan plan = planned(arena, notes, 5, "chapter", "UTC");
    CHECK_STR(shape_of(arena, &plan, notes), S("0,1,4|2,3"));
    /* A recording that nobody could hear yet says nothing. */
    notes[1].image_ids = (StrList){0};
    plan = planned(arena, notes, 5, "chapter", "UTC");
    CHECK_STR(shape_of(arena, &plan, notes), S("0,4|2,3"));
    plan = planned(arena, &notes[1], 1, "chapter", "UTC");
    CHECK_INT(plan.count, 0);
    plan = planned(arena, &notes[1], 2, "creative", "UTC");
    CHECK_STR(shape_of(arena, &plan, &notes[1]), S("1"));
    plan = planned(arena, notes, 0, "clean", "UTC");
    CHECK_INT(plan.count, 0);
    arena_free(arena);
}

TEST(keys_follow_their_own_notes_only) {
    static const char *const modes[] = {"transcription", "clean", "creative", "chapter"};
    Arena *arena = arena_new(64 * MIB);
    StoryNote notes[30];
    for (int i = 0; i < 30; i++) {
        notes[i] = (StoryNote){.id = strf(arena, "n%d", i),
                               .text = strf(arena, "Note %d de la mer et du train %d", i, i % 4),
                               .at = {i * 10 * US_PER_HOUR}};
    }
    for (int m = 0; m < COUNT(modes); m++) {
        StoryPlan before = planned(arena, notes, 30, modes[m], "Europe/Paris"),
                  again = planned(arena, notes, 30, modes[m], "Europe/Paris");
        Str kept = notes[13].text;
        notes[13].text = S("Tout autre chose, des montagnes et de la neige");
        StoryPlan behind = planned(arena, notes, 30, modes[m], "Europe/Paris");
        notes[13].text = kept;
        int64_t day = calendar_local_day(notes[13].at, zone_find("Europe/Paris"));
        ptrdiff_t other = 0;
        CHECK_INT(again.count, before.count);
        for (ptrdiff_t i = 0; i < before.count; i++) {
            CHECK_STR(again.items[i].key, before.items[i].key);
            bool same = false, near = false;
            for (ptrdiff_t k = 0; k < behind.count; k++)
                same = same || str_eq(behind.items[k].key, before.items[i].key);
            for (ptrdiff_t k = 0; k < before.items[i].count; k++)
                near = near || calendar_local_day(before.items[i].notes[k]->at,
                                                  zone_find("Europe/Paris")) == day;
            other += !same;
            if (!same) CHECK(near); /* of that day at most */
        }
        CHECK(other >= 1 && other <= (m == 0 || m == 3 ? 1 : 3));
    }
    arena_free(arena);
}

TEST(keys_follow_all_that_a_chapter_is_written_from) {
    Arena *arena = arena_new(4 * MIB);
    StoryNote note = note_made(arena, 0, "La mer", "2026-06-01T08:00:00Z"), other;
    StorySettings settings = settings_of("chapter"), s;
    PlanInput in = {.notes = &note,
                    .count = 1,
                    .settings = &settings,
                    .zone = zone_find("UTC"),
                    .writer = S("local/local")},
              x;
    Str key = story_plan(arena, &in).items[0].key;
#define DIFFERS(change)                                                                            \
    do {                                                                                           \
        other = note, s = settings, x = in;                                                        \
        x.notes = &other, x.settings = &s;                                                         \
        change;                                                                                    \
        if (!CHECK(!str_eq(story_plan(arena, &x).items[0].key, key))) printf("    %s\n", #change); \
    } while (0)
    DIFFERS(other.id = S("z"));
    DIFFERS(other.title = S("z"));
    DIFFERS(other.text = S("La mer."));
    DIFFERS(other.place = S("Brest"));
    DIFFERS(other.at.us++);
    DIFFERS(s.narrative_tone = S("funny"));
    DIFFERS(s.story_mode = S("clean"));
    DIFFERS(s.creativity = 1.5);
    DIFFERS(x.zone = zone_find("Asia/Tokyo"));
    DIFFERS(x.language = S("en"));
    DIFFERS(x.writer = S("gemini/flash"));
    /* What moves between two fields is seen. */
    DIFFERS((other.title = S("La"), other.text = S(" mer")));
#undef DIFFERS
    settings.images_per_chapter = 3;
    settings.image_style = S("pastel");
    CHECK_STR(story_plan(arena, &in).items[0].key, key);
    arena_free(arena);
}

TEST(finds_the_language_of_most_text) {
    Arena *arena = arena_new(4 * MIB);
    StoryNote notes[3] = {note_made(arena, 0, "The sea was cold and we went home with my father.",
                                    "2026-06-01T08:00:00Z"),
                          note_made(arena, 1, "Il pleut.", "2026-06-01T08:00:00Z"),
                          note_made(arena, 2, "🎉", "2026-06-01T08:00:00Z")};
    CHECK_STR(planned(arena, notes, 3, "chapter", "UTC").language, S("en"));
    CHECK_STR(planned(arena, notes + 1, 2, "chapter", "UTC").language, S("fr"));
    CHECK_STR(planned(arena, notes + 2, 1, "chapter", "UTC").language, S("fr"));
    notes[0].text = S("今天我们去了海边，天气很好，我们都很高兴。");
    CHECK_STR(planned(arena, notes, 1, "chapter", "UTC").language, S("zh"));
    arena_free(arena);
}

TEST(writes_days_as_readers_expect_them) {
    static const struct {
        const char *when, *zone, *language, *want;
    } rows[] = {
        {"2026-11-21T18:04:00Z", "UTC", "fr", "Samedi 21 novembre 2026"},
        {"2026-11-01T18:04:00Z", "UTC", "fr-CA", "Dimanche 1er novembre 2026"},
        {"2026-11-21T18:04:00Z", "Asia/Tokyo", "fr", "Dimanche 22 novembre 2026"},
        {"2026-11-21T18:04:00Z", "UTC", "en", "Saturday 21 November 2026"},
        {"2026-11-21T18:04:00Z", "UTC", "en-US", "Saturday, November 21, 2026"},
        {"1667-06-11T10:00:00Z", "UTC", "en", "Saturday 11 June 1667"},
        {"2026-11-21T18:04:00Z", "UTC", "ar", "السبت 21 نوفمبر 2026"},
        {"2026-11-21T18:04:00Z", "UTC", "zh-CN", "2026年11月21日 星期六"},
        {"2026-11-21T18:04:00Z", "UTC", "es", "Sábado 21 de noviembre de 2026"},
        {"2026-11-21T18:04:00Z", "UTC", "de", "Samstag 21. November 2026"},
        {"2026-11-21T18:04:00Z", "UTC", "fi", "2026-11-21"},
    };
    Arena *arena = arena_new(MIB);
    for (ptrdiff_t i = 0; i < COUNT(rows); i++) {
        Time when;
        CHECK(time_parse(str_c(rows[i].when), &when));
        CHECK_STR(story_date(arena, when, zone_find(rows[i].zone), str_c(rows[i].language)),
                  str_c(rows[i].want));
    }
    CHECK_STR(story_date(arena, TIME_NULL, NULL, S("fr")), S(""));
    arena_free(arena);
}

TEST(plans_5000_notes_of_one_day) {
    Arena *arena = arena_new(256 * MIB);
    enum { MANY = 5000 };
    StoryNote *notes = arena_array(arena, StoryNote, MANY);
    Chance chance = {5};
    for (int i = 0; i < MANY; i++) {
        Buf b = buf_new(arena, 400);
        for (int k = 0; k < 30; k++) buf_f(&b, "mot%d ", (int)chance_below(&chance, 300));
        notes[i] = (StoryNote){.id = strf(arena, "n%d", i),
                               .text = buf_str(&b),
                               .at = {chance_below(&chance, 86400) * US_PER_SECOND}};
    }
    StoryPlan plan = planned(arena, notes, MANY, "creative", "UTC");
    CHECK_INT(plan.count, MANY / 2);
    plan_sound(&plan, MANY);
    ptrdiff_t most = 0;
    for (ptrdiff_t i = 0; i < plan.count; i++) most = max_size(most, plan.items[i].count);
    CHECK(most <= 3);
    plan = planned(arena, notes, MANY, "clean", "UTC");
    CHECK(plan.count >= MANY / 2 && plan.count <= MANY);
    arena_free(arena);
}

TEST(plans_real_diaries) {
    Arena *arena = arena_new(64 * MIB);
    NotesWorld *world = arena_new_of(arena, NotesWorld);
    if (!notes_load(arena, world)) {
        arena_free(arena);
        SKIP("no shared data (SOCLE_SHARED_DATA)");
    }
    static const char *const modes[] = {"transcription", "clean", "creative", "chapter"};
    for (int m = 0; m < COUNT(modes); m++) {
        StoryPlan plan = planned(arena, world->items, world->count, modes[m], "Europe/London");
        plan_sound(&plan, world->count);
        ptrdiff_t half = (world->count + 1) / 2;
        if (m == 0 || m == 3) CHECK_INT(plan.count, world->count);
        if (m == 1) CHECK(plan.count >= half);
        if (m == 2) CHECK(plan.count >= half - 1 && plan.count <= half + 1);
        CHECK_STR(plan.items[0].notes[0]->id, S("entry-1667-6-11"));
    }
    arena_free(arena);
}

T_MAIN(T_ROW(makes_as_many_chapters_as_the_mode_wants), T_ROW(groups_by_day_and_theme),
       T_ROW(puts_pictures_with_the_nearest_words), T_ROW(keys_follow_their_own_notes_only),
       T_ROW(keys_follow_all_that_a_chapter_is_written_from),
       T_ROW(finds_the_language_of_most_text), T_ROW(writes_days_as_readers_expect_them),
       T_ROW(plans_5000_notes_of_one_day), T_ROW(plans_real_diaries))
