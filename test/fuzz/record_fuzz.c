/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as JSON into a record with every kind of field: an error or a record that, written out,
 * reads back and writes the same text again. */
#include "core/json.h"
#include "core/record.h"

typedef struct Inner { OptInt n; Str label; } Inner;
typedef struct Outer {
    Id id;
    Str name;
    bool on;
    int64_t count;
    double score;
    OptFloat mood;
    OptBool maybe;
    Time at;
    StrList tags;
    JsonText extra;
    Inner inner;
    RecordList list;
} Outer;

static const Field inner_fields[] = {FIELD(Inner, n), FIELD(Inner, label, .flags = F_NULLABLE)};
static const Record inner_record = RECORD(Inner, inner_fields);
static const Field outer_fields[] = {
    FIELD(Outer, id), FIELD(Outer, name, .flags = F_NULLABLE), FIELD(Outer, on), FIELD(Outer, count), FIELD(Outer, score),
    FIELD(Outer, mood), FIELD(Outer, maybe), FIELD(Outer, at, .flags = F_NULLABLE), FIELD(Outer, tags),
    FIELD(Outer, extra, .flags = F_NULLABLE), FIELD_RECORD(Outer, inner, &inner_record),
    FIELD_LIST(Outer, list, &inner_record),
};
static const Record outer_record = RECORD(Outer, outer_fields, .open = true);

static Err *read_text(Ctx *c, Str text, Outer *out) {
    json_t *json;
    TRY(json_parse(c, text, &json));
    return record_read(c, &outer_record, json, READ_CREATE, out, NULL);
}

static Str written(Ctx *c, const Outer *value) {
    Buf b = buf_new(c->arena, 256);
    record_write(&b, &outer_record, value);
    return buf_str(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Ctx c = {.arena = arena_new(256 * MIB)};
    Outer first, second;
    if (!read_text(&c, str_of((const char *)data, (ptrdiff_t)size), &first)) {
        Str text = written(&c, &first);
        Err *err = read_text(&c, text, &second);
        /* An absent id is written as null, which an id does not take: all else must come back. */
        if (err) assert(first.id.value == 0);
        else assert(str_eq(written(&c, &second), text));
    }
    ctx_undo(&c, NULL);
    arena_free(c.arena);
    return 0;
}
