/* SPDX-License-Identifier: Apache-2.0
 * A spoken or hastily written sentence as it is read: what is taken out are hesitations, words said twice
 * by stumbling, marks of lists and space; what is put in are a capital letter and a stop. */
#include <utf8proc.h>

#include "products/lifetales/facts_room.h"
#include "products/lifetales/writer_local_room.h"
#include "search/language.h"
#include "search/text.h"

/* -- space ------------------------------------------------------------------------------------ */

static bool is_unseen(int32_t c) {
    return c == 0xAD || c == 0x200B || c == 0xFEFF || c == 0xFFFD ||
           (c < ' ' && !code_is_space(c)) || c == 0x7F;
}

static bool is_hard_space(int32_t c) { return c == 0xA0 || c == 0x202F; }

/* Runs of space are one, which stays hard where it was; nothing unseen. */
static Str spaces_tidy(Arena *arena, Str text) {
    Buf b = buf_new(arena, text.len + 4);
    Str space = {0};
    for (ptrdiff_t at = 0, from = 0; at < text.len; from = at) {
        int32_t c = str_utf8_next(text, &at);
        if (is_unseen(c)) continue;
        if (code_is_space(c)) {
            bool hard = is_hard_space(c) && (str_is_null(space) || space.len > 1);
            space = hard ? str_slice(text, from, at) : S(" ");
            continue;
        }
        bool close = c == ',' || c == '.';
        if (b.len > 0 && !str_is_null(space) && !close) buf_add(&b, space);
        space = (Str){0};
        buf_add(&b, str_slice(text, from, at));
    }
    return buf_str(&b);
}

/* # of a heading, * and • of a list; a dash may be somebody speaking. */
static Str marker_without(Str text) {
    ptrdiff_t at = 0;
    while (at < text.len && text.data[at] == '#') at++;
    if (at == 0 && str_starts(text, S("* "))) at = 1;
    if (at == 0 && str_starts(text, S("• "))) at = 3;
    return at > 0 && at < text.len ? str_trim(str_slice(text, at, text.len)) : text;
}

/* -- words ------------------------------------------------------------------------------------ */

typedef struct Piece {
    Str word, tail; /* tail: what marks stand behind it */
} Piece;

static Piece piece_of(Str whole) {
    static const char *const marks[] = {",", ".", ";", ":", "!", "?", "…", "-", "–", "—"};
    ptrdiff_t end = whole.len;
    for (bool more = true; more;) {
        more = false;
        for (ptrdiff_t i = 0; i < COUNT(marks); i++) {
            Str mark = str_c(marks[i]);
            if (!str_ends(str_slice(whole, 0, end), mark)) continue;
            end -= mark.len;
            more = true;
        }
    }
    return (Piece){str_slice(whole, 0, end), str_slice(whole, end, whole.len)};
}

static bool hesitates(Piece piece, Str before_tail, Str language) {
    char low[12];
    if (piece.word.len < 2 || piece.word.len > 10) return false;
    for (ptrdiff_t i = 0; i < piece.word.len; i++) {
        char c = piece.word.data[i];
        low[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    Str word = str_of(low, piece.word.len);
    bool french = str_starts(language, S("fr")), english = str_starts(language, S("en"));
    if (french && word_among(" euh euhh heu heuh beuh hum hmm hm mmh ", word)) return true;
    if (english && word_among(" um umm uh uhh uhm erm hmm hm mmm ", word)) return true;
    /* A word, but for the pauses around it. */
    bool paused = piece.tail.len > 0 && before_tail.len > 0;
    return english && paused && word_among(" er ah ", word);
}

/* Words that are said twice by stumbling only; nous nous, had had and très très are meant. */
static bool stumbles(Arena *arena, Str word, Str before, Str tail_before) {
    if (word.len == 0 || word.len > 20 || (tail_before.len > 0 && !str_eq(tail_before, S(","))))
        return false;
    ArenaMark mark = arena_mark(arena);
    Words a = {.arena = arena}, b = {.arena = arena};
    words_add(&a, word);
    words_add(&b, before);
    bool same = a.count > 0 && a.count == b.count;
    for (ptrdiff_t i = 0; same && i < a.count; i++) same = str_eq(a.items[i].text, b.items[i].text);
    bool meant =
        same && (!word_is_stop(a.items[a.count - 1].text) || a.count > 1 ||
                 word_among(" nous vous had that tres very non no oui yes tout so tous her more "
                            "plus moins bonjour bonsoir salut merci hello hi please thanks ",
                            a.items[0].text));
    arena_release(arena, mark);
    return same && !meant;
}

static bool ends_sentence(Str tail) {
    return tail.len > 0 && strchr(".!?", tail.data[tail.len - 1]) && !str_ends(tail, S("..."));
}

static Str words_clean(Arena *arena, Str text, Str language) {
    ptrdiff_t spaces = 1, count = 0;
    for (ptrdiff_t i = 0; i < text.len; i++) spaces += text.data[i] == ' ';
    Piece *pieces = arena_array(arena, Piece, spaces);
    for (Str rest = text, whole; !str_is_null(rest);) {
        rest = str_cut(rest, ' ', &whole);
        Piece piece = piece_of(whole), none = {S(""), S("")};
        Piece *last = count > 0 ? &pieces[count - 1] : NULL;
        if (whole.len == 0) continue;
        if (hesitates(piece, last ? last->tail : S(","), language)) {
            if (last && ends_sentence(piece.tail))
                last->tail = piece.tail;
            else if (last && str_eq(last->tail, S(",")) && str_eq(piece.tail, S(",")))
                last->tail = none.tail;
            continue;
        }
        if (last && stumbles(arena, piece.word, last->word, last->tail)) {
            last->tail = piece.tail;
            continue;
        }
        pieces[count++] = piece;
    }
    Buf b = buf_new(arena, text.len + 4);
    for (ptrdiff_t i = 0; i < count; i++) {
        if (i > 0) buf_byte(&b, ' ');
        buf_add(&b, pieces[i].word);
        buf_add(&b, pieces[i].tail);
    }
    return buf_str(&b);
}

/* -- beginning and end ------------------------------------------------------------------------ */

static bool is_opening(int32_t c) {
    return c == '"' || c == '\'' || c == '(' || c == '[' || c == '*' || c == '_' || c == 0xAB ||
           c == 0x201C || c == 0x2018 || c == '-' || c == 0x2013 || c == 0x2014 ||
           code_is_space(c) || c == 0xBF || c == 0xA1;
}

static Str capital_first(Arena *arena, Str text) {
    ptrdiff_t at = 0, from = 0;
    int32_t c = 0;
    do {
        from = at;
        c = at < text.len ? str_utf8_next(text, &at) : 0;
    } while (c && is_opening(c));
    int32_t upper = c ? utf8proc_toupper(c) : 0;
    if (letter_size(c) != SIZE_SMALL || upper == c) return text;
    utf8proc_uint8_t bytes[4];
    ptrdiff_t len = utf8proc_encode_char(upper, bytes);
    Buf b = buf_new(arena, text.len + 4);
    buf_add(&b, str_slice(text, 0, from));
    buf_add(&b, str_of((const char *)bytes, len));
    buf_add(&b, str_slice(text, at, text.len));
    return buf_str(&b);
}

/* Of the last code point that is no closing quote or bracket; 0: none. */
static int32_t last_code(Str text) {
    int32_t last = 0;
    for (ptrdiff_t at = 0; at < text.len;) {
        int32_t c = str_utf8_next(text, &at);
        bool closes = c == '"' || c == ')' || c == ']' || c == '\'' || c == '*' || c == '_' ||
                      c == 0xBB || c == 0x201D || c == 0x2019;
        if (!closes && !code_is_space(c)) last = c;
    }
    return last;
}

static Str stop_behind(Arena *arena, Str text) {
    int32_t last = last_code(text);
    utf8proc_category_t kind = utf8proc_category(last);
    bool letter = (kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_ME) ||
                  (kind >= UTF8PROC_CATEGORY_ND && kind <= UTF8PROC_CATEGORY_NO) ||
                  kind == UTF8PROC_CATEGORY_SC || last == '%';
    if (last == 0xFE0F || last == 0x200D) letter = false; /* of an emoji */
    if (str_ends(text, S(",")) || str_ends(text, S(";")))
        return str_concat(arena, str_slice(text, 0, text.len - 1), S("."));
    return letter ? str_concat(arena, text, code_is_han(last) ? S("。") : S(".")) : text;
}

Str local_clean(Arena *arena, Str sentence, Str language, bool goes_on, bool cut) {
    Str text = marker_without(spaces_tidy(arena, sentence));
    text = words_clean(arena, text, language);
    while (str_starts(text, S(", "))) text = str_slice(text, 2, text.len);
    text = str_trim(text);
    if (text.len == 0) return S("");
    if (!goes_on) text = capital_first(arena, text);
    return cut ? text : stop_behind(arena, text);
}

/* -- all sentences of a text ------------------------------------------------------------------ */

static void line_put(LocalLines *lines, LocalLine line) {
    if (lines->count == lines->cap) {
        ptrdiff_t cap = lines->cap ? 2 * lines->cap : 32, size = (ptrdiff_t)sizeof line;
        lines->items = arena_grow(lines->arena, lines->items, lines->cap * size, cap * size);
        lines->cap = cap;
    }
    lines->items[lines->count++] = line;
}

static int line_ends_in(Str gap) {
    int ends = 0;
    for (ptrdiff_t i = 0; i < gap.len; i++) ends += gap.data[i] == '\n';
    return ends;
}

/* Was it parted in the middle, because it was too long? */
static bool was_cut(Str sentence, Str gap) {
    if (sentence.len < 200 || line_ends_in(gap) > 0) return false;
    int32_t last = last_code(sentence);
    return last != '.' && last != '!' && last != '?' && last != 0x2026 && last != 0x3002 &&
           last != 0xFF01 && last != 0xFF1F && last != 0x61F && last != 0x6D4;
}

void local_lines_add(LocalLines *lines, const StoryNote *note, Str text, Str language) {
    ptrdiff_t count;
    Range *ranges = story_sentences(lines->arena, text, &count);
    bool paragraph = true, goes_on = false;
    for (ptrdiff_t i = 0; i < count; i++) {
        Str one = str_slice(text, ranges[i].start, ranges[i].end);
        Str gap = str_slice(text, ranges[i].end, i + 1 < count ? ranges[i + 1].start : text.len);
        bool cut = i + 1 < count && was_cut(one, gap);
        Str clean = local_clean(lines->arena, one, language, goes_on, cut);
        if (clean.len > 0) {
            line_put(lines, (LocalLine){.text = clean, .note = note, .paragraph = paragraph});
            paragraph = false;
            goes_on = cut;
        }
        bool listed =
            i + 1 < count && line_ends_in(gap) == 1 && strchr("-*", text.data[ranges[i + 1].start]);
        paragraph = paragraph || line_ends_in(gap) > 1 || listed;
    }
}
