/* SPDX-License-Identifier: Apache-2.0
 * What bytes are: a picture (look_picture.c), a recording or video (look_recording.c), or nothing
 * that is taken; and the programs that are asked for it.
 *
 * Programs get bytes through pipes and nameless files, by a format that is given and may not refer
 * to others; memory, time and how many run at once are limited. */
#include "api/base_settings.h"
#include "products/lifetales/lifetales.h"
#include "products/lifetales/look_room.h"
#include "products/lifetales/picture.h"
#include "rt/process.h"

enum {
    LOOKS_AT_ONCE = 2, /* programs, on each loop */
    LOOK_MS = 60 * 1000,
    PROBE_MAX = 1024 * 1024,
    NICE = 5
};
static const int64_t MEMORY_MAX = (int64_t)2 << 30;

/* -- programs ---------------------------------------------------------------------------------- */

/* Of this loop. */
static _Thread_local struct {
    int running;
    WaitList waiting;
} gate;

typedef struct Ticket {
    bool held;
} Ticket;

/* Also where c ends in the middle: its memory was used up. */
static void gate_leave(void *arg) {
    Ticket *t = arg;
    if (!t->held) return;
    t->held = false;
    gate.running--;
    (void)wait_wake_one(&gate.waiting);
}

static Err *gate_enter(Ctx *c, Ticket **out) {
    *out = arena_new_of(c->arena, Ticket);
    defer(c, gate_leave, *out);
    while (gate.running >= LOOKS_AT_ONCE) {
        Err *err = wait_on(c, &gate.waiting);
        if (!err) continue;
        if (gate.running < LOOKS_AT_ONCE) (void)wait_wake_one(&gate.waiting); /* it was my turn */
        return err;
    }
    gate.running++;
    (*out)->held = true;
    return NULL;
}

/* *good: it ended well; else what it said last is in *words. */
static Err *tool_read(Ctx *c, ProcessOptions options, Str *output, bool *good, Str *words) {
    Process *p;
    Buf b = buf_new(c->arena, 4096);
    int code = 0;
    *good = false;
    options.nice = NICE;
    if (options.max_memory_bytes == 0) options.max_memory_bytes = MEMORY_MAX;
    Err *err = process_start(c, options, &p);
    if (err && err->kind == ERR_UNAVAILABLE && str_find(err->detail, S("no such file")) >= 0)
        FAIL(c, NOT_CONFIGURED,
             "%s is missing: install ffmpeg, or set FFMPEG_PATH and FFPROBE_PATH.",
             options.argv[0]);
    TRY(err);
    for (ptrdiff_t n = 1; n > 0;) {
        char *to = buf_reserve(&b, 4096);
        TRY(process_read(c, p, to, 4096, &n));
        b.len += n;
        if (b.len > PROBE_MAX) {
            process_end(c, p);
            return NULL;
        }
    }
    TRY(process_wait(c, p, &code));
    *output = buf_str(&b);
    *good = code == 0;
    *words = str_copy(c->arena, process_errors(p));
    return NULL;
}

Err *tool_run_limited(Ctx *c, ProcessOptions options, Str *output, bool *good, Str *words) {
    Ticket *ticket;
    TRY(gate_enter(c, &ticket));
    int64_t former = ctx_deadline_within(c, LOOK_MS);
    Err *err = tool_read(c, options, output, good, words);
    c->deadline_us = former;
    gate_leave(ticket);
    return err;
}

void tool_line_add(ToolLine *line, const char *const *words) {
    for (; *words; words++) {
        assert(line->count < TOOL_WORDS_MAX);
        line->words[line->count++] = *words;
    }
}

ToolLine ffmpeg_line(Ctx *c) {
    ToolLine line = {0};
    TOOL_ADD(&line, str_cstr(c->arena, settings.ffmpeg), "-nostdin", "-hide_banner", "-loglevel",
             "error");
    return line;
}

/* -- what they are ----------------------------------------------------------------------------- */

bool bytes_begin(Str b, ptrdiff_t at, const char *with) {
    ptrdiff_t len = (ptrdiff_t)strlen(with);
    return b.len >= at + len && memcmp(b.data + at, with, (size_t)len) == 0;
}

Err *album_look(Ctx *c, Str bytes, Str declared, Looked *out) {
    assert(out);
    if (bytes.len == 0) FAIL(c, INVALID, "It is empty.");
    if (bytes.len > lifetales.media_max_bytes)
        FAIL(c, TOO_LARGE, "It has %lld bytes; at most %lld are taken.", (long long)bytes.len,
             (long long)lifetales.media_max_bytes);
    if (picture_kind(bytes) != PICTURE_NONE) return picture_look(c, bytes, out);
    if (picture_is_heif(bytes)) return heif_look(c, bytes, out);
    const Container *container = recording_container(bytes);
    if (container) return recording_look(c, container, bytes, out);
    FAIL(c, MEDIA_TYPE,
         "It is neither a picture (JPEG, PNG, WebP, GIF, HEIC, AVIF) nor a recording or video that "
         "is known "
         "here%s%.*s.",
         declared.len ? ", though it is called " : "", S_ARG(str_utf8_cut(declared, 100)));
}
