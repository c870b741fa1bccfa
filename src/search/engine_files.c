/* SPDX-License-Identifier: Apache-2.0
 * The engine's folder: `lock`, `manifest`, NUMBER.seg, NUMBER.dead. One engine of one process owns
 * it (flock on `lock`); numbers are never used twice. A file is removed when neither the manifest
 * nor the present View nor a rebuild under way needs it; readers that still map it keep it alive. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "search/engine_room.h"

static Err *parents_make(Ctx *c, char *path) {
    for (char *at = path + 1;; at++) {
        if (*at != '/' && *at) continue;
        char byte = *at;
        *at = 0;
        int made = mkdir(path, 0750);
        *at = byte;
        if (made != 0 && errno != EEXIST)
            FAIL(c, INTERNAL, "Making the folder %s: %s.", path, strerror(errno));
        if (!byte) return NULL;
    }
}

Err *folder_open(Ctx *c, SearchEngine *e) {
    char *folder = str_cstr(c->arena, str_c(e->folder));
    TRY(parents_make(c, folder));
    const char *path = strf(c->arena, "%s/lock", folder).data;
    e->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (e->lock < 0) FAIL(c, INTERNAL, "Opening %s: %s.", path, strerror(errno));
    if (flock(e->lock, LOCK_EX | LOCK_NB) == 0) return NULL;
    FAIL(c, CONFLICT, "Another process keeps the index in %s.", folder);
}

Str file_path(Arena *a, const SearchEngine *e, uint64_t number, const char *kind) {
    return strf(a, "%s/%08llu.%s", e->folder, (unsigned long long)number, kind);
}

void file_remove_now(const SearchEngine *e, uint64_t number, const char *kind) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%08llu.%s", e->folder, (unsigned long long)number, kind);
    unlink(path);
}

void file_register(SearchEngine *e, Segment *s, uint64_t number, bool building) {
    FileList *l = &e->files;
    if (l->count == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 16;
        l->items = realloc(l->items, (size_t)l->cap * sizeof *l->items);
        if (!l->items) abort();
    }
    l->items[l->count++] =
        (SegmentFile){.segment = segment_hold(s), .number = number, .building = building};
}

SegmentFile *file_of(const SearchEngine *e, const Segment *s) {
    for (int i = 0; i < e->files.count; i++)
        if (e->files.items[i].segment == s) return &e->files.items[i];
    return NULL;
}

static bool is_needed(const SearchEngine *e, const SegmentFile *f) {
    if (f->listed || f->building) return true;
    for (int i = 0; i < e->view->count; i++)
        if (e->view->items[i].segment == f->segment) return true;
    return false;
}

void files_sweep(SearchEngine *e) {
    FileList *l = &e->files;
    int64_t bytes = 0;
    for (int i = l->count; i-- > 0;) {
        SegmentFile *f = &l->items[i];
        if (is_needed(e, f)) {
            bytes += segment_bytes(f->segment);
            if (f->dead_number) bytes += dead_words(segment_docs(f->segment)) * 8;
            continue;
        }
        file_remove_now(e, f->number, "seg");
        if (f->dead_number) file_remove_now(e, f->dead_number, "dead");
        segment_release(f->segment);
        dead_release(f->dead);
        *f = l->items[--l->count];
    }
    atomic_store(&e->disk_bytes, bytes);
}
