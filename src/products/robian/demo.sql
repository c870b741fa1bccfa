-- SPDX-License-Identifier: Apache-2.0
-- The demo's sitting.

-- name: demo_debate
-- $1 session. Its key.
SELECT n FROM debates WHERE session_uid = $1
