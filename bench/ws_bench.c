/* SPDX-License-Identifier: Apache-2.0
 * Fan-out over WebSocket: CONNECTIONS followers of one channel, RATE events a second published over
 * HTTP, every frame counted, and how long after its publishing it arrived. One thread reads, one
 * publishes at its pace whether answers come or not. As light as can be, because it shares the
 * machine with the server: frames are found by their heads, and whoever reads rests a millisecond
 * between two rounds (which the times contain).
 *
 *   ws_bench PORT TOKEN CONNECTIONS RATE SECONDS     TOKEN: of an administrator, who may publish
 *
 * One line of JSON: deliveries expected, made, a second; µs at p50, p95, p99, the longest. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    READ_BYTES = 256 * 1024,
    FRAME_MAX = 4096,
    ROUND = 1024,
    REST_US = 1000,
    DRAIN_S = 10,
    PUBLISHERS = 16, /* connections, because answers come one after the other on each */
    TIMES = 1 << 20, /* of 10 µs each */
    TIME_US = 10
};

typedef struct Follower {
    int fd, held; /* bytes of a frame that is not whole yet */
    bool ready;
    char rest[FRAME_MAX];
} Follower;

static int port, connections;
static double rate, seconds;
static const char *token;
static Follower *followers;
static _Atomic int64_t published;
static _Atomic bool publishing = true;
static int64_t delivered, ready_count, closed_count, last_us, longest_us;
static uint32_t *times;

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static void die(const char *what) {
    fprintf(stderr, "ws_bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int dial(void) {
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void say(int fd, const char *text, size_t len) {
    if (write(fd, text, len) != (ssize_t)len) die("write");
}

/* -- Frames ------------------------------------------------------------------------------------ */

static void event_take(const char *text, int len, int64_t now) {
    static const char mark[] = "\"sent_us\":";
    const char *at = memmem(text, (size_t)len, mark, sizeof mark - 1);
    if (!at) return;
    int64_t took = now - strtoll(at + sizeof mark - 1, NULL, 10);
    int64_t place = took / TIME_US;
    delivered++;
    last_us = now;
    times[place < 0 ? 0 : place < TIMES ? place : TIMES - 1]++;
    if (took > longest_us) longest_us = took;
}

/* The frames at the start of the bytes; how many bytes they are. */
static int frames_take(Follower *f, const char *bytes, int len, int64_t now) {
    int at = 0;
    while (len - at >= 2) {
        const unsigned char *head = (const unsigned char *)bytes + at;
        int size = head[1] & 0x7F, start = 2;
        if (size == 126) {
            if (len - at < 4) break;
            size = head[2] << 8 | head[3];
            start = 4;
        }
        if (len - at < start + size) break;
        const char *text = bytes + at + start;
        if ((head[0] & 0x0F) == 1 && !f->ready &&
            memmem(text, (size_t)size, "\"subscribed\"", 12)) {
            f->ready = true;
            ready_count++;
        } else if ((head[0] & 0x0F) == 1) {
            event_take(text, size, now);
        }
        at += start + size;
    }
    return at;
}

static void follower_read(Follower *f, int epoll) {
    static char bytes[READ_BYTES];
    memcpy(bytes, f->rest, (size_t)f->held);
    ssize_t n = recv(f->fd, bytes + f->held, READ_BYTES - (size_t)f->held, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        epoll_ctl(epoll, EPOLL_CTL_DEL, f->fd, NULL);
        closed_count++;
    }
    if (n <= 0) return;
    int len = f->held + (int)n, used = frames_take(f, bytes, len, now_us());
    f->held = len - used;
    if (f->held > FRAME_MAX) die("a frame is too large");
    memcpy(f->rest, bytes + used, (size_t)f->held);
}

static void round_read(int epoll, int wait_ms) {
    struct epoll_event news[ROUND];
    int n = epoll_wait(epoll, news, ROUND, wait_ms);
    for (int i = 0; i < n; i++) follower_read(news[i].data.ptr, epoll);
    if (n < ROUND) usleep(REST_US);
}

/* -- Opening ----------------------------------------------------------------------------------- */

static void follower_open(Follower *f, int epoll) {
    static const char head[] = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: "
                               "websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                               "Sec-WebSocket-Version: 13\r\n\r\n";
    static const char subscribe[] = "{\"type\":\"subscribe\",\"channel\":\"system\"}";
    char text[FRAME_MAX];
    f->fd = dial();
    say(f->fd, head, sizeof head - 1);
    int len = 0;
    while (len < 4 || memcmp(text + len - 4, "\r\n\r\n", 4) != 0) {
        if (len == FRAME_MAX || read(f->fd, text + len, 1) != 1) die("the handshake");
        len++;
    }
    if (memcmp(text, "HTTP/1.1 101", 12) != 0) {
        fprintf(stderr, "ws_bench: %.*s\n", len, text);
        exit(1);
    }
    len = (int)sizeof subscribe - 1;
    memcpy(text, (char[]){(char)0x81, (char)(0x80 | len), 0, 0, 0, 0}, 6); /* a mask of zeros */
    memcpy(text + 6, subscribe, (size_t)len);
    say(f->fd, text, (size_t)(6 + len));
    struct epoll_event news = {.events = EPOLLIN, .data.ptr = f};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, f->fd, &news) != 0) die("epoll_ctl");
}

/* -- Publishing -------------------------------------------------------------------------------- */

static void answers_drop(int fd) {
    char text[64 * 1024];
    while (recv(fd, text, sizeof text, MSG_DONTWAIT) > 0) continue;
}

static void *publish(void *arg) {
    (void)arg;
    int fds[PUBLISHERS];
    for (int i = 0; i < PUBLISHERS; i++) fds[i] = dial();
    int64_t start = now_us(), count = (int64_t)(rate * seconds);
    for (int64_t i = 0; i < count; i++) {
        int64_t due = start + (int64_t)((double)i * 1e6 / rate), early = due - now_us();
        if (early > 0) usleep((useconds_t)early);
        char body[200], text[4096];
        int len =
            snprintf(body, sizeof body,
                     "{\"channel\":\"system\",\"type\":\"bench\",\"data\":{\"sent_us\":%lld}}",
                     (long long)now_us());
        len = snprintf(text, sizeof text,
                       "POST /api/v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n"
                       "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                       token, len, body);
        say(fds[i % PUBLISHERS], text, (size_t)len);
        atomic_fetch_add(&published, 1);
        answers_drop(fds[i % PUBLISHERS]);
    }
    atomic_store(&publishing, false);
    for (int i = 0; i < DRAIN_S * 10; i++) {
        for (int k = 0; k < PUBLISHERS; k++) answers_drop(fds[k]);
        usleep(100 * 1000);
    }
    return NULL;
}

static int64_t at_quantile(double q) {
    int64_t want = (int64_t)((double)delivered * q), seen = 0;
    for (int i = 0; i < TIMES; i++)
        if ((seen += times[i]) > want) return (int64_t)i * TIME_US;
    return longest_us;
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "ws_bench PORT TOKEN CONNECTIONS RATE SECONDS\n");
        return 2;
    }
    port = (int)strtol(argv[1], NULL, 10);
    token = argv[2];
    connections = (int)strtol(argv[3], NULL, 10);
    rate = strtod(argv[4], NULL);
    seconds = strtod(argv[5], NULL);
    followers = calloc((size_t)connections, sizeof *followers);
    times = calloc(TIMES, sizeof *times);
    int epoll = epoll_create1(0);
    if (!followers || !times || epoll < 0) die("start");
    for (int i = 0; i < connections; i++) {
        follower_open(&followers[i], epoll);
        if (i % 64 == 63) round_read(epoll, 0);
    }
    int64_t until = now_us() + DRAIN_S * INT64_C(1000000);
    while (ready_count < connections && now_us() < until) round_read(epoll, 100);
    pthread_t publisher;
    int64_t start = now_us();
    if (pthread_create(&publisher, NULL, publish, NULL) != 0) die("pthread_create");
    while (atomic_load(&publishing)) round_read(epoll, 10);
    until = now_us() + DRAIN_S * INT64_C(1000000);
    while (delivered < published * ready_count && now_us() < until) round_read(epoll, 10);
    double took = (double)(last_us - start) / 1e6;
    printf("{\"connections\":%lld,\"published\":%lld,\"expected\":%lld,\"delivered\":%lld,"
           "\"closed\":%lld,\"seconds\":%.3f,\"per_second\":%.0f,\"p50_us\":%lld,\"p95_us\":%lld,"
           "\"p99_us\":%lld,\"max_us\":%lld}\n",
           (long long)ready_count, (long long)published, (long long)(published * ready_count),
           (long long)delivered, (long long)closed_count, took, (double)delivered / took,
           (long long)at_quantile(0.5), (long long)at_quantile(0.95), (long long)at_quantile(0.99),
           (long long)longest_us);
    return 0;
}
