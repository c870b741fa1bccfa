/* SPDX-License-Identifier: Apache-2.0
 * Album: a person's media: recordings, pictures, videos. Bytes are blobs, known by their content; a row
 * says whose they are. Pictures are checked, turned upright and stripped of what cameras write into them
 * (EXIF and its positions) before they are stored; recordings are looked at (is it sound, how long), and
 * stripped of what devices write beside the sound.
 *
 * Addresses are /api/media/{id}?expires=…&signature=…: whoever has one may read until then, which is
 * what <img> and <audio> need; without a signature only its owner. Calls marked (tx) belong into a
 * transaction; all wait. */
#ifndef SOCLE_LIFETALES_ALBUM_H
#define SOCLE_LIFETALES_ALBUM_H

#include "data/blob.h"
#include "net/http.h"
#include "products/lifetales/records.h"

/* What bytes are, by themselves: `declared` is believed in nothing but the choice between audio and video
 * of one container. UNSUPPORTED for what is neither picture, recording nor video; INVALID for one that
 * is broken; TOO_LARGE over the settings' limits (bytes, seconds, megapixels). Not stored yet. */
typedef struct Looked {
    Str mime_type, kind; /* audio, image, video */
    Str bytes;           /* to be stored: without what devices wrote into it */
    OptInt width, height, duration_ms;
} Looked;
MUST_USE Err *album_look(Ctx *c, Str bytes, Str declared, Looked *out);

/* Stored (before the transaction), then (tx) the person's: the same bytes again are the same row. */
MUST_USE Err *album_put(Ctx *c, const Looked *looked, Str *sha256);
MUST_USE Err *album_add(Ctx *c, Id user, const Looked *looked, Str sha256, Str made, Str name,
                        Media *out);
/* Both for bytes that the program made. */
MUST_USE Err *album_keep(Ctx *c, Id user, Str bytes, Str mime_type, Str made, Media *out);

MUST_USE Err *album_load(Ctx *c, Id user, Str id, Media *out); /* NOT_FOUND */
MUST_USE Err *album_load_n(Ctx *c, Id user, Id n, Media *out);
MUST_USE Err *album_bytes(Ctx *c, const Media *media, Str *out); /* whole, in c's arena */
/* Its signed address, good for at least half of LIFETALES_MEDIA_URL_S, and the same for that long. */
Str album_url(Ctx *c, Str media_id);
/* Base64 of q's body (NULL: of elsewhere), with or without a data: URL around it, whose type is then
 * *mime (else null). INVALID. Large bytes lie in a file that has no name, until c ends: long texts came
 * there while they were read (net/body_parts.h). */
MUST_USE Err *album_decode(Ctx *c, const Req *q, Str base64, Str *bytes, Str *mime);
/* A body's base64, decoded, looked at and stored, for album_add. What is wrong with the text is INVALID
 * for `field`. */
typedef struct Staged {
    Looked looked;
    Str sha256;
} Staged;
MUST_USE Err *album_stage(Ctx *c, const Req *q, Str base64, Str declared, const char *field,
                          Staged *out);
/* After the transaction, which ended with `err` (what is returned, if any): where it failed the bytes are
 * given up, else they are there still, though somebody gave them up meanwhile. */
MUST_USE Err *album_staged(Ctx *c, const Staged *staged, ptrdiff_t count, Err *err);

/* Does a row of this product name the blob? For Module.has_blob. */
MUST_USE Err *lifetales_has_blob(Ctx *c, Str hash, bool *yes);
/* (tx) The row goes, and its bytes, unless something of the person's still shows it. */
MUST_USE Err *album_drop_alone(Ctx *c, Id user, Id n, Str id, Str sha256);
/* (tx) The same for who asks for it. NOT_FOUND; CONFLICT while a note, a chapter or a cover shows it. */
MUST_USE Err *album_remove(Ctx *c, Id user, Str id);
/* (tx) The bytes may go, unless somebody has them still: asks for the job. */
MUST_USE Err *album_let_go(Ctx *c, Str sha256);

#endif
