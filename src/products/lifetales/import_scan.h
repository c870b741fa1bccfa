/* SPDX-License-Identifier: Apache-2.0
 * Walking through JSON that is too large to be parsed whole: where values begin and end, from their brackets and
 * quotes alone. What is inside is for who parses it. Pure, but that pages of a file are given back. */
#ifndef SOCLE_LIFETALES_IMPORT_SCAN_H
#define SOCLE_LIFETALES_IMPORT_SCAN_H

#include "core/str.h"

/* Texts lie in this mapping of a file, which is only read: what a walk has passed need not stay in memory. Null:
 * in no file. */
void scan_mapped(Str file);
void scan_passed(const char *from, const char *to);

typedef struct Scan {
    Str text; /* of the list or object, from its bracket on; its end need not be there */
    ptrdiff_t at;
    bool begun, over;
    bool broken; /* at `at` stands something else than JSON has there, or the text ends */
} Scan;

/* The next value: it begins behind white space, ends before `end`. False at the end of the text. cut: its end is
 * not there. */
bool scan_value(Str text, ptrdiff_t at, ptrdiff_t *begin, ptrdiff_t *end, bool *cut);
Scan scan_of(Str container);
/* The next member (key: its text between the quotes, as it stands; null in a list). The value is borrowed. False
 * at the end, and where it is broken. cut: its end is not there, and nothing follows. */
bool scan_next(Scan *s, Str *key, Str *value, bool *cut);

#endif
