/* SPDX-License-Identifier: Apache-2.0
 * Guess the language of a short text: by its script, else by the small words that every sentence
 * has and the letters only some languages write. Captions are short and full of names, so a
 * guess needs two signs for one language and clearly fewer for any other; else it says nothing. */
#include <pthread.h>

#include "products/veyl/text.h"

typedef struct Latin {
    const char *code;
    const char *words;   /* small words, folded */
    const char *letters; /* that it writes and its neighbours rarely do */
} Latin;

static const Latin latins[] = {
    {"fr",
     "le la les un une des du de et est en que qui dans pour pas sur plus avec ce cette ces mon ma "
     "mes "
     "son sa ses notre votre nous vous je tu il elle on ils elles sont suis ai ont avez avons au "
     "aux "
     "par ne se mais ou tout tous toute toutes tres bien fait etre avoir comme quand aussi leur "
     "meme "
     "sans chez deja encore voici voila merci bonjour a c j l d n s qu aujourd hui",
     "àâçéèêùœûëïô"},
    {"en",
     "the a an and of to in is it you that was for on are with as his they be at this have from or "
     "had "
     "by but not what all were we when your can said there use each which she do how their if will "
     "up "
     "about out many then them these so some her would make like him into has look more my our "
     "just "
     "its been who now find did get me i im its youre dont",
     ""},
    {"es",
     "el la los las un una unos y es en que de del por para con no se su sus al lo como mas pero "
     "este "
     "esta estos muy ya mi tu yo nos cuando hay donde gracias hoy todo todos porque soy eres",
     "ñóíéáú"},
    {"de",
     "der die das und ist in zu den mit von fur auf nicht ein eine einen dem des im ich du er sie "
     "wir "
     "ihr es sich auch aus bei nach wie uber nur noch oder aber wenn mein dein unser heute sind "
     "war "
     "hat haben wird",
     "ßäöü"},
    {"it",
     "il lo la i gli le un uno una di e che in per con non sono del della dei delle al alla si "
     "come "
     "piu ma mi ti ci questo questa anche nel nella tutto tutti grazie oggi sei molto",
     "òìàùéè"},
    {"pt",
     "o a os as um uma de do da dos das e que em no na nos nas para com nao por mais se como mas "
     "foi "
     "ao ele ela isso muito voce seu sua meu minha tem hoje obrigado obrigada tudo",
     "ãõàáâéêíóôúç"},
};

enum { LATINS = COUNT(latins), SLOTS = 1024 };

typedef struct Slot {
    Str word;
    unsigned languages; /* bit i: latins[i] */
} Slot;

static Slot slots[SLOTS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static Slot *slot_of(Str word) {
    for (uint64_t at = str_hash(word);; at++) {
        Slot *slot = &slots[at % SLOTS];
        if (str_is_null(slot->word) || str_eq(slot->word, word)) return slot;
    }
}

static void slots_make(void) {
    for (int i = 0; i < LATINS; i++) {
        for (Str rest = str_c(latins[i].words), word; !str_is_null(rest);) {
            rest = str_cut(rest, ' ', &word);
            Slot *slot = slot_of(word);
            slot->word = word;
            slot->languages |= 1u << i;
        }
    }
}

typedef enum Script {
    SCRIPT_LATIN,
    SCRIPT_ARABIC,
    SCRIPT_KANA,
    SCRIPT_HAN,
    SCRIPT_HANGUL,
    SCRIPT_THAI,
    SCRIPT_GREEK,
    SCRIPT_HEBREW,
    SCRIPT_DEVANAGARI,
    SCRIPT_CYRILLIC,
    SCRIPT_COUNT
} Script;

static const char *const script_languages[SCRIPT_COUNT] = {
    [SCRIPT_ARABIC] = "ar", [SCRIPT_KANA] = "ja",       [SCRIPT_HAN] = "zh",
    [SCRIPT_HANGUL] = "ko", [SCRIPT_THAI] = "th",       [SCRIPT_GREEK] = "el",
    [SCRIPT_HEBREW] = "he", [SCRIPT_DEVANAGARI] = "hi", [SCRIPT_CYRILLIC] = "ru",
};

static Script script_of(int32_t code) {
    if (code >= 0x370 && code < 0x400) return SCRIPT_GREEK;
    if (code >= 0x400 && code < 0x530) return SCRIPT_CYRILLIC;
    if (code >= 0x590 && code < 0x600) return SCRIPT_HEBREW;
    if ((code >= 0x600 && code < 0x780) || (code >= 0xFB50 && code < 0xFE00)) return SCRIPT_ARABIC;
    if (code >= 0x900 && code < 0x980) return SCRIPT_DEVANAGARI;
    if (code >= 0xE00 && code < 0xE80) return SCRIPT_THAI;
    if (code >= 0x3040 && code < 0x3100) return SCRIPT_KANA;
    if (code >= 0xAC00 && code < 0xD7B0) return SCRIPT_HANGUL;
    if ((code >= 0x4E00 && code < 0xA000) || (code >= 0x3400 && code < 0x4DC0)) return SCRIPT_HAN;
    return SCRIPT_LATIN;
}

typedef struct Signs {
    int words, by_latin[LATINS], by_script[SCRIPT_COUNT];
} Signs;

static bool writes(const Latin *latin, int32_t code) {
    Str letters = str_c(latin->letters);
    for (ptrdiff_t at = 0; at < letters.len;)
        if (str_utf8_next(letters, &at) == code) return true;
    return false;
}

static Signs signs_of(Str text) {
    Signs signs = {0};
    Tokens tokens = {text, 0};
    for (Token token; token_next(&tokens, &token);) {
        if (token.kind != TOKEN_WORD && token.kind != TOKEN_ELISION) continue;
        signs.words++;
        signs.by_script[script_of(token.code)]++;
        unsigned languages = slot_of(str_of(token.text, token.len))->languages;
        for (int i = 0; i < LATINS; i++) {
            /* A word with an accent is one of a language that writes it: `à` is no English `a`. */
            bool written = token.code && writes(&latins[i], token.code);
            if (!token.code || written) signs.by_latin[i] += 2 * (languages >> i & 1);
            signs.by_latin[i] += written;
        }
    }
    return signs;
}

Str language_of(Str text) {
    pthread_once(&once, slots_make);
    Signs signs = signs_of(text);
    /* Japanese mixes kana and Han. */
    if (signs.by_script[SCRIPT_KANA]) signs.by_script[SCRIPT_KANA] += signs.by_script[SCRIPT_HAN];
    for (int i = SCRIPT_ARABIC; i < SCRIPT_COUNT; i++)
        if (2 * signs.by_script[i] > signs.words) return str_c(script_languages[i]);
    int best = 0, second = -1;
    for (int i = 1; i < LATINS; i++) {
        if (signs.by_latin[i] > signs.by_latin[best])
            second = best, best = i;
        else if (second < 0 || signs.by_latin[i] > signs.by_latin[second])
            second = i;
    }
    int first = signs.by_latin[best], next = signs.by_latin[second];
    bool enough = first >= 4 && first * 10 >= signs.words * 2;
    return enough && first >= next + 2 ? str_c(latins[best].code) : (Str){NULL, 0};
}
