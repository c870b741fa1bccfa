/* SPDX-License-Identifier: Apache-2.0
 * For tests of the engine: a small definition, documents whose words tell their key and version, and
 * a plain table as the model of what must be found. */
#ifndef SOCLE_TEST_ENGINE_WORLD_H
#define SOCLE_TEST_ENGINE_WORLD_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/rand.h"
#include "core/time.h"
#include "search/engine.h"
#include "t.h"

enum { E_TEXT, E_GROUP, E_AT, E_FIELDS };

static const SearchField e_fields[E_FIELDS] = {
    [E_TEXT] = {"text", SEARCH_TEXT, SEARCH_FOR},
    [E_GROUP] = {"group", SEARCH_KEYWORD, SEARCH_FILTER},
    [E_AT] = {"at", SEARCH_TIME, SEARCH_FILTER | SEARCH_SORT},
};
static const SearchDef e_def = {.name = "tested",
                                .fields = e_fields,
                                .field_count = E_FIELDS,
                                .order_field = E_AT,
                                .partition_field = -1,
                                .version = 1};

/* A version of a document is a number > 0; its words: w<version mod 7> and v<version>. */
static inline void e_describe(SearchDocs *d, int64_t key, int64_t version) {
    char text[64];
    snprintf(text, sizeof text, "w%d v%lld", (int)(version % 7), (long long)version);
    search_doc(d, key);
    search_doc_text(d, E_TEXT, str_copy(d->arena, str_c(text)));
    snprintf(text, sizeof text, "g%d", (int)(version % 3));
    search_doc_text(d, E_GROUP, str_copy(d->arena, str_c(text)));
    search_doc_int(d, E_AT, version * 1000 % 977);
}

static inline SearchDocs *e_docs(Arena *a) { return search_docs_new(a, &e_def); }

typedef struct EModel {
    int64_t *versions; /* of keys 0 … keys - 1; 0: gone */
    int keys;
} EModel;

static inline int64_t e_model_count(const EModel *m) {
    int64_t n = 0;
    for (int i = 0; i < m->keys; i++) n += m->versions[i] > 0;
    return n;
}

static inline bool e_alive(const ViewSegment *v, uint32_t doc) {
    return !(v->dead && v->dead[doc >> 6] >> (doc & 63) & 1);
}

/* Keys that a word finds, as marks in found[keys]; false when one is found twice or is none. */
static inline bool e_find(Arena *a, const View *view, Str word, uint8_t *found, int keys) {
    memset(found, 0, (size_t)keys);
    for (int i = 0; i < view->count; i++) {
        const ViewSegment *v = &view->items[i];
        uint32_t number = lexicon_find(segment_lexicon(v->segment), word);
        if (number == UINT32_MAX) continue;
        Docset set = segment_word_docs(v->segment, a, number, 1u << E_TEXT);
        for (DocsetWalk w = docset_walk(set, 0); docset_next(&w);) {
            if (!e_alive(v, w.doc)) continue;
            int64_t key = segment_keys(v->segment)[w.doc];
            if (key < 0 || key >= keys || found[key]) return false;
            found[key] = 1;
        }
    }
    return true;
}

/* Everything that can be seen of a view is what the model has. */
static inline bool e_same(const View *view, const EModel *m) {
    Arena *a = arena_new(256 * MIB);
    uint8_t *found = arena_array(a, uint8_t, m->keys);
    bool same = CHECK_INT(view_documents(view), e_model_count(m));
    for (int i = 0; i < view->count && same; i++) {
        const ViewSegment *v = &view->items[i];
        uint32_t live = 0;
        for (uint32_t doc = 0; doc < segment_docs(v->segment); doc++) live += e_alive(v, doc);
        same = CHECK_INT(live, v->live);
    }
    for (int w = 0; w < 7 && same; w++) {
        char word[16];
        snprintf(word, sizeof word, "w%d", w);
        same = CHECK(e_find(a, view, str_c(word), found, m->keys));
        for (int k = 0; k < m->keys && same; k++)
            same = CHECK_INT(found[k], m->versions[k] > 0 && m->versions[k] % 7 == w);
    }
    arena_free(a);
    return same;
}

static inline bool e_same_now(SearchEngine *e, const EModel *m) {
    View *v = engine_view(e);
    bool same = e_same(v, m);
    view_release(v);
    return same;
}

/* -- Folders ----------------------------------------------------------------------------------- */

static inline Str e_folder_make(Arena *a) {
    char *path = str_cstr(a, access("/dev/shm", W_OK) == 0 ? S("/dev/shm/socle_engine_XXXXXX")
                                                           : S("/tmp/socle_engine_XXXXXX"));
    CHECK(mkdtemp(path) != NULL);
    return str_c(path);
}

typedef struct EFiles {
    int segments, dead, others; /* `lock` and `manifest` apart */
    bool manifest;
} EFiles;

static inline EFiles e_files(Str folder) {
    EFiles f = {0};
    char path[512];
    snprintf(path, sizeof path, "%.*s", S_ARG(folder));
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        Str name = str_c(e->d_name);
        if (name.data[0] == '.' || str_eq(name, S("lock"))) continue;
        if (str_eq(name, S("manifest")))
            f.manifest = true;
        else if (str_ends(name, S(".seg")))
            f.segments++;
        else if (str_ends(name, S(".dead")))
            f.dead++;
        else
            f.others++;
    }
    if (dir) closedir(dir);
    return f;
}

static inline void e_folder_remove(Str folder) {
    char path[512];
    snprintf(path, sizeof path, "%.*s", S_ARG(folder));
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (e->d_name[0] != '.') unlinkat(dirfd(dir), e->d_name, 0);
    if (dir) closedir(dir);
    CHECK(rmdir(path) == 0);
}

#endif
