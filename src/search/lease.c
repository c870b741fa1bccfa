/* SPDX-License-Identifier: Apache-2.0
 * Who writes to a store outside: two that did would bring back each other's older documents. Of the
 * processes of a folder the one that has its lock; of the nodes that share a PostgreSQL database the
 * one that has the lease in search_leases, by the database's clock. A node that dies keeps it for
 * LEASE_S at most; a process that comes back in the same folder is the same holder. Everybody else
 * reads how far the writer is. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/rand.h"
#include "core/time.h"
#include "data/db.h"
#include "search/lease.h"

enum { LEASE_S = 30, RENEW_US = 5 * 1000 * 1000 };
static_assert(LEASE_S * 1000 > 2 * LEASE_CALL_MS, "a call outlives the lease");

static const char take_sql[] =
    "INSERT INTO search_leases (name, holder, until) "
    "VALUES ($1, $2, clock_timestamp() + $3 * interval '1 second') "
    "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until "
    "WHERE search_leases.holder = excluded.holder OR search_leases.until < clock_timestamp()";
static const char give_sql[] = "DELETE FROM search_leases WHERE name = $1 AND holder = $2";

static Err *folders_make(Ctx *c, Str folder) {
    char *path = str_cstr(c->arena, folder);
    for (char *at = path + 1;; at++) {
        if (*at != '/' && *at) continue;
        char byte = *at;
        *at = 0;
        int made = mkdir(path, 0750);
        *at = byte;
        if (made != 0 && errno != EEXIST)
            FAIL(c, INTERNAL, "Making the folder %s: %s.", path, strerror(errno));
        if (!byte) return NULL;
    }
}

/* The holder's name is the lock file's text. */
static Err *holder_read(Ctx *c, SearchLease *l) {
    ssize_t got = pread(l->lock, l->holder, sizeof l->holder - 1, 0);
    if (got == (ssize_t)sizeof l->holder - 1) return NULL;
    Str name = rand_token(c->arena, S(""), 32);
    assert(name.len >= (ptrdiff_t)sizeof l->holder - 1);
    memcpy(l->holder, name.data, sizeof l->holder - 1);
    if (pwrite(l->lock, l->holder, sizeof l->holder - 1, 0) != (ssize_t)sizeof l->holder - 1)
        FAIL(c, INTERNAL, "Writing the lock of the search index: %s.", strerror(errno));
    return NULL;
}

Err *lease_open(Ctx *c, SearchLease *l, const char *name, Str folder) {
    *l = (SearchLease){.name = name, .lock = -1};
    if (str_is_null(folder)) FAIL(c, CONFLICT, "There is no folder for a lock.");
    TRY(folders_make(c, folder));
    int lock =
        open(strf(c->arena, "%.*s/lock", S_ARG(folder)).data, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (lock < 0) FAIL(c, INTERNAL, "The lock of the search index: %s.", strerror(errno));
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        close(lock);
        FAIL(c, CONFLICT, "Another process keeps the index %s.", l->name);
    }
    l->lock = lock;
    return holder_read(c, l);
}

Err *lease_take(Ctx *c, SearchLease *l, bool *leads) {
    *leads = l->lock >= 0;
    if (l->lock < 0 || db_engine(c) == ENGINE_SQLITE) return NULL;
    int64_t now = mono_us();
    if (now < l->sure_us - (LEASE_S * US_PER_SECOND - RENEW_US)) return NULL;
    ptrdiff_t changed;
    *leads = false;
    TRY(db_exec(c, SQL(take_sql), ARGS(V(str_c(l->name)), V(str_c(l->holder)), V((int64_t)LEASE_S)),
                &changed));
    *leads = changed == 1;
    l->sure_us = *leads ? now + LEASE_S * US_PER_SECOND : 0;
    return NULL;
}

Err *lease_keep(Ctx *c, SearchLease *l) {
    bool leads;
    TRY(lease_take(c, l, &leads));
    if (!leads) FAIL(c, UNAVAILABLE, "another node keeps the search index now");
    return NULL;
}

void lease_close(Ctx *c, SearchLease *l) {
    if (l->lock < 0) return;
    if (l->sure_us) {
        Err *err = db_exec(c, SQL(give_sql), ARGS(V(str_c(l->name)), V(str_c(l->holder))), NULL);
        (void)err; /* it ends by itself */
    }
    close(l->lock);
    l->lock = -1;
}
