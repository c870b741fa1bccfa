/* SPDX-License-Identifier: Apache-2.0
 * JSON and text to records. Every bad field is reported, under its path, before anything is used. */
#include <math.h>

#include "core/json.h"
#include "core/record.h"

#define YEAR_1_MS (-62135596800000.0)
#define YEAR_10000_MS 253402300800000.0
enum { TEXT_MAX = 64 * 1024, LIST_MAX = 10000 };

typedef struct Reader {
    Ctx *c;
    Problems *problems;
    ReadMode mode;
} Reader;

static void read_object(Reader *r, const Record *record, const json_t *json, void *out, FieldSet *present, Str path);

static void bad(Reader *r, Str path, Str code, const char *message) { problem_add(r->problems, path, code, "%s", message); }

/* Lasts as long as c, for it becomes part of an error's path. */
static Str wire_name(Ctx *c, const Record *record, const Field *f) {
    char room[FIELD_NAME_MAX];
    Str name = field_wire(record, f, room);
    return name.data == room ? str_copy(c->arena, name) : name;
}

static Str path_under(Ctx *c, Str path, Str name) {
    return path.len ? strf(c->arena, "%.*s.%.*s", S_ARG(path), S_ARG(name)) : name;
}

static bool email_looks_right(Str s) {
    ptrdiff_t at = str_find_byte(s, '@');
    if (at < 1 || s.len > 254) return false;
    Str domain = str_slice(s, at + 1, s.len);
    if (domain.len < 3 || str_find_byte(domain, '@') >= 0 || str_find_byte(domain, '.') < 1) return false;
    for (ptrdiff_t i = 0; i < s.len; i++)
        if ((unsigned char)s.data[i] <= ' ' || s.data[i] == 0x7F || strchr(",;<>()\"", s.data[i])) return false;
    return domain.data[domain.len - 1] != '.' && str_find(domain, S("..")) < 0;
}

static bool uri_looks_right(Str s) {
    if (!str_starts(s, S("http://")) && !str_starts(s, S("https://"))) return false;
    for (ptrdiff_t i = 0; i < s.len; i++)
        if ((unsigned char)s.data[i] <= ' ' || s.data[i] == 0x7F) return false;
    return s.len > 10 || str_find_byte(str_slice(s, 8, s.len), '/') != 0;
}

static bool format_ok(const char *format, Str s) {
    if (strcmp(format, "email") == 0) return email_looks_right(s);
    if (strcmp(format, "uri") == 0) return uri_looks_right(s);
    if (strcmp(format, "uuid") == 0) return uuid_valid(s);
    return true;
}

static bool values_has(const char *const *values, Str s) {
    for (; *values; values++)
        if (str_eq(str_c(*values), s)) return true;
    return false;
}

/* The list of allowed texts, for the message. */
static Str values_text(Ctx *c, const char *const *values) {
    Buf b = buf_new(c->arena, 64);
    for (ptrdiff_t i = 0; values[i]; i++) buf_f(&b, "%s%s", i ? ", " : "", values[i]);
    return buf_str(&b);
}

static void read_str(Reader *r, const Field *f, Str text, Str *out, Str path) {
    if (str_find_byte(text, 0) >= 0) {
        bad(r, path, S("value"), "must not contain NUL");
        return;
    }
    if (f->flags & F_TRIM) text = str_trim(text);
    ptrdiff_t length = str_utf8_count(text);
    int64_t max = f->max ? f->max : TEXT_MAX;
    if (length < f->min) {
        problem_add(r->problems, path, S("too_short"), "must have at least %lld characters", (long long)f->min);
    } else if (length > max) {
        problem_add(r->problems, path, S("too_long"), "must have at most %lld characters", (long long)max);
    } else if (f->values && !values_has(f->values, text)) {
        problem_add(r->problems, path, S("value"), "must be one of: %.*s", S_ARG(values_text(r->c, f->values)));
    } else if (f->format && !format_ok(f->format, text)) {
        problem_add(r->problems, path, S("format"), "is not a valid %s", f->format);
    } else {
        *out = f->flags & F_LOWER ? str_lower(r->c->arena, text) : str_copy(r->c->arena, text);
    }
}

static bool range_ok(Reader *r, const Field *f, double value, Str path) {
    if (f->min == 0 && f->max == 0) return true;
    if (value < (double)f->min) problem_add(r->problems, path, S("min"), "must be at least %lld", (long long)f->min);
    else if (f->max && value > (double)f->max)
        problem_add(r->problems, path, S("max"), "must be at most %lld", (long long)f->max);
    else return true;
    return false;
}

static bool int_of(const json_t *v, int64_t *out) { return !json_is_string(v) && json_i64(v, out); }

static void read_int(Reader *r, const Field *f, const json_t *v, int64_t *out, Str path) {
    int64_t value;
    if (!int_of(v, &value)) bad(r, path, S("type"), "must be an integer");
    else if (range_ok(r, f, (double)value, path)) *out = value;
}

static void read_float(Reader *r, const Field *f, const json_t *v, double *out, Str path) {
    if (!json_is_number(v)) bad(r, path, S("type"), "must be a number");
    else if (range_ok(r, f, json_number_value(v), path)) *out = json_number_value(v);
}

static bool count_ok(Reader *r, const Field *f, const json_t *v, Str path) {
    int64_t count = (int64_t)json_array_size(v), max = f->max ? f->max : LIST_MAX;
    if (!json_is_array(v)) bad(r, path, S("type"), "must be a list");
    else if (count < f->min) problem_add(r->problems, path, S("too_short"), "must have at least %lld items", (long long)f->min);
    else if (count > max) problem_add(r->problems, path, S("too_long"), "must have at most %lld items", (long long)max);
    else return true;
    return false;
}

static void read_str_list(Reader *r, const Field *f, const json_t *v, StrList *out, Str path) {
    if (!count_ok(r, f, v, path)) return;
    Field item = {.name = f->name, .kind = KIND_STR, .flags = f->flags, .values = f->values, .format = f->format};
    ptrdiff_t count = (ptrdiff_t)json_array_size(v);
    *out = (StrList){arena_array(r->c->arena, Str, count), count};
    for (ptrdiff_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(v, (size_t)i);
        Str at = strf(r->c->arena, "%.*s.%td", S_ARG(path), i);
        if (!json_is_string(one)) bad(r, at, S("type"), "must be a text");
        else read_str(r, &item, json_str(one), &out->items[i], at);
    }
}

static void read_records(Reader *r, const Field *f, const json_t *v, RecordList *out, Str path) {
    if (!count_ok(r, f, v, path)) return;
    ptrdiff_t count = (ptrdiff_t)json_array_size(v), size = f->record->size;
    *out = (RecordList){arena_alloc(r->c->arena, size, count), count};
    for (ptrdiff_t i = 0; i < count; i++)
        read_object(r, f->record, json_array_get(v, (size_t)i), (char *)out->items + i * size, NULL,
                    strf(r->c->arena, "%.*s.%td", S_ARG(path), i));
}

static void read_time(Reader *r, Str text, Time *out, Str path) {
    if (!text.data) bad(r, path, S("type"), "must be a text with a date and time");
    else if (!time_parse(text, out)) bad(r, path, S("format"), "is not a date-time (RFC 3339)");
}

static void read_epoch(Reader *r, double ms, Time *out, Str path) {
    if (ms >= YEAR_1_MS && ms < YEAR_10000_MS)
        *out = (Time){(int64_t)floor(ms) * 1000};
    else bad(r, path, S("value"), "must be milliseconds since 1970, in the years 1 to 9999");
}

static void read_json(Reader *r, const json_t *v, JsonText *out) {
    Buf b = buf_new(r->c->arena, 64);
    buf_json_value(&b, v);
    out->text = buf_str(&b);
}

/* v is not null here. */
static void read_value(Reader *r, const Field *f, const json_t *v, void *at, Str path) {
    switch (f->kind) {
    case KIND_BOOL:
        if (json_is_boolean(v)) *(bool *)at = json_is_true(v);
        else bad(r, path, S("type"), "must be true or false");
        break;
    case KIND_INT: read_int(r, f, v, at, path); break;
    case KIND_ID: read_int(r, f, v, &((Id *)at)->value, path); break;
    case KIND_OPT_INT: read_int(r, f, v, &((OptInt *)at)->value, path); ((OptInt *)at)->set = true; break;
    case KIND_FLOAT: read_float(r, f, v, at, path); break;
    case KIND_OPT_FLOAT: read_float(r, f, v, &((OptFloat *)at)->value, path); ((OptFloat *)at)->set = true; break;
    case KIND_OPT_BOOL:
        *(OptBool *)at = (OptBool){json_is_true(v), true};
        if (!json_is_boolean(v)) bad(r, path, S("type"), "must be true or false");
        break;
    case KIND_STR:
        if (json_is_string(v)) read_str(r, f, json_str(v), at, path);
        else bad(r, path, S("type"), "must be a text");
        break;
    case KIND_TIME:
        if (f->flags & F_EPOCH_MS && json_is_number(v)) read_epoch(r, json_number_value(v), at, path);
        else read_time(r, json_str(v), at, path);
        break;
    case KIND_JSON: read_json(r, v, at); break;
    case KIND_STR_LIST: read_str_list(r, f, v, at, path); break;
    case KIND_RECORD: read_object(r, f->record, v, at, NULL, path); break;
    case KIND_RECORD_LIST: read_records(r, f, v, at, path); break;
    }
}

static bool field_takes_null(const Field *f) {
    return f->flags & F_NULLABLE || f->kind == KIND_OPT_INT || f->kind == KIND_OPT_FLOAT || f->kind == KIND_OPT_BOOL;
}

/* What "null" is in the struct: zero for all but times. */
static void field_set_null(const Field *f, void *at) {
    if (f->kind == KIND_TIME) *(Time *)at = TIME_NULL;
}

static bool field_is_taken(const Field *f, ReadMode mode) {
    if (f->flags & (F_READONLY | F_OWNER)) return false;
    return !(mode == READ_CHANGE && f->flags & F_IMMUTABLE);
}

static void read_fallback(Reader *r, const Field *f, void *at, Str path) {
    json_t *v = json_loads(f->fallback, JSON_DECODE_ANY, NULL);
    assert(v);
    if (!json_is_null(v)) read_value(r, f, v, at, path);
    json_decref(v);
}

static void read_field(Reader *r, const Field *f, const json_t *v, void *out, Str path) {
    void *at = field_at(f, out);
    if (f->kind == KIND_TIME) *(Time *)at = TIME_NULL;
    if (v && !json_is_null(v)) read_value(r, f, v, at, path);
    else if (v && field_takes_null(f)) field_set_null(f, at);
    else if (v) bad(r, path, S("type"), "must not be null");
    else if (r->mode == READ_CHANGE) return;
    else if (f->flags & F_REQUIRED) bad(r, path, S("required"), "is required");
    else if (f->fallback) read_fallback(r, f, at, path);
}

static void find_unknown(Reader *r, const Record *record, const json_t *json, Str path) {
    json_t *object = (json_t *)(uintptr_t)json;
    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        const char *name = json_object_iter_key(i);
        bool known = false;
        char room[FIELD_NAME_MAX];
        for (ptrdiff_t k = 0; k < record->field_count && !known; k++)
            known = !(record->fields[k].flags & F_OWNER) &&
                    str_eq(field_wire(record, &record->fields[k], room), str_c(name));
        if (!known) bad(r, path_under(r->c, path, str_copy(r->c->arena, str_c(name))), S("unknown"), "is not a known field");
    }
}

static void read_object(Reader *r, const Record *record, const json_t *json, void *out, FieldSet *present, Str path) {
    FieldSet seen = 0;
    if (!json_is_object(json)) {
        bad(r, path, S("type"), "must be an object");
        return;
    }
    if (!record->open) find_unknown(r, record, json, path);
    for (ptrdiff_t i = 0; i < record->field_count; i++) {
        const Field *f = &record->fields[i];
        if (!field_is_taken(f, r->mode)) {
            if (f->kind == KIND_TIME) *(Time *)field_at(f, out) = TIME_NULL;
            continue;
        }
        Str name = wire_name(r->c, record, f);
        const json_t *v = json_object_getn(json, name.data, (size_t)name.len);
        if (v) seen |= (FieldSet)1 << i;
        read_field(r, f, v, out, path_under(r->c, path, name));
    }
    if (present) *present = seen;
    if (record->check) record->check(out, path, r->problems);
}

void record_read_into(Ctx *c, const Record *record, const json_t *json, ReadMode mode, void *out, FieldSet *present,
                      Str path, Problems *problems) {
    assert(record && out && problems);
    memset(out, 0, (size_t)record->size);
    Reader r = {c, problems, mode};
    read_object(&r, record, json, out, present, path);
}

Err *record_read(Ctx *c, const Record *record, const json_t *json, ReadMode mode, void *out, FieldSet *present) {
    Problems problems = {.arena = c->arena};
    record_read_into(c, record, json, mode, out, present, S(""), &problems);
    return problems_err(c, &problems);
}

/* -- texts: query parameters and forms ------------------------------------------------------------- */

static void read_text_list(Reader *r, const Field *f, Str text, StrList *out, Str path) {
    ptrdiff_t count = 1;
    for (ptrdiff_t i = 0; i < text.len; i++) count += text.data[i] == ',';
    *out = (StrList){arena_array(r->c->arena, Str, count), 0};
    Field item = *f;
    item.kind = KIND_STR;
    item.min = item.max = 0;
    for (Str rest = text, one; rest.data;) {
        rest = str_cut(rest, ',', &one);
        if (one.len) read_str(r, &item, one, &out->items[out->count++], path);
    }
    if (f->max && out->count > f->max)
        problem_add(r->problems, path, S("too_long"), "must have at most %lld items", (long long)f->max);
}

static void read_text_bool(Reader *r, Str text, bool *out, Str path) {
    if (str_eq(text, S("true")) || str_eq(text, S("1"))) *out = true;
    else if (str_eq(text, S("false")) || str_eq(text, S("0"))) *out = false;
    else bad(r, path, S("type"), "must be true or false");
}

static void read_text_int(Reader *r, const Field *f, Str text, int64_t *out, Str path) {
    int64_t value;
    if (!str_to_i64(text, &value)) bad(r, path, S("type"), "must be an integer");
    else if (range_ok(r, f, (double)value, path)) *out = value;
}

static void read_text_float(Reader *r, const Field *f, Str text, double *out, Str path) {
    double value;
    if (!str_to_f64(text, &value)) bad(r, path, S("type"), "must be a number");
    else if (range_ok(r, f, value, path)) *out = value;
}

static void read_text(Reader *r, const Field *f, Str text, void *at, Str path) {
    switch (f->kind) {
    case KIND_BOOL: read_text_bool(r, text, at, path); break;
    case KIND_OPT_BOOL: read_text_bool(r, text, &((OptBool *)at)->value, path); ((OptBool *)at)->set = true; break;
    case KIND_INT: read_text_int(r, f, text, at, path); break;
    case KIND_ID: read_text_int(r, f, text, &((Id *)at)->value, path); break;
    case KIND_OPT_INT: read_text_int(r, f, text, &((OptInt *)at)->value, path); ((OptInt *)at)->set = true; break;
    case KIND_FLOAT: read_text_float(r, f, text, at, path); break;
    case KIND_OPT_FLOAT: read_text_float(r, f, text, &((OptFloat *)at)->value, path); ((OptFloat *)at)->set = true; break;
    case KIND_STR: read_str(r, f, text, at, path); break;
    case KIND_TIME: {
        double ms;
        if (f->flags & F_EPOCH_MS && str_to_f64(text, &ms)) read_epoch(r, ms, at, path);
        else read_time(r, text, at, path);
        break;
    }
    case KIND_STR_LIST: read_text_list(r, f, text, at, path); break;
    case KIND_JSON: case KIND_RECORD: case KIND_RECORD_LIST: assert(!"not a kind for texts"); break;
    }
}

Err *record_read_text(Ctx *c, const Record *record, RecordGet get, void *arg, void *out) {
    assert(record && get && out);
    Problems problems = {.arena = c->arena};
    Reader r = {c, &problems, READ_CREATE};
    memset(out, 0, (size_t)record->size);
    for (ptrdiff_t i = 0; i < record->field_count; i++) {
        const Field *f = &record->fields[i];
        Str path = wire_name(c, record, f), text = get(arg, path);
        void *at = field_at(f, out);
        if (f->kind == KIND_TIME) *(Time *)at = TIME_NULL;
        if (text.data && !str_utf8_valid(text)) bad(&r, path, S("value"), "is not valid UTF-8");
        else if (text.data) read_text(&r, f, text, at, path);
        else if (f->flags & F_REQUIRED) bad(&r, path, S("required"), "is required");
        else if (f->fallback) read_fallback(&r, f, at, path);
    }
    if (record->check) record->check(out, S(""), &problems);
    return problems_err(c, &problems);
}
