/* SPDX-License-Identifier: Apache-2.0
 * Errors to Sentry: every ERROR line of the log becomes an event in an envelope, sent by one
 * service coroutine. Nobody ever waits for it: lines wait in a bounded queue, what does not fit
 * is counted and dropped. An event is tried once; while Sentry says that it has enough, events
 * are dropped. */
#ifndef SOCLE_OPS_SENTRY_H
#define SOCLE_OPS_SENTRY_H

#include "core/err.h"
#include "net/client.h"
#include "ops/metrics.h"

enum { SENTRY_QUEUE = 64, SENTRY_LINE_MAX = 16 * 1024 };

typedef struct SentryOptions {
    Str dsn; /* https://KEY@HOST[:PORT][/PATH]/PROJECT */
    Str environment, release, server_name;
} SentryOptions;

/* Takes over log_on_error. Nothing happens without a DSN; INVALID for a malformed one. On this
 * loop. */
MUST_USE Err *sentry_start(Ctx *c, SentryOptions options);
/* Send what waits, within two seconds, then end. */
void sentry_stop(Ctx *c);

extern const MetricTable sentry_metrics;

/* -- The parts, for tests ---------------------------------------------------------------------- */

typedef struct SentryTarget {
    Str url;        /* of the envelope endpoint */
    Str auth;       /* value of X-Sentry-Auth */
    Str public_dsn; /* without a secret part, as envelopes carry it */
} SentryTarget;
MUST_USE Err *sentry_target(Ctx *c, Str dsn, SentryTarget *out);

/* The envelope of one line of the log, scrubbed. event_id: 32 hex digits. */
Str sentry_envelope(Ctx *c, const SentryOptions *options, const SentryTarget *target, Str line,
                    Str event_id, Time sent_at);

/* How long an answer forbids further error events, in seconds; 0: not at all. */
int64_t sentry_limit_s(const HttpAnswer *answer);

#endif
