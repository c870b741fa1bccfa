/* SPDX-License-Identifier: Apache-2.0
 * Room-internal of facts: a text is read once into tokens and claims, the notes' and the one to be checked
 * by the same functions, so that what is in both is found in both.
 *
 *   text ─▶ tokens (facts_token.c) ─▶ numbers (facts_number.c) ─▶ dates, from numbers (facts_date.c)
 *                 └─▶ names: what is left with a capital letter (facts_name.c) */
#ifndef SOCLE_LIFETALES_FACTS_ROOM_H
#define SOCLE_LIFETALES_FACTS_ROOM_H

#include "core/map.h"
#include "products/lifetales/calendar.h"
#include "products/lifetales/facts.h"

typedef enum LetterSize { SIZE_NONE, SIZE_SMALL, SIZE_CAPITAL } LetterSize;
/* Of Latin, Greek and Cyrillic letters. */
LetterSize letter_size(int32_t code);
bool code_is_space(int32_t code);
bool code_is_han(int32_t code);

typedef struct Token {
    Str word;           /* folded; Arabic digits as ASCII ones */
    Str gap;            /* what stands before it, up to the token before */
    ptrdiff_t from, to; /* bytes of the text */
    bool capital;       /* its first letter */
    bool capitals;      /* all its letters, at least two */
    bool start; /* where any word has a capital letter: of a sentence, a quotation, a heading */
    bool digit; /* its first character */
    bool taken; /* part of a number or a date */
} Token;

typedef struct Tokens {
    Str text;
    Token *items;
    ptrdiff_t count;
} FactTokens;
FactTokens fact_tokens(Arena *arena, Str text);
/* The word at i, or "" outside. */
Str token_word(const FactTokens *t, ptrdiff_t i);
/* Nothing but a space or a hyphen before i. */
bool token_joined(const FactTokens *t, ptrdiff_t i);
/* Is word one of the words of list (between spaces, one also before the first and after the last)? */
bool word_among(const char *list, Str word);

typedef enum Tongues { TONGUE_ANY, TONGUE_FR, TONGUE_EN } Tongues;

typedef enum ClaimKind {
    CLAIM_NUMBER,
    CLAIM_DATE,
    CLAIM_MONTH,
    CLAIM_WEEKDAY,
    CLAIM_DAYS
} ClaimKind;
typedef struct Claim {
    ClaimKind kind;
    ptrdiff_t from, to;      /* bytes */
    ptrdiff_t first, behind; /* tokens */
    double value;            /* number; month; weekday; days from the note's own (CLAIM_DAYS) */
    int year, month, day;    /* date; year 0: not said */
    double parts[4];         /* digits in groups, taken one by one */
    int part_count;
    bool vague; /* says nothing that could be wrong: one, a second, neuf */
    bool hour, day_like, year_like;
    bool either; /* 03/06: day and month, or month and day */
} Claim;
typedef struct Claims {
    Arena *arena;
    Claim *items;
    ptrdiff_t count, cap;
} Claims;
void claim_add(Claims *claims, Claim claim);

/* Append the numbers of the text; their tokens are taken. */
void numbers_read(FactTokens *t, Tongues tongue, Claims *out);
/* Numbers and dates of Han characters, which are no tokens. */
void han_read(Str text, Claims *out);
/* Dates out of numbers and names of months: numbers that became part of one are left out. */
void dates_read(FactTokens *t, Tongues tongue, Claims *claims);

/* A word that begins sentences and is no name. */
bool word_is_common(Str word);
/* May stand in capital letters anywhere: Mr, God, OK. */
bool word_is_title(Str word);
/* A given name that is a word as well: rose, pierre, will. */
bool word_is_name_too(Str word);
/* The same place, or its people, in the other language; null: none. */
Str word_abroad(Str word, int which);

#endif
