/* SPDX-License-Identifier: Apache-2.0
 * What tells most: sentences by the words that the others have too, a title of the notes' own words, and
 * the things, the place and the hour that a picture would show. */
#include <math.h>
#include <stdlib.h>

#include "products/lifetales/facts_number.h"
#include "products/lifetales/writer_local_room.h"
#include "search/language.h"
#include "search/text.h"

enum { UNLIKE_WINDOW = 40, TITLE_LINES = 400 };

/* -- weights ---------------------------------------------------------------------------------- */

static bool is_telling(Str word) {
    ptrdiff_t at = 0;
    bool han = code_is_han(str_utf8_next(word, &at));
    return (han || word.len > 2) && !word_is_stop(word);
}

static Str stem_of(Str word, char out[2 * WORD_MAX]) {
    int second;
    return str_of(out, word_stem(word, out, &second));
}

static double stem_weight(const LocalLines *lines, Str word) {
    char stem[2 * WORD_MAX];
    const double *count = map_get(&lines->stems, stem_of(word, stem));
    return count ? log(1 + *count) : 0;
}

static void stems_count(LocalLines *lines) {
    Words words = {.arena = lines->arena};
    lines->stems = (Map){.arena = lines->arena};
    for (ptrdiff_t i = 0; i < lines->count; i++) {
        words.count = 0;
        words_add(&words, lines->items[i].text);
        for (ptrdiff_t k = 0; k < words.count; k++) {
            char bytes[2 * WORD_MAX];
            if (!is_telling(words.items[k].text)) continue;
            Str stem = stem_of(words.items[k].text, bytes);
            double *count = map_get(&lines->stems, stem);
            if (!count)
                map_set(&lines->stems, str_copy(lines->arena, stem),
                        count = arena_new_of(lines->arena, double));
            *count += 1;
        }
    }
}

static bool has_mark(Str text, const char *mark) { return str_find(text, str_c(mark)) >= 0; }

/* What a tone looks for, as a factor. */
static double tone_factor(Str text, Str tone, const FactTokens *t) {
    ptrdiff_t facts = 0, own = 0;
    for (ptrdiff_t i = 0; i < t->count; i++) {
        facts += t->items[i].digit || (t->items[i].capital && !t->items[i].start);
        own += word_among(" je j moi mon ma mes nous i me my we our ", t->items[i].word);
    }
    bool called = has_mark(text, "!"), asked = has_mark(text, "?");
    bool spoken = has_mark(text, "«") || has_mark(text, "\"") || has_mark(text, "“");
    if (str_eq(tone, S("journalistic"))) return 1 + 0.1 * (double)min_size(facts, 5);
    if (str_eq(tone, S("emotional"))) return 1 + 0.3 * called + 0.2 * (own > 0);
    if (str_eq(tone, S("funny"))) return 1 + 0.3 * called + 0.2 * asked + 0.3 * spoken;
    if (str_eq(tone, S("poetic"))) return 1 + 0.3 * (t->count < 16) + 0.2 * has_mark(text, "…");
    if (str_eq(tone, S("cinematic"))) return 1 + 0.2 * spoken + 0.05 * (double)min_size(facts, 4);
    return 1;
}

void local_lines_weigh(LocalLines *lines, Str tone) {
    enum { USUAL = 4 };
    stems_count(lines);
    for (ptrdiff_t i = 0; i < lines->count; i++) {
        LocalLine *line = &lines->items[i];
        FactTokens t = fact_tokens(lines->arena, line->text);
        double sum = 0;
        for (ptrdiff_t k = 0; k < t.count; k++)
            if (is_telling(t.items[k].word)) sum += stem_weight(lines, t.items[k].word);
        line->score = sum / sqrt((double)t.count + USUAL) * tone_factor(line->text, tone, &t);
    }
}

/* -- the same again --------------------------------------------------------------------------- */

typedef struct LineGist {
    uint64_t stems[64];
    int count;
} LineGist;

static int order_of(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void line_gist(Arena *arena, Str text, LineGist *gist) {
    ArenaMark mark = arena_mark(arena);
    Words words = {.arena = arena};
    words_add(&words, text);
    gist->count = 0;
    for (ptrdiff_t i = 0; i < words.count && gist->count < COUNT(gist->stems); i++) {
        char stem[2 * WORD_MAX];
        if (is_telling(words.items[i].text))
            gist->stems[gist->count++] = str_hash(stem_of(words.items[i].text, stem));
    }
    arena_release(arena, mark);
    qsort(gist->stems, (size_t)gist->count, sizeof gist->stems[0], order_of);
}

static bool gists_same(const LineGist *a, const LineGist *b) {
    enum { LEAST = 3 };
    int shared = 0;
    for (int i = 0, k = 0; i < a->count && k < b->count;) {
        if (a->stems[i] == b->stems[k])
            shared++, i++, k++;
        else if (a->stems[i] < b->stems[k])
            i++;
        else
            k++;
    }
    int all = a->count + b->count - shared;
    return a->count >= LEAST && shared * 10 >= all * 8;
}

void local_lines_unlike(LocalLines *lines) {
    LineGist *gists = arena_array(lines->arena, LineGist, lines->count + 1);
    Map texts = {.arena = lines->arena};
    for (ptrdiff_t i = 0; i < lines->count; i++) {
        LocalLine *line = &lines->items[i], *same = map_get(&texts, line->text);
        line_gist(lines->arena, line->text, &gists[i]);
        for (ptrdiff_t k = i - 1; !same && k >= 0 && k >= i - UNLIKE_WINDOW; k--)
            if (!lines->items[k].dropped && gists_same(&gists[k], &gists[i]))
                same = &lines->items[k];
        if (!same) {
            map_set(&texts, line->text, line);
            continue;
        }
        line->dropped = true;
        if (same->note != line->note && !same->also) same->also = line->note;
        if (line->paragraph && i + 1 < lines->count && lines->items[i + 1].note == line->note)
            lines->items[i + 1].paragraph = true;
    }
}

/* -- a title ---------------------------------------------------------------------------------- */

Str local_short(Arena *arena, Str text) {
    ptrdiff_t points = 0, word = 0, han = 0;
    for (ptrdiff_t at = 0, from = 0; at < text.len; from = at) {
        int32_t c = str_utf8_next(text, &at);
        if (code_is_space(c) && points < LOCAL_TITLE_MAX) word = from;
        if (code_is_han(c) && points < LOCAL_TITLE_MAX - 1) han = at;
        if (++points <= LOCAL_TITLE_MAX) continue;
        ptrdiff_t end = max_size(word, han);
        /* A word longer than any title has no end to cut at. */
        if (end == 0) {
            ptrdiff_t cut = 0;
            for (int i = 0; i < LOCAL_TITLE_MAX - 1; i++) str_utf8_next(text, &cut);
            end = cut;
        }
        while (end > 0 && strchr(" ,;:-", text.data[end - 1])) end--;
        return str_concat(arena, str_slice(text, 0, end), S("…"));
    }
    return text;
}

static bool parts_clause(int32_t c) {
    return c == ',' || c == ';' || c == ':' || c == '.' || c == '!' || c == '?' || c == '(' ||
           c == ')' || c == '[' || c == ']' || c == '"' || c == 0xAB || c == 0xBB || c == 0x201C ||
           c == 0x201D || c == 0x2014 || c == 0x2013 || c == 0x2026 || c == 0x3002 || c == 0xFF0C ||
           c == 0xFF01 || c == 0xFF1F || c == 0x60C || c == 0x61F || c == '*';
}

typedef struct Phrase {
    Str text;
    double score;
} Phrase;

static const char leaders[] =
    " et mais que qui car donc puis alors and but that which so then for or ou ni dont comme "
    "quand si as when where because parce who if to qu enfin or lest till until thither thence "
    "ensuite ailleurs voila dit said ";
static const char hangers[] =
    " de du des le la les l d un une au aux en the of a an to in and et ou or que qui se ne "
    "je il elle on i he she we my his her their mon ma mes son sa ses with avec is was est "
    "pour for by par at from que qu ";

/* How well a clause would do: many telling words of the story in few. */
static Phrase phrase_of(const LocalLines *lines, Str clause) {
    enum { WORDS_LEAST = 2, WORDS_MOST = 9 };
    Phrase none = {0};
    clause = str_trim(clause);
    FactTokens t = fact_tokens(lines->arena, clause);
    ptrdiff_t first = 0;
    while (first < t.count && word_among(leaders, t.items[first].word)) first++;
    ptrdiff_t words = t.count - first;
    if (words < WORDS_LEAST || words > WORDS_MOST ||
        word_among(hangers, t.items[t.count - 1].word) || t.items[t.count - 1].word.len < 2)
        return none;
    Str text = str_slice(clause, t.items[first].from, clause.len);
    if (str_utf8_count(text) > LOCAL_TITLE_MAX) return none;
    double sum = 0;
    for (ptrdiff_t i = first; i < t.count; i++)
        if (is_telling(t.items[i].word) && !t.items[i].digit) {
            bool name = t.items[i].capital && !t.items[i].start;
            sum += stem_weight(lines, t.items[i].word) * (name ? 1.5 : 1);
        }
    if (words == WORDS_LEAST) sum /= 2; /* hardly more than a name */
    return (Phrase){text, sum / ((double)words + 3)};
}

static void phrases_try(const LocalLines *lines, Str text, Phrase *best) {
    ptrdiff_t from = 0;
    for (ptrdiff_t at = 0, begin = 0; at <= text.len; begin = at) {
        int32_t c = at < text.len ? str_utf8_next(text, &at) : ',';
        /* A point within a sentence is an abbreviation's. */
        if (!parts_clause(c) || (c == '.' && begin < text.len - 3)) continue;
        ArenaMark mark = arena_mark(lines->arena);
        Phrase phrase = phrase_of(lines, str_slice(text, from, begin));
        arena_release(lines->arena, mark);
        if (phrase.score > best->score) *best = phrase;
        from = at;
        if (begin == text.len) return;
    }
}

Str local_title(const LocalLines *lines, const ChapterTask *task) {
    const PlannedChapter *chapter = task->chapter;
    Arena *arena = lines->arena;
    for (ptrdiff_t i = 0; i < chapter->count; i++) {
        Str title = local_clean(arena, chapter->notes[i]->title, task->language, false, true);
        if (title.len > 0) return local_short(arena, title);
    }
    Phrase best = {0};
    const LocalLine *top = NULL;
    for (ptrdiff_t i = 0; i < min_size(lines->count, TITLE_LINES); i++) {
        phrases_try(lines, lines->items[i].text, &best);
        if (!top || lines->items[i].score > top->score) top = &lines->items[i];
    }
    if (best.score > 0) return local_clean(arena, best.text, task->language, false, true);
    if (top) {
        Str text = top->text;
        while (text.len > 1 && str_ends(text, S("."))) text = str_slice(text, 0, text.len - 1);
        if (str_ends(text, S("。"))) text = str_slice(text, 0, text.len - 3);
        return local_short(arena, text);
    }
    return chapter->count > 0 ? story_date(arena, chapter->notes[0]->at, task->zone, task->language)
                              : S("");
}

/* -- a picture's words ------------------------------------------------------------------------ */

typedef struct Thing {
    Str word;
    double weight;
    ptrdiff_t at; /* first said */
} Thing;

static int thing_order(const void *a, const void *b) {
    const Thing *x = a, *y = b;
    if (x->weight != y->weight) return x->weight < y->weight ? 1 : -1;
    return (x->at > y->at) - (x->at < y->at);
}

/* Behind an article stands a thing, as a rule. */
static bool names_thing(const FactTokens *t, ptrdiff_t i) {
    return word_among(" le la les l un une des du de d mon ma mes ton ta son sa ses notre nos au "
                      "aux ce cette ces "
                      "the a an my our his her their this that these some ",
                      token_word(t, i - 1)) &&
           t->items[i].gap.len <= 3;
}

/* Said often, and in no picture. */
static const char unseen[] = " good great little best same thing things time times last first hath "
                             "come down premiere premiers premier "
                             "grande grand grands petit petite petits fois abord chose choses "
                             "temps rien voir cause sort reste certain "
                             "certaine heure heures jour jours annee annees year years hour hours "
                             "point fait esprit idee moment present "
                             "without something anything quelque bien beaucoup assez aime parle "
                             "aller venir sortir bonne belle beau joli "
                             "jolie beaux belles mauvais vieux vieille nouveau nouvelle account "
                             "desire business rest raison sorte kind ";

static void things_of(const LocalLines *lines, const LocalLine *line, Map *seen, Thing *things,
                      ptrdiff_t *count, ptrdiff_t most) {
    FactTokens t = fact_tokens(lines->arena, line->text);
    for (ptrdiff_t i = 0; i < t.count; i++) {
        const Token *token = &t.items[i];
        bool name = token->capital && !token->start;
        if (!is_telling(token->word) || token->digit || name || calendar_month(token->word))
            continue;
        if (number_word(token->word, TONGUE_ANY) || calendar_weekday(token->word) >= 0) continue;
        if (word_among(unseen, token->word)) continue;
        if (token->word.len < 4 || str_ends(token->word, S("ment")) ||
            str_ends(token->word, S("ly")))
            continue;
        char bytes[2 * WORD_MAX];
        Str stem = stem_of(token->word, bytes);
        Thing *thing = map_get(seen, stem);
        if (!thing) {
            if (*count == most) continue;
            thing = &things[(*count)++];
            *thing = (Thing){.word = str_slice(line->text, token->from, token->to), .at = *count};
            if (token->capital) thing->word = token->word;
            map_set(seen, str_copy(lines->arena, stem), thing);
        }
        thing->weight += names_thing(&t, i) ? 1 : 0.2;
    }
}

static Str season_of(const Civil *day, bool french) {
    static const char *const names[2][4] = {{"winter", "spring", "summer", "autumn"},
                                            {"hiver", "printemps", "été", "automne"}};
    return str_c(names[french][day->month % 12 / 3]);
}

/* A time of exactly midnight is a day without one. */
static Str hour_of(const Civil *at, bool french) {
    static const char *const names[2][5] = {{"night", "morning", "midday", "afternoon", "evening"},
                                            {"nuit", "matin", "midi", "après-midi", "soir"}};
    if (at->hour == 0 && at->minute == 0 && at->second == 0) return S("");
    int part = at->hour < 6 || at->hour >= 22 ? 0
               : at->hour < 11                ? 1
               : at->hour < 14                ? 2
               : at->hour < 18                ? 3
                                              : 4;
    return str_c(names[french][part]);
}

static void prompt_put(Buf *b, Str part) {
    if (part.len == 0) return;
    if (b->len > 0) buf_add(b, S(", "));
    buf_add(b, part);
}

Str local_prompt(const LocalLines *lines, const ChapterTask *task) {
    enum { THINGS = 2000, TOLD = 8 };
    const PlannedChapter *chapter = task->chapter;
    bool french = str_starts(task->language, S("fr"));
    Thing *things = arena_array(lines->arena, Thing, THINGS);
    Map seen = {.arena = lines->arena};
    ptrdiff_t count = 0;
    for (ptrdiff_t i = 0; i < lines->count; i++)
        things_of(lines, &lines->items[i], &seen, things, &count, THINGS);
    qsort(things, (size_t)count, sizeof *things, thing_order);
    Buf b = buf_new(lines->arena, 256);
    for (ptrdiff_t i = 0; i < min_size(count, TOLD); i++) prompt_put(&b, things[i].word);
    const StoryNote *placed = NULL;
    for (ptrdiff_t i = 0; i < chapter->count && !placed; i++)
        if (str_trim(chapter->notes[i]->place).len > 0) placed = chapter->notes[i];
    if (placed) prompt_put(&b, local_short(lines->arena, str_trim(placed->place)));
    if (chapter->count > 0 && !time_is_null(chapter->notes[0]->at)) {
        Civil local = calendar_local(chapter->notes[0]->at, task->zone);
        prompt_put(&b, season_of(&local, french));
        prompt_put(&b, hour_of(&local, french));
    }
    return buf_str(&b);
}
