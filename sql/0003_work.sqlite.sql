-- Jobs, schedules, events and the usage ledger. Times are µs UTC.
-- up

-- due: 0 while a waiting job's run_at lies ahead; whoever keeps time sets it. The claim's index then
-- holds only what may run now, in the order in which it does. lease is the fencing token: it grows
-- with every claim, and a worker that comes back with an old one changes nothing.
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    queue TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'dead', 'cancelled')),
    payload TEXT,
    result TEXT,
    priority INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER NOT NULL,
    progress_done INTEGER NOT NULL DEFAULT 0,
    progress_total INTEGER NOT NULL DEFAULT 0,
    progress_note TEXT,
    unique_key TEXT,
    error TEXT,
    cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
    user_id INTEGER,
    organisation_id INTEGER,
    due INTEGER NOT NULL CHECK (due IN (0, 1)),
    run_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    lease INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER,
    worker TEXT,
    keep_until INTEGER
) STRICT;
CREATE INDEX jobs_claim ON jobs (queue, priority DESC, id) WHERE state = 'waiting' AND due = 1;
CREATE INDEX jobs_delayed ON jobs (run_at) WHERE state = 'waiting' AND due = 0;
CREATE INDEX jobs_running ON jobs (queue) WHERE state = 'running';
CREATE INDEX jobs_ended ON jobs (state, keep_until) WHERE keep_until IS NOT NULL;
CREATE UNIQUE INDEX jobs_unique ON jobs (kind, unique_key)
    WHERE unique_key IS NOT NULL AND state IN ('waiting', 'running');

-- One row a firing; the first row of a schedule (without job) is the moment it became known.
CREATE TABLE schedule_ticks (
    name TEXT NOT NULL,
    tick INTEGER NOT NULL,
    job_id INTEGER,
    PRIMARY KEY (name, tick)
) STRICT, WITHOUT ROWID;

-- The log of events. One writer at a time: ids rise in the order of commits.
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    channel TEXT NOT NULL,
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX events_channel ON events (channel, id);

-- purged_id: events up to here may have been deleted.
CREATE TABLE event_log (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    purged_id INTEGER NOT NULL
) STRICT;
INSERT INTO event_log (one, purged_id) VALUES (1, 0);

-- What has been used, one line each, never changed.
CREATE TABLE ledger_lines (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    unit TEXT NOT NULL,
    key TEXT NOT NULL,
    amount INTEGER NOT NULL,
    reservation_id INTEGER,
    at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (owner, unit, key)
) STRICT;
CREATE INDEX ledger_lines_window ON ledger_lines (owner, unit, at, amount);

CREATE TABLE ledger_reservations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    unit TEXT NOT NULL,
    key TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 0),
    state TEXT NOT NULL CHECK (state IN ('held', 'settled', 'released', 'expired')),
    used INTEGER,
    at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    UNIQUE (owner, unit, key)
) STRICT;
CREATE INDEX ledger_reservations_held ON ledger_reservations (owner, unit, expires_at)
    WHERE state = 'held';
CREATE INDEX ledger_reservations_ended ON ledger_reservations (at) WHERE state <> 'held';

-- One row for every owner and unit: who changes their lines or balances holds its lock.
CREATE TABLE ledger_accounts (
    owner TEXT NOT NULL,
    unit TEXT NOT NULL,
    PRIMARY KEY (owner, unit)
) STRICT, WITHOUT ROWID;

-- Sums over a window of time [starts, ends), made from the lines when first asked for.
CREATE TABLE ledger_balances (
    owner TEXT NOT NULL,
    unit TEXT NOT NULL,
    starts INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    used INTEGER NOT NULL,
    reserved INTEGER NOT NULL CHECK (reserved >= 0),
    PRIMARY KEY (owner, unit, starts, ends)
) STRICT, WITHOUT ROWID;

-- down
DROP TABLE ledger_balances;
DROP TABLE ledger_accounts;
DROP TABLE ledger_reservations;
DROP TABLE ledger_lines;
DROP TABLE event_log;
DROP TABLE events;
DROP TABLE schedule_ticks;
DROP TABLE jobs;
