/* SPDX-License-Identifier: Apache-2.0
 * Public votes (scrutins): one a file. Joined to its debate by the réunion it was held in; at which
 * second of the audio is the alignment's to find. Who voted how is not kept. */
#include "core/json.h"
#include "products/robian/debate.h"
#include "products/robian/open_data.h"
#include "products/robian/open_data_sql.h"
#include "products/robian/transcripts.h"

enum { VOTES_VERSION = 1, COUNT_MAX = 1000000000 };

typedef struct Vote {
    Str uid, session_uid, legislature, date, title, type, result, asked_by, content_hash;
    int64_t number, voters, votes_cast, votes_for, votes_against, abstentions, not_voting;
    OptInt required;
} Vote;

/* -- from JSON --------------------------------------------------------------------------------- */

/* A count; they come as texts. `other`: what it was called in other years, or NULL. */
static Err *count_read(Ctx *c, const json_t *object, const char *name, const char *other,
                       int64_t *out) {
    const json_t *value = od_member(object, name);
    if (!value && other) value = od_member(object, other);
    if (!value) FAIL(c, INVALID, "has no %s", name);
    if (!json_i64(value, out) || *out < 0 || *out > COUNT_MAX)
        FAIL(c, INVALID, "%s is no count", name);
    return NULL;
}

static Err *counts_read(Ctx *c, const json_t *scrutin, Vote *v) {
    const json_t *summary = od_member(scrutin, "syntheseVote");
    const json_t *counts = od_member(summary, "decompte");
    if (!counts) FAIL(c, INVALID, "has no decompte");
    TRY(count_read(c, scrutin, "numero", NULL, &v->number));
    TRY(count_read(c, summary, "nombreVotants", NULL, &v->voters));
    TRY(count_read(c, summary, "suffragesExprimes", NULL, &v->votes_cast));
    TRY(count_read(c, counts, "pour", NULL, &v->votes_for));
    TRY(count_read(c, counts, "contre", NULL, &v->votes_against));
    TRY(count_read(c, counts, "abstentions", "abstention", &v->abstentions));
    TRY(count_read(c, counts, "nonVotants", "nonVotant", &v->not_voting));
    if (!od_member(summary, "nbrSuffragesRequis")) return NULL;
    v->required.set = true;
    return count_read(c, summary, "nbrSuffragesRequis", NULL, &v->required.value);
}

static Str title_of(const json_t *scrutin) {
    Str title = str_trim(od_text(scrutin, "titre"));
    if (str_is_empty(title)) title = str_trim(od_text(od_member(scrutin, "objet"), "libelle"));
    return title;
}

static Err *votes_parse(Ctx *c, Str name, Str bytes, void *row) {
    Vote *v = row;
    const json_t *file;
    (void)name;
    TRY(open_data_json(c, bytes, &file));
    const json_t *scrutin = od_member(file, "scrutin");
    if (!scrutin) FAIL(c, INVALID, "is not a scrutin");
    *v = (Vote){
        .uid = od_text(scrutin, "uid"),
        .session_uid = od_text(scrutin, "seanceRef"),
        .legislature = od_text(scrutin, "legislature"),
        .date = od_text(scrutin, "dateScrutin"),
        .title = title_of(scrutin),
        .type = od_text(od_member(scrutin, "typeVote"), "libelleTypeVote"),
        .result = od_text(od_member(scrutin, "sort"), "code"),
        .asked_by = od_text(od_member(scrutin, "demandeur"), "texte"),
    };
    Time day;
    if (str_is_empty(v->uid) || v->uid.len > 100) FAIL(c, INVALID, "is a scrutin without a uid");
    if (str_is_empty(v->legislature)) FAIL(c, INVALID, "has no legislature");
    if (v->date.len != 10 || !time_parse(v->date, &day))
        FAIL(c, INVALID, "dateScrutin is no day: %.*s", S_ARG(str_utf8_cut(v->date, 60)));
    if (str_is_empty(v->title)) FAIL(c, INVALID, "has neither titre nor objet");
    v->content_hash = open_data_hash(c->arena, bytes, VOTES_VERSION);
    return counts_read(c, scrutin, v);
}

/* -- into the table ---------------------------------------------------------------------------- */

static Str vote_uid(const void *row) { return ((const Vote *)row)->uid; }
static Str vote_hash(const void *row) { return ((const Vote *)row)->content_hash; }

static Err *vote_put(Ctx *c, const void *row, Time now) {
    const Vote *v = row;
    (void)now;
    return db_exec(c, SQL(SQL_VOTE_PUT),
                   ARGS(V(v->uid), V(v->session_uid), V(v->number), V(v->legislature), V(v->date),
                        V(v->title), V(v->type), V(v->result), V(v->asked_by), V(v->voters),
                        V(v->votes_cast), V(v->required), V(v->votes_for), V(v->votes_against),
                        V(v->abstentions), V(v->not_voting), V(v->content_hash)),
                   NULL);
}

typedef struct Held {
    int64_t n;
} Held;
static const Field held_fields[] = {FIELD(Held, n)};
static const Record held_record = RECORD(Held, held_fields);

static Err *debates_hear(Ctx *c, JsonText uids) {
    Rows rows;
    TRY(db_query(c, SQL2(SQL_VOTES_DEBATES_SQLITE, SQL_VOTES_DEBATES_POSTGRES), ARGS(V(uids)),
                 &held_record, &rows));
    const Held *held = rows.items;
    for (ptrdiff_t i = 0; i < rows.count; i++) TRY(votes_place_stored(c, held[i].n));
    for (ptrdiff_t i = 0; i < rows.count; i++) TRY(debate_touch(c, held[i].n));
    return NULL;
}

static const OpenDataTable votes = {
    .known = {SQL_VOTES_KNOWN_SQLITE, SQL_VOTES_KNOWN_POSTGRES},
    .uid = vote_uid,
    .hash = vote_hash,
    .put = vote_put,
    .after = debates_hear,
};

static Err *votes_store(Ctx *c, void *rows, ptrdiff_t count, OpenDataFigures *figures) {
    return open_data_put(c, &votes, rows, sizeof(Vote), count, figures);
}

const OpenDataKind open_data_votes = {
    .name = "votes",
    .endings = ".json",
    .path = "/loi/scrutins/Scrutins.json.zip",
    .row_size = sizeof(Vote),
    .parse = votes_parse,
    .store = votes_store,
};
