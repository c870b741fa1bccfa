/* SPDX-License-Identifier: Apache-2.0
 * See shell.h. A story is looked at by its rows, not by its events: it may be a server's workers that
 * write it, in another process. */
#include "products/lifetales/shell.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "core/json.h"
#include "core/time.h"
#include "net/sheet.h"
#include "products/lifetales/lifetales.h"
#include "products/lifetales/person.h"
#include "products/lifetales/story_room.h"
#include "rt/coro.h"
#include "rt/io.h"

enum { LOOK_MS = 100, POLL_MS = 100, LEASE_MS = 10 * 1000 };

/* -- media ----------------------------------------------------------------------------------------- */

static void fd_end(void *fd) { file_close((int)(intptr_t)fd); }

static Err *file_bytes(Ctx *c, Str path, Str *out) {
    int fd;
    struct stat st;
    TRY(file_open(c, path, O_RDONLY | O_CLOEXEC, 0, &fd));
    defer(c, fd_end, (void *)(intptr_t)fd);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) FAIL(c, INVALID, "It is no file.");
    if (st.st_size > lifetales.media_max_bytes)
        FAIL(c, TOO_LARGE, "It has %lld bytes; LIFETALES_MEDIA_MAX_BYTES is %lld.",
             (long long)st.st_size, (long long)lifetales.media_max_bytes);
    return file_map(c, fd, st.st_size, out);
}

typedef struct Storing {
    Id user;
    Str name;
    Staged staged;
    Media *out;
} Storing;

static Err *store_in(Ctx *c, void *arg) {
    Storing *s = arg;
    return album_add(c, s->user, &s->staged.looked, s->staged.sha256, S("upload"), s->name, s->out);
}

Err *shell_media(Ctx *c, Id user, Str path, Media *out) {
    Storing s = {.user = user, .name = path, .out = out};
    Str bytes;
    for (ptrdiff_t i = 0; i < path.len; i++)
        if (path.data[i] == '/') s.name = str_slice(path, i + 1, path.len);
    if (!str_utf8_valid(s.name)) s.name = (Str){0};
    TRY(file_bytes(c, path, &bytes));
    TRY(album_look(c, bytes, (Str){0}, &s.staged.looked));
    TRY(album_put(c, &s.staged.looked, &s.staged.sha256));
    return album_staged(c, &s.staged, 1, db_transaction(c, store_in, &s));
}

/* -- beginning a story ------------------------------------------------------------------------------- */

typedef struct Beginning {
    Space space;
    StorySettings settings;
    bool overwrite;
    Story *out;
} Beginning;

static Err *story_begin_in(Ctx *c, void *arg) {
    Beginning *b = arg;
    return story_begin(c, &b->space, &b->settings, b->overwrite, b->out);
}

Err *shell_story(Ctx *c, Id user, Str space_id, JsonText settings, Story *out, bool *joined) {
    Beginning b = {.out = out};
    TRY(space_load(c, user, space_id, &b.space));
    TRY(person_settings(c, user, &b.settings));
    TRY(story_settings_read(c, settings, &b.settings, &b.overwrite));
    TRY(story_under_way(c, &b.space, out, joined));
    if (*joined && str_is_empty(settings.text)) return NULL;
    return db_transaction(c, story_begin_in, &b); /* CONFLICT, where one is under way */
}

Err *shell_story_help(Ctx *c) {
    return workers_start_with(c,
                              (WorkerOptions){.queues = str_c(job_kind_queue(job_kind(S(STORY_JOB)))),
                                              .poll_ms = POLL_MS,
                                              .lease_ms = LEASE_MS});
}

/* -- following it ------------------------------------------------------------------------------------ */

typedef struct Follow {
    const StoryTold *how;
    Story *story;
    Space space;
    Str *keys; /* of the plan */
    ptrdiff_t count, next;
} Follow;

static Err *plan_read(Ctx *c, Follow *f) {
    json_t *plan;
    if (str_is_empty(f->story->plan.text)) return NULL;
    TRY(json_parse(c, f->story->plan.text, &plan));
    f->count = (ptrdiff_t)json_array_size(plan);
    f->keys = arena_array(c->arena, Str, f->count + 1);
    for (ptrdiff_t i = 0; i < f->count; i++)
        f->keys[i] = str_copy(c->arena, json_str(json_at(json_array_get(plan, (size_t)i), "key")));
    return NULL;
}

static const Chapter *chapter_of_key(const Chapter *all, ptrdiff_t count, Str key) {
    for (ptrdiff_t i = 0; i < count; i++)
        if (str_eq(all[i].key, key)) return &all[i];
    return NULL;
}

static bool is_planned(const Follow *f, Str key) {
    for (ptrdiff_t i = 0; i < f->count; i++)
        if (str_eq(f->keys[i], key)) return true;
    return false;
}

/* last: nothing more will come. */
static Err *chapters_tell(Ctx *c, Follow *f, bool last) {
    Chapter *all;
    ptrdiff_t count;
    CtxMark mark = ctx_mark(c);
    TRY(space_chapters(c, &f->space, &all, &count));
    for (; f->next < f->count; f->next++) {
        const Chapter *chapter = chapter_of_key(all, count, f->keys[f->next]);
        if (!chapter && !last) break;
        if (chapter) f->how->told(c, chapter, f->how->arg);
    }
    for (ptrdiff_t i = 0; last && i < count; i++)
        if (!is_planned(f, all[i].key)) f->how->told(c, &all[i], f->how->arg);
    ctx_release(c, mark);
    return NULL;
}

/* As it is now: has it ended, has it a plan? */
static Err *story_look(Ctx *c, const Follow *f, bool *ended, bool *planned) {
    Story now;
    CtxMark mark = ctx_mark(c);
    TRY(story_load(c, f->story->user_id, f->story->id, &now));
    *ended = story_ended(&now);
    *planned = !str_is_empty(now.plan.text);
    ctx_release(c, mark);
    return NULL;
}

Err *shell_story_follow(Ctx *c, const StoryTold *how, Story *story) {
    Follow f = {.how = how, .story = story};
    bool ended, planned;
    TRY(space_load_n(c, story->user_id, story->space_n, &f.space));
    for (;;) {
        TRY(story_look(c, &f, &ended, &planned));
        if (planned && !f.keys) {
            TRY(story_load(c, story->user_id, story->id, story));
            TRY(plan_read(c, &f));
        }
        if (f.keys) TRY(chapters_tell(c, &f, ended));
        if (ended || mono_us() > how->until_us) break;
        TRY(sleep_ms(c, LOOK_MS));
    }
    return story_load(c, story->user_id, story->id, story);
}
