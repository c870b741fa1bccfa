/* SPDX-License-Identifier: Apache-2.0 */
#include "core/record.h"

FieldSet record_bit(const Record *record, const char *name) {
    for (ptrdiff_t i = 0; i < record->field_count; i++)
        if (strcmp(record->fields[i].name, name) == 0) return (FieldSet)1 << i;
    assert(!"no such field");
    return 0;
}

static ptrdiff_t kind_size(const Field *f) {
    switch (f->kind) {
    case KIND_BOOL: return (ptrdiff_t)sizeof(bool);
    case KIND_INT: case KIND_FLOAT: case KIND_ID: case KIND_TIME: return 8;
    case KIND_STR: case KIND_JSON: return (ptrdiff_t)sizeof(Str);
    case KIND_OPT_INT: case KIND_OPT_FLOAT: return (ptrdiff_t)sizeof(OptInt);
    case KIND_OPT_BOOL: return (ptrdiff_t)sizeof(OptBool);
    case KIND_STR_LIST: return (ptrdiff_t)sizeof(StrList);
    case KIND_RECORD_LIST: return (ptrdiff_t)sizeof(RecordList);
    case KIND_RECORD: return f->record->size;
    }
    return 0;
}

void record_verify(const Record *record) {
    assert(record->name && record->fields);
    assert(record->field_count > 0 && record->field_count <= 64);
    for (ptrdiff_t i = 0; i < record->field_count; i++) {
        const Field *f = &record->fields[i];
        assert(f->name && f->offset >= 0);
        bool nested = f->kind == KIND_RECORD || f->kind == KIND_RECORD_LIST;
        assert(nested == (f->record != NULL));
        assert(f->offset + kind_size(f) <= record->size);
        assert(f->min <= f->max || f->max == 0);
        for (ptrdiff_t k = 0; k < i; k++) assert(strcmp(f->name, record->fields[k].name) != 0);
        if (nested && f->record != record) record_verify(f->record);
    }
}
