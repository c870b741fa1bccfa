/* SPDX-License-Identifier: Apache-2.0
 * Knowledge: bases, their documents, and the way of a document from upload to what searches find.
 *
 *   uploaded ─▶ extracting ─▶ indexing ─▶ indexed
 *       ▲           │             │           │ document_again (a retry; another embedding model)
 *       └───────────┴── failed ◀──┴───────────┘
 *
 * A document's revision is raised each time it is to be read anew; the job of an older one finds
 * nothing to do. Chunks of a revision are stored with change number 0, which nobody sees, and shown
 * together in one transaction, in which those of the revision before go. Until then those serve. */
#ifndef SOCLE_SYLION_KNOWLEDGE_H
#define SOCLE_SYLION_KNOWLEDGE_H

#include "api/collection.h"
#include "products/sylion/records.h"
#include "products/sylion/scope.h"
#include "work/jobs.h"

#define INDEX_JOB "sylion.index"
#define INDEX_QUEUE "rag_indexing"
#define STALE_JOB "sylion.index_stale"
#define DOCUMENT_BLOB_JOB "sylion.document_blob"
#define KNOWLEDGE_PURGE_JOB "sylion.knowledge_tombstones"

enum {
    INDEX_TRIES = 12,
    INDEX_AT_ONCE = 8, /* on all nodes: each may take some hundred MB */
    INDEX_TIMEOUT_MS = 30 * 60 * 1000,
    INDEX_BUDGET = 256 * 1024 * 1024, /* of the job; extraction has an arena of its own */
    KNOWLEDGE_TOMBSTONE_DAYS = 90
};

/* With the members that never leave. */
extern const Record knowledge_base_row_record, document_row_record;

/* A base of the tenant's; NOT_FOUND KNOWLEDGE_BASE_NOT_FOUND. */
MUST_USE Err *knowledge_base_load(Ctx *c, const Scope *s, Str id, KnowledgeBase *out);
/* NOT_FOUND DOCUMENT_NOT_FOUND. */
MUST_USE Err *document_load(Ctx *c, const Scope *s, Str id, Document *out);

/* A document that came in, its bytes in the blob store. */
typedef struct DocumentIn {
    Str knowledge_base_id, name;
    Str source; /* upload, url, text */
    Str url, mime_type, sha256;
    Str told_type; /* as whoever brought it said; mime_type is what was seen */
    int64_t size_bytes;
} DocumentIn;
/* (tx) Store it and ask for its index; the one with the same content in that base where there is
 * such (*added false). RATE_LIMITED QUOTA_EXCEEDED; NOT_FOUND. `d` may be used again after a failure. */
MUST_USE Err *document_add(Ctx *c, const Scope *s, const DocumentIn *d, Document *out, bool *added);
/* (tx) Gone with its chunks; its bytes are given back to the quota. */
MUST_USE Err *document_remove(Ctx *c, const Scope *s, const Document *d);
/* (tx) Read and index it anew, whatever its state; a job under way for it finds nothing to do then. */
MUST_USE Err *document_retry(Ctx *c, const Scope *s, Str id, Document *out);
/* The bytes of a document that could not be stored: removed unless somebody else has them. */
MUST_USE Err *document_blob_drop(Ctx *c, Str sha256);

Err *index_run(Ctx *c, Job *job);         /* {"tenant":7,"document":42,"revision":1} */
Err *index_stale_run(Ctx *c, Job *job);   /* see index_stale.c */
Err *document_blob_run(Ctx *c, Job *job); /* {"blob":"…"} */
/* Module.has_blob of documents, files and messages. */
Err *sylion_has_blob(Ctx *c, Str hash, bool *yes);
Err *knowledge_purge_run(Ctx *c, Job *job);

/* -- The search index `chunks` (chunk_index.c) ----------------------------------------------------- */

enum {
    CHUNK_HEADING,
    CHUNK_TEXT,
    CHUNK_NAME,
    CHUNK_TENANT,
    CHUNK_BASE,
    CHUNK_DOCUMENT,
    CHUNK_LANGUAGE,
    CHUNK_PAGE,
    CHUNK_VECTOR,
    CHUNK_FIELDS
};
extern const Collection chunks_collection;
/* A chunk with what is known of where it stands. */
typedef struct ChunkDocument {
    int64_t n, position, tokens;
    Str chunk_id, document_id, document_name, knowledge_base_id, heading, text;
    OptInt page;
} ChunkDocument;
/* Those of these keys that are the tenant's and still there, in no order: struct ChunkDocument. */
MUST_USE Err *chunks_load(Ctx *c, const Scope *s, const int64_t *keys, ptrdiff_t count, Rows *out);
/* Sets what depends on settings; before indexes are opened. */
Err *chunk_index_prepare(Ctx *c);
/* Asks for documents of another embedding model to be indexed anew. */
MUST_USE Err *knowledge_start(Ctx *c);

extern const Route knowledge_routes[], document_routes[];

#endif
