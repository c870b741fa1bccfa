/* SPDX-License-Identifier: Apache-2.0
 * Bodies of debates: their limits, and what they mean for the row. */
#include "products/robian/debate_in.h"

#include "net/url.h"
#include "products/robian/paris.h"

enum { NAMES_MAX = 1000, NAME_MAX = 300, METADATA_MAX = 64 * 1024, MINUTES_MAX = 60 * 24 * 31 };

#define LINK .flags = F_NULLABLE | F_TRIM, .max = 2000, .format = "uri"
#define NAMES .flags = F_NULLABLE | F_TRIM, .max = NAMES_MAX

static const Field debate_in_fields[] = {
    FIELD(DebateIn, title, .flags = F_REQUIRED | F_TRIM, .min = 1, .max = 500),
    FIELD(DebateIn, description, .flags = F_NULLABLE, .max = 20000),
    FIELD(DebateIn, type, .flags = F_REQUIRED, .values = debate_types),
    FIELD(DebateIn, date, .flags = F_REQUIRED | F_TRIM, .max = 40,
          .doc = "RFC 3339, or a day in Paris: 2026-03-29"),
    FIELD(DebateIn, source_url, .flags = F_REQUIRED | F_TRIM, .max = 2000, .format = "uri",
          .doc = "Where its video is; no two debates have the same"),
    FIELD(DebateIn, start_time, .flags = F_NULLABLE),
    FIELD(DebateIn, end_time, .flags = F_NULLABLE),
    FIELD(DebateIn, duration_minutes, .min = 0, .max = MINUTES_MAX,
          .doc = "Between start_time and end_time when absent"),
    FIELD(DebateIn, video_url, LINK),
    FIELD(DebateIn, thumbnail_url, LINK),
    FIELD(DebateIn, commission, .flags = F_NULLABLE | F_TRIM, .max = 500),
    FIELD(DebateIn, salle, .flags = F_NULLABLE | F_TRIM, .max = 300),
    FIELD(DebateIn, speakers, NAMES),
    FIELD(DebateIn, ministers, NAMES),
    FIELD(DebateIn, tags, NAMES),
    FIELD(DebateIn, keywords, NAMES),
    FIELD(DebateIn, metadata, .flags = F_NULLABLE, .doc = "An object"),
    FIELD(DebateIn, status, .values = debate_statuses, .fallback = "\"programme\""),
    FIELD(DebateIn, is_live, .doc = "As the status says when absent"),
    FIELD(DebateIn, id, .flags = F_READONLY),
    FIELD(DebateIn, display_duration, .flags = F_READONLY),
    FIELD(DebateIn, has_audio, .flags = F_READONLY),
    FIELD(DebateIn, view_count, .flags = F_READONLY),
    FIELD(DebateIn, download_count, .flags = F_READONLY),
    FIELD_LIST(DebateIn, audio_files, &audio_file_record, .flags = F_READONLY),
    FIELD(DebateIn, created_at, .flags = F_READONLY),
    FIELD(DebateIn, updated_at, .flags = F_READONLY),
};
const Record debate_in_record = RECORD(DebateIn, debate_in_fields, .doc = "A debate to be kept");

/* -- what is there, over the row -------------------------------------------------------------- */

typedef struct Apply {
    const DebateIn *in;
    FieldSet present;
    Debate *d;
    Problems *problems;
} Apply;

static bool given(const Apply *a, const char *field) {
    return (a->present & record_bit(&debate_in_record, field)) != 0;
}

static void apply_texts(const Apply *a) {
    const DebateIn *in = a->in;
    Debate *d = a->d;
    if (given(a, "title")) d->title = in->title;
    if (given(a, "description")) d->description = in->description;
    if (given(a, "type")) d->type = in->type;
    if (given(a, "source_url")) d->source_url = in->source_url;
    if (given(a, "video_url")) d->video_url = in->video_url;
    if (given(a, "thumbnail_url")) d->thumbnail_url = in->thumbnail_url;
    if (given(a, "commission")) d->commission = in->commission;
    if (given(a, "salle")) d->salle = in->salle;
    if (given(a, "speakers")) d->speakers = in->speakers;
    if (given(a, "ministers")) d->ministers = in->ministers;
    if (given(a, "tags")) d->tags = in->tags;
    if (given(a, "keywords")) d->keywords = in->keywords;
    if (given(a, "metadata")) d->metadata = in->metadata;
}

static void apply_times(const Apply *a) {
    const DebateIn *in = a->in;
    Debate *d = a->d;
    if (given(a, "date") && !paris_time(in->date, false, &d->date))
        problem_add(a->problems, S("date"), S("format"), DATE_EXPECTED);
    if (given(a, "start_time")) d->start_time = in->start_time;
    if (given(a, "end_time")) d->end_time = in->end_time;
    bool whole = !time_is_null(d->start_time) && !time_is_null(d->end_time);
    int64_t us = whole ? d->end_time.us - d->start_time.us : 0;
    if (us < 0)
        problem_add(a->problems, S("end_time"), S("value"), "is before start_time");
    else if (us > MINUTES_MAX * US_PER_MINUTE)
        problem_add(a->problems, S("end_time"), S("value"), "is too long after start_time");
    if (given(a, "duration_minutes"))
        d->duration_minutes = in->duration_minutes;
    else if (whole && (given(a, "start_time") || given(a, "end_time")))
        d->duration_minutes = (OptInt){us / US_PER_MINUTE, true};
}

static void apply_status(const Apply *a, bool create) {
    if (create || given(a, "status")) {
        a->d->status = a->in->status;
        a->d->is_live = str_eq(a->d->status, S("en_cours"));
    }
    if (given(a, "is_live") && a->in->is_live.set) a->d->is_live = a->in->is_live.value;
}

/* -- what a single field cannot tell ----------------------------------------------------------- */

static void check_link(const Apply *a, const char *field, Str text) {
    Url url;
    if (!given(a, field) || !text.data) return;
    if (!url_parse(text, &url) || url.host.len == 0)
        problem_add(a->problems, str_c(field), S("format"), "is not a valid http or https address");
}

static void check_names(const Apply *a, const char *field, StrList names) {
    for (ptrdiff_t i = 0; given(a, field) && i < names.count; i++) {
        if (names.items[i].len > 0 && str_utf8_count(names.items[i]) <= NAME_MAX) continue;
        problem_add(a->problems, strf(a->problems->arena, "%s.%td", field, i), S("value"),
                    "must have 1 to %d characters", NAME_MAX);
    }
}

static void check(const Apply *a) {
    Str metadata = a->in->metadata.text;
    check_link(a, "source_url", a->in->source_url);
    check_link(a, "video_url", a->in->video_url);
    check_link(a, "thumbnail_url", a->in->thumbnail_url);
    check_names(a, "speakers", a->in->speakers);
    check_names(a, "ministers", a->in->ministers);
    check_names(a, "tags", a->in->tags);
    check_names(a, "keywords", a->in->keywords);
    if (!given(a, "metadata") || !metadata.data) return;
    if (!str_starts(metadata, S("{")))
        problem_add(a->problems, S("metadata"), S("type"), "must be an object");
    else if (metadata.len > METADATA_MAX)
        problem_add(a->problems, S("metadata"), S("too_long"), "must have at most %d bytes",
                    METADATA_MAX);
}

Err *debate_in_apply(Ctx *c, const DebateIn *in, FieldSet present, Debate *d) {
    Problems problems = {.arena = c->arena};
    Apply a = {in, present, d, &problems};
    apply_texts(&a);
    apply_times(&a);
    apply_status(&a, d->n == 0);
    check(&a);
    return problems_err(c, &problems);
}
