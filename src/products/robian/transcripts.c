/* SPDX-License-Identifier: Apache-2.0
 * socle import robian transcripts: a transcript becomes its debate's, in one transaction a sitting. The
 * same file again changes nothing; a corrected one keeps the numbers of speeches that are still there
 * (speeches_match.c) and leaves tombstones of the others. */
#include "core/json.h"
#include "products/robian/agenda.h"
#include "products/robian/debate.h"
#include "products/robian/open_data.h"
#include "products/robian/robian.h"
#include "products/robian/syceron.h"
#include "products/robian/transcripts.h"
#include "products/robian/transcripts_sql.h"
#include "rt/offload.h"

enum { TRANSCRIPT_VERSION = 1, TITLE_MAX = 300, NAMES_SHOWN = 300, SPEECH_COLUMNS = 16 };

typedef struct Import {
    Ctx *c;
    Str bytes, hash;
    Transcript t;
    Str *ids; /* speaker_id of each speech, as the file has it */
    Err *err;
    bool added, older;
} Import;

Str transcript_page(Arena *arena, Str legislature, Str uid) {
    Str l = legislature.len && legislature.len <= 4 ? legislature : S("17");
    return strf(arena, "https://www.assemblee-nationale.fr/dyn/%.*s/comptes-rendus/seance/%.*s",
                S_ARG(l), S_ARG(uid));
}

/* -- the debate of a sitting that has none ----------------------------------------------------------- */

static bool is_questions(Str title) {
    Str words = S("Questions au Gouvernement");
    return str_eq_nocase(str_slice(title, 0, words.len), words);
}

/* What the sitting is about: its outermost points, but for what is done at the end of each. */
static bool is_subject(const Point *p) {
    return p->level == 1 && !str_starts(p->title, S("Ordre du jour de la prochaine")) &&
           !str_starts(p->title, S("Ordre du jour de l"));
}

static Str title_of(Arena *arena, const Transcript *t) {
    Buf b = buf_new(arena, 256);
    for (ptrdiff_t i = 0; i < t->point_count; i++) {
        const Point *p = &t->points[i];
        Str title = str_utf8_cut(p->title, TITLE_MAX);
        if (!is_subject(p) || str_find(buf_str(&b), title) >= 0) continue;
        if (b.len && b.len + title.len + 4 > TITLE_MAX) break;
        buf_f(&b, "%s%.*s", b.len ? " ; " : "", S_ARG(title));
    }
    if (b.len) return buf_str(&b);
    return t->day.len ? strf(arena, "Séance du %.*s", S_ARG(t->day)) : S("Séance publique");
}

static Str type_of(const Transcript *t) {
    for (ptrdiff_t i = 0; i < t->point_count; i++)
        if (is_subject(&t->points[i]) && is_questions(t->points[i].title))
            return S("question_gouvernement");
    return S("seance_publique");
}

static Str description_of(Arena *arena, const Transcript *t) {
    Buf b = buf_new(arena, 128);
    int64_t number;
    if (str_to_i64(t->day_number, &number) && number > 0)
        buf_f(&b, "%lld%s séance", (long long)number, number == 1 ? "re" : "e");
    else
        buf_add(&b, S("Séance"));
    if (t->day.len) buf_f(&b, " du %.*s", S_ARG(t->day));
    if (t->session.len) buf_f(&b, ", %.*s", S_ARG(str_utf8_cut(t->session, 100)));
    return buf_str(&b);
}

static JsonText metadata_of(Arena *arena, const Transcript *t) {
    Buf b = buf_new(arena, 128);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    json_key(&o, S("legislature"));
    json_put_str(&o, t->legislature);
    json_key(&o, S("session"));
    json_put_str(&o, t->session);
    json_key(&o, S("seance"));
    json_put_str(&o, t->number);
    json_end(&o, '}');
    return (JsonText){buf_str(&b)};
}

/* -- what a debate takes from its transcript ------------------------------------------------------------ */

static bool is_minister(Str role) {
    return str_find(role, S("ministre")) >= 0 || str_find(role, S("secrétaire d’État")) >= 0 ||
           str_find(role, S("secrétaire d'État")) >= 0;
}

/* "Mme Ana B" is shown as "Ana B". */
static Str without_civility(Str name) {
    if (str_starts(name, S("M. "))) return str_slice(name, 3, name.len);
    return str_starts(name, S("Mme ")) ? str_slice(name, 4, name.len) : name;
}

static void names_fill(Arena *arena, const Transcript *t, Debate *d) {
    StrList people = {arena_array(arena, Str, t->person_count + 1), 0},
            ministers = {arena_array(arena, Str, t->person_count + 1), 0};
    for (ptrdiff_t i = 0; i < t->person_count; i++) {
        const Person *p = &t->people[i];
        if (!p->spoke || !transcript_names_one(p->name)) continue;
        Str name = without_civility(p->name);
        if (people.count < NAMES_SHOWN) people.items[people.count++] = name;
        if (is_minister(p->role) && ministers.count < NAMES_SHOWN)
            ministers.items[ministers.count++] = name;
    }
    if (d->speakers.count == 0) d->speakers = people;
    if (d->ministers.count == 0) d->ministers = ministers;
}

/* As far as the transcript tells; the audio will know better. */
static OptInt minutes_of(const Transcript *t) {
    int64_t last_ms = 0;
    for (ptrdiff_t i = 0; i < t->count; i++)
        last_ms = max_i64(last_ms, t->speeches[i].given_ms.value);
    return (OptInt){(last_ms + 59999) / 60000, last_ms > 0};
}

static Err *debate_make(Ctx *c, const Transcript *t, Debate *d) {
    *d = (Debate){
        .title = title_of(c->arena, t),
        .description = description_of(c->arena, t),
        .type = type_of(t),
        .date = t->date,
        .source_url = transcript_page(c->arena, t->legislature, t->uid),
        .start_time = t->date,
        .end_time = TIME_NULL,
        .duration_minutes = minutes_of(t),
        .metadata = metadata_of(c->arena, t),
        .status = S("termine"),
        .session_uid = t->session_uid,
        .transcript_uid = t->uid,
    };
    names_fill(c->arena, t, d);
    return debate_add(c, d);
}

/* A debate that was there before: it learns whose sitting it is, and who spoke. */
static Err *debate_fill(Ctx *c, const Transcript *t, Debate *d) {
    int64_t taken = 0;
    d->transcript_uid = t->uid;
    if (!d->session_uid.data && t->session_uid.data) {
        TRY(db_int(c, SQL(SQL_SESSION_TAKEN), ARGS(V(t->session_uid), V(d->n)), &taken));
        if (!taken) d->session_uid = t->session_uid;
    }
    if (str_eq(d->status, S("programme")) || str_eq(d->status, S("en_cours")))
        d->status = S("termine");
    names_fill(c->arena, t, d);
    return debate_change(c, d);
}

static Err *debate_get(Ctx *c, const Transcript *t, Debate *d, bool *made) {
    int64_t n;
    Str page = transcript_page(c->arena, t->legislature, t->uid);
    Err *err =
        db_int(c, SQL(SQL_TRANSCRIPT_DEBATE), ARGS(V(t->uid), V(t->session_uid), V(page)), &n);
    *made = err && err->kind == ERR_NOT_FOUND;
    if (*made) return debate_make(c, t, d);
    TRY(err);
    return debate_lock(c, n, d);
}

/* -- rows ------------------------------------------------------------------------------------------------- */

static void speech_values(const Speech *s, Value *v) {
    const Value all[SPEECH_COLUMNS] = {
        V(s->n),        V(s->debate_n), V(s->position),  V(s->paragraph),
        V(s->kind),     V(s->code),     V(s->point),     V(s->speaker_id),
        V(s->speaker),  V(s->role),     V(s->presiding), V(s->text),
        V(s->given_ms), V(s->start_ms), V(s->end_ms),    V(s->time_source)};
    memcpy(v, all, sizeof all);
}

static Err *speeches_put(Ctx *c, const Speech *speeches, ptrdiff_t count) {
    Args *rows = arena_array(c->arena, Args, count);
    Value *values = arena_array(c->arena, Value, count * SPEECH_COLUMNS);
    for (ptrdiff_t i = 0; i < count; i++) {
        rows[i] = (Args){values + i * SPEECH_COLUMNS, SPEECH_COLUMNS};
        speech_values(&speeches[i], values + i * SPEECH_COLUMNS);
    }
    return db_exec_many(c, SQL(SQL_SPEECH_PUT), rows, count);
}

static Err *chapters_put(Ctx *c, int64_t debate_n, const Transcript *t) {
    Str source = S("transcript");
    Value none = value_null();
    TRY(db_exec(c, SQL(SQL_CHAPTERS_REMOVE), ARGS(V(debate_n), V(source)), NULL));
    for (ptrdiff_t i = 0; i < t->point_count; i++) {
        const Point *p = &t->points[i];
        int64_t parent = p->parent < 0 ? -1 : t->points[p->parent].speech, at = p->speech;
        TRY(db_exec(c, SQL(SQL_CHAPTER_PUT),
                    ARGS(V(debate_n), V(source), V(at), V(parent), V(p->level), V(p->title),
                         V(p->code), none, none, none, none),
                    NULL));
    }
    return NULL;
}

/* Numbers for speeches that are new, and tombstones, each with a change number of its own. */
static Err *numbers_give(Ctx *c, Transcript *t, const int64_t *gone, ptrdiff_t gone_count,
                         int64_t *change) {
    int64_t next, needed = 1 + gone_count;
    Time now = time_now();
    for (ptrdiff_t i = 0; i < t->count; i++) needed += t->speeches[i].n == 0;
    TRY(db_next_change(c, needed, &next));
    *change = next++;
    for (ptrdiff_t i = 0; i < t->count; i++)
        if (t->speeches[i].n == 0) t->speeches[i].n = next++;
    for (ptrdiff_t i = 0; i < gone_count; i++)
        TRY(db_exec(c, SQL(SQL_SPEECH_GONE), ARGS(V(gone[i]), V(next++), V(now)), NULL));
    return NULL;
}

/* -- the whole --------------------------------------------------------------------------------------------- */

static Err *speeches_replace(Ctx *c, Import *im, int64_t debate_n, Str *figures, int64_t *change) {
    Transcript *t = &im->t;
    Rows former;
    TRY(db_query(c, SQL(SQL_SPEECHES_OF_DEBATE), ARGS(V(debate_n)), &speech_row_record, &former));
    int64_t *gone = arena_array(c->arena, int64_t, former.count + 1);
    ptrdiff_t gone_count =
        speeches_match(c->arena, t->speeches, t->count, former.items, former.count, gone);
    for (ptrdiff_t i = 0; i < t->count; i++) t->speeches[i].debate_n = debate_n;
    TRY(alignment_make(c, debate_n, t->speeches, t->count, figures));
    TRY(numbers_give(c, t, gone, gone_count, change));
    if (former.count) TRY(db_exec(c, SQL(SQL_SPEECHES_REMOVE), ARGS(V(debate_n)), NULL));
    return speeches_put(c, t->speeches, t->count);
}

/* A file from before the one that is there; one that does not say when is from before any that does. */
static Err *older(Ctx *c, const Transcript *t, bool *out) {
    Time never = {0}, made = time_is_null(t->generated_at) ? never : t->generated_at;
    int64_t newer;
    TRY(db_int(c, SQL(SQL_TRANSCRIPT_NEWER), ARGS(V(t->uid), V(made)), &newer));
    *out = newer > 0;
    return NULL;
}

static Err *import_write(Ctx *c, void *arg) {
    Import *im = arg;
    Transcript *t = &im->t;
    Debate d;
    Str figures;
    int64_t change;
    bool made, moved;
    for (ptrdiff_t i = 0; i < t->count; i++) t->speeches[i].speaker_id = im->ids[i];
    TRY(older(c, t, &im->older));
    if (im->older) return NULL;
    TRY(debate_get(c, t, &d, &made));
    im->added = made;
    TRY(speakers_know(c, t));
    TRY(timeline_attach(c, d.n, t->session_uid, NULL));
    TRY(speeches_replace(c, im, d.n, &figures, &change));
    TRY(chapters_put(c, d.n, t));
    TRY(chapters_align(c, d.n, t->speeches, t->count, &moved));
    JsonText json = {figures};
    int64_t count = t->count;
    TRY(db_exec(c, SQL(SQL_TRANSCRIPT_PUT),
                ARGS(V(d.n), V(t->uid), V(t->session_uid), V(t->legislature), V(t->session),
                     V(t->version), V(t->state), V(count), V(json), V(im->hash), V(time_now()),
                     V(change), V(t->generated_at)),
                NULL));
    TRY(votes_place(c, d.n, t->speeches, t->count, &moved));
    return made ? agenda_debate_learn(c, t->session_uid) : debate_fill(c, t, &d);
}

static void import_read(void *arg) {
    Import *im = arg;
    Transcript *t = &im->t;
    im->err = transcript_read(im->c, im->bytes, t);
    if (im->err) return;
    im->ids = arena_array(im->c->arena, Str, t->count);
    for (ptrdiff_t i = 0; i < t->count; i++) im->ids[i] = t->speeches[i].speaker_id;
}

static Err *import_one(Ctx *c, Str bytes, OpenDataFigures *figures) {
    Import *im = arena_new_of(c->arena, Import);
    int64_t known;
    *im = (Import){.c = c, .bytes = bytes};
    im->hash = open_data_hash(c->arena, bytes, TRANSCRIPT_VERSION);
    TRY(db_int(c, SQL(SQL_TRANSCRIPT_KNOWN), ARGS(V(im->hash)), &known));
    if (known) {
        figures->same++;
        return NULL;
    }
    TRY(offload(c, LANE_LONG, import_read, im));
    TRY(im->err);
    TRY(db_transaction(c, import_write, im));
    if (im->older)
        figures->same++;
    else
        ++*(im->added ? &figures->added : &figures->changed);
    return NULL;
}

static Err *transcripts_import(Ctx *c, Str name, Str bytes, OpenDataFigures *figures) {
    (void)name;
    Defer *defers = c->defers;
    ArenaMark mark = arena_mark(c->arena);
    Err *err = import_one(c, bytes, figures);
    ctx_undo(c, defers);
    if (!err) arena_release(c->arena, mark);
    return err;
}

const OpenDataKind open_data_transcripts = {
    .name = "transcripts",
    .endings = ".xml",
    .path = "/vp/syceronbrut/syseron.xml.zip",
    .import = transcripts_import,
};

Err *robian_import_transcripts(Ctx *c, Transfer *t) {
    return open_data_import(c, t, &open_data_transcripts);
}
