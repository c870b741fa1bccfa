/* SPDX-License-Identifier: Apache-2.0
 * The Assembly's XML, read step by step without ever building a tree. Only UTF-8 is taken, and no
 * document type: so there are no entities to expand, nothing outside to fetch and no default that
 * a document could sneak in. Nesting is limited to 256, a document to 64 MiB.
 *
 * Every call may run on a helper thread (offload): nothing waits. */
#ifndef SOCLE_ROBIAN_XML_H
#define SOCLE_ROBIAN_XML_H

#include "core/buf.h"
#include "core/err.h"

enum { XML_BYTES_MAX = 64 * 1024 * 1024, XML_LEVELS_MAX = 256 };

typedef struct Xml Xml;

typedef enum XmlStep {
    XML_OPEN,  /* <name …>; an empty element is closed by a step of its own */
    XML_CLOSE, /* </name> */
    XML_TEXT,
    XML_OVER
} XmlStep;

/* bytes must live as long as c, which frees the reader when it ends. INVALID: not UTF-8, a document type,
 * too large, another root element than `root`. The root has been opened. */
MUST_USE Err *xml_open(Ctx *c, Str bytes, Str root, Xml **out);
/* INVALID with line: malformed, nested too deep, cut in the middle. */
MUST_USE Err *xml_next(Xml *x, XmlStep *step);

/* Of the element just opened or closed, without prefix; borrowed until the next step. */
bool xml_is(const Xml *x, const char *name);
Str xml_name(const Xml *x);
/* Of the element just opened: in the arena; null when it has none such. */
Str xml_attribute(Xml *x, const char *name);
/* Borrowed until the next step. */
Str xml_text(const Xml *x);

/* Everything up to the close of the element just opened. */
MUST_USE Err *xml_skip(Xml *x);
/* The same, and its text: white space as one blank (a single no-break space stays), none at the ends;
 * <br/> is a line's end, a raised o behind an n a degree sign; what other elements hold is text like
 * any other. In the arena. */
MUST_USE Err *xml_content(Xml *x, Str *out);
/* A text with its white space as xml_content has it, and no line ends. */
Str xml_flat(Arena *arena, Str text);

#endif
