/* SPDX-License-Identifier: Apache-2.0
 * Signals, delivered on the first loop. */
#ifndef SOCLE_RT_SIGNAL_H
#define SOCLE_RT_SIGNAL_H

#include "rt/loop.h"

/* fn(signum, arg) in the first loop, each time; also from rt_init's thread before rt_run. */
void signal_on(int signum, void (*fn)(int signum, void *arg), void *arg);

#endif
