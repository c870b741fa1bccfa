/* SPDX-License-Identifier: Apache-2.0
 * How many typing errors lie between two words: the plain way, for one pair. lexicon_fuzzy finds
 * the same over a whole lexicon; tests hold one against the other. */
#include "search/text.h"

static int letters_decode(Str word, int32_t out[WORD_MAX]) {
    int count = 0;
    word = str_slice(word, 0, WORD_MAX);
    for (ptrdiff_t at = 0; at < word.len;) out[count++] = str_utf8_next(word, &at);
    return count;
}

int word_letters(Str word) {
    int count = 0;
    for (ptrdiff_t i = 0; i < word.len; i++) count += ((uint8_t)word.data[i] & 0xc0) != 0x80;
    return count;
}

static int least(int a, int b) { return a < b ? a : b; }

/* Row i holds the distances of the first i letters of the word to all beginnings of the query. */
static int distance(const int32_t *q, int m, const int32_t *w, int n, int limit, bool prefix) {
    int rows[3][WORD_MAX + 1], best;
    for (int j = 0; j <= m; j++) rows[0][j] = j;
    best = m;
    for (int i = 1; i <= n; i++) {
        const int *before = rows[(i + 1) % 3], *last = rows[(i + 2) % 3];
        int *row = rows[i % 3], row_least = i;
        row[0] = i;
        for (int j = 1; j <= m; j++) {
            int d = least(last[j - 1] + (q[j - 1] != w[i - 1]), least(last[j], row[j - 1]) + 1);
            bool swapped = i > 1 && j > 1 && q[j - 1] == w[i - 2] && q[j - 2] == w[i - 1];
            if (swapped) d = least(d, before[j - 2] + 1);
            row[j] = d;
            row_least = least(row_least, d);
        }
        best = prefix ? least(best, row[m]) : row[m];
        if (row_least > limit) return least(prefix ? best : limit + 1, limit + 1);
    }
    return best;
}

int word_distance(Str query, Str word, int limit, bool prefix) {
    int32_t q[WORD_MAX], w[WORD_MAX];
    assert(limit >= 0);
    int m = letters_decode(query, q), n = letters_decode(word, w);
    if (!prefix && (m - n > limit || n - m > limit)) return limit + 1;
    int d = distance(q, m, w, n, limit, prefix);
    if (m > 0 && n > 0 && q[0] != w[0]) d++;
    return least(d, limit + 1);
}
