/* SPDX-License-Identifier: Apache-2.0
 * Who spoke: found by name, and everything somebody said with the second at which to hear it. */
#include "products/robian/routes.h"
#include "products/robian/speakers.h"
#include "products/robian/transcripts_sql.h"
#include "search/text.h"

enum { LIKELY_MAX = 100 };

typedef struct SpeakerShown {
    Str id, name, civility, first_name, last_name, role, profession, group_id, group_name;
    Str department, constituency, birth_date, url;
    OptInt speeches, interruptions, debates;
    OptFloat spoken_seconds;
    int64_t spoken_ms; /* as it comes from the database */
} SpeakerShown;
#define SPEAKER_FIELDS                                                                 \
    FIELD(SpeakerShown, id, .doc = "PA…, or made of the name of who has none"),        \
        FIELD(SpeakerShown, name), FIELD(SpeakerShown, civility, .flags = F_NULLABLE), \
        FIELD(SpeakerShown, first_name, .flags = F_NULLABLE),                          \
        FIELD(SpeakerShown, last_name, .flags = F_NULLABLE),                           \
        FIELD(SpeakerShown, role, .flags = F_NULLABLE),                                \
        FIELD(SpeakerShown, profession, .flags = F_NULLABLE),                          \
        FIELD(SpeakerShown, group_id, .flags = F_NULLABLE),                            \
        FIELD(SpeakerShown, group_name, .flags = F_NULLABLE),                          \
        FIELD(SpeakerShown, department, .flags = F_NULLABLE),                          \
        FIELD(SpeakerShown, constituency, .flags = F_NULLABLE),                        \
        FIELD(SpeakerShown, birth_date, .flags = F_NULLABLE),                          \
        FIELD(SpeakerShown, url, .flags = F_NULLABLE)
static const Field speaker_fields[] = {SPEAKER_FIELDS};
static const Record speaker_record = RECORD_AS("Speaker", SpeakerShown, speaker_fields);
static const Field detail_fields[] = {
    SPEAKER_FIELDS,
    FIELD(SpeakerShown, speeches, .doc = "Without interruptions"),
    FIELD(SpeakerShown, interruptions),
    FIELD(SpeakerShown, debates, .doc = "In how many"),
    FIELD(SpeakerShown, spoken_seconds, .doc = "Of speeches that have a time"),
};
static const Record detail_record = RECORD_AS("SpeakerDetail", SpeakerShown, detail_fields);

/* -- finding ---------------------------------------------------------------------------------------------------- */

typedef struct SpeakersQuery {
    Str q;
    int64_t page, per_page;
} SpeakersQuery;
static const Field speakers_query_fields[] = {
    FIELD(SpeakersQuery, q, .flags = F_TRIM, .max = 200,
          .doc = "The beginning of a name, or a name with typing errors; case and accents aside"),
    FIELD(SpeakersQuery, page, .min = 1, .max = 100000, .fallback = "1"),
    FIELD(SpeakersQuery, per_page, .min = 1, .max = 100, .fallback = "20"),
};
static const Record speakers_query_record = RECORD(SpeakersQuery, speakers_query_fields);

typedef struct SpeakersPage {
    RecordList speakers;
    int64_t total, page, per_page;
    bool has_next, has_prev;
} SpeakersPage;
static const Field speakers_page_fields[] = {
    FIELD_LIST(SpeakersPage, speakers, &speaker_record),
    FIELD(SpeakersPage, total),
    FIELD(SpeakersPage, page),
    FIELD(SpeakersPage, per_page),
    FIELD(SpeakersPage, has_next),
    FIELD(SpeakersPage, has_prev),
};
static const Record speakers_page_record = RECORD(SpeakersPage, speakers_page_fields);

/* LIKE with ! as its escape. */
static Str pattern(Arena *arena, const char *head, Str key) {
    Buf b = buf_new(arena, key.len + 8);
    buf_add(&b, str_c(head));
    for (ptrdiff_t i = 0; i < key.len; i++) {
        char byte = key.data[i];
        if (byte == '%' || byte == '_' || byte == '!') buf_byte(&b, '!');
        buf_byte(&b, byte);
    }
    buf_byte(&b, '%');
    return buf_str(&b);
}

/* How far the words are from being beginnings of words of the name, in typing errors; -1: too far. As many
 * are forgiven as the search forgives. */
static int name_distance(Str words, Str name) {
    int sum = 0;
    for (Str rest = words, word; rest.data;) {
        rest = str_cut(rest, ' ', &word);
        int most = word.len < 4 ? 0 : word.len < 8 ? 1 : 2, best = most + 1;
        for (Str left = name, own; left.data && word.len;) {
            left = str_cut(left, ' ', &own);
            int apart = word_distance(word, own, most, true);
            if (apart < best) best = apart;
        }
        if (best > most) return -1;
        sum += best;
    }
    return sum;
}

typedef struct Likely {
    Str name_key;
    int64_t apart;
} Likely;
static const Field likely_fields[] = {FIELD(Likely, name_key)};
static const Record likely_record = RECORD(Likely, likely_fields);

static int likely_order(const void *a, const void *b) {
    const Likely *x = a, *y = b;
    return x->apart != y->apart ? (x->apart > y->apart) - (x->apart < y->apart)
                                : str_cmp(x->name_key, y->name_key);
}

/* Names of people that are like the words but for typing errors, as a JSON list; null: nobody's. */
static Err *keys_likely(Ctx *c, Str words, JsonText *out) {
    Rows rows;
    ptrdiff_t count = 0;
    *out = (JsonText){0};
    TRY(db_scan(c, SQL(SQL_SPEAKER_KEYS), NO_ARGS, &likely_record, &rows));
    Likely *all = rows.items;
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        int apart = name_distance(words, all[i].name_key);
        if (apart >= 0) all[count++] = (Likely){all[i].name_key, apart};
    }
    if (count == 0) return NULL;
    qsort(all, (size_t)count, sizeof *all, likely_order);
    Buf b = buf_new(c->arena, 256);
    for (ptrdiff_t i = 0; i < min_size(count, LIKELY_MAX); i++) {
        buf_byte(&b, i ? ',' : '[');
        buf_json(&b, all[i].name_key);
    }
    buf_byte(&b, ']');
    out->text = buf_str(&b);
    return NULL;
}

static Err *speakers_page(Ctx *c, SpeakersPage *out, Sql page, Sql count, Value a, Value b) {
    Rows rows;
    int64_t offset = (out->page - 1) * out->per_page;
    TRY(db_int(c, count, ARGS(a, b), &out->total));
    TRY(db_query(c, page, ARGS(a, b, V(out->per_page), V(offset)), &speaker_record, &rows));
    out->speakers = (RecordList){rows.items, rows.count};
    out->has_next = offset + rows.count < out->total;
    out->has_prev = out->page > 1 && out->total > 0;
    return NULL;
}

static Err *speakers_get(Ctx *c, Call *k) {
    const SpeakersQuery *query = k->query;
    SpeakersPage *out = call_out(k);
    JsonText likely;
    out->page = query->page;
    out->per_page = query->per_page;
    Str key = speaker_key(c->arena, query->q);
    if (query->q.len && !key.len) return NULL; /* not a word in it */
    TRY(speakers_page(c, out, SQL(SQL_SPEAKERS_PAGE), SQL(SQL_SPEAKERS_COUNT),
                      V(pattern(c->arena, "", key)), V(pattern(c->arena, "% ", key))));
    if (out->total || !key.len) return NULL;
    TRY(keys_likely(c, key, &likely));
    if (!likely.text.data) return NULL;
    return speakers_page(c, out, SQL2(SQL_SPEAKERS_LIKELY_SQLITE, SQL_SPEAKERS_LIKELY_POSTGRES),
                         SQL2(SQL_SPEAKERS_LIKELY_COUNT_SQLITE, SQL_SPEAKERS_LIKELY_COUNT_POSTGRES),
                         V(likely), value_null());
}

/* -- one -------------------------------------------------------------------------------------------------------- */

static Err *speaker_load(Ctx *c, Str id, const Record *record, SpeakerShown *out) {
    bool found;
    TRY(db_maybe(c, SQL(SQL_SPEAKER_BY_ID), ARGS(V(id)), record, out, &found));
    if (!found) FAIL(c, NOT_FOUND, "Intervenant %.*s non trouvé", S_ARG(str_utf8_cut(id, 100)));
    return NULL;
}

typedef struct Figures {
    int64_t speeches, interruptions, debates, spoken_ms;
} Figures;
static const Field figures_fields[] = {FIELD(Figures, speeches), FIELD(Figures, interruptions),
                                       FIELD(Figures, debates), FIELD(Figures, spoken_ms)};
static const Record figures_record = RECORD(Figures, figures_fields);

static Err *speaker_get(Ctx *c, Call *k) {
    SpeakerShown *out = call_out(k);
    Rows rows;
    TRY(speaker_load(c, k->params[0], &speaker_record, out));
    TRY(db_scan(c, SQL(SQL_SPEAKER_FIGURES), ARGS(V(out->id)), &figures_record, &rows));
    const Figures *f = rows.items;
    out->speeches = (OptInt){f->speeches, true};
    out->interruptions = (OptInt){f->interruptions, true};
    out->debates = (OptInt){f->debates, true};
    out->spoken_seconds = (OptFloat){(double)f->spoken_ms / 1000, true};
    return NULL;
}

/* -- what they said ----------------------------------------------------------------------------------------------- */

static const char *const kinds[] = {"speech", "interruption", NULL};
typedef struct SaidQuery {
    Str kind;
    int64_t page, per_page;
} SaidQuery;
static const Field said_query_fields[] = {
    FIELD(SaidQuery, kind, .flags = F_NULLABLE, .values = kinds),
    FIELD(SaidQuery, page, .min = 1, .max = 100000, .fallback = "1"),
    FIELD(SaidQuery, per_page, .min = 1, .max = 100, .fallback = "20"),
};
static const Record said_query_record = RECORD(SaidQuery, said_query_fields);

typedef struct Said {
    int64_t n, position;
    Str kind, debate_id, debate_title;
    Time debate_date;
    Str point, speaker, role, text;
    OptFloat start, end;
    OptInt start_ms, end_ms;
    Str time_source;
} Said;
static const Field said_fields[] = {
    FIELD(Said, n),
    FIELD(Said, position),
    FIELD(Said, kind),
    FIELD(Said, debate_id),
    FIELD(Said, debate_title),
    FIELD(Said, debate_date),
    FIELD(Said, point, .flags = F_NULLABLE),
    FIELD(Said, speaker, .flags = F_NULLABLE),
    FIELD(Said, role, .flags = F_NULLABLE),
    FIELD(Said, text),
    FIELD(Said, start, .doc = "Seconds from the beginning of the debate's audio"),
    FIELD(Said, end),
    FIELD(Said, start_ms),
    FIELD(Said, end_ms),
    FIELD(Said, time_source, .flags = F_NULLABLE),
};
static const Record said_record = RECORD_AS("SpeechOfSpeaker", Said, said_fields);

typedef struct SaidPage {
    RecordList speeches;
    int64_t total, page, per_page;
    bool has_next, has_prev;
} SaidPage;
static const Field said_page_fields[] = {
    FIELD_LIST(SaidPage, speeches, &said_record),
    FIELD(SaidPage, total, .doc = "Exact"),
    FIELD(SaidPage, page),
    FIELD(SaidPage, per_page),
    FIELD(SaidPage, has_next),
    FIELD(SaidPage, has_prev),
};
static const Record said_page_record = RECORD(SaidPage, said_page_fields);

static OptFloat seconds(OptInt ms) {
    return (OptFloat){.value = (double)ms.value / 1000, .set = ms.set};
}

static Err *said_get(Ctx *c, Call *k) {
    const SaidQuery *query = k->query;
    SaidPage *out = call_out(k);
    SpeakerShown who;
    Rows rows;
    int64_t offset = (query->page - 1) * query->per_page;
    TRY(speaker_load(c, k->params[0], &speaker_record, &who));
    out->page = query->page;
    out->per_page = query->per_page;
    TRY(db_int(c, SQL(SQL_SPEAKER_SPEECHES_COUNT), ARGS(V(who.id), V(query->kind)), &out->total));
    TRY(db_scan(c, SQL(SQL_SPEAKER_SPEECHES),
                ARGS(V(who.id), V(query->per_page), V(offset), V(query->kind)), &said_record,
                &rows));
    Said *all = rows.items;
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        all[i].start = seconds(all[i].start_ms);
        all[i].end = seconds(all[i].end_ms);
    }
    out->speeches = (RecordList){rows.items, rows.count};
    out->has_next = offset + rows.count < out->total;
    out->has_prev = query->page > 1 && out->total > 0;
    return NULL;
}

#define READS .access = ACCESS_OPEN, .tag = "speakers"

const Route speaker_routes[] = {
    {GET, "/api/speakers", speakers_get, READS, .query = &speakers_query_record,
     .out = &speakers_page_record, .doc = "People of the Assembly by name"},
    {GET, "/api/speakers/{id}", speaker_get, READS, .out = &detail_record, .errors = "404",
     .kept = true, .doc = "One of them, and how much they said"},
    {GET, "/api/speakers/{id}/speeches", said_get, READS, .query = &said_query_record,
     .out = &said_page_record, .errors = "404", .kept = true,
     .doc = "What they said, the latest debate first"},
    {0},
};
