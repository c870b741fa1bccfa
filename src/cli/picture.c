/* SPDX-License-Identifier: Apache-2.0
 * socle picture: not for people. The server starts it to have a HEIC or AVIF picture decoded outside
 * of itself; nothing is opened here but the descriptors that it was given. */
#include "cli/cli.h"
#include "products/lifetales/picture_heif.h"

static Err *picture_command_run(Ctx *c, Cli *cli) {
    (void)c;
    cli->exit_code = picture_heif_main();
    return NULL;
}

const Command picture_command = {
    .name = "picture",
    .words = "",
    .need = NEED_SETTINGS,
    .hidden = true,
    .doc = "Decode a picture: descriptor 3 to 4 and 5; started by the server",
    .run = picture_command_run,
};
