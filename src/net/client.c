/* SPDX-License-Identifier: Apache-2.0
 * Calls to other servers. Every call is a stream underneath; http_call reads it to the end.
 *
 *   http_open ─▶ retries ─▶ redirects ─▶ one exchange (stream_start, then wait for the head)
 *
 * libcurl's callbacks run in the loop and only touch the HttpStream and its own arena; the coroutine
 * takes from there. Redirects are followed here and not by libcurl, which would pass every header but
 * Authorization and Cookie on to another origin, API keys included. */
#include "net/client.h"

#include <netinet/in.h>
#include <unistd.h>

#include "core/rand.h"
#include "net/address.h"
#include "net/client_loop.h"

enum {
    ANSWER_MAX = 16 * 1024 * 1024,
    HEAD_MAX = 64 * 1024,
    BODY_HELD = 64 * 1024,
    STREAM_BUDGET = 1024 * 1024, /* of the buffers above, with what growing leaves behind */
    EVENT_MAX = 4 * 1024 * 1024,
    EVENT_BUDGET = 96 * 1024 * 1024, /* six buffers of an event, with what growing leaves behind */
    CONNECT_MS = 5000,
    REDIRECTS_MAX = 5,
    BACKOFF_FIRST_MS = 200,
    BACKOFF_MAX_MS = 10 * 1000,
    RETRY_AFTER_MAX_S = 60,
};

struct HttpStream {
    Transfer transfer; /* first: the callbacks get a Transfer */
    Arena *arena;      /* of the buffers; NULL once closed */
    struct curl_slist *headers;
    Coro *waiter;
    Str host; /* for texts of errors */
    Buf head, body;
    ptrdiff_t taken; /* bytes of body that were read */
    int64_t total, max_bytes;
    int64_t until_us, idle_us, active_us;
    int status;
    bool head_done, head_over, done, paused, refused, guarded;
    CURLcode result;
    Arena *event_arena;
    SseParser *events;
    char error[CURL_ERROR_SIZE];
};

static int64_t sooner(int64_t a, int64_t b) { return a == 0 || (b != 0 && b < a) ? b : a; }

/* -- callbacks of libcurl ---------------------------------------------------------------------- */

static void stream_wake(HttpStream *s) {
    if (s->waiter) coro_wake(s->waiter);
    s->waiter = NULL;
}

static void on_done(Transfer *t, CURLcode result) {
    HttpStream *s = (HttpStream *)(void *)t;
    s->done = true;
    s->result = result;
    stream_wake(s);
}

static void on_active(Transfer *t) { ((HttpStream *)(void *)t)->active_us = mono_us(); }

static int head_status(Str line) {
    Str version, rest = str_cut(line, ' ', &version);
    int64_t status = 0;
    return str_to_i64(str_slice(rest, 0, 3), &status) ? (int)status : 0;
}

static size_t on_header(char *data, size_t size, size_t count, void *arg) {
    HttpStream *s = arg;
    Str line = str_of(data, (ptrdiff_t)(size * count));
    if (s->head_done) return size * count; /* a trailer */
    if (str_starts(line, S("HTTP/"))) {
        s->head.len = 0; /* what came before was a 1xx */
        s->status = head_status(line);
    }
    s->head_over = s->head.len + line.len > HEAD_MAX;
    if (s->head_over) return 0;
    buf_add(&s->head, line);
    if (str_trim(line).len == 0 && s->status >= 200) {
        s->head_done = true;
        stream_wake(s);
    }
    return size * count;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg) {
    HttpStream *s = arg;
    ptrdiff_t n = (ptrdiff_t)(size * count), held = s->body.len - s->taken;
    if (held > 0 && held + n > BODY_HELD) {
        s->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (held > 0 && s->taken > 0) memmove(s->body.data, s->body.data + s->taken, (size_t)held);
    s->body.len = held;
    s->taken = 0;
    buf_add(&s->body, str_of(data, n));
    stream_wake(s);
    return size * count;
}

static curl_socket_t on_open_socket(void *arg, curlsocktype purpose,
                                    struct curl_sockaddr *address) {
    HttpStream *s = arg;
    (void)purpose;
    if (s->guarded && !address_is_public(&address->addr)) {
        s->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* -- one exchange ------------------------------------------------------------------------------ */

void http_close(HttpStream *s) {
    if (!s || !s->arena) return;
    transfer_stop(&s->transfer);
    curl_easy_cleanup(s->transfer.easy);
    curl_slist_free_all(s->headers);
    arena_free(s->event_arena);
    arena_free(s->arena);
    s->arena = s->event_arena = NULL;
    s->head = s->body = (Buf){0};
}

static void close_deferred(void *arg) { http_close(arg); }

static bool text_is_clean(Str text) {
    for (ptrdiff_t i = 0; i < text.len; i++)
        if (text.data[i] == '\r' || text.data[i] == '\n' || text.data[i] == '\0') return false;
    return true;
}

static bool token_is_clean(Str text) {
    for (ptrdiff_t i = 0; i < text.len; i++)
        if (text.data[i] <= ' ' || text.data[i] == 0x7F || text.data[i] == ':') return false;
    return text.len > 0;
}

static bool has_header(const HttpCall *call, Str name) {
    for (ptrdiff_t i = 0; i < call->header_count; i++)
        if (str_eq_nocase(call->headers[i].name, name)) return true;
    return false;
}

static void header_add(Ctx *c, HttpStream *s, Str name, Str value) {
    /* libcurl's spelling of a header without a value is `Name;`, while `Name:` removes it. */
    Str line = value.len ? strf(c->arena, "%.*s: %.*s", S_ARG(name), S_ARG(value))
                         : strf(c->arena, "%.*s;", S_ARG(name));
    struct curl_slist *grown = curl_slist_append(s->headers, str_cstr(c->arena, line));
    if (!grown) abort();
    s->headers = grown;
}

static Err *headers_set(Ctx *c, HttpStream *s, const HttpCall *call) {
    for (ptrdiff_t i = 0; i < call->header_count; i++) {
        Header h = call->headers[i];
        if (!token_is_clean(h.name) || !text_is_clean(h.value))
            FAIL(c, INVALID, "The header %.*s of a call is malformed.",
                 token_is_clean(h.name) ? (int)h.name.len : 0, h.name.data);
        header_add(c, s, h.name, h.value);
    }
    static const char *const ours[] = {"Expect:", "Content-Type:"};
    for (ptrdiff_t i = 0; i < COUNT(ours); i++) {
        Str name = str_c(ours[i]);
        if (has_header(call, str_slice(name, 0, name.len - 1))) continue;
        struct curl_slist *grown = curl_slist_append(s->headers, ours[i]);
        if (!grown) abort();
        s->headers = grown;
    }
    curl_easy_setopt(s->transfer.easy, CURLOPT_HTTPHEADER, s->headers);
    return NULL;
}

static bool host_is_loopback(Str host) {
    return str_eq_nocase(host, S("localhost")) || str_starts(host, S("127.")) ||
           str_eq(host, S("[::1]"));
}

static Err *url_set(Ctx *c, HttpStream *s, Str url) {
    for (ptrdiff_t i = 0; i < url.len; i++)
        if (url.data[i] <= ' ' || url.data[i] == 0x7F)
            FAIL(c, INVALID, "The URL of a call holds a blank or control character.");
    char *text = str_cstr(c->arena, url), *host = NULL, *scheme = NULL;
    CURLU *parsed = curl_url();
    CURLUcode code = curl_url_set(parsed, CURLUPART_URL, text, 0);
    if (code == CURLUE_OK) code = curl_url_get(parsed, CURLUPART_HOST, &host, 0);
    if (code == CURLUE_OK) code = curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0);
    bool web = code == CURLUE_OK &&
               (str_eq(str_c(scheme), S("http")) || str_eq(str_c(scheme), S("https")));
    if (web) s->host = str_copy(c->arena, str_c(host));
    curl_free(host);
    curl_free(scheme);
    curl_url_cleanup(parsed);
    if (code != CURLUE_OK)
        FAIL(c, INVALID, "The URL of a call is malformed: %s.", curl_url_strerror(code));
    if (!web) FAIL(c, INVALID, "The URL of a call must begin with http:// or https://.");
    curl_easy_setopt(s->transfer.easy, CURLOPT_URL, text);
    return NULL;
}

static Err *method_set(Ctx *c, HttpStream *s, const HttpCall *call) {
    CURL *easy = s->transfer.easy;
    Str method = str_c(call->method ? call->method : "GET");
    if (!token_is_clean(method)) FAIL(c, INVALID, "The method of a call is malformed.");
    bool wants_body =
        str_eq(method, S("POST")) || str_eq(method, S("PUT")) || str_eq(method, S("PATCH"));
    if (!str_is_null(call->body) || wants_body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body.data ? call->body.data : "");
    }
    if (str_eq(method, S("HEAD")))
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, str_cstr(c->arena, method));
    return NULL;
}

static void options_set(HttpStream *s, const HttpCall *call) {
    CURL *easy = s->transfer.easy;
    int64_t connect_ms = call->connect_timeout_ms ? call->connect_timeout_ms : CONNECT_MS;
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT,
                     1L); /* closing must not wait for a name being resolved */
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "socle/" SOCLE_VERSION);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, s->error);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, s);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, s);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, s);
    const char *authorities = getenv("SSL_CERT_FILE"); /* as OpenSSL's own programs and curl do */
    if (authorities && authorities[0]) curl_easy_setopt(easy, CURLOPT_CAINFO, authorities);
    if (call->once) curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    /* A proxy would resolve names itself, out of the guard's sight; and none can reach our loopback. */
    if (call->public_only || host_is_loopback(s->host)) curl_easy_setopt(easy, CURLOPT_PROXY, "");
}

static Err *stream_start(Ctx *c, const HttpCall *call, int64_t until_us, HttpStream **out) {
    HttpStream *s = arena_new_of(c->arena, HttpStream);
    defer(c, close_deferred, s);
    s->arena = arena_new(STREAM_BUDGET);
    s->head = s->body = buf_new(s->arena, 0);
    s->transfer = (Transfer){.easy = curl_easy_init(),
                             .done = on_done,
                             .active = on_active,
                             .guarded = call->public_only};
    if (!s->transfer.easy) abort();
    s->guarded = call->public_only;
    s->max_bytes = call->max_bytes;
    s->until_us = until_us;
    s->idle_us = call->idle_timeout_ms * US_PER_MS;
    TRY(url_set(c, s, call->url));
    TRY(method_set(c, s, call));
    TRY(headers_set(c, s, call));
    options_set(s, call);
    s->active_us = mono_us();
    TRY(transfer_start(c, &s->transfer));
    *out = s;
    return NULL;
}

/* Wait for a callback. NULL: look again whether what was waited for has come. */
static Err *stream_wait(Ctx *c, HttpStream *s) {
    int64_t former = c->deadline_us;
    if (s->idle_us) c->deadline_us = sooner(former, s->active_us + s->idle_us);
    s->waiter = c->coro;
    Wake wake = coro_wait(c);
    s->waiter = NULL;
    c->deadline_us = former;
    if (wake != WAKE_TIMEOUT) return wake_err(c, wake, __func__);
    int64_t now = mono_us();
    if (former && now >= former) FAIL(c, TIMEOUT, "%.*s took too long to answer.", S_ARG(s->host));
    coro_yield(
        c); /* when it was our loop that was late, its words are waiting: look before judging */
    if (s->idle_us && now >= s->active_us + s->idle_us)
        FAIL(c, TIMEOUT, "%.*s was silent for %lld ms.", S_ARG(s->host),
             (long long)(s->idle_us / US_PER_MS));
    return NULL;
}

static Err *stream_err(Ctx *c, const HttpStream *s) {
    if (s->refused && s->result == CURLE_COULDNT_CONNECT)
        FAIL(c, FORBIDDEN, "%.*s is not an address of the public internet.", S_ARG(s->host));
    if (s->result == CURLE_OPERATION_TIMEDOUT)
        FAIL(c, TIMEOUT, "%.*s could not be reached in time.", S_ARG(s->host));
    if (s->head_over)
        FAIL(c, UPSTREAM, "%.*s answered with a head over %d bytes.", S_ARG(s->host), HEAD_MAX);
    const char *why = s->error[0] ? s->error : curl_easy_strerror(s->result);
    FAIL(c, UPSTREAM, "%.*s: %s%s", S_ARG(s->host),
         s->head_done ? "the answer was cut short: " : "", why);
}

/* Could not even be sent: trying again repeats nothing. */
static bool never_sent(const HttpStream *s) {
    long sent = 0;
    if (!s || !s->arena || !s->done || s->refused) return false;
    curl_easy_getinfo(s->transfer.easy, CURLINFO_REQUEST_SIZE, &sent);
    return sent == 0 &&
           (s->result == CURLE_COULDNT_CONNECT || s->result == CURLE_COULDNT_RESOLVE_HOST ||
            s->result == CURLE_SSL_CONNECT_ERROR || s->result == CURLE_OPERATION_TIMEDOUT);
}

static void head_parse(Ctx *c, const HttpStream *s, Str url, HttpAnswer *head) {
    Str line, rest = str_copy(c->arena, buf_str(&s->head));
    ptrdiff_t lines = 0;
    for (ptrdiff_t i = 0; i < rest.len; i++) lines += rest.data[i] == '\n';
    *head = (HttpAnswer){
        .status = s->status, .url = url, .headers = arena_array(c->arena, Header, lines)};
    for (rest = str_cut(rest, '\n', &line); rest.len > 0;) {
        rest = str_cut(rest, '\n', &line);
        Str name, value = str_cut(line, ':', &name);
        if (!str_is_null(value))
            head->headers[head->header_count++] = (Header){str_trim(name), str_trim(value)};
    }
}

/* The head of one answer. *out is set as soon as there is something to close or to ask. */
static Err *exchange(Ctx *c, const HttpCall *call, int64_t until_us, HttpStream **out,
                     HttpAnswer *head) {
    HttpStream *s = NULL;
    TRY(stream_start(c, call, until_us, &s));
    *out = s;
    while (!s->head_done && !s->done) TRY(stream_wait(c, s));
    if (!s->head_done && s->result == CURLE_OK) s->result = CURLE_GOT_NOTHING;
    if (s->done && s->result != CURLE_OK && !s->head_done) return stream_err(c, s);
    head_parse(c, s, call->url, head);
    return NULL;
}

/* -- redirects --------------------------------------------------------------------------------- */

static bool is_redirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static bool url_part_eq(CURLU *a, CURLU *b, CURLUPart part) {
    char *x = NULL, *y = NULL;
    bool same = curl_url_get(a, part, &x, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                curl_url_get(b, part, &y, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                str_eq_nocase(str_c(x), str_c(y));
    curl_free(x);
    curl_free(y);
    return same;
}

/* `location` as seen from `base`; null Str if it makes no URL. */
static Str url_resolve(Ctx *c, Str base, Str location, bool *same_origin) {
    CURLU *from = curl_url(), *to = curl_url();
    char *text = NULL;
    Str resolved = {0};
    if (curl_url_set(from, CURLUPART_URL, str_cstr(c->arena, base), 0) == CURLUE_OK &&
        curl_url_set(to, CURLUPART_URL, str_cstr(c->arena, base), 0) == CURLUE_OK &&
        curl_url_set(to, CURLUPART_URL, str_cstr(c->arena, location), CURLU_URLENCODE) ==
            CURLUE_OK &&
        curl_url_get(to, CURLUPART_URL, &text, 0) == CURLUE_OK) {
        resolved = str_copy(c->arena, str_c(text));
        *same_origin = url_part_eq(from, to, CURLUPART_SCHEME) &&
                       url_part_eq(from, to, CURLUPART_HOST) &&
                       url_part_eq(from, to, CURLUPART_PORT);
    }
    curl_free(text);
    curl_url_cleanup(from);
    curl_url_cleanup(to);
    return resolved;
}

static bool is_harmless(Str name) {
    static const Str names[] = {S_INIT("Accept"), S_INIT("Accept-Language"), S_INIT("Content-Type"),
                                S_INIT("Range"), S_INIT("User-Agent")};
    for (ptrdiff_t i = 0; i < COUNT(names); i++)
        if (str_eq_nocase(name, names[i])) return true;
    return false;
}

static Err *redirect(Ctx *c, HttpCall *call, const HttpAnswer *head, Str location) {
    bool same_origin = false;
    Str url = url_resolve(c, call->url, location, &same_origin);
    if (!str_starts(url, S("http://")) && !str_starts(url, S("https://")))
        FAIL(c, UPSTREAM, "A redirect leads to a malformed address, or away from http.");
    Str method = str_c(call->method ? call->method : "GET");
    bool to_get = (head->status == 303 && !str_eq(method, S("HEAD"))) ||
                  (head->status <= 302 && str_eq(method, S("POST")));
    if (to_get) {
        call->method = "GET";
        call->body = (Str){0};
    }
    Header *kept = arena_array(c->arena, Header, call->header_count);
    ptrdiff_t count = 0;
    for (ptrdiff_t i = 0; i < call->header_count; i++) {
        Header h = call->headers[i];
        if (to_get && str_starts(str_lower(c->arena, h.name), S("content-"))) continue;
        if (same_origin || is_harmless(h.name)) kept[count++] = h;
    }
    call->headers = kept;
    call->header_count = count;
    call->url = url;
    return NULL;
}

static Err *exchange_following(Ctx *c, HttpCall call, int64_t until_us, HttpStream **out,
                               HttpAnswer *head) {
    for (int hops = 0;; hops++) {
        Defer *mark = c->defers;
        TRY(exchange(c, &call, until_us, out, head));
        Str location = answer_header(head, S("Location"));
        if (!call.follow || !is_redirect(head->status) || str_is_null(location)) return NULL;
        if (hops == REDIRECTS_MAX)
            FAIL(c, UPSTREAM, "%.*s redirected more than %d times.", S_ARG((*out)->host),
                 REDIRECTS_MAX);
        TRY(redirect(c, &call, head, location));
        *out = NULL;
        ctx_undo(c, mark);
    }
}

/* -- retries ----------------------------------------------------------------------------------- */

static bool status_is_passing(int status) {
    return status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504) ||
           status == 529;
}

/* Seconds asked for by Retry-After (a number or an HTTP date), 0 without one. */
static int64_t retry_after_s(const HttpAnswer *head) {
    Str text = answer_header(head, S("Retry-After"));
    int64_t seconds = 0;
    Time at;
    if (str_is_null(text)) return 0;
    if (str_to_i64(text, &seconds)) return max_i64(seconds, 0);
    if (!time_parse_http(text, &at)) return 0;
    return max_i64((at.us - time_now().us + US_PER_SECOND - 1) / US_PER_SECOND, 0);
}

static int64_t retry_pause_ms(int tries, int64_t after_s) {
    int64_t cap = min_i64(BACKOFF_MAX_MS, (int64_t)BACKOFF_FIRST_MS << min_i64(tries, 16));
    return max_i64(rand_below(rand_thread(), cap + 1), after_s * 1000);
}

static Err *open_retrying(Ctx *c, const HttpCall *call, int64_t until_us, HttpStream **out,
                          HttpAnswer *head) {
    for (int tries = 0;; tries++) {
        Defer *mark = c->defers;
        *out = NULL;
        Err *err = exchange_following(c, *call, until_us, out, head);
        head->unsent = err && never_sent(*out);
        bool again = err ? head->unsent : status_is_passing(head->status);
        int64_t after_s = err ? 0 : retry_after_s(head), pause_ms = retry_pause_ms(tries, after_s);
        bool in_time = c->deadline_us == 0 || mono_us() + pause_ms * US_PER_MS < c->deadline_us;
        if (!again || tries >= call->retries || after_s > RETRY_AFTER_MAX_S || !in_time) {
            if (err) ctx_undo(c, mark);
            return err;
        }
        ctx_undo(c, mark);
        TRY(sleep_ms(c, pause_ms));
    }
}

/* -- the public calls -------------------------------------------------------------------------- */

Err *http_open(Ctx *c, const HttpCall *call, HttpStream **out, HttpAnswer *head) {
    assert(c->coro);
    assert(call->retries == 0 || !call->once);
    assert(call->timeout_ms >= 0 && call->idle_timeout_ms >= 0 && call->max_bytes >= 0);
    int64_t former = c->deadline_us;
    int64_t until_us = call->timeout_ms ? mono_us() + call->timeout_ms * US_PER_MS : 0;
    c->deadline_us = sooner(former, until_us);
    Err *err = open_retrying(c, call, until_us, out, head);
    c->deadline_us = former;
    if (err) *out = NULL;
    return err;
}

static Err *body_wait(Ctx *c, HttpStream *s) {
    if (s->paused && !s->done) {
        s->paused = false;
        s->active_us = mono_us(); /* the silence until now was ours */
        CURLcode code = curl_easy_pause(s->transfer.easy, CURLPAUSE_CONT);
        if (code != CURLE_OK) on_done(&s->transfer, code);
        return NULL;
    }
    return stream_wait(c, s);
}

Err *http_read(Ctx *c, HttpStream *s, char *to, ptrdiff_t cap, ptrdiff_t *n) {
    assert(s && cap > 0);
    if (!s->arena) FAIL(c, INTERNAL, "read from a closed answer");
    *n = 0;
    int64_t former = c->deadline_us;
    c->deadline_us = sooner(former, s->until_us);
    if (s->body.len == s->taken) s->active_us = max_i64(s->active_us, mono_us());
    Err *err = NULL;
    while (!err && s->body.len == s->taken && !s->done) err = body_wait(c, s);
    c->deadline_us = former;
    if (err) return err;
    ptrdiff_t held = s->body.len - s->taken;
    if (held == 0) return s->result == CURLE_OK ? NULL : stream_err(c, s);
    *n = min_size(held, cap);
    memcpy(to, s->body.data + s->taken, (size_t)*n);
    s->taken += *n;
    s->total += *n;
    if (s->max_bytes && s->total > s->max_bytes)
        FAIL(c, UPSTREAM, "%.*s answered with more than %lld bytes.", S_ARG(s->host),
             (long long)s->max_bytes);
    return NULL;
}

static Err *call_whole(Ctx *c, const HttpCall *call, HttpAnswer *out) {
    HttpStream *s;
    TRY(http_open(c, call, &s, out));
    int64_t length = 0;
    bool known = str_to_i64(answer_header(out, S("Content-Length")), &length) && length >= 0;
    if (known && length > call->max_bytes &&
        !(call->method && str_eq(str_c(call->method), S("HEAD"))))
        FAIL(c, UPSTREAM, "%.*s answered with more than %lld bytes.", S_ARG(s->host),
             (long long)call->max_bytes);
    Buf body = buf_new(c->arena, known ? min_size(length + 1, 1 * MIB) : 0);
    for (ptrdiff_t n = 1; n > 0;) {
        char *to = buf_reserve(&body, 1);
        TRY(http_read(c, s, to, body.cap - body.len, &n));
        body.len += n;
    }
    out->body = buf_str(&body);
    return NULL;
}

Err *http_call(Ctx *c, const HttpCall *call, HttpAnswer *out) {
    HttpCall bounded = *call;
    if (bounded.max_bytes == 0) bounded.max_bytes = ANSWER_MAX;
    /* One limit for head and body together: http_open alone would start the body's time afresh. */
    int64_t former = call->timeout_ms ? ctx_deadline_within(c, call->timeout_ms) : c->deadline_us;
    bounded.timeout_ms = 0;
    Defer *mark = c->defers;
    Err *err = call_whole(c, &bounded, out);
    ctx_undo(c, mark);
    c->deadline_us = former;
    return err;
}

Str answer_header(const HttpAnswer *a, Str name) {
    for (ptrdiff_t i = 0; i < a->header_count; i++)
        if (str_eq_nocase(a->headers[i].name, name)) return a->headers[i].value;
    return (Str){0};
}

Err *http_event(Ctx *c, HttpStream *s, SseEvent *out) {
    assert(s && out);
    if (!s->arena) FAIL(c, INTERNAL, "read from a closed answer");
    if (!s->events) {
        s->event_arena = arena_new(EVENT_BUDGET);
        s->events = sse_parser_new(s->event_arena, EVENT_MAX);
    }
    char chunk[8192];
    while (!sse_take(s->events, out)) {
        ptrdiff_t n;
        TRY(http_read(c, s, chunk, sizeof chunk, &n));
        *out = (SseEvent){0};
        if (n == 0) return NULL;
        bool fits = sse_feed(s->events, str_of(chunk, n));
        if (!fits && !sse_take(s->events, out))
            FAIL(c, UPSTREAM, "%.*s sent an event over %d bytes.", S_ARG(s->host), EVENT_MAX);
        if (!fits) return NULL;
    }
    return NULL;
}
