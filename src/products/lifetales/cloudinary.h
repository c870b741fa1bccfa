/* SPDX-License-Identifier: Apache-2.0
 * Cloudinary: pictures that are served by its CDN. CLOUDINARY_URL is cloudinary://KEY:SECRET@CLOUD, as its own
 * libraries take it, with ?upload_prefix=https://… for another place to upload to. */
#ifndef SOCLE_LIFETALES_CLOUDINARY_H
#define SOCLE_LIFETALES_CLOUDINARY_H

#include "core/err.h"

/* Is there an account? */
bool cloudinary_on(void);
/* Upload under a name (the same again is the same picture), signed; *url: its https address. Waits, 15 s at
 * most. NOT_CONFIGURED for an address that is none or keys that are refused; else UPSTREAM, TIMEOUT. */
MUST_USE Err *cloudinary_put(Ctx *c, Str name, Str bytes, Str mime_type, Str *url);

#endif
