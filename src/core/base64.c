/* SPDX-License-Identifier: Apache-2.0
 * A table says what each byte is; three bytes go out for four digits. */
#include "core/base64.h"

enum { BAD = 64, SKIP = 65, PAD = 66 };

#define ROW4(from, n) \
    [from] = (n), [(from) + 1] = (n) + 1, [(from) + 2] = (n) + 2, [(from) + 3] = (n) + 3
#define ROW8(from, n) ROW4(from, n), ROW4((from) + 4, (n) + 4)
#define ROW26(from, n)                                                     \
    ROW8(from, n), ROW8((from) + 8, (n) + 8), ROW8((from) + 16, (n) + 16), \
        [(from) + 24] = (n) + 24, [(from) + 25] = (n) + 25

/* One more than the byte's meaning; 0: none. */
static const unsigned char meaning[256] = {
    ROW26('A', 1),     ROW26('a', 27),   ROW8('0', 53),     ['8'] = 61,      ['9'] = 62,
    ['+'] = 63,        ['-'] = 63,       ['/'] = 64,        ['_'] = 64,      ['\r'] = SKIP + 1,
    ['\n'] = SKIP + 1, [' '] = SKIP + 1, ['\t'] = SKIP + 1, ['='] = PAD + 1,
};

static unsigned value_of(char byte) {
    unsigned one_more = meaning[(unsigned char)byte];
    return one_more ? one_more - 1 : BAD;
}

ptrdiff_t base64_take(Base64 *b, Str text, char *to) {
    ptrdiff_t n = 0;
    assert(b && to);
    for (ptrdiff_t i = 0; i < text.len && !b->bad; i++) {
        unsigned v = value_of(text.data[i]);
        if (v == SKIP) continue;
        if (v == PAD) {
            b->bad = ++b->pads > 2;
            continue;
        }
        b->bad = v == BAD || b->pads > 0;
        b->group = b->group << 6 | (v & 63);
        if (++b->digits < 4) continue;
        b->digits = 0;
        to[n++] = (char)(b->group >> 16 & 0xFF);
        to[n++] = (char)(b->group >> 8 & 0xFF);
        to[n++] = (char)(b->group & 0xFF);
    }
    return b->bad ? 0 : n;
}

ptrdiff_t base64_end(Base64 *b, char to[2]) {
    b->bad |= b->digits == 1 || (b->pads > 0 && (b->digits + b->pads) % 4 != 0);
    if (b->bad || b->digits == 0) return 0;
    uint32_t group = b->group << 6 * (4 - b->digits);
    to[0] = (char)(group >> 16 & 0xFF);
    to[1] = (char)(group >> 8 & 0xFF);
    return b->digits - 1;
}
