/* SPDX-License-Identifier: Apache-2.0
 * Child processes on uv_spawn: three pipes, an exit callback, and an end that always comes: SIGTERM,
 * after two seconds SIGKILL. The Process outlives its coroutine until the child has been reaped.
 *
 * uv_spawn has no hook between fork and exec; pthread_atfork has one, in the very thread that forks:
 * there the child gets its limits, and asks to die with us. */
#include "rt/process.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <unistd.h>

#include "core/time.h"
#include "rt/stream_internal.h"

enum { LINE_MAX_BYTES = 64 * 1024, ERRORS_KEPT = 4096, KILL_AFTER_MS = 2000, GONE_AFTER_MS = 10000 };

struct Process {
    uv_process_t process;
    Stream *out;
    uv_pipe_t in, errors_pipe;
    uv_write_t write;
    Timer *killer;
    WaitList waiting;
    pid_t group;
    char *input;
    char errors[ERRORS_KEPT];
    char errors_read[1024];
    ptrdiff_t errors_len;
    int64_t exit_status;
    int term_signal, handles;
    bool exited, left; /* left: the coroutine is gone */
    bool has_in, has_errors;
};

/* -- between fork and exec: only what is safe there ------------------------------------------------ */

static _Thread_local const ProcessOptions *spawning; /* what this thread forks for; NULL: not a Process */
static _Thread_local pid_t spawner;

static void limit_set(int what, int64_t bytes) {
    struct rlimit limit;
    if (bytes <= 0 || getrlimit(what, &limit) != 0) return;
    if (limit.rlim_max != RLIM_INFINITY && (rlim_t)bytes > limit.rlim_max) return;
    limit.rlim_cur = (rlim_t)bytes;
    setrlimit(what, &limit);
}

static void child_prepare(void) {
    if (!spawning) return;
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != spawner) _exit(127); /* we died before it could ask */
#endif
    limit_set(RLIMIT_FSIZE, spawning->max_file_bytes);
    limit_set(RLIMIT_AS, spawning->max_memory_bytes);
    if (spawning->nice > 0) setpriority(PRIO_PROCESS, 0, spawning->nice);
}

static void child_hook_set(void) {
    if (pthread_atfork(NULL, NULL, child_prepare) != 0) abort();
}

static int spawn(uv_loop_t *uv, uv_process_t *process, const uv_process_options_t *how,
                 const ProcessOptions *options) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, child_hook_set);
    spawner = getpid();
    spawning = options;
    int bad = uv_spawn(uv, process, how);
    spawning = NULL;
    return bad;
}

/* -- its life -------------------------------------------------------------------------------------- */

static void process_free_if_done(Process *p) {
    if (p->handles > 0 || !p->left) return;
    free(p->input);
    free(p);
}

static void on_handle_closed(uv_handle_t *handle) {
    Process *p = handle->data;
    p->handles--;
    process_free_if_done(p);
}

static void on_exit_seen(uv_process_t *process, int64_t status, int signal_number) {
    Process *p = process->data;
    p->exited = true;
    p->exit_status = status;
    p->term_signal = signal_number;
    if (p->group > 0) kill(-p->group, SIGKILL); /* its own children, if it left any */
    if (p->killer) timer_free(p->killer);
    p->killer = NULL;
    wait_wake_all(&p->waiting);
    uv_close((uv_handle_t *)process, on_handle_closed);
}

static void on_errors_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf) {
    Process *p = handle->data;
    (void)size;
    *buf = uv_buf_init(p->errors_read, sizeof p->errors_read);
}

static void errors_keep(Process *p, const char *data, ptrdiff_t n) {
    ptrdiff_t drop = max_size(0, p->errors_len + n - ERRORS_KEPT);
    memmove(p->errors, p->errors + drop, (size_t)(p->errors_len - drop));
    p->errors_len -= drop;
    memcpy(p->errors + p->errors_len, data, (size_t)n);
    p->errors_len += n;
}

static void on_errors_read(uv_stream_t *handle, ssize_t n, const uv_buf_t *buf) {
    Process *p = handle->data;
    if (n > 0) errors_keep(p, buf->base, n);
    else if (n < 0) uv_close((uv_handle_t *)handle, on_handle_closed);
}

static void on_input_written(uv_write_t *write, int status) {
    Process *p = write->data;
    (void)status;
    if (!uv_is_closing((uv_handle_t *)&p->in)) uv_close((uv_handle_t *)&p->in, on_handle_closed);
}

static void on_kill_time(void *arg) {
    Process *p = arg;
    if (!p->exited) kill(-p->group, SIGKILL);
}

void process_kill(Process *p) {
    if (p->exited || p->killer) return;
    kill(-p->group, SIGTERM);
    p->killer = timer_new(on_kill_time, p);
    timer_start(p->killer, KILL_AFTER_MS);
}

static void process_leave(void *arg) {
    Process *p = arg;
    p->left = true;
    process_kill(p);
    stream_close(p->out);
    if (p->has_in && !uv_is_closing((uv_handle_t *)&p->in)) uv_close((uv_handle_t *)&p->in, on_handle_closed);
    if (p->has_errors && !uv_is_closing((uv_handle_t *)&p->errors_pipe))
        uv_close((uv_handle_t *)&p->errors_pipe, on_handle_closed);
    process_free_if_done(p);
}

static void pipes_init(Process *p, uv_loop_t *uv, const ProcessOptions *o, uv_stdio_container_t *stdio) {
    unsigned to_us = UV_CREATE_PIPE | UV_WRITABLE_PIPE, to_child = UV_CREATE_PIPE | UV_READABLE_PIPE;
    stdio[0] = (uv_stdio_container_t){.flags = UV_IGNORE};
    if (o->input.len) {
        uv_pipe_init(uv, &p->in, 0);
        p->in.data = p;
        p->has_in = true;
        p->handles++;
        stdio[0] = (uv_stdio_container_t){.flags = (uv_stdio_flags)to_child, .data.stream = (uv_stream_t *)&p->in};
    }
    stdio[1] = (uv_stdio_container_t){.flags = (uv_stdio_flags)to_us, .data.stream = &p->out->handle.stream};
    uv_pipe_init(uv, &p->errors_pipe, 0);
    p->errors_pipe.data = p;
    p->has_errors = true;
    p->handles++;
    stdio[2] = (uv_stdio_container_t){.flags = (uv_stdio_flags)to_us, .data.stream = (uv_stream_t *)&p->errors_pipe};
    for (int i = 0; i < o->file_count; i++)
        stdio[3 + i] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = o->files[i]};
}

static void input_start(Process *p, Str input) {
    p->input = malloc((size_t)input.len);
    if (!p->input) abort();
    memcpy(p->input, input.data, (size_t)input.len);
    p->write.data = p;
    uv_buf_t buf = uv_buf_init(p->input, (unsigned)input.len);
    if (uv_write(&p->write, (uv_stream_t *)&p->in, &buf, 1, on_input_written) != 0) on_input_written(&p->write, -1);
}

Err *process_start(Ctx *c, ProcessOptions options, Process **out) {
    assert(options.argv && options.argv[0]);
    assert(options.file_count >= 0 && options.file_count <= PROCESS_FILES);
    Process *p = calloc(1, sizeof *p);
    if (!p) abort();
    uv_loop_t *uv = loop_uv(loop_here());
    uv_stdio_container_t stdio[3 + PROCESS_FILES];
    p->out = stream_new(true);
    pipes_init(p, uv, &options, stdio);
    p->process.data = p;
    p->handles++;
    uv_process_options_t how = {.exit_cb = on_exit_seen, .file = options.argv[0], .cwd = options.cwd,
                                .flags = UV_PROCESS_DETACHED, /* a group of its own */
                                .args = (char **)(uintptr_t)options.argv, .stdio_count = 3 + options.file_count, .stdio = stdio};
    int bad = spawn(uv, &p->process, &how, &options);
    if (bad) {
        p->exited = true;
        uv_close((uv_handle_t *)&p->process, on_handle_closed);
        process_leave(p);
        FAIL(c, UNAVAILABLE, "Could not start %s: %s.", options.argv[0], uv_strerror(bad));
    }
    p->group = p->process.pid;
    defer(c, process_leave, p);
    if (p->has_in) input_start(p, options.input);
    uv_read_start((uv_stream_t *)&p->errors_pipe, on_errors_alloc, on_errors_read);
    *out = p;
    return NULL;
}

Err *process_read(Ctx *c, Process *p, char *to, ptrdiff_t cap, ptrdiff_t *n) { return stream_read(c, p->out, to, cap, n); }

Err *process_line(Ctx *c, Process *p, Str *line) {
    for (;;) {
        Str have = stream_buffer(p->out);
        ptrdiff_t at = str_find_byte(have, '\n');
        bool last = at < 0 && stream_ended(p->out);
        if (at >= 0 || (last && have.len)) {
            *line = str_copy(c->arena, str_slice(have, 0, at >= 0 ? at : have.len));
            if (str_ends(*line, S("\r"))) line->len--;
            stream_consume(p->out, at >= 0 ? at + 1 : have.len);
            return NULL;
        }
        *line = (Str){0};
        if (last) return NULL;
        ptrdiff_t n;
        if (have.len >= LINE_MAX_BYTES) FAIL(c, TOO_LARGE, "A line of output is longer than %d bytes.", LINE_MAX_BYTES);
        stream_buffer_grow(p->out, LINE_MAX_BYTES + 1);
        TRY(stream_fill(c, p->out, &n));
    }
}

Err *process_wait(Ctx *c, Process *p, int *exit_code) {
    Err *err = NULL;
    while (!p->exited && !err) err = wait_on(c, &p->waiting);
    if (err) {
        process_kill(p);
        return err;
    }
    *exit_code = p->term_signal ? 128 + p->term_signal : (int)p->exit_status;
    return NULL;
}

void process_end(Ctx *c, Process *p) {
    process_kill(p);
    int64_t former = c->deadline_us;
    coro_shield(c);
    c->deadline_us = mono_us() + GONE_AFTER_MS * US_PER_MS;
    Err *err = NULL;
    while (!p->exited && !err) err = wait_on(c, &p->waiting);
    c->deadline_us = former;
    coro_unshield(c);
}

Str process_errors(const Process *p) { return (Str){p->errors, p->errors_len}; }

Err *process_run(Ctx *c, ProcessOptions options, ptrdiff_t max, Str *output) {
    Process *p;
    TRY(process_start(c, options, &p));
    Buf b = buf_new(c->arena, 4096);
    for (ptrdiff_t n = 1; n > 0;) {
        char *to = buf_reserve(&b, 4096);
        TRY(process_read(c, p, to, 4096, &n));
        b.len += n;
        if (b.len > max) FAIL(c, TOO_LARGE, "%s printed more than %td bytes.", options.argv[0], max);
    }
    int code;
    TRY(process_wait(c, p, &code));
    if (code != 0) FAIL(c, INTERNAL, "%s ended with %d: %.*s", options.argv[0], code, S_ARG(process_errors(p)));
    *output = buf_str(&b);
    return NULL;
}
