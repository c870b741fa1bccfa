/* SPDX-License-Identifier: Apache-2.0
 * For the tests and the fuzzer of json_parts.c: a text is read whole, by jansson and a decoder of whole
 * texts, and in pieces, with its parts taken out; both must say the same. */
#ifndef SOCLE_TEST_JSON_PARTS_WORLD_H
#define SOCLE_TEST_JSON_PARTS_WORLD_H

#include "core/base64.h"
#include "core/json_parts.h"

typedef struct Leaf {
    Str text, data, either, other;
    RecordList leaves;
} Leaf;
static const Field leaf_fields[] = {
    FIELD(Leaf, text),
    FIELD(Leaf, data, .format = "base64"),
    FIELD(Leaf, either, .format = "text-or-base64"),
    FIELD(Leaf, other, .format = "base64"),
};
static const Record leaf_record = RECORD(Leaf, leaf_fields, .open = true);

typedef struct Tree {
    Str photo_data, name;
    Leaf leaf;
    RecordList leaves;
} Tree;
static const Field tree_fields[] = {
    FIELD(Tree, photo_data, .format = "base64"),
    FIELD(Tree, name),
    FIELD_RECORD(Tree, leaf, &leaf_record),
    FIELD_LIST(Tree, leaves, &leaf_record),
};
static const Record tree_record = RECORD(Tree, tree_fields, .camel = true, .open = true);

enum { PARTS_FROM = 32, PARTS_ALIGN = 8 };

typedef struct Taken {
    JsonParts *parts;
    Buf bytes; /* of all parts, each at its place */
    json_t *json;
    Err *err;
} Taken;

static void bytes_keep(void *arg, int64_t at, Str bytes) {
    Buf *b = arg;
    ptrdiff_t end = (ptrdiff_t)at + bytes.len;
    if (end > b->len) {
        char *gap = buf_reserve(b, end - b->len);
        memset(gap, 0, (size_t)(end - b->len));
        b->len = end;
    }
    memcpy(b->data + at, bytes.data, (size_t)bytes.len);
}

/* In pieces of `step`; the first one has `first` bytes. */
static void parts_of(Ctx *c, Str text, ptrdiff_t first, ptrdiff_t step, Taken *out) {
    *out = (Taken){.bytes = buf_new(c->arena, 256)};
    JsonPartsOptions options = {.record = &tree_record,
                                .from = PARTS_FROM,
                                .align = PARTS_ALIGN,
                                .secret = S("0123456789abcdefghijkl"),
                                .write = bytes_keep,
                                .arg = &out->bytes};
    out->parts = json_parts_new(c->arena, options);
    for (ptrdiff_t at = 0, n = first; at < text.len; at += n, n = step)
        json_parts_take(out->parts, str_slice(text, at, at + n));
    json_parts_end(out->parts);
    out->err = json_parts_parse(c, out->parts, &out->json);
}

/* What a whole text decodes to: null where it is no base64. */
static Str whole_decoded(Ctx *c, Str text, Str *mime) {
    *mime = (Str){0};
    if (str_starts(text, S("data:"))) {
        ptrdiff_t comma = str_find_byte(str_slice(text, 0, 1024), ',');
        Str head = str_slice(text, 5, comma < 0 ? 5 : comma), type;
        if (!str_ends(head, S(";base64"))) return (Str){0};
        str_cut(head, ';', &type);
        *mime = str_lower(c->arena, str_trim(type));
        text = str_slice(text, comma + 1, text.len);
    }
    Base64 b = {0};
    char *to = arena_bytes(c->arena, base64_room(text.len) + 2);
    ptrdiff_t n = base64_take(&b, text, to);
    n += base64_end(&b, to + n);
    return b.bad ? (Str){0} : str_of(to, n);
}

static bool values_same(Ctx *c, const json_t *whole, const json_t *left, const Taken *t);

static bool texts_same(Ctx *c, Str whole, Str left, const Taken *t) {
    Str mime;
    const JsonPart *part = json_parts_find(t->parts, left);
    if (!part) return str_eq(whole, left);
    Str bytes = whole_decoded(c, whole, &mime);
    if (part->bad != str_is_null(bytes)) return false;
    if (part->bad) return part->size == 0;
    assert(part->at % PARTS_ALIGN == 0 && part->at + part->size <= t->bytes.len);
    return str_eq(str_of(t->bytes.data + part->at, (ptrdiff_t)part->size), bytes) &&
           str_is_null(part->mime) == str_is_null(mime) &&
           (str_eq(part->mime, mime) || str_find_byte(part->mime, '?') >= 0);
}

static bool members_same(Ctx *c, const json_t *whole, const json_t *left, const Taken *t) {
    json_t *object = (json_t *)(uintptr_t)whole;
    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        const json_t *other = json_object_get(left, json_object_iter_key(i));
        if (!other || !values_same(c, json_object_iter_value(i), other, t)) return false;
    }
    return json_object_size(whole) == json_object_size(left);
}

/* Recursion is bounded by JSON_DEPTH_MAX. */
static bool values_same(Ctx *c, const json_t *whole, const json_t *left, const Taken *t) {
    if (json_typeof(whole) != json_typeof(left)) return false;
    if (json_is_string(whole)) return texts_same(c, json_str(whole), json_str(left), t);
    if (json_is_object(whole)) return members_same(c, whole, left, t);
    if (!json_is_array(whole)) return json_equal(whole, left);
    for (size_t i = 0; i < json_array_size(whole); i++) {
        const json_t *other = json_array_get(left, i);
        if (!other || !values_same(c, json_array_get(whole, i), other, t)) return false;
    }
    return json_array_size(whole) == json_array_size(left);
}

/* *why: what differs. */
static bool reads_the_same(Ctx *c, Str text, ptrdiff_t first, ptrdiff_t step, Str *why) {
    Taken t;
    json_t *whole = NULL;
    Err *err = json_parse(c, text, &whole);
    parts_of(c, text, first, step, &t);
    *why = strf(c->arena, "whole: %.*s; in parts: %.*s; left: %.*s",
                S_ARG(err ? err->detail : S("good")), S_ARG(t.err ? t.err->detail : S("good")),
                S_ARG(str_utf8_cut(json_parts_rest(t.parts), 500)));
    if (!err != !t.err) return false;
    return err ? str_eq(err->detail, t.err->detail) : values_same(c, whole, t.json, &t);
}

#endif
