/* SPDX-License-Identifier: Apache-2.0
 * libcurl's multi interface on a loop, by its socket and timer callbacks.
 *
 * The state of a loop is owned by a service coroutine: the runtime cancels services when everything
 * else on the loop has ended, and then the kept connections are closed. A transfer under way at that
 * moment (it was cancelled too) is waited for. */
#include "net/client_loop.h"

#include <pthread.h>

enum {
    CONNECTIONS_MAX = 256, /* of a pool; further transfers wait inside libcurl */
    CONNECTIONS_KEPT = 64,
};

typedef struct Pool {
    CURLM *multi;
    Timer *timer;
} Pool;

typedef struct ClientLoop {
    Pool pools[2]; /* [guarded] */
    Coro *service;
    int64_t transfers;
    bool closing;
} ClientLoop;

typedef struct Socket {
    Pool *pool;
    FdWatch *watch;
    Transfer *transfer;
    curl_socket_t fd;
} Socket;

static _Thread_local ClientLoop *client_loop;

static void pool_finish_done(Pool *pool) {
    int left;
    for (CURLMsg *msg; (msg = curl_multi_info_read(pool->multi, &left));) {
        if (msg->msg != CURLMSG_DONE) continue;
        Transfer *t = NULL;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        assert(t);
        t->done(t, msg->data.result);
    }
}

static void pool_act(Pool *pool, curl_socket_t fd, int mask) {
    int running;
    curl_multi_socket_action(pool->multi, fd, mask, &running);
    pool_finish_done(pool);
}

static void on_socket(void *arg, int events) {
    Socket *s = arg;
    int mask = (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
               (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);
    s->transfer->active(s->transfer);
    pool_act(s->pool, s->fd, mask ? mask : CURL_CSELECT_ERR); /* s may be gone now */
}

static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *of_socket) {
    Pool *pool = arg;
    Socket *s = of_socket;
    if (what == CURL_POLL_REMOVE) {
        if (!s) return 0;
        curl_multi_assign(pool->multi, fd, NULL);
        fd_watch_free(s->watch);
        free(s);
        return 0;
    }
    if (!s) {
        s = calloc(1, sizeof *s);
        if (!s) abort();
        *s = (Socket){.pool = pool, .fd = fd, .watch = fd_watch_new(fd)};
        curl_multi_assign(pool->multi, fd, s);
    }
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&s->transfer);
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    fd_watch_start(s->watch, events, on_socket, s);
    return 0;
}

static void on_timer(void *arg) { pool_act(arg, CURL_SOCKET_TIMEOUT, 0); }

static int timer_wanted(CURLM *multi, long ms, void *arg) {
    (void)multi;
    Pool *pool = arg;
    if (ms < 0)
        timer_stop(pool->timer);
    else
        timer_start(pool->timer, ms);
    return 0;
}

static void pool_open(Pool *pool) {
    pool->multi = curl_multi_init();
    if (!pool->multi) abort();
    pool->timer = timer_new(on_timer, pool);
    curl_multi_setopt(pool->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
    curl_multi_setopt(pool->multi, CURLMOPT_SOCKETDATA, pool);
    curl_multi_setopt(pool->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
    curl_multi_setopt(pool->multi, CURLMOPT_TIMERDATA, pool);
    curl_multi_setopt(pool->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)CONNECTIONS_MAX);
    curl_multi_setopt(pool->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
}

static void pool_close(Pool *pool) {
    curl_multi_cleanup(pool->multi);
    timer_free(pool->timer);
}

static void client_service(Ctx *c, void *arg) {
    ClientLoop *l = arg;
    while (!c->cancelled)
        if (coro_wait(c) == WAKE_CANCELLED) break;
    l->closing = true;
    while (l->transfers > 0) coro_wait_surely(c);
    for (ptrdiff_t i = 0; i < COUNT(l->pools); i++) pool_close(&l->pools[i]);
    client_loop = NULL;
    free(l);
}

static void library_init(void) {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) abort();
}

static ClientLoop *client_loop_here(Ctx *c) {
    if (client_loop) return client_loop;
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, library_init);
    ClientLoop *l = calloc(1, sizeof *l);
    if (!l) abort();
    for (ptrdiff_t i = 0; i < COUNT(l->pools); i++) pool_open(&l->pools[i]);
    CoroOptions options = {
        .name = "http client", .service = true, .app = c->app, .budget_bytes = 64 * KIB};
    l->service = coro_spawn(options, client_service, l);
    client_loop = l;
    return l;
}

Err *transfer_start(Ctx *c, Transfer *t) {
    assert(c->coro && !t->added);
    ClientLoop *l = client_loop_here(c);
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    CURLMcode code = curl_multi_add_handle(l->pools[t->guarded].multi, t->easy);
    if (code != CURLM_OK) FAIL(c, INTERNAL, "libcurl: %s", curl_multi_strerror(code));
    t->added = true;
    l->transfers++;
    return NULL;
}

void transfer_stop(Transfer *t) {
    if (!t->added) return;
    ClientLoop *l = client_loop;
    assert(l && l->transfers > 0);
    curl_multi_remove_handle(l->pools[t->guarded].multi, t->easy);
    t->added = false;
    if (--l->transfers == 0 && l->closing) coro_wake(l->service);
}
