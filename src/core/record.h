/* SPDX-License-Identifier: Apache-2.0
 * Record: a struct described once by a table of its fields. From the table come JSON reading (with
 * every bad field at once), JSON writing, database rows, SQL column lists, OpenAPI schemas and CSV.
 *
 *   typedef struct Monitor { Id id; Str name; OptInt likes; Time created_at; } Monitor;
 *   static const Field monitor_fields[] = {
 *       FIELD(Monitor, id, .flags = F_READONLY),
 *       FIELD(Monitor, name, .flags = F_REQUIRED, .min = 1, .max = 120, .doc = "What people see"),
 *       FIELD(Monitor, likes),
 *       FIELD(Monitor, created_at, .flags = F_READONLY),
 *   };
 *   const Record monitor_record = RECORD(Monitor, monitor_fields, .doc = "Watches something");
 *
 * The kind of a field is deduced from the member's own type, so that table and struct cannot
 * disagree; a type without a kind is a compile error. Wire name, column name and member name are one,
 * unless the record is `camel`.
 * At most 64 fields (one bit each in a FieldSet). */
#ifndef SOCLE_CORE_RECORD_H
#define SOCLE_CORE_RECORD_H

#include <jansson.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/id.h"
#include "core/str.h"
#include "core/time.h"

typedef struct OptInt { int64_t value; bool set; } OptInt;     /* null unless set */
typedef struct OptFloat { double value; bool set; } OptFloat;
typedef struct OptBool { bool value; bool set; } OptBool;
typedef struct JsonText { Str text; } JsonText;                /* any JSON value, kept as text; null text = null */
typedef struct RecordList { void *items; ptrdiff_t count; } RecordList; /* of Field.record's struct */

typedef enum FieldKind {
    KIND_BOOL, KIND_INT, KIND_FLOAT, KIND_STR, KIND_ID, KIND_TIME,
    KIND_OPT_INT, KIND_OPT_FLOAT, KIND_OPT_BOOL,
    KIND_JSON, KIND_STR_LIST, KIND_RECORD, KIND_RECORD_LIST
} FieldKind;

#define KIND_OF(member)                                                                       \
    _Generic((member), bool: KIND_BOOL, int64_t: KIND_INT, double: KIND_FLOAT, Str: KIND_STR, \
        Id: KIND_ID, Time: KIND_TIME, OptInt: KIND_OPT_INT, OptFloat: KIND_OPT_FLOAT,         \
        OptBool: KIND_OPT_BOOL, JsonText: KIND_JSON, StrList: KIND_STR_LIST,                  \
        RecordList: KIND_RECORD_LIST)

typedef enum FieldFlags {
    F_REQUIRED = 1 << 0,  /* must be in the body when creating */
    F_READONLY = 1 << 1,  /* never taken from a body (ignored there: clients send back what they read) */
    F_SECRET = 1 << 2,    /* never written to JSON or log */
    F_OWNER = 1 << 3,     /* filled from the Ctx, always in WHERE of generated SQL; implies READONLY */
    F_IMMUTABLE = 1 << 4, /* may be given when creating, not when changing */
    F_NULLABLE = 1 << 5,  /* null is a value (Str, Time, Json, Id; the Opt kinds always are) */
    F_TRIM = 1 << 6,      /* text is trimmed before its length is checked */
    F_NO_COLUMN = 1 << 7, /* not a column of the record's table */
    F_OMIT_NULL = 1 << 8, /* left out of JSON when null (else written as null) */
    F_LOWER = 1 << 9,     /* ASCII letters of text are lowered */
    F_SNAKE = 1 << 10,    /* keeps its name on the wire in a `camel` record */
    F_EPOCH_MS = 1 << 11  /* a time that is milliseconds since 1970 on the wire, as JavaScript's clients
                             count; RFC 3339 is read as well. Years 1 to 9999 */
} FieldFlags;

struct Record;

typedef struct Field {
    const char *name;
    FieldKind kind;
    ptrdiff_t offset;
    unsigned flags;
    int64_t min, max;           /* text: code points; lists: items; numbers: value. Both 0: no limit (text: 64 KiB) */
    const char *const *values;  /* NULL-ended list of the only texts allowed */
    const char *format;         /* "email", "uri", "uuid", "date-time": checked and documented */
    const char *fallback;       /* JSON text used when the body has no such member */
    const char *doc;
    const struct Record *record; /* of KIND_RECORD and KIND_RECORD_LIST */
} Field;

typedef struct Record {
    const char *name;  /* schema name, `Monitor` */
    const char *table; /* database table, or NULL */
    const Field *fields;
    ptrdiff_t field_count;
    ptrdiff_t size; /* of the struct */
    const char *doc;
    bool open; /* unknown members of a body are ignored instead of refused */
    bool camel; /* on the wire names are camelCase (contact_email: contactEmail) and times have exactly
                   three digits of a second, as JavaScript's clients write them */
    /* What the table cannot say, asked once a value has been read, so that the caller is told every
     * bad field at once: adds to problems under `path` ("" outermost). Fields that are bad already,
     * or absent, are zero. NULL: nothing. */
    void (*check)(const void *value, Str path, struct Problems *problems);
} Record;

enum { FIELD_NAME_MAX = 64 }; /* bytes, with the NUL */
/* The field's name in JSON, queries and CSV; `room` holds it where it is another than f->name. */
Str field_wire(const Record *record, const Field *f, char room[FIELD_NAME_MAX]);

#define FIELD(Type, ...) FIELD_MADE(Type, __VA_ARGS__, ) /* attributes may be left out */
#define FIELD_MADE(Type, member, ...)                                                       \
    {.name = #member, .kind = KIND_OF(((Type *)0)->member), .offset = offsetof(Type, member), \
     __VA_ARGS__}
/* A nested struct, and a list of them (member of type RecordList). */
#define FIELD_RECORD(Type, member, ...) FIELD_RECORD_MADE(Type, member, __VA_ARGS__, )
#define FIELD_RECORD_MADE(Type, member, nested, ...)                                   \
    {.name = #member, .kind = KIND_RECORD, .offset = offsetof(Type, member), .record = (nested), \
     __VA_ARGS__}
#define FIELD_LIST(Type, member, ...) FIELD_LIST_MADE(Type, member, __VA_ARGS__, )
#define FIELD_LIST_MADE(Type, member, nested, ...)                                          \
    {.name = #member, .kind = KIND_RECORD_LIST, .offset = offsetof(Type, member), .record = (nested), \
     __VA_ARGS__}
#define RECORD(Type, ...) RECORD_MADE(#Type, Type, __VA_ARGS__, )
/* Of a struct that several records share, or under another name than the struct's. */
#define RECORD_AS(schema_name, Type, ...) RECORD_MADE(schema_name, Type, __VA_ARGS__, )
#define RECORD_MADE(schema_name, Type, field_table, ...)                                \
    {.name = (schema_name), .fields = (field_table), .field_count = COUNT(field_table), \
     .size = (ptrdiff_t)sizeof(Type), __VA_ARGS__}

/* Which fields a body gave: bit i is field i. */
typedef uint64_t FieldSet;
FieldSet record_bit(const Record *record, const char *name);

typedef enum ReadMode {
    READ_CREATE, /* required fields must be there, fallbacks fill the rest */
    READ_CHANGE  /* only what is there is read: see `present` */
} ReadMode;

/* Read a JSON object into *out (size record->size; texts copied into c's arena). Unknown members,
 * wrong types, limits: all of them in one INVALID error. `present` may be NULL. */
MUST_USE Err *record_read(Ctx *c, const Record *record, const json_t *json, ReadMode mode, void *out,
                          FieldSet *present);
/* The same, adding to problems under `path` (array items, bulk lines). */
void record_read_into(Ctx *c, const Record *record, const json_t *json, ReadMode mode, void *out,
                      FieldSet *present, Str path, Problems *problems);
/* Read `name=value` texts (query parameters, forms) into *out; names are the fields'. `get` returns
 * a null Str for what is not given. Lists are comma-separated. */
typedef Str (*RecordGet)(void *arg, Str name);
MUST_USE Err *record_read_text(Ctx *c, const Record *record, RecordGet get, void *arg, void *out);

/* Write as JSON; SECRET fields are left out. */
void record_write(Buf *b, const Record *record, const void *value);
/* items of record->size bytes each, as a JSON array. */
void record_write_list(Buf *b, const Record *record, const void *items, ptrdiff_t count);
void record_csv_head(Buf *b, const Record *record);
void record_csv_row(Buf *b, const Record *record, const void *value);

/* JSON Schema 2020-12 object (no $ref inside for nested ones: `#/components/schemas/NAME`).
 * mode: what a reader sees, what creating takes, what changing takes. */
typedef enum SchemaMode { SCHEMA_OUT, SCHEMA_CREATE, SCHEMA_CHANGE } SchemaMode;
void record_schema(Buf *b, const Record *record, SchemaMode mode);
void field_schema(Buf *b, const Field *field, SchemaMode mode);

/* Assert that a table is sound (offsets inside the struct, unique names, limits in order). */
void record_verify(const Record *record);

static inline void *field_at(const Field *f, const void *value) { return (char *)(uintptr_t)value + f->offset; }

#endif
