/* SPDX-License-Identifier: Apache-2.0
 * Lines are put together on the caller's stack, appended to one of two buffers under a mutex; a
 * thread swaps the buffers and writes the full one. */
#include "core/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/time.h"

enum { HALF = 1024 * 1024, LINE_MAX_BYTES = 8 * 1024 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    char *filling, *writing;
    ptrdiff_t len;
    int64_t dropped;
    int fd;
    const char *path;
    bool running, reopen;
    LogFormat format;
    void (*on_error)(Str line);
} log_state = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER, .fd = STDERR_FILENO};
static _Atomic int level_now = LOG_INFO;
static _Atomic int64_t dropped_ever;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

bool log_enabled(LogLevel level) { return (int)level >= atomic_load_explicit(&level_now, memory_order_relaxed); }

int64_t log_dropped(void) { return atomic_load_explicit(&dropped_ever, memory_order_relaxed); }

void log_on_error(void (*fn)(Str line)) { log_state.on_error = fn; }

static void write_all(int fd, const char *data, ptrdiff_t len) {
    while (len > 0) {
        ssize_t n = write(fd, data, (size_t)len);
        if (n <= 0) return; /* nowhere left to say so */
        data += n;
        len -= n;
    }
}

/* A short wait gathers lines; the wake comes when the buffer is half full, or at the end. */
static void log_wait(void) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 50 * 1000 * 1000;
    if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
    pthread_cond_timedwait(&log_state.wake, &log_state.lock, &until);
}

static void log_open_again(void) {
    log_state.reopen = false;
    if (!log_state.path) return;
    int fd = open(log_state.path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0) return;
    if (log_state.fd != STDERR_FILENO) close(log_state.fd);
    log_state.fd = fd;
}

static void *log_thread(void *unused) {
    (void)unused;
    pthread_mutex_lock(&log_state.lock);
    for (;;) {
        if (log_state.len == 0 && !log_state.running) break;
        if (log_state.running) log_wait();
        if (log_state.reopen) log_open_again();
        char *full = log_state.filling;
        ptrdiff_t len = log_state.len;
        int64_t dropped = log_state.dropped;
        log_state.filling = log_state.writing;
        log_state.writing = full;
        log_state.len = 0;
        log_state.dropped = 0;
        pthread_mutex_unlock(&log_state.lock);
        write_all(log_state.fd, full, len);
        if (dropped) log_msg(NULL, LOG_WARN, "%lld log lines were dropped: too many at once", (long long)dropped);
        pthread_mutex_lock(&log_state.lock);
    }
    pthread_mutex_unlock(&log_state.lock);
    return NULL;
}

void log_start(LogLevel level, LogFormat format, const char *path) {
    atomic_store(&level_now, (int)level);
    log_state.format = format;
    log_state.path = path;
    log_open_again();
    if (log_state.running) return;
    log_state.filling = malloc(HALF);
    log_state.writing = malloc(HALF);
    if (!log_state.filling || !log_state.writing) abort();
    log_state.running = true;
    if (pthread_create(&log_state.thread, NULL, log_thread, NULL) != 0) abort();
}

void log_stop(void) {
    pthread_mutex_lock(&log_state.lock);
    bool was_running = log_state.running;
    log_state.running = false;
    pthread_cond_signal(&log_state.wake);
    pthread_mutex_unlock(&log_state.lock);
    if (!was_running) return;
    pthread_join(log_state.thread, NULL);
    free(log_state.filling);
    free(log_state.writing);
    log_state.filling = log_state.writing = NULL;
}

void log_reopen(void) {
    pthread_mutex_lock(&log_state.lock);
    log_state.reopen = true;
    pthread_mutex_unlock(&log_state.lock);
}

static void log_append(Str line) {
    pthread_mutex_lock(&log_state.lock);
    if (!log_state.running) write_all(log_state.fd, line.data, line.len);
    else if (HALF - log_state.len < line.len) {
        log_state.dropped++;
        atomic_fetch_add_explicit(&dropped_ever, 1, memory_order_relaxed);
    } else {
        memcpy(log_state.filling + log_state.len, line.data, (size_t)line.len);
        log_state.len += line.len;
        if (log_state.len > HALF / 2) pthread_cond_signal(&log_state.wake);
    }
    pthread_mutex_unlock(&log_state.lock);
}

static void line_json(Buf *b, Ctx *c, LogLevel level, Str message, Str members) {
    buf_add(b, S("{\"time\":\""));
    buf_time(b, time_now());
    buf_f(b, "\",\"level\":\"%s\",\"message\":", level_names[level]);
    buf_json(b, message);
    if (c && c->request_id.data) {
        buf_add(b, S(",\"request_id\":"));
        buf_json(b, c->request_id);
    }
    if (c && c->account.user.value) buf_f(b, ",\"user_id\":%lld", (long long)c->account.user.value);
    if (c && c->account.organisation.value) buf_f(b, ",\"tenant_id\":%lld", (long long)c->account.organisation.value);
    if (members.len) {
        buf_byte(b, ',');
        buf_add(b, members);
    }
    buf_add(b, S("}\n"));
}

static void line_pretty(Buf *b, Ctx *c, LogLevel level, Str message, Str members) {
    Civil t = time_civil(time_now());
    buf_f(b, "%02d:%02d:%02d %-5s ", t.hour, t.minute, t.second, level_names[level]);
    buf_add(b, message);
    if (members.len) buf_f(b, "  %.*s", S_ARG(members));
    if (c && c->request_id.data) buf_f(b, "  [%.*s]", S_ARG(c->request_id));
    buf_byte(b, '\n');
}

static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;
static void scratch_free(void *arena) { arena_free(arena); }
static void scratch_init(void) { pthread_key_create(&scratch_key, scratch_free); }

/* This thread's arena for putting lines together; goes with the thread. */
static Arena *scratch_arena(void) {
    static _Thread_local Arena *scratch;
    if (scratch) return scratch;
    pthread_once(&scratch_once, scratch_init);
    scratch = arena_new(4 * MIB);
    pthread_setspecific(scratch_key, scratch);
    return scratch;
}

void log_fields(Ctx *c, LogLevel level, Str message, Str members) {
    assert(level < LOG_OFF);
    if (!log_enabled(level)) return;
    Arena *scratch = scratch_arena();
    ArenaMark mark = arena_mark(scratch);
    Buf b = buf_new(scratch, 512);
    message = str_utf8_cut(message, LINE_MAX_BYTES);
    (log_state.format == LOG_PRETTY ? line_pretty : line_json)(&b, c, level, message,
                                                              members.len <= LINE_MAX_BYTES ? members : (Str){0});
    log_append(buf_str(&b));
    if (level == LOG_ERROR && log_state.on_error) log_state.on_error(buf_str(&b));
    arena_release(scratch, mark);
}

void log_msg(Ctx *c, LogLevel level, const char *format, ...) {
    if (!log_enabled(level)) return;
    char text[2048];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_fields(c, level, str_of(text, min_size(max_size(length, 0), (ptrdiff_t)sizeof text - 1)), (Str){0});
}
