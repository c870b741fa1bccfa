/* SPDX-License-Identifier: Apache-2.0
 * A tar file, written as it goes: each file's size is said before its bytes, and nothing is kept. Names are
 * UTF-8 (POSIX's extended headers where they are long or not ASCII), so that every tar reads them. */
#ifndef SOCLE_LIFETALES_EXPORT_TAR_H
#define SOCLE_LIFETALES_EXPORT_TAR_H

#include "core/err.h"
#include "core/time.h"

typedef struct TarOut {
    Err *(*write)(Ctx *c, void *arg, Str bytes);
    void *arg;
} TarOut;

MUST_USE Err *tar_add(Ctx *c, const TarOut *t, Str name, Str bytes, Time at);
/* Exactly `size` bytes of an open file. INTERNAL where it has fewer. */
MUST_USE Err *tar_add_file(Ctx *c, const TarOut *t, Str name, int fd, int64_t size, Time at);
MUST_USE Err *tar_end(Ctx *c, const TarOut *t);

#endif
