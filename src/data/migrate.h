/* SPDX-License-Identifier: Apache-2.0
 * Schema migrations: sql/NNNN_name.{sqlite,postgres}.sql, embedded at build; each file has two
 * parts,
 * `-- up` and `-- down`. Applied in order, each in a transaction, recorded in schema_migrations
 * with a checksum; two processes starting at once apply each one once (advisory lock on
 * PostgreSQL). */
#ifndef SOCLE_DATA_MIGRATE_H
#define SOCLE_DATA_MIGRATE_H

#include "data/db.h"

typedef struct Migration {
    int64_t number;
    Str name;
    bool applied;
    Time applied_at;
    bool changed; /* the file is not what was applied */
} Migration;

MUST_USE Err *migrate_up(Ctx *c, int64_t *applied);
MUST_USE Err *migrate_down(Ctx *c, int64_t steps, int64_t *reverted);
MUST_USE Err *migrate_status(Ctx *c, Migration **out, ptrdiff_t *count);

#endif
