/* SPDX-License-Identifier: Apache-2.0
 * Text as it comes, from the run that hears it to who follows the story on this node: by memory alone,
 * loop to loop, so that nothing waits for a commit. Nobody is owed a piece: a chapter's text is in its
 * `chapter` event, which comes by the table. Who connects later, or to another node, sees no pieces of
 * what is under way; who is too slow for them gets none until the next chapter. */
#ifndef SOCLE_LIFETALES_STORY_HUB_H
#define SOCLE_LIFETALES_STORY_HUB_H

#include "core/id.h"
#include "rt/loop.h"

enum { EAR_BYTES_MAX = 256 * 1024 };

typedef struct StoryWord StoryWord;

/* Of one loop; its fields are the hub's own. */
typedef struct StoryEar {
    struct StoryEar *prev, *next;
    Id story_n;
    void (*on_ready)(void *arg);
    void *arg;
    StoryWord **words; /* a queue: [first, first + count) */
    StoryWord *given;  /* the one that was taken last */
    ptrdiff_t first, count, cap, bytes;
    bool lost; /* pieces were left out; cleared by whoever has said so */
} StoryEar;

void story_ear_open(StoryEar *ear, Id story_n, void (*on_ready)(void *arg), void *arg);
void story_ear_close(StoryEar *ear);
/* What has come, null when there is nothing; the text is good until the next call. */
Str story_ear_take(StoryEar *ear);

/* To all who follow it on this node, in the order of the calls. frame: as it goes out. */
void story_tell(Id story_n, Str frame);
/* Does anybody follow anything here? */
bool story_heard(void);

#endif
