/* SPDX-License-Identifier: Apache-2.0
 * The transcription agent: what is known of a recording, and hearing one. See transcription.h; when
 * is transcription_job.c's, in what form transcription_sound.c's.
 *
 * Equal recordings under way at once are one call of the provider's: ai/speech.h joins them, on all
 * nodes. What was heard is kept here for good, by the content as it was uploaded. */
#include "products/lifetales/transcription.h"

#include "ai/policy.h"
#include "core/time.h"
#include "products/lifetales/agents.h"
#include "products/lifetales/lifetales.h"
#include "products/lifetales/person.h"
#include "products/lifetales/transcription_room.h"
#include "products/lifetales/transcription_sql.h"

static const Field heard_fields[] = {
    FIELD(Heard, text),
    FIELD(Heard, language, .flags = F_NULLABLE),
    FIELD(Heard, confidence),
};
static const Record heard_record = RECORD(Heard, heard_fields);

/* -- what is known ----------------------------------------------------------------------------- */

Err *heard_find(Ctx *c, Str sha256, Heard *out, bool *found) {
    assert(sha256.len == 64);
    *out = (Heard){0};
    TRY(db_maybe(c, SQL(SQL_TRANSCRIPTION_KNOWN), ARGS(V(sha256)), &heard_record, out, found));
    out->cached = *found;
    return NULL;
}

Err *heard_put(Ctx *c, Id user, Str sha256, const Heard *heard) {
    return db_exec(c, SQL(SQL_TRANSCRIPTION_PUT),
                   ARGS(V(user), V(sha256), V(heard->text.data ? heard->text : S("")),
                        V(heard->confidence), V(heard->language)),
                   NULL);
}

static Heard heard_of(const Transcript *said) {
    return (Heard){.text = said->text.data ? said->text : S(""),
                   .language = said->language,
                   .confidence = said->confidence,
                   .cached = said->origin.kept};
}

Err *heard_keep(Ctx *c, Id user, Str sha256, const Transcript *said) {
    Heard heard = heard_of(said);
    TRY(db_exec(c, SQL(SQL_TRANSCRIPTION_KEEP),
                ARGS(V(user), V(sha256), V(heard.text), V(heard.confidence), V(heard.language),
                     V(said->origin.provider.data ? said->origin.provider : S("")),
                     V(said->origin.model.data ? said->origin.model : S("")), V(time_now())),
                NULL));
    return heard_put(c, user, sha256, &heard);
}

Err *hearing_ask(Ctx *c, Id user, Id media, int64_t round, int64_t delay_ms) {
    Str key = strf(c->arena, "%lld", (long long)media.value);
    Str payload = strf(c->arena, "{\"user\":%lld,\"media\":%lld,\"round\":%lld}",
                       (long long)user.value, (long long)media.value, (long long)round);
    return job_add(c, TRANSCRIBE_JOB, payload,
                   (JobOptions){.unique_key = key, .delay_ms = delay_ms}, NULL);
}

Err *transcription_wanted(Ctx *c, const Media *media) {
    Heard heard;
    bool found;
    assert(!id_is_none(media->user_id) && !id_is_none(media->n));
    TRY(heard_find(c, media->sha256, &heard, &found));
    if (found) return heard_put(c, media->user_id, media->sha256, &heard);
    TRY(db_exec(c, SQL(SQL_TRANSCRIPTION_WAIT), ARGS(V(media->user_id), V(media->n)), NULL));
    if (!str_is_null(transcribe_lacks(c->arena))) return NULL; /* transcription_job.c finds it */
    return hearing_ask(c, media->user_id, media->n, 0, 0);
}

/* -- hearing ----------------------------------------------------------------------------------- */

typedef struct Taking {
    Id user;
    Str key;
} Taking;

static Err *taking_in(Ctx *c, void *arg) {
    const Taking *t = arg;
    TRY(person_takes(c, t->user, LIMIT_TRANSCRIPTIONS, t->key));
    return person_takes(c, t->user, LIMIT_AI_CALLS, t->key);
}

Err *hearing_taken(Ctx *c, Id user, Str sha256) {
    /* With the minute, so that a recording on which every call fails is not free for ever. */
    long long minute = (long long)(time_now().us / (60 * US_PER_SECOND));
    Taking t = {user, strf(c->arena, "transcription:%.*s:%lld", S_ARG(sha256), minute)};
    return db_transaction(c, taking_in, &t);
}

Err *hearing_done(Ctx *c, Id user, Str sha256, Str audio, Str mime, Transcript *said) {
    TRY(sound_prepare(c, provider_usual(AI_TRANSCRIBE), &audio, &mime));
    TranscribeRequest request = {.audio = audio,
                                 .mime = mime,
                                 .timeout_ms = lifetales.transcription_ms,
                                 .payer = {strf(c->arena, "user:%lld", (long long)user.value),
                                           strf(c->arena, "transcription:%.*s", S_ARG(sha256))}};
    int64_t began_us = mono_us();
    Err *err = transcribe(c, &request, said);
    agent_asked(AGENT_TRANSCRIPTION, err, &said->origin, &said->usage, began_us);
    return err;
}

typedef struct Keeping {
    Id user;
    Str sha256;
    const Transcript *said;
} Keeping;

static Err *keeping_in(Ctx *c, void *arg) {
    const Keeping *k = arg;
    return heard_keep(c, k->user, k->sha256, k->said);
}

Err *transcription_now(Ctx *c, Id user, const Looked *looked, Str sha256, Heard *out) {
    Transcript said;
    bool found;
    TRY(heard_find(c, sha256, out, &found));
    if (found) return NULL;
    Str lacks = transcribe_lacks(c->arena);
    if (!str_is_null(lacks)) FAIL(c, NOT_CONFIGURED, "%.*s", S_ARG(lacks));
    TRY(hearing_taken(c, user, sha256));
    LongSound sound = {looked->bytes, looked->mime_type, sha256, looked->duration_ms.value, -1};
    TRY(hearing_whole(c, user, &sound, &said));
    *out = heard_of(&said);
    Keeping keeping = {user, sha256, &said};
    return db_transaction(c, keeping_in, &keeping);
}
