/* SPDX-License-Identifier: Apache-2.0
 * Picture: a picture file's outside: what it is, how large, which way up, and the same without what
 * cameras and programs wrote into it (EXIF with positions, XMP, IPTC, comments, what follows its end).
 * The pixels are not touched, and not looked at. JPEG, PNG, WebP, GIF; colour profiles stay. Pure. */
#ifndef SOCLE_LIFETALES_PICTURE_H
#define SOCLE_LIFETALES_PICTURE_H

#include "core/str.h"

typedef enum PictureKind {
    PICTURE_NONE,
    PICTURE_JPEG,
    PICTURE_PNG,
    PICTURE_WEBP,
    PICTURE_GIF
} PictureKind;

typedef struct Picture {
    PictureKind kind;
    int64_t width, height;
    int orientation;   /* 1..8, as EXIF counts; 1: upright */
    Str colour;        /* of a JPEG: the segments of its colour profile, as they stand */
    ptrdiff_t size;    /* of the clean bytes */
    const char *wrong; /* NULL: nothing */
} Picture;

PictureKind picture_kind(Str bytes); /* by its first bytes */
const char *picture_mime(PictureKind kind);
/* to: room for bytes.len; gets the clean picture. */
Picture picture_clean(Str bytes, char *to);

#endif
