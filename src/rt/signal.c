/* SPDX-License-Identifier: Apache-2.0 */
#include "rt/signal.h"

#include "rt/internal.h"

typedef struct SignalWatch {
    uv_signal_t handle;
    void (*fn)(int signum, void *arg);
    void *arg;
} SignalWatch;

static void on_signal(uv_signal_t *handle, int signum) {
    SignalWatch *w = handle->data;
    w->fn(signum, w->arg);
}

void signal_on(int signum, void (*fn)(int signum, void *arg), void *arg) {
    static SignalWatch watches[8];
    static int count;
    assert(loop_here() == loop_at(0));
    assert(count < COUNT(watches));
    SignalWatch *w = &watches[count++];
    w->fn = fn;
    w->arg = arg;
    w->handle.data = w;
    uv_signal_init(loop_uv(loop_at(0)), &w->handle);
    uv_unref((uv_handle_t *)&w->handle);
    uv_signal_start(&w->handle, on_signal, signum);
}
