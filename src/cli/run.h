/* SPDX-License-Identifier: Apache-2.0
 * What serve and worker share: waiting for the signal to stop, and telling systemd. */
#ifndef SOCLE_CLI_RUN_H
#define SOCLE_CLI_RUN_H

#include "cli/cli.h"

/* Of the time that stopping may take (STOP_SECONDS), what is in flight has so much: the rest is for what
 * it leaves. */
int64_t run_drain_ms(void);

/* SIGTERM and SIGINT ask to stop (again, a second later: to stop at once), SIGHUP opens the log again. Call once,
 * on the first loop, before what takes long at start: a signal meanwhile is kept. */
void run_signals(void);
/* Wait until asked to stop. */
void run_wait(Ctx *c);
bool run_stop_asked(void);

/* The drain is over and something is still under way, perhaps in the midst of using the database: end the
 * process at once. What was acknowledged is on disk; what was not is lost, as it was going to be. */
NORETURN void run_abandon(void);

/* One datagram to systemd's NOTIFY_SOCKET ("READY=1"); nothing where there is none. */
void systemd_notify(const char *state);

#endif
