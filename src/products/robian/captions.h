/* SPDX-License-Identifier: Apache-2.0
 * A transcript as subtitles and text. Only what has a time is a subtitle; long speeches are cut where
 * sentences end, each part at its share of the speech's time. */
#ifndef SOCLE_ROBIAN_CAPTIONS_H
#define SOCLE_ROBIAN_CAPTIONS_H

#include "core/buf.h"
#include "products/robian/speech.h"

enum { CAPTION_MAX = 180 }; /* bytes of one, about two lines; a single longer word is cut */

/* WebVTT (W3C) with <v Speaker>; SubRip, UTF-8; Podcasting 2.0's transcript JSON. */
void captions_vtt(Buf *b, const Speech *speeches, ptrdiff_t count);
void captions_srt(Buf *b, const Speech *speeches, ptrdiff_t count);
void captions_podcast(Buf *b, const Speech *speeches, ptrdiff_t count);
/* The whole of it, to be read: "[1:02:03] Mme Ana B, ministre : …". */
void captions_text(Buf *b, Str heading, const Speech *speeches, ptrdiff_t count);

/* The length of the first part of a text that is not longer than max bytes, cut behind a sentence, else
 * behind a word. */
ptrdiff_t caption_cut(Str text, ptrdiff_t max);

#endif
