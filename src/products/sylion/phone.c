/* SPDX-License-Identifier: Apache-2.0
 * The reader goes through the text once and refuses at the first character that no spelling of
 * a number has, so that `PHONE_NUMBER` and `ext. 12` are not made numbers of by leaving letters
 * out. */
#include "products/sylion/phone.h"

enum { DIGITS_MIN = 7, DIGITS_MAX = 15, TEXT_MAX = 64, SHOWN = 2 };

typedef struct Digits {
    char at[DIGITS_MAX + 3]; /* two more for a leading 00, and the NUL */
    ptrdiff_t count;
    bool plus;
} Digits;

static bool is_between(int32_t point) {
    switch (point) {
    case ' ':
    case '\t':
    case '-':
    case '.':
    case '/':
    case '(':
    case ')':
    case 0xA0:   /* no-break space */
    case 0xAD:   /* soft hyphen */
    case 0x2007: /* figure space */
    case 0x202F: /* narrow no-break space */
    case 0x2060: /* word joiner */
    case 0xFEFF: return true;
    default:
        return (point >= 0x2009 && point <= 0x2015) || /* thin spaces, direction marks, dashes */
               (point >= 0x202A && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069);
    }
}

static int digit_of(int32_t point) {
    static const int32_t zeros[] = {'0', 0x0660, 0x06F0, 0xFF10}; /* ASCII, Arabic, Persian, wide */
    for (ptrdiff_t i = 0; i < COUNT(zeros); i++)
        if (point >= zeros[i] && point <= zeros[i] + 9) return (int)(point - zeros[i]);
    return -1;
}

static Str prefix_drop(Str text) {
    static const Str prefixes[] = {S_INIT("tel:"), S_INIT("whatsapp:")};
    for (ptrdiff_t i = 0; i < COUNT(prefixes); i++) {
        Str head = str_slice(text, 0, prefixes[i].len);
        if (str_eq_nocase(head, prefixes[i])) return str_slice(text, prefixes[i].len, text.len);
    }
    return text;
}

static MUST_USE bool digits_read(Str text, Digits *out) {
    for (ptrdiff_t pos = 0; pos < text.len;) {
        if (out->count > 0 && str_starts(str_slice(text, pos, text.len), S("(0)"))) {
            pos += 3;
            continue;
        }
        int32_t point = str_utf8_next(text, &pos);
        int digit = digit_of(point);
        if (digit >= 0) {
            if (out->count == DIGITS_MAX + 2) return false;
            out->at[out->count++] = (char)('0' + digit);
        } else if (point == '+' || point == 0xFF0B) {
            if (out->plus || out->count > 0) return false;
            out->plus = true;
        } else if (!is_between(point)) {
            return false;
        }
    }
    return true;
}

Str phone_normalise(Arena *arena, Str text) {
    Digits digits = {0};
    text = prefix_drop(str_trim(text));
    if (text.len > TEXT_MAX || !digits_read(text, &digits)) return (Str){0};
    Str number = str_of(digits.at, digits.count);
    if (!digits.plus && str_starts(number, S("00"))) number = str_slice(number, 2, number.len);
    if (number.len < DIGITS_MIN || number.len > DIGITS_MAX || number.data[0] == '0')
        return (Str){0};
    return str_concat(arena, S("+"), number);
}

Str phone_mask(Arena *arena, Str phone) {
    ptrdiff_t len = min_size(phone.len, TEXT_MAX), shown = len > 2 * SHOWN ? SHOWN : 0;
    char *masked = arena_bytes(arena, len + 1);
    memset(masked, '*', (size_t)len);
    if (len > 0 && phone.data[0] == '+') masked[0] = '+';
    for (ptrdiff_t i = len - shown; i < len; i++) {
        char byte = phone.data[phone.len - len + i];
        if ((unsigned char)byte < 0x80) masked[i] = byte;
    }
    return str_of(masked, len);
}
