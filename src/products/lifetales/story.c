/* SPDX-License-Identifier: Apache-2.0
 * Stories and chapters as rows: begun, found, cancelled, read. The run is story_run.c. */
#include "products/lifetales/story.h"

#include "core/json.h"
#include "core/map.h"
#include "core/time.h"
#include "products/lifetales/album.h"
#include "products/lifetales/person.h"
#include "products/lifetales/story_room.h"
#include "products/lifetales/story_sql.h"

static const Field row_fields[] = {
    FIELD(ChapterRow, n),
    FIELD(ChapterRow, space_n),
    FIELD(ChapterRow, user_id),
    FIELD(ChapterRow, story_n),
    FIELD(ChapterRow, illustration_n),
    FIELD(ChapterRow, id),
    FIELD(ChapterRow, title),
    FIELD(ChapterRow, content),
    FIELD(ChapterRow, key),
    FIELD(ChapterRow, notes_key),
    FIELD(ChapterRow, provider),
    FIELD(ChapterRow, model),
    FIELD(ChapterRow, sentences),
    FIELD(ChapterRow, edited),
    FIELD(ChapterRow, illustration_prompt),
    FIELD(ChapterRow, illustration_key),
    FIELD(ChapterRow, illustration_style),
    FIELD(ChapterRow, illustration_status),
    FIELD(ChapterRow, illustration_id),
    FIELD(ChapterRow, illustration_cdn),
    FIELD(ChapterRow, user_image_ids),
    FIELD(ChapterRow, position),
    FIELD(ChapterRow, created_at),
    FIELD(ChapterRow, updated_at),
};
const Record tales_chapter_row_record = RECORD(ChapterRow, row_fields);

static const Field picture_fields[] = {
    FIELD(PictureRow, chapter_n), FIELD(PictureRow, media_n),  FIELD(PictureRow, position),
    FIELD(PictureRow, prompt),    FIELD(PictureRow, style),    FIELD(PictureRow, media_id),
    FIELD(PictureRow, cdn),
};
const Record tales_picture_row_record = RECORD_AS("TalesPictureRow", PictureRow, picture_fields);

/* -- what a story keeps as JSON ---------------------------------------------------------------- */

static const Field agent_fields[] = {
    FIELD(AgentFigures, calls),       FIELD(AgentFigures, errors),
    FIELD(AgentFigures, tokens_in),   FIELD(AgentFigures, tokens_out),
    FIELD(AgentFigures, cost_micros), FIELD(AgentFigures, latency_ms),
    FIELD(AgentFigures, repaired),    FIELD(AgentFigures, cut),
    FIELD(AgentFigures, images),      FIELD(AgentFigures, kept),
    FIELD(AgentFigures, drawn),
};
static const Record agent_record =
    RECORD_AS("TalesAgentFigures", AgentFigures, agent_fields, .camel = true, .open = true);
static const Field figure_fields[] = {
    FIELD_RECORD(StoryFigures, story, &agent_record),
    FIELD_RECORD(StoryFigures, illustration, &agent_record),
    FIELD(StoryFigures, failures),
};
static const Record figures_record =
    RECORD_AS("TalesStoryFigures", StoryFigures, figure_fields, .camel = true, .open = true);

Err *story_figures_read(Ctx *c, JsonText text, StoryFigures *out) {
    json_t *json;
    *out = (StoryFigures){0};
    if (str_is_empty(text.text)) return NULL;
    TRY(json_parse(c, text.text, &json));
    return record_read(c, &figures_record, json, READ_CHANGE, out, NULL);
}

JsonText story_figures_json(Arena *arena, const StoryFigures *figures) {
    Buf b = buf_new(arena, 512);
    record_write(&b, &figures_record, figures);
    return (JsonText){buf_str(&b)};
}

JsonText story_settings_json(Arena *arena, const StorySettings *settings, bool overwrite_edited) {
    Buf b = buf_new(arena, 512);
    record_write(&b, &story_settings_record, settings);
    assert(b.len > 2);
    b.len--; /* the closing brace */
    buf_f(&b, ",\"overwriteEdited\":%s}", overwrite_edited ? "true" : "false");
    return (JsonText){buf_str(&b)};
}

/* What it leaves out stays as it is. */
static void settings_over(StorySettings *to, const StorySettings *from, FieldSet present) {
    const Record *r = &story_settings_record;
    for (ptrdiff_t i = 0; i < r->field_count; i++) {
        const Field *f = &r->fields[i];
        if (!(present & (FieldSet)1 << i)) continue;
        switch (f->kind) {
        case KIND_STR: *(Str *)field_at(f, to) = *(const Str *)field_at(f, from); break;
        case KIND_FLOAT: *(double *)field_at(f, to) = *(const double *)field_at(f, from); break;
        case KIND_INT: *(int64_t *)field_at(f, to) = *(const int64_t *)field_at(f, from); break;
        default: *(bool *)field_at(f, to) = *(const bool *)field_at(f, from); break;
        }
    }
}

Err *story_settings_read(Ctx *c, JsonText text, StorySettings *out, bool *overwrite_edited) {
    json_t *json;
    StorySettings said = {0};
    FieldSet present;
    if (str_is_empty(text.text)) return NULL;
    TRY(json_parse(c, text.text, &json));
    json_t *overwrite = json_at(json, "overwriteEdited");
    if (overwrite) *overwrite_edited = json_is_true(overwrite);
    TRY(record_read(c, &story_settings_record, json, READ_CHANGE, &said, &present));
    settings_over(out, &said, present);
    return NULL;
}

/* -- stories ----------------------------------------------------------------------------------- */

Str story_channel_name(Arena *arena, Str story_id) {
    return strf(arena, "story:%.*s", S_ARG(story_id));
}

bool story_ended(const Story *story) {
    return !str_eq(story->state, S("waiting")) && !str_eq(story->state, S("running"));
}

Err *story_load(Ctx *c, Id user, Str id, Story *out) {
    bool found = false;
    *out = (Story){0};
    if (uuid_valid(id))
        TRY(db_maybe(c, SQL(SQL_STORY_BY_ID), ARGS(V(user), V(str_lower(c->arena, id))),
                     &story_record, out, &found));
    if (!found) FAIL(c, NOT_FOUND, "Story not found");
    return NULL;
}

static Str payload_of(Arena *arena, Id user, int64_t story) {
    return strf(arena, "{\"story\":%lld,\"user\":%lld}", (long long)story, (long long)user.value);
}

static Err *carry_on_in(Ctx *c, void *arg) {
    Story *story = arg;
    TRY(job_add(c, STORY_JOB, payload_of(c->arena, story->user_id, story->n.value), (JobOptions){0},
                &story->job_id));
    return db_exec(c, SQL(SQL_STORY_JOB), ARGS(V(story->user_id), V(story->n), V(story->job_id)),
                   NULL);
}

/* One whose job is no more (its node died again and again, an operator took it away) has a new one as
 * soon as somebody asks. */
static Err *carry_on(Ctx *c, Story *story) {
    Job job = {0};
    if (c->tx) return NULL;
    Err *err = id_is_none(story->job_id) ? NULL : job_load(c, story->job_id, &job);
    if (err && err->kind != ERR_NOT_FOUND) return err;
    bool lives = str_eq(job.state, S("waiting")) || str_eq(job.state, S("running"));
    return lives ? NULL : db_transaction(c, carry_on_in, story);
}

Err *story_under_way(Ctx *c, const Space *space, Story *out, bool *found) {
    *out = (Story){0};
    TRY(db_maybe(c, SQL(SQL_STORY_OF_SPACE_OPEN), ARGS(V(space->user_id), V(space->n)),
                 &story_record, out, found));
    return *found ? carry_on(c, out) : NULL;
}

static Err *notes_look(Ctx *c, const Space *space) {
    Note *notes;
    ptrdiff_t count;
    TRY(space_notes(c, space, &notes, &count));
    const StoryNote *all = story_notes(c->arena, notes, count);
    for (ptrdiff_t i = 0; i < count; i++)
        if (story_note_tells(&all[i])) return NULL;
    Err *err = err_new(c, ERR_INVALID, __func__, "No note of this space says or shows anything.");
    err->code = S("story_empty");
    return err;
}

static Err *under_way_already(Ctx *c, const Space *space) {
    Story other;
    bool found;
    TRY(story_under_way(c, space, &other, &found));
    Err *err = err_new(c, ERR_CONFLICT, __func__, "A story of this space is being written: %.*s.",
                       S_ARG(other.id));
    err->code = S("story_under_way");
    return err;
}

Err *story_begin(Ctx *c, const Space *space, const StorySettings *settings, bool overwrite_edited,
                 Story *out) {
    assert(c->tx && space && settings && out);
    int64_t n;
    Id job;
    TRY(notes_look(c, space));
    Str id = uuid_v7(c->arena);
    JsonText kept = story_settings_json(c->arena, settings, overwrite_edited);
    Err *err = db_int(c, SQL(SQL_STORY_ADD),
                      ARGS(V(space->user_id), V(id), V(space->n), V(kept), V(time_now())), &n);
    if (err && err->kind == ERR_NOT_FOUND) return under_way_already(c, space);
    if (err) return err;
    TRY(person_takes(c, space->user_id, LIMIT_STORIES, id));
    TRY(job_add(c, STORY_JOB, payload_of(c->arena, space->user_id, n), (JobOptions){0}, &job));
    TRY(db_exec(c, SQL(SQL_STORY_JOB), ARGS(V(space->user_id), V(n), V(job)), NULL));
    TRY(db_one(c, SQL(SQL_STORY_BY_N), ARGS(V(space->user_id), V(n)), &story_record, out));
    Str data = strf(c->arena, "{\"storyId\":\"%.*s\",\"state\":\"waiting\"}", S_ARG(id));
    return event_emit(c, story_channel_name(c->arena, id), S("status"), data);
}

Err *story_picture_tell(Ctx *c, Str story_id, const StoryPictureTold *picture) {
    Buf b = buf_new(c->arena, 512);
    buf_f(&b, "{\"storyId\":\"%.*s\",\"chapterId\":\"%.*s\",\"position\":%lld,\"status\":\"%s\"",
          S_ARG(story_id), S_ARG(picture->chapter_id), (long long)picture->position,
          picture->media_id.data ? "done" : "failed");
    buf_add(&b, S(",\"mediaId\":"));
    buf_json(&b, picture->media_id);
    buf_byte(&b, '}');
    return event_emit(c, story_channel_name(c->arena, story_id), S("illustration"), buf_str(&b));
}

/* -- cancelling -------------------------------------------------------------------------------- */

typedef struct Cancelling {
    Id user;
    Str id;
    ptrdiff_t changed;
} Cancelling;

static Err *cancel_in(Ctx *c, void *arg) {
    Cancelling *x = arg;
    TRY(db_exec(c, SQL(SQL_STORY_CANCELS), ARGS(V(x->user), V(x->id), V(time_now())), &x->changed));
    if (x->changed == 0) return NULL;
    Str data = strf(c->arena,
                    "{\"storyId\":\"%.*s\",\"state\":\"cancelled\",\"code\":\"cancelled\","
                    "\"message\":\"The story was cancelled.\"}",
                    S_ARG(x->id));
    return event_emit(c, story_channel_name(c->arena, x->id), S("error"), data);
}

Err *story_cancel(Ctx *c, Id user, Str id, Story *out) {
    TRY(story_load(c, user, id, out));
    Cancelling x = {user, out->id, 0};
    TRY(db_transaction(c, cancel_in, &x));
    if (x.changed == 0) FAIL(c, CONFLICT, "This story has ended already.");
    story_counted_end("cancelled");
    if (!id_is_none(out->job_id)) {
        Err *ended =
            job_cancel(c, out->job_id); /* the call under way ends sooner; nothing hangs on it */
        (void)ended;
    }
    return story_load(c, user, id, out);
}

/* -- chapters ---------------------------------------------------------------------------------- */

typedef struct SourceRow {
    Id chapter_n;
    Str note_id;
} SourceRow;
static const Field source_fields[] = {FIELD(SourceRow, chapter_n), FIELD(SourceRow, note_id)};
static const Record source_record = RECORD(SourceRow, source_fields);

static Err *pictures_load(Ctx *c, Id user, Id space_n, Id chapter_n, Rows *out) {
    return db_query(c, SQL(SQL_CHAPTER_PICTURES_OF_SPACE), ARGS(V(user), V(space_n), V(chapter_n)),
                    &tales_picture_row_record, out);
}

/* Those of a chapter are together. */
static void pictures_give(ChapterRow *row, PictureRow *all, ptrdiff_t count) {
    row->picture_count = 0;
    for (ptrdiff_t i = 0; i < count; i++) {
        if (!id_eq(all[i].chapter_n, row->n)) continue;
        if (row->picture_count == 0) row->pictures = &all[i];
        row->picture_count++;
    }
}

/* Both by chapter: rows of one are together. */
static void sources_give(Ctx *c, ChapterRow *row, const SourceRow *all, ptrdiff_t count) {
    ptrdiff_t n = 0;
    for (ptrdiff_t i = 0; i < count; i++) n += id_eq(all[i].chapter_n, row->n);
    row->note_ids = (StrList){arena_array(c->arena, Str, n), 0};
    for (ptrdiff_t i = 0; i < count; i++)
        if (id_eq(all[i].chapter_n, row->n))
            row->note_ids.items[row->note_ids.count++] = all[i].note_id;
}

Err *chapter_rows(Ctx *c, Id user, Id space_n, ChapterRow **rows, ptrdiff_t *count) {
    Rows found, sources, pictures;
    TRY(pictures_load(c, user, space_n, (Id){0}, &pictures));
    TRY(db_query(c, SQL(SQL_CHAPTERS_OF_SPACE), ARGS(V(user), V(space_n)),
                 &tales_chapter_row_record, &found));
    TRY(db_query(c, SQL(SQL_CHAPTER_SOURCES), ARGS(V(user), V(space_n)), &source_record, &sources));
    *rows = found.items;
    *count = found.count;
    for (ptrdiff_t i = 0; i < found.count; i++) {
        sources_give(c, &(*rows)[i], sources.items, sources.count);
        pictures_give(&(*rows)[i], pictures.items, pictures.count);
    }
    return NULL;
}

Err *chapter_row(Ctx *c, const Space *space, Str id, ChapterRow *out) {
    bool found = false;
    Rows sources, pictures;
    *out = (ChapterRow){0};
    if (uuid_valid(id))
        TRY(db_maybe(c, SQL(SQL_CHAPTER_OF_SPACE),
                     ARGS(V(space->user_id), V(space->n), V(str_lower(c->arena, id))),
                     &tales_chapter_row_record, out, &found));
    if (!found) FAIL(c, NOT_FOUND, "Chapter not found");
    TRY(db_query(c, SQL(SQL_CHAPTER_SOURCES), ARGS(V(space->user_id), V(space->n)), &source_record,
                 &sources));
    sources_give(c, out, sources.items, sources.count);
    TRY(pictures_load(c, space->user_id, space->n, out->n, &pictures));
    pictures_give(out, pictures.items, pictures.count);
    return NULL;
}

static Err *sentences_read(Ctx *c, JsonText text, RecordList *out) {
    json_t *json;
    *out = (RecordList){0};
    if (str_is_empty(text.text)) return NULL;
    TRY(json_parse(c, text.text, &json));
    ptrdiff_t count = (ptrdiff_t)json_array_size(json);
    StorySentence *all = arena_array(c->arena, StorySentence, count);
    for (ptrdiff_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(json, (size_t)i), *ids = json_at(one, "noteIds");
        json_i64(json_at(one, "start"), &all[i].start);
        json_i64(json_at(one, "end"), &all[i].end);
        all[i].note_ids = (StrList){arena_array(c->arena, Str, (ptrdiff_t)json_array_size(ids)), 0};
        for (size_t k = 0; k < json_array_size(ids); k++)
            all[i].note_ids.items[all[i].note_ids.count++] =
                str_copy(c->arena, json_str(json_array_get(ids, k)));
    }
    *out = (RecordList){all, count};
    return NULL;
}

/* Those that are there, the first one first. */
static RecordList illustrations_of(Ctx *c, const ChapterRow *row, Str first_url) {
    ChapterPicture *all = arena_array(c->arena, ChapterPicture, row->picture_count + 1);
    ptrdiff_t count = 0;
    if (first_url.data)
        all[count++] = (ChapterPicture){.media_n = row->illustration_n,
                                        .media_id = row->illustration_id,
                                        .url = first_url,
                                        .prompt = row->illustration_prompt,
                                        .style = row->illustration_style};
    for (ptrdiff_t i = 0; i < row->picture_count; i++) {
        const PictureRow *p = &row->pictures[i];
        all[count++] = (ChapterPicture){
            .media_n = p->media_n,
            .media_id = p->media_id,
            .url = str_is_empty(p->cdn) ? album_url(c, p->media_id) : p->cdn,
            .prompt = p->prompt,
            .style = p->style,
            .position = p->position,
        };
    }
    return (RecordList){all, count};
}

Err *chapter_of_row(Ctx *c, Str space_id, const ChapterRow *row, Chapter *out) {
    bool drawn = !str_is_empty(row->illustration_id) && str_eq(row->illustration_status, S("done"));
    Str url = !drawn                                ? (Str){0}
              : str_is_empty(row->illustration_cdn) ? album_url(c, row->illustration_id)
                                                    : row->illustration_cdn;
    *out = (Chapter){
        .n = row->n,
        .space_n = row->space_n,
        .user_id = row->user_id,
        .story_n = row->story_n,
        .illustration_n = row->illustration_n,
        .id = row->id,
        .space_id = space_id,
        .title = row->title,
        .content = row->content,
        .key = row->key,
        .edited = row->edited,
        .provider = row->provider,
        .model = row->model,
        .illustration_prompt = row->illustration_prompt,
        .illustration_key = row->illustration_key,
        .illustration_status = row->illustration_status,
        .illustration_url = url,
        .generated_image_url = url,
        .illustrations = illustrations_of(c, row, url),
        .source_note_id = row->note_ids.count ? row->note_ids.items[0] : (Str){0},
        .source_note_ids = row->note_ids,
        .user_image_ids = row->user_image_ids,
        .position = row->position,
        .created_at = row->created_at,
        .updated_at = row->updated_at,
    };
    return sentences_read(c, row->sentences, &out->sentences);
}

Err *space_chapters(Ctx *c, const Space *space, Chapter **chapters, ptrdiff_t *count) {
    ChapterRow *rows;
    TRY(chapter_rows(c, space->user_id, space->n, &rows, count));
    *chapters = arena_array(c->arena, Chapter, *count);
    for (ptrdiff_t i = 0; i < *count; i++)
        TRY(chapter_of_row(c, space->id, &rows[i], &(*chapters)[i]));
    return NULL;
}

/* -- who may follow ---------------------------------------------------------------------------- */

static Err *story_may_read(Ctx *c, Str rest, bool *yes) {
    Story story;
    *yes = false;
    if (id_is_none(c->account.user)) return NULL;
    Err *err = story_load(c, c->account.user, rest, &story);
    if (err && err->kind == ERR_NOT_FOUND) return NULL;
    *yes = !err;
    return err;
}

const ChannelRule story_channel = {
    .prefix = "story:",
    .may_read = story_may_read,
    .doc =
        "What happens to a story that is being written, by its id: status, chapter, illustration, "
        "complete, error",
};
