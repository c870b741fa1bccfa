/* SPDX-License-Identifier: Apache-2.0
 * The strict stand-ins of test/fake/models.py as a process beside a test, and the settings pointed at
 * them. */
#ifndef SOCLE_TEST_FAKE_WORLD_H
#define SOCLE_TEST_FAKE_WORLD_H

#include <unistd.h>

#include "ai/provider.h"
#include "ai/settings.h"
#include "ai/vertex_auth.h"
#include "net/client.h"
#include "rt/process.h"

enum { PROVIDERS = 5 };
static const Provider *const all[PROVIDERS] = {
    &provider_openai, &provider_anthropic, &provider_mistral, &provider_gemini, &provider_vertex};
static const char *const models[PROVIDERS] = {"gpt-4o-mini", "claude-haiku-4-5",
                                              "mistral-small-latest", "gemini-3.5-flash",
                                              "gemini-3.5-flash"};

static Process *fake;
static Arena *fake_arena; /* of its address and key file */
static Str base, key_file;

static inline json_t *admin(Ctx *own, const char *method, const char *verb, const char *body) {
    json_t *json = NULL;
    HttpAnswer a;
    HttpCall call = {.method = method,
                     .url = strf(own->arena, "%.*s/admin/%s", S_ARG(base), verb),
                     .body = str_c(body),
                     .timeout_ms = 10000};
    if (GOOD(http_call(own, &call, &a))) GOOD(json_parse(own, a.body, &json));
    return json;
}

static inline void fault(Ctx *own, int provider, const char *name, int times) {
    admin(
        own, "POST", "fault",
        str_cstr(own->arena, strf(own->arena, "{\"fault\":\"%s\",\"provider\":\"%s\",\"times\":%d}",
                                  name, all[provider]->name, times)));
}

/* What was refused since the last look. */
static inline int64_t refused(Ctx *own) {
    json_t *report = admin(own, "GET", "calls", NULL);
    const json_t *list = json_at(report, "refused");
    for (size_t i = 0; i < json_array_size(list); i++)
        printf("  refused: %.*s\n", S_ARG(json_str(json_path(json_array_get(list, i), "3"))));
    admin(own, "POST", "reset", "null");
    return (int64_t)json_array_size(list);
}

static inline void fake_settings(void) {
    ai_settings.openai_url = strf(fake_arena, "%.*s/openai/v1", S_ARG(base));
    ai_settings.anthropic_url = strf(fake_arena, "%.*s/anthropic", S_ARG(base));
    ai_settings.mistral_url = strf(fake_arena, "%.*s/mistral/v1", S_ARG(base));
    ai_settings.gemini_url = strf(fake_arena, "%.*s/gemini", S_ARG(base));
    ai_settings.vertex_url = strf(fake_arena, "%.*s/vertex", S_ARG(base));
    ai_settings.google_token_url = strf(fake_arena, "%.*s/google/token", S_ARG(base));
    ai_settings.openai_key = S("sk-openai-of-tests");
    ai_settings.anthropic_key = S("sk-anthropic-of-tests");
    ai_settings.mistral_key = S("sk-mistral-of-tests");
    ai_settings.gemini_key = S("key-gemini-of-tests");
    ai_settings.vertex_project = S("tests");
    ai_settings.google_credentials = key_file;
    vertex_token_reset();
}

static inline void fake_key_file(Ctx *own) {
    char path[] = "/tmp/socle-key-XXXXXX";
    Buf b = buf_new(own->arena, 4 * KIB);
    buf_json_value(&b, admin(own, "GET", "account", NULL));
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, b.data, (size_t)b.len) != b.len) abort();
    close(fd);
    key_file = str_copy(fake_arena, str_c(path));
}

static inline void fake_begin(Ctx *own) {
    const char *root = getenv("SOCLE_TEST_ROOT");
    Str script = strf(own->arena, "%s/test/fake/models.py", root ? root : ".");
    const char *argv[] = {"/usr/bin/python3", "-B", str_cstr(own->arena, script), NULL};
    Str line = {0};
    fake_arena = arena_new(MIB);
    base = (Str){0};
    if (process_start(own, (ProcessOptions){.argv = argv}, &fake)) return;
    if (process_line(own, fake, &line) || !str_starts(line, S("models listen on "))) {
        printf("  %.*s\n", S_ARG(process_errors(fake)));
        return;
    }
    base = str_copy(fake_arena, str_slice(line, 17, line.len));
    fake_key_file(own);
    fake_settings();
}

static inline void fake_finish(Ctx *own) {
    if (fake) process_end(own, fake);
    fake = NULL;
    if (key_file.len) unlink(str_cstr(own->arena, key_file));
    key_file = (Str){0};
    arena_free(fake_arena);
}

#define NEED_FAKE() \
    if (str_is_null(base)) SKIP("python3 is not there, or the stand-in did not start")

#endif
