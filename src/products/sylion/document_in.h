/* SPDX-License-Identifier: Apache-2.0
 * How a document comes in: a file in a form, an address to fetch it from, or a text. Its bytes go to
 * the blob store as they come; nothing of it is understood here but its size and what it seems to be. */
#ifndef SOCLE_SYLION_DOCUMENT_IN_H
#define SOCLE_SYLION_DOCUMENT_IN_H

#include "net/http.h"
#include "products/sylion/knowledge.h"

/* Read the request's body into *in (knowledge_base_id is left as it is). INVALID with what is wrong
 * with which member; TOO_LARGE; MEDIA_TYPE; RATE_LIMITED QUOTA_EXCEEDED where it plainly cannot fit. */
MUST_USE Err *document_take(Ctx *c, const Scope *s, Req *q, DocumentIn *in);
/* The same of a file of this machine, open at fd; its name is the last part of path. INVALID also where
 * it cannot be read; TOO_LARGE. */
MUST_USE Err *document_take_file(Ctx *c, int fd, Str path, DocumentIn *in);

#endif
