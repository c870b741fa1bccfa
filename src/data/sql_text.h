/* SPDX-License-Identifier: Apache-2.0
 * Reading SQL just far enough: what is code and what is a literal or a comment, so that `$1` inside
 * a string stays what it is, a write is told from a read, and a script falls into statements.
 * Not a parser: it never decides whether a text is good SQL. */
#ifndef SOCLE_DATA_SQL_TEXT_H
#define SOCLE_DATA_SQL_TEXT_H

#include "core/str.h"

/* Where the string, quoted name, dollar-quoted text or comment that begins at `at` ends; `at`
 * itself when none begins there. An unfinished one ends with the text. */
ptrdiff_t sql_skip_literal(Str sql, ptrdiff_t at);

/* True for statements that change rows or schema: everything but SELECT, VALUES, EXPLAIN, SHOW, and
 * WITH without INSERT, UPDATE, DELETE or MERGE in it. */
bool sql_is_write(Str sql);

/* Our `$1` becomes SQLite's `?1`, in place: both have one byte before the digits. */
void sql_to_sqlite(char *text, ptrdiff_t len);

/* The next statement of a script, without its semicolon; null at the end. *rest moves behind it. */
Str sql_next_statement(Str *rest);

#endif
