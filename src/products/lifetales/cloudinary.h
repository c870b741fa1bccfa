/* SPDX-License-Identifier: Apache-2.0
 * Cloudinary: pictures that are served by its CDN. CLOUDINARY_URL is cloudinary://KEY:SECRET@CLOUD, as its own
 * libraries take it, with ?upload_prefix=https://… for another place to upload to. */
#ifndef SOCLE_LIFETALES_CLOUDINARY_H
#define SOCLE_LIFETALES_CLOUDINARY_H

#include "core/err.h"

/* Is there an account? */
bool cloudinary_on(void);
/* NOT_CONFIGURED, with the form it should have, for an address that is none. Does not wait. */
MUST_USE Err *cloudinary_check(Ctx *c);
/* Upload under a name (the same again is the same picture), signed; *url: its https address. Waits, 15 s at
 * most. NOT_CONFIGURED for an address that is none or keys that are refused; else UPSTREAM, TIMEOUT. */
MUST_USE Err *cloudinary_put(Ctx *c, Str name, Str bytes, Str mime_type, Str *url);
/* Take it away there too, from its caches as well; absent is good. The same errors. */
MUST_USE Err *cloudinary_remove(Ctx *c, Str name);

#endif
