/* SPDX-License-Identifier: Apache-2.0
 * socle picture: not for people. The server starts it to have a HEIC or AVIF picture decoded outside
 * of itself; nothing is opened here but the descriptors that it was given. */
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "products/lifetales/picture_heif.h"

static Err *picture_command_run(Ctx *c, Cli *cli) {
    (void)c;
    (void)cli;
    int code = picture_heif_main();
    fflush(stdout);
    _exit(code); /* of what the decoder took nothing is given back */
}

const Command picture_command = {
    .name = "picture",
    .words = "",
    .need = NEED_SETTINGS,
    .hidden = true,
    .doc = "Decode a picture: descriptor 3 to 4 and 5; started by the server",
    .run = picture_command_run,
};
