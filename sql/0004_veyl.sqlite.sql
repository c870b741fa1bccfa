-- veyl: posts, what they carry, who follows them, and the figures kept beside them. Times are µs UTC.
-- What every table is for, and how the figures stay exact: src/products/veyl/README.md.
-- up

-- posts_count counts all posts; week_posts and week_score those posted from week_from on (score_trend
-- divides by their mean). api_key is sealed.
CREATE TABLE platforms (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    api_key TEXT,
    posts_count INTEGER NOT NULL DEFAULT 0,
    week_posts INTEGER NOT NULL DEFAULT 0,
    week_score INTEGER NOT NULL DEFAULT 0,
    week_from INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- hidden: deleted by somebody. The row stays with its links, so that they are whole when it is asked
-- for again. engagement is the sum of its posts' scores.
CREATE TABLE hashtags (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    platform_id INTEGER NOT NULL REFERENCES platforms (id),
    hidden INTEGER NOT NULL DEFAULT 0 CHECK (hidden IN (0, 1)),
    posts_count INTEGER NOT NULL DEFAULT 0,
    engagement INTEGER NOT NULL DEFAULT 0,
    last_scraped INTEGER,
    updated_at INTEGER NOT NULL,
    UNIQUE (platform_id, name)
) STRICT;

-- n: the short key that links use; its first change number. posted_at 0: unknown.
CREATE TABLE posts (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    platform_id INTEGER NOT NULL REFERENCES platforms (id),
    author TEXT,
    caption TEXT,
    hashtags TEXT NOT NULL DEFAULT '[]',
    likes INTEGER,
    comments INTEGER,
    shares INTEGER,
    views INTEGER,
    posted_at INTEGER NOT NULL,
    language TEXT,
    media_url TEXT,
    sentiment REAL,
    score INTEGER NOT NULL DEFAULT 0,
    fetched_at INTEGER NOT NULL,
    external_id TEXT,
    permalink TEXT,
    mentions TEXT NOT NULL DEFAULT '[]',
    media_type TEXT,
    thumbnail_url TEXT,
    change_seq INTEGER NOT NULL
) STRICT;
CREATE INDEX posts_time ON posts (platform_id, posted_at);
CREATE INDEX posts_score ON posts (platform_id, score);
CREATE INDEX posts_author ON posts (platform_id, author, posted_at, score);
CREATE INDEX posts_change ON posts (change_seq);

-- A post as it is read: with its platform's name and what score_trend is made of.
CREATE VIEW post_rows AS
    SELECT p.*, pl.name AS platform, pl.week_posts, pl.week_score
      FROM posts p JOIN platforms pl ON pl.id = p.platform_id;

-- Tombstones for whoever follows change_seq.
CREATE TABLE posts_deleted (
    change_seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    deleted_at INTEGER NOT NULL
) STRICT;
CREATE INDEX posts_deleted_age ON posts_deleted (deleted_at);

-- The posts of a hashtag in order of time, with what figures need of them. sentiment is in
-- ten-thousandths. No foreign keys: a million posts bring three million of these.
CREATE TABLE post_tags (
    hashtag_id INTEGER NOT NULL,
    posted_us INTEGER NOT NULL,
    n INTEGER NOT NULL,
    score INTEGER NOT NULL,
    sentiment INTEGER,
    PRIMARY KEY (hashtag_id, posted_us, n)
) STRICT, WITHOUT ROWID;

CREATE VIEW post_hashtags AS
    SELECT p.id AS post_id, t.hashtag_id FROM post_tags t JOIN posts p ON p.n = t.n;

-- hour: hours since 1970. score_max is exact.
CREATE TABLE post_hours (
    platform_id INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    posts INTEGER NOT NULL,
    score INTEGER NOT NULL,
    score_max INTEGER NOT NULL,
    sentiment INTEGER NOT NULL,
    sentiment_posts INTEGER NOT NULL,
    PRIMARY KEY (platform_id, hour)
) STRICT, WITHOUT ROWID;

CREATE TABLE projects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    organisation_id INTEGER REFERENCES organisations (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    description TEXT,
    status TEXT NOT NULL DEFAULT 'draft'
        CHECK (status IN ('draft', 'active', 'paused', 'archived')),
    platforms TEXT NOT NULL DEFAULT '[]',
    scope_type TEXT CHECK (scope_type IN ('hashtags', 'creators', 'both')),
    scope_query TEXT,
    creators_count INTEGER NOT NULL DEFAULT 0,
    posts_count INTEGER NOT NULL DEFAULT 0,
    signals_count INTEGER NOT NULL DEFAULT 0,
    last_run_at INTEGER,
    last_signal_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX projects_user ON projects (user_id, id);
CREATE INDEX projects_organisation ON projects (organisation_id, id)
    WHERE organisation_id IS NOT NULL;

CREATE TABLE project_hashtags (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    hashtag_id INTEGER NOT NULL REFERENCES hashtags (id) ON DELETE CASCADE,
    added_at INTEGER NOT NULL,
    CONSTRAINT uq_project_hashtag UNIQUE (project_id, hashtag_id)
) STRICT;
CREATE INDEX project_hashtags_hashtag ON project_hashtags (hashtag_id);

CREATE TABLE project_creators (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    creator_username TEXT NOT NULL,
    platform_id INTEGER NOT NULL REFERENCES platforms (id),
    added_at INTEGER NOT NULL,
    CONSTRAINT uq_project_creator UNIQUE (project_id, platform_id, creator_username)
) STRICT;
CREATE INDEX project_creators_creator ON project_creators (platform_id, creator_username);

-- The posts of a project, each once; links: how many of its hashtags and creators bring it in.
CREATE TABLE project_posts (
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    posted_us INTEGER NOT NULL,
    n INTEGER NOT NULL,
    platform_id INTEGER NOT NULL,
    score INTEGER NOT NULL,
    sentiment INTEGER,
    links INTEGER NOT NULL CHECK (links > 0),
    PRIMARY KEY (project_id, posted_us, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE subscriptions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
    plan TEXT NOT NULL DEFAULT 'free',
    quota INTEGER NOT NULL DEFAULT -1,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- Tables here, materialised views on PostgreSQL; refreshed by the job veyl.refresh_views.
CREATE TABLE hashtags_with_stats (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    platform TEXT NOT NULL,
    total_posts INTEGER NOT NULL,
    avg_engagement REAL NOT NULL
) STRICT;
CREATE INDEX hashtags_with_stats_posts ON hashtags_with_stats (total_posts DESC, id);
CREATE INDEX hashtags_with_stats_engagement ON hashtags_with_stats (avg_engagement DESC, id);
CREATE INDEX hashtags_with_stats_platform
    ON hashtags_with_stats (platform, total_posts DESC, id);

CREATE TABLE posts_with_platform (
    id TEXT PRIMARY KEY,
    platform_id INTEGER NOT NULL,
    platform TEXT NOT NULL,
    author TEXT,
    posted_at INTEGER,
    language TEXT,
    sentiment REAL,
    likes INTEGER,
    comments INTEGER,
    shares INTEGER,
    views INTEGER,
    score INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How far each of them has come.
CREATE TABLE veyl_views (
    name TEXT PRIMARY KEY,
    change_seq INTEGER NOT NULL,
    refreshed_at INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO veyl_views (name, change_seq) VALUES ('hashtags_with_stats', 0), ('posts_with_platform', 0);

-- down
DROP TABLE veyl_views;
DROP TABLE posts_with_platform;
DROP TABLE hashtags_with_stats;
DROP TABLE subscriptions;
DROP TABLE project_posts;
DROP TABLE project_creators;
DROP TABLE project_hashtags;
DROP TABLE projects;
DROP TABLE post_hours;
DROP VIEW post_hashtags;
DROP TABLE post_tags;
DROP TABLE posts_deleted;
DROP VIEW post_rows;
DROP TABLE posts;
DROP TABLE hashtags;
DROP TABLE platforms;
