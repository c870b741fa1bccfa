/* SPDX-License-Identifier: Apache-2.0
 * Errors of operation: MUST_USE Err *f(Ctx *c, …): NULL means good. An Err lives in the arena of the
 * Ctx. Programmer errors assert instead.
 *
 * One list of kinds yields the HTTP status, the stable machine code, the title and whether trying
 * again may help. Never log and return: the top (router, job runner, command) logs once. */
#ifndef SOCLE_CORE_ERR_H
#define SOCLE_CORE_ERR_H

#include "core/ctx.h"
#include "core/buf.h"
#include "core/str.h"

/* X(KIND, status, code, title, retryable) */
#define ERR_KINDS(X)                                                          \
    X(BAD_REQUEST, 400, "bad_request", "Bad request", false)                  \
    X(UNAUTHENTICATED, 401, "unauthenticated", "Not signed in", false)        \
    X(PAYMENT_REQUIRED, 402, "quota_exceeded", "Quota exceeded", false)       \
    X(FORBIDDEN, 403, "forbidden", "Not allowed", false)                      \
    X(NOT_FOUND, 404, "not_found", "Not found", false)                        \
    X(METHOD_NOT_ALLOWED, 405, "method_not_allowed", "Method not allowed", false) \
    X(NOT_ACCEPTABLE, 406, "not_acceptable", "Not acceptable", false)         \
    X(REQUEST_TIMEOUT, 408, "request_timeout", "Request timeout", true)       \
    X(CONFLICT, 409, "conflict", "Conflict", false)                           \
    X(GONE, 410, "gone", "Gone", false)                                       \
    X(PRECONDITION, 412, "precondition_failed", "Precondition failed", false) \
    X(TOO_LARGE, 413, "too_large", "Content too large", false)                \
    X(URI_TOO_LONG, 414, "uri_too_long", "URI too long", false)               \
    X(MEDIA_TYPE, 415, "unsupported_media_type", "Unsupported media type", false) \
    X(RANGE, 416, "range_not_satisfiable", "Range not satisfiable", false)    \
    X(EXPECTATION, 417, "expectation_failed", "Expectation failed", false)    \
    X(INVALID, 422, "validation_error", "Validation error", false)            \
    X(UPGRADE_REQUIRED, 426, "upgrade_required", "Upgrade required", false)   \
    X(RATE_LIMITED, 429, "rate_limited", "Too many requests", true)           \
    X(HEADERS_TOO_LARGE, 431, "headers_too_large", "Header fields too large", false) \
    X(INTERNAL, 500, "internal", "Internal error", false)                     \
    X(NOT_CONFIGURED, 501, "not_configured", "Not configured", false)         \
    X(UPSTREAM, 502, "upstream_failed", "An outside service failed", true)    \
    X(UNAVAILABLE, 503, "unavailable", "Temporarily unavailable", true)       \
    X(BUDGET, 503, "over_budget", "Request over its memory budget", false)    \
    X(TIMEOUT, 504, "timeout", "Timed out", true)                             \
    X(HTTP_VERSION, 505, "http_version_not_supported", "HTTP version not supported", false) \
    X(CANCELLED, 499, "cancelled", "Cancelled", false)                        \
    X(STORAGE_FULL, 507, "storage_full", "Storage full", true)

typedef enum ErrKind {
#define X(kind, status, code, title, retryable) ERR_##kind,
    ERR_KINDS(X)
#undef X
        ERR_KIND_COUNT
} ErrKind;

/* One bad field of an INVALID error: `field` is its path in the body (`metrics.likes`). */
typedef struct FieldError {
    Str field;
    Str code; /* required, type, too_short, too_long, min, max, format, value, unknown, duplicate */
    Str message;
} FieldError;

typedef struct Err {
    ErrKind kind;
    const char *where; /* function that made it */
    Str detail;        /* a sentence for the caller; of 5xx only the log sees it */
    Str code;          /* machine code when it differs from the kind's, else null */
    FieldError *fields;
    ptrdiff_t field_count;
    int64_t retry_after_s; /* 0: none given */
    struct Err *cause;
} Err;

#define TRY(call)                  \
    do {                           \
        Err *err_ = (call);        \
        if (err_) return err_;     \
    } while (0)

/* Return an error of KIND (without ERR_) with a formatted detail. */
#define FAIL(c, KIND, ...) return err_new((c), ERR_##KIND, __func__, __VA_ARGS__)

Err *err_new(Ctx *c, ErrKind kind, const char *where, const char *format, ...) PRINTF_LIKE(4, 5);
/* A new error that names `cause` as its reason. */
Err *err_wrap(Ctx *c, ErrKind kind, const char *where, Err *cause, const char *format, ...) PRINTF_LIKE(5, 6);
/* Copy into another arena (results that cross from a helper thread or coroutine). */
Err *err_copy(Arena *arena, const Err *err);

int err_status(ErrKind kind);
Str err_code(const Err *err);
Str err_title(ErrKind kind);
bool err_retryable(ErrKind kind);
/* `kind where: detail <- kind where: detail`, for the log. */
Str err_chain(Arena *arena, const Err *err);

/* Collects bad fields, then becomes one INVALID error. Bounded: 100 fields, the rest is counted. */
typedef struct Problems {
    Arena *arena;
    FieldError *items;
    ptrdiff_t count, cap;
} Problems;
void problem_add(Problems *p, Str field, Str code, const char *format, ...) PRINTF_LIKE(4, 5);
/* NULL when there are none. */
Err *problems_err(Ctx *c, const Problems *p);

#endif
