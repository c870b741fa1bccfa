/* SPDX-License-Identifier: Apache-2.0
 * Recorded calls: AI_RECORDINGS/SHA256.http, a status line, headers, an empty line and the body
 * byte for byte as it came.
 *
 * The name is the SHA-256 of method, path with query, and body: JSON with its members sorted and
 * without blanks; of multipart bodies everything but the boundary, which is another one each time.
 * Host and request headers count for nothing, so that a recording holds no key and one made of the
 * real service is played at any address. */
#include <sodium.h>

#include "ai/settings.h"
#include "ai/wire.h"
#include "net/url.h"

static const char *const kept_headers[] = {"Content-Type",   "Retry-After", "Retry-After-Ms",
                                           "X-Should-Retry", "Request-Id",  "X-Request-Id"};

static void hash_add(crypto_hash_sha256_state *state, Str text) {
    crypto_hash_sha256_update(state, (const unsigned char *)text.data,
                              (unsigned long long)text.len);
}

/* Where a multipart type names its boundary; empty for other types. */
static Str boundary_of(Str type) {
    ptrdiff_t at = str_find(type, S("boundary="));
    Str boundary = {"", 0};
    if (at < 0) return boundary;
    str_cut(str_slice(type, at + 9, type.len), ';', &boundary);
    boundary = str_trim(boundary);
    if (boundary.len >= 2 && boundary.data[0] == '"')
        boundary = str_slice(boundary, 1, boundary.len - 1);
    return boundary;
}

static void hash_without(crypto_hash_sha256_state *state, Str body, Str boundary) {
    while (boundary.len > 0) {
        ptrdiff_t at = str_find(body, boundary);
        if (at < 0) break;
        hash_add(state, str_slice(body, 0, at));
        body = str_slice(body, at + boundary.len, body.len);
    }
    hash_add(state, body);
}

static void hash_body(crypto_hash_sha256_state *state, const WireCall *call) {
    json_t *json = json_too_deep_at(call->body) < 0
                       ? json_loadb(call->body.data, (size_t)call->body.len, JSON_ALLOW_NUL, NULL)
                       : NULL;
    char *canonical = json ? json_dumps(json, JSON_SORT_KEYS | JSON_COMPACT) : NULL;
    json_decref(json);
    if (canonical)
        hash_add(state, str_c(canonical));
    else
        hash_without(state, call->body, boundary_of(call->type));
    free(canonical);
}

static Err *path_of(Ctx *c, const WireCall *call, Str *out) {
    if (str_is_empty(ai_settings.recordings))
        FAIL(c, NOT_CONFIGURED, "AI_RECORD is %.*s, but AI_RECORDINGS names no folder.",
             S_ARG(ai_settings.record));
    Url url;
    if (!url_parse(call->url, &url))
        FAIL(c, NOT_CONFIGURED, "The address of a model's service is malformed.");
    crypto_hash_sha256_state state;
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_init(&state);
    hash_add(&state, S("POST\n"));
    hash_add(&state, url.path);
    hash_add(&state, S("?"));
    hash_add(&state, url.query);
    hash_add(&state, S("\n"));
    hash_body(&state, call);
    crypto_hash_sha256_final(&state, hash);
    *out = strf(c->arena, "%.*s/%.*s.http", S_ARG(ai_settings.recordings),
                S_ARG(str_hex(c->arena, hash, sizeof hash)));
    return NULL;
}

/* -- playing ----------------------------------------------------------------------------------- */

/* The head of a recording into *out; what is behind it into *body. False: it is none. */
static bool head_read(Ctx *c, Str text, HttpAnswer *out, Str *body) {
    Str line, name, rest = str_cut(text, '\n', &line);
    int64_t status = 0;
    if (!str_starts(line, S("HTTP/1.1 ")) || !str_to_i64(str_slice(line, 9, 12), &status) ||
        status < 100 || str_trim(line).len != 12)
        return false;
    out->status = (int)status;
    out->headers = arena_array(c->arena, Header, COUNT(kept_headers));
    for (;;) {
        rest = str_cut(rest, '\n', &line);
        if (str_is_null(rest)) return false; /* the empty line has an end, too */
        line = str_trim(line);
        if (line.len == 0) break;
        Str value = str_cut(line, ':', &name);
        if (str_is_null(value) || out->header_count == COUNT(kept_headers)) return false;
        out->headers[out->header_count++] =
            (Header){str_copy(c->arena, name), str_copy(c->arena, str_trim(value))};
    }
    *body = rest;
    return true;
}

Err *recording_load(Ctx *c, const WireCall *call, HttpAnswer *out, Str *body) {
    Str path, text;
    TRY(path_of(c, call, &path));
    SideArena *side = side_new(c, 6 * (ptrdiff_t)WIRE_MAX);
    Ctx beside = *c; /* the text may be larger than what c may have */
    beside.arena = side->arena;
    Err *err = file_read_all(&beside, path, WIRE_MAX + 64 * KIB, &text);
    c->defers = beside.defers;
    if (err && err->kind != ERR_NOT_FOUND) return err_copy(c->arena, err);
    if (err) AI_FAIL(c, UPSTREAM, "ai_no_recording", "No recording %.*s.", S_ARG(path));
    *out = (HttpAnswer){.url = call->url};
    if (!head_read(c, text, out, body))
        AI_FAIL(c, UPSTREAM, "ai_no_recording", "%.*s is not a recording.", S_ARG(path));
    return NULL;
}

/* -- recording --------------------------------------------------------------------------------- */

Err *recording_save(Ctx *c, const WireCall *call, const HttpAnswer *answer, Str body) {
    Str path;
    TRY(path_of(c, call, &path));
    TRY(dir_make(c, ai_settings.recordings));
    SideArena *side = side_new(c, 2 * body.len + MIB);
    Buf text = buf_new(side->arena, body.len + 4 * KIB);
    buf_f(&text, "HTTP/1.1 %d\n", answer->status);
    for (ptrdiff_t i = 0; i < COUNT(kept_headers); i++) {
        Str value = answer_header(answer, str_c(kept_headers[i]));
        if (!str_is_null(value)) buf_f(&text, "%s: %.*s\n", kept_headers[i], S_ARG(value));
    }
    buf_byte(&text, '\n');
    buf_add(&text, body);
    TRY(file_replace(c, path, buf_str(&text)));
    side_free(side);
    return NULL;
}
