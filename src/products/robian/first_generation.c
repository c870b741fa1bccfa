/* SPDX-License-Identifier: Apache-2.0
 * What clients of the first generation still call: the same debates under French names. The audio
 * itself, /api/debats/{id}/file, is in streaming.c, extractions are in extraction_routes.c.
 *
 * Unlike then, asking where the audio is starts no extraction: that needs somebody who may. */
#include "products/robian/audio.h"
#include "products/robian/debate.h"
#include "products/robian/debate_list.h"
#include "products/robian/paris.h"
#include "products/robian/routes.h"

/* -- debates ---------------------------------------------------------------------------------- */

typedef struct Debat {
    Str id, title;
    Time date;
    OptInt duration;
    Str type, commission, url_source, url_stream, thumbnail, description;
    StrList intervenants;
    Str status;
} Debat;
static const Field debat_fields[] = {
    FIELD(Debat, id, .format = "uuid"),
    FIELD(Debat, title),
    FIELD(Debat, date),
    FIELD(Debat, duration, .doc = "Seconds: of the audio once it is there"),
    FIELD(Debat, type, .values = debate_types),
    FIELD(Debat, commission, .flags = F_NULLABLE),
    FIELD(Debat, url_source),
    FIELD(Debat, url_stream, .flags = F_NULLABLE, .doc = "Of the audio; null until it is there"),
    FIELD(Debat, thumbnail, .flags = F_NULLABLE),
    FIELD(Debat, description, .flags = F_NULLABLE),
    FIELD(Debat, intervenants),
    FIELD(Debat, status, .values = debate_statuses),
};
static const Record debat_record =
    RECORD(Debat, debat_fields, .doc = "A debate as the first generation knows it");

static Str file_path(Arena *arena, Str id) {
    return strf(arena, "/api/debats/%.*s/file", S_ARG(id));
}

static const AudioFile *first_ready(const Debate *d) {
    const AudioFile *files = d->audio_files.items, *ready = NULL;
    for (ptrdiff_t i = 0; i < d->audio_files.count; i++)
        if (files[i].is_ready) ready = &files[i]; /* the newest comes first */
    return ready;
}

/* d as debates_show leaves it. */
static Debat debat_of(Arena *arena, const Debate *d) {
    const AudioFile *audio = first_ready(d);
    OptInt minutes = d->duration_minutes;
    bool heard = audio && audio->duration_seconds.set;
    return (Debat){
        .id = d->id,
        .title = d->title,
        .date = d->date,
        .duration = heard ? audio->duration_seconds : (OptInt){minutes.value * 60, minutes.set},
        .type = d->type,
        .commission = d->commission,
        .url_source = d->source_url,
        .url_stream = audio ? file_path(arena, d->id) : (Str){NULL, 0},
        .thumbnail = d->thumbnail_url,
        .description = d->description,
        .intervenants = d->speakers,
        .status = d->status,
    };
}

typedef struct DebatsQuery {
    Str date_debut, date_fin, type_debat, commission;
    int64_t limit;
} DebatsQuery;
static const Field debats_query_fields[] = {
    FIELD(DebatsQuery, date_debut, .flags = F_TRIM, .max = 40,
          .doc = "A day in Paris or RFC 3339, included"),
    FIELD(DebatsQuery, date_fin, .flags = F_TRIM, .max = 40, .doc = "The same"),
    FIELD(DebatsQuery, type_debat, .values = debate_types),
    FIELD(DebatsQuery, commission, .flags = F_TRIM, .max = 500,
          .doc = "A part of its name; case and accents aside"),
    FIELD(DebatsQuery, limit, .min = 1, .max = 500, .fallback = "50"),
};
static const Record debats_query_record = RECORD(DebatsQuery, debats_query_fields);

typedef struct DebatsAsked {
    DebateFilter filter;
    int64_t limit;
} DebatsAsked;

static Err *debats_fill(Ctx *c, void *arg, Str *value) {
    const DebatsAsked *asked = arg;
    int64_t total;
    Rows rows;
    TRY(debate_list(c, &asked->filter, (DebateOrder){0}, asked->limit, 0, &rows, &total));
    TRY(debates_show(c, rows.items, rows.count));
    Debat *shown = arena_array(c->arena, Debat, rows.count);
    for (ptrdiff_t i = 0; i < rows.count; i++)
        shown[i] = debat_of(c->arena, (const Debate *)rows.items + i);
    Buf b = buf_new(c->arena, 64 + rows.count * 512);
    record_write_list(&b, &debat_record, shown, rows.count);
    *value = buf_str(&b);
    return NULL;
}

static Err *debats_get(Ctx *c, Call *k) {
    const DebatsQuery *q = k->query;
    DebatsAsked asked = {.limit = q->limit};
    Problems problems = {.arena = c->arena};
    Str json;
    asked.filter = (DebateFilter){
        .type = q->type_debat, .commission = q->commission, .from = TIME_NULL, .to = TIME_NULL};
    if (q->date_debut.len && !paris_time(q->date_debut, false, &asked.filter.from))
        problem_add(&problems, S("date_debut"), S("format"), DATE_EXPECTED);
    if (q->date_fin.len && !paris_time(q->date_fin, true, &asked.filter.to))
        problem_add(&problems, S("date_fin"), S("format"), DATE_EXPECTED);
    TRY(problems_err(c, &problems));
    Str key = strf(c->arena, "debats/%lld/%lld/%lld/%.*s/%.*s", (long long)q->limit,
                   (long long)asked.filter.from.us, (long long)asked.filter.to.us,
                   S_ARG(q->type_debat), S_ARG(q->commission));
    TRY(debate_list_cached(c, key, debats_fill, &asked, &json));
    reply_json(k->r, 200, json);
    k->answered = true;
    return NULL;
}

static Err *debat_get(Ctx *c, Call *k) {
    Debate d;
    TRY(debate_find(c, k->params[0], &d));
    if (k->q->method != METHOD_HEAD) TRY(debate_viewed(c, &d));
    TRY(debates_show(c, &d, 1));
    *(Debat *)call_out(k) = debat_of(c->arena, &d);
    return NULL;
}

/* -- where the audio is ------------------------------------------------------------------------ */

typedef struct DebatStream {
    Str stream_url, status;
    OptInt file_size;
    Str message;
} DebatStream;
static const char *const stream_statuses[] = {"ready", "extracting", "unavailable", NULL};
static const Field debat_stream_fields[] = {
    FIELD(DebatStream, stream_url, .flags = F_NULLABLE),
    FIELD(DebatStream, status, .values = stream_statuses,
          .doc = "unavailable: nobody has asked for its extraction, or it failed"),
    FIELD(DebatStream, file_size),
    FIELD(DebatStream, message, .flags = F_NULLABLE | F_OMIT_NULL),
};
static const Record debat_stream_record = RECORD(DebatStream, debat_stream_fields);

static bool on_its_way(const AudioFile *files, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i++)
        if (str_eq(files[i].extraction_status, S("pending")) ||
            str_eq(files[i].extraction_status, S("extracting")))
            return true;
    return false;
}

static Err *debat_stream(Ctx *c, Call *k) {
    DebatStream *out = call_out(k);
    int64_t n;
    bool found;
    AudioFile audio, *files;
    ptrdiff_t count;
    TRY(debate_key(c, k->params[0], &n));
    TRY(audio_ready(c, n, (Str){NULL, 0}, &audio, &found));
    if (found) {
        *out = (DebatStream){.stream_url = file_path(c->arena, k->params[0]),
                             .status = S("ready"),
                             .file_size = audio.file_size};
        return NULL;
    }
    TRY(audio_of_debate(c, n, &files, &count));
    *out = on_its_way(files, count)
               ? (DebatStream){.status = S("extracting"), .message = S("Extraction audio en cours")}
               : (DebatStream){.status = S("unavailable"),
                               .message = S("Audio non disponible, extraction nécessaire")};
    return NULL;
}

#define OLD .access = ACCESS_OPEN, .tag = "first generation"

const Route first_generation_routes[] = {
    {GET, "/api/debats", debats_get, OLD, .query = &debats_query_record, .out = &debat_record,
     .out_list = true, .doc = "Debates, the newest first"},
    {GET, "/api/debats/{debate_id}", debat_get, OLD, .out = &debat_record, .errors = "404",
     .doc = "One debate; counts as a view"},
    {GET, "/api/debats/{debate_id}/stream", debat_stream, OLD, .out = &debat_stream_record,
     .errors = "404", .doc = "Where its audio is"},
    {0},
};
