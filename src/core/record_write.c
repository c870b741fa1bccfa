/* SPDX-License-Identifier: Apache-2.0
 * Records to JSON and CSV. The hot path of every answer: no allocation but the buffer's growth. */
#include "core/record.h"

static void write_str(Buf *b, Str s) {
    buf_json(b, s);
}

Str field_wire(const Record *record, const Field *f, char room[FIELD_NAME_MAX]) {
    if (!record->camel || f->flags & F_SNAKE) return str_c(f->name);
    ptrdiff_t n = 0;
    for (const char *p = f->name; *p; p++) {
        bool hump = *p == '_' && p[1] >= 'a' && p[1] <= 'z';
        assert(n < FIELD_NAME_MAX);
        room[n++] = hump ? (char)(*++p - 'a' + 'A') : *p;
    }
    return str_of(room, n);
}

static void write_time(Buf *b, Time t, bool milliseconds, bool epoch) {
    if (time_is_null(t)) {
        buf_add(b, S("null"));
        return;
    }
    if (epoch) {
        buf_i64(b, (t.us - (t.us % 1000 + 1000) % 1000) / 1000);
        return;
    }
    buf_byte(b, '"');
    if (milliseconds) buf_time_ms(b, t);
    else buf_time(b, t);
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

static void write_field(Buf *b, const Record *record, const Field *f, const void *at) {
    switch (f->kind) {
    case KIND_BOOL: buf_add(b, *(const bool *)at ? S("true") : S("false")); break;
    case KIND_INT: buf_i64(b, *(const int64_t *)at); break;
    case KIND_FLOAT: buf_f64(b, *(const double *)at); break;
    case KIND_STR: write_str(b, *(const Str *)at); break;
    case KIND_ID:
        if (id_is_none(*(const Id *)at)) buf_add(b, S("null"));
        else buf_i64(b, ((const Id *)at)->value);
        break;
    case KIND_TIME: 
        write_time(b, *(const Time *)at, record->camel, f->flags & F_EPOCH_MS);
        break;
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
        char room[FIELD_NAME_MAX];
        Str name = field_wire(record, f, room);
        char *to = buf_reserve(b, name.len + 4);
        *to++ = separator;
        *to++ = '"';
        memcpy(to, name.data, (size_t)name.len);
        memcpy(to + name.len, "\":", 2);
        b->len += name.len + 4;
        write_field(b, record, f, at);
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
        char room[FIELD_NAME_MAX];
        buf_csv(b, field_wire(record, &record->fields[i], room));
        first = false;
    }
    buf_add(b, S("\r\n"));
}

/* Text goes in as it is, null as nothing, lists and nested records as JSON. A leading = + - @ of text
 * would be run as a formula by spreadsheets: such a cell begins with an apostrophe (OWASP). */
static void csv_field(Buf *b, const Record *record, const Field *f, const void *at) {
    if (field_is_null(f, at)) return;
    Buf cell = buf_new(b->arena, 64);
    if (f->kind == KIND_STR) {
        Str text = *(const Str *)at;
        if (text.len && strchr("=+-@\t\r", text.data[0])) buf_byte(&cell, '\'');
        buf_add(&cell, text);
    } else if (f->kind == KIND_TIME && !(f->flags & F_EPOCH_MS)) {
        if (record->camel) buf_time_ms(&cell, *(const Time *)at);
        else buf_time(&cell, *(const Time *)at);
    } else {
        write_field(&cell, record, f, at);
    }
    buf_csv(b, buf_str(&cell));
}

void record_csv_row(Buf *b, const Record *record, const void *value) {
    bool first = true;
    for (ptrdiff_t i = 0; i < record->field_count; i++) {
        const Field *f = &record->fields[i];
        if (f->flags & F_SECRET) continue;
        if (!first) buf_byte(b, ',');
        csv_field(b, record, f, field_at(f, value));
        first = false;
    }
    buf_add(b, S("\r\n"));
}
