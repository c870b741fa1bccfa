/* SPDX-License-Identifier: Apache-2.0
 * Chunked transfer coding (RFC 9112 §7.1), decoded as it arrives:
 *
 *   SIZE ──;──► EXTENSION ─┐                 ┌──────────── next chunk ────────────┐
 *     └────────CR──────────┴─CR─► SIZE_LF ─LF┴► DATA ─0 left─► DATA_CR ─► DATA_LF ┘
 *                                        └size 0► TRAILER ─CR─► END_LF ─LF─► DONE
 *                                                  │  ▲
 *                                         TRAILER_NAME ─:─► TRAILER_VALUE ─CR─► TRAILER_LF
 *
 * Anything else is BAD: signs, blanks, a lone CR or LF, sizes over 2^60, extensions and trailers
 * over their limits. Extensions and trailers are checked and dropped. */
#include "net/http1.h"

enum { SIZE_DIGITS_MAX = 15 };

static int hex_value(char byte) {
    if (byte >= '0' && byte <= '9') return byte - '0';
    if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
    return -1;
}

static ChunkedState size_take(Chunked *d, char byte) {
    int digit = hex_value(byte);
    if (digit >= 0) {
        if (++d->digits > SIZE_DIGITS_MAX) return CHUNKED_BAD;
        d->left = d->left * 16 + digit;
        return CHUNKED_SIZE;
    }
    if (d->digits == 0) return CHUNKED_BAD;
    if (byte == '\r') return CHUNKED_SIZE_LF;
    return byte == ';' ? CHUNKED_EXTENSION : CHUNKED_BAD;
}

static ChunkedState size_end(Chunked *d, char byte) {
    if (byte != '\n') return CHUNKED_BAD;
    d->digits = 0;
    return d->left > 0 ? CHUNKED_DATA : CHUNKED_TRAILER;
}

static ChunkedState extension_take(Chunked *d, char byte) {
    if (++d->extension_bytes > HTTP1_EXTENSION_MAX) return CHUNKED_BAD;
    if (byte == '\r') return CHUNKED_SIZE_LF;
    return http1_is_field_value(str_of(&byte, 1)) ? CHUNKED_EXTENSION : CHUNKED_BAD;
}

static ChunkedState trailer_take(Chunked *d, char byte) {
    if (++d->trailer_bytes > HTTP1_TRAILER_MAX) return CHUNKED_BAD;
    Str one = str_of(&byte, 1);
    switch (d->state) {
    case CHUNKED_TRAILER:
        if (byte == '\r') return CHUNKED_END_LF;
        return http1_is_token(one) ? CHUNKED_TRAILER_NAME : CHUNKED_BAD;
    case CHUNKED_TRAILER_NAME:
        if (byte == ':') return CHUNKED_TRAILER_VALUE;
        return http1_is_token(one) ? CHUNKED_TRAILER_NAME : CHUNKED_BAD;
    case CHUNKED_TRAILER_VALUE:
        if (byte == '\r') return CHUNKED_TRAILER_LF;
        return http1_is_field_value(one) ? CHUNKED_TRAILER_VALUE : CHUNKED_BAD;
    default:
        assert(d->state == CHUNKED_TRAILER_LF);
        return byte == '\n' ? CHUNKED_TRAILER : CHUNKED_BAD;
    }
}

static ChunkedState byte_take(Chunked *d, char byte) {
    switch (d->state) {
    case CHUNKED_SIZE: return size_take(d, byte);
    case CHUNKED_EXTENSION: return extension_take(d, byte);
    case CHUNKED_SIZE_LF: return size_end(d, byte);
    case CHUNKED_DATA_CR: return byte == '\r' ? CHUNKED_DATA_LF : CHUNKED_BAD;
    case CHUNKED_DATA_LF: return byte == '\n' ? CHUNKED_SIZE : CHUNKED_BAD;
    case CHUNKED_END_LF: return byte == '\n' ? CHUNKED_DONE : CHUNKED_BAD;
    default: return trailer_take(d, byte);
    }
}

ptrdiff_t chunked_take(Chunked *d, Str in, Str *data) {
    assert(d && data);
    *data = S("");
    ptrdiff_t at = 0;
    while (at < in.len && d->state != CHUNKED_DONE && d->state != CHUNKED_BAD) {
        if (d->state != CHUNKED_DATA) {
            d->state = byte_take(d, in.data[at++]);
            continue;
        }
        ptrdiff_t run = (ptrdiff_t)min_i64(in.len - at, d->left);
        *data = str_slice(in, at, at + run);
        d->left -= run;
        if (d->left == 0) d->state = CHUNKED_DATA_CR;
        return at + run;
    }
    return at;
}
