/* SPDX-License-Identifier: Apache-2.0
 * Pipe: bytes to stored posts, batch by batch, with memory for one or two batches and no more.
 * The caller brings a way to read and a way to hear of refusals; what is stored is stored (each
 * batch is one transaction), so that what was cut short is simply sent again. */
#ifndef SOCLE_VEYL_PIPE_H
#define SOCLE_VEYL_PIPE_H

#include "products/veyl/ingest.h"
#include "products/veyl/source.h"

typedef struct Pipe {
    SourceOptions source;
    ptrdiff_t batch_records, batch_bytes; /* a batch is full with either; bytes of texts, about */
    /* Next bytes, *n = 0 at the end. Runs in the coroutine that calls. */
    Err *(*read)(Ctx *c, void *arg, char *to, ptrdiff_t cap, ptrdiff_t *n);
    /* One record that was refused. */
    void (*reject)(void *arg, const Draft *draft);
    /* After each batch. */
    void (*stored)(void *arg, const IngestCounts *counts);
    void *arg;
    IngestCounts counts; /* out: all batches together */
    int64_t rejected;
} Pipe;

enum {
    PIPE_BATCH_BULK = 50000,
    PIPE_BATCH_BULK_BYTES = 64 * 1024 * 1024,
    PIPE_BATCH_SERVER = 5000,
    PIPE_BATCH_SERVER_BYTES = 8 * 1024 * 1024
};

/* Parse, then store, in turn: for a server, whose request must read its own body. BAD_REQUEST
 * with the reason when the rest cannot be read (what came before is stored). */
MUST_USE Err *pipe_run(Ctx *c, Pipe *pipe);
/* Parse the next batch while the last is stored: for a command that has its loop for itself.
 * `read` is called from another coroutine. */
MUST_USE Err *pipe_run_overlapped(Ctx *c, Pipe *pipe);

#endif
