/* SPDX-License-Identifier: Apache-2.0
 * What the shell does with a person's spaces where no route can be asked: files become media, stories are
 * followed. All wait. */
#ifndef SOCLE_LIFETALES_SHELL_H
#define SOCLE_LIFETALES_SHELL_H

#include "products/lifetales/story.h"

/* A file, looked at and stored as POST /api/media does, under its name. */
MUST_USE Err *shell_media(Ctx *c, Id user, Str path, Media *out);

/* As POST /api/stories/generate: settings is its member of that name, null for the person's own. *joined:
 * one was under way, which is out now; CONFLICT when settings are given then. */
MUST_USE Err *shell_story(Ctx *c, Id user, Str space_id, JsonText settings, Story *out,
                          bool *joined);

/* `told` has each chapter in the order of the plan, as soon as it and those before it are there; those
 * that the person has edited come last. Until the story has ended, or until_us: *story is what it is
 * then. Does not care who writes it. */
typedef struct StoryTold {
    void (*told)(Ctx *c, const Chapter *chapter, void *arg);
    void *arg;
    int64_t until_us;
} StoryTold;
MUST_USE Err *shell_story_follow(Ctx *c, const StoryTold *how, Story *story);
/* Workers for what stories ask for, in this process. workers_stop ends them. */
MUST_USE Err *shell_story_help(Ctx *c);

#endif
