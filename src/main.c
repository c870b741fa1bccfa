/* SPDX-License-Identifier: Apache-2.0
 * socle: one program, these commands. cli/cli.c makes ready what each needs and runs it; modules.c is
 * the list of what the program is made of. */
#include "cli/cli.h"

static const Command *const commands[] = {
    &serve_command,  &worker_command,  &migrate_command,  &demo_command,   &user_command,
    &key_command,    &tenant_command, &channel_command, &assistant_command, &kb_command, &import_command,  &export_command,   &backup_command, &restore_command,
    &reindex_command, &conversation_command, &replay_command,
    &spaces_command, &note_command, &story_command, &book_command,
    &doctor_command, &openapi_command, &settings_command, &routes_command,
    &bench_jobs_command, &picture_command,
};

int main(int argc, char **argv) { return cli_main(argc, argv, commands, COUNT(commands)); }
