/* SPDX-License-Identifier: Apache-2.0
 * Signals of a service and systemd's readiness protocol (sd_notify(3): one datagram). */
#include "cli/run.h"

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "api/base_settings.h"
#include "core/log.h"
#include "core/time.h"
#include "rt/signal.h"

static WaitList stop_waiters; /* first loop only */
static bool stop_asked;
static int64_t stop_asked_us;

int64_t run_drain_ms(void) { return settings.stop_s * 1000 * 5 / 6; }

/* Each wait has a limit of its own, but they add up, and a thread that is held by what does not answer
 * (a disk, a resolver) cannot be cancelled. So the whole has one, kept by a thread that needs nobody. */
static void *limit_keep(void *arg) {
    struct timespec left = {.tv_sec = (time_t)settings.stop_s};
    (void)arg;
    while (nanosleep(&left, &left) != 0) continue;
    run_abandon();
    return NULL;
}

static void limit_start(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, limit_keep, NULL) == 0)
        pthread_detach(thread);
    else
        log_msg(NULL, LOG_WARN, "no thread for the limit of stopping");
}

/* A terminal, make or timeout(1) may send the same signal twice, to the process and to its group: only
 * a later one is impatience. */
static void on_stop(int signum, void *arg) {
    (void)arg;
    const char *name = signum == SIGINT ? "SIGINT" : "SIGTERM";
    int64_t now = mono_us();
    if (!stop_asked) {
        log_msg(NULL, LOG_INFO, "%s: finishing what is in flight", name);
        stop_asked = true;
        stop_asked_us = now;
        limit_start();
        wait_wake_all(&stop_waiters);
    } else if (now - stop_asked_us > US_PER_SECOND) {
        log_msg(NULL, LOG_INFO, "%s again: stopping at once", name);
        run_abandon();
    }
}

static void on_reopen(int signum, void *arg) {
    (void)signum;
    (void)arg;
    log_reopen();
    log_msg(NULL, LOG_INFO, "SIGHUP: the log file is opened again");
}

void run_signals(void) {
    signal_on(SIGTERM, on_stop, NULL);
    signal_on(SIGINT, on_stop, NULL);
    signal_on(SIGHUP, on_reopen, NULL);
}

bool run_stop_asked(void) { return stop_asked; }

void run_wait(Ctx *c) {
    while (!stop_asked && wait_on(c, &stop_waiters) == NULL) continue;
}

void run_abandon(void) {
    log_msg(NULL, LOG_WARN, "what is still under way is cut");
    log_stop();
    _exit(EXIT_SUCCESS);
}

void systemd_notify(const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (!path || (*path != '/' && *path != '@') || strlen(path) >= sizeof to.sun_path) return;
    memcpy(to.sun_path, path, strlen(path));
    if (*path == '@') to.sun_path[0] = 0; /* abstract name */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, len);
    close(fd);
}
