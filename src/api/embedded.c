/* SPDX-License-Identifier: Apache-2.0
 * Files of the binary as answers. */
#include "api/embedded.h"

const EmbedFile *embed_find(const EmbedFile *files, Str path) {
    assert(files);
    for (const EmbedFile *file = files; file->path; file++)
        if (str_eq(str_c(file->path), path)) return file;
    return NULL;
}

Err *call_embedded(Ctx *c, Call *k, const EmbedFile *file) {
    assert(file && file->bytes);
    Str bytes = str_of((const char *)file->bytes, file->size), tag = str_c(file->etag);
    k->answered = true;
    if (file->gzip) return reply_gzipped(c, k->q, k->r, str_c(file->type), bytes, tag);
    reply_text(k->r, 200, str_c(file->type), bytes);
    k->r->etag = strf(c->arena, "\"%.*s\"", S_ARG(tag));
    return NULL;
}
