/* SPDX-License-Identifier: Apache-2.0
 * JSON of the Assembly: from bytes that may be anything to values, and the shapes that XML left
 * in it. */
#include "products/robian/open_data.h"

#include "core/json.h"

/* The largest files hold 20 000 values; each takes about 100 bytes in memory. */
enum { VALUES_MAX = 500000, TEXT_MAX = 16 * 1024 * 1024 };

static ptrdiff_t values_count(Str text) {
    ptrdiff_t count = 0;
    for (ptrdiff_t i = 0; i < text.len; i++)
        count += text.data[i] == ',' || text.data[i] == '[' || text.data[i] == '{';
    return count;
}

static Err *text_check(Ctx *c, Str *text) {
    Str t = *text;
    if (str_starts(t, S("\xEF\xBB\xBF"))) t = str_slice(t, 3, t.len);
    bool utf16 = str_starts(t, S("\xFF\xFE")) || str_starts(t, S("\xFE\xFF")) ||
                 (t.len >= 2 && (t.data[0] == 0) != (t.data[1] == 0));
    if (utf16) FAIL(c, INVALID, "is UTF-16; open data is UTF-8");
    if (!str_utf8_valid(t)) FAIL(c, INVALID, "is not UTF-8 (ISO-8859-1, perhaps)");
    if (str_is_empty(str_trim(t))) FAIL(c, INVALID, "is empty");
    *text = t;
    return NULL;
}

Err *open_data_json(Ctx *c, Str bytes, const json_t **out) {
    json_t *json;
    TRY(text_check(c, &bytes));
    if (bytes.len > TEXT_MAX) FAIL(c, INVALID, "is longer than any of the Assembly's files");
    if (values_count(bytes) > VALUES_MAX) FAIL(c, INVALID, "holds more than %d values", VALUES_MAX);
    Err *err = json_parse(c, bytes, &json);
    if (err) return err_wrap(c, ERR_INVALID, __func__, err, "%.*s", S_ARG(err->detail));
    if (!json_is_object(json)) FAIL(c, INVALID, "is not a JSON object");
    *out = json;
    return NULL;
}

static bool is_nil(const json_t *value) {
    if (!value || json_is_null(value)) return true;
    Str nil = json_str(json_object_get(value, "@xsi:nil"));
    return str_eq(nil, S("true")) || str_eq(nil, S("1"));
}

const json_t *od_member(const json_t *object, const char *name) {
    const json_t *value = json_object_get(object, name);
    return is_nil(value) ? NULL : value;
}

static Str text_of(const json_t *value) {
    if (json_is_object(value)) value = json_object_get(value, "#text");
    return json_str(value);
}

Str od_text(const json_t *object, const char *name) { return text_of(od_member(object, name)); }

size_t od_count(const json_t *object, const char *name) {
    const json_t *value = od_member(object, name);
    if (!value) return 0;
    return json_is_array(value) ? json_array_size(value) : 1;
}

const json_t *od_at(const json_t *object, const char *name, size_t i) {
    const json_t *value = od_member(object, name);
    if (json_is_array(value))
        value = json_array_get(value, i);
    else if (i > 0)
        value = NULL;
    return is_nil(value) ? NULL : value;
}

bool od_true(const json_t *object, const char *name) {
    const json_t *value = od_member(object, name);
    return json_is_true(value) || str_eq(text_of(value), S("true"));
}
