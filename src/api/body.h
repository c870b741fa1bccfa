/* SPDX-License-Identifier: Apache-2.0
 * For handlers that read their body themselves (Route.in_raw), and find that it is JSON after all. */
#ifndef SOCLE_API_BODY_H
#define SOCLE_API_BODY_H

#include "api/route.h"

/* The body as the router reads it for Route.in: *in, a struct of `record`, in c's arena. Long base64 of
 * its fields is in the sheet of the request: see net/body_parts.h. */
MUST_USE Err *call_read(Ctx *c, Call *k, const Record *record, ReadMode mode, void *in,
                        FieldSet *present);

#endif
