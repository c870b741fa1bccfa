/* SPDX-License-Identifier: Apache-2.0
 * A block on its way out: sections one after the other behind room for head and table, which are
 * filled in last. On the heap the block simply grows; to a file it goes through a buffer, summed up
 * as it passes. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

#include "search/segment_room.h"

enum { BUFFER = 1 << 18 };

static ptrdiff_t front_bytes(const BlockOut *o) {
    return (ptrdiff_t)sizeof(Head) + o->max * (ptrdiff_t)sizeof(Section);
}

/* What is read by the cache line begins with one: also on the heap, where files are mapped so. */
static void data_grow(BlockOut *o, ptrdiff_t need) {
    if (!o->aligned) {
        o->data = items_grow(o->data, &o->cap, need, 1);
        return;
    }
    if (need <= o->cap) return;
    ptrdiff_t cap = max_size(need, o->cap + o->cap / 2);
    cap = (cap + VECTOR_ALIGN - 1) / VECTOR_ALIGN * VECTOR_ALIGN;
    char *grown = aligned_alloc(VECTOR_ALIGN, (size_t)cap);
    if (!grown) abort();
    if (o->len) memcpy(grown, o->data, (size_t)o->len);
    free(o->data);
    o->data = grown;
    o->cap = cap;
}

void out_open(BlockOut *o, const SearchDef *def, int fd) {
    *o = (BlockOut){.fd = fd, .max = segment_sections_max(def)};
    o->sections = calloc((size_t)o->max, sizeof *o->sections);
    if (!o->sections) abort();
    ptrdiff_t front = front_bytes(o);
    o->aligned = fd < 0 && vector_field(def) >= 0;
    data_grow(o, fd < 0 ? front : BUFFER);
    assert(front < BUFFER);
    memset(o->data, 0, (size_t)front);
    o->len = front;
    if (fd < 0) return;
    o->hash = XXH3_createState();
    if (!o->hash) abort();
}

static void file_write_all(BlockOut *o, const char *from, ptrdiff_t len, int64_t at) {
    while (len > 0 && !o->error) {
        ssize_t n = pwrite(o->fd, from, (size_t)len, at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            o->error = n < 0 ? errno : ENOSPC;
            return;
        }
        from += n;
        len -= n;
        at += n;
    }
}

static void out_flush(BlockOut *o) {
    file_write_all(o, o->data, o->len, o->flushed);
    o->flushed += o->len;
    o->len = 0;
}

int64_t out_at(const BlockOut *o) {
    return o->flushed + o->len - (int64_t)o->sections[o->count].at;
}

void out_bytes(BlockOut *o, const void *bytes, ptrdiff_t len) {
    if (len == 0) return;
    if (o->fd >= 0) {
        XXH3_64bits_update(o->hash, bytes, (size_t)len);
        if (len > o->cap - o->len) out_flush(o);
        if (len > o->cap) {
            file_write_all(o, bytes, len, o->flushed);
            o->flushed += len;
            return;
        }
    } else if (len > o->cap - o->len)
        data_grow(o, o->len + len);
    memcpy(o->data + o->len, bytes, (size_t)len);
    o->len += len;
}

void out_align(BlockOut *o, int to) {
    static const char zero[8];
    assert(to <= 8);
    out_bytes(o, zero, (to - (ptrdiff_t)(out_at(o) % to)) % to);
}

void out_lead(BlockOut *o) {
    static const char zero[VECTOR_ALIGN];
    int64_t at = o->flushed + o->len;
    out_bytes(o, zero, (ptrdiff_t)((VECTOR_ALIGN - at % VECTOR_ALIGN) % VECTOR_ALIGN));
}

void out_room(BlockOut *o, ptrdiff_t bytes) {
    if (o->fd < 0) data_grow(o, o->len + bytes + 4 * VECTOR_ALIGN);
}

void out_section(BlockOut *o, Part part, int field) {
    assert(o->count < o->max);
    o->sections[o->count] = (Section){
        .part = (uint16_t)part, .field = (uint16_t)field, .at = (uint64_t)(o->flushed + o->len)};
    if (o->fd >= 0) XXH3_64bits_reset(o->hash);
}

void out_section_end(BlockOut *o, bool wide) {
    out_align(o, 8);
    Section *s = &o->sections[o->count];
    s->bytes = (uint64_t)out_at(o);
    s->wide = wide;
    if (s->bytes == 0) {
        *s = (Section){0};
        return;
    }
    s->sum =
        o->fd >= 0 ? XXH3_64bits_digest(o->hash) : XXH3_64bits(o->data + s->at, (size_t)s->bytes);
    o->count++;
}

void out_part(BlockOut *o, Part part, int field, const void *bytes, ptrdiff_t len) {
    out_section(o, part, field);
    out_bytes(o, bytes, len);
    out_section_end(o, false);
}

void out_close(BlockOut *o, const SearchDef *def, uint32_t docs, uint32_t words) {
    int64_t bytes = o->flushed + o->len;
    if (o->fd >= 0) out_flush(o);
    ptrdiff_t front = front_bytes(o);
    char *to = o->data; /* of a file: the buffer, now empty */
    Head head = {.magic = "SOCLESEG",
                 .format = SEGMENT_FORMAT,
                 .sections = (uint32_t)o->count,
                 .def = segment_fingerprint(def),
                 .bytes = (uint64_t)bytes,
                 .docs = docs,
                 .words = words};
    memcpy(to, &head, sizeof head);
    memcpy(to + sizeof head, o->sections, (size_t)o->max * sizeof *o->sections);
    head.sum = XXH3_64bits(to, (size_t)front);
    memcpy(to, &head, sizeof head);
    if (o->fd >= 0) file_write_all(o, to, front, 0);
}

void out_free(BlockOut *o) {
    if (o->hash) XXH3_freeState(o->hash);
    free(o->sections);
    free(o->data);
    *o = (BlockOut){.fd = -1};
}
