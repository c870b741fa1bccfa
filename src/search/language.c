/* SPDX-License-Identifier: Apache-2.0
 * Languages by their letters, and by the words that French, English and Arabic sentences are held
 * together by. Texts are short (questions, messages, notes): one such word is enough.
 * (veyl tells a dozen languages apart, wants more signs, and says nothing without them.) */
#include "search/language.h"

#include "search/text.h"

enum { LOOK_BYTES = 4096 };
typedef enum Spoken { FRENCH, ENGLISH, ARABIC, SPOKEN } Spoken;

/* Folded, as words are. Articles, pronouns, prepositions, auxiliaries, question words. */
static const char *const stops[SPOKEN] = {
    " a afin ai ainsi alors as au aucun aucune aussi autre autres aux avait avant avec avez avoir "
    "avons ayant c ca car ce ceci "
    "cela celle celles celui ces cet cette ceux chaque chez ci comme comment d dans de des deux "
    "dire dit "
    "dois doit doivent donc dont du durant elle elles en encore entre envers es est et etait etant "
    "ete etre eux fait faire "
    "faut font hors il ils j je jusqu jusque l la laquelle le lequel les lesquels lesquelles leur "
    "leurs lors "
    "lorsque lui m ma mais me meme memes mes moi moins mon n ne ni non nos notre nous on ont or ou "
    "par parce parmi partir pas "
    "pendant peu peut peuvent peux plus plusieurs pour pourquoi pourrait puis qu quand que quel "
    "quelle "
    "quelles quelque quelques quels qui quoi s sa sans se selon sera ses si soit son sont sous "
    "suis sur t ta tandis te "
    "tel telle telles tels tes toi ton tous tout toute toutes tres tu un une va vers veut voici "
    "vos votre "
    "vous y bonjour bonsoir salut merci svp ",
    " a about after all also am an and any are as at be because been before being between both but "
    "by can "
    "could did do does doing done each either for from had has have having he her here him his how "
    "i if in "
    "into is it its itself just may me might more most must my no nor not of on one only or other "
    "our out over own "
    "same shall she should so some such than that the their them then there these they this those "
    "through to "
    "too under until up very was we were what when where which while who whom whose why will with "
    "would you "
    "your hello hi please thanks ",
    " في من على الى عن ان انه انها هو هي هم هذا هذه ذلك تلك التي الذي الذين ما ماذا متى اين كيف "
    "لماذا هل كم او و ثم قد لا "
    "لم لن ليس كان كانت يكون تكون مع كل بعد قبل بين عند حتى اذا كما اي ايضا لكن غير دون ",
};

/* Said in that language, but not without meaning. */
static const char *const signs[SPOKEN] = {
    " oui quoi tres voici hier ",
    " yes yet again yesterday thank many much ",
    " ",
};

static bool listed(const char *list, Str word) {
    char padded[24];
    if (word.len < 1 || word.len > (ptrdiff_t)sizeof padded - 3) return false;
    padded[0] = ' ';
    memcpy(padded + 1, word.data, (size_t)word.len);
    padded[word.len + 1] = ' ';
    return str_find(str_c(list), str_of(padded, word.len + 2)) >= 0;
}

bool word_is_stop(Str word) {
    for (int i = 0; i < SPOKEN; i++)
        if (listed(stops[i], word)) return true;
    return false;
}

/* -- Scripts ---------------------------------------------------------------------------------- */

typedef struct Script {
    const char *code;
    int32_t from, to;
} Script;
static const Script scripts[] = {
    {"ar", 0x600, 0x77F},   {"ar", 0x8A0, 0x8FF},   {"ar", 0xFB50, 0xFDFF}, {"ar", 0xFE70, 0xFEFC},
    {"ja", 0x3040, 0x30FF}, {"zh", 0x3400, 0x4DBF}, {"zh", 0x4E00, 0x9FFF}, {"ko", 0xAC00, 0xD7AF},
    {"ru", 0x400, 0x52F},   {"el", 0x370, 0x3FF},   {"he", 0x590, 0x5FF},   {"th", 0xE00, 0xE7F},
    {"hi", 0x900, 0x97F},
};
enum { KANA = 4, HAN = 5, HAN_TOO = 6 };

static bool is_latin(int32_t code) {
    return (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z') ||
           (code >= 0xC0 && code < 0x250);
}

/* Whose letters most are; null: Latin's, or none. Japanese mixes kana and Han. */
static Str script_language(Str text) {
    ptrdiff_t letters[COUNT(scripts)] = {0}, latin = 0;
    for (ptrdiff_t at = 0; at < text.len;) {
        int32_t code = str_utf8_next(text, &at);
        latin += is_latin(code);
        for (int i = 0; code >= 0x370 && i < COUNT(scripts); i++)
            letters[i] += code >= scripts[i].from && code <= scripts[i].to;
    }
    if (letters[KANA] * 4 > letters[HAN]) letters[KANA] += letters[HAN] + letters[HAN_TOO];
    int best = 0;
    ptrdiff_t most = 0;
    for (int i = 0; i < COUNT(scripts); i++)
        if (letters[i] > most) most = letters[best = i];
    return most > latin / 3 && most > 0 ? str_c(scripts[best].code) : (Str){0};
}

/* -- Words ------------------------------------------------------------------------------------ */

Str text_language(Arena *arena, Str text) {
    text = str_utf8_cut(text, LOOK_BYTES);
    Str script = script_language(text);
    if (!str_is_null(script)) return script;
    int64_t votes[SPOKEN] = {0};
    ArenaMark mark = arena_mark(arena);
    Words words = {.arena = arena};
    words_add(&words, text);
    for (ptrdiff_t i = 0; i < words.count; i++) {
        Str word = words.items[i].text;
        for (int k = 0; k < SPOKEN; k++)
            votes[k] += listed(stops[k], word) || listed(signs[k], word);
    }
    arena_release(arena, mark);
    if (votes[FRENCH] == votes[ENGLISH]) return (Str){0};
    return votes[FRENCH] > votes[ENGLISH] ? S("fr") : S("en");
}
