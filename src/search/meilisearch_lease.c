/* SPDX-License-Identifier: Apache-2.0
 * Who writes to Meilisearch: two that did would bring back each other's older documents. Of the
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
#include "search/meilisearch.h"

/* A call may hang for MEILI_CALL_MS between two renewals. */
enum { LEASE_S = 30, RENEW_US = 5 * 1000 * 1000 };
static_assert(LEASE_S * 1000 > 2 * MEILI_CALL_MS, "a call outlives the lease");

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
static Err *holder_read(Ctx *c, Meili *m) {
    ssize_t got = pread(m->lock, m->holder, sizeof m->holder - 1, 0);
    if (got == (ssize_t)sizeof m->holder - 1) return NULL;
    Str name = rand_token(c->arena, S(""), 32);
    assert(name.len >= (ptrdiff_t)sizeof m->holder - 1);
    memcpy(m->holder, name.data, sizeof m->holder - 1);
    if (pwrite(m->lock, m->holder, sizeof m->holder - 1, 0) != (ssize_t)sizeof m->holder - 1)
        FAIL(c, INTERNAL, "Writing the lock of the search index: %s.", strerror(errno));
    return NULL;
}

Err *meili_lease_open(Ctx *c, Meili *m, Str folder) {
    if (str_is_null(folder)) FAIL(c, CONFLICT, "There is no folder for a lock.");
    TRY(folders_make(c, folder));
    int lock =
        open(strf(c->arena, "%.*s/lock", S_ARG(folder)).data, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (lock < 0) FAIL(c, INTERNAL, "The lock of the search index: %s.", strerror(errno));
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        close(lock);
        FAIL(c, CONFLICT, "Another process keeps the index %s.", m->name);
    }
    m->lock = lock;
    return holder_read(c, m);
}

Err *meili_lease_take(Ctx *c, Meili *m, bool *leads) {
    *leads = m->lock >= 0;
    if (m->lock < 0 || db_engine(c) == ENGINE_SQLITE) return NULL;
    int64_t now = mono_us();
    if (now < m->lease_us - (LEASE_S * US_PER_SECOND - RENEW_US)) return NULL;
    ptrdiff_t changed;
    *leads = false;
    TRY(db_exec(c, SQL(take_sql), ARGS(V(str_c(m->name)), V(str_c(m->holder)), V((int64_t)LEASE_S)),
                &changed));
    *leads = changed == 1;
    m->lease_us = *leads ? now + LEASE_S * US_PER_SECOND : 0;
    return NULL;
}

Err *meili_lease_keep(Ctx *c, Meili *m) {
    bool leads;
    TRY(meili_lease_take(c, m, &leads));
    if (!leads) FAIL(c, UNAVAILABLE, "another node keeps the search index now");
    return NULL;
}

void meili_lease_close(Ctx *c, Meili *m) {
    if (m->lock < 0) return;
    if (m->lease_us) {
        Err *err = db_exec(c, SQL(give_sql), ARGS(V(str_c(m->name)), V(str_c(m->holder))), NULL);
        (void)err; /* it ends by itself */
    }
    close(m->lock);
    m->lock = -1;
}
