/* SPDX-License-Identifier: Apache-2.0
 * The tags of a page or of a timeline, one after the other, with their attributes: enough to read the
 * <meta> of HTML that is not well-formed and the <file> of small XML alike. Comments and the insides
 * of <script> and <style> are passed over. Not a parser: nesting and text are nobody's concern here. */
#ifndef SOCLE_ROBIAN_TAGS_H
#define SOCLE_ROBIAN_TAGS_H

#include "core/str.h"

typedef struct Tag {
    Str name;       /* as written; null after the last */
    Str attributes; /* the raw text of them */
} Tag;

/* The next tag of *rest (closing tags are left out), which moves behind it. */
Tag tag_next(Str *rest);
bool tag_is(const Tag *tag, Str name); /* case of letters aside */
/* The value of an attribute, its entities resolved, without blanks at its ends; null Str without it. */
Str tag_value(Arena *arena, const Tag *tag, Str name);
/* &amp; &#233; &eacute; … of a text: the numeric ones and XML's five; others stay as they are. */
Str entities_resolve(Arena *arena, Str text);

#endif
