/* SPDX-License-Identifier: Apache-2.0
 * Records as JSON Schema 2020-12 (the dialect of OpenAPI 3.1). */
#include "core/json.h"
#include "core/record.h"

static const char *const type_names[] = {
    [KIND_BOOL] = "boolean", [KIND_INT] = "integer", [KIND_FLOAT] = "number", [KIND_STR] = "string",
    [KIND_ID] = "integer", [KIND_TIME] = "string", [KIND_OPT_INT] = "integer", [KIND_OPT_FLOAT] = "number",
    [KIND_OPT_BOOL] = "boolean", [KIND_JSON] = NULL, [KIND_STR_LIST] = "array", [KIND_RECORD] = NULL,
    [KIND_RECORD_LIST] = "array",
};

static bool schema_nullable(const Field *f) {
    return f->flags & F_NULLABLE || f->kind == KIND_OPT_INT || f->kind == KIND_OPT_FLOAT || f->kind == KIND_OPT_BOOL;
}

static void put_member(JsonOut *o, const char *name, const char *text) {
    json_key(o, str_c(name));
    json_put_str(o, str_c(text));
}

static void put_type(JsonOut *o, const Field *f) {
    const char *type = f->kind == KIND_TIME && f->flags & F_EPOCH_MS ? "integer" : type_names[f->kind];
    if (!type) return;
    json_key(o, S("type"));
    if (!schema_nullable(f)) {
        json_put_str(o, str_c(type));
        return;
    }
    json_begin(o, '[');
    json_put_str(o, str_c(type));
    json_put_str(o, S("null"));
    json_end(o, ']');
}

static void put_limits(JsonOut *o, const Field *f) {
    static const char *const text[] = {"minLength", "maxLength"}, *const list[] = {"minItems", "maxItems"},
                             *const number[] = {"minimum", "maximum"};
    bool is_list = f->kind == KIND_STR_LIST || f->kind == KIND_RECORD_LIST;
    bool is_number = f->kind == KIND_INT || f->kind == KIND_FLOAT || f->kind == KIND_OPT_INT || f->kind == KIND_OPT_FLOAT;
    if (f->kind != KIND_STR && !is_list && !is_number) return;
    const char *const *names = is_list ? list : is_number ? number : text;
    if (f->min || (is_number && f->max)) {
        json_key(o, str_c(names[0]));
        json_put_i64(o, f->min);
    }
    if (f->max) {
        json_key(o, str_c(names[1]));
        json_put_i64(o, f->max);
    }
}

static void put_values(JsonOut *o, const Field *f) {
    json_key(o, S("enum"));
    json_begin(o, '[');
    for (ptrdiff_t i = 0; f->values[i]; i++) json_put_str(o, str_c(f->values[i]));
    if (schema_nullable(f)) json_put_null(o);
    json_end(o, ']');
}

static void put_ref(JsonOut *o, const Record *record, SchemaMode mode) {
    static const char *const suffix[] = {"", "Create", "Change"};
    char name[160];
    snprintf(name, sizeof name, "#/components/schemas/%s%s", record->name, suffix[mode]);
    put_member(o, "$ref", name);
}

static void put_items(JsonOut *o, const Field *f, SchemaMode mode) {
    json_key(o, S("items"));
    json_begin(o, '{');
    if (f->kind == KIND_RECORD_LIST) put_ref(o, f->record, mode);
    else {
        put_member(o, "type", "string");
        if (f->values) put_values(o, f);
    }
    json_end(o, '}');
}

static void put_field(JsonOut *o, const Field *f, SchemaMode mode) {
    json_begin(o, '{');
    put_type(o, f);
    if (f->kind == KIND_RECORD) put_ref(o, f->record, mode);
    if (f->kind == KIND_STR_LIST || f->kind == KIND_RECORD_LIST) put_items(o, f, mode);
    bool epoch = f->kind == KIND_TIME && f->flags & F_EPOCH_MS;
    if (f->kind == KIND_TIME && !epoch) put_member(o, "format", "date-time");
    if (epoch || f->kind == KIND_INT || f->kind == KIND_ID || f->kind == KIND_OPT_INT) put_member(o, "format", "int64");
    bool base64 = f->format && strstr(f->format, "base64"); /* which is read, and never written */
    if (f->format && f->kind == KIND_STR && !(base64 && mode == SCHEMA_OUT)) put_member(o, "format", f->format);
    if (f->values && f->kind == KIND_STR) put_values(o, f);
    put_limits(o, f);
    if (f->fallback && mode != SCHEMA_OUT) {
        json_key(o, S("default"));
        json_put_raw(o, str_c(f->fallback));
    }
    if (f->flags & F_READONLY) {
        json_key(o, S("readOnly"));
        json_put_bool(o, true);
    }
    if (f->doc) put_member(o, "description", f->doc);
    json_end(o, '}');
}

void field_schema(Buf *b, const Field *f, SchemaMode mode) {
    JsonOut o = json_out(b);
    put_field(&o, f, mode);
}

static bool in_schema(const Field *f, SchemaMode mode) {
    if (mode == SCHEMA_OUT) return !(f->flags & F_SECRET);
    bool never_seen = f->flags & F_SECRET && f->flags & F_READONLY;
    if (f->flags & F_OWNER || never_seen) return false;
    return !(mode == SCHEMA_CHANGE && f->flags & F_IMMUTABLE);
}

static bool is_required(const Field *f, SchemaMode mode) {
    if (mode == SCHEMA_OUT) return !(f->flags & F_OMIT_NULL);
    return mode == SCHEMA_CREATE && f->flags & F_REQUIRED;
}

static void put_name(JsonOut *o, const Record *record, const Field *f) {
    char room[FIELD_NAME_MAX];
    json_put_str(o, field_wire(record, f, room));
}

void record_schema(Buf *b, const Record *record, SchemaMode mode) {
    JsonOut o = json_out(b);
    json_begin(&o, '{');
    put_member(&o, "type", "object");
    if (record->doc) put_member(&o, "description", record->doc);
    json_key(&o, S("properties"));
    json_begin(&o, '{');
    bool any_required = false;
    for (ptrdiff_t i = 0; i < record->field_count; i++) {
        const Field *f = &record->fields[i];
        if (!in_schema(f, mode)) continue;
        any_required |= is_required(f, mode);
        char room[FIELD_NAME_MAX];
        json_key(&o, field_wire(record, f, room));
        put_field(&o, f, mode);
    }
    json_end(&o, '}');
    if (any_required) {
        json_key(&o, S("required"));
        json_begin(&o, '[');
        for (ptrdiff_t i = 0; i < record->field_count; i++)
            if (in_schema(&record->fields[i], mode) && is_required(&record->fields[i], mode))
                put_name(&o, record, &record->fields[i]);
        json_end(&o, ']');
    }
    if (mode != SCHEMA_OUT && !record->open) {
        json_key(&o, S("additionalProperties"));
        json_put_bool(&o, false);
    }
    json_end(&o, '}');
}
