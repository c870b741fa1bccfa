/* SPDX-License-Identifier: Apache-2.0
 * Recordings by their containers: those that are a row of chunks, and tags around bare frames. The
 * others: recording_boxes.c, recording_matroska.c, recording_ogg.c. */
#include "products/lifetales/recording.h"

#include "products/lifetales/recording_room.h"

/* -- tags before and behind -------------------------------------------------------------------- */

/* Bytes of a tag of ID3v2 that begins here; 0: none does. */
static ptrdiff_t id3_size(const unsigned char *p, ptrdiff_t len) {
    enum { HEAD = 10, HAS_FOOTER = 0x10 };
    if (len < HEAD || memcmp(p, "ID3", 3) != 0) return 0;
    if ((p[6] | p[7] | p[8] | p[9]) & 0x80) return 0;
    ptrdiff_t size = (ptrdiff_t)p[6] << 21 | p[7] << 14 | p[8] << 7 | p[9];
    return min_size(len, HEAD + size + (p[5] & HAS_FOOTER ? HEAD : 0));
}

ptrdiff_t recording_begin(Str bytes) {
    const unsigned char *p = (const unsigned char *)bytes.data;
    ptrdiff_t at = 0;
    for (ptrdiff_t size = 1; size > 0; at += size) size = id3_size(p + at, bytes.len - at);
    return at;
}

/* Bytes of the tag that ends at len; 0: none does. */
static ptrdiff_t tag_behind(const unsigned char *p, ptrdiff_t len) {
    enum { ID3_OLD = 128, APE = 32, LYRICS = 9, LYRICS_DIGITS = 6 };
    const unsigned char *end = p + len;
    if (len >= ID3_OLD && memcmp(end - ID3_OLD, "TAG", 3) == 0) return ID3_OLD;
    if (len >= APE && memcmp(end - APE, "APETAGEX", 8) == 0) {
        bool has_head = read_le32(end - 12) >> 31;
        return (ptrdiff_t)read_le32(end - 20) + (has_head ? APE : 0);
    }
    if (len >= LYRICS + LYRICS_DIGITS && memcmp(end - LYRICS, "LYRICS200", LYRICS) == 0) {
        int64_t size;
        Str digits = str_of((const char *)end - LYRICS - LYRICS_DIGITS, LYRICS_DIGITS);
        return str_to_i64(digits, &size) && size > 0 ? (ptrdiff_t)size + LYRICS + LYRICS_DIGITS : 0;
    }
    if (len >= 10 && memcmp(end - 10, "3DI", 3) == 0) {
        const unsigned char *s = end - 4;
        return 20 + ((ptrdiff_t)(s[0] & 0x7F) << 21 | (s[1] & 0x7F) << 14 | (s[2] & 0x7F) << 7 |
                     (s[3] & 0x7F));
    }
    return 0;
}

static ptrdiff_t tags_cut(const unsigned char *p, ptrdiff_t len) {
    for (;;) {
        ptrdiff_t size = tag_behind(p, len);
        if (size <= 0 || size > len) return len;
        len -= size;
    }
}

/* -- rows of chunks ---------------------------------------------------------------------------- */

/* A chunk: four letters, its size, its body. */
typedef struct Chunks {
    ptrdiff_t first, body;     /* where the first one is, and in each its body */
    bool little, wide, padded; /* its size: which way round, of 8 bytes; bodies of even sizes */
    const char *kept;          /* names */
    const char *sound;         /* of these, the one that may have no size */
    const char *room;          /* the name of a chunk that is nothing */
} Chunks;

static const Chunks chunks_wav = {12, 8, true, false, true, "fmt datafactcue smpl", "data", "JUNK"},
                    chunks_aiff = {12, 8, false, false, true, "COMMSSNDFVERwave", "SSND", "JUNK"},
                    chunks_caf = {8,      12,    false, true, false, "descdatapaktkukichan",
                                  "data", "free"};

static bool is_among(const char *names, const unsigned char *name) {
    for (; *names; names += 4)
        if (memcmp(names, name, 4) == 0) return true;
    return false;
}

static const char *chunks_clean(const Chunks *how, unsigned char *p, ptrdiff_t len) {
    for (ptrdiff_t at = how->first; at + how->body <= len;) {
        unsigned char *chunk = p + at;
        int64_t size = how->wide     ? (int64_t)read_be64(chunk + 4)
                       : how->little ? read_le32(chunk + 4)
                                     : read_be32(chunk + 4);
        bool sound = memcmp(chunk, how->sound, 4) == 0;
        int64_t left = len - at - how->body;
        if (size < 0 || size > left || (sound && size == 0)) {
            if (sound) return NULL; /* as programs write that cannot go back: to the end */
            size = left;
        }
        if (!is_among(how->kept, chunk)) {
            memcpy(chunk, how->room, 4);
            memset(chunk + how->body, 0, (size_t)size);
        }
        at += how->body + (ptrdiff_t)size + (how->padded ? size & 1 : 0);
    }
    return NULL;
}

static const char *flac_clean(unsigned char *p, ptrdiff_t len) {
    enum { STREAMINFO, PADDING, APPLICATION, SEEKTABLE, LAST = 0x80 };
    for (ptrdiff_t at = 4; at + 4 <= len;) {
        int kind = p[at] & ~LAST;
        bool last = p[at] & LAST;
        ptrdiff_t size = (ptrdiff_t)(read_be32(p + at) & 0xFFFFFF);
        if (size > len - at - 4) return RECORDING_REACHES;
        if (kind != STREAMINFO && kind != SEEKTABLE) {
            p[at] = (unsigned char)(PADDING | (last ? LAST : 0));
            memset(p + at + 4, 0, (size_t)size);
        }
        if (last) return NULL;
        at += 4 + size;
    }
    return "it ends before its sound begins";
}

/* -- all --------------------------------------------------------------------------------------- */

static const char *inside_clean(RecordingKind kind, unsigned char *p, ptrdiff_t len) {
    switch (kind) {
    case RECORDING_MATROSKA: return recording_matroska(p, len);
    case RECORDING_OGG: return recording_ogg(p, len);
    case RECORDING_BOXES: return recording_boxes(p, len);
    case RECORDING_WAV: return chunks_clean(&chunks_wav, p, len);
    case RECORDING_AIFF: return chunks_clean(&chunks_aiff, p, len);
    case RECORDING_CAF: return chunks_clean(&chunks_caf, p, len);
    case RECORDING_FLAC: return flac_clean(p, len);
    case RECORDING_FRAMES: break;
    }
    return NULL;
}

Recording recording_clean(RecordingKind kind, char *bytes, ptrdiff_t len) {
    unsigned char *p = (unsigned char *)bytes;
    Recording r = {.size = len};
    assert(bytes && len >= 0);
    if (kind == RECORDING_FRAMES || kind == RECORDING_FLAC) r.size = tags_cut(p, len);
    r.wrong = inside_clean(kind, p, r.size);
    assert(0 <= r.size && r.size <= len);
    return r;
}
