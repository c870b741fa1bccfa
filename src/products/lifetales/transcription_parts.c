/* SPDX-License-Identifier: Apache-2.0
 * Recordings that are too long or too large for one call: heard in parts, one after the other, each cut at
 * the quietest moment of the last minute that it may have, so that no word is cut; what is heard is put
 * together in order. Nothing of it is coded anew, unless it is sound as it came from a microphone
 * (transcription_sound.c).
 *
 * A part is found by the end of the one before, and is the same bytes each time: what was heard of it is kept
 * by its content (ai/speech.h), which is why a run that was killed, or put off by a limit, goes on with
 * the first part that nobody has heard, and none is charged twice. */
#include "products/lifetales/person.h"
#include "net/sheet.h"
#include "products/lifetales/transcription_room.h"
#include "rt/offload.h"

enum {
    WHOLE_BYTES = 24 * 1024 * 1024, /* of one call: the services' 25 MB and 25 minutes, with room */
    WHOLE_MS = 20 * 60 * 1000,
    PART_MS = 10 * 60 * 1000,
    QUIET_MS = 60 * 1000, /* at a part's end: where its end is looked for */
    QUIET_RATE = 8000,
    TEXT_BYTES_MAX = 64 * 1024 * 1024
};

/* -- where it is quiet --------------------------------------------------------------------------- */

typedef struct Quiet {
    const int16_t *samples;
    ptrdiff_t count, at; /* at: the middle of the quietest third of a second */
} Quiet;

static void quiet_find(void *arg) {
    enum { WIDTH = QUIET_RATE / 3, STEP = QUIET_RATE / 50 };
    Quiet *q = arg;
    int64_t least = INT64_MAX;
    q->at = q->count / 2;
    for (ptrdiff_t from = 0; from + WIDTH <= q->count; from += STEP) {
        int64_t loud = 0;
        for (ptrdiff_t i = from; i < from + WIDTH; i++)
            loud += q->samples[i] < 0 ? -q->samples[i] : q->samples[i];
        if (loud > least) continue; /* the last one of equals */
        least = loud;
        q->at = from + WIDTH / 2;
    }
}

/* Where the part that begins at from_ms ends; a negative number: with the recording. */
static Err *part_end(Ctx *c, const LongSound *l, int64_t from_ms, int64_t *to_ms) {
    Str sound;
    Quiet q = {0};
    *to_ms = -1;
    if (l->duration_ms - from_ms <= PART_MS) return NULL;
    int64_t last_ms = from_ms + PART_MS - QUIET_MS;
    TRY(sound_samples(c, l, last_ms, QUIET_MS, QUIET_RATE, &sound));
    q.samples = (const int16_t *)(const void *)sound.data;
    q.count = sound.len / (ptrdiff_t)sizeof(int16_t);
    TRY(offload(c, LANE_LONG, quiet_find, &q));
    *to_ms = last_ms + q.at * 1000 / QUIET_RATE;
    return NULL;
}

/* -- what is heard ------------------------------------------------------------------------------- */

/* In memory of its own: each part's is given back. */
typedef struct Joined {
    Arena *arena;
    Buf text;
    Str language;
    double sure; /* of all parts that say so, by their lengths */
    int64_t sure_ms, unsure_ms;
    AiOrigin origin;
    bool kept;
} Joined;

static void joined_undo(void *arg) { arena_free(arg); }

static Joined joined_begin(Ctx *c) {
    Joined j = {.arena = arena_new(TEXT_BYTES_MAX), .kept = true};
    defer(c, joined_undo, j.arena);
    j.text = buf_new(j.arena, 16 * KIB);
    return j;
}

static void joined_add(Joined *j, const Transcript *said, int64_t ms) {
    Str text = str_trim(said->text);
    if (j->text.len > 0 && text.len > 0) buf_add(&j->text, S("\n"));
    buf_add(&j->text, text);
    if (str_is_null(j->language) && said->language.data)
        j->language = str_copy(j->arena, said->language);
    if (said->confidence.set) {
        j->sure += said->confidence.value * (double)ms;
        j->sure_ms += ms;
    } else if (text.len > 0) {
        j->unsure_ms += ms;
    }
    j->origin.provider = str_copy(j->arena, said->origin.provider);
    j->origin.model = str_copy(j->arena, said->origin.model);
    j->kept = j->kept && said->origin.kept;
}

static void joined_end(Ctx *c, const Joined *j, Transcript *out) {
    *out = (Transcript){.text = str_copy(c->arena, buf_str(&j->text)),
                        .language = j->language.data ? str_copy(c->arena, j->language) : (Str){0},
                        .origin = {.provider = str_copy(c->arena, j->origin.provider),
                                   .model = str_copy(c->arena, j->origin.model),
                                   .kept = j->kept}};
    out->confidence.set = j->sure_ms > 0 && j->unsure_ms == 0;
    if (out->confidence.set) out->confidence.value = j->sure / (double)j->sure_ms;
}

/* -- one after the other ------------------------------------------------------------------------- */

typedef struct TakingPart {
    Id user;
    Str key;
} TakingPart;

static Err *part_taken(Ctx *c, void *arg) {
    const TakingPart *t = arg;
    return person_takes(c, t->user, LIMIT_AI_CALLS, t->key);
}

/* Each part is a call of those that the person may make. */
static Err *part_take(Ctx *c, Id user, Str name) {
    long long minute = (long long)(time_now().us / (60 * US_PER_SECOND));
    TakingPart t = {user, strf(c->arena, "transcription:%.*s:%lld", S_ARG(name), minute)};
    return db_transaction(c, part_taken, &t);
}

static Err *part_hear(Ctx *c, Id user, const LongSound *l, int64_t from_ms, int64_t *to_ms,
                      Joined *joined) {
    Str audio, mime;
    Transcript said;
    TRY(part_end(c, l, from_ms, to_ms));
    TRY(sound_part(c, l, from_ms, *to_ms, WHOLE_BYTES, &audio, &mime));
    Str name = strf(c->arena, "%.*s:%lld", S_ARG(l->sha256), (long long)from_ms);
    if (from_ms > 0) TRY(part_take(c, user, name));
    TRY(hearing_done(c, user, name, audio, mime, &said));
    joined_add(joined, &said, (*to_ms < 0 ? l->duration_ms : *to_ms) - from_ms);
    return NULL;
}

Err *hearing_whole(Ctx *c, Id user, const LongSound *given, Transcript *said) {
    LongSound l = *given;
    assert(l.sha256.len == 64);
    if (l.audio.len <= WHOLE_BYTES && l.duration_ms <= WHOLE_MS)
        return hearing_done(c, user, l.sha256, l.audio, l.mime, said);
    Sheet sheet;
    TRY(sheet_copy(c, l.audio, &sheet));
    l.fd = sheet.fd;
    Joined joined = joined_begin(c);
    for (int64_t from_ms = 0, to_ms = 0; to_ms >= 0; from_ms = to_ms) {
        CtxMark mark = ctx_mark(c);
        TRY(part_hear(c, user, &l, from_ms, &to_ms, &joined));
        ctx_release(c, mark);
    }
    joined_end(c, &joined, said);
    return NULL;
}
