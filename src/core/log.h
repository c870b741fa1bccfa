/* SPDX-License-Identifier: Apache-2.0
 * Log: one JSON object a line (or a readable line with LOG_FORMAT=pretty) on standard error or to a
 * file. Lines are gathered in memory and written by a thread of their own, so that no loop waits for
 * a disk or a pipe; the memory is bounded, what does not fit is counted and the count is logged.
 * Secrets, tokens, phone numbers and message bodies never go in. */
#ifndef SOCLE_CORE_LOG_H
#define SOCLE_CORE_LOG_H

#include "core/ctx.h"

typedef enum LogLevel { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF } LogLevel;
typedef enum LogFormat { LOG_JSON, LOG_PRETTY } LogFormat;

/* path NULL: standard error. Starts the writing thread. */
void log_start(LogLevel level, LogFormat format, const char *path);
/* Write what is left and stop the thread. */
void log_stop(void);
/* Open the file again (SIGHUP, after a rotation). */
void log_reopen(void);
bool log_enabled(LogLevel level);
/* Lines that found no room since the process began (metrics). */
int64_t log_dropped(void);

/* A message about the process itself or about c's activity (c may be NULL). `message` is a fixed
 * sentence; figures go into fields. */
void log_msg(Ctx *c, LogLevel level, const char *format, ...) PRINTF_LIKE(3, 4);
/* A line with members of the caller's making: `members` is JSON text without braces: "\"status\":200". */
void log_fields(Ctx *c, LogLevel level, Str message, Str members);

/* Called once for every ERROR line with its text (ops/ forwards to Sentry). Must not wait. */
void log_on_error(void (*fn)(Str line));

#endif
