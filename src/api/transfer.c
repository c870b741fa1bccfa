/* SPDX-License-Identifier: Apache-2.0
 * Reading lines of many files in turn, writing one, and showing how far it is. See transfer.h. */
#include "api/transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/time.h"

enum { REJECTS_SHOWN = 100, BAR_WIDTH = 30 };
static const int64_t show_every_us = 100 * US_PER_MS;

Str transfer_option(const Transfer *t, const char *name) {
    for (ptrdiff_t i = 0; i < t->option_count; i++)
        if (str_eq(str_c(t->options[i].name), str_c(name))) return t->options[i].value;
    return (Str){NULL, 0};
}

Str transfer_file(const Transfer *t) {
    assert(t->next_file > 0);
    return t->files[t->next_file - 1];
}

static void file_close_now(Transfer *t) {
    if (t->file && t->file != stdin && t->file != stdout) fclose(t->file);
    t->file = NULL;
}

static void transfer_free(void *arg) {
    Transfer *t = arg;
    file_close_now(t);
    free(t->line);
    t->line = NULL;
}

static int64_t sizes_sum(Ctx *c, const Transfer *t) {
    int64_t sum = 0;
    for (ptrdiff_t i = 0; i < t->file_count; i++) {
        struct stat about;
        if (str_eq(t->files[i], S("-"))) return 0;
        if (stat(str_cstr(c->arena, t->files[i]), &about) != 0 || !S_ISREG(about.st_mode)) return 0;
        sum += about.st_size;
    }
    return sum;
}

static Err *export_open(Ctx *c, Transfer *t) {
    assert(t->file_count <= 1);
    bool to_stdout = t->file_count == 0 || str_eq(t->files[0], S("-"));
    t->file = to_stdout ? stdout : fopen(str_cstr(c->arena, t->files[0]), "wbe");
    if (!t->file) FAIL(c, INVALID, "%.*s: %s", S_ARG(t->files[0]), strerror(errno));
    return NULL;
}

Err *transfer_begin(Ctx *c, Transfer *t, bool writes) {
    t->started_us = mono_us();
    t->bar = !t->json && !t->quiet && isatty(STDERR_FILENO);
    defer(c, transfer_free, t);
    if (writes) return export_open(c, t);
    t->bytes_total = sizes_sum(c, t);
    return NULL;
}

static Err *file_open_next(Ctx *c, Transfer *t) {
    Str path = t->files[t->next_file++];
    t->line_number = 0;
    t->file = str_eq(path, S("-")) ? stdin : fopen(str_cstr(c->arena, path), "rbe");
    if (!t->file) FAIL(c, NOT_FOUND, "%.*s: %s", S_ARG(path), strerror(errno));
    return NULL;
}

Err *transfer_line(Ctx *c, Transfer *t, Str *line) {
    *line = (Str){NULL, 0};
    for (;;) {
        if (!t->file && t->next_file == t->file_count) return NULL;
        if (!t->file) TRY(file_open_next(c, t));
        errno = 0;
        ssize_t n = getline(&t->line, &t->line_cap, t->file);
        if (n < 0) {
            if (ferror(t->file))
                FAIL(c, INTERNAL, "%.*s: %s", S_ARG(transfer_file(t)), strerror(errno));
            file_close_now(t);
            continue;
        }
        t->line_number++;
        t->bytes_done += n;
        if (n > TRANSFER_LINE_MAX)
            FAIL(c, TOO_LARGE, "%.*s:%lld: a line of more than %d bytes", S_ARG(transfer_file(t)),
                 (long long)t->line_number, TRANSFER_LINE_MAX);
        while (n > 0 && (t->line[n - 1] == '\n' || t->line[n - 1] == '\r')) n--;
        *line = str_of(t->line, n);
        return NULL;
    }
}

static void bar_draw(const Transfer *t, const char *what) {
    char bar[BAR_WIDTH + 1] = "";
    int percent = 0;
    if (t->bytes_total > 0) {
        double part = (double)t->bytes_done / (double)t->bytes_total;
        percent = (int)(100 * (part > 1 ? 1 : part));
        memset(bar, ' ', BAR_WIDTH);
        memset(bar, '#', (size_t)(BAR_WIDTH * percent / 100));
        fprintf(stderr, "\r[%s] %3d %% ", bar, percent);
    } else {
        fputc('\r', stderr);
    }
    double seconds = (double)(mono_us() - t->started_us) / (double)US_PER_SECOND;
    fprintf(stderr, "%lld %s, %lld refused, %.0f/s ", (long long)t->done, what,
            (long long)t->rejected, seconds > 0 ? (double)t->done / seconds : 0.0);
    fflush(stderr);
}

static void json_show(const Transfer *t, const char *event, const char *what) {
    fprintf(stderr,
            "{\"event\":\"%s\",\"what\":\"%s\",\"done\":%lld,\"rejected\":%lld,\"bytes\":%lld,"
            "\"total_bytes\":%lld,\"elapsed_ms\":%lld}\n",
            event, what, (long long)t->done, (long long)t->rejected, (long long)t->bytes_done,
            (long long)t->bytes_total, (long long)((mono_us() - t->started_us) / US_PER_MS));
}

void transfer_progress(Transfer *t, const char *what) {
    t->done++;
    if (!t->bar && !t->json) return;
    int64_t now = mono_us();
    if (now - t->shown_us < show_every_us) return;
    t->shown_us = now;
    if (t->json)
        json_show(t, "progress", what);
    else
        bar_draw(t, what);
}

void transfer_reject(Transfer *t, Str why) {
    if (t->rejected++ >= REJECTS_SHOWN) return;
    Str file = transfer_file(t);
    if (!t->json) {
        fprintf(stderr, "%s%.*s:%lld: %.*s\n", t->bar ? "\r\033[K" : "", S_ARG(file),
                (long long)t->line_number, S_ARG(why));
        return;
    }
    Arena *arena = arena_new(64 * KIB + 8 * (why.len + file.len));
    Buf b = buf_new(arena, 256);
    buf_add(&b, S("{\"event\":\"rejected\",\"file\":"));
    buf_json(&b, file);
    buf_f(&b, ",\"line\":%lld,\"why\":", (long long)t->line_number);
    buf_json(&b, why);
    buf_add(&b, S("}\n"));
    fwrite(b.data, 1, (size_t)b.len, stderr);
    arena_free(arena);
}

Err *transfer_write(Ctx *c, Transfer *t, Str bytes) {
    assert(t->file);
    t->bytes_done += bytes.len;
    if (fwrite(bytes.data ? bytes.data : "", 1, (size_t)bytes.len, t->file) == (size_t)bytes.len)
        return NULL;
    if (errno == ENOSPC) FAIL(c, STORAGE_FULL, "The export does not fit: %s", strerror(errno));
    FAIL(c, INTERNAL, "Writing the export failed: %s", strerror(errno));
}

Err *transfer_end(Ctx *c, Transfer *t, const char *what) {
    if (t->file && fflush(t->file) != 0)
        FAIL(c, STORAGE_FULL, "The export is not whole: %s", strerror(errno));
    if (t->json)
        json_show(t, "end", what);
    else if (t->bar)
        bar_draw(t, what), fputc('\n', stderr);
    else if (!t->quiet)
        fprintf(stderr, "%lld %s, %lld refused\n", (long long)t->done, what,
                (long long)t->rejected);
    return NULL;
}
