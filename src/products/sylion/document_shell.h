/* SPDX-License-Identifier: Apache-2.0
 * Documents from the shell: socle kb import. A file comes in as over HTTP: its bytes in the blob
 * store, then one transaction with its row, what it takes of the quota, and its index job. What the
 * base has already by its content is not stored again, so an import that was cut is simply repeated. */
#ifndef SOCLE_SYLION_DOCUMENT_SHELL_H
#define SOCLE_SYLION_DOCUMENT_SHELL_H

#include "products/sylion/document_files.h"
#include "products/sylion/knowledge.h"

typedef enum ImportStep {
    IMPORT_ADDED,
    IMPORT_THERE,    /* the base has the same content; one that had failed is read again */
    IMPORT_REFUSED,  /* reason */
    IMPORT_LEFT_OUT, /* reason */
    IMPORT_INDEXED,
    IMPORT_FAILED,  /* reason, of the indexing */
    IMPORT_WAITING, /* neither, when the time was over */
    IMPORT_STEPS
} ImportStep;

typedef struct ImportTold {
    ImportStep step;
    Str path, document_id, reason; /* the last two: null where there is none */
    ptrdiff_t position, of;        /* among the files, or the documents that are waited for */
} ImportTold;

typedef struct Import {
    const Scope *s;
    Str knowledge_base_id;
    const FoundFiles *files;
    int64_t wait_ms; /* until all are indexed or failed, this process helping; 0: not */
    void (*tell)(void *arg, const ImportTold *told);
    void *arg;
    int64_t counts[IMPORT_STEPS]; /* what came of it */
} Import;

/* Everything that can be stored is; what cannot is told, and counted. An Err is what ends it all:
 * the base is gone, the database or the disk say no. Waits. */
MUST_USE Err *documents_import(Ctx *c, Import *i);

#endif
