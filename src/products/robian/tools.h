/* SPDX-License-Identifier: Apache-2.0
 * ffmpeg, ffprobe and yt-dlp as children: found by setting or in PATH, run without a shell in a work
 * folder, watched for silence, gone when the call returns, and bounded in file size, memory and CPU. */
#ifndef SOCLE_ROBIAN_TOOLS_H
#define SOCLE_ROBIAN_TOOLS_H

#include "core/err.h"
#include "rt/coro.h"

typedef enum Tool { TOOL_FFMPEG, TOOL_FFPROBE, TOOL_YT_DLP, TOOL_COUNT } Tool;

/* Null when it is there; else the sentence that says what is missing and how to mend it. */
Str tool_missing(Arena *arena, Tool tool);
/* The sentences of all that are missing; null when none is. */
Str tools_missing(Arena *arena);

/* Where a piece of work tells how far it has got (0 to 1). An Err (CANCELLED) ends the work. */
typedef struct Stage {
    Err *(*tell)(Ctx *c, void *arg, double part);
    void *arg;
} Stage;
MUST_USE Err *stage_tell(Ctx *c, Stage stage, double part);

typedef struct ToolRun {
    Tool tool;
    Str folder;              /* it runs there: name files without a path */
    const char *const *args; /* NULL-ended, without the program's own name */
    Str input;
    /* What it prints goes line by line to `line`, or else into *output, at most max_output bytes. */
    Err *(*line)(Ctx *c, Str line, void *arg);
    void *arg;
    Str *output;
    ptrdiff_t max_output;
    Str *errors; /* may be NULL: the end of its standard error, whatever became of it */
} ToolRun;
/* NOT_CONFIGURED with tool_missing's sentence; TIMEOUT when it prints nothing for
 * ROBIAN_SILENCE_SECONDS; INVALID with its last line when it refuses; TOO_LARGE over
 * ROBIAN_EXTRACTION_MAX_BYTES; STORAGE_FULL; INTERNAL when it was killed; what `line` returned. */
MUST_USE Err *tool_run(Ctx *c, const ToolRun *run);

#endif
