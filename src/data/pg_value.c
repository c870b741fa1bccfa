/* SPDX-License-Identifier: Apache-2.0 */
#include "data/pg_value.h"

#include <math.h>

enum PgType {
    PG_BOOL = 16,
    PG_BYTEA = 17,
    PG_CHAR = 18,
    PG_NAME = 19,
    PG_INT8 = 20,
    PG_INT2 = 21,
    PG_INT4 = 23,
    PG_TEXT = 25,
    PG_OID = 26,
    PG_JSON = 114,
    PG_XML = 142,
    PG_FLOAT4 = 700,
    PG_FLOAT8 = 701,
    PG_UNKNOWN = 705,
    PG_TEXT_LIST = 1009,
    PG_VARCHAR_LIST = 1015,
    PG_BPCHAR = 1042,
    PG_VARCHAR = 1043,
    PG_DATE = 1082,
    PG_TIMESTAMP = 1114,
    PG_TIMESTAMPTZ = 1184,
    PG_NUMERIC = 1700,
    PG_VOID = 2278,
    PG_UUID = 2950,
    PG_JSONB = 3802,
};

/* 2000-01-01, where PostgreSQL counts from. */
#define PG_EPOCH_US (INT64_C(946684800) * US_PER_SECOND)

static void put_be64(char *to, uint64_t value) {
    for (int i = 7; i >= 0; i--, value >>= 8) to[i] = (char)(value & 0xff);
}

static uint64_t be(const char *from, int bytes) {
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) value = value << 8 | (unsigned char)from[i];
    return value;
}
static int16_t be16(const char *from) { return (int16_t)be(from, 2); }
static int32_t be32(const char *from) { return (int32_t)be(from, 4); }
static int64_t be64(const char *from) { return (int64_t)be(from, 8); }

/* -- arguments --------------------------------------------------------------------------------- */

static void arg_number(PgArgs *a, int i, Oid type, uint64_t bits) {
    put_be64(a->space[i], bits);
    a->types[i] = type;
    a->values[i] = a->space[i];
    a->lengths[i] = 8;
}

static void arg_bytes(PgArgs *a, int i, Oid type, Str s) {
    a->types[i] = type;
    a->values[i] = s.data;
    a->lengths[i] = (int)s.len;
}

/* Binary jsonb is a version number, then the text. */
static Str jsonb(Arena *arena, Str text) {
    char *bytes = arena_bytes(arena, text.len + 1);
    bytes[0] = 1;
    memcpy(bytes + 1, text.data, (size_t)text.len);
    return str_of(bytes, text.len + 1);
}

static void arg_put(Arena *arena, PgArgs *a, int i, const Value *v) {
    uint64_t bits;
    switch (v->kind) {
    case VALUE_NULL: arg_bytes(a, i, 0, (Str){NULL, 0}); break;
    case VALUE_BOOL:
        a->space[i][0] = v->b;
        arg_bytes(a, i, PG_BOOL, str_of(a->space[i], 1));
        break;
    case VALUE_INT: arg_number(a, i, PG_INT8, (uint64_t)v->i); break;
    case VALUE_FLOAT:
        memcpy(&bits, &v->f, sizeof bits);
        arg_number(a, i, PG_FLOAT8, bits);
        break;
    case VALUE_TIME:
        arg_number(a, i, PG_TIMESTAMPTZ, (uint64_t)v->i - (uint64_t)PG_EPOCH_US);
        break;
    case VALUE_TEXT: arg_bytes(a, i, PG_TEXT, v->s); break;
    case VALUE_BLOB: arg_bytes(a, i, PG_BYTEA, v->s); break;
    case VALUE_JSON: arg_bytes(a, i, PG_JSONB, jsonb(arena, v->s)); break;
    }
    a->formats[i] = 1;
}

void pg_args(Arena *arena, Args args, PgArgs *out) {
    assert(args.count <= ARGS_MAX);
    out->count = (int)args.count;
    for (int i = 0; i < out->count; i++) arg_put(arena, out, i, &args.items[i]);
}

/* -- columns ----------------------------------------------------------------------------------- */

/* Infinity is beyond what Time can say: as far as it goes. Minus infinity stays off TIME_NULL. */
static Value time_value(int64_t since_2000) {
    int64_t us;
    if (__builtin_add_overflow(since_2000, PG_EPOCH_US, &us)) us = INT64_MAX;
    if (since_2000 == INT64_MIN) us = INT64_MIN + 1;
    return (Value){.kind = VALUE_TIME, .i = us};
}

/* Base-10000 digits, `weight` of the first one. Whole numbers that fit stay exact. */
static bool numeric_value(Str raw, Value *out) {
    if (raw.len < 8) return false;
    int digits = be16(raw.data), weight = be16(raw.data + 2), sign = be16(raw.data + 4);
    if (raw.len != 8 + 2 * (ptrdiff_t)digits || (sign != 0 && sign != 0x4000)) {
        *out = value_float((double)NAN);
        return true;
    }
    int64_t whole = 0;
    double real = 0;
    bool exact = digits - 1 <= weight;
    for (int i = 0; i < digits || (exact && i <= weight); i++) {
        int digit = i < digits ? be16(raw.data + 8 + 2 * i) : 0;
        exact = exact && !__builtin_mul_overflow(whole, 10000, &whole) &&
                !__builtin_add_overflow(whole, digit, &whole);
        if (i < digits) real = real * 10000 + digit;
    }
    int scale = weight - digits + 1;
    real = scale < 0 ? real / pow(10000, -scale) : real * pow(10000, scale);
    *out = exact ? value_int(sign ? -whole : whole) : value_float(sign ? -real : real);
    return true;
}

static Str uuid_text(Arena *arena, const char *raw) {
    Buf b = buf_new(arena, 37);
    for (int i = 0; i < 16; i++)
        buf_f(&b, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
              (unsigned char)raw[i]);
    return buf_str(&b);
}

/* A one-dimensional array of texts as a JSON array, which is what text lists are elsewhere. */
static bool list_value(Arena *arena, Str raw, Value *out) {
    if (raw.len < 12 || be32(raw.data) > 1) return false;
    int32_t count = be32(raw.data) == 0 ? 0 : be32(raw.data + 12);
    ptrdiff_t at = 20;
    Buf b = buf_new(arena, raw.len + 16);
    buf_byte(&b, '[');
    for (int32_t i = 0; i < count; i++) {
        if (at + 4 > raw.len) return false;
        int32_t len = be32(raw.data + at);
        at += 4;
        if (len > raw.len - at) return false;
        if (i > 0) buf_byte(&b, ',');
        buf_json(&b, len < 0 ? S("") : str_of(raw.data + at, len));
        at += max_size(len, 0);
    }
    buf_byte(&b, ']');
    *out = (Value){.kind = VALUE_JSON, .s = buf_str(&b)};
    return true;
}

static bool float4_value(const char *raw, Value *out) {
    uint32_t bits = (uint32_t)be(raw, 4);
    float f;
    memcpy(&f, &bits, sizeof f);
    *out = value_float((double)f);
    return true;
}

static bool float8_value(const char *raw, Value *out) {
    uint64_t bits = be(raw, 8);
    memcpy(&out->f, &bits, sizeof bits);
    out->kind = VALUE_FLOAT;
    return true;
}

/* False for a type that is not read here. */
static bool value_read(Arena *arena, Oid type, Str raw, Value *out) {
    switch ((enum PgType)type) {
    case PG_BOOL: *out = value_bool(raw.data[0] != 0); return true;
    case PG_INT2: *out = value_int(be16(raw.data)); return true;
    case PG_INT4: *out = value_int(be32(raw.data)); return true;
    case PG_OID: *out = value_int((int64_t)be(raw.data, 4)); return true;
    case PG_INT8: *out = value_int(be64(raw.data)); return true;
    case PG_FLOAT4: return float4_value(raw.data, out);
    case PG_FLOAT8: return float8_value(raw.data, out);
    case PG_NUMERIC: return numeric_value(raw, out);
    case PG_TEXT:
    case PG_VARCHAR:
    case PG_BPCHAR:
    case PG_NAME:
    case PG_CHAR:
    case PG_UNKNOWN:
    case PG_XML: *out = value_str(raw); return true;
    case PG_BYTEA: *out = value_blob(raw); return true;
    case PG_JSON: *out = (Value){.kind = VALUE_JSON, .s = raw}; return true;
    case PG_JSONB: *out = (Value){.kind = VALUE_JSON, .s = str_slice(raw, 1, raw.len)}; return true;
    case PG_DATE: *out = time_value(be32(raw.data) * US_PER_DAY); return true;
    case PG_TIMESTAMP:
    case PG_TIMESTAMPTZ: *out = time_value(be64(raw.data)); return true;
    case PG_UUID: *out = value_str(uuid_text(arena, raw.data)); return true;
    case PG_TEXT_LIST:
    case PG_VARCHAR_LIST: return list_value(arena, raw, out);
    case PG_VOID: *out = value_null(); return true;
    }
    return false;
}

Err *pg_value(Ctx *c, const PGresult *result, int row, int column, Value *out) {
    if (PQgetisnull(result, row, column)) {
        *out = value_null();
        return NULL;
    }
    Str raw = {PQgetvalue(result, row, column), PQgetlength(result, row, column)};
    Oid type = PQftype(result, column);
    if (value_read(c->arena, type, raw, out)) return NULL;
    FAIL(c, INTERNAL, "column %s has type number %u, which is not read here: cast it",
         PQfname(result, column), type);
}

/* -- errors ------------------------------------------------------------------------------------ */

Str pg_sqlstate(const PGresult *result) {
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return state ? str_c(state) : S("");
}

static const struct {
    Str prefix;
    ErrKind kind;
} states[] = {
    /* the first that fits */
    {S_INIT("23505"), ERR_CONFLICT},     {S_INIT("23P01"), ERR_CONFLICT},
    {S_INIT("23"), ERR_INVALID},         {S_INIT("22"), ERR_INVALID},
    {S_INIT("40"), ERR_UNAVAILABLE}, /* after the last try of db_transaction */
    {S_INIT("57014"), ERR_TIMEOUT},      {S_INIT("57P"), ERR_UNAVAILABLE},
    {S_INIT("55P03"), ERR_UNAVAILABLE},  {S_INIT("55000"), ERR_UNAVAILABLE},
    {S_INIT("25006"), ERR_UNAVAILABLE}, /* a replica that is about to become the primary */
    {S_INIT("53100"), ERR_STORAGE_FULL}, {S_INIT("53"), ERR_UNAVAILABLE},
    {S_INIT("08P01"), ERR_INTERNAL}, /* wrong number of parameters */
    {S_INIT("08"), ERR_UNAVAILABLE},
};

static ErrKind state_kind(Str state) {
    for (ptrdiff_t i = 0; i < COUNT(states); i++)
        if (str_starts(state, states[i].prefix)) return states[i].kind;
    return ERR_INTERNAL;
}

static Str field_of(const PGresult *result, int field) {
    return str_c(PQresultErrorField(result, field));
}

/* `table.column` of a unique violation, from `Key (a, b)=(…)`, whose punctuation no translation
 * changes; so both engines name a constraint alike. Else the constraint's own name. */
static Str constraint_name(Arena *arena, const PGresult *result) {
    Str table = field_of(result, PG_DIAG_TABLE_NAME),
        column = field_of(result, PG_DIAG_COLUMN_NAME);
    if (column.data) return strf(arena, "%.*s.%.*s", S_ARG(table), S_ARG(column));
    Str detail = field_of(result, PG_DIAG_MESSAGE_DETAIL);
    ptrdiff_t open = str_find_byte(detail, '('), close = str_find(detail, S(")=("));
    if (!table.data || open < 0 || close < open) return field_of(result, PG_DIAG_CONSTRAINT_NAME);
    Buf b = buf_new(arena, 64);
    Str rest = str_slice(detail, open + 1, close), one;
    while (rest.data) {
        rest = str_cut(rest, ',', &one);
        buf_f(&b, "%s%.*s.%.*s", b.len ? "," : "", S_ARG(table), S_ARG(str_trim(one)));
    }
    return buf_str(&b);
}

static Err *constraint_err(Ctx *c, const PGresult *result, ErrKind kind, Str message) {
    Str name = constraint_name(c->arena, result);
    Err *err;
    if (kind == ERR_CONFLICT)
        err = err_new(c, kind, "postgres", "There is one already with the same %.*s.", S_ARG(name));
    else if (str_eq(pg_sqlstate(result), S("23503")))
        err = err_new(c, kind, "postgres",
                      "It refers to something that does not exist, or is referred to.");
    else
        err = err_new(c, kind, "postgres", "A value is not allowed: %.*s.", S_ARG(message));
    if (name.len > 0) err->code = str_copy(c->arena, name);
    return err;
}

Err *pg_err(Ctx *c, const PGresult *result, const char *sql) {
    Str state = pg_sqlstate(result), message = field_of(result, PG_DIAG_MESSAGE_PRIMARY);
    if (!message.data) message = str_trim(str_c(PQresultErrorMessage(result)));
    ErrKind kind = state_kind(state);
    if (str_starts(state, S("23"))) return constraint_err(c, result, kind, message);
    if (kind == ERR_TIMEOUT)
        return err_new(c, kind, "postgres", "The time allowed for this statement was over.");
    if (kind == ERR_INVALID)
        return err_new(c, kind, "postgres", "A value is not allowed: %.*s.", S_ARG(message));
    Str start = str_utf8_cut(sql ? str_c(sql) : S(""), 120);
    Err *err = err_new(c, kind, "postgres", "%.*s (%.*s)%s%.*s", S_ARG(message), S_ARG(state),
                       start.len ? " in: " : "", S_ARG(start));
    if (kind == ERR_UNAVAILABLE || kind == ERR_STORAGE_FULL) err->retry_after_s = RETRY_S;
    return err;
}
