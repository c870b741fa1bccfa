-- What models answered, kept by content (src/ai/policy.h). key: hex SHA-256 of kind, provider, model and
-- request. state busy: `holder` is asking until `until`, and others wait for it.
-- up
CREATE TABLE ai_kept (
    key TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('busy', 'kept')),
    holder TEXT,
    until INTEGER,
    value BLOB,
    created_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX ai_kept_used ON ai_kept (used_at);

-- down
DROP TABLE ai_kept;
