/* SPDX-License-Identifier: Apache-2.0
 * Columns into record fields and fields into arguments, the same for both engines. A value that
 * does not fit its field is an INTERNAL error that names the column: the schema and the record
 * disagree, and half a row would be worse. */
#include <stdlib.h>

#include "data/db_room.h"

static const char *const value_names[] = {
    [VALUE_NULL] = "null",      [VALUE_BOOL] = "a boolean", [VALUE_INT] = "an integer",
    [VALUE_FLOAT] = "a number", [VALUE_TEXT] = "text",      [VALUE_BLOB] = "bytes",
    [VALUE_TIME] = "a time",    [VALUE_JSON] = "JSON",
};

static const Field *field_named(const Record *record, const char *name) {
    for (ptrdiff_t i = 0; i < record->field_count; i++)
        if (strcmp(record->fields[i].name, name) == 0) return &record->fields[i];
    return NULL;
}

Err *row_map_make(Ctx *c, RowMap *map, const Record *record, int columns, ColumnName name,
                  const void *of) {
    if (columns > COLUMNS_MAX)
        FAIL(c, INTERNAL, "%d columns; %d is the most", columns, COLUMNS_MAX);
    row_map_free(map);
    map->fields = calloc((size_t)columns + 1, sizeof *map->fields);
    if (!map->fields) abort();
    map->count = columns;
    for (int i = 0; i < columns; i++) {
        const Field *field = record ? field_named(record, name(of, i)) : NULL;
        if (field && (field->kind == KIND_RECORD || field->kind == KIND_RECORD_LIST))
            FAIL(c, INTERNAL, "%s.%s is a nested record, which no column fills; take JsonText",
                 record->name, field->name);
        map->fields[i] = field;
    }
    map->record = record;
    return NULL;
}

void row_map_free(RowMap *map) {
    free(map->fields);
    *map = (RowMap){0};
}

void *query_row(Ctx *c, Query *q) {
    if (q->want == WANT_FIRST) {
        if (q->found) return NULL;
        q->found = true;
        return q->one;
    }
    if (q->want != WANT_ALL) return NULL;
    ptrdiff_t size = q->record->size;
    if (q->rows.count == q->cap) {
        ptrdiff_t cap = q->cap ? q->cap * 2 : 8;
        q->rows.items = arena_grow(c->arena, q->rows.items, q->cap * size, cap * size);
        q->cap = cap;
    }
    void *row = (char *)q->rows.items + q->rows.count++ * size;
    memset(row, 0, (size_t)size);
    return row;
}

/* -- a column into a field --------------------------------------------------------------------- */

static bool integral(double f, int64_t *out) {
    if (!(f >= -9.2e18 && f <= 9.2e18)) return false;
    *out = (int64_t)f;
    return (double)*out == f;
}

static bool value_integer(Value v, int64_t *out) {
    switch (v.kind) {
    case VALUE_NULL: *out = 0; return true;
    case VALUE_BOOL: *out = v.b; return true;
    case VALUE_INT:
    case VALUE_TIME: *out = v.i; return true;
    case VALUE_FLOAT: return integral(v.f, out);
    default: return false;
    }
}

static bool value_number(Value v, double *out) {
    int64_t i;
    if (v.kind == VALUE_FLOAT) {
        *out = v.f;
        return true;
    }
    if (v.kind == VALUE_TIME || !value_integer(v, &i)) return false;
    *out = (double)i;
    return true;
}

static bool value_instant(Value v, Time *out) {
    if (v.kind == VALUE_NULL)
        *out = TIME_NULL;
    else if (v.kind == VALUE_INT || v.kind == VALUE_TIME)
        *out = (Time){v.i};
    else
        return v.kind == VALUE_TEXT && time_parse(v.s, out);
    return true;
}

static Str value_text(Arena *arena, Value v) {
    Buf b;
    switch (v.kind) {
    case VALUE_NULL: return (Str){NULL, 0};
    case VALUE_BOOL: return v.b ? S("true") : S("false");
    case VALUE_INT: return strf(arena, "%lld", (long long)v.i);
    case VALUE_FLOAT:
        b = buf_new(arena, 32);
        buf_f64(&b, v.f);
        return buf_str(&b);
    case VALUE_TIME: return time_str(arena, (Time){v.i});
    default: return str_copy(arena, v.s);
    }
}

/* The four hex digits at `at`, or -1. */
static int32_t hex4(Str s, ptrdiff_t at) {
    int32_t code = 0;
    for (ptrdiff_t i = at; i < at + 4; i++) {
        char ch = i < s.len ? s.data[i] : '\0';
        int digit = ch >= '0' && ch <= '9'   ? ch - '0'
                    : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10
                    : ch >= 'A' && ch <= 'F' ? ch - 'A' + 10
                                             : -1;
        if (digit < 0) return -1;
        code = code * 16 + digit;
    }
    return code;
}

static ptrdiff_t utf8_put(char *to, int32_t code) {
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    ptrdiff_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
    to[0] = (char)(lead[more] | (unsigned)code >> (6 * more));
    for (ptrdiff_t i = 1; i <= more; i++)
        to[i] = (char)(0x80 | ((unsigned)code >> (6 * (more - i)) & 0x3f));
    return more + 1;
}

/* One \-escape at *at into `to`; the number of bytes written, 0 if it is malformed. */
static ptrdiff_t escape_read(Str s, ptrdiff_t *at, char *to) {
    static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
    char ch = *at + 1 < s.len ? s.data[*at + 1] : '\0';
    const char *simple = ch ? strchr(from, ch) : NULL;
    if (simple) {
        *to = into[simple - from];
        *at += 2;
        return 1;
    }
    int32_t code = ch == 'u' ? hex4(s, *at + 2) : -1;
    if (code < 0) return 0;
    *at += 6;
    if (code >= 0xd800 && code < 0xdc00 && str_starts(str_slice(s, *at, s.len), S("\\u"))) {
        int32_t low = hex4(s, *at + 2);
        if (low < 0xdc00 || low > 0xdfff) return 0;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        *at += 6;
    }
    return utf8_put(to, code);
}

/* The JSON string at *at (behind its opening quote) into *out; an escape never grows. */
static bool json_string_read(Arena *arena, Str s, ptrdiff_t *at, Str *out) {
    ptrdiff_t end = *at;
    while (end < s.len && s.data[end] != '"') end += s.data[end] == '\\' ? 2 : 1;
    if (end >= s.len) return false;
    char *to = arena_bytes(arena, end - *at + 1);
    ptrdiff_t len = 0;
    while (*at < end) {
        if (s.data[*at] != '\\') {
            to[len++] = s.data[(*at)++];
            continue;
        }
        ptrdiff_t written = escape_read(s, at, to + len);
        if (written == 0) return false;
        len += written;
    }
    ++*at;
    *out = (Str){to, len};
    return true;
}

static void spaces_skip(Str s, ptrdiff_t *at) {
    while (*at < s.len && strchr(" \t\r\n", s.data[*at]) && s.data[*at]) ++*at;
}

/* A JSON array of strings: what we wrote, or a product's own SQL. */
static bool list_read(Arena *arena, Str s, StrList *out) {
    ptrdiff_t at = 0, cap = 4;
    StrList list = {arena_array(arena, Str, cap), 0};
    spaces_skip(s, &at);
    if (at >= s.len || s.data[at++] != '[') return false;
    for (spaces_skip(s, &at); at < s.len && s.data[at] == '"'; spaces_skip(s, &at)) {
        at++;
        if (list.count == cap) {
            ptrdiff_t size = (ptrdiff_t)sizeof(Str);
            list.items = arena_grow(arena, list.items, cap * size, cap * 2 * size);
            cap *= 2;
        }
        if (!json_string_read(arena, s, &at, &list.items[list.count++])) return false;
        spaces_skip(s, &at);
        if (at >= s.len || s.data[at] != ',') break;
        at++;
    }
    if (at >= s.len || s.data[at] != ']') return false;
    *out = list;
    return true;
}

static bool value_list(Arena *arena, Value v, StrList *out) {
    if (v.kind == VALUE_NULL) return true;
    return (v.kind == VALUE_TEXT || v.kind == VALUE_JSON) && list_read(arena, v.s, out);
}

static bool field_take(Arena *arena, const Field *f, void *at, Value v) {
    bool set = v.kind != VALUE_NULL;
    int64_t i = 0;
    switch (f->kind) {
    case KIND_BOOL:
        if (v.kind == VALUE_TIME || !value_integer(v, &i)) return false;
        *(bool *)at = i != 0;
        return true;
    case KIND_INT: return value_integer(v, at);
    case KIND_ID: return value_integer(v, &((Id *)at)->value);
    case KIND_FLOAT: return value_number(v, at);
    case KIND_STR: *(Str *)at = value_text(arena, v); return true;
    case KIND_JSON: ((JsonText *)at)->text = value_text(arena, v); return true;
    case KIND_TIME: return value_instant(v, at);
    case KIND_OPT_INT: ((OptInt *)at)->set = set; return value_integer(v, &((OptInt *)at)->value);
    case KIND_OPT_FLOAT:
        ((OptFloat *)at)->set = set;
        return value_number(v, &((OptFloat *)at)->value);
    case KIND_OPT_BOOL:
        if (v.kind == VALUE_TIME || !value_integer(v, &i)) return false;
        *(OptBool *)at = (OptBool){i != 0, set};
        return true;
    case KIND_STR_LIST: return value_list(arena, v, at);
    case KIND_RECORD:
    case KIND_RECORD_LIST: break; /* refused by row_map_make */
    }
    return false;
}

Err *field_put(Ctx *c, const Field *field, void *row, Value value) {
    if (field_take(c->arena, field, field_at(field, row), value)) return NULL;
    FAIL(c, INTERNAL, "column %s holds %s, which its field cannot", field->name,
         value_names[value.kind]);
}

Err *value_to_int(Ctx *c, Value value, int64_t *out) {
    if (value_integer(value, out)) return NULL;
    FAIL(c, INTERNAL, "the first column is %s where an integer is wanted", value_names[value.kind]);
}

/* -- a field as an argument -------------------------------------------------------------------- */

static Value list_value(Ctx *c, const StrList *list) {
    if (!list->items) return value_null();
    Buf b = buf_new(c->arena, 64);
    buf_byte(&b, '[');
    for (ptrdiff_t i = 0; i < list->count; i++) {
        if (i > 0) buf_byte(&b, ',');
        buf_json(&b, list->items[i]);
    }
    buf_byte(&b, ']');
    return (Value){.kind = VALUE_JSON, .s = buf_str(&b)};
}

Value field_value(Ctx *c, const Field *f, const void *row) {
    const void *at = field_at(f, row);
    switch (f->kind) {
    case KIND_BOOL: return value_bool(*(const bool *)at);
    case KIND_INT: return value_int(*(const int64_t *)at);
    case KIND_FLOAT: return value_float(*(const double *)at);
    case KIND_STR: return value_str(*(const Str *)at);
    case KIND_ID: return value_id(*(const Id *)at);
    case KIND_TIME: return value_time(*(const Time *)at);
    case KIND_OPT_INT: return value_opt_int(*(const OptInt *)at);
    case KIND_OPT_FLOAT: return value_opt_float(*(const OptFloat *)at);
    case KIND_OPT_BOOL: return value_opt_bool(*(const OptBool *)at);
    case KIND_JSON: return value_json(*(const JsonText *)at);
    case KIND_STR_LIST: return list_value(c, at);
    case KIND_RECORD:
    case KIND_RECORD_LIST: break;
    }
    assert(!"nested records are no columns");
    return value_null();
}
