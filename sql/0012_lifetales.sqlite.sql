-- lifetales: spaces in which a person collects notes, the stories written from them, their pictures and
-- recordings. Every table but the two that are known by content has user_id, and every statement over
-- one names it. Times are µs UTC. What every table is for: src/products/lifetales/README.md.
-- up

-- scratch: made for a story of notes that came with the request; gone after a day, never listed.
-- characters: JSON, what pictures keep alike through the space (name: how it looks).
CREATE TABLE spaces (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    title TEXT NOT NULL,
    description TEXT,
    cover_image TEXT,
    start_date INTEGER,
    time_zone TEXT NOT NULL DEFAULT 'Europe/Paris',
    language TEXT,
    characters TEXT NOT NULL DEFAULT '{}',
    scratch INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX spaces_user ON spaces (user_id, n);
CREATE INDEX spaces_scratch ON spaces (created_at) WHERE scratch;

-- What a person uploaded, and what was made for him: the bytes are a blob. made: upload, illustration,
-- speech, video. transcription_status (of audio): none (nobody asked), waiting (for a provider, or its
-- turn), running, done, failed.
CREATE TABLE media (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    sha256 TEXT NOT NULL,
    mime_type TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('audio', 'image', 'video')),
    made TEXT NOT NULL DEFAULT 'upload' CHECK (made IN ('upload', 'illustration', 'speech', 'video')),
    name TEXT,
    size INTEGER NOT NULL,
    width INTEGER,
    height INTEGER,
    duration_ms INTEGER,
    transcription TEXT,
    transcription_status TEXT NOT NULL DEFAULT 'none'
        CHECK (transcription_status IN ('none', 'waiting', 'running', 'done', 'failed')),
    transcription_confidence REAL,
    transcription_language TEXT,
    transcription_error TEXT,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX media_user ON media (user_id, n);
CREATE UNIQUE INDEX media_own ON media (user_id, sha256);
CREATE INDEX media_sha ON media (sha256);
CREATE INDEX media_waiting ON media (n) WHERE transcription_status IN ('waiting', 'running');

-- transcription: what counts as said: of the recordings, in their order, unless the person wrote it
-- (transcription_own). timestamp: when it happened, by the person.
CREATE TABLE notes (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    space_n INTEGER NOT NULL REFERENCES spaces (n) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    type TEXT NOT NULL CHECK (type IN ('AUDIO', 'TEXT', 'IMAGE', 'VIDEO', 'MOMENT')),
    title TEXT,
    description TEXT,
    content TEXT,
    text_content TEXT,
    transcription TEXT,
    transcription_own INTEGER NOT NULL DEFAULT 0,
    location TEXT,
    timestamp INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX notes_space ON notes (space_n, timestamp, n);
CREATE INDEX notes_user ON notes (user_id);

CREATE TABLE note_media (
    note_n INTEGER NOT NULL REFERENCES notes (n) ON DELETE CASCADE,
    media_n INTEGER NOT NULL REFERENCES media (n) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    PRIMARY KEY (note_n, media_n)
) STRICT;
CREATE INDEX note_media_media ON note_media (media_n);

-- What a recording says, by its content: whoever uploads the same bytes has it at once.
CREATE TABLE transcriptions (
    sha256 TEXT PRIMARY KEY,
    text TEXT NOT NULL,
    confidence REAL,
    language TEXT,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- Pictures by what they were made from: key is the SHA-256 of prompt, style, shape, look and provider.
-- url: where a CDN serves it, null: only here.
CREATE TABLE illustrations (
    key TEXT PRIMARY KEY,
    sha256 TEXT NOT NULL,
    mime_type TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    url TEXT,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX illustrations_sha ON illustrations (sha256);

-- A story being written, or that was. plan: JSON, the chapters in their order, each with its notes and
-- the key of what it is written from. figures: JSON, of each agent calls, errors, tokens, money, time.
-- job_id: of the job that writes it.
CREATE TABLE stories (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    space_n INTEGER NOT NULL REFERENCES spaces (n) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled')),
    settings TEXT NOT NULL,
    plan TEXT,
    figures TEXT NOT NULL DEFAULT '{}',
    planned INTEGER NOT NULL DEFAULT 0,
    written INTEGER NOT NULL DEFAULT 0,
    kept INTEGER NOT NULL DEFAULT 0,
    job_id INTEGER,
    error_code TEXT,
    error TEXT,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER
) STRICT;
CREATE INDEX stories_space ON stories (space_n, n);
CREATE INDEX stories_user ON stories (user_id);
CREATE UNIQUE INDEX stories_one ON stories (space_n) WHERE state IN ('waiting', 'running');

-- A whole chapter, always: half ones are nowhere. key: what it was written from (notes, settings,
-- version); another key means that it is written again, unless the person has edited it. sentences:
-- JSON, [{"start", "end", "noteIds"}], code points of content. story_n: the run that wrote it.
-- notes_key: of its notes alone, as they were. illustration_style: what its picture was made in.
CREATE TABLE chapters (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    space_n INTEGER NOT NULL REFERENCES spaces (n) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    story_n INTEGER REFERENCES stories (n) ON DELETE SET NULL,
    position INTEGER NOT NULL,
    title TEXT NOT NULL,
    content TEXT NOT NULL,
    sentences TEXT NOT NULL DEFAULT '[]',
    key TEXT NOT NULL,
    notes_key TEXT NOT NULL DEFAULT '',
    edited INTEGER NOT NULL DEFAULT 0,
    provider TEXT,
    model TEXT,
    illustration_prompt TEXT,
    illustration_key TEXT,
    illustration_style TEXT,
    illustration_n INTEGER REFERENCES media (n) ON DELETE SET NULL,
    illustration_status TEXT NOT NULL DEFAULT 'none'
        CHECK (illustration_status IN ('none', 'waiting', 'done', 'failed')),
    user_image_ids TEXT NOT NULL DEFAULT '[]',
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX chapters_space ON chapters (space_n, position, n);
CREATE INDEX chapters_user ON chapters (user_id);
CREATE INDEX chapters_story ON chapters (story_n);
CREATE INDEX chapters_illustration ON chapters (illustration_n);

CREATE TABLE chapter_notes (
    chapter_n INTEGER NOT NULL REFERENCES chapters (n) ON DELETE CASCADE,
    note_n INTEGER NOT NULL REFERENCES notes (n) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    PRIMARY KEY (chapter_n, note_n)
) STRICT;
CREATE INDEX chapter_notes_note ON chapter_notes (note_n);

-- A chapter's pictures behind its first, which is in the chapter's own row: position 1, 2, … prompt: the part of
-- the chapter that it shows. A row is a picture that is there.
CREATE TABLE chapter_pictures (
    chapter_n INTEGER NOT NULL REFERENCES chapters (n) ON DELETE CASCADE,
    position INTEGER NOT NULL CHECK (position > 0),
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    media_n INTEGER NOT NULL REFERENCES media (n) ON DELETE CASCADE,
    key TEXT NOT NULL,
    style TEXT,
    prompt TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (chapter_n, position)
) STRICT;
CREATE INDEX chapter_pictures_media ON chapter_pictures (media_n);
CREATE INDEX chapter_pictures_user ON chapter_pictures (user_id);

-- Null is the contract's default.
CREATE TABLE user_settings (
    user_id INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    narrative_tone TEXT,
    story_mode TEXT,
    creativity REAL,
    image_style TEXT,
    images_per_chapter INTEGER,
    voice_style TEXT,
    background_music INTEGER,
    updated_at INTEGER NOT NULL
) STRICT;

-- token_sha256: of what the link ends with; who has it may read the space's story, until expires_at.
CREATE TABLE shares (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    space_n INTEGER NOT NULL REFERENCES spaces (n) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_sha256 TEXT NOT NULL UNIQUE,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER,
    views INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX shares_space ON shares (space_n);
CREATE INDEX shares_user ON shares (user_id);

-- A book as it was last made, by what it was made from: the same again needs no work.
CREATE TABLE books (
    space_n INTEGER NOT NULL REFERENCES spaces (n) ON DELETE CASCADE,
    format TEXT NOT NULL CHECK (format IN ('pdf', 'epub', 'html')),
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (space_n, format)
) STRICT;
CREATE INDEX books_sha ON books (sha256);
CREATE INDEX books_user ON books (user_id);

-- A printed book leads to a recording for years: its link has no end, and its owner takes it back. The
-- token is kept as it is, because the next book prints it again. A recording whose link was taken back is
-- in no book until its owner makes one anew.
CREATE TABLE voice_links (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    token TEXT NOT NULL UNIQUE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    media_n INTEGER NOT NULL REFERENCES media (n) ON DELETE CASCADE,
    heard INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
CREATE UNIQUE INDEX voice_links_one ON voice_links (media_n) WHERE revoked_at IS NULL;
CREATE INDEX voice_links_media ON voice_links (media_n);
CREATE INDEX voice_links_user ON voice_links (user_id);

-- A narrator's video being made by a provider. operation: the provider's word for it.
CREATE TABLE narrations (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    state TEXT NOT NULL CHECK (state IN ('processing', 'complete', 'error')),
    script TEXT NOT NULL,
    photo_n INTEGER REFERENCES media (n) ON DELETE SET NULL,
    seconds INTEGER NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    operation TEXT,
    media_n INTEGER REFERENCES media (n) ON DELETE SET NULL,
    error TEXT,
    created_at INTEGER NOT NULL,
    finished_at INTEGER
) STRICT;
CREATE INDEX narrations_user ON narrations (user_id, n);
CREATE INDEX narrations_photo ON narrations (photo_n);
CREATE INDEX narrations_media ON narrations (media_n);

-- For whom a model was asked: what it answered (ai_kept) has his words in it, and goes with him.
CREATE TABLE ai_kept_of (
    key TEXT PRIMARY KEY REFERENCES ai_kept (key) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX ai_kept_of_user ON ai_kept_of (user_id);
-- down
DROP TABLE ai_kept_of;
DROP TABLE narrations;
DROP TABLE voice_links;
DROP TABLE books;
DROP TABLE shares;
DROP TABLE user_settings;
DROP TABLE chapter_pictures;
DROP TABLE chapter_notes;
DROP TABLE chapters;
DROP TABLE stories;
DROP TABLE illustrations;
DROP TABLE transcriptions;
DROP TABLE note_media;
DROP TABLE notes;
DROP TABLE media;
DROP TABLE spaces;
