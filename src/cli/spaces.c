/* SPDX-License-Identifier: Apache-2.0
 * socle spaces: a person's spaces, as lifetales has them. */
#include "cli/space_call.h"
#include "cli/tenant_call.h"

static const Option spaces_options[] = {
    USER_OPTION,
    {"json", NULL, NULL, "JSON lines instead of words"},
};

static const ThingColumn space_columns[] = {
    {"id", NULL, NULL},
    {"isGenerating", "being written", "at rest"},
    {"created_at", NULL, NULL},
    {"title", NULL, NULL},
};

static Err *space_line(Ctx *c, json_t *space, void *arg) {
    const char *const full[] = {"notes", "generatedStory"}; /* left out of what was read */
    for (int i = 0; i < COUNT(full); i++) json_object_del(space, full[i]);
    thing_print(c, arg, space, space_columns, COUNT(space_columns));
    return NULL;
}

static Err *spaces_run(Ctx *c, Cli *cli) {
    Id user;
    TRY(person_enter(c, cli, &user));
    return spaces_each(c, space_line, cli);
}

const Command spaces_command = {
    .name = "spaces",
    .words = "",
    .options = spaces_options,
    .option_count = COUNT(spaces_options),
    .need = NEED_SCHEMA,
    .doc = "A person's spaces, the newest first (lifetales)",
    .run = spaces_run,
};
