/* SPDX-License-Identifier: Apache-2.0
 * Debates and speeches as documents of the search engine: the feed.
 *
 * Speeches have no change numbers of their own: whoever changes them stamps their debate, which then
 * comes again with all of them. They are read one at a time, so that of a sitting of ten thousand
 * only the described words are in memory (the feed's arena is larger than the largest transcript
 * that is imported), and a batch takes debates only until their speeches fill it. */
#include "products/robian/search_index.h"

#include <stdio.h>

#include "data/db.h"
#include "products/robian/paris.h"
#include "products/robian/search_sql.h"

enum { VALUE = SEARCH_FILTER | SEARCH_SORT, WORDS = SEARCH_FOR | SEARCH_FILTER };

static const SearchField fields[DEBATE_FIELD_COUNT] = {
    [IN_TITLE] = {"title", SEARCH_TEXT, SEARCH_FOR},
    [IN_TEXT] = {"text", SEARCH_TEXT, SEARCH_FOR},
    [IN_SPEAKER] = {"speaker", SEARCH_KEYWORD, WORDS},
    [IN_DESCRIPTION] = {"description", SEARCH_TEXT, SEARCH_FOR},
    [IN_SPEAKERS] = {"speakers", SEARCH_KEYWORD, WORDS},
    [IN_TAGS] = {"tags", SEARCH_KEYWORD, WORDS},
    [IN_ROLE] = {"role", SEARCH_TEXT, SEARCH_FOR},
    [IN_COMMITTEE] = {"committee", SEARCH_TEXT, SEARCH_FOR},
    [IN_DEBATE_TITLE] = {"debate_title", SEARCH_TEXT, SEARCH_FOR},
    [IN_SPEAKER_ID] = {"speaker_id", SEARCH_KEYWORD, SEARCH_FILTER},
    [IN_KIND] = {"kind", SEARCH_KEYWORD, SEARCH_FILTER},
    [IN_TYPE] = {"type", SEARCH_KEYWORD, SEARCH_FILTER},
    [IN_COMMISSION] = {"commission", SEARCH_KEYWORD, VALUE},
    [IN_MONTH] = {"month", SEARCH_KEYWORD, VALUE},
    [IN_DATE] = {"date", SEARCH_TIME, VALUE},
    [IN_HAS_AUDIO] = {"has_audio", SEARCH_INT, SEARCH_FILTER},
    [IN_DEBATE_ID] = {"debate_id", SEARCH_KEYWORD, SEARCH_FILTER},
    [IN_START_MS] = {"start_ms", SEARCH_INT, VALUE},
};

/* -- Rows -------------------------------------------------------------------------------------- */

typedef struct DebateChange {
    int64_t n, change_seq, speeches;
    Str id, title, description, type, commission;
    Time date;
    StrList speakers, ministers, tags, keywords;
    bool has_audio;
} DebateChange;
static const Field change_fields[] = {
    FIELD(DebateChange, n),         FIELD(DebateChange, change_seq),
    FIELD(DebateChange, speeches),  FIELD(DebateChange, id),
    FIELD(DebateChange, title),     FIELD(DebateChange, description, .flags = F_NULLABLE),
    FIELD(DebateChange, type),      FIELD(DebateChange, commission, .flags = F_NULLABLE),
    FIELD(DebateChange, date),      FIELD(DebateChange, speakers),
    FIELD(DebateChange, ministers), FIELD(DebateChange, tags),
    FIELD(DebateChange, keywords),  FIELD(DebateChange, has_audio),
};
static const Record change_record = RECORD(DebateChange, change_fields);

typedef struct SpeechChange {
    int64_t n, position;
    Str speaker_id, speaker, role, text;
    OptInt start_ms;
    Str id, title, type, commission; /* of the debate */
    Time date;
    bool has_audio;
} SpeechChange;
static const Field speech_fields[] = {
    FIELD(SpeechChange, n),
    FIELD(SpeechChange, position),
    FIELD(SpeechChange, speaker_id, .flags = F_NULLABLE),
    FIELD(SpeechChange, speaker, .flags = F_NULLABLE),
    FIELD(SpeechChange, role, .flags = F_NULLABLE),
    FIELD(SpeechChange, text),
    FIELD(SpeechChange, start_ms),
    FIELD(SpeechChange, id),
    FIELD(SpeechChange, title),
    FIELD(SpeechChange, type),
    FIELD(SpeechChange, commission, .flags = F_NULLABLE),
    FIELD(SpeechChange, date),
    FIELD(SpeechChange, has_audio),
};
static const Record speech_record = RECORD(SpeechChange, speech_fields);

typedef struct Gone {
    int64_t n;
} Gone;
static const Field gone_fields[] = {FIELD(Gone, n)};
static const Record gone_record = RECORD(Gone, gone_fields);

/* -- Describing -------------------------------------------------------------------------------- */

static void texts_describe(SearchDocs *d, int field, StrList texts) {
    for (ptrdiff_t i = 0; i < texts.count; i++) search_doc_text(d, field, texts.items[i]);
}

/* What filters and facets look at, of a debate and of its speeches. */
static void common_describe(SearchDocs *d, Str debate_id, Str type, Str commission, Time date,
                            bool has_audio) {
    char month[16];
    Civil day = paris_civil(date);
    snprintf(month, sizeof month, "%04d-%02d", day.year, day.month);
    search_doc_text(d, IN_DEBATE_ID, debate_id);
    search_doc_text(d, IN_TYPE, type);
    search_doc_text(d, IN_COMMISSION, commission);
    search_doc_text(d, IN_MONTH, str_c(month));
    search_doc_int(d, IN_DATE, date.us);
    search_doc_int(d, IN_HAS_AUDIO, has_audio);
}

static void debate_describe(SearchDocs *d, const DebateChange *row) {
    search_doc(d, row->n);
    search_doc_text(d, IN_KIND, S("debate"));
    search_doc_text(d, IN_TITLE, row->title);
    search_doc_text(d, IN_DESCRIPTION, row->description);
    texts_describe(d, IN_SPEAKERS, row->speakers);
    texts_describe(d, IN_SPEAKERS, row->ministers);
    texts_describe(d, IN_TAGS, row->tags);
    texts_describe(d, IN_TAGS, row->keywords);
    search_doc_text(d, IN_COMMITTEE, row->commission);
    common_describe(d, row->id, row->type, row->commission, row->date, row->has_audio);
}

static Err *speech_describe(Ctx *c, void *row, void *arg) {
    const SpeechChange *s = row;
    SearchDocs *d = arg;
    (void)c;
    search_doc(d, s->n);
    search_doc_text(d, IN_KIND, S("speech"));
    search_doc_text(d, IN_TEXT, s->text);
    search_doc_text(d, IN_SPEAKER, s->speaker);
    search_doc_text(d, IN_SPEAKER_ID, s->speaker_id);
    search_doc_text(d, IN_ROLE, s->role);
    search_doc_text(d, IN_DEBATE_TITLE, s->title);
    common_describe(d, s->id, s->type, s->commission, s->date, s->has_audio);
    if (s->start_ms.set) search_doc_int(d, IN_START_MS, s->start_ms.value);
    return NULL;
}

Err *debate_speeches_describe(Ctx *c, int64_t debate_n, int64_t limit, int64_t *from,
                              SearchDocs *out) {
    Rows rows;
    TRY(db_scan(c, SQL(SQL_SEARCH_SPEECHES_OF), ARGS(V(debate_n), V(*from), V(limit)),
                &speech_record, &rows));
    SpeechChange *s = rows.items;
    for (ptrdiff_t i = 0; i < rows.count; i++) TRY(speech_describe(c, &s[i], out));
    *from = rows.count == limit ? s[limit - 1].position + 1 : -1;
    return NULL;
}

/* -- The feed ---------------------------------------------------------------------------------- */

enum { ROWS_ON_LOOP = 200 }; /* more are read off the loop */

/* So many of the debates as come with about `limit` documents, one at least. */
static ptrdiff_t debates_fitting(const DebateChange *rows, ptrdiff_t count, int64_t limit,
                                 int64_t *speeches) {
    ptrdiff_t taken = 0;
    *speeches = 0;
    while (taken < count && (taken == 0 || taken + *speeches + rows[taken].speeches < limit))
        *speeches += rows[taken++].speeches;
    return taken;
}

static Err *speeches_changes(Ctx *c, int64_t after, int64_t upto, int64_t count, SearchDocs *out) {
    Args args = ARGS(V(after), V(upto));
    if (count == 0) return NULL;
    if (count > ROWS_ON_LOOP)
        return db_each(c, SQL(SQL_SEARCH_SPEECHES), args, &speech_record, speech_describe, out);
    Rows rows;
    TRY(db_query(c, SQL(SQL_SEARCH_SPEECHES), args, &speech_record, &rows));
    SpeechChange *s = rows.items;
    for (ptrdiff_t i = 0; i < rows.count; i++) TRY(speech_describe(c, &s[i], out));
    return NULL;
}

/* Up to `upto` what is there can be read; *covered is less where a list was cut. */
static Err *changes(Ctx *c, int64_t after, int64_t upto, int64_t limit, SearchDocs *out,
                    int64_t *covered) {
    Rows debates, gone;
    int64_t speeches;
    Args args = ARGS(V(after), V(upto), V(limit));
    TRY(db_query(c, SQL(SQL_SEARCH_DEBATES), args, &change_record, &debates));
    TRY(db_int(c, SQL(SQL_SEARCH_GONE_UPTO), args, covered));
    const DebateChange *rows = debates.items;
    ptrdiff_t taken = debates_fitting(rows, debates.count, limit, &speeches);
    if (taken < debates.count || debates.count == limit)
        *covered = min_i64(*covered, rows[taken - 1].change_seq);
    while (taken > 0 && rows[taken - 1].change_seq > *covered) speeches -= rows[--taken].speeches;
    TRY(db_query(c, SQL(SQL_SEARCH_GONE), ARGS(V(after), V(*covered)), &gone_record, &gone));
    for (ptrdiff_t i = 0; i < taken; i++) debate_describe(out, &rows[i]);
    TRY(speeches_changes(c, after, *covered, speeches, out));
    for (ptrdiff_t i = 0; i < gone.count; i++) search_doc_gone(out, ((Gone *)gone.items)[i].n);
    return NULL;
}

static Err *newest(Ctx *c, int64_t *seq) { return db_int(c, SQL(SQL_SEARCH_NEWEST), NO_ARGS, seq); }

static Err *oldest(Ctx *c, int64_t *seq) { return db_int(c, SQL(SQL_SEARCH_OLDEST), NO_ARGS, seq); }

/* Change numbers are given out in order of commit, so all up to the newest are there to be read. */
static Err *feed(Ctx *c, int64_t after, int64_t limit, SearchDocs *out, int64_t *covered) {
    int64_t upto;
    TRY(newest(c, &upto));
    if (upto > after) return changes(c, after, upto, limit, out, covered);
    *covered = after;
    return NULL;
}

const SearchDef debates_index = {
    .name = "debates",
    .fields = fields,
    .field_count = DEBATE_FIELD_COUNT,
    .order_field = IN_DATE,
    .partition_field = -1,
    .tuning = {.stem = true},
    .version = 1,
    .feed = feed,
    .newest = newest,
    .oldest = oldest,
};
