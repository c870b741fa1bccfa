/* SPDX-License-Identifier: Apache-2.0
 * What was said in a debate, for clients: transcript in its formats, chapters, votes. */
#include "core/json.h"
#include "data/cache.h"
#include "products/robian/captions.h"
#include "products/robian/debate.h"
#include "products/robian/nvs.h"
#include "products/robian/routes.h"
#include "products/robian/transcripts.h"
#include "products/robian/transcripts_sql.h"

enum { TRANSCRIPT_TTL_MS = 3600 * 1000 };

/* -- the transcript ------------------------------------------------------------------------------------------ */

typedef struct SpeechShown {
    int64_t n, position;
    Str kind, speaker, speaker_id, role;
    bool presiding;
    Str point, text;
    OptFloat start, end;
    OptInt start_ms, end_ms;
    Str time_source;
} SpeechShown;
static const Field speech_shown_fields[] = {
    FIELD(SpeechShown, n, .doc = "Stays the same when the transcript is corrected"),
    FIELD(SpeechShown, position),
    FIELD(SpeechShown, kind, .doc = "speech, interruption, title, note"),
    FIELD(SpeechShown, speaker, .flags = F_NULLABLE, .doc = "As the transcript names them"),
    FIELD(SpeechShown, speaker_id, .flags = F_NULLABLE),
    FIELD(SpeechShown, role, .flags = F_NULLABLE),
    FIELD(SpeechShown, presiding, .doc = "From the chair"),
    FIELD(SpeechShown, point, .flags = F_NULLABLE, .doc = "Of the agenda: its title"),
    FIELD(SpeechShown, text, .doc = "Line ends part its paragraphs"),
    FIELD(SpeechShown, start, .doc = "Seconds from the beginning of the audio"),
    FIELD(SpeechShown, end),
    FIELD(SpeechShown, start_ms),
    FIELD(SpeechShown, end_ms),
    FIELD(SpeechShown, time_source, .flags = F_NULLABLE,
          .doc = "transcript, nvs (the video's timeline), interpolated; null without a time"),
};
static const Record speech_shown_record = RECORD_AS("Speech", SpeechShown, speech_shown_fields);

typedef struct TranscriptShown {
    Str debate_id, uid, session_uid, legislature, session, version, state;
    JsonText aligned;
    RecordList speeches;
} TranscriptShown;
static const Field transcript_fields[] = {
    FIELD(TranscriptShown, debate_id),
    FIELD(TranscriptShown, uid),
    FIELD(TranscriptShown, session_uid, .flags = F_NULLABLE),
    FIELD(TranscriptShown, legislature, .flags = F_NULLABLE),
    FIELD(TranscriptShown, session, .flags = F_NULLABLE),
    FIELD(TranscriptShown, version, .flags = F_NULLABLE),
    FIELD(TranscriptShown, state, .flags = F_NULLABLE),
    FIELD(TranscriptShown, aligned, .doc = "Where the times come from: figures"),
    FIELD_LIST(TranscriptShown, speeches, &speech_shown_record),
};
static const Record transcript_record = RECORD_AS("Transcript", TranscriptShown, transcript_fields);

static const char *const formats[] = {"json", "vtt", "srt", "txt", "podcast", NULL};
typedef struct TranscriptQuery {
    Str format;
} TranscriptQuery;
static const Field transcript_query_fields[] = {
    FIELD(TranscriptQuery, format, .flags = F_NULLABLE, .values = formats,
          .doc = "podcast: Podcasting 2.0's JSON. Without it the Accept header decides")};
static const Record transcript_query_record = RECORD(TranscriptQuery, transcript_query_fields);

/* Types of the formats, in their order; the last is JSON again. */
static const char *const types[] = {"application/json", "text/vtt", "application/x-subrip",
                                    "text/plain", "application/json"};
static_assert(COUNT(types) + 1 == COUNT(formats), "a type for each format");

static ptrdiff_t format_of(const Call *k) {
    const TranscriptQuery *query = k->query;
    Str type = query->format.data ? (Str){0} : call_type(k);
    for (ptrdiff_t i = 0; i < COUNT(types); i++)
        if (query->format.data ? str_eq(query->format, str_c(formats[i]))
                               : str_eq(type, str_c(types[i])))
            return i;
    return 0;
}

static OptFloat seconds(OptInt ms) {
    return (OptFloat){.value = (double)ms.value / 1000, .set = ms.set};
}

static void shown_write(Ctx *c, Buf *b, TranscriptShown *t, const Speech *all, ptrdiff_t count) {
    SpeechShown *shown = arena_array(c->arena, SpeechShown, count + 1);
    for (ptrdiff_t i = 0; i < count; i++) {
        const Speech *s = &all[i];
        shown[i] = (SpeechShown){
            .n = s->n,
            .position = s->position,
            .kind = s->kind,
            .speaker = s->speaker,
            .speaker_id = s->speaker_id,
            .role = s->role,
            .presiding = s->presiding,
            .point = s->point,
            .text = s->text,
            .start = seconds(s->start_ms),
            .end = seconds(s->end_ms),
            .start_ms = s->start_ms,
            .end_ms = s->end_ms,
            .time_source = s->time_source,
        };
    }
    t->speeches = (RecordList){shown, count};
    record_write(b, &transcript_record, t);
}

typedef struct Asked {
    Debate d;
    ptrdiff_t format;
} Asked;

static Err *transcript_fill(Ctx *c, void *arg, Str *value) {
    const Asked *asked = arg;
    const Debate *d = &asked->d;
    TranscriptShown t = {0};
    Rows rows;
    bool found;
    TRY(db_maybe(c, SQL(SQL_TRANSCRIPT_OF_DEBATE), ARGS(V(d->n)), &transcript_record, &t, &found));
    if (!found) FAIL(c, NOT_FOUND, "Aucune transcription trouvée pour ce débat");
    t.debate_id = d->id;
    TRY(db_query(c, SQL(SQL_SPEECHES_OF_DEBATE), ARGS(V(d->n)), &speech_row_record, &rows));
    Buf b = buf_new(c->arena, 256 * KIB);
    switch (asked->format) {
    case 1: captions_vtt(&b, rows.items, rows.count); break;
    case 2: captions_srt(&b, rows.items, rows.count); break;
    case 3: captions_text(&b, d->title, rows.items, rows.count); break;
    case 4: captions_podcast(&b, rows.items, rows.count); break;
    default: shown_write(c, &b, &t, rows.items, rows.count); break;
    }
    *value = buf_str(&b);
    return NULL;
}

/* Whatever changes a transcript stamps its debate: a text is good for one change number. */
static Err *transcript_get(Ctx *c, Call *k) {
    Asked asked = {.format = format_of(k)};
    Str text, type = str_c(types[asked.format]);
    TRY(debate_find(c, k->params[0], &asked.d));
    Str key = strf(c->arena, "robian/transcript/%lld/%lld/%td", (long long)asked.d.n,
                   (long long)asked.d.change_seq, asked.format);
    TRY(cache_fill(c, app_cache(c), key, TRANSCRIPT_TTL_MS, 0, transcript_fill, &asked, &text));
    reply_header(k->r, S("Vary"), S("Accept, Accept-Encoding"));
    if (asked.format >= 1 && asked.format <= 3)
        type = strf(c->arena, "%.*s; charset=utf-8", S_ARG(type));
    reply_text(k->r, 200, type, text);
    k->answered = true;
    return NULL;
}

/* -- chapters -------------------------------------------------------------------------------------------------- */

static const char *const sources[] = {"nvs", "transcript", NULL};
typedef struct ChaptersQuery {
    Str source;
} ChaptersQuery;
static const Field chapters_query_fields[] = {FIELD(
    ChaptersQuery, source, .flags = F_NULLABLE, .values = sources,
    .doc =
        "The video's timeline, or the transcript's points; usually the former where there is one")};
static const Record chapters_query_record = RECORD(ChaptersQuery, chapters_query_fields);

static int chapter_order(const void *a, const void *b) {
    const Chapter *x = a, *y = b;
    int64_t by_start = x->start_ms.value - y->start_ms.value;
    if (by_start == 0) by_start = x->position - y->position;
    return (by_start > 0) - (by_start < 0);
}

static Err *chapters_load(Ctx *c, int64_t debate_n, Str source, Chapter **out, ptrdiff_t *count) {
    Rows rows;
    TRY(db_query(c, SQL(SQL_CHAPTERS_OF_DEBATE), ARGS(V(debate_n), V(source)), &chapter_row_record,
                 &rows));
    *out = rows.items;
    *count = 0;
    for (ptrdiff_t i = 0; i < rows.count; i++)
        if ((*out)[i].start_ms.set) (*out)[(*count)++] = (*out)[i];
    if (*count) qsort(*out, (size_t)*count, sizeof **out, chapter_order);
    return NULL;
}

/* By https://github.com/Podcastindex-org/podcast-namespace, chapters; level besides. */
static Str chapters_text(Ctx *c, const Debate *d, const Chapter *all, ptrdiff_t count) {
    Buf b = buf_new(c->arena, 1024 + count * 128);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    json_key(&o, S("version"));
    json_put_str(&o, S("1.2.0"));
    json_key(&o, S("title"));
    json_put_str(&o, d->title);
    json_key(&o, S("chapters"));
    json_begin(&o, '[');
    for (ptrdiff_t i = 0; i < count; i++) {
        json_begin(&o, '{');
        json_key(&o, S("startTime"));
        json_put_f64(&o, (double)all[i].start_ms.value / 1000);
        if (all[i].end_ms.set && all[i].end_ms.value > all[i].start_ms.value) {
            json_key(&o, S("endTime"));
            json_put_f64(&o, (double)all[i].end_ms.value / 1000);
        }
        json_key(&o, S("title"));
        json_put_str(&o, all[i].title);
        json_key(&o, S("level"));
        json_put_i64(&o, all[i].level);
        json_end(&o, '}');
    }
    json_end(&o, ']');
    json_end(&o, '}');
    return buf_str(&b);
}

static Err *chapters_get(Ctx *c, Call *k) {
    const ChaptersQuery *query = k->query;
    Debate d;
    Chapter *all = NULL;
    ptrdiff_t count = 0;
    TRY(debate_find(c, k->params[0], &d));
    if (!query->source.data || str_eq(query->source, S("nvs")))
        TRY(chapters_load(c, d.n, S("nvs"), &all, &count));
    if (!count && !str_eq(query->source, S("nvs")))
        TRY(chapters_load(c, d.n, S("transcript"), &all, &count));
    reply_text(k->r, 200, S("application/json+chapters"), chapters_text(c, &d, all, count));
    k->answered = true;
    return NULL;
}

/* -- votes ------------------------------------------------------------------------------------------------------ */

typedef struct VoteShown {
    Str uid;
    int64_t number;
    Str legislature, date, title, type, result, asked_by;
    int64_t voters, votes_cast;
    OptInt required;
    int64_t votes_for, votes_against, abstentions, not_voting;
    OptFloat start;
    OptInt start_ms;
    Str time_source;
    OptInt speech_n;
} VoteShown;
static const Field vote_fields[] = {
    FIELD(VoteShown, uid),
    FIELD(VoteShown, number),
    FIELD(VoteShown, legislature),
    FIELD(VoteShown, date),
    FIELD(VoteShown, title),
    FIELD(VoteShown, type, .flags = F_NULLABLE),
    FIELD(VoteShown, result, .flags = F_NULLABLE),
    FIELD(VoteShown, asked_by, .flags = F_NULLABLE),
    FIELD(VoteShown, voters),
    FIELD(VoteShown, votes_cast),
    FIELD(VoteShown, required),
    FIELD(VoteShown, votes_for),
    FIELD(VoteShown, votes_against),
    FIELD(VoteShown, abstentions),
    FIELD(VoteShown, not_voting),
    FIELD(VoteShown, start, .doc = "Second of the audio at which the result is told"),
    FIELD(VoteShown, start_ms),
    FIELD(VoteShown, time_source, .flags = F_NULLABLE),
    FIELD(VoteShown, speech_n, .doc = "The speech that tells it"),
};
static const Record vote_record = RECORD_AS("Vote", VoteShown, vote_fields);

typedef struct VotesShown {
    RecordList votes;
    int64_t total;
} VotesShown;
static const Field votes_fields[] = {FIELD_LIST(VotesShown, votes, &vote_record),
                                     FIELD(VotesShown, total)};
static const Record votes_record = RECORD_AS("Votes", VotesShown, votes_fields);

static Err *votes_get(Ctx *c, Call *k) {
    VotesShown *out = call_out(k);
    int64_t n;
    Rows rows;
    TRY(debate_key(c, k->params[0], &n));
    TRY(db_query(c, SQL(SQL_VOTES_OF_DEBATE), ARGS(V(n)), &vote_record, &rows));
    VoteShown *all = rows.items;
    for (ptrdiff_t i = 0; i < rows.count; i++) all[i].start = seconds(all[i].start_ms);
    *out = (VotesShown){{rows.items, rows.count}, rows.count};
    return NULL;
}

const Route transcript_routes[] = {
    {GET, "/api/debates/{id}/transcript", transcript_get, .access = ACCESS_OPEN,
     .query = &transcript_query_record, .out = &transcript_record,
     .out_type = "application/json, text/vtt, application/x-subrip, text/plain", .errors = "404",
     .tag = "transcripts", .doc = "What was said, by whom and when"},
    {GET, "/api/debates/{id}/chapters", chapters_get, .access = ACCESS_OPEN,
     .query = &chapters_query_record, .out_type = "application/json+chapters, application/json",
     .errors = "404", .tag = "transcripts", .doc = "Chapters of the audio, as podcasts have them"},
    {GET, "/api/debates/{id}/votes", votes_get, .access = ACCESS_OPEN, .out = &votes_record,
     .errors = "404", .kept = true, .tag = "transcripts",
     .doc = "Public votes, on their second of the audio"},
    {0},
};
