-- SPDX-License-Identifier: Apache-2.0
-- What the demo looks for. $1 is the person's user_id everywhere.

-- name: demo_space
-- $2 title; the oldest.
SELECT n FROM spaces WHERE user_id = $1 AND title = $2 AND NOT scratch ORDER BY n LIMIT 1

-- name: demo_story
-- $2 space; its latest.
SELECT n FROM stories WHERE user_id = $1 AND space_n = $2 ORDER BY n DESC LIMIT 1

-- name: demo_story_state
-- $2 story.
SELECT state FROM stories WHERE user_id = $1 AND n = $2

-- name: demo_books
-- $2 space.
SELECT count(*) FROM books WHERE user_id = $1 AND space_n = $2
