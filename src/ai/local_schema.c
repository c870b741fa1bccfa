/* SPDX-License-Identifier: Apache-2.0
 * JSON filled with what sentences say: a text is the sentence that shares most words with the
 * property's name and description, one of a list of values is the only one that is named, a number is
 * the only one in such a sentence. Whatever would have to be guessed is left out, and when that was
 * required there is no answer at all. */
#include "ai/llm.h"
#include "ai/local.h"

enum { DEPTH_MAX = 8, TEXTS_MOST = 5 };

static json_t *value_fill(Ctx *c, const json_t *schema, Str about, Sentences *s, int depth);

static bool type_is(const json_t *schema, const char *name) {
    const json_t *type = json_object_get(schema, "type");
    if (json_is_string(type)) return strcmp(json_string_value(type), name) == 0;
    for (size_t i = 0; i < json_array_size(type); i++) {
        const char *one = json_string_value(json_array_get(type, i));
        if (one && strcmp(one, name) == 0) return true;
    }
    return false;
}

/* Sentences that bear on what is asked for, the best first; at most `most`. */
static ptrdiff_t bearing(Ctx *c, Sentences *s, Str about, const Sentence **out, ptrdiff_t most) {
    Terms terms = terms_of(c->arena, about);
    ptrdiff_t count = 0;
    if (terms.count == 0) return 0;
    sentences_ask(c->arena, s, &terms);
    while (count < most) {
        const Sentence *best = NULL;
        for (ptrdiff_t i = 0; i < s->count; i++) {
            const Sentence *one = &s->items[i];
            bool taken = false;
            for (ptrdiff_t k = 0; k < count; k++) taken = taken || out[k] == one;
            bool bears = one->cover > 0 && !taken;
            if (bears && (!best || one->score > best->score)) best = one;
        }
        if (!best) break;
        out[count++] = best;
    }
    return count;
}

static json_t *text_fill(Ctx *c, Str about, Sentences *s) {
    const Sentence *best;
    if (!bearing(c, s, about, &best, 1)) return NULL;
    return json_stringn(best->text.data, (size_t)best->text.len);
}

static bool names(Arena *arena, const Sentence *one, Str value) {
    Terms wanted = terms_of(arena, value);
    for (ptrdiff_t i = 0; i < wanted.count; i++) {
        bool found = false;
        for (ptrdiff_t k = 0; k < one->terms.count && !found; k++)
            found = term_match(&wanted.items[i], &one->terms.items[k]) >= 1;
        if (!found) return false;
    }
    return wanted.count > 0;
}

static json_t *choice_fill(Ctx *c, const json_t *values, const Sentences *s) {
    json_t *only = NULL;
    for (size_t i = 0; i < json_array_size(values); i++) {
        json_t *value = json_array_get(values, i);
        bool named = false;
        for (ptrdiff_t k = 0; k < s->count && !named; k++)
            named = json_is_string(value) && names(c->arena, &s->items[k], json_str(value));
        if (!named) continue;
        if (only) return NULL; /* two of them: which? */
        only = value;
    }
    return json_incref(only);
}

/* The one number of a sentence; false when it has none, or several. */
static bool number_in(Str text, double *out) {
    int found = 0;
    for (ptrdiff_t at = 0; at < text.len;) {
        ptrdiff_t from = at;
        while (at < text.len && ((text.data[at] >= '0' && text.data[at] <= '9') ||
                                 (at > from && text.data[at] == '.' && at + 1 < text.len &&
                                  text.data[at + 1] >= '0' && text.data[at + 1] <= '9')))
            at++;
        if (at == from)
            at++;
        else if (++found > 1 || !str_to_f64(str_slice(text, from, at), out))
            return false;
    }
    return found == 1;
}

static json_t *number_fill(Ctx *c, const json_t *schema, Str about, Sentences *s) {
    const Sentence *best;
    double number;
    if (!bearing(c, s, about, &best, 1) || !number_in(best->text, &number)) return NULL;
    bool whole = number == (double)(int64_t)number;
    if (whole) return json_integer((json_int_t)number);
    return type_is(schema, "number") ? json_real(number) : NULL;
}

static json_t *list_fill(Ctx *c, const json_t *schema, Str about, Sentences *s) {
    const json_t *items = json_object_get(schema, "items");
    int64_t most = TEXTS_MOST;
    if (!items || !type_is(items, "string") || json_object_get(items, "enum")) return NULL;
    json_i64(json_object_get(schema, "maxItems"), &most);
    const Sentence *found[TEXTS_MOST];
    ptrdiff_t count = bearing(c, s, about, found, (ptrdiff_t)min_i64(most, TEXTS_MOST));
    if (count == 0) return NULL;
    json_t *list = json_array();
    for (ptrdiff_t i = 0; i < count; i++)
        json_array_append_new(list, json_stringn(found[i]->text.data, (size_t)found[i]->text.len));
    return list;
}

static bool is_required(const json_t *schema, const char *name) {
    const json_t *required = json_object_get(schema, "required");
    for (size_t i = 0; i < json_array_size(required); i++) {
        const char *one = json_string_value(json_array_get(required, i));
        if (one && strcmp(one, name) == 0) return true;
    }
    return false;
}

static json_t *object_fill(Ctx *c, const json_t *schema, Sentences *s, int depth) {
    json_t *object = json_object();
    const char *name;
    json_t *inner;
    json_object_foreach(json_object_get(schema, "properties"), name, inner) {
        Str described = json_str(json_object_get(inner, "description"));
        Str about = strf(c->arena, "%s %.*s", name, S_ARG(described));
        json_t *value = value_fill(c, inner, about, s, depth + 1);
        if (value) {
            json_object_set_new(object, name, value);
        } else if (is_required(schema, name)) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static json_t *value_fill(Ctx *c, const json_t *schema, Str about, Sentences *s, int depth) {
    if (depth > DEPTH_MAX || !json_is_object(schema)) return NULL;
    const json_t *values = json_object_get(schema, "enum");
    json_t *value = NULL;
    if (values)
        value = choice_fill(c, values, s);
    else if (type_is(schema, "object"))
        value = object_fill(c, schema, s, depth);
    else if (type_is(schema, "string"))
        value = text_fill(c, about, s);
    else if (type_is(schema, "integer") || type_is(schema, "number"))
        value = number_fill(c, schema, about, s);
    else if (type_is(schema, "array"))
        value = list_fill(c, schema, about, s);
    return !value && type_is(schema, "null") ? json_null() : value;
}

static void value_free(void *value) { json_decref(value); }

json_t *local_fill(Ctx *c, const json_t *schema, Sentences *s) {
    Str described = json_str(json_object_get(schema, "description"));
    json_t *value = value_fill(c, schema, described, s, 0);
    if (!value) return NULL;
    defer(c, value_free, value);
    return str_is_null(schema_check(c->arena, schema, value)) ? value : NULL;
}
