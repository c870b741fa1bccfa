/* SPDX-License-Identifier: Apache-2.0
 * Real and sample answers of Gemini and Vertex AI, through the door that callers use: every file is
 * read as it should be, the same however it is cut, and never taken for whole when it is not. What
 * is expected was read from the files by hand and eye. */
#include "model_world.h"
#include "../products/robian/shared_data.h"

typedef struct Known {
    const char *file, *model;
    ChatEnd end;
    const char *reason, *begins, *ends;
    int64_t bytes, in, out, cached;
    const char *tools; /* "name arguments;" each */
    int64_t signed_bytes;
} Known;

static const Known answers[] = {
    {"gemini/streaming-failure-prompt-blocked-safety.txt", "m", CHAT_REFUSED, "SAFETY", "", "", 0,
     0, 0, 0, "", 0},
    {"gemini/streaming-success-basic-reply-long.txt", "gemini-2.0-flash", CHAT_DONE, "STOP",
     "Okay, let's dive into th", ", or health conditions.\n", 8845, 10, 1996, 0, "", 0},
    {"gemini/streaming-success-basic-reply-short.txt", "gemini-2.0-flash", CHAT_DONE, "STOP",
     "The capital of Wyoming i", "yoming is **Cheyenne**.\n", 40, 7, 10, 0, "", 0},
    {"gemini/streaming-success-citations.txt", "gemini-2.0-flash", CHAT_DONE, "STOP",
     "Okay, let's break down q", " your learning journey!\n", 6711, 15, 1381, 0, "", 0},
    {"gemini/streaming-success-empty-parts.txt", "gemini-2.5-flash-image-preview", CHAT_DONE,
     "STOP", "Here's a cute cartoon ki", "a ball of yarn for you! ", 66, 16, 1307, 0, "", 0},
    {"gemini/streaming-success-finish-message.txt", "gemini-2.0-flash", CHAT_DONE, "STOP",
     "Hello world!", "Hello world!", 12, 0, 0, 0, "", 0},
    {"gemini/streaming-success-no-content-parts.txt", "gemini-2.0-flash-preview-image-generation",
     CHAT_DONE, "STOP", "I will generate a 3D ren", ", slightly cloudy sky.\n\n", 419, 34, 1370, 0,
     "", 0},
    {"gemini/streaming-success-thinking-reply-thought-summary.txt", "gemini-2.5-flash", CHAT_DONE,
     "STOP", "The sky is blue because ", "appear blue to our eyes.", 263, 10, 588, 0, "", 0},
    {"gemini/streaming-success-url-context.txt", "gemini-2.5-flash", CHAT_DONE, "STOP",
     "\nThe Google homepage pri", " and an \"About\" section.", 361, 1057, 120, 0, "", 0},
    {"gemini/unary-failure-finish-reason-safety.json", "gemini-2.0-flash", CHAT_REFUSED, "SAFETY",
     "Safety error incoming in", "ncoming in 5, 4, 3, 2...", 38, 7, 20, 0, "", 0},
    {"gemini/unary-failure-finish-reason-safety.txt", "gemini-2.0-flash", CHAT_REFUSED, "SAFETY",
     "Safety error incoming in", "ncoming in 5, 4, 3, 2...", 38, 7, 20, 0, "", 0},
    {"gemini/unary-success-basic-reply-long.txt", "gemini-2.0-flash", CHAT_DONE, "STOP",
     "Making professional-qual", ", Hario V60, Chemex):**\n", 2593, 9, 1612, 0, "", 0},
    {"gemini/unary-success-basic-reply-short.json", "gemini-2.0-flash", CHAT_DONE, "STOP",
     "Google's headquarters, a", "ain View, California**.\n", 98, 7, 22, 0, "", 0},
    {"gemini/unary-success-basic-reply-short.txt", "gemini-2.0-flash", CHAT_DONE, "STOP",
     "Google's headquarters, a", "ain View, California**.\n", 98, 7, 22, 0, "", 0},
    {"gemini/unary-success-citations.txt", "gemini-2.0-flash", CHAT_DONE, "STOP",
     "Okay, let's break down q", "inating area of physics!", 93, 15, 1667, 0, "", 0},
    {"gemini/unary-success-code-execution.json", "gemini-2.5-flash", CHAT_DONE, "STOP",
     "The first 5 prime number", "\n2 + 3 + 5 + 7 + 11 = 28", 102, 181, 182, 0, "", 0},
    {"gemini/unary-success-google-maps-grounding.json", "gemini-2.5-flash", CHAT_DONE, "STOP",
     "Here are a few pizza pla", ", delivery, and dine-in.", 1095, 68, 375, 0, "", 0},
    {"gemini/unary-success-google-search-grounding.json", "gemini-2.0-flash", CHAT_DONE, "STOP",
     "The current weather in L", "humidity is around 41%.\n", 186, 8, 60, 0, "", 0},
    {"gemini/unary-success-thinking-function-call-thought-summary-signature.json", "gemini-2.5-pro",
     CHAT_TOOLS, "STOP", "", "", 0, 38, 509, 0, "now {};", 2508},
    {"gemini/unary-success-thinking-reply-thought-summary.json", "gemini-2.5-flash", CHAT_DONE,
     "STOP", "Mountain View", "Mountain View", 13, 14, 26, 0, "", 0},
    {"gemini/unary-success-url-context.json", "gemini-2.5-flash", CHAT_DONE, "STOP",
     "Berkshire Hathaway Inc.'", "h a GEICO advertisement.", 496, 439, 244, 0, "", 0},
    {"gemini-rec/test_google_model_iter_stream__0_200.sse", "gemini-2.0-flash", CHAT_TOOLS, "STOP",
     "", "", 0, 52, 5, 0, "get_capital {\"country\":\"France\"};", 0},
    {"gemini-rec/test_google_model_iter_stream__1_200.sse", "gemini-2.0-flash", CHAT_TOOLS, "STOP",
     "", "", 0, 64, 5, 0, "get_temperature {\"city\":\"Paris\"};", 0},
    {"gemini-rec/test_google_model_iter_stream__2_200.sse", "gemini-2.0-flash", CHAT_DONE, "STOP",
     "The temperature in Paris",
     "ature in Paris is 30\xC2\xB0"
     "C.\n",
     35, 79, 12, 0, "", 0},
    {"gemini-rec/test_google_model_max_tokens_thinking_model_empty_response__0_200.json",
     "gemini-2.5-pro", CHAT_LENGTH, "MAX_TOKENS", "", "", 0, 15, 2, 0, "", 0},
    {"gemini-rec/test_google_model_safety_settings__0_200.json", "gemini-1.5-flash", CHAT_REFUSED,
     "SAFETY", "", "", 0, 14, 0, 0, "", 0},
    {"gemini-rec/test_google_model_stream__0_200.sse", "gemini-2.0-flash-exp", CHAT_DONE, "STOP",
     "The capital of France is", "tal of France is Paris.\n", 32, 13, 8, 0, "", 0},
    {"gemini-rec/test_google_streaming_tool_call_thought_signature__0_200.sse",
     "gemini-3-pro-preview", CHAT_TOOLS, "STOP", "", "", 0, 29, 212, 0, "get_country {};", 1408},
    {"gemini-rec/test_google_streaming_tool_call_thought_signature__1_200.sse",
     "gemini-3-pro-preview", CHAT_DONE, "STOP", "The capital of Mexico is",
     "f Mexico is Mexico City.", 37, 257, 8, 0, "", 0},
    {"gemini-rec/test_google_vertex_service_tier_flex_stream__0_200.sse", "gemini-3-flash-preview",
     CHAT_DONE, "STOP", "OK", "OK", 2, 5, 101, 0, "", 724},
    {"gemini-rec/test_prompt__0_200.json", "gemini-3.6-flash", CHAT_DONE, "STOP", "Scoop", "Scoop",
     5, 11, 293, 0, "", 1600},
    {"gemini-rec/test_prompt_with_pydantic_schema__0_200.json", "gemini-3.6-flash", CHAT_DONE,
     "STOP", "{\"name\":\"Zephyr The Rock", "yards away in mid-air.\"}", 189, 5, 503, 0, "", 2652},
    {"gemini-rec/test_tools__0_200.json", "gemini-2.5-flash", CHAT_TOOLS, "STOP", "", "", 0, 32, 54,
     0, "pelican_name_generator {};", 336},
    {"gemini-rec/test_tools__1_200.json", "gemini-2.5-flash", CHAT_TOOLS, "STOP", "", "", 0, 105,
     13, 0, "pelican_name_generator {};", 0},
    {"gemini-rec/test_tools__2_200.json", "gemini-2.5-flash", CHAT_DONE, "STOP",
     "How about Charles and Sa", "about Charles and Sammy?", 28, 137, 6, 0, "", 0},
    {"vertex/streaming-failure-finish-reason-safety.txt", "gemini-1.5-flash", CHAT_REFUSED,
     "SAFETY", "<redacted>", "<redacted>", 10, 10, 66, 0, "", 0},
    {"vertex/streaming-failure-prompt-blocked-safety.txt", "m", CHAT_REFUSED, "SAFETY", "", "", 0,
     0, 0, 0, "", 0},
    {"vertex/streaming-failure-recitation-no-content.txt", "m", CHAT_REFUSED, "RECITATION",
     "Copyrighted text goes he", "ereMore copyrighted text", 47, 0, 0, 0, "", 0},
    {"vertex/streaming-failure-unknown-finish-enum.txt", "m", CHAT_DONE, "FAKE_ENUM",
     "**Cats:**\n\n- **Physical ", " health issues early on.", 3285, 0, 0, 0, "", 0},
    {"vertex/streaming-success-basic-reply-long.txt", "gemini-2.0-flash", CHAT_DONE, "STOP",
     "Okay, let's brew a decen", "ious coffee in no time.\n", 136, 12, 1706, 0, "", 0},
    {"vertex/streaming-success-basic-reply-parts.txt", "m", CHAT_DONE, "STOP", "1 2 3 4 5 6 7 8",
     "1 2 3 4 5 6 7 8", 15, 6, 326, 0, "", 0},
    {"vertex/streaming-success-basic-reply-short.txt", "m", CHAT_DONE, "STOP", "Cheyenne",
     "Cheyenne", 8, 6, 4, 0, "", 0},
    {"vertex/streaming-success-code-execution.txt", "gemini-2.5-flash", CHAT_DONE, "STOP",
     "To find the sum of the f", " 3, 5, 7, and 11) is 28.", 370, 581, 384, 0, "", 0},
    {"vertex/streaming-success-empty-text-part.txt", "m", CHAT_DONE, "STOP", "1", "1", 1, 8, 1, 0,
     "", 0},
    {"vertex/streaming-success-function-call-short.txt", "m", CHAT_TOOLS, "STOP", "", "", 0, 0, 0,
     0, "getTemperature {\"city\":\"San Jose\"};", 0},
    {"vertex/streaming-success-thinking-reply-thought-summary.txt", "gemini-2.5-flash", CHAT_DONE,
     "STOP", "The sky is blue due to a", "more sensitive to blue).", 607, 9, 1201, 0, "", 0},
    {"vertex/streaming-success-unknown-safety-enum.txt", "m", CHAT_DONE, "STOP",
     "**Cats:**\n\n- **Physical ", " health issues early on.", 3285, 0, 0, 0, "", 0},
    {"vertex/streaming-success-utf8.txt", "m", CHAT_DONE, "STOP",
     "\xE7\xA7\x8B\xE9\xA3\x8E\xE7\x91\x9F\xE7\x91\x9F\xEF\xBC\x8C\xE5\x8F\xB6\xE8\x90\xBD\xE7\xBA"
     "\xB7\xE7\xBA\xB7\xEF\xBC\x8C\n\xE8\xA5\xBF\xE9\xA3\x8E\xE6\xAE\x8B\xE7\x85\xA7\xEF\xBC\x8C"
     "\xE5\xAF\x92\xE9\x9C\x9C\xE6\xB8\x90\xE6\xB5\x93\xE3\x80\x82\n\xE6\x9E\xAB\xE5\x8F\xB6",
     "\xE8\xB5\x8F\xE7\xA7\x8B\xE5\xA4\xA9\xE7\x9A\x84\xE7\xBE\x8E\xE6\x99\xAF\xEF\xBC\x8C\n\xE6"
     "\x84\x9F\xE5\x8F\x97\xE7\xA7\x8B\xE5\xA4\xA9\xE7\x9A\x84\xE6\xB0\x94\xE6\x81\xAF\xEF\xBC\x8C"
     "\xE9\xA2\x86\xE6\x82\x9F\xE7\xA7\x8B\xE5\xA4\xA9\xE7\x9A\x84\xE5\x93\xB2\xE7\x90\x86\xE3\x80"
     "\x82",
     633, 0, 0, 0, "", 0},
    {"vertex/unary-failure-finish-reason-safety-no-content.json", "gemini-1.5-flash", CHAT_REFUSED,
     "SAFETY", "", "", 0, 8, 0, 0, "", 0},
    {"vertex/unary-failure-finish-reason-safety.json", "gemini-1.5-flash", CHAT_REFUSED, "SAFETY",
     "<redacted>", "<redacted>", 10, 8, 0, 0, "", 0},
    {"vertex/unary-failure-prompt-blocked-safety-with-message.json", "m", CHAT_REFUSED, "SAFETY",
     "", "", 0, 0, 0, 0, "", 0},
    {"vertex/unary-failure-prompt-blocked-safety.json", "m", CHAT_REFUSED, "SAFETY", "", "", 0, 0,
     0, 0, "", 0},
    {"vertex/unary-failure-unknown-enum-finish-reason.json", "m", CHAT_DONE,
     "FAKE_NEW_FINISH_REASON", "Some text", "Some text", 9, 0, 0, 0, "", 0},
    {"vertex/unary-failure-unknown-enum-prompt-blocked.json", "m", CHAT_REFUSED,
     "FAKE_NEW_BLOCK_REASON", "", "", 0, 0, 0, 0, "", 0},
    {"vertex/unary-success-basic-reply-long.json", "m", CHAT_DONE, "STOP",
     "1. **Use Freshly Ground ", "n 30 minutes of brewing.", 2108, 6, 303, 0, "", 0},
    {"vertex/unary-success-basic-reply-short.json", "m", CHAT_DONE, "STOP",
     "Mountain View, Californi", "ountain View, California", 25, 6, 7, 0, "", 0},
    {"vertex/unary-success-basic-response-long-usage-metadata.json", "m", CHAT_DONE, "STOP",
     "Here is a description of", "iption of the image:\\n\\n", 39, 1837, 76, 0, "", 0},
    {"vertex/unary-success-citations.json", "m", CHAT_DONE, "STOP", "Some information cited f",
     " from an external source", 46, 15, 253, 0, "", 0},
    {"vertex/unary-success-code-execution.json", "gemini-2.5-flash", CHAT_DONE, "STOP",
     "To find the sum of the f", " 3, 5, 7, and 11) is 28.", 370, 391, 384, 0, "", 0},
    {"vertex/unary-success-constraint-decoding-json.json", "m", CHAT_DONE, "STOP",
     "[\n  {\n    \"name\": \"Fuji ", " \"#F2A857\"\n    ]\n  }\n]\n\n", 433, 0, 0, 0, "", 0},
    {"vertex/unary-success-empty-part.json", "gemini-2.5-flash-image-preview", CHAT_DONE, "STOP",
     "I can certainly help you", "with lots of greenery:\n\n", 167, 33, 299, 0, "", 0},
    {"vertex/unary-success-empty-text-part.json", "gemini-2.0-flash-exp", CHAT_DONE, "STOP", "", "",
     0, 8, 0, 0, "", 0},
    {"vertex/unary-success-function-call-complex-json-literal.json", "m", CHAT_TOOLS, "STOP", "",
     "", 0, 774, 4176, 0,
     "functionName {\"original_title\":\"Longer "
     "String\",\"current\":true,\"testObject\":{\"testProperty\":\"string property\"}};",
     0},
    {"vertex/unary-success-function-call-empty-arguments.json", "m", CHAT_TOOLS, "STOP", "", "", 0,
     0, 0, 0, "current_time {};", 0},
    {"vertex/unary-success-function-call-json-literal.json", "m", CHAT_TOOLS, "STOP", "", "", 0,
     774, 4176, 0, "functionName {\"original_title\":\"String\",\"current\":true};", 0},
    {"vertex/unary-success-function-call-mixed-content.json", "m", CHAT_TOOLS, "STOP",
     "The sum of [1, 2,3] is", "The sum of [1, 2,3] is", 22, 0, 0, 0,
     "sum {\"y\":1,\"x\":2};sum {\"y\":3,\"x\":3};", 0},
    {"vertex/unary-success-function-call-null.json", "m", CHAT_TOOLS, "STOP", "", "", 0, 774, 4176,
     0, "functionName {\"original_title\":\"String\",\"season\":null};", 0},
    {"vertex/unary-success-function-call-parallel-calls.json", "m", CHAT_TOOLS, "STOP", "", "", 0,
     0, 0, 0, "sum {\"y\":1,\"x\":2};sum {\"y\":3,\"x\":4};sum {\"y\":5,\"x\":6};", 0},
    {"vertex/unary-success-function-call-with-arguments.json", "m", CHAT_TOOLS, "STOP", "", "", 0,
     0, 0, 0, "sum {\"y\":5,\"x\":4};", 0},
    {"vertex/unary-success-google-maps-grounding.json", "gemini-2.0-flash", CHAT_DONE, "STOP",
     "Here are some pizza rest", " find some great pizza!\n", 3365, 8, 1054, 0, "", 0},
    {"vertex/unary-success-image-invalid-safety-ratings.json", "gemini-2.0-flash-exp", CHAT_DONE,
     "STOP", "", "", 0, 15, 258, 0, "", 0},
    {"vertex/unary-success-implicit-caching.json", "gemini-2.5-flash", CHAT_DONE, "STOP",
     "Red Riding Hood is looki", "ections** in the forest.", 60, 12013, 88, 11243, "", 0},
    {"vertex/unary-success-including-severity.json", "m", CHAT_DONE, "STOP",
     "## One Thousand and One ", "and South Asian stories.", 160, 11, 592, 0, "", 0},
    {"vertex/unary-success-partial-usage-metadata.json", "m", CHAT_DONE, "STOP",
     "Mountain View, Californi", "alifornia, United States", 40, 6, 0, 0, "", 0},
    {"vertex/unary-success-quote-reply.json", "m", CHAT_DONE, "STOP", "Google's mission is to \"",
     " accessible and useful.\"", 104, 0, 0, 0, "", 0},
    {"vertex/unary-success-unknown-enum-safety-ratings.json", "m", CHAT_DONE, "STOP", "Some text",
     "Some text", 9, 0, 0, 0, "", 0},
    {"vertex/unary-success-url-context-missing-retrievedurl.json", "gemini-2.5-flash", CHAT_DONE,
     "STOP", "I attempted to access th", " actual active websites.", 492, 235, 329, 0, "", 0},
    {"vertex/unary-success-url-context.json", "gemini-2.5-flash", CHAT_DONE, "STOP",
     "The Berkshire Hathaway I", "rmation on common stock.", 567, 47, 134, 0, "", 0},
    {"vertex/unary-success-usage-metadata.json", "m", CHAT_DONE, "STOP", "Mountain View, Californi",
     "alifornia, United States", 40, 6, 357, 0, "", 0},
};

/* What is no answer, or an error. status: with which it comes. */
static const struct {
    const char *file;
    int status;
    ErrKind kind;
    const char *code;
} failures[] = {
    {"gemini/streaming-failure-image-rejected.txt", 400, ERR_INVALID, "ai_refused_request"},
    {"gemini/unary-failure-api-key.json", 400, ERR_NOT_CONFIGURED, "ai_wrong_key"},
    {"gemini/unary-failure-generativelanguage-api-not-enabled.json", 403, ERR_NOT_CONFIGURED,
     "ai_wrong_key"},
    {"gemini/unary-failure-unknown-model.json", 404, ERR_INVALID, "ai_unknown_model"},
    {"gemini/unary-failure-unknown-model.txt", 404, ERR_INVALID, "ai_unknown_model"},
    {"gemini/unary-failure-with-message-no-content.json", 200, ERR_UPSTREAM, "ai_bad_answer"},
    /* Without a reason, a stream may be half of one. */
    {"vertex/streaming-failure-empty-content.txt", 200, ERR_UPSTREAM, "ai_cut_short"},
    {"vertex/streaming-failure-malformed-content.txt", 200, ERR_UPSTREAM, "ai_cut_short"},
    {"vertex/streaming-success-quotes-escaped.txt", 200, ERR_UPSTREAM, "ai_cut_short"},
    {"vertex/streaming-failure-invalid-json.txt", 200, ERR_UPSTREAM, "ai_bad_answer"},
    {"vertex/streaming-failure-error-mid-stream.txt", 200, ERR_UPSTREAM, NULL},
    {"vertex/streaming-failure-image-rejected.txt", 400, ERR_INVALID, "ai_refused_request"},
    {"vertex/unary-failure-api-key.json", 400, ERR_NOT_CONFIGURED, "ai_wrong_key"},
    {"vertex/unary-failure-context-cache-model-doesnt-match.json", 400, ERR_INVALID,
     "ai_refused_request"},
    {"vertex/unary-failure-empty-content.json", 200, ERR_UPSTREAM, "ai_bad_answer"},
    {"vertex/unary-failure-firebasevertexai-api-not-enabled.json", 403, ERR_NOT_CONFIGURED,
     "ai_wrong_key"},
    {"vertex/unary-failure-generate-images-prompt-blocked.json", 400, ERR_INVALID,
     "ai_refused_request"},
    {"vertex/unary-failure-http-error.json", 400, ERR_NOT_CONFIGURED, NULL},
    {"vertex/unary-failure-iam-permission-denied.json", 403, ERR_NOT_CONFIGURED, "ai_wrong_key"},
    {"vertex/unary-failure-invalid-context-cache-id.json", 400, ERR_INVALID, "ai_refused_request"},
    {"vertex/unary-failure-invalid-location-url-not-found.html", 404, ERR_NOT_CONFIGURED, NULL},
    {"vertex/unary-failure-invalid-response.json", 200, ERR_UPSTREAM, "ai_bad_answer"},
    {"vertex/unary-failure-model-not-found.json", 404, ERR_INVALID, "ai_unknown_model"},
    {"vertex/unary-failure-unknown-model.json", 404, ERR_INVALID, "ai_unknown_model"},
    /* Of calls that we do not make: Imagen's pictures, counts of tokens. */
    {"vertex/unary-failure-generate-images-all-filtered.json", 200, ERR_UPSTREAM, "ai_bad_answer"},
    {"vertex/unary-failure-generate-images-base64-some-filtered.json", 200, ERR_UPSTREAM,
     "ai_bad_answer"},
    {"vertex/unary-success-generate-images-gcs.json", 200, ERR_UPSTREAM, "ai_bad_answer"},
    {"vertex/unary-success-generate-images-safety_info.json", 200, ERR_UPSTREAM, "ai_bad_answer"},
    {"vertex/unary-success-no-billable-characters.json", 200, ERR_UPSTREAM, "ai_bad_answer"},
    {"vertex/unary-success-total-tokens.json", 200, ERR_UPSTREAM, "ai_bad_answer"},
};

/* Of errors_429_retryinfo.json, by member. */
static const struct {
    const char *member;
    int status;
    ErrKind kind;
    const char *code;
    int64_t retry_after_s;
} quotas[] = {
    {"per_minute_retryinfo", 429, ERR_RATE_LIMITED, NULL, 34},
    {"daily_free_tier_terminal", 429, ERR_PAYMENT_REQUIRED, "ai_provider_quota", 0},
    {"fractional_delay", 429, ERR_RATE_LIMITED, NULL, 2},
    {"no_retryinfo", 429, ERR_RATE_LIMITED, NULL, 0},
    {"invalid_key", 400, ERR_NOT_CONFIGURED, "ai_wrong_key", 0},
};

static const Provider *provider_of(const char *file) {
    return strncmp(file, "vertex/", 7) == 0 ? &provider_vertex : &provider_gemini;
}

static bool load(const char *file) {
    model_reset();
    model.body = shared_read(model.arena, str_cstr(c->arena, strf(c->arena, "llm/%s", file)));
    model.events = str_starts(model.body, S("data:"));
    return !str_is_null(model.body);
}

#define NEED_DATA() \
    if (!load(answers[0].file)) SKIP("no shared data (SOCLE_SHARED_DATA)")

static Str tools_text(const ChatAnswer *a) {
    Buf b = buf_new(c->arena, 128);
    for (ptrdiff_t i = 0; i < a->count; i++)
        if (a->parts[i].kind == CHAT_TOOL_CALL)
            buf_f(&b, "%.*s %.*s;", S_ARG(a->parts[i].name), S_ARG(a->parts[i].text));
    return buf_str(&b);
}

static void known_check(const Known *k, const ChatAnswer *a) {
    int before = t_failures;
    int64_t signed_bytes = 0;
    for (ptrdiff_t i = 0; i < a->count; i++) signed_bytes += a->parts[i].signature.len;
    CHECK_INT(a->text.len, k->bytes);
    CHECK(str_starts(a->text, str_c(k->begins)));
    CHECK(str_ends(a->text, str_c(k->ends)));
    CHECK_INT(a->end, k->end);
    CHECK_STR(a->reason, str_c(k->reason));
    CHECK_STR(a->origin.model, str_c(k->model));
    CHECK_INT(a->usage.tokens_in, k->in);
    CHECK_INT(a->usage.tokens_out, k->out);
    CHECK_INT(a->usage.tokens_cached, k->cached);
    CHECK_STR(tools_text(a), str_c(k->tools));
    CHECK_INT(signed_bytes, k->signed_bytes);
    if (t_failures > before) printf("  of %s\n", k->file);
}

TEST(every_answer_is_read_right_whole_or_streamed) {
    NEED_DATA();
    for (ptrdiff_t i = 0; i < COUNT(answers); i++) {
        ChatAnswer a;
        Told told;
        const Provider *p = provider_of(answers[i].file);
        REQUIRE(load(answers[i].file));
        if (!model.events && GOOD(ask(p, question("m", "?"), &a))) known_check(&answers[i], &a);
        /* A stream's answer may be one JSON text, too: without alt=sse it is. */
        Err *err = ask_streamed(p, question("m", "?"), &told, &a);
        if (!GOOD(err)) printf("  of %s\n", answers[i].file);
        if (err) continue;
        known_check(&answers[i], &a);
        CHECK_STR(buf_str(&told.text), a.text);
        CHECK(!told.bad);
    }
}

TEST(every_failure_is_told_as_what_it_is) {
    NEED_DATA();
    for (ptrdiff_t i = 0; i < COUNT(failures); i++)
        for (int streamed = 0; streamed < 2; streamed++) {
            ChatAnswer a;
            Told told;
            const Provider *p = provider_of(failures[i].file);
            REQUIRE(load(failures[i].file));
            model.status = failures[i].status;
            if (model.events && !streamed) continue;
            Err *err = streamed ? ask_streamed(p, question("m", "?"), &told, &a)
                                : ask(p, question("m", "?"), &a);
            if (!t_fails(err, failures[i].kind, failures[i].file, __FILE__, __LINE__)) continue;
            if (failures[i].code && !CHECK_STR(err->code, str_c(failures[i].code)))
                printf("  of %s\n", failures[i].file);
            if (!failures[i].code) CHECK(str_is_null(err->code));
        }
}

TEST(a_minutes_quota_passes_and_a_days_does_not) {
    NEED_DATA();
    json_t *json;
    REQUIRE(load("gemini/errors_429_retryinfo.json"));
    REQUIRE(GOOD(json_parse(c, model.body, &json)));
    for (ptrdiff_t i = 0; i < COUNT(quotas); i++)
        for (int list = 0; list < 2; list++) { /* without alt=sse an error is a list of one */
            ChatAnswer a;
            Buf b = buf_new(model.arena, KIB);
            if (list) buf_byte(&b, '[');
            buf_json_value(&b, json_at(json, quotas[i].member));
            if (list) buf_byte(&b, ']');
            model.body = buf_str(&b);
            model.status = quotas[i].status;
            Err *err = ask(&provider_gemini, question("m", "?"), &a);
            if (!t_fails(err, quotas[i].kind, quotas[i].member, __FILE__, __LINE__)) continue;
            CHECK_INT(err->retry_after_s, quotas[i].retry_after_s);
            if (quotas[i].code) CHECK_STR(err->code, str_c(quotas[i].code));
        }
    ChatAnswer a;
    Buf b = buf_new(model.arena, KIB);
    buf_json_value(&b, json_at(json, "blocked_prompt"));
    model_reset();
    model.body = buf_str(&b);
    if (GOOD(ask(&provider_gemini, question("m", "?"), &a))) {
        CHECK_INT(a.end, CHAT_REFUSED);
        CHECK_STR(a.reason, S("SAFETY"));
    }
}

static bool is_in_a_table(Str file) {
    if (str_eq(file, S("gemini/errors_429_retryinfo.json"))) return true;
    for (ptrdiff_t i = 0; i < COUNT(answers); i++)
        if (str_eq(file, str_c(answers[i].file))) return true;
    for (ptrdiff_t i = 0; i < COUNT(failures); i++)
        if (str_eq(file, str_c(failures[i].file))) return true;
    return false;
}

TEST(no_file_is_left_out) {
    NEED_DATA();
    static const char *const folders[] = {"gemini", "gemini-rec", "vertex"};
    const char *root = getenv("SOCLE_SHARED_DATA");
    if (!root) SKIP("SOCLE_SHARED_DATA is not set");
    for (ptrdiff_t i = 0; i < COUNT(folders); i++) {
        int count = 0;
        DIR *dir = opendir(str_cstr(c->arena, strf(c->arena, "%s/llm/%s", root, folders[i])));
        REQUIRE(dir != NULL);
        for (struct dirent *e; (e = readdir(dir));) {
            if (e->d_name[0] == '.' || strstr(e->d_name, ".request.")) continue;
            count++;
            if (!CHECK(is_in_a_table(strf(c->arena, "%s/%s", folders[i], e->d_name))))
                printf("  %s/%s\n", folders[i], e->d_name);
        }
        closedir(dir);
        CHECK(count > 10);
    }
}

/* -- cuts -------------------------------------------------------------------------------------- */

TEST(streams_say_the_same_however_they_are_cut_into_pieces) {
    NEED_DATA();
    for (ptrdiff_t i = 0; i < COUNT(answers); i++) {
        ChatAnswer a;
        Told told;
        const Provider *p = provider_of(answers[i].file);
        REQUIRE(load(answers[i].file));
        if (model.body.len > 20000) continue;
        recordings_begin();
        ai_settings.record = S("record");
        REQUIRE(GOOD(ask_streamed(p, question("m", "?"), &told, &a)));
        Str want = answer_text(&a);
        ai_settings.record = S("play");
        int64_t bad = 0;
        for (int64_t piece = 1; piece <= model.body.len;
             piece += piece < 40 ? 1 : 1 + model.body.len / 60) {
            CtxMark mark = ctx_mark(c);
            ai_settings.play_bytes = piece;
            Err *err = ask_streamed(p, question("m", "?"), &told, &a);
            bad += err || told.bad || !str_eq(answer_text(&a), want) ||
                   !str_eq(buf_str(&told.text), a.text);
            ctx_release(c, mark);
        }
        if (!CHECK_INT(bad, 0)) printf("  of %s\n", answers[i].file);
        recordings_end();
    }
}

/* Short ones at every byte, the others at some two hundred. */
TEST(a_stream_that_breaks_is_the_same_answer_or_cut_short) {
    NEED_DATA();
    for (ptrdiff_t i = 0; i < COUNT(answers); i++) {
        const Known *k = &answers[i];
        const Provider *p = provider_of(k->file);
        int64_t wrong = 0, cuts = 0;
        REQUIRE(load(k->file));
        if (!model.events) continue;
        ptrdiff_t step = model.body.len < 1100 ? 1 : model.body.len / 200;
        for (model.cut = 0; model.cut < model.body.len; model.cut += step) {
            ChatAnswer a;
            Told told;
            CtxMark mark = ctx_mark(c);
            Err *err = ask_streamed(p, question("m", "?"), &told, &a);
            bool cut = err && err->kind == ERR_UPSTREAM && str_eq(err->code, S("ai_cut_short"));
            bool whole = !err && a.text.len == k->bytes && a.end == k->end &&
                         str_eq(tools_text(&a), str_c(k->tools)) && a.usage.tokens_out == k->out;
            wrong += (!cut && !whole) || told.bad || told.text.len > k->bytes;
            cuts += cut;
            ctx_release(c, mark);
        }
        if (!CHECK_INT(wrong, 0) || !CHECK(cuts > 0)) printf("  of %s\n", k->file);
    }
}

/* -- what goes back ---------------------------------------------------------------------------- */

static json_t *recorded_request(const char *file) {
    json_t *json = NULL;
    Str text = shared_read(c->arena, str_cstr(c->arena, strf(c->arena, "llm/%s", file)));
    if (!GOOD(json_parse(c, text, &json))) return NULL;
    return json_path(json, "body");
}

/* Ids are each client's own. */
static void ids_drop(json_t *contents) {
    for (size_t i = 0; i < json_array_size(contents); i++) {
        json_t *parts = json_at(json_array_get(contents, i), "parts");
        for (size_t k = 0; k < json_array_size(parts); k++) {
            json_object_del(json_at(json_array_get(parts, k), "functionCall"), "id");
            json_object_del(json_at(json_array_get(parts, k), "functionResponse"), "id");
        }
    }
}

TEST(calls_their_answers_and_signatures_go_back_as_others_send_them) {
    NEED_DATA();
    ChatAnswer first, second;
    Told told;
    json_t *sent;
    REQUIRE(load("gemini-rec/test_google_streaming_tool_call_thought_signature__0_200.sse"));
    json_t *request = recorded_request(
        "gemini-rec/test_google_streaming_tool_call_thought_signature__1_200.request.json");
    REQUIRE(request != NULL);
    ChatTool tool = {S("get_country"),
                     S(""),
                     {S("{\"additionalProperties\":false,\"properties\":{},\"type\":\"object\"}")}};
    ChatRequest q =
        question("gemini-3-pro-preview", "What is the capital of the user country? Call the tool");
    q.tools = &tool;
    q.tool_count = 1;
    REQUIRE(GOOD(ask_streamed(&provider_gemini, q, &told, &first)));
    REQUIRE(CHECK_INT(first.count, 1));
    ChatPart result = {.kind = CHAT_TOOL_ANSWER,
                       .id = first.parts[0].id,
                       .text = S("{\"return_value\":\"Mexico\"}")};
    ChatMessage messages[] = {
        q.messages[0], {CHAT_ASSISTANT, first.parts, first.count}, {CHAT_TOOL, &result, 1}};
    q.messages = messages;
    q.message_count = COUNT(messages);
    REQUIRE(GOOD(ask_streamed(&provider_gemini, q, &told, &second)));
    REQUIRE(GOOD(json_parse(c, model.seen_body, &sent)));
    json_t *mine = json_at(sent, "contents"), *theirs = json_at(request, "contents");
    Str id = json_str(json_path(mine, "1.parts.0.functionCall.id"));
    CHECK(id.len > 0 && str_eq(id, json_str(json_path(mine, "2.parts.0.functionResponse.id"))));
    ids_drop(mine);
    ids_drop(theirs);
    /* The recording's signature was written in the other alphabet of base64. */
    Str signature = json_str(json_path(mine, "1.parts.0.thoughtSignature"));
    CHECK_STR(signature, first.parts[0].signature);
    CHECK_INT(signature.len, json_str(json_path(theirs, "1.parts.0.thoughtSignature")).len);
    json_object_del(json_path(mine, "1.parts.0"), "thoughtSignature");
    json_object_del(json_path(theirs, "1.parts.0"), "thoughtSignature");
    CHECK(json_equal(mine, theirs));
}

TEST(a_conversation_of_two_tools_is_sent_as_others_send_it) {
    NEED_DATA();
    ChatAnswer a[3];
    Told told;
    json_t *sent,
        *request = recorded_request("gemini-rec/test_google_model_iter_stream__2_200.request.json");
    REQUIRE(request != NULL);
    ChatRequest q =
        question("gemini-2.0-flash", "What is the temperature of the capital of France?");
    q.system = S("You are a helpful chatbot.");
    ChatPart results[2];
    ChatMessage messages[5] = {q.messages[0]};
    static const char *const values[] = {"{\"return_value\":\"Paris\"}",
                                         "{\"return_value\":\"30\xC2\xB0"
                                         "C\"}"};
    q.messages = messages;
    for (int i = 0; i < 3; i++) {
        q.message_count = 1 + 2 * i;
        REQUIRE(load(str_cstr(c->arena, strf(c->arena,
                                             "gemini-rec/test_google_model_iter_stream__%d"
                                             "_200.sse",
                                             i))));
        REQUIRE(GOOD(ask_streamed(&provider_gemini, q, &told, &a[i])));
        if (i == 2) break;
        results[i] = (ChatPart){.kind = CHAT_TOOL_ANSWER,
                                .id = a[i].parts[0].id,
                                .name = a[i].parts[0].name,
                                .text = str_c(values[i])};
        messages[1 + 2 * i] = (ChatMessage){CHAT_ASSISTANT, a[i].parts, a[i].count};
        messages[2 + 2 * i] = (ChatMessage){CHAT_TOOL, &results[i], 1};
    }
    REQUIRE(GOOD(json_parse(c, model.seen_body, &sent)));
    json_t *mine = json_at(sent, "contents"), *theirs = json_at(request, "contents");
    ids_drop(mine);
    ids_drop(theirs);
    CHECK(json_equal(mine, theirs));
    CHECK(json_equal(json_path(sent, "systemInstruction.parts"),
                     json_path(request, "systemInstruction.parts")));
}

/* -- pictures ---------------------------------------------------------------------------------- */

TEST(recorded_pictures_are_taken_out_of_their_answers) {
    NEED_DATA();
    static const char *const files[] = {"vertex/unary-success-image-invalid-safety-ratings.json",
                                        "vertex/unary-success-empty-part.json"};
    ImageRequest q = {.model = S("m"), .prompt = S("a cat"), .aspect = S("4:3")};
    for (ptrdiff_t i = 0; i < COUNT(files); i++) {
        Image image = {0};
        REQUIRE(load(files[i]));
        if (!GOOD(provider_vertex.image(c, &q, &image))) continue;
        CHECK(str_starts(image.bytes, S("\x89PNG\r\n\x1a\n")));
        CHECK(str_ends(image.bytes, S("IEND\xAE\x42\x60\x82")));
        CHECK_INT(image.usage.tokens_in, i == 0 ? 15 : 33);
        CHECK_INT(image.usage.tokens_out, i == 0 ? 258 : 299);
    }
    Image image = {0};
    REQUIRE(load("vertex/unary-failure-finish-reason-safety-no-content.json"));
    Err *err = provider_vertex.image(c, &q, &image);
    if (t_fails(err, ERR_INVALID, "refused", __FILE__, __LINE__))
        CHECK_STR(err->code, S("ai_refused_request"));
    REQUIRE(load("vertex/unary-success-basic-reply-short.json"));
    err = provider_vertex.image(c, &q, &image);
    if (t_fails(err, ERR_UPSTREAM, "text only", __FILE__, __LINE__))
        CHECK_STR(err->code, S("ai_bad_answer"));
}

T_LOOP_MAIN(1, model_start, model_stop, T_ROW(every_answer_is_read_right_whole_or_streamed),
            T_ROW(every_failure_is_told_as_what_it_is),
            T_ROW(a_minutes_quota_passes_and_a_days_does_not), T_ROW(no_file_is_left_out),
            T_ROW(streams_say_the_same_however_they_are_cut_into_pieces),
            T_ROW(a_stream_that_breaks_is_the_same_answer_or_cut_short),
            T_ROW(calls_their_answers_and_signatures_go_back_as_others_send_them),
            T_ROW(a_conversation_of_two_tools_is_sent_as_others_send_it),
            T_ROW(recorded_pictures_are_taken_out_of_their_answers))
