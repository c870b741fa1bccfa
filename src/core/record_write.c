/* SPDX-License-Identifier: Apache-2.0
 * Records to JSON and CSV. The hot path of every answer: no allocation but the buffer's growth. */
#include "core/record.h"

static void write_str(Buf *b, Str s) {
    buf_json(b, s);
}

static void write_time(Buf *b, Time t) {
    if (time_is_null(t)) {
        buf_add(b, S("null"));
        return;
    }
    buf_byte(b, '"');
    buf_time(b, t);
    buf_byte(b, '"');
}

static void write_str_list(Buf *b, StrList list) {
    buf_byte(b, '[');
    for (ptrdiff_t i = 0; i < list.count; i++) {
        if (i) buf_byte(b, ',');
        write_str(b, list.items[i]);
    }
    buf_byte(b, ']');
}

static void write_opt_int(Buf *b, OptInt v) {
    if (v.set) buf_i64(b, v.value);
    else buf_add(b, S("null"));
}

static void write_field(Buf *b, const Field *f, const void *at) {
    switch (f->kind) {
    case KIND_BOOL: buf_add(b, *(const bool *)at ? S("true") : S("false")); break;
    case KIND_INT: buf_i64(b, *(const int64_t *)at); break;
    case KIND_FLOAT: buf_f64(b, *(const double *)at); break;
    case KIND_STR: write_str(b, *(const Str *)at); break;
    case KIND_ID:
        if (id_is_none(*(const Id *)at)) buf_add(b, S("null"));
        else buf_i64(b, ((const Id *)at)->value);
        break;
    case KIND_TIME: write_time(b, *(const Time *)at); break;
    case KIND_OPT_INT: write_opt_int(b, *(const OptInt *)at); break;
    case KIND_OPT_FLOAT:
        if (((const OptFloat *)at)->set) buf_f64(b, ((const OptFloat *)at)->value);
        else buf_add(b, S("null"));
        break;
    case KIND_OPT_BOOL:
        buf_add(b, !((const OptBool *)at)->set ? S("null") : ((const OptBool *)at)->value ? S("true") : S("false"));
        break;
    case KIND_JSON: {
        Str text = ((const JsonText *)at)->text;
        buf_add(b, text.data ? text : S("null"));
        break;
    }
    case KIND_STR_LIST: write_str_list(b, *(const StrList *)at); break;
    case KIND_RECORD: record_write(b, f->record, at); break;
    case KIND_RECORD_LIST: {
        const RecordList *list = at;
        record_write_list(b, f->record, list->items, list->count);
        break;
    }
    }
}

static bool field_is_null(const Field *f, const void *at) {
    switch (f->kind) {
    case KIND_STR: return str_is_null(*(const Str *)at);
    case KIND_ID: return id_is_none(*(const Id *)at);
    case KIND_TIME: return time_is_null(*(const Time *)at);
    case KIND_OPT_INT: return !((const OptInt *)at)->set;
    case KIND_OPT_FLOAT: return !((const OptFloat *)at)->set;
    case KIND_OPT_BOOL: return !((const OptBool *)at)->set;
    case KIND_JSON: return str_is_null(((const JsonText *)at)->text);
    default: return false;
    }
}

void record_write(Buf *b, const Record *record, const void *value) {
    assert(value);
    char separator = '{';
    for (ptrdiff_t i = 0; i < record->field_count; i++) {
        const Field *f = &record->fields[i];
        const void *at = field_at(f, value);
        if (f->flags & F_SECRET || (f->flags & F_OMIT_NULL && field_is_null(f, at))) continue;
        ptrdiff_t name_len = (ptrdiff_t)strlen(f->name);
        char *to = buf_reserve(b, name_len + 4);
        *to++ = separator;
        *to++ = '"';
        memcpy(to, f->name, (size_t)name_len);
        memcpy(to + name_len, "\":", 2);
        b->len += name_len + 4;
        write_field(b, f, at);
        separator = ',';
    }
    if (separator == '{') buf_byte(b, '{');
    buf_byte(b, '}');
}

void record_write_list(Buf *b, const Record *record, const void *items, ptrdiff_t count) {
    assert(count >= 0);
    buf_byte(b, '[');
    for (ptrdiff_t i = 0; i < count; i++) {
        if (i) buf_byte(b, ',');
        record_write(b, record, (const char *)items + i * record->size);
    }
    buf_byte(b, ']');
}

void record_csv_head(Buf *b, const Record *record) {
    bool first = true;
    for (ptrdiff_t i = 0; i < record->field_count; i++) {
        if (record->fields[i].flags & F_SECRET) continue;
        if (!first) buf_byte(b, ',');
        buf_csv(b, str_c(record->fields[i].name));
        first = false;
    }
    buf_add(b, S("\r\n"));
}

/* Text goes in as it is, null as nothing, lists and nested records as JSON. A leading = + - @ of text
 * would be run as a formula by spreadsheets: such a cell begins with an apostrophe (OWASP). */
static void csv_field(Buf *b, const Field *f, const void *at) {
    if (field_is_null(f, at)) return;
    Buf cell = buf_new(b->arena, 64);
    if (f->kind == KIND_STR) {
        Str text = *(const Str *)at;
        if (text.len && strchr("=+-@\t\r", text.data[0])) buf_byte(&cell, '\'');
        buf_add(&cell, text);
    } else if (f->kind == KIND_TIME) {
        buf_time(&cell, *(const Time *)at);
    } else {
        write_field(&cell, f, at);
    }
    buf_csv(b, buf_str(&cell));
}

void record_csv_row(Buf *b, const Record *record, const void *value) {
    bool first = true;
    for (ptrdiff_t i = 0; i < record->field_count; i++) {
        const Field *f = &record->fields[i];
        if (f->flags & F_SECRET) continue;
        if (!first) buf_byte(b, ',');
        csv_field(b, f, field_at(f, value));
        first = false;
    }
    buf_add(b, S("\r\n"));
}
