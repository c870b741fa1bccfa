/* SPDX-License-Identifier: Apache-2.0
 * Conditional requests (RFC 9110 §13). Our ETags are strong: they name bytes, so each encoding has
 * its own, told apart by a suffix inside the quotes. */
#include "net/server.h"

__extension__ typedef unsigned __int128 Wide;

static uint64_t fold(uint64_t a, uint64_t b) {
    Wide product = (Wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Every body of a GET passes here: 32 bytes a step, four lanes that do not wait for each other. The
 * constants are those of splitmix64. The same bytes give the same tag on every node and after every
 * restart. */
static uint64_t body_hash(Str body) {
    enum { LANES = 4, WORD = 8 };
    const uint64_t odd = 0x9E3779B97F4A7C15U, other = 0xBF58476D1CE4E5B9U;
    uint64_t word, hash = fold((uint64_t)body.len ^ odd, other), lane[LANES];
    ptrdiff_t i = 0;
    for (int l = 0; l < LANES; l++) lane[l] = hash + (uint64_t)l;
    for (; body.len - i >= LANES * WORD; i += LANES * WORD)
        for (int l = 0; l < LANES; l++) {
            memcpy(&word, body.data + i + l * WORD, WORD);
            lane[l] = fold(lane[l] ^ word ^ other, odd) + word;
        }
    for (int l = 0; l < LANES; l++) hash = fold(hash ^ lane[l] ^ other, odd) + lane[l];
    for (; body.len - i >= WORD; i += WORD) {
        memcpy(&word, body.data + i, WORD);
        hash = fold(hash ^ word ^ other, odd) + word;
    }
    word = 0;
    if (body.len > i) memcpy(&word, body.data + i, (size_t)(body.len - i));
    return fold(fold(hash ^ word, odd) ^ other, odd);
}

Str etag_of(Arena *arena, Str body) {
    static const char digits[] = "0123456789abcdef";
    enum { LENGTH = 18 };
    uint64_t hash = body_hash(body);
    char *text = arena_bytes(arena, LENGTH);
    text[0] = text[LENGTH - 1] = '"';
    for (int i = 0; i < 16; i++) text[1 + i] = digits[hash >> (60 - 4 * i) & 15];
    return str_of(text, LENGTH);
}

static Str suffix_of(Encoding encoding) {
    if (encoding == ENCODING_GZIP) return S("-gz");
    return encoding == ENCODING_BROTLI ? S("-br") : S("");
}

Str etag_encoded(Arena *arena, Str etag, Encoding encoding) {
    if (encoding == ENCODING_NONE || etag.len < 2) return etag;
    Str suffix = suffix_of(encoding);
    Str head = str_slice(etag, 0, etag.len - 1);
    return str_concat(arena, str_concat(arena, head, suffix), S("\""));
}

/* Take the next member off a list of ETags: its quoted part, whether it was weak. False at the end
 * or where the list makes no sense. */
static bool tag_next(Str *list, Str *tag, bool *weak) {
    Str rest = *list;
    while (rest.len > 0 && str_find_byte(S(" \t,"), rest.data[0]) >= 0)
        rest = str_slice(rest, 1, rest.len);
    *weak = str_starts(rest, S("W/"));
    if (*weak) rest = str_slice(rest, 2, rest.len);
    if (!str_starts(rest, S("\""))) return false;
    ptrdiff_t end = str_find_byte(str_slice(rest, 1, rest.len), '"');
    if (end < 0) return false;
    *tag = str_slice(rest, 0, end + 2);
    *list = str_slice(rest, end + 2, rest.len);
    return true;
}

static Str tag_core(Str etag) {
    bool weak = str_starts(etag, S("W/"));
    return weak ? str_slice(etag, 2, etag.len) : etag;
}

bool etag_listed(Str list, Str etag, bool weakly) {
    Str tag;
    bool weak;
    if (!etag.data) return false;
    if (str_eq(str_trim(list), S("*"))) return true;
    if (!weakly && str_starts(etag, S("W/"))) return false;
    while (tag_next(&list, &tag, &weak))
        if (str_eq(tag, tag_core(etag)) && (weakly || !weak)) return true;
    return false;
}

/* Does any field of that name list the tag? *given: is there such a field at all? */
static bool listed_by(const Req *q, Str name, Str etag, bool weakly, bool *given) {
    *given = false;
    for (ptrdiff_t i = 0; i < q->header_count; i++) {
        if (q->headers[i].name.len != name.len || !str_eq_nocase(q->headers[i].name, name))
            continue;
        *given = true;
        if (etag_listed(q->headers[i].value, etag, weakly)) return true;
    }
    return false;
}

/* Is there a date, and is `modified` not later than it? Dates on the wire have whole seconds. */
static bool unchanged_since(Str date, Time modified, bool *given) {
    Time since;
    *given = date.data && !time_is_null(modified) && time_parse_http(date, &since);
    return *given && modified.us / US_PER_SECOND <= since.us / US_PER_SECOND;
}

int precondition(const Req *q, Str etag, Time modified) {
    bool given, good = listed_by(q, S("if-match"), etag, false, &given);
    if (!given) good = unchanged_since(req_header(q, S("if-unmodified-since")), modified, &given);
    if (given && !good) return 412;
    bool same = listed_by(q, S("if-none-match"), etag, true, &given);
    if (!given) same = unchanged_since(req_header(q, S("if-modified-since")), modified, &given);
    return same ? 304 : 0;
}

/* The tag as it was before etag_encoded, if it has one of our suffixes. */
static bool tag_is_encoded(Str tag, Str etag) {
    Str core = str_slice(etag, 0, etag.len - 1);
    if (!str_starts(tag, core)) return false;
    Str tail = str_slice(tag, core.len, tag.len);
    return str_eq(tail, S("-gz\"")) || str_eq(tail, S("-br\""));
}

bool req_if_match(const Req *q, Str etag) {
    bool given, weak;
    if (listed_by(q, S("if-match"), etag, false, &given) || !given) return true;
    for (ptrdiff_t i = 0; i < q->header_count; i++) {
        Str tag, list = q->headers[i].value;
        if (!str_eq_nocase(q->headers[i].name, S("if-match"))) continue;
        while (tag_next(&list, &tag, &weak))
            if (!weak && tag_is_encoded(tag, etag)) return true;
    }
    return false;
}
