/* SPDX-License-Identifier: Apache-2.0
 * For tests of segments: made-up documents, and a model of what a segment of them must say, found
 * by looking at every document for every question. */
#ifndef SOCLE_TEST_SEGMENT_WORLD_H
#define SOCLE_TEST_SEGMENT_WORLD_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/rand.h"
#include "search/segment.h"
#include "t.h"

enum { TITLE, BODY, TAG, AUTHOR, AT, LIKES, SCORE, WORLD_FIELDS };

static const SearchField world_fields[WORLD_FIELDS] = {
    [TITLE] = {"title", SEARCH_TEXT, SEARCH_FOR},
    [BODY] = {"body", SEARCH_TEXT, SEARCH_FOR},
    [TAG] = {"tag", SEARCH_KEYWORD, SEARCH_FOR | SEARCH_FILTER},
    [AUTHOR] = {"author", SEARCH_KEYWORD, SEARCH_FILTER},
    [AT] = {"at", SEARCH_TIME, SEARCH_FILTER | SEARCH_SORT},
    [LIKES] = {"likes", SEARCH_INT, SEARCH_FILTER},
    [SCORE] = {"score", SEARCH_REAL, SEARCH_SORT},
};
static const SearchDef by_key_def = {.name = "world",
                                     .fields = world_fields,
                                     .field_count = WORLD_FIELDS,
                                     .order_field = -1,
                                     .partition_field = AUTHOR,
                                     .version = 1};
static const SearchDef by_time_def = {.name = "world",
                                      .fields = world_fields,
                                      .field_count = WORLD_FIELDS,
                                      .order_field = AT,
                                      .partition_field = -1,
                                      .version = 1};

static Ctx *c;

static inline bool good(Err *err) {
    if (err) printf("  %.*s\n", S_ARG(err_chain(c->arena, err)));
    return CHECK(err == NULL);
}

/* A new folder in memory where there is one: syncing costs nothing there. */
static inline Str folder_make(Arena *a) {
    char *path = str_cstr(a, access("/dev/shm", W_OK) == 0 ? S("/dev/shm/socle_segment_XXXXXX")
                                                           : S("/tmp/socle_segment_XXXXXX"));
    CHECK(mkdtemp(path) != NULL);
    return str_c(path);
}

/* Remove the folder; how many files were in it. */
static inline int folder_remove(Arena *a, Str path) {
    int count = 0;
    DIR *dir = opendir(str_cstr(a, path));
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (e->d_name[0] != '.') {
            count++;
            unlinkat(dirfd(dir), e->d_name, 0);
        }
    if (dir) closedir(dir);
    CHECK(rmdir(str_cstr(a, path)) == 0);
    return count;
}

static inline Str file_read_whole(Arena *a, Str path) {
    FILE *file = fopen(str_cstr(a, path), "rb");
    if (!CHECK(file != NULL)) return (Str){0};
    fseek(file, 0, SEEK_END);
    ptrdiff_t size = ftell(file);
    rewind(file);
    char *to = arena_bytes(a, size);
    CHECK_INT(fread(to, 1, (size_t)size, file), size);
    fclose(file);
    return str_of(to, size);
}

/* -- Documents ----------------------------------------------------------------------------------- */

typedef struct World {
    Rand rand;
    int64_t vocabulary, keys; /* how many words and keys there are to draw from */
    int words;                /* at most, in a text */
    bool common;              /* a quarter of all words is one of three */
    bool plain;               /* keyword values have one spelling each */
} World;

static inline int64_t below(World *w, int64_t bound) { return rand_below(&w->rand, bound); }

/* Frequent words and rare ones; capitals, accents, tags. */
static inline void word_write(World *w, Buf *b) {
    static const char *const odd[] = {"Été",  "l'eau", "#CamelCase", "#aB",
                                      "🙂", "ﬁn",    "œuf",        "日本語"};
    if (below(w, 25) == 0) {
        buf_add(b, str_c(odd[below(w, COUNT(odd))]));
        return;
    }
    int64_t n = below(w, 1 + below(w, w->vocabulary));
    if (w->common && below(w, 4) == 0) n = below(w, 3);
    static const char *const parts[] = {"ba", "ke", "lo", "mu", "ri", "sa", "to", "ve"};
    do buf_add(b, str_c(parts[n % 8]));
    while ((n /= 8) > 0);
}

static inline Str text_make(World *w, Arena *a) {
    Buf b = buf_new(a, 64);
    for (int64_t n = below(w, w->words + 1); n > 0; n--) {
        word_write(w, &b);
        buf_add(&b, below(w, 6) ? S(" ") : S(". "));
    }
    return buf_str(&b);
}

static inline void doc_make(World *w, SearchDocs *d) {
    int64_t key = below(w, w->keys) - w->keys / 3;
    if (below(w, 12) == 0) {
        search_doc_gone(d, key);
        return;
    }
    search_doc(d, key);
    static const char *const names[] = {"Ete", "Été", "ete", "Zoé", "zoe", "Jean-Luc", "!!", "x"};
    if (below(w, 3)) search_doc_text(d, TITLE, text_make(w, d->arena));
    for (int64_t n = below(w, 3); n > 0; n--) search_doc_text(d, BODY, text_make(w, d->arena));
    for (int64_t n = below(w, 4); n > 0; n--)
        search_doc_text(d, TAG,
                        !w->plain && below(w, 2) ? str_c(names[below(w, COUNT(names))])
                                                 : strf(d->arena, "Tag %d", (int)below(w, 40)));
    if (w->common && below(w, 20) == 0) {
        Buf b = buf_new(d->arena, 32);
        word_write(w, &b);
        search_doc_text(d, TAG, buf_str(&b));
    }
    if (below(w, 5)) search_doc_text(d, AUTHOR, strf(d->arena, "name%d", (int)below(w, 300)));
    if (below(w, 6)) search_doc_int(d, AT, below(w, 1000) * 1000000);
    if (below(w, 4)) search_doc_int(d, LIKES, below(w, 5) ? below(w, 50) : below(w, INT64_MAX));
    if (below(w, 4) == 0) search_doc_int(d, LIKES, -below(w, 100)); /* the last one counts */
    if (below(w, 2)) search_doc_real(d, SCORE, (double)below(w, 2000) / 7 - 100);
}

static inline SearchDocs *docs_make(World *w, Arena *a, const SearchDef *def, int64_t count) {
    SearchDocs *d = search_docs_new(a, def);
    while (d->count < count) doc_make(w, d);
    return d;
}

/* -- The model ----------------------------------------------------------------------------------- */

typedef struct ModelField {
    Word *words;
    ptrdiff_t word_count;
    int64_t number;
    Str *values, *folded; /* in order of arrival, with repetitions */
    ptrdiff_t value_count;
} ModelField;

typedef struct ModelDoc {
    int64_t key;
    ptrdiff_t arrived;
    bool gone;
    ModelField fields[WORLD_FIELDS];
} ModelDoc;

typedef struct Model {
    Arena *arena;
    const SearchDef *def;
    ModelDoc *docs;
    ptrdiff_t count, cap;
} Model;

static inline void model_value(Model *m, ModelDoc *doc, const DocValue *v) {
    ModelField *f = &doc->fields[v->field];
    const SearchField *field = &m->def->fields[v->field];
    if (field->kind != SEARCH_TEXT && field->kind != SEARCH_KEYWORD) {
        f->number = v->number;
        return;
    }
    f->values = arena_grow(m->arena, f->values, f->value_count * (ptrdiff_t)sizeof(Str),
                           (f->value_count + 1) * (ptrdiff_t)sizeof(Str));
    f->values[f->value_count++] = v->text;
}

static inline void model_read(Model *m, ModelDoc *doc) {
    for (int f = 0; f < WORLD_FIELDS; f++) {
        ModelField *field = &doc->fields[f];
        Words words = {.arena = m->arena};
        if (m->def->fields[f].use & SEARCH_FOR)
            for (ptrdiff_t i = 0; i < field->value_count; i++) words_add(&words, field->values[i]);
        field->words = words.items;
        field->word_count = words.count;
        field->folded = arena_array(m->arena, Str, field->value_count);
        for (ptrdiff_t i = 0; i < field->value_count; i++)
            field->folded[i] = text_fold(m->arena, field->values[i]);
    }
}

static inline void model_add(Model *m, const SearchDocs *d) {
    for (ptrdiff_t i = 0; i < d->count; i++) {
        if (m->count == m->cap) {
            ptrdiff_t cap = m->cap ? 2 * m->cap : 16, size = (ptrdiff_t)sizeof(ModelDoc);
            m->docs = arena_grow(m->arena, m->docs, m->cap * size, cap * size);
            m->cap = cap;
        }
        ModelDoc *doc = &m->docs[m->count];
        *doc =
            (ModelDoc){.key = d->entries[i].key, .arrived = m->count++, .gone = d->entries[i].gone};
        for (int f = 0; f < WORLD_FIELDS; f++) doc->fields[f].number = NO_NUMBER;
        for (ptrdiff_t k = 0; k < d->entries[i].count; k++)
            model_value(m, doc, &d->values[d->entries[i].first + k]);
        model_read(m, doc);
    }
}

static inline int by_arrival(const void *x, const void *y) {
    const ModelDoc *p = x, *q = y;
    if (p->key != q->key) return p->key < q->key ? -1 : 1;
    return p->arrived < q->arrived ? -1 : 1;
}

static inline int by_time(const void *x, const void *y) {
    const ModelDoc *p = x, *q = y;
    int64_t a = p->fields[AT].number, b = q->fields[AT].number;
    if (a != b) return a > b ? -1 : 1;
    return p->key > q->key ? -1 : 1;
}

/* Only what counts in the end, in the segment's order. */
static inline void model_settle(Model *m) {
    if (m->count) qsort(m->docs, (size_t)m->count, sizeof *m->docs, by_arrival);
    ptrdiff_t n = 0;
    for (ptrdiff_t i = 0; i < m->count; i++) {
        bool last = i + 1 == m->count || m->docs[i + 1].key != m->docs[i].key;
        if (last && !m->docs[i].gone) m->docs[n++] = m->docs[i];
    }
    m->count = n;
    if (n && m->def->order_field >= 0) qsort(m->docs, (size_t)n, sizeof *m->docs, by_time);
}

static inline Model model_new(Arena *a, const SearchDef *def) {
    return (Model){.arena = a, .def = def};
}

#endif
