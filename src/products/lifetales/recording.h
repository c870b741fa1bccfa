/* SPDX-License-Identifier: Apache-2.0
 * Recording: the outside of a recording or video: where what holds it begins and ends, and the same
 * without what devices and programs wrote beside the sound (positions, names, dates, covers, tracks of
 * a GPS). Sound and pictures stay as they are, byte for byte and at their places: what goes is
 * overwritten as free room of the same size, or cut off where it stands before or behind everything.
 * What is kept is a list of what playing needs, never all but some. Pure. */
#ifndef SOCLE_LIFETALES_RECORDING_H
#define SOCLE_LIFETALES_RECORDING_H

#include "core/str.h"

typedef enum RecordingKind {
    RECORDING_MATROSKA, /* and WebM */
    RECORDING_OGG,
    RECORDING_BOXES, /* MP4, M4A, MOV, 3GP */
    RECORDING_WAV,
    RECORDING_AIFF,
    RECORDING_CAF,
    RECORDING_FLAC,
    RECORDING_FRAMES /* MP3, AAC, AMR: nothing around the sound but tags at both ends */
} RecordingKind;

typedef struct Recording {
    ptrdiff_t size;    /* what is left: tags behind the sound are cut off */
    const char *wrong; /* NULL: nothing */
} Recording;

/* Where a recording begins behind tags of ID3; bytes.len: it is nothing but them. */
ptrdiff_t recording_begin(Str bytes);
/* In place, from there. */
Recording recording_clean(RecordingKind kind, char *bytes, ptrdiff_t len);

#endif
