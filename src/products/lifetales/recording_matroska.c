/* SPDX-License-Identifier: Apache-2.0
 * Matroska and WebM: elements within elements, each with an id, a size, a body.
 *
 *   EBML  Segment ─ Info ─ TimestampScale Duration MuxingApp WritingApp
 *                 ─ Tracks ─ TrackEntry …
 *                 ─ Cluster ─ SimpleBlock BlockGroup …   Cues  SeekHead
 *
 * What is not among those becomes Void of the same size: Tags, Attachments (covers), Chapters, titles,
 * dates, and tracks that are neither sound nor picture, with their blocks. What a browser records says of
 * Segment and Cluster no size: they end where the next of their level begins. */
#include "products/lifetales/recording_room.h"

enum {
    EBML = 0x1A45DFA3,
    SEGMENT = 0x18538067,
    SEEK_HEAD = 0x114D9B74,
    INFO = 0x1549A966,
    TRACKS = 0x1654AE6B,
    CLUSTER = 0x1F43B675,
    CUES = 0x1C53BB6B,
    TAGS = 0x1254C367,
    ATTACHMENTS = 0x1941A469,
    CHAPTERS = 0x1043A770,
    TRACK_ENTRY = 0xAE,
    TRACK_NUMBER = 0xD7,
    TRACK_TYPE = 0x83,
    SIMPLE_BLOCK = 0xA3,
    BLOCK_GROUP = 0xA0,
    BLOCK = 0xA1,
    EMPTY = 0xEC,
    REMOVED_MAX = 64
};

static const uint32_t segment_kept[] = {SEEK_HEAD, INFO, TRACKS, CLUSTER, CUES, 0};
static const uint32_t info_kept[] = {0x2AD7B1, 0x4489, 0x4D80, 0x5741, 0};
/* Number, UID, type, flags, caches, durations, scale, additions, language, codec, delays, video, audio,
 * encodings. */
static const uint32_t track_kept[] = {0xD7,   0x73C5,   0x83,   0xB9,     0x88,     0x55AA,
                                      0x9C,   0x6DE7,   0x6DF8, 0x23E383, 0x234E7A, 0x23314F,
                                      0x55EE, 0x22B59C, 0x86,   0x63A2,   0x56AA,   0x56BB,
                                      0xE0,   0xE1,     0x6D80, 0x41E4,   0};
static const uint32_t cluster_kept[] = {0xE7, 0xA7, 0xAB, 0xA3, 0xA0, 0x5854, 0xAF, 0};

typedef struct Matroska {
    unsigned char *p;
    ptrdiff_t len;
    uint64_t removed[REMOVED_MAX];
    int removed_count;
    const char *wrong;
} Matroska;

typedef struct Element {
    uint32_t id;
    ptrdiff_t at, body, end;
    bool open; /* it has no size */
} Element;

/* A number as long as the zeros before its first one say; bytes: how long, 0: it is none. */
static uint64_t number_read(const unsigned char *p, ptrdiff_t room, int most, bool marked,
                            int *bytes) {
    int n = 1;
    *bytes = 0;
    if (room < 1) return 0;
    while (n <= most && !(p[0] & 0x80 >> (n - 1))) n++;
    if (n > most || n > room) return 0;
    uint64_t value = marked ? p[0] : p[0] & (0xFFu >> n);
    for (int i = 1; i < n; i++) value = value << 8 | p[i];
    *bytes = n;
    return value;
}

/* The element at `at`; one that reaches beyond `end` ends there. false: there is none any more. */
static bool element_at(const Matroska *m, ptrdiff_t at, ptrdiff_t end, Element *e) {
    int id_bytes, size_bytes;
    uint64_t id = number_read(m->p + at, end - at, 4, true, &id_bytes);
    if (!id_bytes) return false;
    uint64_t size = number_read(m->p + at + id_bytes, end - at - id_bytes, 8, false, &size_bytes);
    if (!size_bytes) return false;
    *e = (Element){.id = (uint32_t)id, .at = at, .body = at + id_bytes + size_bytes};
    e->open = size == (UINT64_C(1) << (7 * size_bytes)) - 1;
    e->end = e->open || size > (uint64_t)(end - e->body) ? end : e->body + (ptrdiff_t)size;
    return true;
}

static bool kept_in(const uint32_t *ids, uint32_t id) {
    for (; *ids; ids++)
        if (*ids == id) return true;
    return false;
}

static void element_void(const Matroska *m, const Element *e) {
    enum { SHORT_MAX = 128, LONG_HEAD = 9 };
    unsigned char *p = m->p + e->at;
    ptrdiff_t whole = e->end - e->at;
    assert(whole >= 2);
    if (e->id == EMPTY) { /* as whoever made it wrote it */
        memset(m->p + e->body, 0, (size_t)(e->end - e->body));
        return;
    }
    memset(p, 0, (size_t)whole);
    p[0] = EMPTY;
    if (whole <= SHORT_MAX) {
        p[1] = (unsigned char)(0x80 | (whole - 2));
        return;
    }
    p[1] = 1;
    for (int i = 0; i < 7; i++) p[2 + i] = (unsigned char)((whole - LONG_HEAD) >> (8 * (6 - i)));
}

/* -- tracks -------------------------------------------------------------------------------------- */

static uint64_t element_number(const Matroska *m, const Element *e) {
    uint64_t value = 0;
    for (ptrdiff_t i = e->body; i < e->end && i < e->body + 8; i++) value = value << 8 | m->p[i];
    return value;
}

static void children_void(const Matroska *m, const Element *parent, const uint32_t *kept) {
    Element e;
    for (ptrdiff_t at = parent->body; element_at(m, at, parent->end, &e); at = e.end)
        if (!kept_in(kept, e.id)) element_void(m, &e);
}

static void track_clean(Matroska *m, const Element *track) {
    enum { VIDEO = 1, AUDIO = 2 };
    Element e;
    uint64_t number = 0, type = 0;
    for (ptrdiff_t at = track->body; element_at(m, at, track->end, &e); at = e.end) {
        if (e.id == TRACK_NUMBER) number = element_number(m, &e);
        if (e.id == TRACK_TYPE) type = element_number(m, &e);
    }
    children_void(m, track, track_kept);
    if (type == VIDEO || type == AUDIO) return;
    if (m->removed_count == REMOVED_MAX) {
        m->wrong = "it has too many tracks";
        return;
    }
    m->removed[m->removed_count++] = number;
    element_void(m, track);
}

static void tracks_clean(Matroska *m, const Element *tracks) {
    Element e;
    for (ptrdiff_t at = tracks->body; !m->wrong && element_at(m, at, tracks->end, &e); at = e.end)
        if (e.id == TRACK_ENTRY)
            track_clean(m, &e);
        else
            element_void(m, &e);
}

/* -- clusters ------------------------------------------------------------------------------------ */

static bool block_goes(const Matroska *m, const Element *block) {
    int bytes;
    uint64_t track = number_read(m->p + block->body, block->end - block->body, 8, false, &bytes);
    for (int i = 0; i < m->removed_count && bytes; i++)
        if (m->removed[i] == track) return true;
    return false;
}

static bool group_goes(const Matroska *m, const Element *group) {
    Element e;
    for (ptrdiff_t at = group->body; element_at(m, at, group->end, &e); at = e.end)
        if (e.id == BLOCK && block_goes(m, &e)) return true;
    return false;
}

static bool begins_level(uint32_t id) {
    return kept_in(segment_kept, id) || id == EBML || id == SEGMENT || id == TAGS ||
           id == ATTACHMENTS || id == CHAPTERS;
}

/* Where it ends. */
static ptrdiff_t cluster_clean(Matroska *m, const Element *cluster) {
    Element e;
    ptrdiff_t at = cluster->body;
    if (!cluster->open && m->removed_count == 0) return cluster->end;
    for (; element_at(m, at, cluster->end, &e); at = e.end) {
        if (cluster->open && begins_level(e.id)) return at;
        bool goes = (e.id == SIMPLE_BLOCK && block_goes(m, &e)) ||
                    (e.id == BLOCK_GROUP && group_goes(m, &e));
        if (goes || !kept_in(cluster_kept, e.id)) element_void(m, &e);
    }
    return cluster->end;
}

/* -- all ----------------------------------------------------------------------------------------- */

/* Where it ends. */
static ptrdiff_t segment_clean(Matroska *m, const Element *segment) {
    Element e;
    for (ptrdiff_t at = segment->body; !m->wrong && element_at(m, at, segment->end, &e);
         at = e.end) {
        if (segment->open && (e.id == EBML || e.id == SEGMENT)) return at;
        if (e.open && e.id != CLUSTER) {
            m->wrong = "a part of it has no size";
            break;
        }
        if (e.id == INFO)
            children_void(m, &e, info_kept);
        else if (e.id == TRACKS)
            tracks_clean(m, &e);
        else if (e.id == CLUSTER)
            e.end = cluster_clean(m, &e);
        else if (!kept_in(segment_kept, e.id))
            element_void(m, &e);
    }
    return segment->end;
}

const char *recording_matroska(unsigned char *p, ptrdiff_t len) {
    Matroska m = {.p = p, .len = len};
    Element e;
    for (ptrdiff_t at = 0; !m.wrong && element_at(&m, at, len, &e); at = e.end) {
        if (e.id == SEGMENT)
            e.end = segment_clean(&m, &e);
        else if (e.id != EBML)
            element_void(&m, &e);
    }
    return m.wrong;
}
