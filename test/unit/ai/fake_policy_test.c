/* SPDX-License-Identifier: Apache-2.0
 * chat(), embed(), transcribe(), speak() and image_make() with the real providers behind the policy,
 * against the strict stand-ins: tries, the second provider, who pays, what is kept, and that nothing
 * we send is refused. */
#include "ai_world.h"

#include <math.h>

#include "ai/embed.h"
#include "fake_world.h"

static void real_begin(Ctx *c) {
    providers_set(NULL, 0);
    ai_settings = settings_usual_ai;
    fake_begin(c);
    ai_settings.openai_chat_model = str_c(models[0]);
    ai_settings.anthropic_chat_model = str_c(models[1]);
    ai_settings.mistral_chat_model = str_c(models[2]);
    ai_settings.gemini_chat_model = ai_settings.vertex_chat_model = S("gemini-3.5-flash");
    ai_settings.openai_embed_model = S("text-embedding-3-small");
    ai_settings.mistral_embed_model = S("mistral-embed");
    ai_settings.gemini_embed_model = S("gemini-embedding-001");
    ai_settings.vertex_embed_model = S("text-multilingual-embedding-002");
    ai_settings.openai_transcribe_model = S("whisper-1");
    ai_settings.mistral_transcribe_model = S("voxtral-mini-latest");
    ai_settings.gemini_transcribe_model = ai_settings.vertex_transcribe_model =
        S("gemini-3.5-flash");
    ai_settings.openai_speak_model = S("gpt-4o-mini-tts");
    ai_settings.openai_speak_voice = S("alloy");
    ai_settings.gemini_speak_model = S("gemini-3.5-flash-tts");
    ai_settings.gemini_speak_voice = S("Kore");
    ai_settings.openai_image_model = S("gpt-image-1");
    ai_settings.gemini_image_model = ai_settings.vertex_image_model = S("gemini-3.1-flash-image");
}

/* Python and a key are started for each test: one engine is enough for what no engine sees. */
#define REAL(name)                                                                 \
    static void name##_real(Ctx *c);                                               \
    static void name##_all(Ctx *c) {                                               \
        real_begin(c);                                                             \
        if (str_is_null(base))                                                     \
            printf("  python3 is not there, or the stand-in did not start\n");     \
        else                                                                       \
            name##_real(c);                                                        \
        CHECK(!str_is_null(base));                                                 \
        fake_finish(c);                                                            \
    }                                                                              \
    static void name##_migrated(Ctx *c) {                                          \
        if (!migrated(c)) return;                                                  \
        ai_begin(c);                                                               \
        name##_all(c);                                                             \
        ai_end();                                                                  \
    }                                                                              \
    static void name##_sqlite(void) { world_run(ENGINE_SQLITE, name##_migrated); } \
    static void name##_real(Ctx *c)

static int64_t charged(Ctx *c, const char *unit) {
    int64_t sum = -1;
    GOOD(db_int(c,
                SQL("SELECT coalesce(sum(amount), 0) FROM ledger_lines WHERE owner = 'tenant:7' "
                    "AND unit = $1"),
                ARGS(V(str_c(unit))), &sum));
    return sum;
}

static int64_t calls(Ctx *c, const char *path) {
    json_t *report = admin(c, "GET", "calls", NULL);
    return json_integer_value(json_at(json_at(report, "calls"), path));
}

static bool code_is(const Err *err, const char *code) {
    return err && str_eq(err->code, str_c(code));
}

/* -- chat -------------------------------------------------------------------------------------- */

REAL(what_passes_is_tried_again_and_paid_once) {
    for (int i = 0; i < PROVIDERS; i++) {
        ChatAnswer a, again;
        ChatRequest q = chat_of("Hello there, how are you?");
        q.provider = str_c(all[i]->name);
        q.payer = (AiPayer){S("tenant:7"), strf(c->arena, "turn:%d", i)};
        int64_t before = charged(c, "ai_tokens");
        fault(c, i, "500", 1);
        fault(c, i, "429", 1);
        MUST(chat(c, &q, &a));
        CHECK_STR(a.text, S("You said: Hello there, how are you?"));
        CHECK_INT(a.origin.tries, 3);
        CHECK_STR(a.origin.provider, str_c(all[i]->name));
        CHECK(a.usage.tokens_in > 0 && a.usage.tokens_out > 0);
        int64_t paid = charged(c, "ai_tokens") - before;
        CHECK_INT(paid, a.usage.tokens_in + a.usage.tokens_out);
        MUST(chat(c, &q, &again)); /* after a crash, say: the same key pays nothing more */
        CHECK_INT(charged(c, "ai_tokens") - before, paid);
    }
    CHECK_INT(atomic_load(&pauses), 2 * PROVIDERS);
}

static Err *piece_add(Ctx *own, Str piece, void *arg) {
    (void)own;
    buf_add(arg, piece);
    return NULL;
}

REAL(a_stream_that_breaks_is_not_begun_again_and_costs_nothing) {
    for (int i = 0; i < PROVIDERS; i++) {
        ChatAnswer a;
        Buf told = buf_new(c->arena, 256);
        ChatRequest q = chat_of("Say this back to me, please, word for word, until the very end.");
        q.provider = str_c(all[i]->name);
        q.payer = (AiPayer){S("tenant:7"), strf(c->arena, "cut:%d", i)};
        q.on_text = piece_add;
        q.arg = &told;
        fault(c, i, "cut=700", 1);
        Err *err = chat(c, &q, &a);
        FAILS(err, UPSTREAM);
        CHECK(code_is(err, "ai_cut_short"));
        CHECK(told.len > 0);
        CHECK_INT(a.origin.tries, 1);
    }
    CHECK_INT(charged(c, "ai_tokens"), 0);
}

REAL(an_empty_account_is_not_knocked_at_and_the_next_one_answers) {
    for (int i = 0; i < PROVIDERS; i++) {
        ChatAnswer a;
        int next = (i + 1) % PROVIDERS;
        ChatRequest q = chat_of("Hello");
        q.provider = str_c(all[i]->name);
        q.payer = (AiPayer){S("tenant:7"), strf(c->arena, "turn:%d", i)};
        fault(c, i, "quota", 1);
        ai_settings.chat_fallback = S("");
        Err *err = chat(c, &q, &a);
        FAILS(err, PAYMENT_REQUIRED);
        CHECK(code_is(err, "ai_provider_quota"));
        CHECK_INT(a.origin.tries, 1);
        fault(c, i, "quota", 1);
        ai_settings.chat_fallback = str_c(all[next]->name);
        MUST(chat(c, &q, &a));
        CHECK(a.origin.fallback);
        CHECK_STR(a.origin.provider, str_c(all[next]->name));
        CHECK_STR(a.text, S("You said: Hello"));
    }
    CHECK_INT(atomic_load(&pauses), 0);
    CHECK(charged(c, "ai_tokens") > 0);
}

REAL(an_unknown_model_and_a_service_that_is_away_are_another_ones_turn) {
    for (int i = 0; i < PROVIDERS; i++) {
        ChatAnswer a;
        ChatRequest q = chat_of("Hello");
        q.provider = str_c(all[i]->name);
        q.model = S("unknown-model");
        Err *err = chat(c, &q, &a);
        FAILS(err, INVALID);
        CHECK(code_is(err, "ai_unknown_model"));
        ai_settings.chat_fallback = str_c(all[(i + 1) % PROVIDERS]->name);
        MUST(chat(c, &q, &a));
        CHECK(a.origin.fallback);
        q.model = (Str){0};
        fault(c, i, "503", 3);
        MUST(chat(c, &q, &a));
        CHECK(a.origin.fallback);
        CHECK_INT(a.origin.tries, 4);
        ai_settings.chat_fallback = S("");
    }
}

REAL(json_of_a_schema_comes_from_every_provider) {
    for (int i = 0; i < PROVIDERS; i++) {
        ChatAnswer a;
        ChatRequest q = chat_of("How old is she?");
        q.provider = str_c(all[i]->name);
        q.schema =
            (JsonText){S("{\"type\":\"object\",\"properties\":{\"age\":{\"type\":\"integer\","
                         "\"minimum\":7}},\"required\":[\"age\"]}")};
        int64_t age = 0;
        fault(c, i, "wrong-json", 1);
        admin(c, "POST", "script", "[{\"json\":{\"year\":1}},{\"json\":{\"age\":9}}]");
        MUST(chat(c, &q, &a));
        CHECK(json_i64(json_at(a.json, "age"), &age));
        CHECK_INT(age, 9);
        CHECK_INT(a.origin.tries, 2);
    }
}

/* -- vectors ----------------------------------------------------------------------------------- */

static const struct {
    int provider;
    const char *model;
    int dimensions;
} embedders[] = {{0, "text-embedding-3-small", 768}, {0, "text-embedding-ada-002", 1536},
                 {2, "mistral-embed", 1024},         {2, "codestral-embed", 256},
                 {3, "gemini-embedding-001", 768},   {4, "text-multilingual-embedding-002", 768},
                 {4, "gemini-embedding-001", 1536}};

static void embedder_set(ptrdiff_t i) {
    ai_settings.embed_provider = str_c(all[embedders[i].provider]->name);
    ai_settings.embed_dimensions = embedders[i].dimensions;
    ai_settings.openai_embed_model = ai_settings.mistral_embed_model =
        ai_settings.gemini_embed_model = ai_settings.vertex_embed_model = str_c(embedders[i].model);
}

static double dot(const float *a, const float *b, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

/* Each text has its own vector, whatever the order they came in and the batches they went in. */
REAL(vectors_are_of_their_texts_and_of_length_one) {
    enum { MANY = 70 };
    Str texts[MANY];
    for (int i = 0; i < MANY; i++) texts[i] = strf(c->arena, "the text of number %d", i);
    for (ptrdiff_t i = 0; i < COUNT(embedders); i++) {
        float *many, *one;
        AiUsage usage;
        int size = embedders[i].dimensions;
        embedder_set(i);
        MUST(embed(c, EMBED_DOCUMENT, texts, MANY,
                   (AiPayer){S("tenant:7"), str_c(embedders[i].model)}, &many, &usage));
        CHECK(usage.tokens_in > 0);
        CHECK(fabs(dot(many, many, size) - 1) < 1e-5);
        ai_settings.keep_days = 0; /* asked for again, alone */
        MUST(embed(c, EMBED_DOCUMENT, &texts[66], 1, (AiPayer){{0}, {0}}, &one, &usage));
        ai_settings.keep_days = 30;
        CHECK(dot(one, many + 66 * size, size) > 0.9999);
        CHECK(fabs(dot(one, many + 65 * size, size)) < 0.9);
    }
    CHECK_INT(calls(c, "vertex/v1/projects/tests/locations/europe-west1/publishers/google/models/"
                       "gemini-embedding-001:predict"),
              MANY + 1); /* one text in a call */
    CHECK_INT(refused(c), 0);
}

REAL(vectors_of_another_size_are_a_bad_answer) {
    Str texts[] = {S("one text"), S("another text")};
    for (ptrdiff_t i = 0; i < COUNT(embedders); i++) {
        float *v;
        AiUsage usage;
        embedder_set(i);
        fault(c, embedders[i].provider, "size", 20);
        Err *err =
            embed(c, EMBED_DOCUMENT, texts, 2, (AiPayer){S("tenant:7"), S("size")}, &v, &usage);
        FAILS(err, UPSTREAM);
        CHECK(code_is(err, "ai_bad_answer"));
        admin(c, "POST", "reset", "null");
        circuits_reset();
    }
    /* A model that knows another size only. */
    float *v;
    AiUsage usage;
    embedder_set(2);
    ai_settings.embed_dimensions = 768;
    Err *err = embed(c, EMBED_QUERY, texts, 1, (AiPayer){{0}, {0}}, &v, &usage);
    FAILS(err, UPSTREAM);
    CHECK(err && str_find(err->detail, S("EMBED_DIMENSIONS")) >= 0);
    CHECK_INT(charged(c, "ai_tokens"), 0);
}

REAL(questions_and_documents_are_told_apart) {
    float *v;
    AiUsage usage;
    Str text = S("a question");
    for (int google = 4; google <= 5; google++) {
        embedder_set(google);
        MUST(embed(c, EMBED_QUERY, &text, 1, (AiPayer){{0}, {0}}, &v, &usage));
        MUST(embed(c, EMBED_DOCUMENT, &text, 1, (AiPayer){{0}, {0}}, &v, &usage));
    }
    CHECK_INT(calls(c, "gemini/v1beta/models/gemini-embedding-001:batchEmbedContents"), 2);
    CHECK_INT(refused(c), 0);
}

/* -- recordings -------------------------------------------------------------------------------- */

static const struct {
    int provider;
    const char *model;
    bool sure; /* it says how sure it is */
} hearers[] = {{0, "whisper-1", true},         {0, "gpt-4o-mini-transcribe", true},
               {0, "gpt-transcribe", false},   {2, "voxtral-mini-latest", false},
               {3, "gemini-3.5-flash", false}, {4, "gemini-3.5-flash", false},
               {3, "gemini-2.5-flash", false}};

static TranscribeRequest hearing(ptrdiff_t i, const char *audio) {
    return (TranscribeRequest){.provider = str_c(all[hearers[i].provider]->name),
                               .model = str_c(hearers[i].model),
                               .audio = str_c(audio),
                               .mime = S("audio/ogg; codecs=opus"),
                               .language = S("fr"),
                               .payer = {S("tenant:7"), str_c(hearers[i].model)}};
}

REAL(what_is_said_is_written_down_and_silence_is_empty) {
    for (ptrdiff_t i = 0; i < COUNT(hearers); i++) {
        Transcript t;
        TranscribeRequest q = hearing(i, "OggS says:L'\xC3\xA9"
                                         "cole ouvre \xC3\xA0 huit heures.");
        MUST(transcribe(c, &q, &t));
        CHECK_STR(t.text, S("L'\xC3\xA9"
                            "cole ouvre \xC3\xA0 huit heures."));
        CHECK(t.confidence.set == hearers[i].sure);
        CHECK(!t.confidence.set || (t.confidence.value > 0.5 && t.confidence.value <= 1));
        if (hearers[i].provider != 0 || i == 0) CHECK_STR(t.language, S("fr"));
        CHECK(t.usage.millis_audio > 0 || t.usage.tokens_in > 0);
        Transcript again;
        MUST(transcribe(c, &q, &again));
        CHECK(again.origin.kept && str_eq(again.text, t.text));
        q = hearing(i, "OggS nobody");
        MUST(transcribe(c, &q, &t));
        CHECK_STR(t.text, S(""));
    }
    CHECK_INT(refused(c), 0);
}

REAL(recordings_that_fail_are_tried_again_and_told) {
    for (ptrdiff_t i = 0; i < COUNT(hearers); i++) {
        Transcript t;
        TranscribeRequest q = hearing(i, "OggS says:oui");
        fault(c, hearers[i].provider, "503", 1);
        MUST(transcribe(c, &q, &t));
        CHECK_INT(t.origin.tries, 2);
        q.audio = S("OggS says:non");
        fault(c, hearers[i].provider, "quota", 1);
        FAILS(transcribe(c, &q, &t), PAYMENT_REQUIRED);
        fault(c, hearers[i].provider, "json", 3);
        Err *err = transcribe(c, &q, &t);
        FAILS(err, UPSTREAM);
        CHECK(code_is(err, "ai_bad_answer"));
        circuits_reset();
    }
    /* What the model will not write, and what it cannot write to the end. */
    Transcript t;
    TranscribeRequest q = hearing(4, "OggS says:non");
    fault(c, 3, "refuse", 1);
    FAILS(transcribe(c, &q, &t), INVALID);
    fault(c, 3, "length", 1);
    FAILS(transcribe(c, &q, &t), TOO_LARGE);
    q = hearing(0, "OggS");
    q.audio = str_of(arena_bytes(c->arena, 25 * MIB + 1), 25 * MIB + 1);
    FAILS(transcribe(c, &q, &t), TOO_LARGE);
}

/* -- speech and pictures ----------------------------------------------------------------------- */

REAL(texts_are_spoken) {
    Speech s;
    SpeakRequest q = {
        .provider = S("openai"), .text = S("Bonjour"), .payer = {S("tenant:7"), S("s")}};
    MUST(speak(c, &q, &s));
    CHECK_STR(s.mime, S("audio/mpeg"));
    CHECK(str_ends(s.audio, S("says:Bonjour")));
    q.provider = S("gemini");
    MUST(speak(c, &q, &s));
    CHECK_STR(s.mime, S("audio/wav"));
    CHECK_INT(s.audio.len, 44 + 200);
    CHECK(str_starts(str_slice(s.audio, 44, 48), S("\x01\x02\x01\x02")));
    CHECK_INT((unsigned char)s.audio.data[24] + 256 * (unsigned char)s.audio.data[25], 24000);
    CHECK_INT(refused(c), 0);
    fault(c, 0, "html", 3);
    q.provider = S("openai");
    FAILS(speak(c, &q, &s), UPSTREAM);
    q.voice = S("nobody's");
    FAILS(speak(c, &q, &s), INVALID);
    q.provider = S("vertex");
    FAILS(speak(c, &q, &s), NOT_CONFIGURED);
}

REAL(pictures_are_drawn_in_every_aspect) {
    static const char *const aspects[] = {"", "4:3", "1:1", "16:9", "3:4", "9:16"};
    static const struct {
        const char *provider, *model;
    } rows[] = {{"openai", "gpt-image-1"},
                {"openai", "dall-e-3"},
                {"openai", "dall-e-2"},
                {"gemini", "gemini-3.1-flash-image"},
                {"vertex", "gemini-3-pro-image"}};
    for (ptrdiff_t i = 0; i < COUNT(rows); i++)
        for (ptrdiff_t k = 0; k < COUNT(aspects); k++) {
            Image image;
            ImageRequest q = {.provider = str_c(rows[i].provider),
                              .model = str_c(rows[i].model),
                              .prompt = S("a cat"),
                              .aspect = str_c(aspects[k])};
            MUST(image_make(c, &q, &image));
            CHECK_STR(image.mime, S("image/png"));
            CHECK(str_starts(image.bytes, S("\x89PNG")));
            CHECK_INT(image.usage.images, 1);
        }
    CHECK_INT(refused(c), 0);
    Image image;
    ImageRequest q = {.provider = S("openai"), .prompt = S("something forbidden")};
    Err *err = image_make(c, &q, &image);
    FAILS(err, INVALID);
    CHECK(code_is(err, "ai_refused_request"));
    q.provider = S("gemini");
    fault(c, 3, "refuse", 1);
    err = image_make(c, &q, &image);
    FAILS(err, INVALID);
    CHECK(code_is(err, "ai_refused_request"));
    q.provider = S("vertex");
    fault(c, 4, "429", 1);
    MUST(image_make(c, &q, &image));
    CHECK_INT(image.origin.tries, 2);
}

/* -- tokens ------------------------------------------------------------------------------------ */

REAL(a_withdrawn_token_is_replaced_in_the_same_try) {
    ChatAnswer a;
    ChatRequest q = chat_of("Hello");
    q.provider = S("vertex");
    MUST(chat(c, &q, &a));
    admin(c, "POST", "withdraw", "null");
    MUST(chat(c, &q, &a));
    CHECK_INT(a.origin.tries, 1);
    CHECK_INT(calls(c, "google/token"), 2);
    CHECK_INT(refused(c), 1); /* the old one */
}

T_MAIN(T_ROW(what_passes_is_tried_again_and_paid_once_sqlite),
       T_ROW(a_stream_that_breaks_is_not_begun_again_and_costs_nothing_sqlite),
       T_ROW(an_empty_account_is_not_knocked_at_and_the_next_one_answers_sqlite),
       T_ROW(an_unknown_model_and_a_service_that_is_away_are_another_ones_turn_sqlite),
       T_ROW(json_of_a_schema_comes_from_every_provider_sqlite),
       T_ROW(vectors_are_of_their_texts_and_of_length_one_sqlite),
       T_ROW(vectors_of_another_size_are_a_bad_answer_sqlite),
       T_ROW(questions_and_documents_are_told_apart_sqlite),
       T_ROW(what_is_said_is_written_down_and_silence_is_empty_sqlite),
       T_ROW(recordings_that_fail_are_tried_again_and_told_sqlite), T_ROW(texts_are_spoken_sqlite),
       T_ROW(pictures_are_drawn_in_every_aspect_sqlite),
       T_ROW(a_withdrawn_token_is_replaced_in_the_same_try_sqlite))
