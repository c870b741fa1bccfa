/* SPDX-License-Identifier: Apache-2.0
 * Folders for the files of work under way: DATA_DIR/tmp/robian/NAME, gone when the work ends, however
 * it ends. What a process that died left there goes when the next one starts. */
#ifndef SOCLE_ROBIAN_WORKDIR_H
#define SOCLE_ROBIAN_WORKDIR_H

#include "rt/io.h"

/* A new, empty folder, locked for as long as it is in use; removed when c ends (its own defer) with all
 * that is in it. Nobody may be writing there then. */
MUST_USE Err *workdir_make(Ctx *c, Str *path);
/* Remove all that no living process has locked. */
MUST_USE Err *workdirs_clean(Ctx *c);

#endif
