/* SPDX-License-Identifier: Apache-2.0
 * Export: everything a person has, as a tar file that is read without us, and by `socle import lifetales`
 * into another account or server. README.md, "Import, export, erasure", has what is in it. */
#ifndef SOCLE_LIFETALES_EXPORT_H
#define SOCLE_LIFETALES_EXPORT_H

#include "api/auth.h"
#include "api/transfer.h"
#include "products/lifetales/export_tar.h"
#include "products/lifetales/records.h"

#define EXPORT_FORMAT "lifetales-export"
enum { EXPORT_VERSION = 1 };

typedef struct TalesExport {
    Id user;
    TarOut out;
    void (*told)(void *arg); /* a file more; NULL: nobody is told */
    void *told_arg;
    int64_t spaces, notes, chapters, media, books,
        missing; /* missing: bytes that are not there any more */
} TalesExport;
/* Waits for who takes it; one thing at a time is in memory. What changes meanwhile is in it as it was when its
 * turn came. */
MUST_USE Err *tales_export(Ctx *c, TalesExport *e);
/* Whose: the account that --user names. */
MUST_USE Err *tales_user_option(Ctx *c, const Transfer *t, User *out);

#endif
