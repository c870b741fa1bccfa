/* SPDX-License-Identifier: Apache-2.0
 * What drives libcurl on a loop: two multi handles per loop, made when first used, each with its own
 * pool of kept-alive connections. Guarded calls (HttpCall.public_only) have a pool of their own, so
 * that they never get a connection to a private address that an unguarded call has opened.
 *
 * Only client.c includes this. */
#ifndef SOCLE_NET_CLIENT_LOOP_H
#define SOCLE_NET_CLIENT_LOOP_H

#include <curl/curl.h>

#include "rt/io.h"

/* One transfer, as the pool sees it. The callbacks run in the loop, outside every coroutine: they
 * must not allocate from the arena of a request. */
typedef struct Transfer {
    CURL *easy;
    void (*done)(struct Transfer *t, CURLcode result);
    void (*active)(struct Transfer *t); /* its socket was readable or writable */
    bool guarded;
    bool added;
} Transfer;

/* Hand the transfer to this loop's pool. INTERNAL if libcurl refuses it. */
MUST_USE Err *transfer_start(Ctx *c, Transfer *t);
/* Take it back, finished or not; nothing is called for it afterwards. Not from a callback. */
void transfer_stop(Transfer *t);

#endif
