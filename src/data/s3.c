/* SPDX-License-Identifier: Apache-2.0
 * S3 over HTTP (Amazon S3 API Reference: PutObject, HeadObject, GetObject, DeleteObject, ListObjectsV2).
 * With an endpoint of one's own buckets are addressed by path, else by host name. */
#include "data/s3.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdlib.h>

#include "core/buf.h"
#include "core/time.h"
#include "data/sigv4.h"
#include "net/client.h"
#include "net/url.h"

enum { TRIES_MORE = 3, IDLE_MS = 30000, LIST_PAGE_BYTES = 4 * 1024 * 1024, PIECE = 256 * 1024 };
#define EMPTY_HASH S("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")

struct S3 {
    Arena *arena; /* of all below */
    Str origin;   /* https://host[:port] */
    Str host;     /* as the header says it */
    Str root;     /* path of the bucket: "", or "/bucket" */
    Str prefix;   /* "" or "some/where/" */
    Str region, access_key, secret_key, session_token, bucket;
};

/* -- opening ------------------------------------------------------------------------------------ */

static bool name_valid(Str name) {
    for (ptrdiff_t i = 0; i < name.len; i++) {
        char x = name.data[i];
        bool good = (x >= 'A' && x <= 'Z') || (x >= 'a' && x <= 'z') || (x >= '0' && x <= '9') ||
                    (x && strchr("/._-", x));
        if (!good) return false;
    }
    return str_find(name, S("//")) < 0 && str_find(name, S("..")) < 0;
}

static Err *place_read(Ctx *c, S3 *s3, const S3Options *o, bool google) {
    Str rest = str_slice(o->url, 5, o->url.len), bucket;
    Str prefix = str_cut(rest, '/', &bucket);
    while (prefix.len && prefix.data[prefix.len - 1] == '/') prefix.len--;
    if (bucket.len < 3 || bucket.len > 63 || !name_valid(bucket) || !name_valid(prefix))
        FAIL(c, INVALID, "BLOB_URL must be s3://bucket, gs://bucket, or one of these with /a/prefix "
                         "of letters, digits, `.`, `_` and `-`.");
    s3->bucket = str_copy(s3->arena, bucket);
    s3->prefix = prefix.len ? strf(s3->arena, "%.*s/", S_ARG(prefix)) : S("");
    s3->region = o->region.len ? str_copy(s3->arena, o->region) : google ? S("auto") : S("us-east-1");
    return NULL;
}

static Err *endpoint_read(Ctx *c, S3 *s3, const S3Options *o, bool google) {
    Url url;
    if (!o->endpoint.len) {
        s3->host = google ? strf(s3->arena, "%.*s.storage.googleapis.com", S_ARG(s3->bucket))
                          : strf(s3->arena, "%.*s.s3.%.*s.amazonaws.com", S_ARG(s3->bucket),
                                 S_ARG(s3->region));
        s3->origin = strf(s3->arena, "https://%.*s", S_ARG(s3->host));
        s3->root = S("");
        return NULL;
    }
    bool web = url_parse(o->endpoint, &url) &&
               (str_eq(url.scheme, S("http")) || str_eq(url.scheme, S("https")));
    if (!web || !url.host.len || url.userinfo.len || url.query.len || url.path.len > 1)
        FAIL(c, INVALID, "AWS_ENDPOINT_URL must be http(s)://host or http(s)://host:port.");
    bool usual = url.port == (str_eq(url.scheme, S("https")) ? 443 : 80);
    s3->host = usual ? str_copy(s3->arena, url.host)
                     : strf(s3->arena, "%.*s:%d", S_ARG(url.host), url.port);
    s3->origin = strf(s3->arena, "%.*s://%.*s", S_ARG(url.scheme), S_ARG(s3->host));
    s3->root = strf(s3->arena, "/%.*s", S_ARG(s3->bucket));
    return NULL;
}

Err *s3_new(Ctx *c, const S3Options *o, S3 **out) {
    bool google = str_starts(o->url, S("gs://"));
    assert(google || str_starts(o->url, S("s3://")));
    if (!o->access_key.len || !o->secret_key.len)
        FAIL(c, NOT_CONFIGURED, "BLOB_URL names an object store: AWS_ACCESS_KEY_ID and "
                                "AWS_SECRET_ACCESS_KEY are needed (for gs://, an HMAC key's).");
    Arena *arena = arena_new(64 * 1024);
    S3 *s3 = arena_new_of(arena, S3);
    s3->arena = arena;
    Err *err = place_read(c, s3, o, google);
    if (!err) err = endpoint_read(c, s3, o, google);
    if (err) {
        arena_free(arena);
        return err;
    }
    s3->access_key = str_copy(arena, o->access_key);
    s3->secret_key = str_copy(arena, o->secret_key);
    s3->session_token = str_copy(arena, o->session_token);
    *out = s3;
    return NULL;
}

void s3_free(S3 *s3) {
    if (s3) arena_free(s3->arena);
}

/* -- requests ----------------------------------------------------------------------------------- */

enum { SIGNED_MAX = 4, SENT_MAX = 4 };
typedef struct Signed {
    HttpCall call;
    Header sent[SENT_MAX];
} Signed;

/* path: below the bucket, "" for the bucket itself. */
static void sign(Ctx *c, const S3 *s3, const char *method, Str path, Str query, Str hash, Signed *out) {
    Time now = time_now();
    Str date = sigv4_date(c->arena, now);
    Str target = strf(c->arena, "%.*s/%.*s", S_ARG(s3->root), S_ARG(path));
    SigV4Header headers[SIGNED_MAX] = {
        {S("host"), s3->host}, {S("x-amz-content-sha256"), hash}, {S("x-amz-date"), date},
        {S("x-amz-security-token"), s3->session_token}};
    ptrdiff_t count = s3->session_token.len ? 4 : 3;
    SigV4 v4 = {s3->access_key, s3->secret_key, s3->region, S("s3"), str_c(method), target, query,
                headers,        count,          hash,       now};
    out->sent[0] = (Header){S("Authorization"), sigv4_authorization(c->arena, &v4)};
    for (ptrdiff_t i = 1; i < count; i++)
        out->sent[i] = (Header){headers[i].name, headers[i].value};
    out->call = (HttpCall){.method = method,
                           .url = strf(c->arena, "%.*s%.*s%s%.*s", S_ARG(s3->origin), S_ARG(target),
                                       query.len ? "?" : "", S_ARG(query)),
                           .headers = out->sent,
                           .header_count = count,
                           .idle_timeout_ms = IDLE_MS,
                           .retries = TRIES_MORE};
}

/* What stands in <Code> of an error's body; "" where there is none (HEAD). */
static Str code_of(Str body) {
    ptrdiff_t from = str_find(body, S("<Code>"));
    if (from < 0) return S("");
    Str rest = str_slice(body, from + 6, body.len);
    ptrdiff_t to = str_find_byte(rest, '<');
    return to < 0 || to > 64 ? S("") : str_slice(rest, 0, to);
}

static Err *refusal(Ctx *c, const S3 *s3, int status, Str body) {
    Str code = code_of(body);
    if (str_eq(code, S("NoSuchBucket")))
        FAIL(c, NOT_CONFIGURED, "BLOB_URL: there is no bucket %.*s.", S_ARG(s3->bucket));
    if (status == 404) FAIL(c, NOT_FOUND, "There is no such object.");
    if (str_eq(code, S("RequestTimeTooSkewed")))
        FAIL(c, NOT_CONFIGURED, "The object store says that this machine's clock is wrong.");
    if (status == 301 || str_eq(code, S("AuthorizationHeaderMalformed")))
        FAIL(c, NOT_CONFIGURED, "The bucket %.*s is in another region: set AWS_REGION.",
             S_ARG(s3->bucket));
    if (status == 401 || status == 403)
        FAIL(c, NOT_CONFIGURED, "The object store refuses AWS_ACCESS_KEY_ID (%d %.*s).", status,
             S_ARG(code));
    if (status == 429 || status >= 500)
        FAIL(c, UNAVAILABLE, "The object store is not well (%d %.*s).", status, S_ARG(code));
    FAIL(c, UPSTREAM, "The object store answers %d %.*s.", status, S_ARG(code));
}

static Str object_path(Ctx *c, const S3 *s3, Str name) {
    assert(name_valid(name));
    return strf(c->arena, "%.*s%.*s", S_ARG(s3->prefix), S_ARG(name));
}

/* An answer to HEAD has no body that would say what is wrong: then GET says it. */
static Err *ask(Ctx *c, const S3 *s3, const char *method, Str name, Str bytes, Str hash, int *status) {
    Signed s;
    HttpAnswer answer;
    sign(c, s3, method, object_path(c, s3, name), S(""), hash, &s);
    s.call.body = bytes;
    TRY(http_call(c, &s.call, &answer));
    *status = answer.status;
    bool unsaid = strcmp(method, "HEAD") == 0 && answer.status / 100 != 2 && answer.status != 404;
    if (unsaid) return ask(c, s3, "GET", name, bytes, hash, status);
    bool absent = answer.status == 404 && !str_eq(code_of(answer.body), S("NoSuchBucket"));
    return answer.status / 100 == 2 || absent ? NULL : refusal(c, s3, answer.status, answer.body);
}

Err *s3_put(Ctx *c, S3 *s3, Str name, Str bytes, Str hash) {
    int status;
    TRY(ask(c, s3, "PUT", name, bytes.data ? bytes : S(""), hash, &status));
    return status / 100 == 2 ? NULL : refusal(c, s3, status, S(""));
}

Err *s3_there(Ctx *c, S3 *s3, Str name, bool *there) {
    int status;
    TRY(ask(c, s3, "HEAD", name, (Str){0}, EMPTY_HASH, &status));
    *there = status != 404;
    return NULL;
}

Err *s3_remove(Ctx *c, S3 *s3, Str name) {
    int status;
    return ask(c, s3, "DELETE", name, (Str){0}, EMPTY_HASH, &status);
}

Err *s3_get(Ctx *c, S3 *s3, Str name, Err *(*take)(Ctx *c, Str bytes, void *arg), void *arg) {
    Signed s;
    HttpStream *stream;
    HttpAnswer head;
    ptrdiff_t n;
    sign(c, s3, "GET", object_path(c, s3, name), S(""), EMPTY_HASH, &s);
    TRY(http_open(c, &s.call, &stream, &head));
    char *piece = arena_bytes(c->arena, PIECE);
    if (head.status != 200) {
        TRY(http_read(c, stream, piece, 4096, &n));
        return refusal(c, s3, head.status, str_of(piece, n));
    }
    for (;;) {
        TRY(http_read(c, stream, piece, PIECE, &n));
        if (n == 0) return NULL;
        TRY(take(c, str_of(piece, n), arg));
    }
}

/* -- listing ------------------------------------------------------------------------------------ */

static const xmlNode *child(const xmlNode *of, const char *name) {
    const xmlNode *n = of ? of->children : NULL;
    while (n && (n->type != XML_ELEMENT_NODE || strcmp((const char *)n->name, name) != 0)) n = n->next;
    return n;
}

static Str text_of(Ctx *c, const xmlNode *node) {
    xmlChar *text = node ? xmlNodeGetContent(node) : NULL;
    Str copy = text ? str_copy(c->arena, str_c((const char *)text)) : S("");
    xmlFree(text);
    return copy;
}

enum { TOKEN_MAX = 2048 };
typedef struct Listing {
    Err *(*fn)(Ctx *c, Str name, int64_t size, void *arg);
    void *arg;
    bool more;
    char token[TOKEN_MAX]; /* of the next page: outlives the memory of this one */
} Listing;

static void doc_free(void *doc) { xmlFreeDoc(doc); }

static Err *page_read(Ctx *c, const S3 *s3, Str body, Listing *l) {
    xmlDoc *doc = xmlReadMemory(body.data, (int)body.len, NULL, NULL,
                                XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (!doc) FAIL(c, UPSTREAM, "The object store's list is no XML.");
    defer(c, doc_free, doc);
    const xmlNode *root = xmlDocGetRootElement(doc);
    for (const xmlNode *n = root ? root->children : NULL; n; n = n->next) {
        int64_t size = 0;
        if (n->type != XML_ELEMENT_NODE || strcmp((const char *)n->name, "Contents") != 0) continue;
        Str key = text_of(c, child(n, "Key"));
        if (!str_starts(key, s3->prefix) || !str_to_i64(text_of(c, child(n, "Size")), &size)) continue;
        TRY(l->fn(c, str_slice(key, s3->prefix.len, key.len), size, l->arg));
    }
    Str token = text_of(c, child(root, "NextContinuationToken"));
    l->more = str_eq(text_of(c, child(root, "IsTruncated")), S("true"));
    if (l->more && (!token.len || token.len >= TOKEN_MAX))
        FAIL(c, UPSTREAM, "The object store's list has no next page.");
    snprintf(l->token, TOKEN_MAX, "%.*s", S_ARG(token));
    return NULL;
}

static Err *page_next(Ctx *c, const S3 *s3, Listing *l) {
    Signed s;
    HttpAnswer answer;
    Str token = l->more ? strf(c->arena, "continuation-token=%.*s&",
                               S_ARG(sigv4_encode(c->arena, str_c(l->token), false)))
                        : S("");
    Str query = strf(c->arena, "%.*slist-type=2&prefix=%.*s", S_ARG(token),
                     S_ARG(sigv4_encode(c->arena, s3->prefix, false)));
    sign(c, s3, "GET", S(""), query, EMPTY_HASH, &s);
    s.call.max_bytes = LIST_PAGE_BYTES;
    TRY(http_call(c, &s.call, &answer));
    if (answer.status != 200) return refusal(c, s3, answer.status, answer.body);
    return page_read(c, s3, answer.body, l);
}

Err *s3_each(Ctx *c, S3 *s3, Err *(*fn)(Ctx *c, Str name, int64_t size, void *arg), void *arg) {
    Listing l = {.fn = fn, .arg = arg};
    do {
        CtxMark mark = ctx_mark(c);
        TRY(page_next(c, s3, &l));
        ctx_release(c, mark);
    } while (l.more);
    return NULL;
}
