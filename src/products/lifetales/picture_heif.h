/* SPDX-License-Identifier: Apache-2.0
 * HEIC and AVIF: what `socle picture` does, a process of its own that the server starts with limits of
 * memory and time: libheif and the decoders behind it are much C++ and C that reads what strangers send,
 * and must not do so among everybody's rows and keys. */
#ifndef SOCLE_LIFETALES_PICTURE_HEIF_H
#define SOCLE_LIFETALES_PICTURE_HEIF_H

#include "core/base.h"

enum { PICTURE_SIDE_MAX = 32000, PICTURE_POINTS_MAX = 80 * 1000 * 1000 };

/* From descriptor 3 the picture; to 4 its points, upright, three bytes each, row by row; to 5 its colours'
 * profile, if it has one. On standard output "WIDTH HEIGHT", as soon as they are known. 0, or an exit code
 * with the reason on standard error. */
int picture_heif_main(void);

#endif
