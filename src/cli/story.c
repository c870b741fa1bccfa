/* SPDX-License-Identifier: Apache-2.0
 * socle story: have a space's story written, and read it as it is. */
#include <stdio.h>

#include "cli/space_call.h"
#include "cli/tenant_call.h"
#include "products/lifetales/shell.h"

static const Option story_options[] = {
    USER_OPTION,
    {"mode", "MODE", NULL, "transcription, clean, creative or chapter (the person's own, as all of these)"},
    {"tone", "TONE", NULL, "cinematic, funny, neutral, emotional, journalistic or poetic"},
    {"creativity", "NUMBER", NULL, "0 to 2"},
    {"style", "STYLE", NULL, "of its pictures: illustration, cinematic, pastel or realistic"},
    {"pictures", "NUMBER", NULL, "of each chapter; 0: none"},
    {"overwrite-edited", "yes|no", NULL, "edited chapters too, where their notes have changed (no)"},
    {"timeout", "TIME", NULL, "wait at most so long: 90s, 10m (10m); the story goes on"},
    {"json", NULL, NULL, "a JSON line for each chapter"},
    {"quiet", NULL, NULL, "the chapters alone"},
};
static_assert(COUNT(story_options) <= CLI_OPTIONS_MAX, "each has a place");

static const BodyMember story_members[] = {
    {"mode", "storyMode", MEMBER_TEXT},        {"tone", "narrativeTone", MEMBER_TEXT},
    {"creativity", "creativity", MEMBER_NUMBER}, {"style", "imageStyle", MEMBER_TEXT},
    {"pictures", "imagesPerChapter", MEMBER_NUMBER},
    {"overwrite-edited", "overwriteEdited", MEMBER_SWITCH},
};

typedef struct Reading {
    bool json;
    int64_t chapters;
} Reading;

/* Titles and texts come from a person's notes, or a model, and go to a terminal: no control goes through. */
static void plain_put(Buf *b, Str text) {
    for (ptrdiff_t at = 0; at < text.len;) {
        ptrdiff_t from = at;
        int32_t point = str_utf8_next(text, &at);
        bool odd = (point < 0x20 && point != '\n') || (point >= 0x7F && point < 0xA0);
        buf_add(b, odd ? S(" ") : str_slice(text, from, at));
    }
}

static void chapter_print(Ctx *c, const Chapter *chapter, void *arg) {
    Reading *r = arg;
    Buf b = buf_new(c->arena, chapter->content.len + 256);
    if (r->json) {
        record_write(&b, &chapter_record, chapter);
        buf_byte(&b, '\n');
    } else {
        if (r->chapters > 0) buf_byte(&b, '\n');
        plain_put(&b, chapter->title);
        buf_add(&b, S("\n\n"));
        plain_put(&b, chapter->content);
        buf_byte(&b, '\n');
    }
    r->chapters++;
    cli_print(buf_str(&b));
    fflush(stdout);
}

static Err *settings_given(Ctx *c, const Cli *cli, JsonText *out) {
    Buf b = buf_new(c->arena, 256);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    TRY(members_put(c, cli, story_members, COUNT(story_members), &o));
    json_end(&o, '}');
    out->text = b.len > 2 ? buf_str(&b) : (Str){0};
    return NULL;
}

static Err *until_read(Ctx *c, const Cli *cli, int64_t *until_us) {
    Str text = cli_value(cli, "timeout");
    int64_t us;
    if (!duration_parse(str_is_null(text) ? S("10m") : text, &us) || us < US_PER_MS)
        return cli_usage(c, "--timeout is a time like 90s or 10m");
    *until_us = mono_us() + us;
    return NULL;
}

static Err *story_end(Ctx *c, const Cli *cli, const Story *story, const Reading *r) {
    if (!story_ended(story))
        FAIL(c, TIMEOUT, "the story is not written yet: it goes on, `socle story` follows it again");
    if (!str_eq(story->state, S("done"))) return story_failure(c, story);
    if (!cli_flag(cli, "quiet"))
        fprintf(stderr, "%lld chapters, %lld of them as they were\n", (long long)r->chapters,
                (long long)story->kept);
    return NULL;
}

static Err *story_read(Ctx *c, Cli *cli, Id user, Str space, JsonText settings, int64_t until_us) {
    Story story;
    bool joined;
    Reading r = {.json = cli_flag(cli, "json")};
    StoryTold how = {.told = chapter_print, .arg = &r, .until_us = until_us};
    TRY(shell_story(c, user, space, settings, &story, &joined));
    if (joined && !cli_flag(cli, "quiet"))
        fprintf(stderr, "a story of this space is being written already: this is it\n");
    TRY(shell_story_help(c));
    Err *err = shell_story_follow(c, &how, &story);
    workers_stop(c);
    return err ? err : story_end(c, cli, &story, &r);
}

static Err *story_run(Ctx *c, Cli *cli) {
    Id user;
    Str space;
    JsonText settings;
    int64_t until_us = 0;
    TRY(settings_given(c, cli, &settings));
    TRY(until_read(c, cli, &until_us));
    TRY(person_enter(c, cli, &user));
    TRY(space_find(c, cli->words[0], &space));
    TRY(modules_start(c, cli->modules, cli->module_count));
    Err *err = story_read(c, cli, user, space, settings, until_us);
    modules_stop(c, cli->modules, cli->module_count);
    return err;
}

const Command story_command = {
    .name = "story",
    .words = "SPACE",
    .words_min = 1,
    .words_max = 1,
    .options = story_options,
    .option_count = COUNT(story_options),
    .need = NEED_SCHEMA,
    .doc = "Have a space's story written, and read it (lifetales)",
    .more = "A SPACE is named by its id or its title. Chapters are printed in their order, each as soon "
            "as\n"
            "it is there; those whose notes have not changed are kept. Servers and workers that run "
            "write\n"
            "it, and so does this command; what is cut off goes on when it is run again.",
    .run = story_run,
};
