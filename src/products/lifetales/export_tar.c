/* SPDX-License-Identifier: Apache-2.0
 * See export_tar.h. POSIX.1-2001: blocks of 512 bytes, a head before each file. */
#include "products/lifetales/export_tar.h"

#include <stdio.h>

#include "rt/io.h"

enum { BLOCK = 512, NAME_MAX_PLAIN = 100, PIECE = 64 * 1024 };

static bool name_plain(Str name) {
    for (ptrdiff_t i = 0; i < name.len; i++)
        if (name.data[i] & 0x80) return false;
    return name.len < NAME_MAX_PLAIN;
}

/* Octal digits that fill a field but for its last byte, which ends it. */
static void octal(char *field, int width, int64_t value) {
    for (int i = width - 2; i >= 0; i--, value >>= 3) field[i] = (char)('0' + (value & 7));
    assert(value == 0);
    field[width - 1] = '\0';
}

static void head_fill(char head[BLOCK], Str name, int64_t size, Time at, char type) {
    int64_t seconds = at.us > 0 ? at.us / US_PER_SECOND : 0;
    unsigned sum = 0;
    memset(head, 0, BLOCK);
    memcpy(head, name.data, (size_t)min_size(name.len, NAME_MAX_PLAIN));
    octal(head + 100, 8, 0644);
    octal(head + 108, 8, 0);
    octal(head + 116, 8, 0);
    octal(head + 124, 12, size);
    octal(head + 136, 12, seconds);
    memset(head + 148, ' ', 8);
    head[156] = type;
    memcpy(head + 257, "ustar\00000", 8);
    for (int i = 0; i < BLOCK; i++) sum += (unsigned char)head[i];
    octal(head + 148, 7, sum);
}

static Err *pad(Ctx *c, const TarOut *t, int64_t size) {
    static const char zeros[BLOCK];
    int64_t over = size % BLOCK;
    return over ? t->write(c, t->arg, str_of(zeros, (ptrdiff_t)(BLOCK - over))) : NULL;
}

/* "LENGTH path=NAME\n", whose length counts its own digits. */
static Str path_record(Arena *arena, Str name) {
    ptrdiff_t rest = name.len + 7, length = rest + 1;
    for (ptrdiff_t n = length; n > 0; n /= 10) length = rest + strf(arena, "%td", length).len;
    return strf(arena, "%td path=%.*s\n", length, S_ARG(name));
}

static Err *head_write(Ctx *c, const TarOut *t, Str name, int64_t size, Time at) {
    char head[BLOCK];
    assert(name.len > 0 && size >= 0);
    if (!name_plain(name)) {
        Str record = path_record(c->arena, name);
        head_fill(head, S("PaxHeader"), record.len, at, 'x');
        TRY(t->write(c, t->arg, str_of(head, BLOCK)));
        TRY(t->write(c, t->arg, record));
        TRY(pad(c, t, record.len));
    }
    head_fill(head, name_plain(name) ? name : S("name-in-the-extended-header"), size, at, '0');
    return t->write(c, t->arg, str_of(head, BLOCK));
}

Err *tar_add(Ctx *c, const TarOut *t, Str name, Str bytes, Time at) {
    TRY(head_write(c, t, name, bytes.len, at));
    if (bytes.len > 0) TRY(t->write(c, t->arg, bytes));
    return pad(c, t, bytes.len);
}

Err *tar_add_file(Ctx *c, const TarOut *t, Str name, int fd, int64_t size, Time at) {
    char *piece = arena_bytes(c->arena, PIECE);
    TRY(head_write(c, t, name, size, at));
    for (int64_t done = 0; done < size;) {
        ptrdiff_t n;
        TRY(file_read(c, fd, piece, (ptrdiff_t)min_i64(PIECE, size - done), done, &n));
        if (n == 0) FAIL(c, INTERNAL, "A file became shorter while it was read.");
        TRY(t->write(c, t->arg, str_of(piece, n)));
        done += n;
    }
    return pad(c, t, size);
}

Err *tar_end(Ctx *c, const TarOut *t) {
    static const char zeros[2 * BLOCK];
    return t->write(c, t->arg, str_of(zeros, sizeof zeros));
}
