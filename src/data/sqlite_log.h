/* SPDX-License-Identifier: Apache-2.0
 * How the writer's handle writes SQLite's write-ahead log: gathered. SQLite writes each page of a
 * commit in two steps, 24 bytes and the page; here these become one write of all that lies next to
 * each other, made when the log is synced, which is before anybody else is told of the pages.
 *
 * - Reading what is gathered, measuring and cutting the log are done after the writing.
 * - A write that fails is told by the sync (or by what made it happen). From then on every sync
 *   fails, and so does writing and reading behind the gap, until the gap is written over: a log
 *   with a hole in it can never be taken for whole.
 * - All other files are the usual VFS's own. */
#ifndef SOCLE_DATA_SQLITE_LOG_H
#define SOCLE_DATA_SQLITE_LOG_H

/* The name to open a database with. */
#define LOG_VFS "socle-log"

/* Once, before the first such opening; over what is then the usual VFS. */
void log_vfs_register(void);

#endif
