/* SPDX-License-Identifier: Apache-2.0
 * A real redis-server as a child on a free loopback port, for tests. It keeps nothing on disk and ends
 * with this process, however that ends (setpriv --pdeathsig). */
#ifndef SOCLE_TEST_REDIS_SERVER_H
#define SOCLE_TEST_REDIS_SERVER_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t_loop.h"

extern char **environ;

typedef struct RedisServer {
    pid_t pid;
    int port;
    char socket[64];
    const char *password; /* of user "alice" and of the default user; NULL: none */
} RedisServer;

static inline bool redis_server_installed(void) {
    static const char *const places[] = {"/usr/bin/redis-server", "/usr/local/bin/redis-server",
                                         "/usr/sbin/redis-server"};
    for (ptrdiff_t i = 0; i < COUNT(places); i++)
        if (access(places[i], X_OK) == 0) return access("/usr/bin/setpriv", X_OK) == 0;
    return false;
}

static inline int free_port(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, length) != 0) abort();
    if (getsockname(fd, (struct sockaddr *)&at, &length) != 0) abort();
    close(fd);
    return ntohs(at.sin_port);
}

static inline bool redis_server_answers(const RedisServer *s) {
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)s->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0;
    if (fd >= 0) close(fd);
    return good;
}

/* Start (again) on the same port, and wait until it listens. */
static inline bool redis_server_start(RedisServer *s) {
    char port[16], user[128];
    if (!s->port) s->port = free_port();
    snprintf(port, sizeof port, "%d", s->port);
    snprintf(s->socket, sizeof s->socket, "/tmp/socle-redis-%d.sock", s->port);
    const char *argv[40] = {
        "setpriv",      "--pdeathsig",  "KILL",      "redis-server", "--port",
        port,           "--bind",       "127.0.0.1", "--save",       "",
        "--appendonly", "no",           "--dir",     "/tmp",         "--logfile",
        "/dev/null",    "--unixsocket", s->socket};
    int n = 18;
    if (s->password) {
        snprintf(user, sizeof user, ">%s", s->password);
        const char *more[] = {
            "--requirepass", s->password, "--user", "alice", "on", user, "~*", "&*", "+@all"};
        for (ptrdiff_t i = 0; i < COUNT(more); i++) argv[n++] = more[i];
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    int bad = posix_spawnp(&s->pid, "setpriv", &actions, NULL, (char **)(uintptr_t)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (bad) return false;
    for (int i = 0; i < 1000; i++) {
        if (redis_server_answers(s)) return true;
        pause_ms(c, 10);
    }
    return false;
}

static inline void redis_server_kill(RedisServer *s) {
    if (s->pid <= 0) return;
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    s->pid = 0;
    unlink(s->socket);
}

static inline void redis_server_freeze(const RedisServer *s) {
    int status;
    kill(s->pid, SIGSTOP);
    waitpid(s->pid, &status, WUNTRACED);
}

static inline void redis_server_thaw(const RedisServer *s) { kill(s->pid, SIGCONT); }

#endif
