/* SPDX-License-Identifier: Apache-2.0
 * A TCP proxy in a thread, between the program and a server: it can go away (port closed,
 * connections cut), come back, and cut a connection at the moment a given word passes towards the
 * server: the server gets it, its answer is never seen. */
#ifndef SOCLE_TEST_DATA_PROXY_H
#define SOCLE_TEST_DATA_PROXY_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "t.h"

enum { PAIRS_MAX = 64 };

typedef struct Proxy {
    int port, server_port, listener;
    atomic_bool away, gone, stop; /* away: go; gone: it is */
    _Atomic(const char *) cut_at; /* word to cut at, once */
    atomic_int cuts;
    int pairs[PAIRS_MAX][2];
    int count;
    pthread_t thread;
} Proxy;

static inline struct sockaddr_in proxy_address(int port) {
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static inline void proxy_listen(Proxy *p) {
    struct sockaddr_in at = proxy_address(p->port);
    socklen_t len = sizeof at;
    int yes = 1;
    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(p->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(p->listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(p->listener, 64) != 0)
        abort();
    getsockname(p->listener, (struct sockaddr *)&at, &len);
    p->port = ntohs(at.sin_port);
}

static inline void proxy_cut(Proxy *p, int i) {
    close(p->pairs[i][0]);
    close(p->pairs[i][1]);
    p->count--;
    p->pairs[i][0] = p->pairs[p->count][0];
    p->pairs[i][1] = p->pairs[p->count][1];
}

static inline void proxy_accept(Proxy *p) {
    struct sockaddr_in at = proxy_address(p->server_port);
    int client = accept(p->listener, NULL, NULL),
        server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client < 0 || p->count == PAIRS_MAX ||
        connect(server, (struct sockaddr *)&at, sizeof at) != 0) {
        close(client);
        close(server);
        return;
    }
    p->pairs[p->count][0] = client;
    p->pairs[p->count++][1] = server;
}

/* Move what is there from one side to the other; false when the pair has ended. */
static inline bool proxy_move(Proxy *p, int i, int side) {
    char bytes[16384];
    ssize_t n = recv(p->pairs[i][side], bytes, sizeof bytes, 0);
    for (ssize_t sent = 0, k; sent < n; sent += k)
        if ((k = send(p->pairs[i][!side], bytes + sent, (size_t)(n - sent), MSG_NOSIGNAL)) <= 0)
            return false;
    const char *word = p->cut_at;
    if (n <= 0 || side != 0 || !word || !memmem(bytes, (size_t)n, word, strlen(word))) return n > 0;
    p->cut_at = NULL;
    usleep(50000); /* the server has done it by now */
    p->cuts++;
    return false;
}

static inline void proxy_turn(Proxy *p) {
    struct pollfd fds[1 + 2 * PAIRS_MAX];
    fds[0] = (struct pollfd){.fd = p->listener, .events = POLLIN};
    for (int i = 0; i < 2 * p->count; i++)
        fds[1 + i] = (struct pollfd){.fd = p->pairs[i / 2][i % 2], .events = POLLIN};
    int count = p->count;
    if (poll(fds, (nfds_t)(1 + 2 * count), 10) <= 0) return;
    for (int i = count - 1; i >= 0; i--) { /* the last takes the place of one that goes */
        bool open = true;
        for (int side = 0; side < 2 && open; side++)
            if (fds[1 + 2 * i + side].revents) open = proxy_move(p, i, side);
        if (!open) proxy_cut(p, i);
    }
    if (fds[0].revents) proxy_accept(p);
}

static inline void *proxy_main(void *arg) {
    Proxy *p = arg;
    while (!p->stop) {
        if (p->away && p->listener >= 0) {
            close(p->listener);
            p->listener = -1;
            while (p->count > 0) proxy_cut(p, 0);
            p->gone = true;
        }
        if (!p->away && p->listener < 0) {
            p->gone = false;
            proxy_listen(p);
        }
        if (p->listener >= 0)
            proxy_turn(p);
        else
            usleep(2000);
    }
    return NULL;
}

static inline void proxy_start(Proxy *p, int server_port) {
    *p = (Proxy){.server_port = server_port, .listener = -1};
    proxy_listen(p);
    if (pthread_create(&p->thread, NULL, proxy_main, p) != 0) abort();
}

static inline void proxy_stop(Proxy *p) {
    p->stop = true;
    pthread_join(p->thread, NULL);
    while (p->count > 0) proxy_cut(p, 0);
    close(p->listener);
}

#endif
