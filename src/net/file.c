/* SPDX-License-Identifier: Apache-2.0
 * Files as replies: byte ranges (RFC 9110 §14), sent by the kernel from file to socket. Bounds: at
 * most RANGES_MAX ranges that together ask for no more than the file; anything beyond that, and
 * anything malformed, is answered with the whole file, as the RFC allows. */
#include "core/rand.h"
#include "net/server.h"

enum { RANGES_MAX = 16, BOUNDARY_BYTES = 24 };

typedef struct Range {
    int64_t from, to; /* inclusive */
} Range;

struct ReplyFile {
    int fd;
    int64_t size;
    Str download_name;
    Range ranges[RANGES_MAX];
    int count;   /* of ranges to send; 0: the whole file */
    int decided; /* the status, once the conditions and ranges were looked at */
};

void reply_file(Ctx *c, Reply *r, int fd, int64_t size, Str content_type, Str etag, Time modified,
                Str download_name) {
    assert(fd >= 0 && size >= 0);
    r->file = arena_new_of(c->arena, ReplyFile);
    *r->file = (ReplyFile){.fd = fd, .size = size, .download_name = download_name};
    r->content_type = content_type;
    r->last_modified = modified;
    if (!etag.data && !r->no_etag && !time_is_null(modified))
        etag = strf(c->arena, "\"%llx-%llx\"", (unsigned long long)size,
                    (unsigned long long)modified.us);
    r->etag = etag;
}

/* -- Ranges ------------------------------------------------------------------------------------ */

typedef enum RangeVerdict { RANGE_IGNORE, RANGE_GOOD, RANGE_NONE } RangeVerdict;

/* Digits only; what is too large for us is larger than any file. */
static bool position_parse(Str text, int64_t *out) {
    for (ptrdiff_t i = 0; i < text.len; i++)
        if (text.data[i] < '0' || text.data[i] > '9') return false;
    if (text.len == 0) return false;
    if (!str_to_i64(text, out)) *out = INT64_MAX;
    return true;
}

/* One member of the set: malformed (IGNORE), outside the file (NONE), or good. */
static RangeVerdict range_parse(Str text, int64_t size, Range *out) {
    Str first;
    Str last = str_cut(text, '-', &first);
    int64_t from = 0, to = INT64_MAX;
    if (!last.data) return RANGE_IGNORE;
    if (first.len == 0) {
        if (!position_parse(last, &to)) return RANGE_IGNORE;
        if (to == 0 || size == 0) return RANGE_NONE;
        *out = (Range){max_i64(size - to, 0), size - 1};
        return RANGE_GOOD;
    }
    if (!position_parse(first, &from) || (last.len > 0 && !position_parse(last, &to)) || to < from)
        return RANGE_IGNORE;
    if (from >= size) return RANGE_NONE;
    *out = (Range){from, min_i64(to, size - 1)};
    return RANGE_GOOD;
}

static RangeVerdict ranges_parse(ReplyFile *file, Str header) {
    Str unit, member;
    Str set = str_cut(header, '=', &unit);
    int members = 0;
    int64_t asked = 0;
    if (!str_eq_nocase(unit, S("bytes"))) return RANGE_IGNORE;
    while (set.data) {
        set = str_cut(set, ',', &member);
        member = str_trim(member);
        if (member.len == 0) continue;
        if (++members > RANGES_MAX) return RANGE_IGNORE;
        Range range;
        RangeVerdict verdict = range_parse(member, file->size, &range);
        if (verdict == RANGE_IGNORE) return RANGE_IGNORE;
        if (verdict == RANGE_NONE) continue;
        asked += range.to - range.from + 1;
        file->ranges[file->count++] = range;
    }
    if (members == 0 || asked > file->size) return RANGE_IGNORE;
    return file->count > 0 ? RANGE_GOOD : RANGE_NONE;
}

/* If-Range: are the ranges of the very bytes that the client has a part of? */
static bool range_still_good(const Req *q, const Reply *r) {
    Str given = req_header(q, S("if-range"));
    Time date;
    if (!given.data) return true;
    if (str_starts(given, S("\"")) || str_starts(given, S("W/")))
        return etag_listed(given, r->etag, false);
    return !time_is_null(r->last_modified) && time_parse_http(given, &date) &&
           date.us / US_PER_SECOND == r->last_modified.us / US_PER_SECOND;
}

static RangeVerdict ranges_choose(HttpConn *conn) {
    ReplyFile *file = conn->r.file;
    Str header = req_header(&conn->q, S("range"));
    if (!header.data || conn->q.method != METHOD_GET || !range_still_good(&conn->q, &conn->r))
        return RANGE_IGNORE;
    RangeVerdict verdict = ranges_parse(file, header);
    if (verdict != RANGE_GOOD) file->count = 0;
    return verdict;
}

/* -- Sending ----------------------------------------------------------------------------------- */

/* RFC 6266: a plain name for everybody, the real one beside it when it is not plain. */
static Str disposition(Arena *arena, Str name) {
    Buf b = buf_new(arena, 64 + name.len);
    bool plain = true;
    buf_add(&b, S("attachment; filename=\""));
    for (ptrdiff_t i = 0; i < name.len; i++) {
        unsigned char byte = (unsigned char)name.data[i];
        bool fits = byte >= ' ' && byte < 0x7F && byte != '"' && byte != '\\' && byte != '%';
        bool goes_on = (byte & 0xC0) == 0x80; /* of the character before: one _ for all of it */
        if (!goes_on) buf_byte(&b, fits ? (char)byte : '_');
        plain &= fits;
    }
    buf_byte(&b, '"');
    if (plain) return buf_str(&b);
    buf_add(&b, S("; filename*=UTF-8''"));
    buf_url(&b, name);
    return buf_str(&b);
}

static Str range_text(Arena *arena, const ReplyFile *file, Range range) {
    return strf(arena, "bytes %lld-%lld/%lld", (long long)range.from, (long long)range.to,
                (long long)file->size);
}

static Err *send_plain(HttpConn *conn, HeadInfo *info, Range range) {
    info->length = range.to - range.from + 1;
    TRY(reply_send(conn, info, S("")));
    if (conn->q.method == METHOD_HEAD || info->length == 0) return NULL;
    conn->r.sent_bytes += info->length;
    return conn_sendfile(conn, conn->r.file->fd, range.from, info->length);
}

static Str boundary_new(Arena *arena) {
    uint64_t words[BOUNDARY_BYTES / 8];
    for (int i = 0; i < COUNT(words); i++) words[i] = rand_next(rand_thread());
    return str_hex(arena, words, (ptrdiff_t)sizeof words);
}

static Err *send_parts(Ctx *c, HttpConn *conn, HeadInfo *info) {
    ReplyFile *file = conn->r.file;
    Str heads[RANGES_MAX], boundary = boundary_new(c->arena);
    Str end = strf(c->arena, "\r\n--%.*s--\r\n", S_ARG(boundary));
    info->length = end.len;
    for (int i = 0; i < file->count; i++) {
        heads[i] = strf(c->arena, "\r\n--%.*s\r\nContent-Type: %.*s\r\nContent-Range: %.*s\r\n\r\n",
                        S_ARG(boundary), S_ARG(info->content_type),
                        S_ARG(range_text(c->arena, file, file->ranges[i])));
        info->length += heads[i].len + file->ranges[i].to - file->ranges[i].from + 1;
    }
    info->content_type = strf(c->arena, "multipart/byteranges; boundary=%.*s", S_ARG(boundary));
    TRY(reply_send(conn, info, S("")));
    conn->r.sent_bytes += info->length;
    for (int i = 0; i < file->count; i++) {
        Range range = file->ranges[i];
        TRY(conn_write(conn, &heads[i], 1));
        TRY(conn_sendfile(conn, file->fd, range.from, range.to - range.from + 1));
    }
    return conn_write(conn, &end, 1);
}

/* A status that has no part of the file in it. */
static Err *send_refusal(Ctx *c, HttpConn *conn, ErrKind kind, const char *why) {
    int64_t size = conn->r.file->size;
    reply_init(conn);
    reply_refuse(conn, err_new(c, kind, "reply_file", "%s", why));
    if (kind == ERR_RANGE)
        reply_header(&conn->r, S("Content-Range"), strf(c->arena, "bytes */%lld", (long long)size));
    return reply_finish(c, conn);
}

/* 200, 206, 304, 412 or 416; looked at once. */
static int file_decide(HttpConn *conn) {
    Reply *r = &conn->r;
    ReplyFile *file = r->file;
    if (file->decided) return file->decided;
    file->decided = r->status;
    if (r->status != 200) return file->decided;
    int status = precondition(&conn->q, r->etag, r->last_modified);
    RangeVerdict verdict = status ? RANGE_IGNORE : ranges_choose(conn);
    if (status) file->decided = status;
    if (verdict == RANGE_NONE) file->decided = 416;
    if (verdict == RANGE_GOOD) file->decided = 206;
    return file->decided;
}

bool reply_file_begins(Reply *r, int64_t *from, int64_t *length) {
    ReplyFile *file = r->file;
    assert(file && from && length);
    int status = file_decide(r->conn);
    *from = file->count ? file->ranges[0].from : 0;
    *length = file->count ? file->ranges[0].to - *from + 1 : file->size;
    return status == 200 || status == 206;
}

Err *file_finish(Ctx *c, HttpConn *conn) {
    Reply *r = &conn->r;
    ReplyFile *file = r->file;
    HeadInfo info = {.content_type = r->content_type, .accept_ranges = true};
    int status = file_decide(conn);
    if (status == 412)
        return send_refusal(c, conn, ERR_PRECONDITION,
                            "The file is not the one that If-Match asks for.");
    if (status == 416) return send_refusal(c, conn, ERR_RANGE, "The range lies outside the file.");
    r->status = status;
    if (status == 304) return reply_send(conn, &info, S(""));
    if (file->download_name.data) info.disposition = disposition(c->arena, file->download_name);
    if (file->count > 1) return send_parts(c, conn, &info);
    if (file->count == 0) return send_plain(conn, &info, (Range){0, file->size - 1});
    info.content_range = range_text(c->arena, file, file->ranges[0]);
    return send_plain(conn, &info, file->ranges[0]);
}
