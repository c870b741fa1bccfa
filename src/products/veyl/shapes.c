/* SPDX-License-Identifier: Apache-2.0
 * What all shapes share: finding the right one, and reading loosely typed values. */
#include "products/veyl/shapes.h"

#include <math.h>

#include "core/json.h"
#include "products/veyl/shapes_room.h"

static bool posts_fits(const json_t *e) {
    return json_is_object(e) && (json_at(e, "platform") || json_at(e, "platform_id")) &&
           (json_at(e, "id") || json_at(e, "caption") || json_at(e, "external_id"));
}

static const char *posts_read(Ctx *c, const json_t *e, const FileFacts *facts, Draft *out) {
    (void)facts;
    Err *err = draft_from_json(c, e, out);
    if (!err) return NULL;
    Buf b = buf_new(c->arena, 128);
    for (ptrdiff_t i = 0; i < err->field_count; i++)
        buf_f(&b, "%s%.*s %.*s", i ? "; " : "", S_ARG(err->fields[i].field),
              S_ARG(err->fields[i].message));
    return err->field_count ? str_cstr(c->arena, buf_str(&b)) : str_cstr(c->arena, err->detail);
}

const Shape shape_posts = {"posts", posts_fits, posts_read};

const Shape *const shapes[] = {
    &shape_posts,           &shape_tiktok_web,      &shape_tiktok_scraper,
    &shape_tiktok_api,      &shape_instagram_apify, &shape_instagram_web,
    &shape_instagram_graph, &shape_facebook_graph,  NULL,
};

const CsvShape *const csv_shapes[] = {
    &csv_posts, &csv_tiktok_apify, &csv_tiktok, &csv_facebook, NULL,
};

const Shape *shape_named(Str name) {
    for (ptrdiff_t i = 0; shapes[i]; i++)
        if (str_eq(str_c(shapes[i]->name), name)) return shapes[i];
    return NULL;
}

const Shape *shape_of(const json_t *element) {
    for (ptrdiff_t i = 0; shapes[i]; i++)
        if (shapes[i]->fits(element)) return shapes[i];
    return NULL;
}

const CsvShape *csv_shape_named(Str name) {
    for (ptrdiff_t i = 0; csv_shapes[i]; i++)
        if (str_eq(str_c(csv_shapes[i]->name), name)) return csv_shapes[i];
    return NULL;
}

static int column_of(CsvRow header, Str name) {
    for (ptrdiff_t i = 0; i < header.count; i++)
        if (str_eq(str_trim(header.cells[i]), name)) return (int)i;
    return -1;
}

const CsvShape *csv_shape_of(CsvRow header) {
    for (ptrdiff_t i = 0; csv_shapes[i]; i++) {
        bool all = true;
        for (Str rest = str_c(csv_shapes[i]->needs), name; all && !str_is_null(rest);) {
            rest = str_cut(rest, ' ', &name);
            all = column_of(header, name) >= 0;
        }
        if (all) return csv_shapes[i];
    }
    return NULL;
}

void csv_columns(const CsvShape *shape, CsvRow header, int columns[CSV_COLUMNS_MAX]) {
    ptrdiff_t i = 0;
    for (; shape->names[i]; i++) {
        assert(i < CSV_COLUMNS_MAX);
        columns[i] = column_of(header, str_c(shape->names[i]));
    }
}

/* -- values ----------------------------------------------------------------------------------- */

OptInt shape_count(const json_t *value) {
    int64_t n;
    if (!json_is_number(value)) return shape_count_text(json_str(value));
    if (!json_i64(value, &n) || n < 0) return (OptInt){0};
    return (OptInt){n, true};
}

OptInt shape_count_text(Str text) {
    Str digits = str_trim(text);
    if (digits.len == 0) return (OptInt){0};
    double factor = 1, number;
    char last = digits.data[digits.len - 1];
    if (last == 'K' || last == 'k') factor = 1e3;
    if (last == 'M' || last == 'm') factor = 1e6;
    if (last == 'B') factor = 1e9;
    if (factor > 1) digits.len--;
    int64_t n;
    if (factor == 1 && str_to_i64(digits, &n)) return (OptInt){n >= 0 ? n : 0, n >= 0};
    if (!str_to_f64(digits, &number) || !(number >= 0 && number * factor < 1e15))
        return (OptInt){0};
    return (OptInt){(int64_t)round(number * factor), true};
}

Str shape_text(Arena *arena, const json_t *value) {
    if (json_is_integer(value)) return strf(arena, "%lld", (long long)json_integer_value(value));
    Str text = json_str(value);
    return text.data ? str_copy(arena, text) : text;
}

Time shape_time_text(Str text) {
    Time at;
    int64_t seconds;
    Str trimmed = str_trim(text);
    double real;
    if (trimmed.len == 0) return TIME_NULL;
    if (str_to_i64(trimmed, &seconds)) {
        if (seconds >= 100000000000) seconds /= 1000;     /* milliseconds */
        bool sane = seconds > 0 && seconds < 32503680000; /* year 3000 */
        return sane ? (Time){seconds * US_PER_SECOND} : TIME_NULL;
    }
    if (time_parse(trimmed, &at)) return at;
    if (str_to_f64(trimmed, &real) && real > 0 && real < 32503680000.0)
        return (Time){(int64_t)real * US_PER_SECOND};
    return TIME_NULL;
}

Time shape_time(const json_t *value) {
    int64_t seconds;
    if (!json_is_number(value)) return shape_time_text(json_str(value));
    if (!json_i64(value, &seconds)) seconds = (int64_t)json_number_value(value);
    char text[32];
    int len = snprintf(text, sizeof text, "%lld", (long long)seconds);
    return shape_time_text(str_of(text, len));
}

/* One item at *at: quoted with ' or " (backslash escapes) or bare up to a comma. */
static bool list_item(Arena *arena, Str text, ptrdiff_t *at, Str *out) {
    while (*at < text.len && strchr(" ,\t\n", text.data[*at])) ++*at;
    if (*at >= text.len) return false;
    char quote = text.data[*at];
    if (quote != '\'' && quote != '"') {
        ptrdiff_t end = *at;
        while (end < text.len && text.data[end] != ',') end++;
        *out = str_copy(arena, str_trim(str_slice(text, *at, end)));
        *at = end;
        return true;
    }
    char *to = arena_bytes(arena, text.len - *at);
    ptrdiff_t len = 0, i = *at + 1;
    for (; i < text.len && text.data[i] != quote; i++) {
        if (text.data[i] == '\\' && i + 1 < text.len) i++;
        to[len++] = text.data[i];
    }
    *at = i + 1;
    *out = str_of(to, len);
    return true;
}

StrList shape_list(Arena *arena, Str text) {
    Str inside = str_trim(text);
    if (str_starts(inside, S("[")) && str_ends(inside, S("]")))
        inside = str_slice(inside, 1, inside.len - 1);
    ptrdiff_t most = 1, at = 0;
    for (ptrdiff_t i = 0; i < inside.len; i++) most += inside.data[i] == ',';
    StrList list = {arena_array(arena, Str, most), 0};
    Str item;
    while (list.count < most && list_item(arena, inside, &at, &item))
        list.items[list.count++] = item;
    return list;
}

Str shape_last_segment(Str address) {
    Str path = address;
    for (ptrdiff_t i = 0; i < path.len; i++)
        if (path.data[i] == '?' || path.data[i] == '#') path.len = i;
    while (path.len > 0 && path.data[path.len - 1] == '/') path.len--;
    for (ptrdiff_t i = path.len; i > 0; i--)
        if (path.data[i - 1] == '/') return str_slice(path, i, path.len);
    return path;
}
