/* SPDX-License-Identifier: Apache-2.0 */
#include "data/db_room.h"

Err *postgres_open(Ctx *c, DbOptions options, Db *db) {
    assert(db);
    FAIL(c, NOT_CONFIGURED, "PostgreSQL is not there yet: %.*s", S_ARG(options.url));
}
