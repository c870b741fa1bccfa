/* SPDX-License-Identifier: Apache-2.0
 * Room-internal: what story.c, story_match.c, story_run.c (the run, its steps and its end),
 * story_chapter.c (one chapter, written and committed), story_pictures.c, story_stream.c and
 * chapters.c share. */
#ifndef SOCLE_LIFETALES_STORY_ROOM_H
#define SOCLE_LIFETALES_STORY_ROOM_H

#include "products/lifetales/agents.h"
#include "products/lifetales/story.h"
#include "products/lifetales/writer.h"

#define STORY_JOB "lifetales.story"

enum {
    STORY_FAILURES_MAX = 8, /* one after the other, with nothing written in between */
    CHAPTER_PICTURES_MAX = 4, /* as settings allow */
    STORY_BYTES = 192 * 1024 * 1024 /* a request that shows a whole story, at most */
};

/* -- rows -------------------------------------------------------------------------------------- */

typedef struct ChapterRow {
    Id n, space_n, user_id, story_n, illustration_n;
    Str id, title, content, key, notes_key, provider, model;
    JsonText sentences;
    bool edited;
    Str illustration_prompt, illustration_key, illustration_style, illustration_status;
    Str illustration_id, illustration_cdn; /* its media; where a CDN serves it, null: from here */
    StrList user_image_ids, note_ids; /* note_ids: no column */
    struct PictureRow *pictures;      /* behind the first, by position; no column */
    ptrdiff_t picture_count;
    int64_t position;
    Time created_at, updated_at;
} ChapterRow;
typedef struct PictureRow {
    Id chapter_n, media_n;
    int64_t position; /* 1, 2, … */
    Str prompt, style, media_id, cdn;
} PictureRow;
extern const Record tales_chapter_row_record, tales_picture_row_record;

/* With their sources and pictures. */
MUST_USE Err *chapter_rows(Ctx *c, Id user, Id space_n, ChapterRow **rows, ptrdiff_t *count);
/* NOT_FOUND. With its sources and pictures. */
MUST_USE Err *chapter_row(Ctx *c, const Space *space, Str id, ChapterRow *out);
MUST_USE Err *chapter_of_row(Ctx *c, Str space_id, const ChapterRow *row, Chapter *out);

/* -- figures ----------------------------------------------------------------------------------- */

typedef struct AgentFigures {
    int64_t calls, errors, tokens_in, tokens_out, cost_micros, latency_ms;
    int64_t repaired, cut, images, kept, drawn;
} AgentFigures;
typedef struct StoryFigures {
    AgentFigures story, illustration;
    int64_t failures; /* attempts since something was written last */
} StoryFigures;
MUST_USE Err *story_figures_read(Ctx *c, JsonText json, StoryFigures *out);
JsonText story_figures_json(Arena *arena, const StoryFigures *figures);

/* -- settings as a run keeps them -------------------------------------------------------------- */

JsonText story_settings_json(Arena *arena, const StorySettings *settings, bool overwrite_edited);
MUST_USE Err *story_settings_read(Ctx *c, JsonText json, StorySettings *out, bool *overwrite_edited);

/* -- a run ------------------------------------------------------------------------------------- */

/* One chapter of the story as it is to be. */
typedef struct StoryPiece {
    const PlannedChapter *planned; /* NULL: edited by the person, it stands */
    ChapterRow *old;               /* what it takes the place of, or is; NULL: it is new */
    bool done;                     /* kept, or written by now */
    Id n;
    Str id, title, notes_key;
    Str prompts[CHAPTER_PICTURES_MAX]; /* of its pictures; the first is the writer's */
    bool wants[CHAPTER_PICTURES_MAX];  /* a picture that is not there */
} StoryPiece;

typedef struct StoryMatch {
    StoryPiece *pieces; /* in the plan's order, those that stand at the end */
    ptrdiff_t count;
    int64_t kept;
    StoryPlan plan;
    ChapterRow **left; /* nobody takes their place */
    ptrdiff_t left_count;
} StoryMatch;
typedef struct MatchInput {
    PlanInput plan;
    ChapterRow *rows;
    ptrdiff_t row_count;
    bool overwrite_edited;
    Str image_style;
    ptrdiff_t images_per_chapter; /* 0: none is made, and those that are there stay */
} MatchInput;
/* Which chapters there are to be, and which of them are there. Pure. */
StoryMatch story_match(Arena *arena, const MatchInput *in);
/* The pieces in the order in which they are to stand: the plan's, unless the person has put those that
 * stay in another; then new ones come behind those that they follow in the plan. */
StoryPiece **story_order(Arena *arena, const StoryMatch *match);
Str story_notes_key(Arena *arena, const StoryNote *const *notes, ptrdiff_t count);
StoryNote *story_notes(Arena *arena, const Note *notes, ptrdiff_t count);
/* Says or shows something. */
bool story_note_tells(const StoryNote *note);

/* What the pictures of a chapter show, each another part of it: prompts[0 .. count). Pure. */
void story_prompts(Arena *arena, Str content, Str first, ptrdiff_t count, Str *prompts);

typedef struct StoryPicture {
    StoryPiece *piece;
    ptrdiff_t position;
} StoryPicture;

typedef struct StoryRun {
    Arena *arena; /* of the job */
    Job *job;
    Id user;
    Story story;
    Space space;
    StorySettings settings;
    bool overwrite;
    const Zone *zone;
    Str language, channel, owner;
    StoryMatch match;
    StoryFigures figures;
    ptrdiff_t next_text, texts_open;
    StoryPicture *pictures; /* asked for, in order */
    ptrdiff_t picture_count, picture_next, picture_cap;
    WaitList picture_news;
    Err *halt;       /* no more is begun: go on later, or never */
    bool over;       /* cancelled, or gone with its space */
    int64_t written; /* by this attempt */
    int64_t refused;
    Str refusal;
} StoryRun;

/* (tx) Holds the story's row until the commit. *mine false: it is no more running, and nothing may be
 * written for it. */
MUST_USE Err *story_step(Ctx *c, const StoryRun *run, JsonText figures, bool *mine);
/* (tx) What a call cost, once for each key. */
MUST_USE Err *story_charge(Ctx *c, const StoryRun *run, Str key, const AiUsage *usage);
void agent_add(AgentFigures *to, const AiUsage *usage, int64_t calls, int64_t errors,
               int64_t latency_ms);
void story_halt(StoryRun *run, const Err *err);
Err *story_piece_guarded(Ctx *c, StoryRun *run, void *what,
                         Err *(*fn)(Ctx *c, StoryRun *run, void *what));
/* One chapter (`what`: its StoryPiece) written, told as it comes, and committed; run->over where
 * the commit finds that it is no more wanted. */
MUST_USE Err *story_piece_write(Ctx *c, StoryRun *run, void *what);
/* (tx) A chapter has gone, or is another: of its pictures what nothing else shows goes too. */
MUST_USE Err *story_former_drop(Ctx *c, const StoryRun *run, const ChapterRow *former);
/* One picture after the other, while there are texts or pictures to come. */
Err *story_pictures(Ctx *c, void *run);
void story_pictures_wanted(StoryRun *run, StoryPiece *piece);
/* (tx) A chapter's pictures from `position` on are its own no more; what nothing else shows goes. */
MUST_USE Err *story_pictures_drop(Ctx *c, Id user, Id chapter_n, int64_t position);
/* A chapter as it is told: its JSON, or its id alone where it is too long for an event. */
Str story_chapter_event(Ctx *c, const StoryRun *run, const Chapter *chapter);

/* -- metrics ----------------------------------------------------------------------------------- */

void story_metrics(void); /* declares them */
void story_counted_end(const char *state);
void story_counted_chapter(bool kept, int64_t repaired);

#endif
