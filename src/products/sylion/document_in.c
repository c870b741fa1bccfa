/* SPDX-License-Identifier: Apache-2.0
 * Bytes come in pieces and go on to the blob store in pieces: a document of any size takes the memory
 * of one. Where the bytes come from an address, it must be a public one (SYLION_ALLOW_PRIVATE_SOURCES),
 * through all redirects; fetching has a limit of time, of silence, of size. */
#include "products/sylion/document_in.h"

#include "data/blob.h"
#include "net/client.h"
#include "net/url.h"
#include "products/sylion/extract.h"
#include "products/sylion/quota.h"
#include "products/sylion/sylion.h"

enum {
    PIECE = 64 * 1024,
    HEAD_BYTES = 4096,
    NAME_MAX_BYTES = 255,
    FIELD_MAX = 1024,
    TEXT_BODY_MAX = 16 * 1024 * 1024,
    FETCH_MS = 60 * 1000,
    FETCH_IDLE_MS = 20 * 1000
};

static Err *field_bad(Ctx *c, const char *field, const char *code, Str message) {
    Problems problems = {.arena = c->arena};
    problem_add(&problems, str_c(field), str_c(code), "%.*s", S_ARG(message));
    return problems_err(c, &problems);
}

/* -- What is being written ------------------------------------------------------------------------- */

typedef struct Taking {
    BlobWriter *writer;
    int64_t size;
    char head[HEAD_BYTES];
    ptrdiff_t head_len;
    bool from_url;
} Taking;

static Err *taking_add(Ctx *c, Taking *t, Str bytes) {
    t->size += bytes.len;
    if (t->size > sylion.document_max_bytes) {
        const char *format = "A document has at most %lld bytes.";
        Str detail = strf(c->arena, format, (long long)sylion.document_max_bytes);
        if (t->from_url) return field_bad(c, "url", "too_long", detail);
        FAIL(c, TOO_LARGE, "%.*s", S_ARG(detail));
    }
    ptrdiff_t more = min_size(bytes.len, HEAD_BYTES - t->head_len);
    memcpy(t->head + t->head_len, bytes.data, (size_t)more);
    t->head_len += more;
    return blob_write(c, t->writer, bytes);
}

static Err *taking_end(Ctx *c, Taking *t, const char *field, DocumentIn *in) {
    Str why;
    if (t->size == 0) return field_bad(c, field, "required", S("The document is empty."));
    TRY(blob_finish(c, t->writer, &in->sha256, &in->size_bytes));
    in->told_type = in->mime_type;
    FileType type = file_type(str_of(t->head, t->head_len), in->name, in->mime_type, &why);
    in->mime_type = file_type_mime(type);
    return NULL;
}

static Err *taking_begin(Ctx *c, Taking **out) {
    *out = arena_new_of(c->arena, Taking);
    return blob_begin(c, app_blobs(c), &(*out)->writer);
}

/* A name to show: without folders, controls and what is not UTF-8. */
static Str name_clean(Arena *arena, Str name) {
    for (ptrdiff_t i = name.len - 1; i >= 0; i--)
        if (name.data[i] == '/' || name.data[i] == '\\') {
            name = str_slice(name, i + 1, name.len);
            break;
        }
    Buf b = buf_new(arena, name.len + 1);
    for (ptrdiff_t at = 0; at < name.len;) {
        ptrdiff_t from = at;
        int32_t point = str_utf8_next(name, &at);
        if (point >= 0x20 && point != 0x7F && point != 0xFFFD)
            buf_add(&b, str_slice(name, from, at));
    }
    return str_utf8_cut(str_trim(buf_str(&b)), NAME_MAX_BYTES);
}

/* -- A file in a form ------------------------------------------------------------------------------ */

static Err *part_text(Ctx *c, Multipart *m, Str *out) {
    char *bytes = arena_bytes(c->arena, FIELD_MAX + 1);
    ptrdiff_t len = 0, n = 1;
    while (n > 0 && len <= FIELD_MAX) {
        TRY(multipart_read(c, m, bytes + len, FIELD_MAX + 1 - len, &n));
        len += n;
    }
    if (len > FIELD_MAX) return field_bad(c, "name", "too_long", S("At most 255 bytes."));
    *out = str_of(bytes, len);
    return NULL;
}

static Err *part_file(Ctx *c, Multipart *m, const Part *part, DocumentIn *in) {
    Taking *t;
    char *piece = arena_bytes(c->arena, PIECE);
    TRY(taking_begin(c, &t));
    for (ptrdiff_t n = 1; n > 0;) {
        TRY(multipart_read(c, m, piece, PIECE, &n));
        if (n > 0) TRY(taking_add(c, t, str_of(piece, n)));
    }
    Str name = name_clean(c->arena, part->filename);
    if (in->name.len == 0) in->name = name;
    in->mime_type = part->content_type;
    return taking_end(c, t, "file", in);
}

static Err *form_take(Ctx *c, Req *q, DocumentIn *in) {
    Multipart *m;
    bool more = true;
    int files = 0;
    in->source = S("upload");
    q->body_limit = sylion.document_max_bytes + 64 * KIB;
    TRY(multipart_open(c, q, &m));
    for (;;) {
        Part part;
        TRY(multipart_next(c, m, &part, &more));
        if (!more) break;
        if (str_eq(part.name, S("file")) || !str_is_null(part.filename)) {
            if (files++ > 0) return field_bad(c, "file", "duplicate", S("One file at a time."));
            TRY(part_file(c, m, &part, in));
        } else if (str_eq(part.name, S("name"))) {
            Str name;
            TRY(part_text(c, m, &name));
            name = name_clean(c->arena, name);
            if (name.len > 0) in->name = name;
        }
    }
    if (files == 0) return field_bad(c, "file", "required", S("The form has no file."));
    if (in->name.len == 0) in->name = S("document");
    return NULL;
}

/* -- A file of this machine ------------------------------------------------------------------------ */

Err *document_take_file(Ctx *c, int fd, Str path, DocumentIn *in) {
    Taking *t;
    char *piece = arena_bytes(c->arena, PIECE);
    in->source = S("upload");
    in->name = name_clean(c->arena, path);
    if (in->name.len == 0) in->name = S("document");
    TRY(taking_begin(c, &t));
    for (ptrdiff_t n = 1; n > 0;) {
        Err *err = file_read(c, fd, piece, PIECE, t->size, &n);
        if (err) FAIL(c, INVALID, "It cannot be read: %.*s", S_ARG(err->detail));
        if (n > 0) TRY(taking_add(c, t, str_of(piece, n)));
    }
    return taking_end(c, t, "file", in);
}

/* -- From an address ------------------------------------------------------------------------------- */

static Str name_of_url(Arena *arena, Str url) {
    Url parts;
    if (!url_parse(url, &parts)) return S("document");
    Str path = url_decode(arena, parts.path, false);
    Str name = name_clean(arena, path);
    return name.len > 0 ? name : name_clean(arena, parts.host);
}

/* Why nothing came, as the tenant may know it: nothing of inner networks. */
static Err *fetch_failed(Ctx *c, const Err *err) {
    switch (err->kind) {
    case ERR_FORBIDDEN: return field_bad(c, "url", "value", S("The address is not a public one."));
    case ERR_INVALID: return field_bad(c, "url", "format", S("It is no address of http or https."));
    case ERR_TIMEOUT:
        return field_bad(c, "url", "value", S("The address does not answer in time."));
    case ERR_UPSTREAM:
        return field_bad(c, "url", "value", S("The address cannot be reached, or breaks off."));
    default: return NULL;
    }
}

static Err *fetch_into(Ctx *c, Str url, Taking *t, HttpAnswer *head) {
    HttpStream *stream;
    char *piece = arena_bytes(c->arena, PIECE);
    HttpCall call = {
        .url = url,
        .headers = (const Header[]){{S("Accept"), S("text/html, application/pdf, text/*;q=0.9, "
                                                    "*/*;q=0.5")}},
        .header_count = 1,
        .timeout_ms = FETCH_MS,
        .idle_timeout_ms = FETCH_IDLE_MS,
        .public_only = !sylion.private_sources,
        .follow = true,
    };
    TRY(http_open(c, &call, &stream, head));
    if (head->status != 200) {
        http_close(stream);
        return field_bad(c, "url", "value",
                         strf(c->arena, "The address answers with status %d.", head->status));
    }
    for (ptrdiff_t n = 1; n > 0;) {
        TRY(http_read(c, stream, piece, PIECE, &n));
        if (n > 0) TRY(taking_add(c, t, str_of(piece, n)));
    }
    return NULL;
}

static Err *url_take(Ctx *c, Str url, DocumentIn *in) {
    Taking *t;
    HttpAnswer head;
    in->source = S("url");
    in->url = url;
    TRY(taking_begin(c, &t));
    t->from_url = true;
    int64_t before = ctx_deadline_within(c, FETCH_MS);
    Err *err = fetch_into(c, url, t, &head);
    c->deadline_us = before;
    if (err && err->field_count == 0) {
        Err *said = fetch_failed(c, err);
        if (said) err = said;
    }
    TRY(err);
    if (in->name.len == 0) in->name = name_of_url(c->arena, head.url);
    in->mime_type = answer_header(&head, S("Content-Type"));
    return taking_end(c, t, "url", in);
}

/* -- JSON ------------------------------------------------------------------------------------------ */

typedef struct DocumentBody {
    Str url, text, name, tenant_id;
} DocumentBody;
static const Field body_fields[] = {
    FIELD(DocumentBody, url, .flags = F_NULLABLE | F_TRIM, .min = 1, .max = 2048, .format = "uri"),
    FIELD(DocumentBody, text, .flags = F_NULLABLE, .min = 1, .max = TEXT_BODY_MAX),
    FIELD(DocumentBody, name, .flags = F_NULLABLE | F_TRIM, .max = 255),
    FIELD(DocumentBody, tenant_id, .flags = F_NULLABLE, .format = "uuid"),
};
static const Record body_record =
    RECORD_AS("KnowledgeDocumentIn", DocumentBody, body_fields, .camel = true);

static Err *text_take(Ctx *c, Str text, DocumentIn *in) {
    Taking *t;
    in->source = S("text");
    if (str_trim(text).len == 0) return field_bad(c, "text", "required", S("The text is empty."));
    TRY(taking_begin(c, &t));
    TRY(taking_add(c, t, text));
    if (in->name.len == 0) in->name = S("text.txt");
    return taking_end(c, t, "text", in);
}

static Err *json_take(Ctx *c, const Scope *s, Req *q, DocumentIn *in) {
    Str text;
    json_t *json;
    DocumentBody body = {0};
    q->body_limit = min_size(TEXT_BODY_MAX, sylion.document_max_bytes + 64 * KIB);
    if (q->body_length > 0)
        arena_budget_set(c->arena, http_options(q)->budget_bytes +
                                       6 * min_size(q->body_length, q->body_limit));
    TRY(body_all(c, q, &text));
    TRY(json_parse(c, text, &json));
    TRY(record_read(c, &body_record, json, READ_CREATE, &body, NULL));
    if (body.tenant_id.data && !str_eq_nocase(body.tenant_id, s->tenant_id))
        FAIL(c, BAD_REQUEST, "tenantId names another tenant than the credential does.");
    in->name = name_clean(c->arena, body.name);
    if (body.url.data && body.text.data)
        return field_bad(c, "text", "value", S("Either url or text, not both."));
    if (body.url.data) return url_take(c, body.url, in);
    if (body.text.data) return text_take(c, body.text, in);
    return field_bad(c, "url", "required", S("A document has a url or a text."));
}

Err *document_take(Ctx *c, const Scope *s, Req *q, DocumentIn *in) {
    Str type;
    int64_t used, limit;
    bool fits;
    /* What cannot fit is not carried first; the transaction decides for good. */
    TRY(quota_check(c, s, QUOTA_STORAGE, max_i64(1, q->body_length - 64 * KIB), &used, &limit,
                    &fits));
    if (!fits)
        return sylion_err(c, ERR_RATE_LIMITED, "QUOTA_EXCEEDED",
                          "The plan's storage is used up: %lld of %lld bytes.", (long long)used,
                          (long long)limit);
    str_cut(req_header(q, S("Content-Type")), ';', &type);
    type = str_trim(type);
    if (str_eq_nocase(type, S("multipart/form-data"))) return form_take(c, q, in);
    if (str_eq_nocase(type, S("application/json"))) return json_take(c, s, q, in);
    FAIL(c, MEDIA_TYPE, "A document comes as multipart/form-data or application/json.");
}
