/* SPDX-License-Identifier: Apache-2.0 */
#include "core/err.h"

static const struct {
    int status;
    Str code, title;
    bool retryable;
    const char *name;
} kinds[] = {
#define X(kind, status, code, title, retryable) {status, S_INIT(code), S_INIT(title), retryable, #kind},
    ERR_KINDS(X)
#undef X
};
static_assert(COUNT(kinds) == ERR_KIND_COUNT, "one row a kind");

enum { PROBLEMS_MAX = 100 };

int err_status(ErrKind kind) { return kinds[kind].status; }
Str err_title(ErrKind kind) { return kinds[kind].title; }
bool err_retryable(ErrKind kind) { return kinds[kind].retryable; }
Str err_code(const Err *err) { return err->code.data ? err->code : kinds[err->kind].code; }

static Err *err_make(Ctx *c, ErrKind kind, const char *where, Err *cause, const char *format, va_list args) {
    assert(kind < ERR_KIND_COUNT);
    Err *err = arena_new_of(c->arena, Err);
    *err = (Err){.kind = kind, .where = where, .cause = cause, .detail = strvf(c->arena, format, args)};
    return err;
}

Err *err_new(Ctx *c, ErrKind kind, const char *where, const char *format, ...) {
    va_list args;
    va_start(args, format);
    Err *err = err_make(c, kind, where, NULL, format, args);
    va_end(args);
    return err;
}

Err *err_wrap(Ctx *c, ErrKind kind, const char *where, Err *cause, const char *format, ...) {
    va_list args;
    va_start(args, format);
    Err *err = err_make(c, kind, where, cause, format, args);
    va_end(args);
    if (cause) err->retry_after_s = cause->retry_after_s;
    return err;
}

Err *err_copy(Arena *arena, const Err *err) {
    if (!err) return NULL;
    Err *copy = arena_new_of(arena, Err);
    *copy = *err;
    copy->detail = str_copy(arena, err->detail);
    copy->code = str_copy(arena, err->code);
    copy->fields = arena_array(arena, FieldError, err->field_count);
    for (ptrdiff_t i = 0; i < err->field_count; i++) {
        FieldError f = err->fields[i];
        copy->fields[i] = (FieldError){str_copy(arena, f.field), str_copy(arena, f.code), str_copy(arena, f.message)};
    }
    copy->cause = err_copy(arena, err->cause);
    return copy;
}

Str err_chain(Arena *arena, const Err *err) {
    Buf b = buf_new(arena, 128);
    for (; err; err = err->cause) {
        buf_f(&b, "%s %s: ", kinds[err->kind].name, err->where);
        buf_add(&b, err->detail);
        if (err->cause) buf_add(&b, S(" <- "));
    }
    return buf_str(&b);
}

void problem_add(Problems *p, Str field, Str code, const char *format, ...) {
    assert(p->arena);
    if (p->count++ >= PROBLEMS_MAX) return;
    if (p->cap < p->count) {
        ptrdiff_t cap = max_size(8, p->cap * 2), size = (ptrdiff_t)sizeof(FieldError);
        p->items = arena_grow(p->arena, p->items, p->cap * size, cap * size);
        p->cap = cap;
    }
    va_list args;
    va_start(args, format);
    p->items[p->count - 1] = (FieldError){str_copy(p->arena, field), code, strvf(p->arena, format, args)};
    va_end(args);
}

Err *problems_err(Ctx *c, const Problems *p) {
    if (p->count == 0) return NULL;
    FieldError first = p->items[0];
    Err *err = p->count == 1
                   ? err_new(c, ERR_INVALID, __func__, "%.*s%s%.*s.", S_ARG(first.field), first.field.len ? ": " : "",
                             S_ARG(first.message))
                   : err_new(c, ERR_INVALID, __func__, "%td fields are not valid; the first is %.*s: %.*s.", p->count,
                             S_ARG(first.field), S_ARG(first.message));
    err->fields = p->items;
    err->field_count = min_size(p->count, PROBLEMS_MAX);
    return err;
}
