/* SPDX-License-Identifier: Apache-2.0
 * Captions as text: names, hashtags and mentions in them, their words, their language, their
 * feeling. Pure functions of their arguments: the same text gives the same answer on every
 * machine.
 *
 * Not for search: its tokens are the engine's own. */
#ifndef SOCLE_VEYL_TEXT_H
#define SOCLE_VEYL_TEXT_H

#include "core/record.h"
#include "core/str.h"

/* `  #Été ` to `été`: trimmed, leading sigils dropped, in lower case (all of Unicode). */
Str name_fold(Arena *arena, Str name, char sigil);
/* Folded, without empty ones and repetitions, in the order of first appearance; at most 100. */
StrList names_fold(Arena *arena, StrList names, char sigil);
/* `#Hash_tags` and `@user.names` of a caption, folded as above. */
StrList hashtags_of(Arena *arena, Str caption);
StrList mentions_of(Arena *arena, Str caption);

typedef enum TokenKind {
    TOKEN_WORD,   /* letters and digits, folded: no accents, lower case */
    TOKEN_SYMBOL, /* an emoji or sign */
    TOKEN_SHOUT,  /* ! */
    TOKEN_STOP,   /* . ? ; : and ends of line: what stands before and after are two thoughts */
    TOKEN_ELISION /* of a word before an apostrophe: l' n' qu' */
} TokenKind;

enum { TOKEN_MAX = 48 };

typedef struct Token {
    TokenKind kind;
    char text[TOKEN_MAX]; /* of a word; longer ones are cut */
    ptrdiff_t len;
    int32_t code; /* of a symbol; of a word its last letter that was not ASCII, 0 if none */
} Token;

typedef struct Tokens {
    Str text;
    ptrdiff_t at;
} Tokens;

bool token_next(Tokens *tokens, Token *out);

/* `fr`, `en`, `es`, `de`, `it`, `pt` by small words and accents; `ar`, `ja`, `zh`, `ko`, `th`,
 * `el`, `he`, `hi`, `ru` by script. Null when unsure. */
Str language_of(Str text);

/* Feeling from -1 to 1 in steps of 0.0001. Unset when there is no text, or when it is in a language
 * that has no lexicon and holds no emoji. A null language: both lexicons are asked. */
OptFloat sentiment_of(Str text, Str language);

#endif
