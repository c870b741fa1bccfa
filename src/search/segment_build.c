/* SPDX-License-Identifier: Apache-2.0
 * A block from a writer's documents. What is in it depends on the live documents alone, not on how
 * they came: merged segments give the bytes that a build at once would have given (but for which
 * spelling of a keyword is shown when the one that was least has gone). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "search/segment_room.h"

static void *array_new(uint64_t count, size_t size) {
    void *array = calloc((size_t)count + 1, size);
    if (!array) abort();
    return array;
}

/* -- Order --------------------------------------------------------------------------------------- */

/* Live documents as they will lie: newest first with an order field, else by key. Sorted by the
 * lesser criterion first, as the sort is stable. */
static void build_order(Build *b) {
    const SegmentWriter *w = b->w;
    int field = w->def->order_field;
    uint64_t *keys = array_new(segment_writer_docs(w), sizeof *keys);
    b->order = array_new(segment_writer_docs(w), sizeof *b->order);
    for (uint32_t i = 0; i < w->doc_count; i++) {
        if (w->docs[i].dead) continue;
        keys[b->docs] = field < 0 ? sort_key(w->docs[i].key) : ~sort_key(w->docs[i].key);
        b->order[b->docs++] = i;
    }
    sort_by_key(keys, b->order, b->docs);
    if (field >= 0) {
        const NumberColumn *n = &w->numbers[field];
        for (uint32_t i = 0; i < b->docs; i++) {
            bool has = b->order[i] < n->count;
            keys[i] = ~sort_key(has ? n->items[b->order[i]] : NO_NUMBER);
        }
        sort_by_key(keys, b->order, b->docs);
    }
    free(keys);
}

static void write_keys(Build *b) {
    int64_t *keys = array_new(b->docs, sizeof *keys);
    for (uint32_t doc = 0; doc < b->docs; doc++) keys[doc] = b->w->docs[b->order[doc]].key;
    out_part(b->out, PART_KEYS, 0, keys, (ptrdiff_t)b->docs * 8);
    if (b->w->def->order_field >= 0) {
        uint64_t *sorted = array_new(b->docs, sizeof *sorted);
        uint32_t *by_key = array_new(b->docs, sizeof *by_key);
        for (uint32_t doc = 0; doc < b->docs; doc++) {
            sorted[doc] = sort_key(keys[doc]);
            by_key[doc] = doc;
        }
        sort_by_key(sorted, by_key, b->docs);
        out_part(b->out, PART_BY_KEY, 0, by_key, (ptrdiff_t)b->docs * 4);
        free(sorted);
        free(by_key);
    }
    free(keys);
}

/* -- Forward texts ------------------------------------------------------------------------------- */

static void write_forward(Build *b) {
    const SegmentWriter *w = b->w;
    uint64_t *at = array_new((uint64_t)b->docs + 1, sizeof *at);
    out_section(b->out, PART_FORWARD, 0);
    for (uint32_t doc = 0; doc < b->docs; doc++) {
        int64_t from = w->docs[b->order[doc]].tokens, to = writer_tokens_end(w, b->order[doc]);
        out_bytes(b->out, w->tokens.items + from, (ptrdiff_t)(to - from) * 4);
        at[doc + 1] = at[doc] + (uint64_t)(to - from);
    }
    out_section_end(b->out, false);
    bool wide = at[b->docs] > UINT32_MAX;
    out_section(b->out, PART_FORWARD_AT, 0);
    if (wide) out_bytes(b->out, at, ((ptrdiff_t)b->docs + 1) * 8);
    for (uint32_t doc = 0; !wide && doc <= b->docs; doc++) {
        uint32_t narrow = (uint32_t)at[doc];
        out_bytes(b->out, &narrow, sizeof narrow);
    }
    out_section_end(b->out, wide);
    free(at);
}

/* -- The whole ----------------------------------------------------------------------------------- */

static void build_sets(Build *b) {
    out_section(b->out, PART_SETS, 0);
    b->sets = set_store_open(b->out, b->docs);
    build_postings(b);
    build_pairs(b);
    build_prefixes(b);
    free(b->codes); /* the largest of what is held, and done with */
    b->codes = NULL;
    build_columns(b);
    set_store_close(&b->sets);
    out_section_end(b->out, false);
}

static void write_tables(Build *b) {
    out_part(b->out, PART_WORD_AT, 0, b->word_at.items, b->word_at.count * 4);
    out_part(b->out, PART_POSTINGS, 0, b->postings,
             b->posting_count * (ptrdiff_t)sizeof *b->postings);
    out_part(b->out, PART_PAIRS, 0, b->pairs, b->pair_count * (ptrdiff_t)sizeof *b->pairs);
    out_part(b->out, PART_PREFIXES, 0, b->prefixes,
             b->prefix_count * (ptrdiff_t)sizeof *b->prefixes);
}

static void build_free(Build *b) {
    free(b->order);
    free(b->word_name);
    free(b->word_docs);
    free(b->codes_at);
    free(b->codes);
    free(b->word_at.items);
    free(b->postings);
    free(b->pairs);
    free(b->prefixes);
}

void segment_build(SegmentWriter *w, BlockOut *out) {
    assert(segment_writer_docs(w) <= SEGMENT_DOCS_MAX);
    Build b = {.w = w, .out = out};
    build_order(&b);
    write_keys(&b);
    build_words(&b);
    build_lexicon(&b);
    write_forward(&b);
    build_sets(&b);
    write_tables(&b);
    build_column_parts(&b);
    build_vectors(&b);
    out_close(out, w->def, b.docs, b.words);
    build_free(&b);
}

/* -- Where it goes ------------------------------------------------------------------------------- */

static Err *storage_err(Ctx *c, int error, Str path) {
    ErrKind kind =
        error == ENOSPC || error == EDQUOT || error == EFBIG ? ERR_STORAGE_FULL : ERR_INTERNAL;
    return err_new(c, kind, __func__, "Writing %.*s: %s.", S_ARG(path), strerror(error));
}

/* The folder's entry must survive a crash as the file does. */
static int folder_sync(Ctx *c, Str path) {
    ptrdiff_t slash = path.len;
    while (slash > 0 && path.data[slash - 1] != '/') slash--;
    Str folder = slash ? str_slice(path, 0, slash) : S(".");
    int fd = open(str_cstr(c->arena, folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return errno;
    int error = fsync(fd) == 0 ? 0 : errno;
    close(fd);
    return error;
}

static Err *finish_file(Ctx *c, SegmentWriter *w, Str path, Segment **out) {
    char *name = str_cstr(c->arena, path);
    char *aside = str_cstr(c->arena, strf(c->arena, "%.*s.tmp", S_ARG(path)));
    int fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0) return storage_err(c, errno, path);
    BlockOut block;
    out_open(&block, w->def, fd);
    segment_build(w, &block);
    int error = block.error;
    out_free(&block);
    if (!error && fsync(fd) != 0) error = errno;
    if (close(fd) != 0 && !error) error = errno;
    bool placed = !error && rename(aside, name) == 0;
    if (!error && !placed) error = errno;
    if (!error) error = folder_sync(c, path);
    if (error) {
        unlink(placed ? name : aside);
        return storage_err(c, error, path);
    }
    return segment_open(c, w->def, path, out);
}

static void finish_heap(SegmentWriter *w, Segment **out) {
    BlockOut block;
    out_open(&block, w->def, -1);
    segment_build(w, &block);
    const char *why = NULL;
    *out = segment_over(w->def, block.data, block.len, false, &why);
    assert(*out);
    block.data = NULL;
    out_free(&block);
}

Err *segment_writer_finish(Ctx *c, SegmentWriter *w, Str path, Segment **out) {
    Err *err = NULL;
    *out = NULL;
    if (segment_writer_docs(w) > 0) {
        if (str_is_null(path))
            finish_heap(w, out);
        else
            err = finish_file(c, w, path, out);
    }
    segment_writer_reset(w);
    return err;
}
