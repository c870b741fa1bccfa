/* SPDX-License-Identifier: Apache-2.0
 * A model's service on loopback that says what a test tells it to, and what was asked of it. The
 * providers' addresses and keys point at it; everything runs in one loop.
 *
 *   model.body = …, model.events = true;     the next answers, as an event stream
 *   model.cut = 100;                         the connection breaks after so many bytes of it
 *   model.token = "ya29.2";                  what POST /token gives, to whomever; status 0: 200 */
#ifndef SOCLE_TEST_MODEL_WORLD_H
#define SOCLE_TEST_MODEL_WORLD_H

#include <dirent.h>
#include <openssl/pem.h>
#include <unistd.h>

#include "ai/provider.h"
#include "ai/settings.h"
#include "ai/vertex_auth.h"
#include "rt/io.h"
#include "t_loop.h"

static struct {
    int status;
    Str headers, body;
    bool events;     /* text/event-stream, else application/json */
    ptrdiff_t cut;   /* -1: whole */
    ptrdiff_t piece; /* bytes written at once; 0: all */
    bool silent;     /* says nothing after the body, and does not end it */
    int requests;
    Str seen_head, seen_body;
    const char *token, *only; /* only: calls with another token are answered 401 */
    int token_status, token_requests, token_life_s, token_takes_ms;
    Str seen_claim, key_file;
    Arena *arena; /* of what was seen, and of expected texts */
    Listener *listener;
} model;

static void model_say(Ctx *own, Stream *s, Str text) {
    if (stream_write(own, s, &text, 1)) return; /* the client hung up: the next read ends us */
}

static void model_chunk(Ctx *own, Stream *s, Str bytes) {
    if (bytes.len == 0) return;
    Str parts[] = {strf(own->arena, "%tx\r\n", bytes.len), bytes, S("\r\n")};
    if (stream_write(own, s, parts, COUNT(parts))) return;
}

static void model_plain(Ctx *own, Stream *s, int status, Str body) {
    model_say(own, s,
              strf(own->arena,
                   "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %td\r\n\r\n"
                   "%.*s",
                   status, body.len, S_ARG(body)));
}

static void model_token(Ctx *own, Stream *s) {
    model.token_requests++;
    model.seen_claim = model.seen_body;
    if (model.token_takes_ms && sleep_ms(own, model.token_takes_ms)) return;
    if (model.token_status) {
        model_plain(own, s, model.token_status, S("{\"error\":\"invalid_grant\"}"));
        return;
    }
    model_plain(own, s, 200,
                strf(own->arena,
                     "{\"access_token\":\"%s\",\"expires_in\":%d,\"token_type\":\"Bearer\"}",
                     model.token, model.token_life_s));
}

static bool model_refuses(void) {
    Str want = strf(model.arena, "Authorization: Bearer %s\r\n", model.only ? model.only : "");
    return model.only && str_find(model.seen_head, want) < 0;
}

/* False: hang up. */
static bool model_answer(Ctx *own, Stream *s) {
    Str body = model.cut >= 0 ? str_slice(model.body, 0, model.cut) : model.body;
    model_say(own, s,
              strf(own->arena,
                   "HTTP/1.1 %d X\r\nContent-Type: %s\r\n%.*sTransfer-Encoding: chunked\r\n\r\n",
                   model.status,
                   model.events ? "text/event-stream; charset=utf-8" : "application/json",
                   S_ARG(model.headers)));
    ptrdiff_t piece = model.piece ? model.piece : max_size(body.len, 1);
    for (ptrdiff_t at = 0; at < body.len; at += piece) {
        model_chunk(own, s, str_slice(body, at, at + piece));
        if (model.piece) coro_yield(own);
    }
    if (model.silent) return true;
    if (model.cut < 0) model_say(own, s, S("0\r\n\r\n"));
    return model.cut < 0;
}

static bool model_read(Ctx *own, Stream *s) {
    ptrdiff_t n = 1, end;
    int64_t length = 0;
    while ((end = str_find(stream_buffer(s), S("\r\n\r\n"))) < 0)
        if (stream_fill(own, s, &n) || n == 0) return false;
    model.seen_head = str_copy(model.arena, str_slice(stream_buffer(s), 0, end + 4));
    stream_consume(s, end + 4);
    ptrdiff_t at = str_find(model.seen_head, S("Content-Length: "));
    Str value;
    str_cut(str_slice(model.seen_head, at + 16, model.seen_head.len), '\r', &value);
    if (at < 0 || !str_to_i64(value, &length)) return false;
    Buf body = buf_new(model.arena, length + 1);
    while (body.len < length) {
        if (stream_read(own, s, buf_reserve(&body, 1), length - body.len, &n) || n == 0)
            return false;
        body.len += n;
    }
    model.seen_body = buf_str(&body);
    return true;
}

static void model_serve(Ctx *own, Stream *s, void *arg) {
    (void)arg;
    while (model_read(own, s)) {
        if (str_starts(model.seen_head, S("POST /token "))) {
            model_token(own, s);
            continue;
        }
        model.requests++;
        if (model_refuses()) {
            model_plain(own, s, 401,
                        S("{\"error\":{\"code\":401,\"status\":\"UNAUTHENTICATED\"}}"));
            continue;
        }
        if (!model_answer(own, s)) return;
    }
}

static void model_reset(void) {
    model.status = 200;
    model.headers = model.body = S("");
    model.events = model.silent = false;
    model.cut = -1;
    model.piece = 0;
    model.only = NULL;
    model.token = "ya29.first";
    model.token_status = model.token_takes_ms = 0;
    model.token_life_s = 3599;
}

/* A service account's key of our own making. */
static void model_key_file(void) {
    char path[] = "/tmp/socle-key-XXXXXX", pem[4096] = {0};
    EVP_PKEY *key = EVP_RSA_gen(2048);
    BIO *bio = BIO_new(BIO_s_mem());
    if (!key || PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1) abort();
    int len = BIO_read(bio, pem, (int)sizeof pem - 1), fd = mkstemp(path);
    BIO_free(bio);
    EVP_PKEY_free(key);
    Buf b = buf_new(model.arena, 4 * KIB);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    json_key(&o, S("client_email"));
    json_put_str(&o, S("socle@tests.iam.gserviceaccount.com"));
    json_key(&o, S("private_key_id"));
    json_put_str(&o, S("key-1"));
    json_key(&o, S("private_key"));
    json_put_str(&o, str_of(pem, len));
    json_end(&o, '}');
    if (fd < 0 || write(fd, b.data, (size_t)b.len) != b.len) abort();
    close(fd);
    model.key_file = str_copy(model.arena, str_c(path));
}

static void model_start(void) {
    model.arena = arena_new(1024 * MIB);
    model_reset();
    ListenOptions options = {.name = "model",
                             .address = S("127.0.0.1:0"),
                             .max_connections = 100,
                             .budget_bytes = 64 * MIB,
                             .serve = model_serve};
    if (!GOOD(listen_start(c, options, &model.listener))) return;
    Str url = strf(model.arena, "http://127.0.0.1:%d/v1", listen_port(model.listener));
    ai_settings.openai_url = ai_settings.mistral_url = url;
    ai_settings.anthropic_url = ai_settings.gemini_url = ai_settings.vertex_url =
        str_slice(url, 0, url.len - 3);
    model_key_file();
    ai_settings.google_token_url =
        strf(model.arena, "%.*s/token", S_ARG(str_slice(url, 0, url.len - 3)));
    ai_settings.google_credentials = model.key_file;
    ai_settings.vertex_project = S("tests");
    ai_settings.gemini_key = S("key-gemini");
    ai_settings.openai_key = S("sk-openai");
    ai_settings.mistral_key = S("sk-mistral");
    ai_settings.anthropic_key = S("sk-anthropic");
}

static void model_stop(void) {
    unlink(str_cstr(model.arena, model.key_file));
    listen_stop(model.listener);
    arena_free(model.arena);
}

/* -- asking ------------------------------------------------------------------------------------ */

static UNUSED ChatPart text_part(const char *text) {
    return (ChatPart){.kind = CHAT_TEXT, .text = str_c(text)};
}

/* A question of one message that lives as long as the tests. */
static UNUSED ChatRequest question(const char *name, const char *text) {
    ChatPart *part = arena_new_of(model.arena, ChatPart);
    ChatMessage *message = arena_new_of(model.arena, ChatMessage);
    *part = text_part(text);
    *message = (ChatMessage){CHAT_USER, part, 1};
    return (ChatRequest){.model = str_c(name), .messages = message, .message_count = 1};
}

/* What on_text was told: whole, and whether each piece was good UTF-8 and not empty. */
typedef struct Told {
    Buf text;
    int pieces;
    bool bad;
} Told;

static UNUSED Err *told_add(Ctx *own, Str piece, void *arg) {
    (void)own;
    Told *told = arg;
    told->pieces++;
    told->bad =
        told->bad || piece.len == 0 || !str_utf8_valid(piece) || str_find_byte(piece, '\0') >= 0;
    buf_add(&told->text, piece);
    return NULL;
}

static UNUSED Err *ask(const Provider *p, ChatRequest q, ChatAnswer *out) {
    *out = (ChatAnswer){0};
    return p->chat(c, &q, out);
}

static UNUSED Err *ask_streamed(const Provider *p, ChatRequest q, Told *told, ChatAnswer *out) {
    *told = (Told){.text = buf_new(c->arena, 256)};
    q.on_text = told_add;
    q.arg = told;
    return ask(p, q, out);
}

/* Everything of an answer that the wire decides, as one text to compare. */
static UNUSED Str answer_text(const ChatAnswer *a) {
    Buf b = buf_new(c->arena, 1024);
    buf_f(&b, "end %d %.*s, %lld in %lld out %lld cached, model %.*s\n", (int)a->end,
          S_ARG(a->reason), (long long)a->usage.tokens_in, (long long)a->usage.tokens_out,
          (long long)a->usage.tokens_cached, S_ARG(a->origin.model));
    buf_add(&b, a->text);
    for (ptrdiff_t i = 0; i < a->count; i++) {
        const ChatPart *p = &a->parts[i];
        buf_f(&b, "\n%d id=%.*s name=%.*s ", (int)p->kind, S_ARG(p->id), S_ARG(p->name));
        buf_add(&b, p->text);
        buf_f(&b, " signed %.*s", S_ARG(p->signature));
    }
    return buf_str(&b);
}

/* -- recordings -------------------------------------------------------------------------------- */

static UNUSED Str recordings_begin(void) {
    char folder[] = "/tmp/socle-recordings-XXXXXX";
    if (!mkdtemp(folder)) abort();
    ai_settings.recordings = str_copy(model.arena, str_c(folder));
    return ai_settings.recordings;
}

static UNUSED Str recordings_only_file(void) {
    Str found = {0};
    DIR *dir = opendir(str_cstr(c->arena, ai_settings.recordings));
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (e->d_name[0] != '.')
            found = strf(c->arena, "%.*s/%s", S_ARG(ai_settings.recordings), e->d_name);
    if (dir) closedir(dir);
    return found;
}

static UNUSED void recordings_end(void) {
    for (Str file; !str_is_null(file = recordings_only_file());) unlink(str_cstr(c->arena, file));
    rmdir(str_cstr(c->arena, ai_settings.recordings));
    ai_settings.record = S("off");
    ai_settings.play_bytes = 0;
}

#endif
