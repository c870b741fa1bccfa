/* SPDX-License-Identifier: Apache-2.0
 * Person: who calls, how he wants his stories, what he may take. See person.h. */
#include "products/lifetales/person.h"

#include "products/lifetales/lifetales.h"
#include "products/lifetales/person_sql.h"
#include "products/lifetales/routes.h"
#include "work/ledger.h"

Err *person_of(Ctx *c, Call *k, Id *user) {
    (void)k;
    assert(user);
    if (!id_is_none(c->account.api_key) && !id_is_none(c->account.organisation))
        FAIL(c, FORBIDDEN, "Spaces are a person's: an organisation's key opens none.");
    if (id_is_none(c->account.user)) FAIL(c, UNAUTHENTICATED, "Token manquant");
    *user = c->account.user;
    return NULL;
}

/* -- settings ---------------------------------------------------------------------------------- */

static const char *const tones[] = {"cinematic", "funny",        "neutral", "emotional",
                                    "poetic",    "journalistic", NULL};
static const char *const modes[] = {"transcription", "clean", "creative", "chapter", NULL};
static const char *const styles[] = {"illustration", "cinematic", "pastel", "realistic", NULL};
static const char *const voices[] = {"serious", "calm", "warm", "storyteller", NULL};

static const Field story_settings_fields[] = {
    FIELD(StorySettings, narrative_tone, .values = tones, .fallback = "\"cinematic\""),
    FIELD(StorySettings, story_mode, .values = modes, .fallback = "\"chapter\"",
          .doc = "transcription, chapter: a chapter of each note; clean, creative: fewer"),
    FIELD(StorySettings, creativity, .min = 0, .max = 2, .fallback = "1"),
    FIELD(StorySettings, image_style, .values = styles, .fallback = "\"illustration\""),
    FIELD(StorySettings, images_per_chapter, .min = 0, .max = 4, .fallback = "1"),
    FIELD(StorySettings, voice_style, .values = voices, .fallback = "\"storyteller\""),
    FIELD(StorySettings, background_music, .fallback = "true"),
};
const Record story_settings_record = RECORD(StorySettings, story_settings_fields, .camel = true,
                                            .open = true, .doc = "How stories are to be");

typedef struct SettingsRow {
    Str narrative_tone, story_mode, image_style, voice_style;
    OptFloat creativity;
    OptInt images_per_chapter;
    OptBool background_music;
} SettingsRow;
static const Field row_fields[] = {
    FIELD(SettingsRow, narrative_tone),   FIELD(SettingsRow, story_mode),
    FIELD(SettingsRow, image_style),      FIELD(SettingsRow, voice_style),
    FIELD(SettingsRow, creativity),       FIELD(SettingsRow, images_per_chapter),
    FIELD(SettingsRow, background_music),
};
static const Record row_record = RECORD(SettingsRow, row_fields);

static StorySettings settings_of(const SettingsRow *row) {
    return (StorySettings){
        .narrative_tone = row->narrative_tone.data ? row->narrative_tone : S("cinematic"),
        .story_mode = row->story_mode.data ? row->story_mode : S("chapter"),
        .creativity = row->creativity.set ? row->creativity.value : 1,
        .image_style = row->image_style.data ? row->image_style : S("illustration"),
        .images_per_chapter = row->images_per_chapter.set ? row->images_per_chapter.value : 1,
        .voice_style = row->voice_style.data ? row->voice_style : S("storyteller"),
        .background_music = row->background_music.set ? row->background_music.value : true,
    };
}

Err *person_settings(Ctx *c, Id user, StorySettings *out) {
    SettingsRow row = {0};
    bool found;
    TRY(db_maybe(c, SQL(SQL_PERSON_SETTINGS), ARGS(V(user)), &row_record, &row, &found));
    *out = settings_of(&row);
    return NULL;
}

static Err *settings_get(Ctx *c, Call *k) {
    Id user;
    TRY(person_of(c, k, &user));
    return person_settings(c, user, call_out(k));
}

typedef struct SettingsWrite {
    Call *k;
    Id user;
} SettingsWrite;

/* What the body leaves out stays as it is, and as another request makes it in this moment. */
static Err *settings_store(Ctx *c, void *arg) {
    const SettingsWrite *w = arg;
    const StorySettings *in = w->k->in;
    Value given[] = {V(in->narrative_tone), V(in->story_mode),         V(in->creativity),
                     V(in->image_style),    V(in->images_per_chapter), V(in->voice_style),
                     V(in->background_music)};
    static_assert(COUNT(given) == COUNT(story_settings_fields), "in the order of the fields");
    for (int i = 0; i < COUNT(given); i++)
        if (!(w->k->present & (FieldSet)1 << i)) given[i] = value_null();
    TRY(db_exec(c, SQL(SQL_PERSON_SETTINGS_PUT),
                ARGS(V(w->user), given[0], given[1], given[2], given[3], given[4], given[5],
                     given[6], V(time_now())),
                NULL));
    return person_settings(c, w->user, call_out(w->k));
}

static Err *settings_put(Ctx *c, Call *k) {
    SettingsWrite w = {.k = k};
    TRY(person_of(c, k, &w.user));
    return db_transaction(c, settings_store, &w);
}

/* -- limits ------------------------------------------------------------------------------------ */

typedef struct LimitRow {
    const char *unit, *words;
    const int64_t *limit;
    int64_t period_ms;
} LimitRow;
static const LimitRow limits[] = {
    [LIMIT_TRANSCRIPTIONS] = {"lifetales.transcriptions", "transcriptions a minute",
                              &lifetales.transcriptions_per_minute, 60 * 1000},
    [LIMIT_STORIES] = {"lifetales.stories", "stories an hour", &lifetales.stories_per_hour,
                       60 * 60 * 1000},
    [LIMIT_AI_CALLS] = {"lifetales.ai_calls", "calls of models an hour",
                        &lifetales.ai_calls_per_hour, 60 * 60 * 1000},
};

Err *person_takes(Ctx *c, Id user, PersonLimit limit, Str key) {
    assert(limit >= 0 && limit < COUNT(limits));
    const LimitRow *row = &limits[limit];
    Id reservation;
    Quota quota = {
        .owner = strf(c->arena, "user:%lld", (long long)user.value),
        .unit = str_c(row->unit),
        .limit = *row->limit,
        .period_ms = row->period_ms,
        .rolling = true,
    };
    Err *err = ledger_reserve(c, quota, key, 1, 0, &reservation);
    if (!err) return ledger_settle(c, reservation, 1);
    if (err->kind != ERR_PAYMENT_REQUIRED) return err;
    Err *refused = err_new(c, ERR_RATE_LIMITED, __func__, "At most %lld %s.",
                           (long long)*row->limit, row->words);
    refused->retry_after_s = err->retry_after_s ? err->retry_after_s : row->period_ms / 1000;
    return refused;
}

Err *person_spared(Ctx *c, Id user, PersonLimit limit, Str key) {
    assert(limit >= 0 && limit < COUNT(limits));
    return ledger_record(c, strf(c->arena, "user:%lld", (long long)user.value),
                         str_c(limits[limit].unit), key, -1);
}

const Route person_routes[] = {
    {GET, "/api/settings", settings_get, TALES_READS, .out = &story_settings_record,
     .errors = "403",
     .doc = "How the person wants stories, with the defaults for what was never set"},
    {PUT, "/api/settings", settings_put, TALES_WRITES, .in = &story_settings_record,
     .in_change = true, .out = &story_settings_record, .errors = "403",
     .doc = "What is given is changed, the rest stays"},
    {.path = NULL},
};
