/* SPDX-License-Identifier: Apache-2.0
 * Sockets that take no more of a file for now. libuv has one handle a descriptor, and a stream's is
 * busy reading; so each loop has an epoll for all that wait to be written to, which libuv watches.
 * (The other way is a duplicate of every such socket: with ten thousand readers that are paused, ten
 * thousand descriptors.)
 *
 * A stream is watched once at a time (EPOLLONESHOT); it stays known until it closes. What fires when
 * nobody waits any more wakes nobody. */
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "rt/stream_internal.h"

struct Senders {
    uv_poll_t poll;
    int epoll;
};

static void on_some(uv_poll_t *poll, int status, int events) {
    enum { AT_ONCE = 128 };
    struct epoll_event ready[AT_ONCE];
    struct Senders *senders = poll->data;
    (void)events;
    int n = status < 0 ? 0 : epoll_wait(senders->epoll, ready, AT_ONCE, 0);
    for (int i = 0; i < n; i++) wait_wake_all(&((Stream *)ready[i].data.ptr)->writers);
}

/* Its handle is closed with the loop. */
static void senders_free(void *arg) {
    struct Senders *senders = arg;
    close(senders->epoll);
    free(senders);
}

/* NULL: no descriptor is left. */
static struct Senders *senders_here(void) {
    Loop *loop = loop_here();
    if (loop->senders) return loop->senders;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) return NULL;
    struct Senders *senders = calloc(1, sizeof *senders);
    if (!senders) abort();
    senders->epoll = epoll;
    if (uv_poll_init(&loop->uv, &senders->poll, epoll) != 0) abort();
    senders->poll.data = senders;
    uv_poll_start(&senders->poll, UV_READABLE, on_some);
    rt_at_close(senders_free, senders);
    return loop->senders = senders;
}

bool sender_watch(Stream *s, int fd) {
    struct epoll_event event = {.events = EPOLLOUT | EPOLLONESHOT, .data.ptr = s};
    int how = s->sender ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    struct Senders *senders = senders_here();
    s->sender = senders && epoll_ctl(senders->epoll, how, fd, &event) == 0;
    return s->sender;
}

void sender_forget(Stream *s, int fd) {
    if (s->sender) epoll_ctl(senders_here()->epoll, EPOLL_CTL_DEL, fd, NULL);
    s->sender = false;
}
