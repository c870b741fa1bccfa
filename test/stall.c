/* SPDX-License-Identifier: Apache-2.0
 * A slow machine, on purpose: `test/run --stall 100` loads this before each server (LD_PRELOAD).
 *
 * At random a call whose effect others can see comes late: bytes on a socket and what follows them,
 * a file that is flushed, renamed or removed, a thread or loop that is woken. So what holds by luck
 * on a fast machine (an answer, and a moment later the clean-up that a test looks at) is seen to be
 * luck. STALL is the delays' length in per cent of the usual; only processes called socle obey. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int percent; /* 0: not here */

__attribute__((constructor)) static void begin(void) {
    const char *text = getenv("STALL");
    if (text && strcmp(program_invocation_short_name, "socle") == 0)
        percent = (int)strtol(text, NULL, 10);
}

/* xorshift (Marsaglia 2003), a thread's own: a lock would order the threads. */
static uint64_t next_random(void) {
    static __thread uint64_t state;
    if (!state) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        uint64_t who = (uint64_t)getpid() << 32 ^ (uint64_t)(uintptr_t)&state;
        state = (who ^ (uint64_t)now.tv_nsec) | 1;
    }
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* So often of a thousand times, for so long at most. */
static void stall(int permille, int most_ms) {
    int error = errno;
    if (percent > 0 && (int)(next_random() % 1000) < permille) {
        uint64_t us = next_random() % ((uint64_t)most_ms * 1000) * (uint64_t)percent / 100;
        struct timespec pause = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
        nanosleep(&pause, NULL);
    }
    errno = error;
}

static int is_socket(int fd) {
    struct stat st;
    return percent > 0 && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* The C library's own; a data pointer becomes one to a function, as POSIX has it for dlsym. */
#define REAL(name)                          \
    static __typeof__(&name) real;          \
    if (!real) {                            \
        void *at = dlsym(RTLD_NEXT, #name); \
        memcpy(&real, &at, sizeof at);      \
    }                                       \
    (void)0

/* -- what is sent, and what follows it --------------------------------------------------------- */

#define SENT(seen, call)         \
    stall((seen) ? 20 : 0, 10);  \
    ssize_t n = (call);          \
    stall((seen) ? 100 : 0, 60); \
    return n

ssize_t write(int fd, const void *bytes, size_t len) {
    REAL(write);
    int seen = is_socket(fd);
    SENT(seen, real(fd, bytes, len));
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(writev);
    int seen = is_socket(fd);
    SENT(seen, real(fd, parts, count));
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    REAL(sendmsg);
    SENT(1, real(fd, message, flags));
}

ssize_t send(int fd, const void *bytes, size_t len, int flags) {
    REAL(send);
    SENT(1, real(fd, bytes, len, flags));
}

/* -- files ------------------------------------------------------------------------------------- */

int fsync(int fd) {
    REAL(fsync);
    stall(100, 40);
    return real(fd);
}

int fdatasync(int fd) {
    REAL(fdatasync);
    stall(100, 40);
    return real(fd);
}

int unlink(const char *path) {
    REAL(unlink);
    stall(200, 60);
    return real(path);
}

int unlinkat(int folder, const char *path, int flags) {
    REAL(unlinkat);
    stall(200, 60);
    return real(folder, path, flags);
}

int rename(const char *from, const char *to) {
    REAL(rename);
    stall(200, 60);
    return real(from, to);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    REAL(renameat);
    stall(200, 60);
    return real(from_folder, from, to_folder, to);
}

/* -- who is woken ------------------------------------------------------------------------------ */

int pthread_cond_signal(pthread_cond_t *cond) {
    static int (*real)(pthread_cond_t *);
    if (!real) { /* without a version dlsym may give the one of 2.2.5, whose condition is another */
        void *at = dlvsym(RTLD_NEXT, "pthread_cond_signal", "GLIBC_2.3.2");
        if (!at) at = dlsym(RTLD_NEXT, "pthread_cond_signal");
        memcpy(&real, &at, sizeof at);
    }
    stall(20, 20);
    return real(cond);
}

int uv_async_send(void *handle); /* libuv's, whose header a machine may not have */
int uv_async_send(void *handle) {
    REAL(uv_async_send);
    stall(20, 20);
    return real(handle);
}
