/* SPDX-License-Identifier: Apache-2.0
 * Stream as stream.c, listen.c and process.c know it. */
#ifndef SOCLE_RT_STREAM_INTERNAL_H
#define SOCLE_RT_STREAM_INTERNAL_H

#include "rt/internal.h"
#include "rt/io.h"

struct Stream {
    union {
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } handle;
    char *input;               /* [start, end) has arrived and not been consumed */
    ptrdiff_t cap, start, end;
    Coro *reader;
    WaitList writers;          /* waiting for the socket to take more (sendfile) */
    void (*on_end)(void *arg, bool broken);
    void *on_end_arg;
    FdWatch *end_watch;        /* after an orderly end: does it break, too? */
    int end_fd;
    bool bounded; /* what waits to be sent is: stream_sendfile */
    bool sender; /* known to senders.c */
    bool reading, ended, failed, closing, poked;
};

/* On this thread's loop, not connected. */
Stream *stream_new(bool pipe);

/* senders.c: wake s->writers once when its socket takes more; false: no descriptor or memory is left
 * for it. Before the stream closes it is forgotten. On the stream's loop. */
MUST_USE bool sender_watch(Stream *s, int fd);
void sender_forget(Stream *s, int fd);

#endif
