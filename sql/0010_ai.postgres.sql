-- What models answered, kept by content (src/ai/policy.h). key: hex SHA-256 of kind, provider, model and
-- request. state busy: `holder` is asking until `until`, and others wait for it.
-- up
CREATE TABLE ai_kept (
    key text COLLATE "C" PRIMARY KEY,
    kind text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL CHECK (state IN ('busy', 'kept')),
    holder text,
    until timestamptz,
    value bytea,
    created_at timestamptz NOT NULL,
    used_at timestamptz NOT NULL
);
CREATE INDEX ai_kept_used ON ai_kept (used_at);

-- down
DROP TABLE ai_kept;
