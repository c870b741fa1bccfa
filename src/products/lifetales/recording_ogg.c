/* SPDX-License-Identifier: Apache-2.0
 * Ogg: pages of one or several streams; the second packet of each has comments (where it was made, by
 * whom, its cover), which may lie over many pages. Their bytes become blanks in the name of the program
 * that made it: that is a comment packet of the same size for every reader, and no page moves. Streams
 * that are neither sound nor picture lose their content. A page that was changed gets its checksum anew. */
#include "products/lifetales/recording_room.h"

enum { STREAMS_MAX = 8, SPANS_MAX = 256, PAGE_HEAD = 27 };

typedef enum OggKind {
    OGG_OTHER,
    OGG_PLAIN,
    OGG_OPUS,
    OGG_VORBIS,
    OGG_THEORA,
    OGG_SPEEX,
    OGG_FLAC
} OggKind;

typedef struct Span {
    ptrdiff_t page, at, len;
} Span;

typedef struct Stream {
    uint32_t serial;
    OggKind kind;
    bool heads; /* its comments are still to come, or under way */
    int packet; /* the one under way */
    Span spans[SPANS_MAX];
    int span_count;
    ptrdiff_t size; /* of all spans */
} Stream;

typedef struct Ogg {
    unsigned char *p;
    ptrdiff_t len;
    Stream streams[STREAMS_MAX];
    int stream_count;
    const char *wrong;
} Ogg;

typedef struct Page {
    ptrdiff_t at, body, end;
} Page;

/* -- pages --------------------------------------------------------------------------------------- */

static uint32_t ogg_crc(const unsigned char *p, ptrdiff_t len) {
    uint32_t crc = 0, table[256];
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i << 24;
        for (int bit = 0; bit < 8; bit++)
            table[i] = table[i] << 1 ^ (table[i] & 0x80000000u ? 0x04C11DB7u : 0);
    }
    for (ptrdiff_t i = 0; i < len; i++) crc = crc << 8 ^ table[(crc >> 24 ^ p[i]) & 0xFF];
    return crc;
}

static ptrdiff_t page_end(const Ogg *o, ptrdiff_t at) {
    const unsigned char *p = o->p + at;
    ptrdiff_t end = at + PAGE_HEAD + p[26];
    if (end > o->len) return -1;
    for (int i = 0; i < p[26]; i++) end += p[PAGE_HEAD + i];
    return end <= o->len ? end : -1;
}

static void page_seal(const Ogg *o, ptrdiff_t at) {
    ptrdiff_t end = page_end(o, at);
    assert(end > at);
    write_le32(o->p + at + 22, 0);
    write_le32(o->p + at + 22, ogg_crc(o->p + at, end - at));
}

/* The page at *at or behind it, which then is behind that one. What is between pages is blanked, and so
 * is one that the file's end cuts. */
static bool page_next(Ogg *o, ptrdiff_t *at, Page *page) {
    ptrdiff_t from = *at, next = from;
    for (; next + PAGE_HEAD <= o->len; next++) {
        if (memcmp(o->p + next, "OggS", 4) == 0 && page_end(o, next) > 0) break;
        const unsigned char *more = memchr(o->p + next + 1, 'O', (size_t)(o->len - next - 1));
        next = (more ? more - o->p : o->len) - 1;
    }
    bool found = next + PAGE_HEAD <= o->len;
    if (!found) next = o->len;
    memset(o->p + from, 0, (size_t)(next - from));
    if (!found) return false;
    *page = (Page){next, next + PAGE_HEAD + o->p[next + 26], page_end(o, next)};
    *at = page->end;
    return true;
}

/* -- comments ------------------------------------------------------------------------------------ */

static void stream_put(const Ogg *o, const Stream *s, ptrdiff_t at, unsigned char byte) {
    for (int i = 0; i < s->span_count; i++) {
        if (at < s->spans[i].len) {
            o->p[s->spans[i].at + at] = byte;
            return;
        }
        at -= s->spans[i].len;
    }
}

static void stream_fill(const Ogg *o, const Stream *s, ptrdiff_t from, ptrdiff_t to, int byte) {
    for (int i = 0; i < s->span_count; i++) {
        const Span *span = &s->spans[i];
        ptrdiff_t begin = max_size(from, 0), end = min_size(to, span->len);
        if (begin < end) memset(o->p + span->at + begin, byte, (size_t)(end - begin));
        from -= span->len;
        to -= span->len;
    }
}

/* Behind `head` bytes: a name, as long as it takes, no comments, and `tail` bytes. */
static void comments_blank(Ogg *o, const Stream *s, ptrdiff_t head, ptrdiff_t tail) {
    ptrdiff_t name = s->size - head - 8 - tail;
    if (name < 0) {
        o->wrong = "its comments are broken";
        return;
    }
    for (int i = 0; i < 4; i++) stream_put(o, s, head + i, (unsigned char)(name >> (8 * i)));
    stream_fill(o, s, head + 4, head + 4 + name, ' ');
    stream_fill(o, s, head + 4 + name, head + 8 + name, 0);
}

/* A block of FLAC, which may be the last one with comments and covers. */
static void flac_block_blank(Ogg *o, Stream *s) {
    enum { PADDING = 1, COMMENTS = 4, LAST = 0x80 };
    int first = o->p[s->spans[0].at];
    if (first == 0xFF) { /* sound */
        s->heads = false;
        return;
    }
    if ((first & ~LAST) == COMMENTS)
        comments_blank(o, s, 4, 0);
    else if (s->size > 4) {
        stream_put(o, s, 0, (unsigned char)(PADDING | (first & LAST)));
        stream_fill(o, s, 4, s->size, 0);
    }
    if (first & LAST) s->heads = false;
}

/* Its second packet, or a later one of FLAC's, is whole. */
static void packet_blank(Ogg *o, Stream *s) {
    if (s->size == 0) {
        s->heads = s->kind == OGG_FLAC;
        return;
    }
    switch (s->kind) {
    case OGG_OPUS: comments_blank(o, s, 8, 0); break;
    case OGG_VORBIS: comments_blank(o, s, 7, 1); break;
    case OGG_THEORA: comments_blank(o, s, 7, 0); break;
    case OGG_SPEEX: comments_blank(o, s, 0, 0); break;
    case OGG_FLAC: flac_block_blank(o, s); break;
    case OGG_OTHER:
    case OGG_PLAIN: break;
    }
    if (s->kind != OGG_FLAC) s->heads = false;
    for (int i = 0; i < s->span_count; i++) page_seal(o, s->spans[i].page);
}

/* -- streams ------------------------------------------------------------------------------------- */

static OggKind kind_of(const unsigned char *p, ptrdiff_t len) {
    static const struct {
        const char *begin;
        ptrdiff_t len;
        OggKind kind;
    } rows[] = {{"OpusHead", 8, OGG_OPUS},
                {"\x01vorbis", 7, OGG_VORBIS},
                {"\x80theora", 7, OGG_THEORA},
                {"Speex   ", 8, OGG_SPEEX},
                {"\x7F"
                 "FLAC",
                 5, OGG_FLAC},
                {"OVP80", 5, OGG_PLAIN},
                {"BBCD", 4, OGG_PLAIN},
                {"CELT    ", 8, OGG_PLAIN},
                {"PCM     ", 8, OGG_PLAIN},
                {"fishead", 7, OGG_PLAIN}};
    for (ptrdiff_t i = 0; i < COUNT(rows); i++)
        if (len >= rows[i].len && memcmp(p, rows[i].begin, (size_t)rows[i].len) == 0)
            return rows[i].kind;
    return OGG_OTHER;
}

static Stream *stream_find(Ogg *o, uint32_t serial) {
    for (int i = 0; i < o->stream_count; i++)
        if (o->streams[i].serial == serial) return &o->streams[i];
    return NULL;
}

/* It may take the place of one that has its comments behind it. */
static Stream *stream_begin(Ogg *o, const Page *page, uint32_t serial) {
    Stream *s = stream_find(o, serial);
    for (int i = 0; i < o->stream_count && !s; i++)
        if (!o->streams[i].heads && o->streams[i].kind != OGG_OTHER) s = &o->streams[i];
    if (!s && o->stream_count < STREAMS_MAX) s = &o->streams[o->stream_count++];
    if (!s) {
        o->wrong = "it has too many streams";
        return NULL;
    }
    OggKind kind = kind_of(o->p + page->body, page->end - page->body);
    *s = (Stream){.serial = serial, .kind = kind, .heads = kind > OGG_PLAIN};
    return s;
}

static void span_add(Ogg *o, Stream *s, Span span) {
    Span *last = s->span_count ? &s->spans[s->span_count - 1] : NULL;
    s->size += span.len;
    if (last && last->at + last->len == span.at)
        last->len += span.len;
    else if (s->span_count < SPANS_MAX)
        s->spans[s->span_count++] = span;
    else
        o->wrong = "its comments have no end";
}

static void heads_clean(Ogg *o, const Page *page, Stream *s) {
    const unsigned char *sizes = o->p + page->at + PAGE_HEAD;
    ptrdiff_t at = page->body;
    for (int i = 0; i < page->body - page->at - PAGE_HEAD && s->heads && !o->wrong; i++) {
        if (s->packet > 0 && sizes[i] > 0) span_add(o, s, (Span){page->at, at, sizes[i]});
        at += sizes[i];
        if (sizes[i] == 255) continue;
        if (s->packet++ > 0 && !o->wrong) packet_blank(o, s);
        s->span_count = 0;
        s->size = 0;
    }
}

const char *recording_ogg(unsigned char *p, ptrdiff_t len) {
    enum { BEGINS = 2 };
    Ogg o = {.p = p, .len = len};
    Page page;
    for (ptrdiff_t at = 0; !o.wrong && page_next(&o, &at, &page);) {
        uint32_t serial = read_le32(p + page.at + 14);
        Stream *s =
            p[page.at + 5] & BEGINS ? stream_begin(&o, &page, serial) : stream_find(&o, serial);
        if (!s) continue;
        if (s->kind == OGG_OTHER) {
            memset(p + page.body, 0, (size_t)(page.end - page.body));
            page_seal(&o, page.at);
        }
        if (s->heads) heads_clean(&o, &page, s);
    }
    return o.wrong;
}
