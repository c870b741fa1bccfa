/* SPDX-License-Identifier: Apache-2.0
 * Cutting a stream of bytes into records. See source.h.
 *
 *   UNDECIDED --first bytes--> LINES | ARRAY | DOCUMENT | CSV
 *   DOCUMENT  --end-->         its list, its map or itself, as elements
 *   DOCUMENT  --16 MiB-->      ARRAY, at the first list that may hold posts */
#include "products/veyl/source.h"

#include <stdlib.h>

#include "core/json.h"
#include "products/veyl/fast_json.h"

typedef enum Mode { UNDECIDED, LINES, ARRAY, DOCUMENT, CSV } Mode;

enum { PATH_MAX_BYTES = 256, DEPTH_MAX = 64, DECIDE_MIN = 64 * 1024, JSON_FLAGS = JSON_DECODE_ANY };

struct Source {
    Mode mode;
    char *data;
    ptrdiff_t start, len, cap; /* unread bytes are [start, len) */
    ptrdiff_t document_max;
    bool ended, begun, lines_only, overlong;
    const char *broken;
    int64_t record;
    char file_name[256], author[256];
    const Shape *shape; /* asked for, or found first */
    bool forced;
    /* ARRAY: how far the present element has been looked at. */
    ptrdiff_t scanned;
    int depth;
    bool in_string, escaped;
    /* DOCUMENT: its elements. */
    json_t *document, *list;
    void *iter;
    size_t index;
    /* CSV */
    const CsvShape *csv;
    int columns[CSV_COLUMNS_MAX];
};

/* Where APIs keep their posts. */
static const char *const list_paths[] = {
    "data.videos",
    "business_discovery.media.data",
    "user.media.nodes",
    "media.data",
    "media.nodes",
    "data",
    "media",
    "videos",
    "posts",
    "results",
    "items",
    NULL,
};

Source *source_new(SourceOptions options) {
    Source *s = calloc(1, sizeof *s);
    if (!s) abort();
    s->lines_only = options.lines;
    s->document_max = options.document_max ? options.document_max : SOURCE_DOCUMENT_MAX;
    if (!str_is_empty(options.format)) {
        s->shape = shape_named(options.format);
        s->csv = csv_shape_named(options.format);
        s->forced = true;
        if (!s->shape && !s->csv) {
            free(s);
            return NULL;
        }
    }
    Str name = str_slice(options.file_name, 0, (ptrdiff_t)sizeof s->file_name - 1);
    if (name.len) memcpy(s->file_name, name.data, (size_t)name.len);
    return s;
}

void source_free(Source *s) {
    if (!s) return;
    json_decref(s->document);
    free(s->data);
    free(s);
}

const char *source_broken(const Source *s) { return s->broken; }
ptrdiff_t source_held(const Source *s) { return s->cap; }

const char *source_shape(const Source *s) {
    return s->csv ? s->csv->name : s->shape ? s->shape->name : NULL;
}

void source_feed(Source *s, Str bytes) {
    assert(!s->ended);
    if (bytes.len == 0) return;
    if (s->start > 0 && (s->start == s->len || s->len + bytes.len > s->cap)) {
        memmove(s->data, s->data + s->start, (size_t)(s->len - s->start));
        s->scanned -= s->start;
        s->len -= s->start;
        s->start = 0;
    }
    if (s->len + bytes.len > s->cap) {
        s->cap = max_size(2 * s->cap, s->len + bytes.len);
        s->data = realloc(s->data, (size_t)s->cap);
        if (!s->data) abort();
    }
    memcpy(s->data + s->len, bytes.data, (size_t)bytes.len);
    s->len += bytes.len;
}

void source_end(Source *s) { s->ended = true; }

static Str unread(const Source *s) {
    return str_of(s->data ? s->data + s->start : "", s->len - s->start);
}

static SourceGot broken(Source *s, const char *why) {
    s->broken = why;
    return SOURCE_BROKEN;
}

/* -- elements to drafts ----------------------------------------------------------------------- */

static SourceGot rejected(Source *s, Draft *out, const char *why) {
    out->record = s->record;
    out->problem = why;
    return SOURCE_REJECT;
}

static SourceGot finish(Source *s, Ctx *c, Draft *out, const char *why) {
    if (!why) why = draft_finish(c->arena, out);
    if (why) return rejected(s, out, why);
    out->record = s->record;
    return SOURCE_DRAFT;
}

static SourceGot element_take(Source *s, Ctx *c, const json_t *element, Draft *out) {
    const Shape *shape = s->forced                             ? s->shape
                         : s->shape && s->shape->fits(element) ? s->shape
                                                               : shape_of(element);
    if (!json_is_object(element)) return rejected(s, out, "not a JSON object");
    /* The contract's Post says best what it misses. */
    if (!shape && (s->mode == LINES || s->mode == ARRAY)) shape = shape_named(S("posts"));
    if (!shape) return rejected(s, out, "not a post of any known shape");
    if (!s->shape && shape->fits(element)) s->shape = shape;
    FileFacts facts = {.author = s->author[0] ? str_c(s->author) : (Str){NULL, 0},
                       .file_name = str_c(s->file_name)};
    return finish(s, c, out, shape->read(c, element, &facts, out));
}

/* The contract's Post as our own tools write it, without a tree between. */
static bool plain_post(Source *s, Ctx *c, Str text, Draft *out) {
    if (s->shape && s->shape != shape_named(S("posts"))) return false;
    ArenaMark mark = arena_mark(c->arena);
    PostIn in = {0};
    FieldSet present;
    if (fast_json_read(c->arena, &post_in_record, text, &in, &present) &&
        (in.platform.len || !id_is_none(in.platform_id))) {
        draft_from_body(&in, present, out);
        return true;
    }
    arena_release(c->arena, mark);
    return false;
}

static SourceGot text_take(Source *s, Ctx *c, Str text, Draft *out) {
    if (plain_post(s, c, text, out)) return finish(s, c, out, NULL);
    json_error_t why;
    json_t *element =
        json_loadb(text.data, (size_t)text.len, JSON_FLAGS | JSON_REJECT_DUPLICATES, &why);
    if (!element)
        return rejected(s, out,
                        str_cstr(c->arena, strf(c->arena, "not valid JSON: %s at column %d",
                                                why.text, why.column)));
    SourceGot got = element_take(s, c, element, out);
    json_decref(element);
    return got;
}

/* -- lines ------------------------------------------------------------------------------------ */

static SourceGot line_next(Source *s, Ctx *c, Draft *out) {
    for (;;) {
        Str rest = unread(s);
        ptrdiff_t end = rest.len > 0 ? str_find_byte(rest, '\n') : -1;
        if (end < 0 && !s->ended) {
            if (rest.len > SOURCE_RECORD_MAX) { /* let go of it, remember that it was too long */
                s->overlong = true;
                s->start = s->len;
            }
            return SOURCE_MORE;
        }
        if (end < 0 && rest.len == 0 && !s->overlong) return SOURCE_DONE;
        if (end < 0) end = rest.len;
        Str line = str_trim(str_slice(rest, 0, end));
        s->start += min_size(end + 1, rest.len);
        s->record++;
        if (s->overlong || line.len > SOURCE_RECORD_MAX) {
            s->overlong = false;
            return rejected(s, out, "longer than 1 MiB");
        }
        if (line.len > 0) return text_take(s, c, line, out);
    }
}

/* -- elements of an array --------------------------------------------------------------------- */

/* Move over one byte of JSON; true at the end of a value that closes at depth 0. */
static void byte_scan(Source *s, char byte) {
    if (s->in_string) {
        if (s->escaped)
            s->escaped = false;
        else if (byte == '\\')
            s->escaped = true;
        else if (byte == '"')
            s->in_string = false;
        return;
    }
    if (byte == '"') s->in_string = true;
    if (byte == '{' || byte == '[') s->depth++;
    if (byte == '}' || byte == ']') s->depth--;
}

static bool space(char byte) { return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r'; }

static void spaces_drop(Source *s, bool commas) {
    while (s->start < s->len && (space(s->data[s->start]) || (commas && s->data[s->start] == ',')))
        s->start++;
    s->scanned = max_size(s->scanned, s->start);
}

static SourceGot array_next(Source *s, Ctx *c, Draft *out) {
    if (s->scanned <= s->start) spaces_drop(s, true);
    if (s->start < s->len && s->data[s->start] == ']' && s->scanned == s->start) return SOURCE_DONE;
    while (s->scanned < s->len) {
        char byte = s->data[s->scanned];
        bool ends = s->depth == 0 && !s->in_string && (byte == ',' || byte == ']');
        if (ends) {
            Str text = str_trim(str_slice(str_of(s->data, s->len), s->start, s->scanned));
            s->start = s->scanned;
            s->record++;
            return text.len ? text_take(s, c, text, out)
                            : rejected(s, out, "an element is missing");
        }
        byte_scan(s, byte);
        s->scanned++;
        if (s->depth < 0) return broken(s, "a bracket closes that was not opened");
        if (s->scanned - s->start > SOURCE_RECORD_MAX)
            return broken(s, "an element is longer than 1 MiB");
    }
    return s->ended ? broken(s, "the array ends in the middle") : SOURCE_MORE;
}

/* -- a whole document ------------------------------------------------------------------------- */

static bool holds_posts(const json_t *list) {
    json_t *first = json_array_get(list, 0);
    return json_is_array(list) && (!first || json_is_object(first));
}

/* {"123": {…}, "456": {…}}: answers for several ids at once. */
static bool is_map(const json_t *document) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)document, key, value) {
        Str id = json_str(json_at(value, "id"));
        if (!json_is_object(value) || !str_eq(id, str_c(key))) return false;
    }
    return json_object_size(document) > 0;
}

static void author_find(Source *s) {
    static const char *const paths[] = {"business_discovery.username", "user.username", "username",
                                        NULL};
    for (ptrdiff_t i = 0; paths[i]; i++) {
        Str name = str_slice(json_str(json_path(s->document, paths[i])), 0,
                             (ptrdiff_t)sizeof s->author - 1);
        if (name.len == 0) continue;
        memcpy(s->author, name.data, (size_t)name.len);
        return;
    }
}

static SourceGot document_open(Source *s) {
    Str text = str_trim(unread(s));
    json_error_t why;
    s->document = json_loadb(text.data, (size_t)text.len, JSON_FLAGS, &why);
    if (!s->document) {
        /* Several values one after the other, or simply broken: line by line tells where. */
        s->mode = LINES;
        return SOURCE_MORE;
    }
    s->start = s->len;
    author_find(s);
    if (shape_of(s->document)) return SOURCE_MORE; /* it is a post itself */
    for (ptrdiff_t i = 0; list_paths[i] && !s->list; i++) {
        json_t *list = json_path(s->document, list_paths[i]);
        if (holds_posts(list)) s->list = list;
    }
    if (!s->list && is_map(s->document)) s->iter = json_object_iter(s->document);
    return SOURCE_MORE;
}

/* {"mentioned_media": {…}}: a single post within one member. */
static const json_t *inner_post(const json_t *document) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)document, key,
                        value) if (json_is_object(value) && shape_of(value)) return value;
    return document;
}

static SourceGot document_next(Source *s, Ctx *c, Draft *out) {
    if (s->list) {
        if (s->index == json_array_size(s->list)) return SOURCE_DONE;
        s->record++;
        return element_take(s, c, json_array_get(s->list, s->index++), out);
    }
    if (s->iter) {
        json_t *element = json_object_iter_value(s->iter);
        s->iter = json_object_iter_next(s->document, s->iter);
        s->record++;
        return element_take(s, c, element, out);
    }
    if (s->record > 0) return SOURCE_DONE;
    s->record++;
    bool itself = shape_of(s->document) != NULL;
    return element_take(s, c, itself ? s->document : inner_post(s->document), out);
}

/* The path of the keys that lead to the present place, as "data.videos". */
typedef struct Keys {
    Str key[DEPTH_MAX];
    bool array[DEPTH_MAX];
    int depth;
} Keys;

static bool path_listed(const Keys *keys) {
    char path[PATH_MAX_BYTES];
    ptrdiff_t len = 0;
    for (int i = 0; i < keys->depth; i++) {
        if (keys->array[i]) return false;
        if (len + keys->key[i].len + 2 > PATH_MAX_BYTES) return false;
        if (i) path[len++] = '.';
        if (keys->key[i].len) memcpy(path + len, keys->key[i].data, (size_t)keys->key[i].len);
        len += keys->key[i].len;
    }
    for (ptrdiff_t i = 0; list_paths[i]; i++)
        if (str_eq(str_c(list_paths[i]), str_of(path, len))) return true;
    return false;
}

/* Offset behind the bracket of the first list that may hold posts, or -1. */
static ptrdiff_t list_find(Str text) {
    Keys keys = {0};
    Str word = {NULL, 0};
    for (ptrdiff_t i = 0; i < text.len; i++) {
        char byte = text.data[i];
        if (byte == '"') {
            ptrdiff_t from = ++i;
            while (i < text.len && text.data[i] != '"') i += text.data[i] == '\\' ? 2 : 1;
            word = str_slice(text, from, i);
        } else if (byte == ':') {
            if (keys.depth > 0) keys.key[keys.depth - 1] = word;
        } else if (byte == '{' || byte == '[') {
            if (byte == '[' && keys.depth > 0 && path_listed(&keys)) return i + 1;
            if (keys.depth == DEPTH_MAX) return -1;
            keys.array[keys.depth] = byte == '[';
            keys.key[keys.depth++] = (Str){NULL, 0};
        } else if (byte == '}' || byte == ']') {
            if (keys.depth > 0) keys.depth--;
        }
    }
    return -1;
}

static SourceGot document_hold(Source *s) {
    if (s->ended) return document_open(s);
    if (s->len - s->start <= s->document_max) return SOURCE_MORE;
    ptrdiff_t at = list_find(unread(s));
    if (at < 0) return broken(s, "a long JSON document without a list of posts in its beginning");
    s->start += at;
    s->scanned = s->start;
    s->mode = ARRAY;
    return SOURCE_DRAFT; /* go on */
}

/* -- CSV -------------------------------------------------------------------------------------- */

/* Length of the row at the start of text with its end, 0 if it is not whole. */
static ptrdiff_t row_end(Str text, bool ended) {
    bool quoted = false;
    for (ptrdiff_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"') quoted = !quoted;
        if (text.data[i] == '\n' && !quoted) return i + 1;
    }
    return ended ? text.len : 0;
}

static Str cell_read(Arena *arena, Str row, ptrdiff_t *at) {
    ptrdiff_t from = *at;
    if (from >= row.len || row.data[from] != '"') {
        while (*at < row.len && row.data[*at] != ',') ++*at;
        return str_slice(row, from, *at);
    }
    char *to = arena_bytes(arena, row.len - from);
    ptrdiff_t len = 0;
    for (++*at; *at < row.len; ++*at) {
        if (row.data[*at] == '"') {
            if (*at + 1 >= row.len || row.data[*at + 1] != '"') break;
            ++*at;
        }
        to[len++] = row.data[*at];
    }
    while (*at < row.len && row.data[*at] != ',') ++*at;
    return str_of(to, len);
}

static CsvRow row_read(Arena *arena, Str row) {
    while (row.len > 0 && (row.data[row.len - 1] == '\n' || row.data[row.len - 1] == '\r'))
        row.len--;
    Str *cells = arena_array(arena, Str, CSV_COLUMNS_MAX);
    ptrdiff_t count = 0, at = 0;
    for (;;) {
        Str cell = cell_read(arena, row, &at);
        if (count < CSV_COLUMNS_MAX) cells[count++] = cell;
        if (at >= row.len) break;
        at++;
    }
    return (CsvRow){cells, count};
}

static SourceGot csv_next(Source *s, Ctx *c, Draft *out) {
    for (;;) {
        Str rest = unread(s);
        ptrdiff_t end = row_end(rest, s->ended);
        if (end == 0 && rest.len > SOURCE_RECORD_MAX)
            return broken(s, "a row is longer than 1 MiB (a quote that is not closed?)");
        if (end == 0) return s->ended ? SOURCE_DONE : SOURCE_MORE;
        Str text = str_slice(rest, 0, end);
        s->start += end;
        s->record++;
        if (str_trim(text).len == 0) continue;
        if (!str_utf8_valid(text)) return rejected(s, out, "not valid UTF-8");
        CsvRow row = row_read(c->arena, text);
        if (s->record == 1) {
            csv_columns(s->csv, row, s->columns);
            continue;
        }
        FileFacts facts = {.file_name = str_c(s->file_name)};
        return finish(s, c, out, s->csv->read(c->arena, s->columns, row, &facts, out));
    }
}

/* -- deciding --------------------------------------------------------------------------------- */

/* Length of the JSON value that text begins with; 0 if it is not whole. */
static ptrdiff_t value_end(Str text) {
    Source scan = {0};
    for (ptrdiff_t i = 0; i < text.len; i++) {
        byte_scan(&scan, text.data[i]);
        if (scan.depth == 0 && !scan.in_string && (text.data[i] == '}' || text.data[i] == ']'))
            return i + 1;
    }
    return 0;
}

/* Objects line by line, or one object over many lines? */
static bool looks_like_lines(Str text) {
    ptrdiff_t newline = str_find_byte(text, '\n');
    if (newline < 0) return false;
    Str rest = str_trim(str_slice(text, newline, text.len));
    ptrdiff_t whole = value_end(text);
    return (rest.len > 0 && rest.data[0] == '{') || (whole > 0 && whole <= newline && rest.len > 0);
}

static SourceGot csv_begin(Source *s, Ctx *c, Str text) {
    ptrdiff_t end = row_end(text, s->ended);
    CsvRow header = row_read(c->arena, str_slice(text, 0, end));
    if (!s->csv) s->csv = csv_shape_of(header);
    if (s->csv) {
        s->mode = CSV;
        return SOURCE_DRAFT;
    }
    s->mode = LINES;
    return SOURCE_DRAFT;
}

/* SOURCE_DRAFT: decided. */
static SourceGot decide(Source *s, Ctx *c) {
    if (!s->begun && s->len - s->start >= 3) {
        if (str_starts(unread(s), S("\xEF\xBB\xBF"))) s->start += 3;
        s->begun = true;
    }
    Str text = unread(s);
    Str visible = str_trim(text);
    bool enough = s->ended || text.len >= DECIDE_MIN;
    if (!enough) return SOURCE_MORE;
    if (visible.len == 0) return s->ended ? SOURCE_DONE : SOURCE_MORE;
    if (s->lines_only)
        s->mode = LINES;
    else if (s->csv)
        return csv_begin(s, c, text);
    else if (visible.data[0] == '[') {
        spaces_drop(s, false);
        s->start++;
        s->scanned = s->start;
        s->mode = ARRAY;
    } else if (visible.data[0] == '{') {
        s->mode = looks_like_lines(visible) ? LINES : DOCUMENT;
    } else {
        return csv_begin(s, c, text);
    }
    return SOURCE_DRAFT;
}

SourceGot source_next(Source *s, Ctx *c, Draft *out) {
    memset(out, 0, sizeof *out);
    if (s->broken) return SOURCE_BROKEN;
    if (s->mode == UNDECIDED) {
        SourceGot got = decide(s, c);
        if (got != SOURCE_DRAFT) return got;
    }
    if (s->mode == DOCUMENT && !s->document) {
        SourceGot got = document_hold(s);
        if (got == SOURCE_BROKEN || (got == SOURCE_MORE && !s->ended)) return got;
    }
    switch (s->mode) {
    case LINES: return line_next(s, c, out);
    case ARRAY: return array_next(s, c, out);
    case DOCUMENT: return document_next(s, c, out);
    case CSV: return csv_next(s, c, out);
    case UNDECIDED: break;
    }
    assert(!"decided above");
    return SOURCE_DONE;
}
