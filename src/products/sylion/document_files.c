/* SPDX-License-Identifier: Apache-2.0
 * See document_files.h. The walk is fts(3)'s, without following links. */
#include "products/sylion/document_files.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "products/sylion/extract.h"

static void found_add(Arena *arena, FoundFiles *f, FoundKind kind, Str path, Str why) {
    if (f->count == FILES_FOUND_MAX) {
        f->too_many = true;
        return;
    }
    if (f->count == f->cap) {
        ptrdiff_t cap = max_size(64, 2 * f->cap), size = (ptrdiff_t)sizeof(FoundFile);
        f->items = arena_grow(arena, f->items, f->cap * size, cap * size);
        f->cap = cap;
    }
    f->items[f->count++] = (FoundFile){kind, str_copy(arena, path), why};
    f->documents += kind == FOUND_DOCUMENT;
}

/* Of the reason's own words alone: errno's are the machine's. */
static Str reason_of(Arena *arena, int number) { return str_copy(arena, str_c(strerror(number))); }

static bool ending_known(Str name) {
    FileType type = file_type_named(name);
    return type != FILE_UNKNOWN && type != FILE_ZIP;
}

/* What is no folder. named: it was asked for by its own name. */
static void file_look(Arena *arena, FoundFiles *f, Str path, const struct stat *what, bool named) {
    FoundKind otherwise = named ? FOUND_WRONG : FOUND_OTHER;
    if (!ending_known(path))
        found_add(arena, f, otherwise, path, S("its ending is none of those that can be read"));
    else if (!S_ISREG(what->st_mode))
        found_add(arena, f, FOUND_WRONG, path, S("it is no ordinary file"));
    else
        found_add(arena, f, FOUND_DOCUMENT, path, (Str){0});
}

static void link_look(Arena *arena, FoundFiles *f, Str path) {
    struct stat what;
    if (stat(str_cstr(arena, path), &what) != 0) {
        FoundKind kind = ending_known(path) ? FOUND_WRONG : FOUND_OTHER;
        found_add(arena, f, kind, path, reason_of(arena, errno));
    } else if (S_ISDIR(what.st_mode)) {
        found_add(arena, f, FOUND_OTHER, path, S("a link to a folder"));
    } else {
        file_look(arena, f, path, &what, false);
    }
}

static void entry_look(Arena *arena, FoundFiles *f, FTS *tree, FTSENT *e) {
    Str path = str_c(e->fts_path);
    bool named = e->fts_level == FTS_ROOTLEVEL;
    if (!named && e->fts_name[0] == '.') {
        fts_set(tree, e, FTS_SKIP);
        return;
    }
    switch (e->fts_info) {
    case FTS_D:
        if (e->fts_level <= FOLDERS_DEEP_MAX) break;
        found_add(arena, f, FOUND_WRONG, path, S("folders lie too deep in each other"));
        fts_set(tree, e, FTS_SKIP);
        break;
    case FTS_DP: break;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS: found_add(arena, f, FOUND_WRONG, path, reason_of(arena, e->fts_errno)); break;
    case FTS_SL:
    case FTS_SLNONE: link_look(arena, f, path); break;
    default: file_look(arena, f, path, e->fts_statp, named); break;
    }
}

static int by_name(const FTSENT **a, const FTSENT **b) {
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

void files_find(Arena *arena, const Str *paths, ptrdiff_t count, FoundFiles *out) {
    *out = (FoundFiles){0};
    for (ptrdiff_t i = 0; i < count; i++) {
        char *roots[] = {str_cstr(arena, paths[i]), NULL};
        if (!*roots[0]) { /* fts finds nothing wrong with it, and nothing at all */
            found_add(arena, out, FOUND_WRONG, paths[i], reason_of(arena, ENOENT));
            continue;
        }
        FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
        if (!tree) {
            found_add(arena, out, FOUND_WRONG, paths[i], reason_of(arena, errno));
            continue;
        }
        for (FTSENT *e; !out->too_many && (e = fts_read(tree));) entry_look(arena, out, tree, e);
        fts_close(tree);
    }
}
