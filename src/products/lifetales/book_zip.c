/* SPDX-License-Identifier: Apache-2.0
 * A ZIP of what EPUB asks for and no more: no extra fields (libarchive always writes some, which readers
 * refuse on `mimetype`), one date for all. Sizes are below 4 GiB: BookZip is in memory. */
#include <stdlib.h>
#include <zlib.h>

#include "products/lifetales/book_room.h"

enum { VERSION = 20, NAMES_ARE_UTF8 = 0x0800, STORED = 0, DEFLATED = 8, DATE_1980 = 0x0021 };

static void u16(Buf *b, unsigned value) {
    buf_byte(b, (char)(value & 0xff));
    buf_byte(b, (char)(value >> 8 & 0xff));
}
static void u32(Buf *b, uint64_t value) {
    assert(value <= UINT32_MAX);
    u16(b, (unsigned)(value & 0xffff));
    u16(b, (unsigned)(value >> 16));
}

void book_zip_open(BookZip *zip, Arena *arena) {
    *zip = (BookZip){.out = buf_new(arena, 256 * KIB), .directory = buf_new(arena, 16 * KIB)};
}

/* Raw, without zlib's head and foot. */
static Str deflated(Arena *arena, Str bytes) {
    z_stream z = {0};
    if (deflateInit2(&z, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) abort();
    uLong bound = deflateBound(&z, (uLong)bytes.len);
    char *to = arena_bytes(arena, (ptrdiff_t)bound);
    z.next_in = (Bytef *)(uintptr_t)bytes.data;
    z.avail_in = (uInt)bytes.len;
    z.next_out = (Bytef *)to;
    z.avail_out = (uInt)bound;
    int rc = deflate(&z, Z_FINISH);
    assert(rc == Z_STREAM_END);
    Str out = str_of(to, (ptrdiff_t)z.total_out);
    deflateEnd(&z);
    return out;
}

/* What local head and directory have in common. */
static void entry(Buf *b, Str name, Str bytes, Str packed, bool stored) {
    u16(b, VERSION);
    u16(b, NAMES_ARE_UTF8);
    u16(b, stored ? STORED : DEFLATED);
    u16(b, 0);
    u16(b, DATE_1980);
    u32(b, crc32(0, (const Bytef *)bytes.data, (uInt)bytes.len));
    u32(b, (uint64_t)packed.len);
    u32(b, (uint64_t)bytes.len);
    u16(b, (unsigned)name.len);
    u16(b, 0);
}

void book_zip_add(BookZip *zip, Str name, Str bytes, bool stored) {
    assert(name.len > 0 && name.len < UINT16_MAX && bytes.len < (ptrdiff_t)1 << 31);
    Arena *arena = zip->out.arena;
    ptrdiff_t from = zip->out.len;
    Str packed = stored ? bytes : deflated(arena, bytes);
    buf_add(&zip->out, S("PK\x03\x04"));
    entry(&zip->out, name, bytes, packed, stored);
    buf_add(&zip->out, name);
    buf_add(&zip->out, packed);
    buf_add(&zip->directory, S("PK\x01\x02"));
    u16(&zip->directory, VERSION);
    entry(&zip->directory, name, bytes, packed, stored);
    u16(&zip->directory, 0); /* comment */
    u16(&zip->directory, 0); /* disk */
    u16(&zip->directory, 0);
    u32(&zip->directory, 0);
    u32(&zip->directory, (uint64_t)from);
    buf_add(&zip->directory, name);
    zip->count++;
}

Str book_zip_close(BookZip *zip) {
    ptrdiff_t from = zip->out.len;
    assert(zip->count <= UINT16_MAX);
    buf_add(&zip->out, buf_str(&zip->directory));
    buf_add(&zip->out, S("PK\x05\x06"));
    u32(&zip->out, 0);
    u16(&zip->out, (unsigned)zip->count);
    u16(&zip->out, (unsigned)zip->count);
    u32(&zip->out, (uint64_t)zip->directory.len);
    u32(&zip->out, (uint64_t)from);
    u16(&zip->out, 0);
    return buf_str(&zip->out);
}
