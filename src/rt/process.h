/* SPDX-License-Identifier: Apache-2.0
 * Child processes whose output is read as a stream; of standard error the last 4 KiB are kept. No
 * shell: an argument vector. Each leads a process group of its own, and it is the group that is killed
 * (SIGTERM, then SIGKILL after 2 s) when the coroutine's Ctx ends, its deadline passes, or it is
 * cancelled; what a child leaves behind in its group when it ends goes with it. On Linux a child is
 * killed when this process dies, however that happens. */
#ifndef SOCLE_RT_PROCESS_H
#define SOCLE_RT_PROCESS_H

#include "rt/io.h"

typedef struct Process Process;

enum { PROCESS_FILES = 4 };

typedef struct ProcessOptions {
    const char *const *argv; /* NULL-ended; argv[0] is looked up in PATH */
    const char *cwd;         /* NULL: ours */
    Str input;               /* given to its standard input, then closed */
    int nice;                /* how much less of the CPU it may have: 0 (as we) to 19 */
    int files[PROCESS_FILES]; /* descriptors that it gets as 3, 4, …: /dev/fd/3 is a path to the first */
    int file_count;
    int64_t max_file_bytes;  /* of each file it writes; 0: as we. More is SIGXFSZ for it */
    int64_t max_memory_bytes; /* of its address space; 0: as we */
} ProcessOptions;

MUST_USE Err *process_start(Ctx *c, ProcessOptions options, Process **out);
/* The next line of output without its end (at most 64 KiB); null Str at the end. */
MUST_USE Err *process_line(Ctx *c, Process *p, Str *line);
MUST_USE Err *process_read(Ctx *c, Process *p, char *to, ptrdiff_t cap, ptrdiff_t *n);
/* Wait for its end. exit_code is 128 + signal when a signal ended it. */
MUST_USE Err *process_wait(Ctx *c, Process *p, int *exit_code);
Str process_errors(const Process *p); /* the last 4 KiB of standard error */
void process_kill(Process *p);
/* Kill it unless it has ended, and wait until it is gone, 10 s at most, though c be cancelled or late:
 * before what it writes to is removed. Not while c is shielded. */
void process_end(Ctx *c, Process *p);

/* Start, read everything (at most max bytes), wait: INTERNAL unless it exits with 0. */
MUST_USE Err *process_run(Ctx *c, ProcessOptions options, ptrdiff_t max, Str *output);

#endif
