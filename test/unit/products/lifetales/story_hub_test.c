/* SPDX-License-Identifier: Apache-2.0
 * Text from a run to who follows: to each, in order, on every loop; to nobody else; and never more than fits. */
#include "products/lifetales/story_hub.h"
#include "t_loop.h"

typedef struct Hearer {
    StoryEar ear;
    int calls;
} Hearer;

static void ready(void *arg) { ((Hearer *)arg)->calls++; }

TEST(each_follower_hears_every_word_of_his_story_in_order) {
    Hearer one = {0}, same = {0}, other = {0};
    CHECK(!story_heard());
    story_tell((Id){7}, S("nobody hears this"));
    story_ear_open(&one.ear, (Id){7}, ready, &one);
    story_ear_open(&same.ear, (Id){7}, ready, &same);
    story_ear_open(&other.ear, (Id){7 + 1024}, ready, &other); /* of the same bucket */
    CHECK(story_heard());
    story_tell((Id){7}, S("a"));
    story_tell((Id){7}, S("b"));
    story_tell((Id){7 + 1024}, S("c"));
    Hearer *all[] = {&one, &same};
    for (int i = 0; i < 2; i++) {
        CHECK(all[i]->calls == 2);
        CHECK_STR(story_ear_take(&all[i]->ear), S("a"));
        CHECK_STR(story_ear_take(&all[i]->ear), S("b"));
        CHECK(story_ear_take(&all[i]->ear).len == 0);
    }
    CHECK_STR(story_ear_take(&other.ear), S("c"));
    story_ear_close(&one.ear);
    story_tell((Id){7}, S("d"));
    CHECK(one.calls == 2);
    CHECK_STR(story_ear_take(&same.ear), S("d"));
    story_ear_close(&other.ear);
    story_ear_close(&same.ear);
    CHECK(!story_heard());
}

TEST(a_follower_who_takes_nothing_loses_words_and_is_told) {
    Hearer slow = {0}, quick = {0};
    char block[4096];
    memset(block, 'x', sizeof block);
    story_ear_open(&slow.ear, (Id){3}, ready, &slow);
    story_ear_open(&quick.ear, (Id){3}, ready, &quick);
    int told = 2 * EAR_BYTES_MAX / (int)sizeof block, heard = 0;
    for (int i = 0; i < told; i++) {
        story_tell((Id){3}, str_of(block, (ptrdiff_t)sizeof block));
        heard += story_ear_take(&quick.ear).len == (ptrdiff_t)sizeof block;
    }
    CHECK(heard == told && !quick.ear.lost);
    CHECK(slow.ear.lost && slow.ear.bytes <= EAR_BYTES_MAX);
    int kept = 0;
    while (story_ear_take(&slow.ear).len > 0) kept++;
    CHECK(kept == EAR_BYTES_MAX / (int)sizeof block);
    story_tell((Id){3}, S("still lost"));
    CHECK(story_ear_take(&slow.ear).len == 0);
    slow.ear.lost = false; /* it was said: he hears again */
    story_tell((Id){3}, S("again"));
    CHECK_STR(story_ear_take(&slow.ear), S("again"));
    story_ear_close(&slow.ear);
    story_ear_close(&quick.ear);
}

/* Closed with words in it: they are freed, which the sanitizers see. */
TEST(an_ear_closed_with_words_in_it_leaves_nothing) {
    Hearer one = {0};
    story_ear_open(&one.ear, (Id){5}, ready, &one);
    for (int i = 0; i < 40; i++) story_tell((Id){5}, S("word"));
    CHECK_STR(story_ear_take(&one.ear), S("word"));
    story_ear_close(&one.ear);
    CHECK(!story_heard());
}

T_LOOP_MAIN(1, NULL, NULL, T_ROW(each_follower_hears_every_word_of_his_story_in_order),
            T_ROW(a_follower_who_takes_nothing_loses_words_and_is_told),
            T_ROW(an_ear_closed_with_words_in_it_leaves_nothing))
