/* SPDX-License-Identifier: Apache-2.0
 * Pictures by their bytes, and codes. A picture is looked at as far as its size and whether it is whole:
 * a JPEG goes into the PDF as it is, so one that is cut off would be cut off in print. */
#include <errno.h>
#include <qrencode.h>
#include <stdlib.h>

#include "products/lifetales/book_room.h"

enum { SIDE_MAX = 30000 };

static const unsigned char *at(Str bytes, ptrdiff_t i) { return (const unsigned char *)bytes.data + i; }
static int u16(Str bytes, ptrdiff_t i) { return at(bytes, i)[0] << 8 | at(bytes, i)[1]; }
static int64_t u32(Str bytes, ptrdiff_t i) {
    return (int64_t)u16(bytes, i) << 16 | u16(bytes, i + 2);
}

static BookImageLook png_look(Str bytes) {
    BookImageLook none = {0};
    if (bytes.len < 57 || !str_eq(str_slice(bytes, 12, 16), S("IHDR"))) return none;
    int64_t width = u32(bytes, 16), height = u32(bytes, 20);
    if (width < 1 || height < 1 || width > SIDE_MAX || height > SIDE_MAX) return none;
    for (ptrdiff_t i = 8; i + 12 <= bytes.len;) {
        int64_t len = u32(bytes, i);
        if (len > bytes.len - i - 12) return none;
        if (memcmp(at(bytes, i + 4), "IEND", 4) == 0)
            return (BookImageLook){BOOK_PNG, (int)width, (int)height};
        i += (ptrdiff_t)len + 12;
    }
    return none;
}

static bool frame(int marker) { /* SOF0 … SOF15 but for tables */
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

static BookImageLook jpeg_look(Str bytes) {
    BookImageLook look = {0}, none = {0};
    ptrdiff_t i = 2;
    while (i + 9 < bytes.len && at(bytes, i)[0] == 0xff) {
        int marker = at(bytes, i)[1], len = u16(bytes, i + 2);
        if (marker == 0xff) {
            i++;
            continue;
        }
        if (frame(marker)) look = (BookImageLook){BOOK_JPEG, u16(bytes, i + 7), u16(bytes, i + 5)};
        if (len < 2 || len > bytes.len - i - 2) return none;
        i += len + 2;
        if (marker == 0xda) break;
    }
    if (look.width < 1 || look.height < 1 || look.width > SIDE_MAX || look.height > SIDE_MAX) return none;
    for (ptrdiff_t end = bytes.len - 2; end >= i; end--) /* some cameras write on behind it */
        if (at(bytes, end)[0] == 0xff && at(bytes, end)[1] == 0xd9) return look;
    return none;
}

static int le24(Str bytes, ptrdiff_t i) {
    return at(bytes, i)[0] | at(bytes, i)[1] << 8 | at(bytes, i)[2] << 16;
}

static BookImageLook webp_look(Str bytes) {
    BookImageLook look = {BOOK_WEBP, 0, 0}, none = {0};
    if (bytes.len < 30 || le24(bytes, 4) > bytes.len - 8) return none;
    Str form = str_slice(bytes, 12, 16);
    if (str_eq(form, S("VP8X"))) {
        look.width = le24(bytes, 24) + 1;
        look.height = le24(bytes, 27) + 1;
    } else if (str_eq(form, S("VP8 "))) {
        look.width = le24(bytes, 26) & 0x3fff;
        look.height = le24(bytes, 27) >> 8 & 0x3fff;
    } else if (str_eq(form, S("VP8L"))) {
        look.width = (le24(bytes, 21) & 0x3fff) + 1;
        look.height = ((le24(bytes, 22) >> 6) & 0x3fff) + 1;
    }
    return look.width > 0 && look.height > 0 ? look : none;
}

BookImageLook book_image_look(Str bytes) {
    if (str_starts(bytes, S("\x89PNG\r\n\x1a\n"))) return png_look(bytes);
    if (str_starts(bytes, S("\xff\xd8\xff"))) return jpeg_look(bytes);
    if (str_starts(bytes, S("RIFF")) && str_eq(str_slice(bytes, 8, 12), S("WEBP")))
        return webp_look(bytes);
    return (BookImageLook){0};
}

const char *book_image_ending(BookPicture kind) {
    return kind == BOOK_PNG ? "png" : kind == BOOK_JPEG ? "jpg" : "webp";
}
const char *book_image_type(BookPicture kind) {
    return kind == BOOK_PNG ? "image/png" : kind == BOOK_JPEG ? "image/jpeg" : "image/webp";
}

Err *book_code(Ctx *c, Str text, BookCode *out) {
    QRcode *code = QRcode_encodeData((int)text.len, (const unsigned char *)text.data, 0, QR_ECLEVEL_M);
    if (!code) {
        if (errno == ENOMEM) abort();
        FAIL(c, INVALID, "The address of a voice is too long for a code: %td bytes", text.len);
    }
    ptrdiff_t modules = (ptrdiff_t)code->width * code->width;
    unsigned char *dark = arena_bytes(c->arena, modules);
    memcpy(dark, code->data, (size_t)modules);
    *out = (BookCode){code->width, dark};
    QRcode_free(code);
    return NULL;
}
