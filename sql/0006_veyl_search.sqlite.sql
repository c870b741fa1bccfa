-- The search engine follows posts by their change numbers; saved searches turn what is new into
-- signals. Times are µs UTC.
-- up

-- Deletions say which document went: n. Older ones have none, but no index is older than this.
ALTER TABLE posts_deleted ADD COLUMN n INTEGER NOT NULL DEFAULT 0;

-- posts_forgotten: deletions up to this change number may be purged. saved_searches: posts up to it
-- have been compared with them. searches_version: raised whenever one of them changes.
CREATE TABLE search_marks (
    name TEXT PRIMARY KEY,
    change_seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO search_marks (name, change_seq) VALUES ('searches_version', 0);

-- since: only posts made after this change number are news to it.
CREATE TABLE saved_searches (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    q TEXT NOT NULL,
    filter TEXT,
    enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    since INTEGER NOT NULL,
    signals_count INTEGER NOT NULL DEFAULT 0,
    last_signal_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT uq_saved_search UNIQUE (project_id, name)
) STRICT;

-- Something worth a look in a project. kind saved_search: a post that a saved search found. payload:
-- JSON, what the kind has to say.
CREATE TABLE signals (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    saved_search_id INTEGER REFERENCES saved_searches (id) ON DELETE SET NULL,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    post_id TEXT,
    payload TEXT NOT NULL DEFAULT '{}',
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX signals_project ON signals (project_id, id);
CREATE UNIQUE INDEX signals_once ON signals (saved_search_id, post_id)
    WHERE saved_search_id IS NOT NULL;

-- down
DROP TABLE signals;
DROP TABLE saved_searches;
DROP TABLE search_marks;
ALTER TABLE posts_deleted DROP COLUMN n;
