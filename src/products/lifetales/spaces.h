/* SPDX-License-Identifier: Apache-2.0
 * Spaces and their notes. Calls marked (tx) belong into a transaction; all wait. */
#ifndef SOCLE_LIFETALES_SPACES_H
#define SOCLE_LIFETALES_SPACES_H

#include "data/db.h"
#include "work/jobs.h"
#include "products/lifetales/album.h"

/* NOT_FOUND for what is not there or another's. Without notes and story. */
MUST_USE Err *space_load(Ctx *c, Id user, Str id, Space *out);
MUST_USE Err *space_load_n(Ctx *c, Id user, Id n, Space *out);
/* Its notes with their media's ids and transcriptions, by time, then as they were made. */
MUST_USE Err *space_notes(Ctx *c, const Space *space, Note **notes, ptrdiff_t *count);
MUST_USE Err *space_note(Ctx *c, const Space *space, Str id, Note *out);

/* All that a note says, for who writes from it: what was said, then what was written, each once. "" for
 * a note that is pictures alone. */
Str note_text(Arena *arena, const Note *note);

/* (tx) A space for notes that came with a request: never listed, gone after a day. */
MUST_USE Err *space_scratch(Ctx *c, Id user, Str title, Space *out);
/* (tx) A note as the contract's body has it (bytes in it stored before: media_from_body). INVALID for
 * what a note cannot be. */
typedef struct NoteIn {
    Str type, title, description, content, text_content, transcription;
    JsonText location;
    Time timestamp;
    Str audio_data, image_data, mime_type; /* base64, with or without `data:…,` */
    StrList audio_file_ids, image_file_ids, video_file_ids;
    StrList transcriptions;
    Str id;         /* null: a new one; not of the body, nor are those below */
    Staged *staged; /* by media_from_body */
    ptrdiff_t staged_count;
} NoteIn;
extern const Record note_in_record;
/* Before the transaction: the bytes of a body are decoded, looked at and stored. */
MUST_USE Err *media_from_body(Ctx *c, const Req *q, NoteIn *in);
MUST_USE Err *note_add(Ctx *c, const Space *space, const NoteIn *in, Note *out);

/* (tx) The space and all that is in it. */
MUST_USE Err *space_erase(Ctx *c, const Space *space);
/* Each night: scratch spaces, and what nobody names of the blobs. */
extern const JobKind space_jobs[];
extern const ptrdiff_t space_job_count;

#endif
