/* SPDX-License-Identifier: Apache-2.0
 * A forward proxy on loopback for programs that fetch by themselves: whatever address they are told,
 * led on to by a redirect or given by a name that changes, they get no further than our own client
 * would (net/client.h, public_only). One for the process; who uses it must know its password. */
#ifndef SOCLE_ROBIAN_GUARD_H
#define SOCLE_ROBIAN_GUARD_H

#include "rt/coro.h"

/* Listen on a free port. private_too: refuse nobody (ROBIAN_ALLOW_PRIVATE_SOURCES). */
MUST_USE Err *guard_start(Ctx *c, bool private_too);
void guard_stop(void);
/* http://user:password@127.0.0.1:port, in the arena; null Str before guard_start. */
Str guard_url(Arena *arena);
/* Connections that were refused since the start, because of where they led. */
int64_t guard_refused(void);

#endif
