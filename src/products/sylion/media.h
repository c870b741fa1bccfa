/* SPDX-License-Identifier: Apache-2.0
 * Media: files that a tenant may send and look at: those it has put here, and those of its messages and
 * documents. A hash alone opens nothing: bytes are stored once for all, and whoever names some must
 * have a row that says that they are his. */
#ifndef SOCLE_SYLION_MEDIA_H
#define SOCLE_SYLION_MEDIA_H

#include "products/sylion/scope.h"

/* What a caller wants to attach to a message: NULL when it names no bytes, or the tenant's own.
 * INVALID for `media.blob` else; another tenant's bytes answer like bytes that are not there. */
MUST_USE Err *media_check(Ctx *c, const Scope *s, JsonText media);

extern const Route media_routes[];

#endif
