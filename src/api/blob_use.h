/* SPDX-License-Identifier: Apache-2.0
 * Whose are the bytes of a blob? Equal bytes are stored once for all products and tenants, so what one
 * of them gives up may be another's: bytes go by blob_unused_remove only, which asks every module that
 * keeps hashes in its rows (Module.has_blob), those that PRODUCTS leaves out as well. */
#ifndef SOCLE_API_BLOB_USE_H
#define SOCLE_API_BLOB_USE_H

#include "core/err.h"

typedef Err *(*BlobHolder)(Ctx *c, Str hash, bool *yes);

/* The delay of such a job: who is about to store the same bytes, and finds them there, has so long to say in
 * a row that he has them. */
enum { BLOB_UNUSED_WAIT_MS = 60 * 1000 };

/* Once, before jobs run. The array is borrowed for good. */
void blob_holders_set(const BlobHolder *holders, ptrdiff_t count);

/* Does a row of anybody's name it? Waits on the database. */
MUST_USE Err *blob_used(Ctx *c, Str hash, bool *yes);
/* Remove it unless it is used: for a job, which whoever gives a blob up asks for in the same
 * transaction, BLOB_UNUSED_WAIT_MS later; a job each time, for one that runs has looked already. */
MUST_USE Err *blob_unused_remove(Ctx *c, Str hash);

#endif
