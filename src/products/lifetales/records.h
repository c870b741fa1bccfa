/* SPDX-License-Identifier: Apache-2.0
 * The rows of lifetales. On the wire names are camelCase but for those that the contract has otherwise
 * (F_SNAKE); `timestamp` and `startDate` are milliseconds since 1970, and are read as RFC 3339 too.
 * n and …_n are keys of ours and never leave; `id` is the UUID. Each record's table of fields stands
 * in the file of its concept. */
#ifndef SOCLE_LIFETALES_RECORDS_H
#define SOCLE_LIFETALES_RECORDS_H

#include "core/record.h"

typedef struct Space {
    Id n, user_id;
    Str id, title, description, cover_image;
    Time start_date;
    Str time_zone, language; /* IANA; BCP 47, null: found in the notes */
    JsonText characters;
    bool scratch;
    RecordList notes, generated_story; /* Note, Chapter; filled where the contract has them */
    bool is_generating;
    Str generating_story_id; /* the story that is being written; null: none */
    Time created_at, updated_at;
} Space;
extern const Record space_record;

typedef struct Note {
    Id n, space_n, user_id;
    Str id, space_id, type; /* AUDIO TEXT IMAGE VIDEO MOMENT */
    Str title, description, content, text_content;
    Str transcription, transcription_status; /* the worst of its recordings' */
    bool transcription_own;
    JsonText location;
    Time timestamp;
    Str audio_url; /* of its first recording, signed */
    StrList audio_file_ids, image_file_ids, video_file_ids, transcriptions;
    RecordList media; /* Media: all three, in their order */
    Time created_at, updated_at;
} Note;
extern const Record note_record;

typedef struct Media {
    Id n, user_id;
    Str id, sha256, mime_type, kind, made, name, url; /* url: signed, expiring */
    int64_t size;
    OptInt width, height, duration_ms;
    Str transcription, transcription_status, transcription_language, transcription_error;
    OptFloat transcription_confidence;
    Time created_at;
} Media;
extern const Record media_record;

/* Of a chapter's content, in code points; the notes that it rests on, the nearest first. */
typedef struct StorySentence {
    int64_t start, end;
    StrList note_ids;
} StorySentence;
extern const Record sentence_record;

typedef struct ChapterPicture {
    Id media_n;
    Str media_id, url, prompt, style;
    int64_t position;
} ChapterPicture;
extern const Record chapter_picture_record;

typedef struct Chapter {
    Id n, space_n, user_id, story_n, illustration_n;
    Str id, space_id, title, content;
    RecordList sentences; /* StorySentence */
    Str key;
    bool edited;
    Str provider, model;
    Str illustration_prompt, illustration_key, illustration_status;
    Str illustration_url, generated_image_url; /* the same */
    RecordList illustrations; /* ChapterPicture: that one, and those behind it */
    Str source_note_id; /* the first of source_note_ids */
    StrList source_note_ids, user_image_ids;
    int64_t position;
    Time created_at, updated_at;
} Chapter;
extern const Record chapter_record;

/* A person's; TALES_DEFAULTS where he has set nothing. */
typedef struct StorySettings {
    Str narrative_tone; /* cinematic funny neutral emotional journalistic poetic */
    Str story_mode;     /* transcription clean creative chapter */
    double creativity;  /* 0..2; temperature = min(1.5, creativity × 0.75) */
    Str image_style;    /* illustration cinematic pastel realistic */
    int64_t images_per_chapter;
    Str voice_style; /* serious calm warm storyteller */
    bool background_music;
} StorySettings;
extern const Record story_settings_record;

typedef struct Story {
    Id n, space_n, user_id, job_id;
    Str id, space_id, state; /* waiting running done failed cancelled */
    JsonText settings, plan, figures;
    int64_t planned, written, kept;
    Str error_code, error;
    Time created_at, started_at, finished_at;
} Story;
extern const Record story_record;

#endif
