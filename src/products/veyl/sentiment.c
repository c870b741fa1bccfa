/* SPDX-License-Identifier: Apache-2.0
 * The feeling of a text, by its words (lexicon.h) and the words around them:
 *
 *   - a negation up to three words before turns a feeling round and weakens it (`pas très bon`,
 *     `not good`); in French one right behind it too (`j'aime pas`);
 *   - boosters up to two words before strengthen or weaken it (`très beau`, `un peu triste`);
 *   - after `mais` or `but`, what came before counts for half;
 *   - every `!` adds a little, up to four; emoji count as words.
 *
 * The sum is pressed into -1 … 1 by s / sqrt(s² + 15) and rounded to 0.0001, so that sums over
 * posts are exact in integers. No model: it does not see irony, and says so by being near 0. */
#include <math.h>

#include "products/veyl/lexicon.h"
#include "products/veyl/text.h"

enum { NEGATION_REACH = 3, BOOSTER_REACH = 2, SHOUTS_MAX = 4 };

typedef struct Feeling {
    double sum;
    bool french, english;
    bool felt; /* anything that has a weight was met */
    int shouts;
    int since_negation, since_booster; /* words ago */
    double boost;
    double last; /* the last feeling added, for a negation behind it */
} Feeling;

static const LexiconWord *meaning_of(const Feeling *f, Str word, Tongue *tongue) {
    const LexiconWord *found = f->french ? lexicon_word_find(TONGUE_FRENCH, word) : NULL;
    *tongue = TONGUE_FRENCH;
    if (!found && f->english) {
        found = lexicon_word_find(TONGUE_ENGLISH, word);
        *tongue = TONGUE_ENGLISH;
    }
    return found;
}

static void thought_end(Feeling *f) {
    f->since_negation = NEGATION_REACH + 1;
    f->since_booster = BOOSTER_REACH + 1;
    f->last = 0;
}

static void feel(Feeling *f, double weight) {
    if (f->since_booster <= BOOSTER_REACH) weight *= f->boost;
    if (f->since_negation <= NEGATION_REACH) weight *= -0.7;
    f->sum += weight;
    f->last = weight;
    f->felt = true;
}

static void word_weigh(Feeling *f, const Token *token) {
    Tongue tongue;
    const LexiconWord *word = meaning_of(f, str_of(token->text, token->len), &tongue);
    f->since_negation++;
    f->since_booster++;
    if (!word) {
        f->last = 0;
        return;
    }
    switch (word->role) {
    case WORD_FEELING: feel(f, word->weight / 10.0); break;
    case WORD_NEGATION:
        /* `j'aime pas`: but not `n'aime pas`, which has been turned already. */
        if (tongue == TONGUE_FRENCH && f->last != 0 && token->kind == TOKEN_WORD &&
            f->since_negation > NEGATION_REACH + 1) {
            f->sum -= 1.7 * f->last;
            f->last = 0;
            return;
        }
        f->since_negation = 0;
        break;
    case WORD_BOOSTER:
        f->boost = word->weight / 100.0;
        f->since_booster = 0;
        break;
    case WORD_CONTRAST:
        f->sum *= 0.5;
        thought_end(f);
        break;
    }
}

static void token_weigh(Feeling *f, const Token *token) {
    switch (token->kind) {
    case TOKEN_WORD:
    case TOKEN_ELISION: word_weigh(f, token); break;
    case TOKEN_SHOUT:
        f->shouts += f->shouts < SHOUTS_MAX;
        thought_end(f);
        break;
    case TOKEN_STOP: thought_end(f); break;
    case TOKEN_SYMBOL: {
        int weight = lexicon_emoji(token->code);
        if (weight == 0) return;
        f->sum += weight / 10.0;
        f->felt = true;
        break;
    }
    }
}

OptFloat sentiment_of(Str text, Str language) {
    if (str_trim(text).len == 0) return (OptFloat){0};
    bool unknown = language.len == 0;
    Feeling f = {
        .french = unknown || str_starts(language, S("fr")),
        .english = unknown || str_starts(language, S("en")),
    };
    thought_end(&f);
    Tokens tokens = {text, 0};
    for (Token token; token_next(&tokens, &token);) token_weigh(&f, &token);
    if (!f.felt && !f.french && !f.english) return (OptFloat){0};
    double sum = f.sum * (1 + 0.05 * f.shouts);
    return (OptFloat){round(sum / sqrt(sum * sum + 15) * 10000) / 10000, true};
}
