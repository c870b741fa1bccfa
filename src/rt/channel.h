/* SPDX-License-Identifier: Apache-2.0
 * Channel: a bounded queue of pointers between coroutines of any loops, and from plain threads. */
#ifndef SOCLE_RT_CHANNEL_H
#define SOCLE_RT_CHANNEL_H

#include "rt/coro.h"

typedef struct Channel Channel;

Channel *channel_new(ptrdiff_t capacity);
void channel_free(Channel *ch); /* nobody may be waiting in it */
/* Waits while full. CONFLICT once closed. */
MUST_USE Err *channel_send(Ctx *c, Channel *ch, void *item);
/* From any thread; false when full or closed. */
bool channel_try_send(Channel *ch, void *item);
/* Waits while empty. *item is NULL once closed and drained. */
MUST_USE Err *channel_receive(Ctx *c, Channel *ch, void **item);
bool channel_try_receive(Channel *ch, void **item);
void channel_close(Channel *ch);

#endif
