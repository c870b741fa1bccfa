/* SPDX-License-Identifier: Apache-2.0
 * Which of the three languages that assistants answer in a text is: by Arabic's letters, and by the words
 * that French and English sentences are held together by. Messages are short: one such word is enough.
 * (veyl tells a dozen languages apart, and wants more signs.) */
#include "products/sylion/message_language.h"

#include "search/text.h"

enum { LOOK_BYTES = 4096 };

static const char *const french[] = {
    "le", "la", "les", "des", "du", "de", "un", "une", "et", "est", "ce", "cette", "je", "vous",
    "nous", "il", "elle", "pour", "avec", "sur", "dans", "que", "qui", "quoi", "quel", "quelle",
    "quels", "quelles", "quand", "comment", "combien", "pourquoi", "ou", "mon", "ma", "mes", "votre",
    "vos", "bonjour", "bonsoir", "merci", "oui", "au", "aux", "ne", "pas", "puis", "peut", "sont",
    "avez", "ai", "salut", "y", "se", "sa", "son", "d", "l", "j", "qu", "n", "s",
};
static const char *const english[] = {
    "the", "is", "are", "was", "what", "when", "where", "who", "how", "why", "which", "do", "does",
    "did", "can", "could", "would", "will", "my", "your", "our", "you", "we", "they", "he", "she",
    "it", "this", "that", "these", "and", "or", "of", "to", "in", "for", "with", "from", "have",
    "has", "there", "hello", "hi", "thanks", "thank", "please", "yes", "be", "at", "much", "many",
    "i", "am", "not", "an", "any", "open",
};

static bool listed(Str word, const char *const *list, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i++)
        if (str_eq(word, str_c(list[i]))) return true;
    return false;
}

static bool is_arabic(int32_t code) {
    return (code >= 0x0600 && code <= 0x06FF) || (code >= 0x0750 && code <= 0x077F) ||
           (code >= 0x08A0 && code <= 0x08FF) || (code >= 0xFB50 && code <= 0xFDFF) ||
           (code >= 0xFE70 && code <= 0xFEFC);
}

static bool mostly_arabic(Str text) {
    ptrdiff_t arabic = 0, other = 0;
    for (ptrdiff_t at = 0; at < text.len;) {
        int32_t code = str_utf8_next(text, &at);
        if (is_arabic(code))
            arabic++;
        else if ((code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z') || code >= 0xC0)
            other++;
    }
    return arabic > other;
}

Str message_language(Arena *arena, Str text) {
    Words words = {.arena = arena};
    ArenaMark mark = arena_mark(arena);
    text = str_utf8_cut(text, LOOK_BYTES);
    if (mostly_arabic(text)) return S("ar");
    words_add(&words, text);
    ptrdiff_t fr = 0, en = 0;
    for (ptrdiff_t i = 0; i < words.count; i++) {
        fr += listed(words.items[i].text, french, COUNT(french));
        en += listed(words.items[i].text, english, COUNT(english));
    }
    arena_release(arena, mark);
    return fr > en ? S("fr") : en > fr ? S("en") : (Str){0};
}
