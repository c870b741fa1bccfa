/* SPDX-License-Identifier: Apache-2.0
 * Caches of this node follow what others write. */
#ifndef SOCLE_ROBIAN_FOLLOW_H
#define SOCLE_ROBIAN_FOLLOW_H

#include "core/err.h"

/* On PostgreSQL without Redis: begin to listen to `debates` and to forget what is cached of them. With
 * Redis the cache itself tells the other nodes (data/cache.h); SQLite has one node. */
MUST_USE Err *caches_follow(Ctx *c);

#endif
