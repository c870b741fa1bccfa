/* SPDX-License-Identifier: Apache-2.0
 * Values in PostgreSQL's binary format, both ways, by the type numbers of pg_type that never
 * change. A null argument has no type (0), so that a column of any type takes it. */
#ifndef SOCLE_DATA_PG_VALUE_H
#define SOCLE_DATA_PG_VALUE_H

#include <libpq-fe.h>

#include "data/db_room.h"

typedef struct PgArgs {
    int count;
    Oid types[ARGS_MAX];
    const char *values[ARGS_MAX];
    int lengths[ARGS_MAX], formats[ARGS_MAX];
    char space[ARGS_MAX][8];
} PgArgs;

/* The arguments as libpq wants them; they borrow from args and from the arena. */
void pg_args(Arena *arena, Args args, PgArgs *out);

/* Column `column` of row `row`. Texts borrow from the result or are in c's arena. INTERNAL for a
 * type that is not read here: the statement should cast it. */
MUST_USE Err *pg_value(Ctx *c, const PGresult *result, int row, int column, Value *out);

/* What an error of the server means to our callers. */
Err *pg_err(Ctx *c, const PGresult *result, const char *sql);
/* The five characters of its SQLSTATE, "" without one. */
Str pg_sqlstate(const PGresult *result);

#endif
