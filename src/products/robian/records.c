/* SPDX-License-Identifier: Apache-2.0
 * The field tables of the records that several files share, and what is made of a row when it is
 * shown. */
#include "products/robian/records.h"

const char *const debate_types[] = {"seance_publique",       "commission", "audition",
                                    "question_gouvernement", "autre",      NULL};
const char *const debate_statuses[] = {"programme",  "en_cours", "termine", "disponible",
                                       "extraction", "erreur",   NULL};
const char *const audio_formats[] = {"mp3", "aac", "opus", "wav", NULL};
static const char *const extraction_statuses[] = {"pending", "extracting", "completed", "error",
                                                  NULL};

/* -- audio ------------------------------------------------------------------------------------ */

static const Field audio_row_fields[] = {
    FIELD(AudioFile, n),
    FIELD(AudioFile, id),
    FIELD(AudioFile, debate_n),
    FIELD(AudioFile, filename),
    FIELD(AudioFile, format),
    FIELD(AudioFile, quality),
    FIELD(AudioFile, file_size),
    FIELD(AudioFile, duration_ms),
    FIELD(AudioFile, blob, .flags = F_NULLABLE),
    FIELD(AudioFile, hls_blob, .flags = F_NULLABLE),
    FIELD(AudioFile, hls_playlist, .flags = F_NULLABLE),
    FIELD(AudioFile, extraction_status),
    FIELD(AudioFile, extraction_started_at, .flags = F_NULLABLE),
    FIELD(AudioFile, extraction_completed_at, .flags = F_NULLABLE),
    FIELD(AudioFile, extraction_error, .flags = F_NULLABLE),
    FIELD(AudioFile, download_count),
    FIELD(AudioFile, stream_count),
    FIELD(AudioFile, metadata),
    FIELD(AudioFile, created_at),
    FIELD(AudioFile, updated_at),
};
const Record audio_row_record =
    RECORD_AS("AudioRow", AudioFile, audio_row_fields, .table = "audio_files");

static const Field audio_file_fields[] = {
    FIELD(AudioFile, id, .format = "uuid"),
    FIELD(AudioFile, debate_id, .format = "uuid"),
    FIELD(AudioFile, filename),
    FIELD(AudioFile, file_size, .doc = "Bytes; null until it is there"),
    FIELD(AudioFile, file_size_mb),
    FIELD(AudioFile, format, .values = audio_formats),
    FIELD(AudioFile, quality),
    FIELD(AudioFile, duration_seconds),
    FIELD(AudioFile, duration_formatted, .flags = F_NULLABLE, .doc = "1:02:03"),
    FIELD(AudioFile, extraction_status, .values = extraction_statuses),
    FIELD(AudioFile, extraction_started_at, .flags = F_NULLABLE),
    FIELD(AudioFile, extraction_completed_at, .flags = F_NULLABLE),
    FIELD(AudioFile, extraction_error, .flags = F_NULLABLE),
    FIELD(AudioFile, stream_url, .flags = F_NULLABLE),
    FIELD(AudioFile, download_url, .flags = F_NULLABLE),
    FIELD(AudioFile, download_count),
    FIELD(AudioFile, stream_count),
    FIELD(AudioFile, is_ready),
    FIELD(AudioFile, is_extracting),
    FIELD(AudioFile, has_error),
    FIELD(AudioFile, metadata),
    FIELD(AudioFile, created_at),
    FIELD(AudioFile, updated_at),
};
const Record audio_file_record =
    RECORD(AudioFile, audio_file_fields, .doc = "A debate's audio in one format and quality");

static Str duration_clock(Arena *arena, int64_t seconds) {
    long long h = seconds / 3600, m = seconds / 60 % 60, s = seconds % 60;
    if (h > 0) return strf(arena, "%lld:%02lld:%02lld", h, m, s);
    return strf(arena, "%lld:%02lld", m, s);
}

void audio_show(Arena *arena, Str debate_id, AudioFile *a) {
    assert(arena && a);
    Str status = a->extraction_status;
    a->debate_id = debate_id;
    a->is_ready = str_eq(status, S("completed"));
    a->is_extracting = str_eq(status, S("extracting"));
    a->has_error = str_eq(status, S("error"));
    a->file_size_mb = (OptFloat){0};
    a->duration_seconds = (OptInt){0};
    a->duration_formatted = a->stream_url = a->download_url = (Str){NULL, 0};
    if (a->file_size.set) {
        int64_t hundredths = (a->file_size.value * 100 + 524288) / 1048576;
        a->file_size_mb = (OptFloat){(double)hundredths / 100, true};
    }
    if (a->duration_ms.set) {
        a->duration_seconds = (OptInt){(a->duration_ms.value + 500) / 1000, true};
        a->duration_formatted = duration_clock(arena, a->duration_seconds.value);
    }
    if (!a->is_ready) return;
    a->stream_url =
        strf(arena, "/api/streaming/%.*s/stream?format=%.*s", S_ARG(debate_id), S_ARG(a->format));
    a->download_url =
        strf(arena, "/api/streaming/%.*s/download?format=%.*s", S_ARG(debate_id), S_ARG(a->format));
}

/* -- debates ---------------------------------------------------------------------------------- */

static const Field debate_row_fields[] = {
    FIELD(Debate, n),
    FIELD(Debate, id),
    FIELD(Debate, title),
    FIELD(Debate, description, .flags = F_NULLABLE),
    FIELD(Debate, type),
    FIELD(Debate, date),
    FIELD(Debate, source_url),
    FIELD(Debate, start_time, .flags = F_NULLABLE),
    FIELD(Debate, end_time, .flags = F_NULLABLE),
    FIELD(Debate, duration_minutes),
    FIELD(Debate, video_url, .flags = F_NULLABLE),
    FIELD(Debate, thumbnail_url, .flags = F_NULLABLE),
    FIELD(Debate, commission, .flags = F_NULLABLE),
    FIELD(Debate, salle, .flags = F_NULLABLE),
    FIELD(Debate, speakers),
    FIELD(Debate, ministers),
    FIELD(Debate, tags),
    FIELD(Debate, keywords),
    FIELD(Debate, metadata),
    FIELD(Debate, status),
    FIELD(Debate, is_live),
    FIELD(Debate, has_audio),
    FIELD(Debate, view_count),
    FIELD(Debate, download_count),
    FIELD(Debate, stream_count),
    FIELD(Debate, session_uid, .flags = F_NULLABLE),
    FIELD(Debate, transcript_uid, .flags = F_NULLABLE),
    FIELD(Debate, video_id, .flags = F_NULLABLE),
    FIELD(Debate, created_at),
    FIELD(Debate, updated_at),
    FIELD(Debate, change_seq),
};
const Record debate_row_record =
    RECORD_AS("DebateRow", Debate, debate_row_fields, .table = "debates");

static const Field debate_fields[] = {
    FIELD(Debate, id, .format = "uuid"),
    FIELD(Debate, title),
    FIELD(Debate, description, .flags = F_NULLABLE),
    FIELD(Debate, type, .values = debate_types),
    FIELD(Debate, date),
    FIELD(Debate, source_url),
    FIELD(Debate, start_time, .flags = F_NULLABLE),
    FIELD(Debate, end_time, .flags = F_NULLABLE),
    FIELD(Debate, duration_minutes),
    FIELD(Debate, video_url, .flags = F_NULLABLE),
    FIELD(Debate, thumbnail_url, .flags = F_NULLABLE),
    FIELD(Debate, commission, .flags = F_NULLABLE),
    FIELD(Debate, salle, .flags = F_NULLABLE),
    FIELD(Debate, speakers),
    FIELD(Debate, ministers),
    FIELD(Debate, tags),
    FIELD(Debate, keywords),
    FIELD(Debate, metadata),
    FIELD(Debate, status, .values = debate_statuses),
    FIELD(Debate, display_duration, .doc = "3h 0min, 45min, Durée inconnue"),
    FIELD(Debate, is_live),
    FIELD(Debate, has_audio),
    FIELD(Debate, view_count),
    FIELD(Debate, download_count),
    FIELD_LIST(Debate, audio_files, &audio_file_record),
    FIELD(Debate, created_at),
    FIELD(Debate, updated_at),
};
const Record debate_record = RECORD(Debate, debate_fields, .doc = "A sitting of the Assembly");

Str duration_display(Arena *arena, OptInt minutes) {
    assert(arena);
    if (!minutes.set || minutes.value <= 0) return S("Durée inconnue");
    long long h = minutes.value / 60, m = minutes.value % 60;
    return h > 0 ? strf(arena, "%lldh %lldmin", h, m) : strf(arena, "%lldmin", m);
}
