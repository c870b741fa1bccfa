/* SPDX-License-Identifier: Apache-2.0
 * Picture files by their containers. Each is walked to its end, part by part; a part that reaches beyond
 * the file is what is wrong with it. What is copied is a list of what is needed, never all but some. */
#include "products/lifetales/picture.h"

#include <zlib.h>

typedef struct Walk {
    const unsigned char *from;
    ptrdiff_t len, at;
    unsigned char *to;
    Picture *p;
} Walk;

static void keep(Walk *w, ptrdiff_t from, ptrdiff_t len) {
    memcpy(w->to + w->p->size, w->from + from, (size_t)len);
    w->p->size += len;
}

static uint32_t be16(const unsigned char *p) { return (uint32_t)p[0] << 8 | p[1]; }
static uint32_t be32(const unsigned char *p) { return be16(p) << 16 | be16(p + 2); }
static uint32_t le16(const unsigned char *p) { return (uint32_t)p[1] << 8 | p[0]; }
static uint32_t le24(const unsigned char *p) { return le16(p) | (uint32_t)p[2] << 16; }
static uint32_t le32(const unsigned char *p) { return le16(p + 2) << 16 | le16(p); }

static void wrong(Walk *w, const char *why) {
    if (!w->p->wrong) w->p->wrong = why;
}

/* -- EXIF: one number of it -------------------------------------------------------------------- */

static int exif_orientation(const unsigned char *p, ptrdiff_t len) {
    if (len >= 6 && memcmp(p, "Exif\0\0", 6) == 0) {
        p += 6;
        len -= 6;
    }
    if (len < 8) return 1;
    bool little = p[0] == 'I';
    uint32_t first = little ? le32(p + 4) : be32(p + 4);
    if (first > (uint32_t)len - 2) return 1;
    uint32_t entries = little ? le16(p + first) : be16(p + first);
    for (uint32_t i = 0; i < entries; i++) {
        ptrdiff_t at = (ptrdiff_t)first + 2 + 12 * (ptrdiff_t)i;
        if (at + 12 > len) return 1;
        if ((little ? le16(p + at) : be16(p + at)) != 0x0112) continue;
        uint32_t value = little ? le16(p + at + 8) : be16(p + at + 8);
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

/* -- JPEG -------------------------------------------------------------------------------------- */

static bool jpeg_has_size(int marker) {
    return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

/* What decoding needs: tables and frames (0xC0 to 0xDD but what stands alone), JFIF, a colour profile,
 * Adobe's word on colours. */
static bool jpeg_keeps(const unsigned char *body, ptrdiff_t len, int marker) {
    if (marker >= 0xC0 && marker <= 0xDD) return true;
    if (marker == 0xE0) return len >= 5 && memcmp(body, "JFIF", 5) == 0;
    if (marker == 0xE2) return len >= 12 && memcmp(body, "ICC_PROFILE", 12) == 0;
    return marker == 0xEE && len >= 5 && memcmp(body, "Adobe", 5) == 0;
}

/* Behind the head of a scan: its data, to the next marker. */
static void jpeg_scan(Walk *w) {
    ptrdiff_t from = w->at;
    while (w->at + 1 < w->len) {
        const unsigned char *next = memchr(w->from + w->at, 0xFF, (size_t)(w->len - w->at - 1));
        if (!next) break;
        w->at = next - w->from;
        int byte = next[1];
        if (byte != 0 && byte != 0xFF && !(byte >= 0xD0 && byte <= 0xD7)) {
            keep(w, from, w->at - from);
            return;
        }
        w->at += byte == 0xFF ? 1 : 2;
    }
    w->at = w->len;
    wrong(w, "it ends before the picture does");
}

static void jpeg_segment(Walk *w, int marker, ptrdiff_t len) {
    const unsigned char *body = w->from + w->at + 4;
    if (jpeg_has_size(marker)) {
        if (len < 6) {
            wrong(w, "its frame has no size");
            return;
        }
        if (w->p->width) wrong(w, "it has two frames");
        w->p->height = be16(body + 1);
        w->p->width = be16(body + 3);
    }
    if (marker == 0xE1 && len >= 6 && memcmp(body, "Exif\0", 5) == 0)
        w->p->orientation = exif_orientation(body, len);
    if (!jpeg_keeps(body, len, marker)) return;
    if (marker == 0xE2) { /* they follow each other */
        if (!w->p->colour.data) w->p->colour.data = (const char *)w->to + w->p->size;
        w->p->colour.len += len + 4;
    }
    keep(w, w->at, len + 4);
}

static void jpeg_walk(Walk *w) {
    keep(w, 0, 2);
    w->at = 2;
    while (!w->p->wrong) {
        while (w->at + 1 < w->len && w->from[w->at] == 0xFF && w->from[w->at + 1] == 0xFF) w->at++;
        if (w->at + 2 > w->len || w->from[w->at] != 0xFF) {
            wrong(w, "it ends before the picture does");
            return;
        }
        int marker = w->from[w->at + 1];
        if (marker == 0xD9) {
            keep(w, w->at, 2);
            return;
        }
        ptrdiff_t len = w->at + 4 <= w->len ? (ptrdiff_t)be16(w->from + w->at + 2) - 2 : -1;
        if (len < 0 || w->at + 4 + len > w->len) {
            wrong(w, "a part of it reaches beyond its end");
            return;
        }
        jpeg_segment(w, marker, len);
        w->at += 4 + len;
        if (marker == 0xDA) jpeg_scan(w);
    }
}

/* -- PNG --------------------------------------------------------------------------------------- */

static bool png_keeps(const unsigned char *name) {
    static const char names[] = "IHDRPLTEIDATIENDtRNSgAMAcHRMsRGBiCCPcICPsBITbKGDpHYsacTLfcTLfdAT";
    for (ptrdiff_t i = 0; i + 4 < COUNT(names); i += 4)
        if (memcmp(names + i, name, 4) == 0) return true;
    return false;
}

/* A colour profile is packed, and whoever shows the picture unpacks it: one that becomes larger than any
 * real one is left out. */
static bool png_profile_fits(const unsigned char *body, ptrdiff_t len) {
    enum { PROFILE_MAX = 4 * 1024 * 1024, NAME_MAX_BYTES = 79, METHOD = 1 };
    const unsigned char *end = memchr(body, 0, (size_t)min_i64(len, NAME_MAX_BYTES + 1));
    if (!end || end + 1 + METHOD >= body + len) return false;
    unsigned char out[16 * 1024];
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)(end + 1 + METHOD),
                  .avail_in = (uInt)(body + len - (end + 1 + METHOD))};
    if (inflateInit(&z) != Z_OK) return false;
    int state = Z_OK;
    while (state == Z_OK && z.total_out <= PROFILE_MAX) {
        z.next_out = out;
        z.avail_out = sizeof out;
        state = inflate(&z, Z_NO_FLUSH);
    }
    bool fits = state == Z_STREAM_END && z.total_out <= PROFILE_MAX;
    inflateEnd(&z);
    return fits;
}

static void png_walk(Walk *w) {
    keep(w, 0, 8);
    w->at = 8;
    while (!w->p->wrong) {
        if (w->at + 12 > w->len) {
            wrong(w, "it ends before the picture does");
            return;
        }
        const unsigned char *chunk = w->from + w->at, *name = chunk + 4;
        uint32_t len = be32(chunk);
        if (len > 0x7FFFFFFF || (int64_t)len + 12 > w->len - w->at) {
            wrong(w, "a part of it reaches beyond its end");
            return;
        }
        if (crc32(0, name, (uInt)len + 4) != be32(chunk + 8 + len)) {
            wrong(w, "a part of it is damaged");
            return;
        }
        if (memcmp(name, "IHDR", 4) == 0 && len >= 8) {
            w->p->width = be32(chunk + 8);
            w->p->height = be32(chunk + 12);
        }
        if (memcmp(name, "eXIf", 4) == 0)
            w->p->orientation = exif_orientation(chunk + 8, (ptrdiff_t)len);
        bool profile = memcmp(name, "iCCP", 4) == 0;
        bool keeps = png_keeps(name) && (!profile || png_profile_fits(chunk + 8, (ptrdiff_t)len));
        if (keeps) keep(w, w->at, (ptrdiff_t)len + 12);
        w->at += (ptrdiff_t)len + 12;
        if (memcmp(name, "IEND", 4) == 0) return;
    }
}

/* -- WebP -------------------------------------------------------------------------------------- */

static void webp_size(Walk *w, const unsigned char *name, const unsigned char *body,
                      ptrdiff_t len) {
    Picture *p = w->p;
    if (memcmp(name, "VP8X", 4) == 0 && len >= 10) {
        p->width = (int64_t)le24(body + 4) + 1;
        p->height = (int64_t)le24(body + 7) + 1;
    } else if (memcmp(name, "VP8 ", 4) == 0 && len >= 10) {
        p->width = max_i64(p->width, le16(body + 6) & 0x3FFF);
        p->height = max_i64(p->height, le16(body + 8) & 0x3FFF);
    } else if (memcmp(name, "VP8L", 4) == 0 && len >= 5) {
        uint32_t bits = le32(body + 1);
        p->width = max_i64(p->width, (int64_t)(bits & 0x3FFF) + 1);
        p->height = max_i64(p->height, (int64_t)(bits >> 14 & 0x3FFF) + 1);
    }
}

static bool webp_keeps(const unsigned char *name) {
    static const char names[] = "VP8XVP8 VP8LALPHANIMANMFICCP";
    for (ptrdiff_t i = 0; i + 4 < COUNT(names); i += 4)
        if (memcmp(names + i, name, 4) == 0) return true;
    return false;
}

static void webp_walk(Walk *w) {
    enum { HAS_EXIF = 0x08, HAS_XMP = 0x04 };
    ptrdiff_t end = (ptrdiff_t)le32(w->from + 4) + 8;
    if (end > w->len || end < 12) {
        wrong(w, "it ends before the picture does");
        return;
    }
    keep(w, 0, 12);
    for (w->at = 12; w->at + 8 <= end && !w->p->wrong;) {
        const unsigned char *chunk = w->from + w->at;
        ptrdiff_t len = (ptrdiff_t)le32(chunk + 4), whole = 8 + len + (len & 1);
        if (whole > end - w->at) {
            if (8 + len != end - w->at) wrong(w, "a part of it reaches beyond its end");
            whole = end - w->at;
        }
        webp_size(w, chunk, chunk + 8, len);
        if (memcmp(chunk, "EXIF", 4) == 0) w->p->orientation = exif_orientation(chunk + 8, len);
        if (!w->p->wrong && webp_keeps(chunk)) {
            ptrdiff_t at = w->p->size;
            keep(w, w->at, whole);
            if (memcmp(chunk, "VP8X", 4) == 0 && len >= 1)
                w->to[at + 8] &= (unsigned char)~(HAS_EXIF | HAS_XMP);
        }
        w->at += whole;
    }
    uint32_t size = (uint32_t)w->p->size - 8;
    for (int i = 0; i < 4; i++) w->to[4 + i] = (unsigned char)(size >> (8 * i));
}

/* -- GIF --------------------------------------------------------------------------------------- */

/* Behind the sub-blocks that begin at `at`, or -1. */
static ptrdiff_t gif_blocks(const Walk *w, ptrdiff_t at) {
    while (at < w->len && w->from[at] != 0) at += 1 + w->from[at];
    return at < w->len ? at + 1 : -1;
}

static ptrdiff_t gif_table(int flags) {
    return flags & 0x80 ? (ptrdiff_t)3 << ((flags & 7) + 1) : 0;
}

/* Animations that repeat say so in an extension of this name. */
static bool gif_keeps(const Walk *w, ptrdiff_t at) {
    int label = w->from[at + 1];
    if (label == 0xF9) return true;
    return label == 0xFF && at + 14 <= w->len && w->from[at + 2] == 11 &&
           (memcmp(w->from + at + 3, "NETSCAPE2.0", 11) == 0 ||
            memcmp(w->from + at + 3, "ANIMEXTS1.0", 11) == 0);
}

static void gif_walk(Walk *w) {
    ptrdiff_t head = w->len >= 13 ? 13 + gif_table(w->from[10]) : 0;
    if (head == 0 || head > w->len) {
        wrong(w, "it ends before the picture does");
        return;
    }
    w->p->width = le16(w->from + 6);
    w->p->height = le16(w->from + 8);
    keep(w, 0, head);
    for (w->at = head; w->at < w->len;) {
        int byte = w->from[w->at];
        ptrdiff_t end = -1;
        if (byte == 0x3B) {
            keep(w, w->at, 1);
            return;
        }
        if (byte == 0x21 && w->at + 2 < w->len) end = gif_blocks(w, w->at + 2);
        if (byte == 0x2C && w->at + 10 < w->len)
            end = gif_blocks(w, w->at + 10 + gif_table(w->from[w->at + 9]) + 1);
        if (end < 0) break;
        if (byte == 0x2C || gif_keeps(w, w->at)) keep(w, w->at, end - w->at);
        w->at = end;
    }
    wrong(w, "it ends before the picture does");
}

/* -- all --------------------------------------------------------------------------------------- */

PictureKind picture_kind(Str b) {
    const unsigned char *p = (const unsigned char *)b.data;
    if (b.len >= 4 && memcmp(p, "\xFF\xD8\xFF", 3) == 0) return PICTURE_JPEG;
    if (b.len >= 8 && memcmp(p, "\x89PNG\r\n\x1A\n", 8) == 0) return PICTURE_PNG;
    if (b.len >= 12 && memcmp(p, "RIFF", 4) == 0 && memcmp(p + 8, "WEBP", 4) == 0)
        return PICTURE_WEBP;
    if (b.len >= 6 && (memcmp(p, "GIF87a", 6) == 0 || memcmp(p, "GIF89a", 6) == 0))
        return PICTURE_GIF;
    return PICTURE_NONE;
}

const char *picture_mime(PictureKind kind) {
    static const char *const mimes[] = {
        [PICTURE_NONE] = "application/octet-stream",
        [PICTURE_JPEG] = "image/jpeg",
        [PICTURE_PNG] = "image/png",
        [PICTURE_WEBP] = "image/webp",
        [PICTURE_GIF] = "image/gif",
    };
    return mimes[kind];
}

Picture picture_clean(Str bytes, char *to) {
    Picture p = {.kind = picture_kind(bytes), .orientation = 1};
    Walk w = {.from = (const unsigned char *)bytes.data,
              .len = bytes.len,
              .to = (unsigned char *)to,
              .p = &p};
    switch (p.kind) {
    case PICTURE_JPEG: jpeg_walk(&w); break;
    case PICTURE_PNG: png_walk(&w); break;
    case PICTURE_WEBP: webp_walk(&w); break;
    case PICTURE_GIF: gif_walk(&w); break;
    case PICTURE_NONE: p.wrong = "it is no picture"; break;
    }
    if (!p.wrong && (p.width <= 0 || p.height <= 0)) p.wrong = "it has no size";
    assert(p.size <= bytes.len);
    return p;
}
