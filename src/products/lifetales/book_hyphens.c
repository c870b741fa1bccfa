/* SPDX-License-Identifier: Apache-2.0
 * Where words may be parted: libhyphen with the patterns that the machine has. A machine without them
 * parts no words, and its lines are a little wider spaced. */
#include <hyphen.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#include <utf8proc.h>

#include "products/lifetales/book_room.h"

enum { WORD_MIN = 5, WORD_MAX = 60, LEFT_MIN = 2, RIGHT_MIN = 3 };

static const struct {
    const char *primary, *path;
} known[] = {{"fr", "/usr/share/hyphen/hyph_fr.dic"},    {"en", "/usr/share/hyphen/hyph_en_US.dic"},
             {"de", "/usr/share/hyphen/hyph_de.dic"},    {"de", "/usr/share/hyphen/hyph_de_DE.dic"},
             {"es", "/usr/share/hyphen/hyph_es.dic"},    {"it", "/usr/share/hyphen/hyph_it_IT.dic"},
             {"pt", "/usr/share/hyphen/hyph_pt_PT.dic"}, {"nl", "/usr/share/hyphen/hyph_nl_NL.dic"}};

/* Read once and kept for ever: libhyphen loses a hundred bytes each time it reads a file. Read-only from
 * then on, for all threads. */
static HyphenDict *read_already[COUNT(known)];
static bool looked_for[COUNT(known)];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Those hundred bytes, and what fontconfig keeps, are not ours to give back. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libhyphen\nleak:libfontconfig\n"; }
/* Nor told each time: any report is a failed test. */
const char *__lsan_default_options(void);
const char *__lsan_default_options(void) { return "print_suppressions=0"; }

static HyphenDict *patterns_read(ptrdiff_t i) {
    pthread_mutex_lock(&lock);
    if (!looked_for[i] && access(known[i].path, R_OK) == 0) {
        HyphenDict *patterns = hnj_hyphen_load(known[i].path);
        if (patterns && !patterns->utf8) {
            hnj_hyphen_free(patterns);
            patterns = NULL;
        }
        read_already[i] = patterns;
    }
    looked_for[i] = true;
    HyphenDict *patterns = read_already[i];
    pthread_mutex_unlock(&lock);
    return patterns;
}

/* The patterns themselves: an incomplete type is all that callers see. */
const BookHyphens *book_hyphens(Str language) {
    for (ptrdiff_t i = 0; i < COUNT(known); i++) {
        if (!book_speaks(language, str_c(known[i].primary))) continue;
        HyphenDict *patterns = patterns_read(i);
        if (patterns) return (const BookHyphens *)(const void *)patterns;
    }
    return NULL;
}

/* In lower case, as the patterns are; false when a letter is not of the same length then. */
static bool lowered(Str word, char *to) {
    for (ptrdiff_t pos = 0, at = 0; pos < word.len; at = pos) {
        int32_t p = str_utf8_next(word, &pos);
        utf8proc_uint8_t bytes[4];
        if (utf8proc_encode_char(utf8proc_tolower(p), bytes) != pos - at) return false;
        memcpy(to + at, bytes, (size_t)(pos - at));
    }
    return true;
}

static void word_add(Buf *b, const BookHyphens *h, Str word, int letters) {
    char low[4 * WORD_MAX] = {0}, breaks[4 * WORD_MAX + 8] = {0};
    char **replacement = NULL;
    int *pos = NULL, *cut = NULL, letter = 0;
    if (letters < WORD_MIN || letters > WORD_MAX || !lowered(word, low)) {
        buf_add(b, word);
        return;
    }
    bool good = hnj_hyphen_hyphenate3((HyphenDict *)(uintptr_t)(const void *)h, low, (int)word.len, breaks, NULL,
                                       &replacement, &pos, &cut, LEFT_MIN, RIGHT_MIN, 0, 0) == 0;
    for (ptrdiff_t at = 0; at < word.len; letter++) {
        ptrdiff_t from = at;
        str_utf8_next(word, &at);
        buf_add(b, str_slice(word, from, at));
        bool odd = good && (breaks[letter] & 1) && (!replacement || !replacement[letter]);
        if (odd && letter + 1 >= LEFT_MIN && letters - letter - 1 >= RIGHT_MIN) book_point(b, 0xad);
    }
    for (ptrdiff_t i = 0; replacement && i < word.len; i++) free(replacement[i]);
    free(replacement);
    free(pos);
    free(cut);
}

static bool is_letter(int32_t p) {
    utf8proc_category_t category = utf8proc_category(p);
    return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

/* An address, or a name with a number in it: as it is. */
static bool whole(Str token) {
    return str_find(token, S("://")) >= 0 || str_find_byte(token, '@') >= 0 ||
           str_find_byte(token, '/') >= 0 || str_starts(token, S("www."));
}

Str book_hyphenate(Arena *arena, const BookHyphens *h, Str text) {
    if (!h) return text;
    Buf b = buf_new(arena, text.len + text.len / 3 + 16);
    for (ptrdiff_t at = 0; at < text.len;) {
        ptrdiff_t end = at;
        while (end < text.len && text.data[end] != ' ') end++;
        Str token = str_slice(text, at, end < text.len ? end + 1 : end);
        at = end + 1;
        if (whole(token)) {
            buf_add(&b, token);
            continue;
        }
        for (ptrdiff_t i = 0, from = 0; i < token.len;) {
            int letters = 0;
            int32_t p = 0;
            from = i;
            ptrdiff_t after = i;
            while (after < token.len && is_letter(p = str_utf8_next(token, &after))) {
                letters++;
                i = after;
            }
            word_add(&b, h, str_slice(token, from, i), letters);
            if (i < token.len && !(after == i)) {
                buf_add(&b, str_slice(token, i, after));
                i = after;
            }
        }
    }
    return buf_str(&b);
}
