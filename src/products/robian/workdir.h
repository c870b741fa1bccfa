/* SPDX-License-Identifier: Apache-2.0
 * Folders for the files of work under way: DATA_DIR/tmp/robian/NAME, gone when the work ends, however
 * it ends. What a process that died left there goes when the next one starts. */
#ifndef SOCLE_ROBIAN_WORKDIR_H
#define SOCLE_ROBIAN_WORKDIR_H

#include "rt/io.h"

/* A new, empty folder, locked for as long as it is in use. Nobody may be writing there when it ends. */
typedef struct WorkDir WorkDir;
MUST_USE Err *workdir_make(Ctx *c, WorkDir **out);
Str workdir_path(const WorkDir *dir);
/* Gone with all that is in it, though c be cancelled. Else it goes when c ends. NULL is good. */
void workdir_end(Ctx *c, WorkDir *dir);
/* Remove all that no living process has locked. */
MUST_USE Err *workdirs_clean(Ctx *c);

#endif
