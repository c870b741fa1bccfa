/* SPDX-License-Identifier: Apache-2.0
 * POST /api/v1/voice/{channelId}/turn. Who asks is the tenant (a key or a member, who may say whose
 * words they are: ?user=) or a visitor with a session of the channel (widget.h).
 *
 *   who ─▶ recording ─▶ reserve ─▶ written down ─▶ answered ─▶ spoken ─▶ stored, settled: one transaction
 *
 * Until the last step nothing is stored but reservations, which every failure gives back: a recording
 * in which nobody speaks, a provider that is away, a quota that is used up cost nothing. With an
 * Idempotency-Key the answer is kept in that transaction too, so that a turn happens once. Where a
 * person has taken the conversation over the recording is stored for that person and nobody answers. */
#include "ai/speech.h"
#include "data/blob.h"
#include "products/sylion/answer_prompt.h"
#include "products/sylion/bindings.h"
#include "products/sylion/contacts.h"
#include "products/sylion/conversation.h"
#include "products/sylion/conversation_room.h"
#include "products/sylion/conversation_sql.h"
#include "products/sylion/message_language.h"
#include "products/sylion/quota.h"
#include "products/sylion/routes.h"
#include "products/sylion/sylion.h"
#include "products/sylion/turn_sql.h"
#include "products/sylion/voice.h"
#include "products/sylion/widget.h"

enum {
    TURN_MS = 180 * 1000,
    SETTLE_MS = 5 * 1000,
    HISTORY_MOST = 30,
    SPOKEN_CHARS = 4000,
    INLINE_BYTES = 700 * 1000 /* so that an answer can be kept for its Idempotency-Key */
};

typedef struct VoiceQuery {
    bool speak;
    Str language, user;
} VoiceQuery;
static const char *const languages[] = {"fr", "en", "ar", NULL};
static const Field query_fields[] = {
    FIELD(VoiceQuery, speak, .doc = "The answer is spoken, too"),
    FIELD(VoiceQuery, language, .flags = F_NULLABLE, .values = languages,
          .doc = "What is spoken; null: it is found out"),
    FIELD(VoiceQuery, user, .flags = F_NULLABLE | F_TRIM, .max = 200,
          .doc = "Whose words they are, as the tenant knows them; visitors are who they are"),
};
static const Record query_record = RECORD(VoiceQuery, query_fields, .camel = true);

typedef struct VoiceAudio {
    Str mime_type, address, base64;
    int64_t size_bytes;
} VoiceAudio;
static const Field audio_fields[] = {
    FIELD(VoiceAudio, mime_type),
    FIELD(VoiceAudio, size_bytes),
    FIELD(VoiceAudio, base64, .flags = F_NULLABLE, .doc = "Null when it is larger than 700 KB"),
    FIELD(VoiceAudio, address, .flags = F_NULLABLE, .doc = "Where the tenant may fetch it"),
};
static const Record audio_record = RECORD(VoiceAudio, audio_fields, .camel = true);

typedef struct VoiceOut {
    Str transcript, language, kind, answer, reason, conversation_id, message_id, answer_id,
        audio_reason;
    RecordList citations, audio;
} VoiceOut;
static const char *const kinds[] = {"answered", "unsupported", "handOver",
                                    "refused",  "person",      NULL};
enum { KIND_PERSON = 4 };
static const Field out_fields[] = {
    FIELD(VoiceOut, transcript),
    FIELD(VoiceOut, language, .flags = F_NULLABLE),
    FIELD(VoiceOut, kind, .values = kinds, .doc = "person: one has taken over and will answer"),
    FIELD(VoiceOut, answer, .flags = F_NULLABLE),
    FIELD(VoiceOut, reason, .flags = F_NULLABLE),
    FIELD_LIST(VoiceOut, citations, &citation_record),
    FIELD(VoiceOut, conversation_id, .format = "uuid"),
    FIELD(VoiceOut, message_id, .format = "uuid"),
    FIELD(VoiceOut, answer_id, .flags = F_NULLABLE, .format = "uuid"),
    FIELD_LIST(VoiceOut, audio, &audio_record,
               .doc = "One with ?speak=true, where it could be made"),
    FIELD(VoiceOut, audio_reason, .flags = F_NULLABLE, .doc = "Why it could not"),
};
static const Record out_record = RECORD_AS("VoiceTurn", VoiceOut, out_fields, .camel = true,
                                           .doc = "What was heard and answered");

typedef struct Hearing {
    Call *k;
    Scope s;
    Channel channel;
    Str user_key, key, heard, question;
    Recording recording;
    Transcript said;
    Id messages, ai_requests, tokens; /* reservations */
    int64_t tokens_most;
    ThreadRow thread; /* the open conversation, before */
    bool thread_there, visitor, silent;
    Assistant assistant;
    Answer answer;
    Speech speech;
    Str spoken_blob, mute;
} Hearing;

/* -- who ----------------------------------------------------------------------------------------- */

static Err *channel_of_tenant(Ctx *c, Hearing *h) {
    const VoiceQuery *q = h->k->query;
    TRY(scope_of(c, h->k, (Str){0}, &h->s));
    if (!account_may(&c->account, S("sylion:write")))
        FAIL(c, FORBIDDEN, "This API key lacks the scope sylion:write.");
    TRY(channel_load(c, &h->s, h->k->params[0], &h->channel));
    if (!h->channel.is_active)
        return sylion_err(c, ERR_FORBIDDEN, "CHANNEL_INACTIVE", "The channel is switched off.");
    h->user_key = q->user.len ? strf(c->arena, "user:%.*s", S_ARG(q->user))
                              : strf(c->arena, "account:%lld", (long long)c->account.user.value);
    return NULL;
}

static Err *channel_of_visitor(Ctx *c, Hearing *h) {
    Visitor v;
    Str token = visitor_token(h->k->q);
    h->visitor = true;
    if (!token.data) FAIL(c, UNAUTHENTICATED, "A key or a session's token is missing.");
    TRY(visited_channel(c, h->k->params[0], &h->s, &h->channel));
    TRY(origin_require(c, h->k->q, &h->channel));
    TRY(visitor_of_token(c, &h->s, &h->channel, token, &v));
    h->user_key = v.user_key;
    return NULL;
}

static Err *caller_find(Ctx *c, Hearing *h) {
    TRY(id_is_none(c->account.user) ? channel_of_visitor(c, h) : channel_of_tenant(c, h));
    if (!str_eq(h->channel.type, S("voice")))
        return sylion_err(c, ERR_NOT_FOUND, "CHANNEL_NOT_FOUND", "Channel not found");
    ChannelConfig config;
    TRY(channel_config(c, &h->channel, &config));
    const ChannelLimits *l = &config.limits;
    long long n = (long long)h->channel.n.value;
    Str of_user = strf(c->arena, "sylion.voice:%lld:%.*s", n, S_ARG(h->user_key));
    TRY(visits_limit(c, "recordings", of_user,
                     l->per_contact_per_minute.set ? l->per_contact_per_minute.value
                                                   : sylion.widget_per_minute));
    return visits_limit(c, "recordings", strf(c->arena, "sylion.webhook:%lld", n),
                        l->per_minute.set ? l->per_minute.value : sylion.webhook_per_minute);
}

/* -- the quota ----------------------------------------------------------------------------------- */

static Err *reserve_in(Ctx *c, void *arg) {
    Hearing *h = arg;
    TRY(quota_reserve(c, &h->s, QUOTA_MESSAGES, h->key, 1, &h->messages));
    return quota_reserve(c, &h->s, QUOTA_AI_REQUESTS, h->key, 1, &h->ai_requests);
}

static Err *tokens_reserve_in(Ctx *c, void *arg) {
    Hearing *h = arg;
    return quota_reserve(c, &h->s, QUOTA_TOKENS, h->key, h->tokens_most, &h->tokens);
}

static Err *release_in(Ctx *c, void *arg) {
    const Hearing *h = arg;
    const Id held[] = {h->messages, h->ai_requests, h->tokens};
    for (ptrdiff_t i = 0; i < COUNT(held); i++)
        if (!id_is_none(held[i])) TRY(quota_release(c, &h->s, held[i]));
    return NULL;
}

/* Also when the caller has gone meanwhile, or his time is over. */
static Err *give_back(Ctx *c, Hearing *h) {
    int64_t former = c->deadline_us;
    coro_shield(c);
    c->deadline_us = mono_us() + SETTLE_MS * US_PER_MS;
    Err *err = db_transaction(c, release_in, h);
    c->deadline_us = former;
    coro_unshield(c);
    return err;
}

static Err *settle(Ctx *c, Hearing *h, Id conversation) {
    const Answer *a = &h->answer;
    bool asked = !str_is_empty(a->origin.model);
    Use use = {.amount = 1,
               .conversation = conversation,
               .provider = asked ? a->origin.provider : h->said.origin.provider,
               .model = asked ? a->origin.model : h->said.origin.model,
               .tokens_in = a->usage.tokens_in,
               .tokens_out = a->usage.tokens_out,
               .cost_micros = a->usage.cost_micros + h->said.usage.cost_micros};
    TRY(quota_settle(c, &h->s, QUOTA_MESSAGES, h->key, h->messages, &use));
    TRY(quota_settle(c, &h->s, QUOTA_AI_REQUESTS, h->key, h->ai_requests, &use));
    if (id_is_none(h->tokens)) return NULL;
    use.amount = use.tokens_in + use.tokens_out;
    if (use.amount == 0) return quota_release(c, &h->s, h->tokens);
    return quota_settle(c, &h->s, QUOTA_TOKENS, h->key, h->tokens, &use);
}

/* -- hearing and answering ------------------------------------------------------------------------- */

static Err *write_down(Ctx *c, Hearing *h) {
    const VoiceQuery *q = h->k->query;
    TranscribeRequest request = {
        .audio = h->recording.bytes,
        .mime = h->recording.mime,
        .language = q->language,
        .payer = {h->s.owner, strf(c->arena, "%.*s/heard", S_ARG(h->key))}};
    TRY(transcribe(c, &request, &h->said));
    h->heard = str_trim(h->said.text);
    if (h->heard.len > 0) return NULL;
    Problems problems = {.arena = c->arena};
    problem_add(&problems, S("audio"), S("silent"), "Nobody says anything in this recording.");
    return problems_err(c, &problems);
}

static Err *assistant_take(Ctx *c, Hearing *h, Sql sql, Args args, bool *found) {
    TRY(tenant_maybe(c, &h->s, sql, args, &assistant_record, &h->assistant, found));
    *found = *found && h->assistant.is_active;
    return NULL;
}

static Str spoken_language(Ctx *c, const Hearing *h) {
    const VoiceQuery *q = h->k->query;
    return q->language.len ? q->language : message_language(c->arena, h->heard);
}

/* As a turn does: the conversation's, else the channel's by its bindings, else the tenant's. */
static Err *assistant_choose(Ctx *c, Hearing *h) {
    Conversation v = {0};
    bool found = false;
    if (h->thread_there)
        TRY(tenant_one(c, &h->s, SQL(SQL_CONVERSATION_BY_N), ARGS(V(h->thread.conversation_n)),
                       &conversation_record, &v));
    if (!id_is_none(v.assistant_n))
        TRY(assistant_take(c, h, SQL(SQL_TURN_ASSISTANT), ARGS(V(v.assistant_n)), &found));
    if (!found)
        TRY(binding_find(c, &h->s, h->channel.n, spoken_language(c, h), time_now(), &h->assistant,
                         &found));
    if (!found) TRY(assistant_take(c, h, SQL(SQL_TURN_ASSISTANT_DEFAULT), NO_ARGS, &found));
    if (found) return NULL;
    return sylion_err(c, ERR_CONFLICT, "NO_ASSISTANT",
                      "No assistant answers on this channel: bind one, or make one the default.");
}

static Err *think(Ctx *c, Hearing *h) {
    Rows history = {0};
    TRY(assistant_choose(c, h));
    h->tokens_most = prompt_tokens_most(&h->assistant, h->heard);
    TRY(db_transaction(c, tokens_reserve_in, h));
    if (h->thread_there)
        TRY(messages_before(c, &h->s, h->thread.conversation_n, (Id){0}, HISTORY_MOST, &history));
    AnswerAsk ask = {.assistant = &h->assistant,
                     .history = history.items,
                     .history_count = history.count,
                     .question = h->heard,
                     .language = spoken_language(c, h),
                     .payer = {h->s.owner, h->key}};
    return assistant_answer(c, &h->s, &ask, &h->answer);
}

/* "[1]" is for eyes. */
static Str without_marks(Ctx *c, Str text) {
    Buf b = buf_new(c->arena, text.len + 1);
    for (ptrdiff_t i = 0; i < text.len; i++) {
        ptrdiff_t end = i + 1;
        while (text.data[i] == '[' && end < text.len && text.data[end] >= '0' &&
               text.data[end] <= '9')
            end++;
        if (end > i + 1 && end < text.len && text.data[end] == ']')
            i = end;
        else
            buf_byte(&b, text.data[i]);
    }
    return str_trim(buf_str(&b));
}

/* An answer that cannot be spoken is an answer. */
static Err *say(Ctx *c, Hearing *h) {
    SpeakRequest request = {.text = str_utf8_cut(without_marks(c, h->answer.text), SPOKEN_CHARS),
                            .language = h->answer.language,
                            .payer = {h->s.owner, strf(c->arena, "%.*s/spoken", S_ARG(h->key))}};
    Err *err = request.text.len > 0 ? speak(c, &request, &h->speech) : NULL;
    if (err && err->kind == ERR_CANCELLED) return err;
    if (err) h->mute = strf(c->arena, "%.*s: %.*s", S_ARG(err_code(err)), S_ARG(err->detail));
    if (err || h->speech.audio.len == 0) return NULL;
    return blob_put(c, app_blobs(c), h->speech.audio, &h->spoken_blob);
}

/* -- storing --------------------------------------------------------------------------------------- */

static JsonText media_json(Ctx *c, Str blob, Str mime, ptrdiff_t size, Str transcript) {
    Buf b = buf_new(c->arena, 256 + transcript.len);
    buf_f(&b, "{\"state\":\"stored\",\"blob\":\"%.*s\",\"mimeType\":", S_ARG(blob));
    buf_json(&b, mime);
    buf_f(&b, ",\"size\":%td", size);
    if (transcript.data) {
        buf_add(&b, S(",\"transcript\":"));
        buf_json(&b, transcript);
    }
    buf_byte(&b, '}');
    return (JsonText){buf_str(&b)};
}

static JsonText answer_metadata(Ctx *c, const Hearing *h) {
    Buf b = buf_new(c->arena, 512);
    buf_f(&b, "{\"kind\":\"%s\",\"language\":", kinds[h->answer.kind]);
    buf_json(&b, h->answer.language);
    buf_add(&b, S(",\"citations\":"));
    record_write_list(&b, &citation_record, h->answer.citations.items, h->answer.citations.count);
    buf_byte(&b, '}');
    return (JsonText){buf_str(&b)};
}

static Err *answer_store(Ctx *c, Hearing *h, const Stored *stored, VoiceOut *out) {
    Message added;
    Outbound m = {.author = S("assistant"),
                  .type = S("text"),
                  .content = h->answer.text,
                  .metadata = answer_metadata(c, h)};
    if (h->spoken_blob.len)
        m.media = media_json(c, h->spoken_blob, h->speech.mime, h->speech.audio.len, (Str){0});
    TRY(message_set(c, &h->s, stored->message, "processed", (Str){0}, (Str){0}));
    TRY(outbound_add(c, &h->s, stored->conversation, &m, &added));
    out->answer_id = added.id;
    if (h->answer.kind != ANSWER_HAND_OVER) return NULL;
    return conversation_set_status(c, &h->s, stored->conversation, "handoff", h->answer.reason);
}

static void audio_show(Ctx *c, const Hearing *h, VoiceOut *out) {
    out->audio_reason = h->mute;
    if (h->spoken_blob.len == 0) return;
    VoiceAudio *audio = arena_new_of(c->arena, VoiceAudio);
    *audio = (VoiceAudio){.mime_type = h->speech.mime, .size_bytes = h->speech.audio.len};
    if (h->speech.audio.len <= INLINE_BYTES) audio->base64 = str_base64(c->arena, h->speech.audio);
    if (!h->visitor) audio->address = strf(c->arena, "/api/v1/media/%.*s", S_ARG(h->spoken_blob));
    out->audio = (RecordList){audio, 1};
}

static void out_fill(Ctx *c, const Hearing *h, const Conversation *v, const Stored *stored,
                     bool answered, VoiceOut *out) {
    *out = (VoiceOut){.transcript = h->heard,
                      .language = h->said.language.len ? h->said.language : h->answer.language,
                      .kind = str_c(kinds[answered ? (int)h->answer.kind : KIND_PERSON]),
                      .conversation_id = v->id,
                      .message_id = stored->message_id};
    if (!answered) return;
    out->answer = h->answer.text;
    out->reason = h->answer.reason;
    out->citations = (RecordList){h->answer.citations.items, h->answer.citations.count};
    audio_show(c, h, out);
}

static Err *store_in(Ctx *c, void *arg) {
    Hearing *h = arg;
    VoiceOut *out = call_out(h->k);
    Conversation v;
    Stored stored;
    Inbound m = {.external_id = h->key,
                 .type = S("audio"),
                 .content = h->heard,
                 .user_key = h->user_key,
                 .media = media_json(c, h->recording.blob, h->recording.mime,
                                     h->recording.bytes.len, h->heard),
                 .provider_at = TIME_NULL};
    TRY(settle(c, h, (Id){0}));
    TRY(inbound_store(c, &h->s, &h->channel, &m, 1, &stored));
    TRY(conversation_lock(c, &h->s, stored.conversation, &v));
    bool answered = !h->silent && str_eq(v.status, S("active"));
    out_fill(c, h, &v, &stored, answered, out);
    if (answered) TRY(answer_store(c, h, &stored, out));
    return call_settle(c, h->k);
}

/* -- all of it --------------------------------------------------------------------------------------- */

static Err *hear_and_answer(Ctx *c, Hearing *h) {
    const VoiceQuery *q = h->k->query;
    TRY(write_down(c, h));
    TRY(tenant_maybe(c, &h->s, SQL(SQL_THREAD_BY_USER), ARGS(V(h->channel.n), V(h->user_key)),
                     &thread_row_record, &h->thread, &h->thread_there));
    h->silent = h->thread_there && !str_eq(h->thread.status, S("active"));
    if (!h->silent) TRY(think(c, h));
    if (!h->silent && q->speak) TRY(say(c, h));
    TRY(blob_put(c, app_blobs(c), h->recording.bytes, &h->recording.blob));
    return db_transaction(c, store_in, h);
}

static Err *voice_turn(Ctx *c, Call *k) {
    Hearing *h = arena_new_of(c->arena, Hearing);
    *h = (Hearing){.k = k, .key = strf(c->arena, "voice:%.*s", S_ARG(uuid_v7(c->arena)))};
    TRY(caller_find(c, h));
    Str lacks = transcribe_lacks(c->arena);
    if (!str_is_null(lacks)) FAIL(c, NOT_CONFIGURED, "%.*s", S_ARG(lacks));
    TRY(recording_read(c, k, &h->recording));
    TRY(db_transaction(c, reserve_in, h));
    Err *err = hear_and_answer(c, h);
    if (!err) return NULL;
    Err *bad = give_back(c, h);
    if (bad) err->cause = err->cause ? err->cause : bad;
    return err;
}

const Route voice_routes[] = {
    {POST, "/api/v1/voice/{channelId}/turn", voice_turn, VISITED, .rate = RATE_WRITE,
     .query = &query_record, .in_raw = true, .out = &out_record, .idempotent = true,
     .timeout_ms = TURN_MS, .body_limit = RECORDING_MAX + 64 * 1024,
     .errors = "400 401 403 404 409 413 429 501 502 503 504",
     .doc = "A recording (the body, or a form's file `audio`; at most 25 MiB) of a voice channel: "
            "written down, answered, and with ?speak=true spoken"},
    {.path = NULL},
};
