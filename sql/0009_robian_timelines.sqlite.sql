-- Timelines (NVS) of the Assembly's videos come in two files, in any order and at any time: what was
-- read is kept until the other half and the sitting are there. Times are µs UTC.
-- up

-- video: what both names have in common. part: data (chapters, speakers), final or live (times).
-- meeting_uid: the réunion that the data names. content: the file.
CREATE TABLE timeline_files (
    video TEXT NOT NULL,
    part TEXT NOT NULL CHECK (part IN ('data', 'final', 'live')),
    meeting_uid TEXT,
    content TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    imported_at INTEGER NOT NULL,
    PRIMARY KEY (video, part)
) STRICT;
CREATE INDEX timeline_files_meeting ON timeline_files (meeting_uid);

-- When the Assembly made the file: an older one does not replace a newer one.
ALTER TABLE transcripts ADD COLUMN generated_at INTEGER;

-- down
ALTER TABLE transcripts DROP COLUMN generated_at;
DROP TABLE timeline_files;
