/* SPDX-License-Identifier: Apache-2.0 */
#include "core/json.h"

#include <math.h>

#include "core/json_parts.h"

static void json_release(void *value) { json_decref(value); }

ptrdiff_t json_too_deep_at(Str text) {
    ptrdiff_t depth = 0;
    bool in_string = false;
    for (ptrdiff_t i = 0; i < text.len; i++) {
        char b = text.data[i];
        if (in_string) {
            if (b == '\\') i++;
            else in_string = b != '"';
        } else if (b == '"') {
            in_string = true;
        } else if (b == '[' || b == '{') {
            if (++depth > JSON_DEPTH_MAX) return i;
        } else if (b == ']' || b == '}') {
            depth--;
        }
    }
    return -1;
}

static Err *too_deep(Ctx *c, Str text, ptrdiff_t at, int64_t missing) {
    int line = 1;
    ptrdiff_t column = 1;
    for (ptrdiff_t i = 0; i < at; i++) {
        column = text.data[i] == '\n' ? 1 : column + 1;
        line += text.data[i] == '\n';
    }
    FAIL(c, BAD_REQUEST, "The JSON is not valid: nested deeper than %d levels at line %d, column %lld.", JSON_DEPTH_MAX,
         line, (long long)(column + missing));
}

Err *json_parse_cut(Ctx *c, Str text, int64_t (*missing)(const void *arg, ptrdiff_t at), const void *arg, json_t **out) {
    json_error_t why;
    ptrdiff_t deep = json_too_deep_at(text);
    if (deep >= 0) return too_deep(c, text, deep, missing ? missing(arg, deep) : 0);
    json_t *value = json_loadb(text.data ? text.data : "", (size_t)text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (!value)
        FAIL(c, BAD_REQUEST, "The JSON is not valid: %s at line %d, column %lld.", why.text, why.line,
             (long long)(why.column + (missing ? missing(arg, why.position) : 0)));
    defer(c, json_release, value);
    *out = value;
    return NULL;
}

Err *json_parse(Ctx *c, Str text, json_t **out) { return json_parse_cut(c, text, NULL, NULL, out); }

json_t *json_at(const json_t *object, const char *name) { return json_object_get(object, name); }

json_t *json_path(const json_t *value, const char *path) {
    json_t *at = (json_t *)(uintptr_t)value;
    for (Str rest = str_c(path); rest.data && at;) {
        Str head;
        char name[64];
        int64_t index;
        rest = str_cut(rest, '.', &head);
        assert(head.len < (ptrdiff_t)sizeof name);
        memcpy(name, head.data, (size_t)head.len);
        name[head.len] = 0;
        at = json_is_array(at) && str_to_i64(head, &index) && index >= 0 ? json_array_get(at, (size_t)index)
                                                                         : json_object_get(at, name);
    }
    return at;
}

Str json_str(const json_t *value) {
    if (!json_is_string(value)) return (Str){0};
    return str_of(json_string_value(value), (ptrdiff_t)json_string_length(value));
}

bool json_i64(const json_t *value, int64_t *out) {
    if (json_is_integer(value)) {
        *out = json_integer_value(value);
        return true;
    }
    if (json_is_real(value)) {
        double real = json_real_value(value);
        if (real != rint(real) || fabs(real) > 9e15) return false;
        *out = (int64_t)real;
        return true;
    }
    return str_to_i64(json_str(value), out);
}

bool json_f64(const json_t *value, double *out) {
    if (json_is_number(value)) {
        *out = json_number_value(value);
        return true;
    }
    return str_to_f64(json_str(value), out);
}

static void json_write(JsonOut *o, const json_t *value);

static void json_write_object(JsonOut *o, const json_t *value) {
    json_t *object = (json_t *)(uintptr_t)value;
    json_begin(o, '{');
    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        json_key(o, str_c(json_object_iter_key(i)));
        json_write(o, json_object_iter_value(i));
    }
    json_end(o, '}');
}

static void json_write_array(JsonOut *o, const json_t *value) {
    json_begin(o, '[');
    for (size_t i = 0; i < json_array_size(value); i++) json_write(o, json_array_get(value, i));
    json_end(o, ']');
}

/* Recursion is bounded by JSON_DEPTH_MAX. */
static void json_write(JsonOut *o, const json_t *value) {
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_OBJECT: json_write_object(o, value); break;
    case JSON_ARRAY: json_write_array(o, value); break;
    case JSON_STRING: json_put_str(o, json_str(value)); break;
    case JSON_INTEGER: json_put_i64(o, json_integer_value(value)); break;
    case JSON_REAL: json_put_f64(o, json_real_value(value)); break;
    case JSON_TRUE: json_put_bool(o, true); break;
    case JSON_FALSE: json_put_bool(o, false); break;
    case JSON_NULL: json_put_null(o); break;
    }
}

void buf_json_value(Buf *b, const json_t *value) {
    JsonOut o = json_out(b);
    json_write(&o, value);
}

JsonOut json_out(Buf *b) { return (JsonOut){.buf = b}; }

static void json_comma(JsonOut *o) {
    if (o->comma) buf_byte(o->buf, ',');
    o->comma = true;
}

void json_begin(JsonOut *o, char bracket) {
    json_comma(o);
    buf_byte(o->buf, bracket);
    o->comma = false;
}

void json_end(JsonOut *o, char bracket) {
    buf_byte(o->buf, bracket);
    o->comma = true;
}

void json_key(JsonOut *o, Str name) {
    json_comma(o);
    buf_json(o->buf, name);
    buf_byte(o->buf, ':');
    o->comma = false;
}

void json_put_str(JsonOut *o, Str value) {
    json_comma(o);
    buf_json(o->buf, value);
}

void json_put_i64(JsonOut *o, int64_t value) {
    json_comma(o);
    buf_i64(o->buf, value);
}

void json_put_f64(JsonOut *o, double value) {
    json_comma(o);
    buf_f64(o->buf, value);
}

void json_put_bool(JsonOut *o, bool value) {
    json_comma(o);
    buf_add(o->buf, value ? S("true") : S("false"));
}

void json_put_null(JsonOut *o) {
    json_comma(o);
    buf_add(o->buf, S("null"));
}

void json_put_raw(JsonOut *o, Str json) {
    json_comma(o);
    buf_add(o->buf, json.data ? json : S("null"));
}
