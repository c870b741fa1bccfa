/* SPDX-License-Identifier: Apache-2.0
 * Weighing the words of a question, and finding them in a passage. */
#include "products/sylion/support.h"

#include <math.h>

#include "core/map.h"
#include "products/sylion/chunk.h"
#include "search/text.h"

/* Folded as words are: without accents; what an apostrophe divides stands alone. */
const char *const question_stop_words[] = {
    "a",     "afin",     "ai",     "ainsi",    "alors",      "apres",   "as",      "au",
    "aucun", "aucune",   "aussi",  "autre",    "aux",        "avait",   "avant",   "avec",
    "avez",  "avoir",    "avons",  "bonjour",  "c",          "ca",      "car",     "ce",
    "cela",  "celle",    "celui",  "ces",      "cet",        "cette",   "ceux",    "chaque",
    "chez",  "combien",  "comme",  "comment",  "concernant", "d",       "dans",    "de",
    "des",   "dire",     "dit",    "doit",     "doivent",    "dois",    "donc",    "donner",
    "dont",  "du",       "elle",   "elles",    "en",         "encore",  "entre",   "est",
    "estce", "et",       "etait",  "ete",      "etre",       "eu",      "existe",  "faire",
    "fait",  "faites",   "faut",   "font",     "ici",        "il",      "ils",     "j",
    "je",    "l",        "la",     "laquelle", "le",         "lequel",  "les",     "leur",
    "leurs", "lors",     "lui",    "m",        "ma",         "mais",    "me",      "meme",
    "merci", "mes",      "moi",    "moins",    "mon",        "n",       "ne",      "ni",
    "non",   "nos",      "notre",  "nous",     "on",         "ont",     "ou",      "oui",
    "par",   "parce",    "parmi",  "partir",   "pas",        "peut",    "peuvent", "peux",
    "plus",  "possible", "pour",   "pourquoi", "pouvez",     "puis",    "puisje",  "qu",
    "quand", "que",      "quel",   "quelle",   "quelles",    "quels",   "qui",     "quoi",
    "s",     "sa",       "sans",   "se",       "selon",      "ses",     "si",      "soit",
    "son",   "sont",     "sous",   "sur",      "t",          "ta",      "te",      "tes",
    "toi",   "ton",      "tous",   "tout",     "toute",      "toutes",  "tres",    "tu",
    "un",    "une",      "veut",   "veux",     "vers",       "vos",     "votre",   "voudrais",
    "vous",  "y",        "about",  "all",      "also",       "am",      "an",      "and",
    "any",   "are",      "at",     "be",       "been",       "between", "but",     "by",
    "can",   "could",    "did",    "do",       "does",       "for",     "from",    "get",
    "give",  "had",      "has",    "have",     "he",         "hello",   "her",     "here",
    "his",   "how",      "i",      "if",       "in",         "into",    "is",      "it",
    "its",   "like",     "may",    "much",     "must",       "my",      "need",    "no",
    "not",   "of",       "or",     "our",      "please",     "shall",   "she",     "should",
    "some",  "than",     "thanks", "that",     "the",        "their",   "them",    "then",
    "there", "these",    "they",   "this",     "those",      "to",      "us",      "use",
    "want",  "was",      "we",     "were",     "what",       "when",    "where",   "which",
    "who",   "whom",     "whose",  "why",      "will",       "with",    "would",   "yes",
    "you",   "your",     NULL};

static bool is_stop_word(Str word) {
    for (const char *const *one = question_stop_words; *one; one++)
        if (str_eq(word, str_c(*one))) return true;
    return false;
}

/* -- The question ---------------------------------------------------------------------------------- */

static bool term_known(const Question *q, Str word) {
    for (ptrdiff_t i = 0; i < q->count; i++)
        if (str_eq(q->terms[i], word)) return true;
    return false;
}

static void terms_add(Question *q, const Words *words, bool stop_words_too) {
    for (ptrdiff_t i = 0; i < words->count && q->count < QUESTION_TERMS; i++) {
        Str word = words->items[i].text;
        if ((!stop_words_too && is_stop_word(word)) || term_known(q, word)) continue;
        q->weights[q->count] = 1;
        q->terms[q->count++] = word;
    }
}

Question question_read(Arena *arena, Str text) {
    Question q = {0};
    Words words = {.arena = arena};
    words_add(&words, text);
    terms_add(&q, &words, false);
    if (q.count == 0) terms_add(&q, &words, true);
    return q;
}

void question_weigh(Question *q, const int64_t *found, int64_t total) {
    for (ptrdiff_t i = 0; i < q->count; i++) {
        double n = (double)found[i], all = (double)max_i64(total, found[i]);
        q->weights[i] = log(1 + (all - n + 0.5) / (n + 0.5));
    }
}

/* -- A text's words -------------------------------------------------------------------------------- */

enum { FAMILY_LETTERS = 4 };
static const double AS_WRITTEN = 1, BY_TYPO = 0.8, BY_FAMILY = 0.6;

typedef struct Stems {
    char bytes[2 * WORD_MAX];
    Str one, two; /* two is null where there is one only */
} Stems;

static void stems_of(Str word, Stems *s) {
    int second, first = word_stem(word, s->bytes, &second);
    s->one = str_of(s->bytes, first);
    s->two = second > 0 ? str_of(s->bytes + first, second) : (Str){0};
}

static bool stems_meet(const Stems *a, const Stems *b) {
    return str_eq(a->one, b->one) || (a->two.data && str_eq(a->two, b->one)) ||
           (b->two.data && (str_eq(a->one, b->two) || (a->two.data && str_eq(a->two, b->two))));
}

static ptrdiff_t common_prefix(Str a, Str b) {
    ptrdiff_t n = 0;
    while (n < a.len && n < b.len && a.data[n] == b.data[n]) n++;
    return n;
}

static bool has_digit(Str word) {
    for (ptrdiff_t i = 0; i < word.len; i++)
        if (word.data[i] >= '0' && word.data[i] <= '9') return true;
    return false;
}

/* How far the word is the term: 1 as written or by stem. Numbers are the same or they are not. */
static double word_match(Str term, const Stems *term_stems, Str word) {
    if (str_eq(term, word)) return AS_WRITTEN;
    if (term.data[0] != word.data[0] || has_digit(term)) return 0;
    Stems stems;
    stems_of(word, &stems);
    if (stems_meet(term_stems, &stems)) return AS_WRITTEN;
    int letters = word_letters(term), typos = letters < 5 ? 0 : letters < 9 ? 1 : 2;
    if (typos > 0 && word_distance(term, word, typos, false) <= typos) return BY_TYPO;
    ptrdiff_t shared = common_prefix(term, word), longer = max_size(term.len, word.len);
    return shared >= FAMILY_LETTERS && shared * 9 >= longer * 5 ? BY_FAMILY : 0;
}

/* Best match of each term in these words. */
static void words_match(const Question *q, const Stems *stems, const Words *words, ptrdiff_t from,
                        ptrdiff_t to, double *best) {
    for (ptrdiff_t i = 0; i < q->count; i++) {
        for (ptrdiff_t k = from; k < to && best[i] < AS_WRITTEN; k++) {
            double match = word_match(q->terms[i], &stems[i], words->items[k].text);
            if (match > best[i]) best[i] = match;
        }
    }
}

static double share_of(const Question *q, const double *best) {
    double have = 0, all = 0;
    for (ptrdiff_t i = 0; i < q->count; i++) {
        have += q->weights[i] * best[i];
        all += q->weights[i];
    }
    return all > 0 ? have / all : 0;
}

double question_coverage(const Question *q, Arena *scratch, Str heading, Str name, Str text,
                         Str *sentence) {
    Stems *stems = arena_array(scratch, Stems, q->count + 1);
    Words words = {.arena = scratch}, around = {.arena = scratch};
    double whole[QUESTION_TERMS] = {0}, most = -1;
    for (ptrdiff_t i = 0; i < q->count; i++) stems_of(q->terms[i], &stems[i]);
    words_add(&words, text);
    *sentence = (Str){0};
    for (ptrdiff_t at = 0, word = 0; at < text.len;) {
        ptrdiff_t end = sentence_end(text, at), first = word;
        double here[QUESTION_TERMS] = {0};
        while (word < words.count && (ptrdiff_t)words.items[word].from < end) word++;
        words_match(q, stems, &words, first, word, here);
        double share = share_of(q, here);
        if (share > most) {
            most = share;
            *sentence = str_trim(str_slice(text, at, end));
        }
        for (ptrdiff_t i = 0; i < q->count; i++) whole[i] = fmax(whole[i], here[i]);
        at = end;
    }
    words_add(&around, heading);
    words_add(&around, name);
    words_match(q, stems, &around, 0, around.count, whole);
    return share_of(q, whole);
}

/* -- The figure ------------------------------------------------------------------------------------ */

/* Where about as many questions without an answer reach it as questions with one miss it, by
 * bench/retrieval: that share is 0.7, the contract's usual threshold. */
static const double SHARE_AT_THRESHOLD = 0.42, THRESHOLD = 0.7;

static double by_words(double coverage) {
    double above = (coverage - SHARE_AT_THRESHOLD) / (1 - SHARE_AT_THRESHOLD);
    return above < 0 ? coverage / SHARE_AT_THRESHOLD * THRESHOLD
                     : fmin(1, THRESHOLD + above * (1 - THRESHOLD));
}

/* From unrelated to the same, as common models place them: not measured here, a model needs a key. */
static const double COSINE_NOTHING = 0.2, COSINE_ALL = 0.6;

static double by_meaning(double similarity) {
    if (isnan(similarity)) return 0;
    double figure = (similarity - COSINE_NOTHING) / (COSINE_ALL - COSINE_NOTHING);
    return figure < 0 ? 0 : figure > 1 ? 1 : figure;
}

double support_of(double coverage, double similarity) {
    assert(coverage >= 0 && coverage <= 1.000001);
    return fmax(by_words(coverage), by_meaning(similarity));
}
