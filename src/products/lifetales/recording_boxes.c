/* SPDX-License-Identifier: Apache-2.0
 * MP4, M4A, MOV and 3GP: boxes within boxes.
 *
 *   ftyp  moov ─ mvhd                                moof ─ traf ─ tfhd trun …   mdat  mfra
 *              ─ trak ─ tkhd edts
 *                     ─ mdia ─ mdhd hdlr minf ─ stbl ─ stsd stts stsc stsz stco …
 *
 * A box that is not among those its parent needs becomes `free` of the same size: udta (©xyz, loci), meta
 * (QuickTime's keys, iTunes' list), uuid (XMP) are such. Dates and names in those that stay are set to
 * nothing. A track that is neither sound nor picture (a GPS, what a drone measured, subtitles with
 * positions) goes with its samples, wherever in the file these are. */
#include "products/lifetales/recording_room.h"

enum { REMOVED_MAX = 64 };

typedef struct Boxes {
    unsigned char *p;
    ptrdiff_t len;
    ptrdiff_t blanked; /* of samples; more than the file has: they lie over each other */
    uint32_t removed[REMOVED_MAX], usual_size[REMOVED_MAX]; /* tracks; of a sample, by trex */
    int removed_count;
    const char *wrong;
} Boxes;

typedef struct Box {
    const unsigned char *name;
    ptrdiff_t at, body, end;
} Box;

#define NAMED(box, text) (memcmp((box)->name, text, 4) == 0)

/* The box at *at, which then is behind it. false: there is none any more. */
static bool box_next(Boxes *b, ptrdiff_t *at, ptrdiff_t end, Box *box) {
    if (b->wrong || end - *at < 8) return false;
    const unsigned char *p = b->p + *at;
    uint64_t size = read_be32(p);
    *box = (Box){.name = p + 4, .at = *at, .body = *at + 8};
    if (size == 1) {
        if (end - *at < 16) return false;
        size = read_be64(p + 8);
        box->body += 8;
    }
    if (size == 0) size = (uint64_t)(end - *at);
    bool sound = NAMED(box, "mdat") && end == b->len; /* cut short */
    if (size > (uint64_t)(end - *at)) {
        if (!sound) b->wrong = RECORDING_REACHES;
        size = (uint64_t)(end - *at);
    }
    if (size < (uint64_t)(box->body - *at)) b->wrong = RECORDING_REACHES;
    if (b->wrong) return false;
    *at = box->end = box->at + (ptrdiff_t)size;
    return true;
}

/* The first of that name between body and end. */
static bool box_find(Boxes *b, ptrdiff_t body, ptrdiff_t end, const char *name, Box *box) {
    while (box_next(b, &body, end, box))
        if (NAMED(box, name)) return true;
    return false;
}

static bool box_find_path(Boxes *b, const Box *from, const char *path, Box *box) {
    *box = *from;
    for (; *path; path += 4)
        if (!box_find(b, box->body, box->end, path, box)) return false;
    return true;
}

static void box_free(Boxes *b, const Box *box) {
    memcpy(b->p + box->at + 4, "free", 4);
    memset(b->p + box->body, 0, (size_t)(box->end - box->body));
}

/* -- samples of a track that goes --------------------------------------------------------------- */

static void samples_blank(Boxes *b, uint64_t from, uint64_t size) {
    if (from >= (uint64_t)b->len) return;
    if (size > (uint64_t)b->len - from) size = (uint64_t)b->len - from;
    if ((b->blanked += (ptrdiff_t)size) > b->len) {
        b->wrong = "its tracks lie over each other";
        return;
    }
    memset(b->p + from, 0, size);
}

/* A table of a box: `width` bytes for each of its rows, behind `head` bytes. */
typedef struct Table {
    const unsigned char *rows;
    uint64_t count;
} Table;

static Table table_of(const Boxes *b, const Box *box, ptrdiff_t head, ptrdiff_t width) {
    ptrdiff_t room = box->end - box->body - head;
    if (room < 0) return (Table){0};
    uint64_t count = read_be32(b->p + box->body + head - 4);
    if (count > (uint64_t)(room / width)) count = (uint64_t)(room / width);
    return (Table){b->p + box->body + head, count};
}

/* Of samples [*next, *next + count). */
static uint64_t samples_size(const Table *sizes, uint32_t usual, uint64_t *next, uint64_t count) {
    if (usual) return usual * count;
    uint64_t size = 0;
    for (; count > 0 && *next < sizes->count; count--, (*next)++)
        size += read_be32(sizes->rows + 4 * *next);
    return size;
}

static void track_blank(Boxes *b, const Box *trak) {
    Box stbl, box;
    Table sizes, runs, chunks;
    bool wide = false;
    if (!box_find_path(b, trak, "mdiaminfstbl", &stbl)) return;
    if (!box_find(b, stbl.body, stbl.end, "stsz", &box)) return;
    sizes = table_of(b, &box, 12, 4);
    uint32_t usual = box.end - box.body >= 12 ? read_be32(b->p + box.body + 4) : 0;
    if (!box_find(b, stbl.body, stbl.end, "stsc", &box)) return;
    runs = table_of(b, &box, 8, 12);
    if (!box_find(b, stbl.body, stbl.end, "stco", &box)) {
        wide = box_find(b, stbl.body, stbl.end, "co64", &box);
        if (!wide) return;
    }
    chunks = table_of(b, &box, 8, wide ? 8 : 4);
    uint64_t next = 0, run = 0;
    for (uint64_t i = 0; i < chunks.count && runs.count > 0 && !b->wrong; i++) {
        while (run + 1 < runs.count && read_be32(runs.rows + 12 * (run + 1)) <= i + 1) run++;
        uint64_t count = read_be32(runs.rows + 12 * run + 4);
        uint64_t from = wide ? read_be64(chunks.rows + 8 * i) : read_be32(chunks.rows + 4 * i);
        samples_blank(b, from, samples_size(&sizes, usual, &next, count));
    }
}

/* -- fragments ---------------------------------------------------------------------------------- */

static int removed_index(const Boxes *b, uint32_t track) {
    for (int i = 0; i < b->removed_count; i++)
        if (b->removed[i] == track) return i;
    return -1;
}

/* The rows of one trun; *from: where its first sample is. */
static void run_blank(Boxes *b, const Box *trun, uint64_t base, uint32_t usual, uint64_t *from) {
    enum {
        OFFSET = 1,
        FIRST_FLAGS = 4,
        DURATION = 0x100,
        SIZE = 0x200,
        FLAGS = 0x400,
        LATE = 0x800
    };
    const unsigned char *p = b->p + trun->body, *end = b->p + trun->end;
    if (end - p < 8) return;
    uint32_t flags = read_be32(p), count = read_be32(p + 4);
    p += 8;
    if ((flags & OFFSET) && end - p >= 4) {
        *from = base + (uint64_t)(int64_t)(int32_t)read_be32(p);
        p += 4;
    }
    if (flags & FIRST_FLAGS) p += 4;
    ptrdiff_t width = 0;
    for (uint32_t bit = DURATION; bit <= LATE; bit <<= 1) width += flags & bit ? 4 : 0;
    uint64_t size = 0;
    if (!(flags & SIZE))
        size = (uint64_t)count * usual;
    else
        for (p += flags & DURATION ? 4 : 0; count > 0 && end - p >= 4; count--, p += width)
            size += read_be32(p);
    samples_blank(b, *from, size);
    *from += size;
}

static void fragment_blank(Boxes *b, const Box *moof, const Box *traf) {
    enum { BASE = 1, DESCRIPTION = 2, DURATION = 8, SIZE = 0x10 };
    Box tfhd, box;
    if (!box_find(b, traf->body, traf->end, "tfhd", &tfhd) || tfhd.end - tfhd.body < 8) return;
    const unsigned char *p = b->p + tfhd.body, *end = b->p + tfhd.end;
    uint32_t flags = read_be32(p);
    int i = removed_index(b, read_be32(p + 4));
    if (i < 0) return;
    uint64_t base = (uint64_t)moof->at;
    uint32_t usual = b->usual_size[i];
    p += 8;
    if ((flags & BASE) && end - p >= 8) base = read_be64(p);
    p += (flags & BASE ? 8 : 0) + (flags & DESCRIPTION ? 4 : 0) + (flags & DURATION ? 4 : 0);
    if ((flags & SIZE) && end - p >= 4) usual = read_be32(p);
    uint64_t from = base;
    for (ptrdiff_t at = traf->body; box_next(b, &at, traf->end, &box);)
        if (NAMED(&box, "trun")) run_blank(b, &box, base, usual, &from);
    if (!b->wrong) box_free(b, traf);
}

/* -- what each keeps ---------------------------------------------------------------------------- */

typedef struct Parent {
    const char *name, *kept;
} Parent;
/* A box of these names is walked, wherever it stands; others are kept as they are. */
static const Parent parents[] = {
    {"moov", "mvhdtrakmvex"},
    {"trak", "tkhdedtsmdiatapt"},
    {"mdia", "mdhdhdlrminfelng"},
    {"minf", "smhdvmhdnmhdgmhddinfstblhdlr"},
    {"stbl", "stsdsttscttscslgstscstszstz2stcoco64stssstpssdtpsbgpsgpdsaizsaiosubssenc"},
    {"moof", "mfhdtraf"},
    {"traf", "tfhdtfdttrunsbgpsgpdsaizsaiosencsubssdtp"},
};
static const char top_kept[] = "ftypstypmoovmoofmdatmfrasidxssixpdinwide";

static bool kept_by(const char *names, const Box *box) {
    for (; *names; names += 4)
        if (NAMED(box, names)) return true;
    return false;
}

/* When it was made and changed, in the three that say so; the name of a handler. */
static void box_forget(Boxes *b, const Box *box) {
    enum { HANDLER_HEAD = 24 };
    unsigned char *p = b->p + box->body;
    ptrdiff_t size = box->end - box->body;
    if (NAMED(box, "mvhd") || NAMED(box, "tkhd") || NAMED(box, "mdhd")) {
        ptrdiff_t times = size > 0 && p[0] == 1 ? 16 : 8;
        if (size >= 4 + times) memset(p + 4, 0, (size_t)times);
    }
    if (NAMED(box, "hdlr") && size > HANDLER_HEAD)
        memset(p + HANDLER_HEAD, 0, (size_t)(size - HANDLER_HEAD));
}

/* Boxes of [at, end), whose parent keeps those of `kept`. */
static void boxes_clean(Boxes *b, ptrdiff_t at, ptrdiff_t end, const char *kept, int depth) {
    Box box;
    while (box_next(b, &at, end, &box)) {
        if (!kept_by(kept, &box)) {
            box_free(b, &box);
            continue;
        }
        box_forget(b, &box);
        for (int i = 0; i < COUNT(parents) && depth < COUNT(parents); i++)
            if (NAMED(&box, parents[i].name))
                boxes_clean(b, box.body, box.end, parents[i].kept, depth + 1);
    }
    if (!b->wrong) memset(b->p + at, 0, (size_t)(end - at)); /* too little for a box */
}

/* -- tracks that go ------------------------------------------------------------------------------ */

static bool track_plays(Boxes *b, const Box *trak) {
    Box hdlr;
    if (!box_find_path(b, trak, "mdiahdlr", &hdlr) || hdlr.end - hdlr.body < 12) return false;
    const unsigned char *type = b->p + hdlr.body + 8;
    return memcmp(type, "soun", 4) == 0 || memcmp(type, "vide", 4) == 0;
}

static void track_remove(Boxes *b, const Box *moov, const Box *trak) {
    Box tkhd, mvex, trex;
    ptrdiff_t at;
    if (b->removed_count == REMOVED_MAX) {
        b->wrong = "it has too many tracks";
        return;
    }
    uint32_t id = 0, usual = 0;
    if (box_find(b, trak->body, trak->end, "tkhd", &tkhd)) {
        ptrdiff_t where = tkhd.body + (b->p[tkhd.body] == 1 ? 20 : 12);
        if (where + 4 <= tkhd.end) id = read_be32(b->p + where);
    }
    if (box_find(b, moov->body, moov->end, "mvex", &mvex))
        for (at = mvex.body; box_next(b, &at, mvex.end, &trex);)
            if (NAMED(&trex, "trex") && trex.end - trex.body >= 20 &&
                read_be32(b->p + trex.body + 4) == id)
                usual = read_be32(b->p + trex.body + 16);
    b->removed[b->removed_count] = id;
    b->usual_size[b->removed_count++] = usual;
    track_blank(b, trak);
    if (!b->wrong) box_free(b, trak);
}

static void tracks_remove(Boxes *b) {
    Box top, one;
    for (ptrdiff_t at = 0; box_next(b, &at, b->len, &top);) {
        bool moov = NAMED(&top, "moov"), moof = NAMED(&top, "moof");
        for (ptrdiff_t in = top.body; (moov || moof) && box_next(b, &in, top.end, &one);) {
            if (moov && NAMED(&one, "trak") && !track_plays(b, &one)) track_remove(b, &top, &one);
            if (moof && NAMED(&one, "traf")) fragment_blank(b, &top, &one);
        }
    }
}

const char *recording_boxes(unsigned char *p, ptrdiff_t len) {
    Boxes b = {.p = p, .len = len};
    tracks_remove(&b);
    boxes_clean(&b, 0, len, top_kept, 0);
    return b.wrong;
}
