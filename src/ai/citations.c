/* SPDX-License-Identifier: Apache-2.0
 * Numbers in square brackets by which an answer cites its sources. */
#include "ai/llm.h"

/* A list `1, 3` up to its bracket; 0 when it is something else. */
static ptrdiff_t list_read(Str text, bool *cited, ptrdiff_t source_count, int *order,
                           ptrdiff_t *count) {
    int found[32];
    ptrdiff_t found_count = 0, i = 0;
    for (;;) {
        int64_t number = 0;
        ptrdiff_t digits = 0;
        while (i < text.len && text.data[i] == ' ') i++;
        for (; i < text.len && text.data[i] >= '0' && text.data[i] <= '9' && digits < 6; i++, digits++)
            number = number * 10 + (text.data[i] - '0');
        while (i < text.len && text.data[i] == ' ') i++;
        if (!digits || i == text.len || found_count == COUNT(found)) return 0;
        found[found_count++] = (int)number;
        char after = text.data[i++];
        if (after == ']') break;
        if (after != ',' && after != ';') return 0;
    }
    for (ptrdiff_t k = 0; k < found_count; k++) {
        int number = found[k];
        if (number < 1 || number > source_count || cited[number - 1]) continue;
        cited[number - 1] = true;
        order[(*count)++] = number;
    }
    return i;
}

int *chat_citations(Arena *arena, Str text, ptrdiff_t source_count, ptrdiff_t *count) {
    assert(source_count >= 0);
    int *order = arena_array(arena, int, source_count + 1);
    bool *cited = arena_array(arena, bool, source_count + 1);
    *count = 0;
    for (ptrdiff_t i = 0; i < text.len; i++)
        if (text.data[i] == '[')
            i += list_read(str_slice(text, i + 1, text.len), cited, source_count, order, count);
    return order;
}
