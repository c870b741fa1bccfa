/* SPDX-License-Identifier: Apache-2.0
 * See import_scan.h. */
#include "products/lifetales/import_scan.h"

#include <sys/mman.h>
#include <unistd.h>

enum { PASSED_BYTES = 16 * 1024 * 1024 };
static Str mapped; /* a command has one file at a time */

void scan_mapped(Str file) { mapped = file; }

/* Whole pages of the file between the two are read again from it when they are wanted again. */
void scan_passed(const char *from, const char *to) {
    ptrdiff_t page = (ptrdiff_t)sysconf(_SC_PAGESIZE);
    if (mapped.len == 0 || from < mapped.data || to > mapped.data + mapped.len) return;
    ptrdiff_t begin = (from - mapped.data) / page * page, end = (to - mapped.data) / page * page;
    if (end <= begin) return;
    /* The kernel may leave them: nothing hangs on it. */
    int left =
        madvise((char *)(uintptr_t)mapped.data + begin, (size_t)(end - begin), MADV_DONTNEED);
    (void)left;
}

static bool is_space(char byte) {
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

static ptrdiff_t space_skip(Str text, ptrdiff_t at) {
    while (at < text.len && is_space(text.data[at])) at++;
    return at;
}

/* Behind the closing quote of a text that begins at `at`; -1: there is none. */
static ptrdiff_t quotes_end(Str text, ptrdiff_t at) {
    assert(text.data[at] == '"');
    for (ptrdiff_t i = at + 1; i < text.len;) {
        const char *quote = memchr(text.data + i, '"', (size_t)(text.len - i));
        if (!quote) return -1;
        ptrdiff_t end = quote - text.data, slashes = 0;
        while (end - slashes - 1 > at && text.data[end - slashes - 1] == '\\') slashes++;
        if (slashes % 2 == 0) return end + 1;
        i = end + 1;
    }
    return -1;
}

static ptrdiff_t brackets_end(Str text, ptrdiff_t at) {
    int64_t depth = 0;
    ptrdiff_t kept = at;
    while (at < text.len) {
        if (at - kept >= PASSED_BYTES) {
            scan_passed(text.data + kept, text.data + at);
            kept = at;
        }
        char byte = text.data[at];
        if (byte == '"') {
            at = quotes_end(text, at);
            if (at < 0) return -1;
            continue;
        }
        depth += (byte == '{' || byte == '[') - (byte == '}' || byte == ']');
        at++;
        if (depth == 0) return at;
    }
    return -1;
}

static ptrdiff_t word_end(Str text, ptrdiff_t at) {
    while (at < text.len && !is_space(text.data[at]) && !strchr(",:]}[{\"", text.data[at])) at++;
    return at;
}

bool scan_value(Str text, ptrdiff_t at, ptrdiff_t *begin, ptrdiff_t *end, bool *cut) {
    *cut = false;
    *begin = *end = at = space_skip(text, at);
    if (at >= text.len) return false;
    char byte = text.data[at];
    ptrdiff_t behind = byte == '"'                  ? quotes_end(text, at)
                       : byte == '{' || byte == '[' ? brackets_end(text, at)
                                                    : word_end(text, at);
    *cut = behind < 0;
    *end = behind < 0 ? text.len : behind;
    return true;
}

Scan scan_of(Str container) {
    assert(container.len > 0 && (container.data[0] == '{' || container.data[0] == '['));
    return (Scan){.text = container, .at = 1};
}

/* At the next member's value, if there is one. */
static bool member_find(Scan *s, Str *key) {
    bool object = s->text.data[0] == '{';
    char close = object ? '}' : ']';
    s->at = space_skip(s->text, s->at);
    if (s->at < s->text.len && s->text.data[s->at] == close) {
        s->over = true;
        return false;
    }
    if (s->begun) {
        if (s->at >= s->text.len || s->text.data[s->at] != ',') return false;
        s->at = space_skip(s->text, s->at + 1);
    }
    if (s->at >= s->text.len) return false;
    if (!object) return true;
    if (s->text.data[s->at] != '"') return false;
    ptrdiff_t end = quotes_end(s->text, s->at);
    if (end < 0) return false;
    *key = str_slice(s->text, s->at + 1, end - 1);
    s->at = space_skip(s->text, end);
    if (s->at >= s->text.len || s->text.data[s->at] != ':') return false;
    s->at++;
    return true;
}

bool scan_next(Scan *s, Str *key, Str *value, bool *cut) {
    ptrdiff_t begin, end;
    *key = *value = (Str){0};
    *cut = false;
    if (s->over || s->broken) return false;
    bool there =
        member_find(s, key) && scan_value(s->text, s->at, &begin, &end, cut) && end > begin;
    if (!there) {
        s->broken = !s->over;
        return false;
    }
    s->begun = true;
    s->at = end;
    *value = str_slice(s->text, begin, end);
    s->broken = *cut;
    return true;
}
