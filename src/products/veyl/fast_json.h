/* SPDX-License-Identifier: Apache-2.0
 * A shortcut for bulk: one JSON object straight into a record's struct, without a tree between.
 * It takes what is plainly right and nothing else: an object of known members, each once, within
 * its limits, in valid UTF-8. Whatever it does not take (false) is read by json_parse and
 * record_read, which know every rule and say what is wrong; so both ways give the same struct,
 * and only one gives errors.
 *
 * About ten times as fast: an import of a million posts spends its time in the database instead.
 * Only for records without required fields, fallbacks, formats and lists of values (asserted). */
#ifndef SOCLE_VEYL_FAST_JSON_H
#define SOCLE_VEYL_FAST_JSON_H

#include "core/record.h"

/* `out` is zeroed by the caller; texts are copied into the arena. */
bool fast_json_read(Arena *arena, const Record *record, Str text, void *out, FieldSet *present);

#endif
