/* SPDX-License-Identifier: Apache-2.0
 * What robian says over the wire and keeps in its tables, where more than one file needs it. A struct
 * here is a row and what clients read at once: *_row_record has its columns, the other one what is
 * shown. */
#ifndef SOCLE_ROBIAN_RECORDS_H
#define SOCLE_ROBIAN_RECORDS_H

#include "core/record.h"

/* A sitting, hearing or committee meeting. */
typedef struct Debate {
    int64_t n; /* short key; never on the wire */
    Str id;    /* UUID */
    Str title, description, type;
    Time date;
    Str source_url;
    Time start_time, end_time; /* may be null */
    OptInt duration_minutes;
    Str video_url, thumbnail_url, commission, salle;
    StrList speakers, ministers, tags, keywords;
    JsonText metadata;
    Str status;
    bool is_live, has_audio;
    int64_t view_count, download_count, stream_count;
    Str session_uid, transcript_uid, video_id; /* of the open data: réunion, compte rendu, video */
    Time created_at, updated_at;
    int64_t change_seq;
    /* Made when shown. */
    Str display_duration;
    RecordList audio_files; /* of AudioFile */
} Debate;
extern const Record debate_row_record, debate_record;
extern const char *const debate_types[], *const debate_statuses[]; /* NULL-ended */

/* One format and quality of a debate's audio, from the moment it is asked for. */
typedef struct AudioFile {
    int64_t n;
    Str id; /* UUID */
    int64_t debate_n;
    Str filename, format, quality;
    OptInt file_size, duration_ms;
    Str blob, hls_blob, hls_playlist;
    Str extraction_status; /* pending, extracting, completed, error */
    Time extraction_started_at, extraction_completed_at;
    Str extraction_error;
    int64_t download_count, stream_count;
    JsonText metadata;
    Time created_at, updated_at;
    /* Made when shown. */
    Str debate_id;
    OptFloat file_size_mb; /* two decimals */
    OptInt duration_seconds;
    Str duration_formatted;       /* 1:02:03, 2:03 */
    Str stream_url, download_url; /* paths; null unless ready */
    bool is_ready, is_extracting, has_error;
} AudioFile;
extern const Record audio_row_record, audio_file_record;
extern const char *const audio_formats[]; /* NULL-ended */

/* Fill in what is made when shown. */
void audio_show(Arena *arena, Str debate_id, AudioFile *a);
/* "3h 0min", "45min", "Durée inconnue". */
Str duration_display(Arena *arena, OptInt minutes);

#endif
