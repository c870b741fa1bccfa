/* SPDX-License-Identifier: Apache-2.0
 * The Assembly's agenda: one réunion a file, as a row of scheduled_sessions. A réunion makes no
 * debate (where its video is, is not known); but a debate that is of it hears of its state, room
 * and commission. */
#include "products/robian/agenda.h"

#include <utf8proc.h>

#include "core/json.h"
#include "products/robian/debate.h"
#include "products/robian/open_data.h"
#include "products/robian/open_data_sql.h"
#include "products/robian/paris.h"

enum { AGENDA_VERSION = 1, TITLE_MAX = 500, POINTS_MAX = 1000 };

typedef struct Session {
    Str uid, type, title;
    Time starts_at, ends_at;
    Str day, time; /* as the Assembly's clocks show them */
    Str state, body_id, salle, session, transcript_uid;
    bool filmed, press;
    JsonText points;
    Str content_hash;
} Session;

/* -- from JSON --------------------------------------------------------------------------------- */

/* Some texts, one a line in what they were: joined by " ; ", each one once. */
typedef struct Parts {
    Arena *arena;
    Str items[POINTS_MAX];
    ptrdiff_t count;
} Parts;

static Str part_trim(Str text) {
    text = str_trim(text);
    for (;;) {
        ptrdiff_t before = text.len;
        if (str_starts(text, S("-")) || str_starts(text, S("*")))
            text = str_slice(text, 1, text.len);
        if (str_starts(text, S("–")) || str_starts(text, S("•")))
            text = str_slice(text, 3, text.len);
        if (str_ends(text, S(";"))) text = str_slice(text, 0, text.len - 1);
        if (str_starts(text, S("\xC2\xA0"))) text = str_slice(text, 2, text.len);
        if (str_ends(text, S("\xC2\xA0"))) text = str_slice(text, 0, text.len - 2);
        text = str_trim(text);
        if (text.len == before) return text;
    }
}

static void parts_add(Parts *p, Str text) {
    text = part_trim(text);
    if (text.len == 0 || p->count == POINTS_MAX) return;
    for (ptrdiff_t i = 0; i < p->count; i++)
        if (str_eq(p->items[i], text)) return;
    p->items[p->count++] = text;
}

static void first_upper(Buf *b, Str text) {
    ptrdiff_t at = 0;
    int32_t first = str_utf8_next(text, &at);
    utf8proc_uint8_t upper[4];
    utf8proc_ssize_t len = utf8proc_encode_char(utf8proc_toupper(first), upper);
    buf_add(b, str_of((const char *)upper, len));
    buf_add(b, str_slice(text, at, text.len));
}

static Str parts_title(const Parts *p) {
    Buf b = buf_new(p->arena, TITLE_MAX);
    for (ptrdiff_t i = 0; i < p->count && b.len <= TITLE_MAX; i++) {
        if (i == 0) {
            first_upper(&b, p->items[i]);
            continue;
        }
        buf_add(&b, str_ends(p->items[i - 1], S(":")) ? S(" ") : S(" ; "));
        buf_add(&b, p->items[i]);
    }
    Str title = part_trim(buf_str(&b));
    if (str_ends(title, S(":"))) title = str_trim(str_slice(title, 0, title.len - 1));
    if (title.len <= TITLE_MAX) return title;
    return str_concat(p->arena, str_utf8_cut(title, TITLE_MAX - 3), S("…"));
}

static bool state_live(Str state) {
    return !str_eq(state, S("Supprimé")) && !str_eq(state, S("Annulé"));
}

static Parts *parts_new(Ctx *c) {
    Parts *p = arena_new_of(c->arena, Parts);
    p->arena = c->arena;
    return p;
}

/* The points that have not been struck off; *questions: one of them is questions to the
 * government. */
static Parts *points_read(Ctx *c, const json_t *odj, bool *questions) {
    Parts *p = parts_new(c);
    const json_t *points = od_member(odj, "pointsODJ");
    for (size_t i = 0; i < od_count(points, "pointODJ"); i++) {
        const json_t *point = od_at(points, "pointODJ", i);
        if (!state_live(od_text(od_member(point, "cycleDeVie"), "etat"))) continue;
        Str kind = od_text(point, "typePointODJ"), subject = od_text(point, "objet");
        if (str_eq_nocase(kind, S("Questions au Gouvernement"))) *questions = true;
        parts_add(p, str_is_empty(str_trim(subject)) ? kind : subject);
    }
    return p;
}

/* Free text of a committee's agenda: each item may have lines. */
static Parts *items_read(Ctx *c, const json_t *odj, const char *name) {
    Parts *p = parts_new(c);
    const json_t *list = od_member(odj, name);
    for (size_t i = 0; i < od_count(list, "item"); i++)
        for (Str rest = json_str(od_at(list, "item", i)), line; !str_is_null(rest);) {
            rest = str_cut(rest, '\n', &line);
            parts_add(p, line);
        }
    return p;
}

static Str type_of(const json_t *reunion, bool questions) {
    Str kind = json_str(json_object_get(reunion, "@xsi:type"));
    if (str_eq(kind, S("seance_type")))
        return questions ? S("question_gouvernement") : S("seance_publique");
    if (!str_eq(kind, S("reunionCommission_type"))) return S("autre");
    return str_starts(od_text(reunion, "formatReunion"), S("Audition")) ? S("audition")
                                                                        : S("commission");
}

static bool plenary(Str type) {
    return str_eq(type, S("seance_publique")) || str_eq(type, S("question_gouvernement"));
}

static Str title_usual(Str type) {
    if (plenary(type)) return S("Séance publique");
    if (str_eq(type, S("commission"))) return S("Réunion de commission");
    return str_eq(type, S("audition")) ? S("Audition") : S("Réunion");
}

static Str title_of(Ctx *c, const json_t *odj, Str type, const Parts *points) {
    Str title = {0};
    if (!plenary(type)) {
        title = parts_title(items_read(c, odj, "resumeODJ"));
        if (str_is_empty(title)) title = parts_title(items_read(c, odj, "convocationODJ"));
    }
    if (str_is_empty(title)) title = parts_title(points);
    return str_is_empty(title) ? title_usual(type) : title;
}

static JsonText points_json(const Parts *p) {
    Buf b = buf_new(p->arena, 64);
    JsonOut o = json_out(&b);
    json_begin(&o, '[');
    for (ptrdiff_t i = 0; i < p->count; i++) json_put_str(&o, p->items[i]);
    json_end(&o, ']');
    return (JsonText){buf_str(&b)};
}

/* A moment with its offset; a date alone is none. */
static bool moment_read(Str text, Time *out) { return text.len > 10 && time_parse(text, out); }

static Err *times_read(Ctx *c, const json_t *reunion, Session *s) {
    Str starts = od_text(reunion, "timeStampDebut"), ends = od_text(reunion, "timeStampFin");
    if (str_is_null(starts)) FAIL(c, INVALID, "has no timeStampDebut");
    if (!moment_read(starts, &s->starts_at))
        FAIL(c, INVALID, "timeStampDebut is no time: %.*s", S_ARG(str_utf8_cut(starts, 60)));
    if (!moment_read(ends, &s->ends_at) || s->ends_at.us < s->starts_at.us) s->ends_at = TIME_NULL;
    Civil at = paris_civil(s->starts_at);
    s->day = paris_day_text(c->arena, s->starts_at);
    s->time = strf(c->arena, "%02d:%02d", at.hour, at.minute);
    return NULL;
}

static Err *agenda_parse(Ctx *c, Str name, Str bytes, void *row) {
    Session *s = row;
    const json_t *file;
    (void)name;
    TRY(open_data_json(c, bytes, &file));
    const json_t *reunion = od_member(file, "reunion"), *odj = od_member(reunion, "ODJ");
    *s = (Session){.uid = od_text(reunion, "uid")};
    if (!reunion) FAIL(c, INVALID, "is not a réunion");
    if (str_is_empty(s->uid) || s->uid.len > 100) FAIL(c, INVALID, "is a réunion without a uid");
    TRY(times_read(c, reunion, s));
    bool questions = false;
    Parts *points = points_read(c, odj, &questions);
    s->type = type_of(reunion, questions);
    s->title = title_of(c, odj, s->type, points);
    s->state = od_text(od_member(reunion, "cycleDeVie"), "etat");
    if (str_is_null(s->state)) s->state = S("Inconnu");
    s->body_id = od_text(reunion, "organeReuniRef");
    s->salle = od_text(od_member(reunion, "lieu"), "libelleLong");
    s->session = od_text(reunion, "sessionRef");
    s->transcript_uid = od_text(reunion, "compteRenduRef");
    s->filmed = od_true(reunion, "captationVideo");
    s->press = od_true(reunion, "ouverturePresse");
    s->points = points_json(points);
    s->content_hash = open_data_hash(c->arena, bytes, AGENDA_VERSION);
    return NULL;
}

/* -- into the table ---------------------------------------------------------------------------- */

typedef struct Refreshed {
    int64_t n;
    Str state, salle, commission;
} Refreshed;
static const Field refreshed_fields[] = {
    FIELD(Refreshed, n),
    FIELD(Refreshed, state),
    FIELD(Refreshed, salle),
    FIELD(Refreshed, commission),
};
static const Record refreshed_record = RECORD(Refreshed, refreshed_fields);

typedef struct Filled {
    Str uid;
} Filled;
static const Field filled_fields[] = {FIELD(Filled, uid)};
static const Record filled_record = RECORD(Filled, filled_fields);

static bool same_or_null(Str now, Str was) { return str_is_null(now) || str_eq(now, was); }

/* The debate's metadata with "etat"; null Str when it says so already. */
static Err *metadata_state(Ctx *c, JsonText was, Str state, JsonText *out) {
    json_t *metadata;
    TRY(json_parse(c, was.text, &metadata));
    if (!json_is_object(metadata) || str_eq(json_str(json_at(metadata, "etat")), state)) {
        *out = (JsonText){0};
        return NULL;
    }
    json_object_set_new(metadata, "etat", json_stringn(state.data, (size_t)state.len));
    Buf b = buf_new(c->arena, was.text.len + 64);
    buf_json_value(&b, metadata);
    *out = (JsonText){buf_str(&b)};
    return NULL;
}

static Err *debate_refresh(Ctx *c, const Refreshed *r) {
    Debate d;
    JsonText metadata;
    TRY(debate_lock(c, r->n, &d));
    TRY(metadata_state(c, d.metadata, r->state, &metadata));
    if (!metadata.text.data && same_or_null(r->salle, d.salle) &&
        same_or_null(r->commission, d.commission))
        return NULL;
    if (metadata.text.data) d.metadata = metadata;
    if (r->salle.data) d.salle = r->salle;
    if (r->commission.data) d.commission = r->commission;
    return debate_change(c, &d);
}

Err *agenda_debates_refresh(Ctx *c, JsonText uids) {
    Rows rows;
    TRY(db_query(c, SQL2(SQL_SESSIONS_DEBATES_SQLITE, SQL_SESSIONS_DEBATES_POSTGRES), ARGS(V(uids)),
                 &refreshed_record, &rows));
    for (ptrdiff_t i = 0; i < rows.count; i++) TRY(debate_refresh(c, (Refreshed *)rows.items + i));
    return NULL;
}

static Err *uids_refresh(Ctx *c, Rows uids) {
    if (uids.count == 0) return NULL;
    Buf b = buf_new(c->arena, uids.count * 32);
    JsonOut o = json_out(&b);
    json_begin(&o, '[');
    for (ptrdiff_t i = 0; i < uids.count; i++) json_put_str(&o, ((Filled *)uids.items)[i].uid);
    json_end(&o, ']');
    return agenda_debates_refresh(c, (JsonText){buf_str(&b)});
}

Err *agenda_commissions_fill(Ctx *c) {
    Rows filled;
    TRY(db_query(c, SQL(SQL_COMMISSIONS_FILL), ARGS(V(time_now())), &filled_record, &filled));
    return uids_refresh(c, filled);
}

Err *agenda_debate_learn(Ctx *c, Str uid) {
    Filled one = {uid};
    return uid.data ? uids_refresh(c, (Rows){&one, 1}) : NULL;
}

static Str session_uid(const void *row) { return ((const Session *)row)->uid; }
static Str session_hash(const void *row) { return ((const Session *)row)->content_hash; }

static Err *session_put(Ctx *c, const void *row, Time now) {
    const Session *s = row;
    return db_exec(c, SQL(SQL_SESSION_PUT),
                   ARGS(V(s->uid), V(s->type), V(s->title), V(s->starts_at), V(s->ends_at),
                        V(s->day), V(s->time), V(s->state), V(s->body_id), V(s->salle),
                        V(s->session), V(s->transcript_uid), V(s->filmed), V(s->press),
                        V(s->points), V(s->content_hash), V(now)),
                   NULL);
}

static const OpenDataTable sessions = {
    .known = {SQL_SESSIONS_KNOWN_SQLITE, SQL_SESSIONS_KNOWN_POSTGRES},
    .uid = session_uid,
    .hash = session_hash,
    .put = session_put,
    .after = agenda_debates_refresh,
};

static Err *agenda_store(Ctx *c, void *rows, ptrdiff_t count, OpenDataFigures *figures) {
    return open_data_put(c, &sessions, rows, sizeof(Session), count, figures);
}

const OpenDataKind open_data_agenda = {
    .name = "agenda",
    .endings = ".json",
    .path = "/vp/reunions/Agenda.json.zip",
    .row_size = sizeof(Session),
    .parse = agenda_parse,
    .store = agenda_store,
};
