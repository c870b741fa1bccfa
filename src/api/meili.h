/* SPDX-License-Identifier: Apache-2.0
 * Meilisearch's routes over the collections of all modules, so that its clients (and the adapter
 * for InstantSearch) work unchanged. They only read: the database is the truth, and an index
 * follows it. */
#ifndef SOCLE_API_MEILI_H
#define SOCLE_API_MEILI_H

#include "api/module.h"

extern const Module meili_module;

#endif
