/* SPDX-License-Identifier: Apache-2.0
 * What every file may use: the standard types, attributes, COUNT and assertions that stay on in
 * release builds. Sizes are signed (ptrdiff_t), so that a subtraction never wraps silently. */
#ifndef SOCLE_CORE_BASE_H
#define SOCLE_CORE_BASE_H

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/banned.h"

#define COUNT(array) ((ptrdiff_t)(sizeof(array) / sizeof((array)[0])))
#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(text_at, first_at) __attribute__((format(printf, text_at, first_at)))
#define NORETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))

#define KIB ((ptrdiff_t)1024)
#define MIB (1024 * KIB)

static inline ptrdiff_t min_size(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }
static inline ptrdiff_t max_size(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }
static inline int64_t min_i64(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t max_i64(int64_t a, int64_t b) { return a > b ? a : b; }

#endif
