/* SPDX-License-Identifier: Apache-2.0
 * JSON that models answer: does it fit the schema that was asked for (schema_check), and reading it
 * where a fence or words stand around it or its end is missing (answer_json). Nothing is made up: a
 * value that was cut is left out, but for a text, which ends where it was cut. */
#include "ai/answer.h"

enum { DEPTH_MAX = 32 };

typedef struct Check {
    Arena *arena;
    Str wrong; /* null while all is well */
} Check;

static void value_check(Check *k, const json_t *schema, const json_t *value, Str path, int depth);

static void refuse(Check *k, Str path, const char *why) {
    if (!str_is_null(k->wrong)) return;
    k->wrong = strf(k->arena, "%.*s: %s", S_ARG(str_is_empty(path) ? S("the value") : path), why);
}

static Str below(Arena *arena, Str path, const char *name) {
    return str_is_empty(path) ? str_copy(arena, str_c(name))
                              : strf(arena, "%.*s.%s", S_ARG(path), name);
}

/* -- Types --------------------------------------------------------------------------------------- */

static bool integral(const json_t *value) {
    if (json_is_integer(value)) return true;
    double real = json_is_real(value) ? json_real_value(value) : 0.5;
    return real >= -9e15 && real <= 9e15 && real == (double)(int64_t)real;
}

static bool type_fits(const char *type, const json_t *value) {
    if (strcmp(type, "object") == 0) return json_is_object(value);
    if (strcmp(type, "array") == 0) return json_is_array(value);
    if (strcmp(type, "string") == 0) return json_is_string(value);
    if (strcmp(type, "number") == 0) return json_is_number(value);
    if (strcmp(type, "integer") == 0) return json_is_number(value) && integral(value);
    if (strcmp(type, "boolean") == 0) return json_is_boolean(value);
    if (strcmp(type, "null") == 0) return json_is_null(value);
    return false;
}

static void type_check(Check *k, const json_t *schema, const json_t *value, Str path) {
    const json_t *type = json_object_get(schema, "type");
    if (!type) return;
    if (json_is_string(type)) {
        if (!type_fits(json_string_value(type), value))
            refuse(k, path,
                   str_cstr(k->arena, strf(k->arena, "%s was expected", json_string_value(type))));
        return;
    }
    for (size_t i = 0; i < json_array_size(type); i++) {
        const char *one = json_string_value(json_array_get(type, i));
        if (one && type_fits(one, value)) return;
    }
    refuse(k, path, "is of none of the types allowed");
}

/* -- Limits -------------------------------------------------------------------------------------- */

static void enum_check(Check *k, const json_t *schema, const json_t *value, Str path) {
    const json_t *all = json_object_get(schema, "enum");
    if (!json_is_array(all)) return;
    for (size_t i = 0; i < json_array_size(all); i++)
        if (json_equal(json_array_get(all, i), value)) return;
    refuse(k, path, "is none of the values allowed");
}

static void bound_check(Check *k, const json_t *schema, const char *name, bool least, double figure,
                        Str path) {
    double bound;
    if (!json_f64(json_object_get(schema, name), &bound)) return;
    if (least ? figure < bound : figure > bound)
        refuse(k, path, str_cstr(k->arena, strf(k->arena, "%s is %g", name, bound)));
}

static void limits_check(Check *k, const json_t *schema, const json_t *value, Str path) {
    enum_check(k, schema, value, path);
    if (json_is_number(value)) {
        bound_check(k, schema, "minimum", true, json_number_value(value), path);
        bound_check(k, schema, "maximum", false, json_number_value(value), path);
    }
    if (json_is_string(value)) {
        double count = (double)str_utf8_count(json_str(value));
        bound_check(k, schema, "minLength", true, count, path);
        bound_check(k, schema, "maxLength", false, count, path);
    }
    if (json_is_array(value)) {
        double count = (double)json_array_size(value);
        bound_check(k, schema, "minItems", true, count, path);
        bound_check(k, schema, "maxItems", false, count, path);
    }
}

/* -- What is inside ------------------------------------------------------------------------------ */

static void object_check(Check *k, const json_t *schema, const json_t *value, Str path, int depth) {
    const json_t *properties = json_object_get(schema, "properties");
    const json_t *required = json_object_get(schema, "required");
    bool closed = json_is_false(json_object_get(schema, "additionalProperties"));
    for (size_t i = 0; i < json_array_size(required); i++) {
        const char *name = json_string_value(json_array_get(required, i));
        if (name && !json_object_get(value, name))
            refuse(k, below(k->arena, path, name), "is missing");
    }
    const char *name;
    json_t *member;
    json_object_foreach((json_t *)(uintptr_t)value, name, member) {
        const json_t *inner = json_object_get(properties, name);
        if (inner)
            value_check(k, inner, member, below(k->arena, path, name), depth + 1);
        else if (closed)
            refuse(k, path,
                   "has a member that the schema does not know"); /* its name is the model's */
    }
}

static void value_check(Check *k, const json_t *schema, const json_t *value, Str path, int depth) {
    if (!str_is_null(k->wrong) || !json_is_object(schema)) return;
    if (depth > DEPTH_MAX) {
        refuse(k, path, "is nested too deeply");
        return;
    }
    type_check(k, schema, value, path);
    limits_check(k, schema, value, path);
    if (json_is_object(value)) object_check(k, schema, value, path, depth);
    const json_t *items = json_object_get(schema, "items");
    if (!json_is_array(value) || !items) return;
    for (size_t i = 0; i < json_array_size(value) && str_is_null(k->wrong); i++)
        value_check(k, items, json_array_get(value, i),
                    below(k->arena, path, str_cstr(k->arena, strf(k->arena, "%zu", i))), depth + 1);
}

Str schema_check(Arena *arena, const json_t *schema, const json_t *value) {
    assert(arena && value);
    Check k = {.arena = arena};
    value_check(&k, schema, value, S(""), 0);
    return k.wrong;
}

/* -- Reading what a model answered --------------------------------------------------------------- */

/* Where JSON seems to be in a text, and how to end it when its end is missing. */
typedef struct Scan {
    Str text;
    ptrdiff_t at, safe; /* up to safe there are whole values only */
    char open[JSON_DEPTH_MAX];
    int depth;
    bool in_text, after_colon, overflow;
} Scan;

/* How long the escape at `at` is: of a pair of surrogates both. */
static ptrdiff_t escape_length(Str text, ptrdiff_t at) {
    if (at + 1 >= text.len || text.data[at + 1] != 'u') return 2;
    Str half = str_slice(text, at + 2, at + 4);
    bool high = half.len == 2 && (half.data[0] | 0x20) == 'd' &&
                (half.data[1] == '8' || half.data[1] == '9' || (half.data[1] | 0x20) == 'a' ||
                 (half.data[1] | 0x20) == 'b');
    return high ? 12 : 6;
}

/* A text that was begun: behind its closing quote. False: it has none; an escape that was cut is then
 * off its end. */
static bool text_skip(Scan *s) {
    for (s->at++; s->at < s->text.len;) {
        char byte = s->text.data[s->at];
        ptrdiff_t step = byte == '\\' ? escape_length(s->text, s->at) : 1;
        if (s->at + step > s->text.len) s->text.len = s->at;
        s->at += step;
        if (byte == '"') return true;
    }
    s->at = s->text.len;
    return false;
}

static void scan_open(Scan *s, char byte) {
    s->overflow = s->depth == COUNT(s->open);
    if (!s->overflow) s->open[s->depth++] = byte;
    s->after_colon = false;
    s->safe = ++s->at;
}

/* From the first bracket to its end, or as far as the text goes. True: it is whole. */
static bool scan_run(Scan *s) {
    while (s->at < s->text.len && !s->overflow) {
        char byte = s->text.data[s->at];
        bool value = s->after_colon || (s->depth && s->open[s->depth - 1] == '[');
        if (byte == '"') {
            if (!text_skip(s)) return s->in_text = value, false;
            if (value) s->safe = s->at;
            continue;
        }
        if (byte == '{' || byte == '[') {
            scan_open(s, byte);
            continue;
        }
        if (byte == ',') s->safe = s->at, s->after_colon = false;
        if (byte == ':') s->after_colon = true;
        s->at++;
        if (byte != '}' && byte != ']') continue;
        s->safe = s->at;
        s->after_colon = false;
        if (--s->depth == 0) return true;
    }
    return false;
}

static Str scan_ended(Arena *arena, const Scan *s) {
    Buf b = buf_new(arena, s->text.len + s->depth + 2);
    if (s->in_text) {
        buf_add(&b, s->text);
        buf_byte(&b, '"');
    } else {
        buf_add(&b, str_slice(s->text, 0, s->safe));
    }
    for (int i = s->depth; i > 0; i--) buf_byte(&b, s->open[i - 1] == '{' ? '}' : ']');
    return buf_str(&b);
}

static ptrdiff_t first_bracket(Str text, ptrdiff_t from) {
    while (from < text.len && text.data[from] != '{' && text.data[from] != '[') from++;
    return from;
}

static bool fits(Ctx *c, Str text, const json_t *schema, json_t **out) {
    if (json_parse(c, text, out)) return false;
    return str_is_null(schema_check(c->arena, schema, *out));
}

Err *answer_json(Ctx *c, Str text, const json_t *schema, json_t **out) {
    enum { PLACES_MAX = 20 };
    text = str_trim(text);
    Err *first = json_parse(c, text, out);
    Str wrong = first ? S("it is none") : schema_check(c->arena, schema, *out);
    if (str_is_null(wrong)) return NULL;
    ptrdiff_t from = first_bracket(text, 0);
    for (int i = 0; i < PLACES_MAX && from < text.len; i++) {
        Scan s = {.text = str_slice(text, from, text.len)};
        bool whole = scan_run(&s);
        if (s.overflow) break;
        Str candidate = whole ? str_slice(s.text, 0, s.at) : scan_ended(c->arena, &s);
        if (fits(c, candidate, schema, out)) return NULL;
        from = first_bracket(text, whole ? from + s.at : from + 1);
    }
    *out = NULL;
    Err *err = err_new(c, ERR_UPSTREAM, __func__,
                       "The model's answer is not the JSON asked for: %.*s", S_ARG(wrong));
    err->code = S("ai_bad_answer");
    return err;
}
