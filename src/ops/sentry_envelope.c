/* SPDX-License-Identifier: Apache-2.0
 * What goes to Sentry and what its answers mean: pure functions, without waiting. Envelope format:
 * three lines, the second saying the length of the third. The line of the log is JSON with
 * LOG_FORMAT=json; anything else becomes the message as it is. Every text is scrubbed. */
#include "core/json.h"
#include "net/url.h"
#include "ops/scrub.h"
#include "ops/sentry.h"

enum { LIMIT_USUAL_S = 60, LIMIT_MAX_S = 24 * 3600 };

/* -- Where to ---------------------------------------------------------------------------------- */

Err *sentry_target(Ctx *c, Str dsn, SentryTarget *out) {
    Url url;
    Str wanted = S("SENTRY_DSN: expected https://KEY@HOST/PROJECT");
    if (!url_parse(dsn, &url)) FAIL(c, INVALID, "%.*s, and this is no URL", S_ARG(wanted));
    if (!str_eq(url.scheme, S("https")) && !str_eq(url.scheme, S("http")))
        FAIL(c, INVALID, "%.*s, and this is neither https nor http", S_ARG(wanted));
    Str key, path = url.path;
    str_cut(url.userinfo.data ? url.userinfo : S(""), ':', &key);
    while (str_ends(path, S("/"))) path.len--;
    ptrdiff_t slash = path.len;
    while (slash > 0 && path.data[slash - 1] != '/') slash--;
    Str project = str_slice(path, slash, path.len),
        prefix = str_slice(path, 0, max_size(slash - 1, 0));
    if (key.len == 0) FAIL(c, INVALID, "%.*s, and this has no key", S_ARG(wanted));
    if (project.len == 0) FAIL(c, INVALID, "%.*s, and this names no project", S_ARG(wanted));
    bool v6 = str_find_byte(url.host, ':') >= 0;
    Str place =
        strf(c->arena, "%s%.*s%s:%d", v6 ? "[" : "", S_ARG(url.host), v6 ? "]" : "", url.port);
    *out = (SentryTarget){
        .url = strf(c->arena, "%.*s://%.*s%.*s/api/%.*s/envelope/", S_ARG(url.scheme), S_ARG(place),
                    S_ARG(prefix), S_ARG(project)),
        .auth =
            strf(c->arena,
                 "Sentry sentry_version=7, sentry_client=socle/" SOCLE_VERSION ", sentry_key=%.*s",
                 S_ARG(key)),
        .public_dsn = strf(c->arena, "%.*s://%.*s@%.*s%.*s/%.*s", S_ARG(url.scheme), S_ARG(key),
                           S_ARG(place), S_ARG(prefix), S_ARG(project)),
    };
    return NULL;
}

/* -- What -------------------------------------------------------------------------------------- */

static void put_text(JsonOut *o, Arena *arena, Str name, Str value) {
    if (str_is_null(value)) return;
    json_key(o, name);
    json_put_str(o, scrub(arena, value));
}

/* A member of the line as text, whatever its kind; null when absent. */
static Str member(Ctx *c, const json_t *line, const char *name) {
    const json_t *value = json_at(line, name);
    if (!value || json_is_null(value)) return (Str){NULL, 0};
    if (json_is_string(value)) return json_str(value);
    Buf b = buf_new(c->arena, 32);
    buf_json_value(&b, value);
    return buf_str(&b);
}

static void tags_put(Ctx *c, JsonOut *o, const json_t *line) {
    static const char *const names[] = {"request_id", "route", "method", "status", "tenant_id"};
    json_key(o, S("tags"));
    json_begin(o, '{');
    for (ptrdiff_t i = 0; i < COUNT(names); i++)
        put_text(o, c->arena, str_c(names[i]), member(c, line, names[i]));
    json_end(o, '}');
}

/* The rest of the line's members. */
static void extra_put(Ctx *c, JsonOut *o, const json_t *line) {
    static const char *const elsewhere[] = {"time",    "level",  "message", "request_id",
                                            "route",   "method", "status",  "tenant_id",
                                            "user_id", "error",  "ip",      "client_ip"};
    json_key(o, S("extra"));
    json_begin(o, '{');
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)line, name, value) {
        bool known = false;
        for (ptrdiff_t i = 0; i < COUNT(elsewhere); i++)
            known = known || strcmp(name, elsewhere[i]) == 0;
        if (known) continue;
        json_key(o, str_c(name));
        json_put_str(o, scrub_name(str_c(name)) ? S("[secret]")
                                                : scrub(c->arena, member(c, line, name)));
    }
    json_end(o, '}');
}

/* `INTERNAL project_load: why <- …` becomes an exception of type INTERNAL. */
static void exception_put(Ctx *c, JsonOut *o, Str chain) {
    if (str_is_empty(chain)) return;
    Str type;
    str_cut(chain, ' ', &type);
    json_key(o, S("exception"));
    json_begin(o, '{');
    json_key(o, S("values"));
    json_begin(o, '[');
    json_begin(o, '{');
    put_text(o, c->arena, S("type"), type);
    put_text(o, c->arena, S("value"), chain);
    json_key(o, S("mechanism"));
    json_put_raw(o, S("{\"type\":\"generic\",\"handled\":true}"));
    json_end(o, '}');
    json_end(o, ']');
    json_end(o, '}');
}

/* What the line itself says. */
static void line_put(Ctx *c, JsonOut *o, const json_t *line, Str text) {
    Str message = line ? member(c, line, "message") : str_trim(text);
    json_key(o, S("message"));
    json_begin(o, '{');
    put_text(o, c->arena, S("formatted"), message.data ? message : S(""));
    json_end(o, '}');
    if (!line) return;
    put_text(o, c->arena, S("transaction"), member(c, line, "route"));
    exception_put(c, o, member(c, line, "error"));
    if (json_at(line, "user_id")) {
        json_key(o, S("user"));
        json_begin(o, '{');
        json_key(o, S("id"));
        json_put_str(o, member(c, line, "user_id"));
        json_end(o, '}');
    }
    tags_put(c, o, line);
    extra_put(c, o, line);
}

static Str event_json(Ctx *c, const SentryOptions *options, Str text, Str event_id, Time sent_at) {
    Buf b = buf_new(c->arena, 2048);
    JsonOut o = json_out(&b);
    json_t *line = NULL;
    if (json_parse(c, text, &line) != NULL || !json_is_object(line)) line = NULL;
    Time at;
    if (!line || !time_parse(member(c, line, "time"), &at)) at = sent_at;
    json_begin(&o, '{');
    const struct {
        Str name, value;
    } fixed[] = {{S("event_id"), event_id},        {S("timestamp"), time_str(c->arena, at)},
                 {S("platform"), S("c")},          {S("level"), S("error")},
                 {S("logger"), S("socle")},        {S("server_name"), options->server_name},
                 {S("release"), options->release}, {S("environment"), options->environment}};
    for (ptrdiff_t i = 0; i < COUNT(fixed); i++) {
        if (str_is_empty(fixed[i].value)) continue;
        json_key(&o, fixed[i].name);
        json_put_str(&o, fixed[i].value);
    }
    line_put(c, &o, line, text);
    json_key(&o, S("sdk"));
    json_put_raw(&o, S("{\"name\":\"socle\",\"version\":\"" SOCLE_VERSION "\"}"));
    json_end(&o, '}');
    return buf_str(&b);
}

Str sentry_envelope(Ctx *c, const SentryOptions *options, const SentryTarget *target, Str line,
                    Str event_id, Time sent_at) {
    assert(event_id.len == 32);
    Str event = event_json(c, options, line, event_id, sent_at);
    Buf b = buf_new(c->arena, event.len + 512);
    buf_f(&b, "{\"event_id\":\"%.*s\",\"sent_at\":\"", S_ARG(event_id));
    buf_time(&b, sent_at);
    buf_add(&b, S("\",\"dsn\":"));
    buf_json(&b, target->public_dsn);
    buf_f(&b, "}\n{\"type\":\"event\",\"length\":%td,\"content_type\":\"application/json\"}\n",
          event.len);
    buf_add(&b, event);
    buf_byte(&b, '\n');
    return buf_str(&b);
}

/* -- What the answer means --------------------------------------------------------------------- */

/* Does a list of categories (`error;transaction`, empty: all) name ours? */
static bool ours(Str categories) {
    if (str_is_empty(str_trim(categories))) return true;
    for (Str rest = categories, one; rest.data;) {
        rest = str_cut(rest, ';', &one);
        if (str_eq_nocase(str_trim(one), S("error"))) return true;
    }
    return false;
}

/* The longest limit on us in `60:error;transaction:organization:reason, 2700::key`. */
static int64_t limits_read(Str header) {
    int64_t longest = 0;
    for (Str rest = header, limit; rest.data;) {
        rest = str_cut(rest, ',', &limit);
        Str seconds_text, categories;
        double seconds;
        Str after = str_cut(str_trim(limit), ':', &seconds_text);
        str_cut(after.data ? after : S(""), ':', &categories);
        if (!str_to_f64(seconds_text, &seconds) || !(seconds > 0) || !ours(categories)) continue;
        longest =
            max_i64(longest, (int64_t)(seconds < LIMIT_MAX_S ? seconds + 0.999 : LIMIT_MAX_S));
    }
    return longest;
}

int64_t sentry_limit_s(const HttpAnswer *answer) {
    bool given = false;
    int64_t longest = 0, seconds;
    for (ptrdiff_t i = 0; i < answer->header_count; i++) {
        if (!str_eq_nocase(answer->headers[i].name, S("X-Sentry-Rate-Limits"))) continue;
        given = true;
        longest = max_i64(longest, limits_read(answer->headers[i].value));
    }
    if (given || answer->status != 429) return longest;
    Time until;
    Str retry = str_trim(answer_header(answer, S("Retry-After")));
    if (str_to_i64(retry, &seconds) && seconds >= 0) return min_i64(seconds, LIMIT_MAX_S);
    if (time_parse_http(retry, &until))
        return min_i64(max_i64((until.us - time_now().us) / US_PER_SECOND, 0), LIMIT_MAX_S);
    return LIMIT_USUAL_S;
}
