-- robian: debates of the Assembly, their audio, what was said in them and when, and what listeners
-- keep. Times are µs UTC; ..._ms: milliseconds from the beginning of the audio. What every table is
-- for: src/products/robian/README.md.
-- up

-- n: the short key that links use; its first change number. change_seq: raised by whatever changes
-- what is searched of the debate, its speeches included. The uids are the open data's.
CREATE TABLE debates (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    description TEXT,
    type TEXT NOT NULL
        CHECK (type IN ('seance_publique', 'commission', 'audition', 'question_gouvernement', 'autre')),
    date INTEGER NOT NULL,
    source_url TEXT NOT NULL UNIQUE,
    start_time INTEGER,
    end_time INTEGER,
    duration_minutes INTEGER,
    video_url TEXT,
    thumbnail_url TEXT,
    commission TEXT,
    salle TEXT,
    speakers TEXT NOT NULL DEFAULT '[]',
    ministers TEXT NOT NULL DEFAULT '[]',
    tags TEXT NOT NULL DEFAULT '[]',
    keywords TEXT NOT NULL DEFAULT '[]',
    metadata TEXT NOT NULL DEFAULT '{}',
    status TEXT NOT NULL DEFAULT 'programme'
        CHECK (status IN ('programme', 'en_cours', 'termine', 'disponible', 'extraction', 'erreur')),
    is_live INTEGER NOT NULL DEFAULT 0 CHECK (is_live IN (0, 1)),
    has_audio INTEGER NOT NULL DEFAULT 0 CHECK (has_audio IN (0, 1)),
    view_count INTEGER NOT NULL DEFAULT 0,
    download_count INTEGER NOT NULL DEFAULT 0,
    stream_count INTEGER NOT NULL DEFAULT 0,
    session_uid TEXT UNIQUE,
    transcript_uid TEXT UNIQUE,
    video_id TEXT UNIQUE,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    change_seq INTEGER NOT NULL
) STRICT;
CREATE INDEX debates_date ON debates (date, n);
CREATE INDEX debates_type ON debates (type, date, n);
CREATE INDEX debates_commission ON debates (commission, date, n);
CREATE INDEX debates_change ON debates (change_seq);

-- Tombstones for who follows change_seq: debates, and speeches that a newer transcript lacks. n of
-- either; both come from one sequence.
CREATE TABLE debates_deleted (
    n INTEGER PRIMARY KEY,
    change_seq INTEGER NOT NULL,
    deleted_at INTEGER NOT NULL
) STRICT;
CREATE INDEX debates_deleted_change ON debates_deleted (change_seq);

-- The figures of a debate by the day (UTC, days since 1970): what trends are made of.
CREATE TABLE debate_days (
    day INTEGER NOT NULL,
    debate_n INTEGER NOT NULL REFERENCES debates (n) ON DELETE CASCADE,
    views INTEGER NOT NULL DEFAULT 0,
    streams INTEGER NOT NULL DEFAULT 0,
    downloads INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (day, debate_n)
) STRICT, WITHOUT ROWID;

-- One for each format and quality that was ever asked for. blob: of the audio, once completed; hls_blob,
-- hls_playlist: the same in segments, once somebody asked. metadata: loudness, where it came from.
CREATE TABLE audio_files (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    debate_n INTEGER NOT NULL REFERENCES debates (n) ON DELETE CASCADE,
    filename TEXT NOT NULL,
    format TEXT NOT NULL CHECK (format IN ('mp3', 'aac', 'opus', 'wav')),
    quality TEXT NOT NULL,
    file_size INTEGER,
    duration_ms INTEGER,
    blob TEXT,
    hls_blob TEXT,
    hls_playlist TEXT,
    extraction_status TEXT NOT NULL DEFAULT 'pending'
        CHECK (extraction_status IN ('pending', 'extracting', 'completed', 'error')),
    extraction_started_at INTEGER,
    extraction_completed_at INTEGER,
    extraction_error TEXT,
    download_count INTEGER NOT NULL DEFAULT 0,
    stream_count INTEGER NOT NULL DEFAULT 0,
    metadata TEXT NOT NULL DEFAULT '{}',
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT uq_audio UNIQUE (debate_n, format, quality)
) STRICT;
CREATE INDEX audio_files_blob ON audio_files (blob) WHERE blob IS NOT NULL;
CREATE INDEX audio_files_hls ON audio_files (hls_blob) WHERE hls_blob IS NOT NULL;

-- What was asked for and became of it; outlives its job. progress: of the job while it runs.
CREATE TABLE extractions (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    debate_n INTEGER NOT NULL REFERENCES debates (n) ON DELETE CASCADE,
    audio_n INTEGER NOT NULL REFERENCES audio_files (n) ON DELETE CASCADE,
    job_id INTEGER,
    priority TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'extracting', 'completed', 'error', 'cancelled')),
    progress INTEGER NOT NULL DEFAULT 0,
    message TEXT NOT NULL DEFAULT '',
    error TEXT,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER
) STRICT;
CREATE INDEX extractions_debate ON extractions (debate_n, n);
CREATE INDEX extractions_job ON extractions (job_id);
CREATE INDEX extractions_audio ON extractions (audio_n);
CREATE UNIQUE INDEX extractions_running ON extractions (audio_n)
    WHERE status IN ('pending', 'extracting');

-- Bodies (groups, committees, the Assembly itself) and people. name_key: folded, without civility, to
-- join what has no id. id: PA…, or made of the name_key for who has none.
CREATE TABLE bodies (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    abbreviation TEXT,
    type TEXT,
    starts_on TEXT,
    ends_on TEXT,
    content_hash TEXT NOT NULL
) STRICT;

CREATE TABLE speakers (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    civility TEXT,
    first_name TEXT,
    last_name TEXT,
    role TEXT,
    profession TEXT,
    group_id TEXT,
    group_name TEXT,
    department TEXT,
    constituency TEXT,
    birth_date TEXT,
    url TEXT,
    content_hash TEXT NOT NULL DEFAULT '',
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX speakers_key ON speakers (name_key);

-- The official transcript of a debate. aligned: what the times were made of, as JSON figures.
CREATE TABLE transcripts (
    debate_n INTEGER PRIMARY KEY REFERENCES debates (n) ON DELETE CASCADE,
    uid TEXT NOT NULL UNIQUE,
    session_uid TEXT,
    legislature TEXT,
    session TEXT,
    version TEXT,
    state TEXT,
    speeches INTEGER NOT NULL,
    aligned TEXT NOT NULL DEFAULT '{}',
    content_hash TEXT NOT NULL,
    imported_at INTEGER NOT NULL,
    change_seq INTEGER NOT NULL
) STRICT;
CREATE INDEX transcripts_change ON transcripts (change_seq);

-- A paragraph of it, in order. kind: speech, interruption, title, note. given_ms: the transcript's own
-- time, as it is; start_ms, end_ms: after alignment, time_source says whose.
CREATE TABLE speeches (
    n INTEGER PRIMARY KEY,
    debate_n INTEGER NOT NULL REFERENCES debates (n) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    paragraph TEXT,
    kind TEXT NOT NULL,
    code TEXT,
    point TEXT,
    speaker_id TEXT,
    speaker TEXT,
    role TEXT,
    presiding INTEGER NOT NULL DEFAULT 0 CHECK (presiding IN (0, 1)),
    text TEXT NOT NULL,
    given_ms INTEGER,
    start_ms INTEGER,
    end_ms INTEGER,
    time_source TEXT CHECK (time_source IN ('transcript', 'nvs', 'interpolated')),
    CONSTRAINT uq_speech UNIQUE (debate_n, position)
) STRICT;
CREATE INDEX speeches_speaker ON speeches (speaker_id, debate_n, position);

-- Chapters of the audio, from the video's timeline (nvs) or the transcript's points; parent is another's
-- position or -1. type: the timeline's own word.
CREATE TABLE debate_chapters (
    debate_n INTEGER NOT NULL REFERENCES debates (n) ON DELETE CASCADE,
    source TEXT NOT NULL CHECK (source IN ('nvs', 'transcript')),
    position INTEGER NOT NULL,
    parent INTEGER NOT NULL,
    level INTEGER NOT NULL,
    title TEXT NOT NULL,
    type TEXT,
    speaker_id TEXT,
    speaker TEXT,
    start_ms INTEGER,
    end_ms INTEGER,
    PRIMARY KEY (debate_n, source, position)
) STRICT, WITHOUT ROWID;

-- Public votes. debate_n: null until its sitting is known; start_ms: the moment in the audio.
CREATE TABLE votes (
    uid TEXT PRIMARY KEY,
    debate_n INTEGER REFERENCES debates (n) ON DELETE SET NULL,
    session_uid TEXT,
    number INTEGER NOT NULL,
    legislature TEXT NOT NULL,
    date TEXT NOT NULL,
    title TEXT NOT NULL,
    type TEXT,
    result TEXT,
    asked_by TEXT,
    voters INTEGER NOT NULL,
    votes_cast INTEGER NOT NULL,
    required INTEGER,
    votes_for INTEGER NOT NULL,
    votes_against INTEGER NOT NULL,
    abstentions INTEGER NOT NULL,
    not_voting INTEGER NOT NULL,
    start_ms INTEGER,
    time_source TEXT,
    speech_n INTEGER,
    content_hash TEXT NOT NULL
) STRICT;
CREATE INDEX votes_debate ON votes (debate_n, number);
CREATE INDEX votes_session ON votes (session_uid);
CREATE INDEX votes_date ON votes (date);

-- The agenda. day, time: as the Assembly's clocks show them (Europe/Paris). points: JSON texts.
CREATE TABLE scheduled_sessions (
    uid TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    title TEXT NOT NULL,
    starts_at INTEGER NOT NULL,
    ends_at INTEGER,
    day TEXT NOT NULL,
    time TEXT NOT NULL,
    state TEXT NOT NULL,
    body_id TEXT,
    commission TEXT,
    salle TEXT,
    session TEXT,
    transcript_uid TEXT,
    url TEXT,
    filmed INTEGER NOT NULL DEFAULT 0 CHECK (filmed IN (0, 1)),
    press INTEGER NOT NULL DEFAULT 0 CHECK (press IN (0, 1)),
    points TEXT NOT NULL DEFAULT '[]',
    content_hash TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX scheduled_sessions_day ON scheduled_sessions (day, time, uid);
CREATE INDEX scheduled_sessions_transcript ON scheduled_sessions (transcript_uid);

-- What is fetched from the open data's address: as it was last time.
CREATE TABLE open_data_sources (
    name TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    etag TEXT,
    last_modified TEXT,
    content_hash TEXT,
    fetched_at INTEGER,
    error TEXT
) STRICT;

-- Listeners without an account. user_id: opaque; secret_hash: null for those who only named
-- themselves (ROBIAN_OPEN_DEVICES).
CREATE TABLE devices (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id TEXT NOT NULL UNIQUE,
    secret_hash TEXT,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT;

-- owner: u:<users.id> or d:<devices.id>; user_id: the same as clients know it.
CREATE TABLE collections (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    user_id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    is_public INTEGER NOT NULL DEFAULT 0 CHECK (is_public IN (0, 1)),
    is_default INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0, 1)),
    color TEXT,
    icon TEXT,
    sort_order INTEGER NOT NULL DEFAULT 0,
    view_count INTEGER NOT NULL DEFAULT 0,
    metadata TEXT NOT NULL DEFAULT '{}',
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX collections_owner ON collections (owner, sort_order, n);

CREATE TABLE collection_debates (
    collection_n INTEGER NOT NULL REFERENCES collections (n) ON DELETE CASCADE,
    debate_n INTEGER NOT NULL REFERENCES debates (n) ON DELETE CASCADE,
    added_at INTEGER NOT NULL,
    PRIMARY KEY (collection_n, debate_n)
) STRICT, WITHOUT ROWID;
CREATE INDEX collection_debates_debate ON collection_debates (debate_n);

CREATE TABLE favorites (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    user_id TEXT NOT NULL,
    debate_n INTEGER NOT NULL REFERENCES debates (n) ON DELETE CASCADE,
    note TEXT,
    tags TEXT NOT NULL DEFAULT '[]',
    last_position_seconds INTEGER NOT NULL DEFAULT 0,
    progress_percentage REAL NOT NULL DEFAULT 0,
    watch_count INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT uq_favorite UNIQUE (owner, debate_n)
) STRICT;
CREATE INDEX favorites_debate ON favorites (debate_n);

-- What listeners did, the latest of each kept; and figures of the whole, by name and day.
CREATE TABLE user_activities (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    kind TEXT NOT NULL,
    debate_n INTEGER REFERENCES debates (n) ON DELETE CASCADE,
    data TEXT NOT NULL DEFAULT '{}',
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX user_activities_owner ON user_activities (owner, id);
CREATE INDEX user_activities_debate ON user_activities (debate_n);
CREATE INDEX user_activities_age ON user_activities (created_at);

CREATE TABLE system_stats (
    day INTEGER NOT NULL,
    name TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (day, name)
) STRICT, WITHOUT ROWID;

-- Saved searches over transcripts. since: only transcripts of a later change number are news. token: of
-- its feed, for deliver rss; webhook_secret is sealed.
CREATE TABLE alerts (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    user_id TEXT NOT NULL,
    q TEXT NOT NULL,
    filters TEXT NOT NULL DEFAULT '{}',
    deliver TEXT NOT NULL CHECK (deliver IN ('websocket', 'webhook', 'rss')),
    webhook_url TEXT,
    webhook_secret TEXT,
    token TEXT UNIQUE,
    enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    since INTEGER NOT NULL,
    match_count INTEGER NOT NULL DEFAULT 0,
    last_match_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX alerts_owner ON alerts (owner, n);

CREATE TABLE alert_matches (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    alert_n INTEGER NOT NULL REFERENCES alerts (n) ON DELETE CASCADE,
    debate_n INTEGER NOT NULL REFERENCES debates (n) ON DELETE CASCADE,
    payload TEXT NOT NULL,
    delivery TEXT NOT NULL DEFAULT 'none'
        CHECK (delivery IN ('none', 'pending', 'sent', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    created_at INTEGER NOT NULL,
    delivered_at INTEGER,
    CONSTRAINT uq_alert_match UNIQUE (alert_n, debate_n)
) STRICT;
CREATE INDEX alert_matches_debate ON alert_matches (debate_n);

-- down
DROP TABLE alert_matches;
DROP TABLE alerts;
DROP TABLE system_stats;
DROP TABLE user_activities;
DROP TABLE favorites;
DROP TABLE collection_debates;
DROP TABLE collections;
DROP TABLE devices;
DROP TABLE open_data_sources;
DROP TABLE scheduled_sessions;
DROP TABLE votes;
DROP TABLE debate_chapters;
DROP TABLE speeches;
DROP TABLE transcripts;
DROP TABLE speakers;
DROP TABLE bodies;
DROP TABLE extractions;
DROP TABLE audio_files;
DROP TABLE debate_days;
DROP TABLE debates_deleted;
DROP TABLE debates;
