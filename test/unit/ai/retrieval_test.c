/* SPDX-License-Identifier: Apache-2.0
 * How well local's vectors find a passage, and how local answers from it: over real French texts with
 * questions (shared data, folder kb). Figures are printed; the bounds checked are a little below what
 * was measured, so that a change for the worse is seen. */
#include "ai/embed.h"
#include "ai/settings.h"
#include "t_loop.h"
#include "unit/products/robian/shared_data.h"

#include "ai/local.h"

enum { PIECES_MAX = 2000, QUESTIONS_MAX = 64, FILES_MAX = 64, PIECE_BYTES = 500, SIZE = 768 };

typedef struct Piece {
    Str file, text;
    float vector[SIZE];
} Piece;
static Piece *pieces;
static ptrdiff_t piece_count;

typedef struct Question {
    Str text, file, answer;
} Question;
static Question questions[QUESTIONS_MAX];
static int question_count;

static void piece_add(Str file, Str text) {
    text = str_trim(text);
    if (text.len < 20 || piece_count == PIECES_MAX) return;
    Piece *p = &pieces[piece_count++];
    p->file = file;
    p->text = text;
    local_vector(c->arena, text, SIZE, p->vector);
}

/* Paragraphs, put together while they are short. */
static void file_cut(Str file, Str text) {
    ptrdiff_t from = 0;
    for (ptrdiff_t at = 0; at < text.len;) {
        ptrdiff_t end = str_find(str_slice(text, at, text.len), S("\n\n"));
        at = end < 0 ? text.len : at + end + 2;
        if (at - from < PIECE_BYTES && at < text.len) continue;
        piece_add(file, str_slice(text, from, at));
        from = at;
    }
}

static bool kb_read(void) {
    if (pieces) return piece_count > 0;
    pieces = arena_array(c->arena, Piece, PIECES_MAX);
    Str names[FILES_MAX];
    ptrdiff_t count = shared_list(c->arena, "kb", S(".md"), names, FILES_MAX);
    for (ptrdiff_t i = 0; i < count; i++) {
        Str below = strf(c->arena, "kb/%.*s", S_ARG(names[i]));
        file_cut(names[i], shared_read(c->arena, str_cstr(c->arena, below)));
    }
    Str lines = shared_read(c->arena, "kb/questions.jsonl");
    for (Str rest = lines, line; !str_is_null(rest) && question_count < QUESTIONS_MAX;) {
        json_t *json;
        rest = str_cut(rest, '\n', &line);
        if (str_trim(line).len == 0 || json_parse(c, line, &json)) continue;
        questions[question_count++] =
            (Question){json_str(json_at(json, "question")), json_str(json_at(json, "document")),
                       json_str(json_at(json, "answer_contains"))};
    }
    return piece_count > 0;
}

static double cosine(const float *a, const float *b) {
    double sum = 0;
    for (int i = 0; i < SIZE; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

static const float *asked_vector;
static int nearer(const void *a, const void *b) {
    double x = cosine(asked_vector, (*(const Piece *const *)a)->vector);
    double y = cosine(asked_vector, (*(const Piece *const *)b)->vector);
    return x > y ? -1 : x < y;
}

static Piece **nearest(Str question) {
    static float vector[SIZE];
    local_vector(c->arena, question, SIZE, vector);
    asked_vector = vector;
    Piece **order = arena_array(c->arena, Piece *, piece_count);
    for (ptrdiff_t i = 0; i < piece_count; i++) order[i] = &pieces[i];
    qsort(order, (size_t)piece_count, sizeof *order, nearer);
    return order;
}

static Str one_line(Str text) {
    char *copy = arena_bytes(c->arena, text.len + 1);
    ptrdiff_t n = 0;
    for (ptrdiff_t i = 0; i < text.len; i++) {
        char byte = text.data[i] == '\n' ? ' ' : text.data[i];
        if (byte != ' ' || n == 0 || copy[n - 1] != ' ') copy[n++] = byte;
    }
    return str_of(copy, n);
}

TEST(vectors_find_the_passage_with_the_answer) {
    if (!kb_read()) SKIP("no shared data");
    int found[6] = {0}, answerable = 0;
    for (int q = 0; q < question_count; q++) {
        if (str_is_null(questions[q].file)) continue;
        answerable++;
        Piece **order = nearest(questions[q].text);
        int at = 0;
        while (at < 20 && str_find(one_line(order[at]->text), questions[q].answer) < 0) at++;
        for (int k = 1; k <= 5; k++) found[k] += at < k;
    }
    printf("  of %d questions over %td pieces: hit@1 %d, hit@3 %d, hit@5 %d\n", answerable,
           piece_count, found[1], found[3], found[5]);
    CHECK(found[1] * 100 >= answerable * 75);
    CHECK(found[5] * 100 >= answerable * 90);
}

static Err *answer(Str question, const ChatSource *sources, int count, ChatAnswer *out) {
    ChatPart part = {.kind = CHAT_TEXT, .text = question};
    ChatMessage message = {CHAT_USER, &part, 1};
    ChatRequest r = {.model = S("local"),
                     .messages = &message,
                     .message_count = 1,
                     .sources = sources,
                     .source_count = count,
                     .max_tokens = 400};
    return provider_local.chat(c, &r, out);
}

TEST(local_answers_from_what_was_found) {
    enum { GIVEN = 5 };
    if (!kb_read()) SKIP("no shared data");
    int right = 0, answerable = 0, refused = 0, unanswerable = 0, wrong_refused = 0, without = 0;
    for (int q = 0; q < question_count; q++) {
        Piece **order = nearest(questions[q].text);
        ChatSource sources[GIVEN], others[GIVEN];
        int n = 0;
        for (int i = 0; i < GIVEN; i++) sources[i] = (ChatSource){order[i]->file, order[i]->text};
        for (int i = 0; n < GIVEN; i++)
            if (!str_eq(order[i]->file, questions[q].file))
                others[n++] = (ChatSource){order[i]->file, order[i]->text};
        ChatAnswer a;
        ptrdiff_t cited;
        REQUIRE(GOOD(answer(questions[q].text, sources, GIVEN, &a)));
        chat_citations(c->arena, a.text, GIVEN, &cited);
        bool has = !str_is_null(questions[q].answer) &&
                   str_find(one_line(a.text), questions[q].answer) >= 0;
        if (str_is_null(questions[q].file)) {
            unanswerable++;
            refused += cited == 0;
        } else {
            answerable++;
            right += has;
            without += cited == 0;
        }
        REQUIRE(GOOD(answer(questions[q].text, others, GIVEN, &a)));
        chat_citations(c->arena, a.text, GIVEN, &cited);
        wrong_refused += cited == 0;
    }
    printf("  from the first %d pieces: %d of %d answers have the fact, %d do not know; %d of %d "
           "without "
           "an answer are refused; of the nearest pieces of other documents %d of %d are refused\n",
           GIVEN, right, answerable, without, refused, unanswerable, wrong_refused, question_count);
    CHECK(refused == unanswerable);
    CHECK(right * 100 >= answerable * 75);
}

T_LOOP_MAIN(1, NULL, NULL, T_ROW(vectors_find_the_passage_with_the_answer),
            T_ROW(local_answers_from_what_was_found))
