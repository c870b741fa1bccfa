/* SPDX-License-Identifier: Apache-2.0
 * What the pictures of a chapter show: the first what the writer thought of, each other one a part of the
 * text, in its own words. The same text gives the same words, so that pictures are found again. Pure. */
#include "products/lifetales/facts.h"
#include "products/lifetales/story_room.h"

enum { PART_POINTS = 240 /* words enough to see something */, PART_BYTES_MAX = 1200 };

/* A text of fewer sentences than pictures is looked at from elsewhere. */
static Str other_view(Arena *arena, Str first, ptrdiff_t part) {
    static const char *const views[] = {"seen from nearby", "seen from afar", "a detail of it"};
    return strf(arena, "%.*s, %s", S_ARG(first), views[(part - 1) % COUNT(views)]);
}

/* Sentences of the part, whole ones, from where it begins. */
static Str part_words(Str text, const Range *sentences, ptrdiff_t count, int64_t from, int64_t to) {
    ptrdiff_t begin = -1, end = -1;
    for (ptrdiff_t i = 0; i < count; i++) {
        int64_t middle = sentences[i].start + (sentences[i].end - sentences[i].start) / 2;
        if (middle < from) continue;
        if (middle >= to) break;
        if (begin < 0) begin = sentences[i].start;
        end = sentences[i].end;
        if (str_utf8_count(str_slice(text, begin, end)) >= PART_POINTS) break;
    }
    return begin < 0 ? (Str){0} : str_utf8_cut(str_slice(text, begin, end), PART_BYTES_MAX);
}

void story_prompts(Arena *arena, Str content, Str first, ptrdiff_t count, Str *prompts) {
    assert(prompts && count >= 0 && count <= CHAPTER_PICTURES_MAX);
    ptrdiff_t sentence_count = 0;
    Range *sentences = count > 1 ? story_sentences(arena, content, &sentence_count) : NULL;
    for (ptrdiff_t part = 0; part < count; part++) {
        Str words = {0};
        if (part > 0)
            words = part_words(content, sentences, sentence_count, part * content.len / count,
                               (part + 1) * content.len / count);
        prompts[part] = part == 0                ? first
                        : str_is_empty(words)    ? other_view(arena, first, part)
                        : str_eq(words, first)   ? other_view(arena, first, part)
                                                 : words;
    }
}
