/* SPDX-License-Identifier: Apache-2.0
 * Assistants: how a tenant's contacts are answered. `handoff` is checked here when it is written, and
 * read by handoff.h, which says what may stand in it. */
#ifndef SOCLE_SYLION_ASSISTANTS_H
#define SOCLE_SYLION_ASSISTANTS_H

#include "products/sylion/records.h"
#include "products/sylion/scope.h"

/* One of the tenant's that is not deleted. NOT_FOUND ASSISTANT_NOT_FOUND. */
MUST_USE Err *assistant_load(Ctx *c, const Scope *s, Str id, Assistant *out);
MUST_USE Err *assistant_load_by_n(Ctx *c, const Scope *s, Id n, Assistant *out);

/* INVALID for a handoff that handoff.h would not read as it is meant. */
MUST_USE Err *handoff_check(Ctx *c, JsonText handoff);

/* Texts as a JSON list: a column of lists. */
JsonText texts_json(Ctx *c, StrList names);

#endif
