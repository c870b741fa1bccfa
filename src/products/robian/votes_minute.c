/* SPDX-License-Identifier: Apache-2.0
 * Public votes on their minute. The chair reads the result aloud and the transcript has its figures
 * ("Nombre de votants 304, suffrages exprimés 304, … Pour l'adoption 304, Contre 0"): the vote whose
 * figures these are was held then. Votes are numbered in the order in which they were held, and so
 * are results; of two with the same figures the earlier takes the earlier. */
#include "products/robian/transcripts.h"
#include "products/robian/transcripts_sql.h"

typedef struct VoteRow {
    Str uid;
    int64_t voters, votes_cast, votes_for, votes_against;
    OptInt start_ms, speech_n;
    Str time_source;
} VoteRow;
static const Field vote_fields[] = {
    FIELD(VoteRow, uid),           FIELD(VoteRow, voters),
    FIELD(VoteRow, votes_cast),    FIELD(VoteRow, votes_for),
    FIELD(VoteRow, votes_against), FIELD(VoteRow, start_ms),
    FIELD(VoteRow, speech_n),      FIELD(VoteRow, time_source, .flags = F_NULLABLE),
};
static const Record vote_record = RECORD(VoteRow, vote_fields);

/* Figures of a result; -1: not told. */
typedef struct Result {
    const Speech *speech;
    int64_t voters, cast, in_favour, against;
    bool taken;
} Result;

/* The number behind a label, with what stands between them ("Nombre de votants : 574"); -1. */
static int64_t figure_after(Str text, Str label) {
    ptrdiff_t at = str_find(text, label);
    if (at < 0) return -1;
    Str rest = str_slice(text, at + label.len, min_size(at + label.len + 40, text.len));
    ptrdiff_t from = 0;
    while (from < rest.len && (rest.data[from] < '0' || rest.data[from] > '9')) {
        if (rest.data[from] >= 'a' && rest.data[from] <= 'z') return -1;
        from++;
    }
    ptrdiff_t to = from;
    while (to < rest.len && rest.data[to] >= '0' && rest.data[to] <= '9') to++;
    int64_t value;
    return str_to_i64(str_slice(rest, from, to), &value) ? value : -1;
}

/* Of a motion of censure only those in favour vote, and are told. */
static bool result_read(const Speech *s, Result *out) {
    Str text = s->text;
    if (str_find(text, S("adoption")) < 0) return false;
    *out = (Result){
        .speech = s,
        .voters = figure_after(text, S("ombre de votants")),
        .cast = figure_after(text, S("uffrages exprimés")),
        .in_favour = figure_after(text, S("Pour l’adoption")),
        .against = figure_after(text, S("Contre")),
    };
    if (out->in_favour < 0) out->in_favour = figure_after(text, S("Pour l'adoption"));
    if (out->against < 0) out->against = figure_after(text, S("contre"));
    return out->in_favour >= 0;
}

static bool is_result_of(const Result *r, const VoteRow *v) {
    if (r->taken || r->in_favour != v->votes_for) return false;
    if (r->voters >= 0 && r->voters != v->voters) return false;
    if (r->cast >= 0 && r->cast != v->votes_cast) return false;
    return r->against < 0 || r->against == v->votes_against;
}

static Err *vote_write(Ctx *c, const VoteRow *v, const Speech *at, bool *moved) {
    OptInt start = at ? at->start_ms : (OptInt){0}, n = {at ? at->n : 0, at != NULL};
    Str source = at ? at->time_source : (Str){0};
    if (v->speech_n.set == n.set && v->speech_n.value == n.value && v->start_ms.set == start.set &&
        v->start_ms.value == start.value && str_eq(v->time_source, source))
        return NULL;
    *moved = true;
    return db_exec(c, SQL(SQL_VOTE_TIME), ARGS(V(v->uid), V(start), V(source), V(n)), NULL);
}

Err *votes_place(Ctx *c, int64_t debate_n, const Speech *speeches, ptrdiff_t count, bool *moved) {
    assert(c->tx);
    Rows rows;
    TRY(db_exec(c, SQL(SQL_VOTES_TAKE), ARGS(V(debate_n)), NULL));
    TRY(db_query(c, SQL(SQL_VOTES_OF_DEBATE), ARGS(V(debate_n)), &vote_record, &rows));
    if (rows.count == 0) return NULL;
    Result *results = arena_array(c->arena, Result, count + 1);
    ptrdiff_t result_count = 0;
    for (ptrdiff_t i = 0; i < count; i++)
        result_count += result_read(&speeches[i], &results[result_count]);
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        const VoteRow *v = (const VoteRow *)rows.items + i;
        const Speech *at = NULL;
        for (ptrdiff_t k = 0; k < result_count && !at; k++) {
            if (!is_result_of(&results[k], v)) continue;
            results[k].taken = true;
            at = results[k].speech;
        }
        TRY(vote_write(c, v, at, moved));
    }
    return NULL;
}

Err *votes_place_stored(Ctx *c, int64_t debate_n) {
    Rows rows;
    bool moved;
    TRY(db_query(c, SQL(SQL_SPEECHES_OF_DEBATE), ARGS(V(debate_n)), &speech_row_record, &rows));
    return votes_place(c, debate_n, rows.items, rows.count, &moved);
}
