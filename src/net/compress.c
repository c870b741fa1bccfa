/* SPDX-License-Identifier: Apache-2.0
 * gzip (zlib) and brotli: whole texts, and streams that are flushed now and then. The levels are
 * those where a text still compresses at tens of megabytes a second. */
#include <brotli/encode.h>
#include <zlib.h>

#include "net/server.h"
#include "rt/offload.h"

enum { GZIP_LEVEL = 5, BROTLI_QUALITY = 4, BROTLI_WINDOW = 18, STEP_BYTES = 16 * 1024 };

Str encoding_name(Encoding encoding) {
    if (encoding == ENCODING_GZIP) return S("gzip");
    return encoding == ENCODING_BROTLI ? S("br") : S("identity");
}

bool compressible(Str content_type) {
    static const Str ends[] = {S_INIT("/json"), S_INIT("+json"),      S_INIT("/xml"),
                               S_INIT("+xml"),  S_INIT("javascript"), S_INIT("x-ndjson")};
    Str essence;
    str_cut(content_type, ';', &essence);
    essence = str_trim(essence);
    /* Events are small, many, and must go out at once. */
    if (str_starts(essence, S("text/"))) return !str_eq(essence, S("text/event-stream"));
    for (ptrdiff_t i = 0; i < COUNT(ends); i++)
        if (str_ends(essence, ends[i])) return true;
    return false;
}

/* `q=0.5` in thousandths; 1000 when there is none, 0 when it makes no sense. */
static int quality_parse(Str parameters) {
    while (parameters.data) {
        Str one, name;
        parameters = str_cut(parameters, ';', &one);
        Str value = str_trim(str_cut(str_trim(one), '=', &name));
        if (!str_eq_nocase(str_trim(name), S("q"))) continue;
        if (value.len < 1 || value.len > 5 || (value.len > 1 && value.data[1] != '.')) return 0;
        int thousandths = 0;
        for (int i = 0, weight = 1000; i < value.len; i++) {
            if (i == 1) continue;
            if (value.data[i] < '0' || value.data[i] > '9') return 0;
            thousandths += (value.data[i] - '0') * weight;
            weight /= 10;
        }
        return thousandths <= 1000 ? thousandths : 0;
    }
    return 1000;
}

/* In thousandths. */
typedef struct Wishes {
    int gzip, brotli, identity; /* identity -1: not named */
} Wishes;

static Wishes wishes_parse(Str accept) {
    Wishes w = {-1, -1, -1};
    int any = -1;
    while (accept.data) {
        Str item, name;
        accept = str_cut(accept, ',', &item);
        int q = quality_parse(str_cut(item, ';', &name));
        name = str_trim(name);
        if (str_eq_nocase(name, S("gzip")) || str_eq_nocase(name, S("x-gzip")))
            w.gzip = q;
        else if (str_eq_nocase(name, S("br")))
            w.brotli = q;
        else if (str_eq_nocase(name, S("identity")))
            w.identity = q;
        else if (str_eq(name, S("*")))
            any = q;
    }
    if (w.gzip < 0) w.gzip = any;
    if (w.brotli < 0) w.brotli = any;
    return w;
}

Encoding encoding_choose(Str accept) {
    Wishes w = wishes_parse(accept);
    Encoding best = w.brotli >= w.gzip ? ENCODING_BROTLI : ENCODING_GZIP;
    int quality = w.brotli >= w.gzip ? w.brotli : w.gzip;
    return quality > 0 && quality >= w.identity ? best : ENCODING_NONE;
}

bool encoding_takes_gzip(Str accept) {
    Wishes w = wishes_parse(accept);
    return w.gzip > 0 && w.gzip >= w.identity;
}

/* -- A whole text ------------------------------------------------------------------------------ */

typedef struct Pressing {
    Encoding encoding;
    Str text;
    uint8_t *to;
    size_t room, length; /* length 0: it failed */
} Pressing;

static void press_gzip(Pressing *p) {
    /* A window no larger than the text needs: the state of a small one is cleared much faster. */
    int window = p->text.len <= 8 * KIB ? 13 : 15, memory = p->text.len <= 8 * KIB ? 6 : 8;
    z_stream z = {0};
    if (deflateInit2(&z, GZIP_LEVEL, Z_DEFLATED, window + 16, memory, Z_DEFAULT_STRATEGY) != Z_OK)
        return;
    z.next_in = (Bytef *)(uintptr_t)p->text.data;
    z.avail_in = (uInt)p->text.len;
    z.next_out = p->to;
    z.avail_out = (uInt)p->room;
    if (deflate(&z, Z_FINISH) == Z_STREAM_END) p->length = (size_t)z.total_out;
    deflateEnd(&z);
}

static void press(void *arg) {
    Pressing *p = arg;
    if (p->encoding == ENCODING_GZIP) {
        press_gzip(p);
        return;
    }
    size_t length = p->room;
    if (BrotliEncoderCompress(BROTLI_QUALITY, BROTLI_WINDOW, BROTLI_MODE_TEXT, (size_t)p->text.len,
                              (const uint8_t *)p->text.data, &length, p->to))
        p->length = length;
}

/* The room is taken before a pool thread sees it: an arena over its budget jumps, and must do so in
 * its own coroutine. */
Err *compress_text(Ctx *c, Encoding encoding, Str text, Str *out) {
    assert(encoding != ENCODING_NONE);
    assert(text.len > 0 && text.len < INT32_MAX / 2);
    /* zlib's bound for small windows: one eighth more. brotli's own is well under it. */
    size_t room = (size_t)(text.len + text.len / 8 + text.len / 64 + 256);
    Pressing p = {.encoding = encoding, .text = text, .room = room};
    p.to = arena_bytes(c->arena, (ptrdiff_t)room);
    if (text.len <= COMPRESS_ON_LOOP_MAX)
        press(&p);
    else
        TRY(offload(c, LANE_SHORT, press, &p));
    if (p.length == 0) FAIL(c, INTERNAL, "Compressing %td bytes failed.", text.len);
    *out = str_of((const char *)p.to, (ptrdiff_t)p.length);
    return NULL;
}

/* The last four bytes of gzip say how long the text was (RFC 1952 §2.3.1). */
static size_t packed_length(Str packed) {
    const unsigned char *end = (const unsigned char *)packed.data + packed.len;
    return (size_t)end[-4] | (size_t)end[-3] << 8 | (size_t)end[-2] << 16 | (size_t)end[-1] << 24;
}

static void unpack(void *arg) {
    enum { GZIP_ONLY = 16 + MAX_WBITS };
    Pressing *p = arg;
    z_stream z = {.next_in = (Bytef *)(uintptr_t)p->text.data, .avail_in = (uInt)p->text.len};
    if (inflateInit2(&z, GZIP_ONLY) != Z_OK) return;
    z.next_out = p->to;
    z.avail_out = (uInt)p->room;
    if (inflate(&z, Z_FINISH) == Z_STREAM_END && z.avail_out == 0) p->length = p->room;
    inflateEnd(&z);
}

Err *gzip_unpack(Ctx *c, Str packed, Str *out) {
    enum { GZIP_LEAST = 18 };
    assert(packed.len > GZIP_LEAST && packed.len < INT32_MAX);
    Pressing p = {.text = packed, .room = packed_length(packed)};
    p.to = arena_bytes(c->arena, (ptrdiff_t)p.room);
    if (p.room <= COMPRESS_ON_LOOP_MAX)
        unpack(&p);
    else
        TRY(offload(c, LANE_SHORT, unpack, &p));
    if (p.length == 0) FAIL(c, INTERNAL, "Unpacking %td bytes failed.", packed.len);
    *out = str_of((const char *)p.to, (ptrdiff_t)p.length);
    return NULL;
}

/* -- A stream ---------------------------------------------------------------------------------- */

struct Squeeze {
    Encoding encoding;
    z_stream z;
    BrotliEncoderState *brotli;
    uint8_t *step;
};

static void squeeze_close(void *arg) {
    Squeeze *s = arg;
    if (s->encoding == ENCODING_GZIP)
        deflateEnd(&s->z);
    else
        BrotliEncoderDestroyInstance(s->brotli);
}

Squeeze *squeeze_open(Ctx *c, Encoding encoding) {
    Squeeze *s = arena_new_of(c->arena, Squeeze);
    s->encoding = encoding;
    s->step = arena_bytes(c->arena, STEP_BYTES);
    if (encoding == ENCODING_GZIP) {
        if (deflateInit2(&s->z, GZIP_LEVEL, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
            return NULL;
    } else {
        s->brotli = BrotliEncoderCreateInstance(NULL, NULL, NULL);
        if (!s->brotli) return NULL;
        BrotliEncoderSetParameter(s->brotli, BROTLI_PARAM_QUALITY, BROTLI_QUALITY);
        BrotliEncoderSetParameter(s->brotli, BROTLI_PARAM_LGWIN, BROTLI_WINDOW);
    }
    defer(c, squeeze_close, s);
    return s;
}

/* One step: how much of `in` was taken, how much came out, whether there is more to come. */
static bool step_gzip(Squeeze *s, Str *in, SqueezeMode mode, ptrdiff_t *made) {
    static const int flush[] = {Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FINISH};
    s->z.next_in = (Bytef *)(uintptr_t)in->data;
    s->z.avail_in = (uInt)in->len;
    s->z.next_out = s->step;
    s->z.avail_out = STEP_BYTES;
    int result = deflate(&s->z, flush[mode]);
    assert(result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR);
    *in = str_slice(*in, in->len - (ptrdiff_t)s->z.avail_in, in->len);
    *made = STEP_BYTES - (ptrdiff_t)s->z.avail_out;
    return s->z.avail_out == 0 || (mode == SQUEEZE_END && result != Z_STREAM_END);
}

static bool step_brotli(Squeeze *s, Str *in, SqueezeMode mode, ptrdiff_t *made) {
    static const BrotliEncoderOperation operation[] = {
        BROTLI_OPERATION_PROCESS, BROTLI_OPERATION_FLUSH, BROTLI_OPERATION_FINISH};
    size_t available = (size_t)in->len, room = STEP_BYTES;
    const uint8_t *next = (const uint8_t *)in->data;
    uint8_t *to = s->step;
    int good = BrotliEncoderCompressStream(s->brotli, operation[mode], &available, &next, &room,
                                           &to, NULL);
    assert(good);
    (void)good;
    *in = str_slice(*in, in->len - (ptrdiff_t)available, in->len);
    *made = STEP_BYTES - (ptrdiff_t)room;
    return available > 0 || BrotliEncoderHasMoreOutput(s->brotli);
}

Err *squeeze_feed(Ctx *c, Squeeze *s, Str in, SqueezeMode mode, Err *(*put)(HttpConn *, Str),
                  HttpConn *conn) {
    if (!in.data) in = S("");
    do {
        Str piece = str_slice(in, 0, COMPRESS_ON_LOOP_MAX);
        bool last = piece.len == in.len, more = true;
        in = str_slice(in, piece.len, in.len);
        while (more) {
            ptrdiff_t made;
            SqueezeMode now = last ? mode : SQUEEZE_MORE;
            more = s->encoding == ENCODING_GZIP ? step_gzip(s, &piece, now, &made)
                                                : step_brotli(s, &piece, now, &made);
            if (made > 0) TRY(put(conn, str_of((const char *)s->step, made)));
        }
        if (!last) coro_yield(c); /* a large write must not keep the loop */
    } while (in.len > 0);
    return NULL;
}
