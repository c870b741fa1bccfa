/* SPDX-License-Identifier: Apache-2.0
 * Posts as they are searched: the collection that the module lists. */
#ifndef SOCLE_VEYL_POSTS_SEARCH_H
#define SOCLE_VEYL_POSTS_SEARCH_H

#include "api/collection.h"
#include "products/veyl/search_index.h"

extern const Collection posts_collection;

#endif
