-- SPDX-License-Identifier: Apache-2.0
-- Devices, collections, favourites, activities. owner: u:<users.id> or d:<devices.id>. Times are µs
-- in SQLite and timestamptz in PostgreSQL.

-- -- who ----------------------------------------------------------------------------------------

-- name: listener_user
SELECT uid AS user_id FROM users WHERE id = $1

-- name: listener_lock_sqlite
-- $1 owner. SQLite has one writer: nothing to wait for.
SELECT CASE WHEN $1 IS NULL THEN 0 ELSE 1 END

-- name: listener_lock_postgres
SELECT CASE WHEN pg_advisory_xact_lock(hashtextextended('robian/' || $1, 0)) IS NULL THEN 0 ELSE 1 END

-- name: device_find
SELECT id, secret_hash, seen_at FROM devices WHERE user_id = $1

-- name: device_add
-- $1 user_id, $2 secret_hash or null, $3 now.
INSERT INTO devices (user_id, secret_hash, created_at, seen_at) VALUES ($1, $2, $3, $3)
ON CONFLICT (user_id) DO UPDATE SET seen_at = devices.seen_at
 RETURNING id

-- name: device_seen
-- $1 id, $2 now, $3 a day ago.
UPDATE devices SET seen_at = $2 WHERE id = $1 AND seen_at < $3

-- name: device_remove
-- $1 owner, d:…
DELETE FROM devices WHERE id = CAST(substr($1, 3) AS bigint)

-- name: listener_figures
-- $1 owner.
SELECT (SELECT count(*) FROM collections WHERE owner = $1) AS collections,
       (SELECT count(*) FROM favorites WHERE owner = $1) AS favorites,
       (SELECT count(*) FROM user_activities WHERE owner = $1) AS activities,
       (SELECT count(*) FROM alerts WHERE owner = $1) AS alerts

-- name: collections_erase
DELETE FROM collections WHERE owner = $1

-- name: favorites_erase
DELETE FROM favorites WHERE owner = $1

-- name: activities_erase
DELETE FROM user_activities WHERE owner = $1

-- name: alerts_erase
DELETE FROM alerts WHERE owner = $1

-- name: devices_purge
-- Those that keep nothing and were not seen since $1.
DELETE FROM devices
 WHERE seen_at < $1
   AND NOT EXISTS (SELECT 1 FROM collections WHERE owner = 'd:' || devices.id)
   AND NOT EXISTS (SELECT 1 FROM favorites WHERE owner = 'd:' || devices.id)
   AND NOT EXISTS (SELECT 1 FROM alerts WHERE owner = 'd:' || devices.id)

-- name: activities_purge
DELETE FROM user_activities WHERE created_at < $1

-- name: collections_orphaned
-- Of users whose account was erased; so below.
DELETE FROM collections
 WHERE substr(owner, 1, 2) = 'u:' AND NOT EXISTS (SELECT 1 FROM users WHERE 'u:' || id = owner)

-- name: favorites_orphaned
DELETE FROM favorites
 WHERE substr(owner, 1, 2) = 'u:' AND NOT EXISTS (SELECT 1 FROM users WHERE 'u:' || id = owner)

-- name: activities_orphaned
DELETE FROM user_activities
 WHERE (substr(owner, 1, 2) = 'u:' AND NOT EXISTS (SELECT 1 FROM users WHERE 'u:' || id = owner))
    OR (substr(owner, 1, 2) = 'd:' AND NOT EXISTS (SELECT 1 FROM devices WHERE 'd:' || id = owner))

-- name: alerts_orphaned
DELETE FROM alerts
 WHERE substr(owner, 1, 2) = 'u:' AND NOT EXISTS (SELECT 1 FROM users WHERE 'u:' || id = owner)

-- -- activities ---------------------------------------------------------------------------------

-- name: activity_forget
-- $1 owner, $2 kind, $3 debate or null: only the latest of each stays.
DELETE FROM user_activities WHERE owner = $1 AND kind = $2 AND debate_n = $3

-- name: activity_add
-- $1 owner, $2 kind, $3 debate or null, $4 data, $5 now.
INSERT INTO user_activities (owner, kind, debate_n, data, created_at) VALUES ($1, $2, $3, $4, $5)

-- name: activities_trim
-- $1 owner, $2 how many stay.
DELETE FROM user_activities
 WHERE owner = $1
   AND id <= (SELECT a.id FROM user_activities a WHERE a.owner = $1
               ORDER BY a.id DESC LIMIT 1 OFFSET $2)

-- name: activities_page
-- $1 owner, $2 id below, $3 limit, $4 offset, $5 kind or empty.
SELECT a.id, a.kind, d.id AS debate_id, d.title AS debate_title, a.data, a.created_at
  FROM user_activities a LEFT JOIN debates d ON d.n = a.debate_n
 WHERE a.owner = $1 AND a.id < $2 AND ($5 = '' OR a.kind = $5)
 ORDER BY a.id DESC LIMIT $3 OFFSET $4

-- name: activities_count
-- $1 owner, $2 kind or empty.
SELECT count(*) FROM user_activities WHERE owner = $1 AND ($2 = '' OR kind = $2)

-- -- collections --------------------------------------------------------------------------------

-- name: collections_own
-- $1 owner, $2 limit, $3 offset.
SELECT c.*, (SELECT count(*) FROM collection_debates cd WHERE cd.collection_n = c.n) AS counted
  FROM collections c WHERE c.owner = $1 ORDER BY c.sort_order, c.n LIMIT $2 OFFSET $3

-- name: collections_own_count
SELECT count(*) FROM collections WHERE owner = $1

-- name: collections_public
-- Newest first. $1 n below, $2 limit, $3 offset.
SELECT c.*, (SELECT count(*) FROM collection_debates cd WHERE cd.collection_n = c.n) AS counted
  FROM collections c WHERE c.is_public AND c.n < $1
 ORDER BY c.n DESC LIMIT $2 OFFSET $3

-- name: collections_public_count
SELECT count(*) FROM collections WHERE is_public

-- name: collection_find
SELECT c.*, (SELECT count(*) FROM collection_debates cd WHERE cd.collection_n = c.n) AS counted
  FROM collections c WHERE c.id = $1

-- name: collection_add
-- $1 id, $2 owner, $3 user_id, $4 name, $5 description, $6 is_public, $7 is_default, $8 color,
-- $9 icon, $10 sort_order, $11 metadata, $12 now.
INSERT INTO collections (id, owner, user_id, name, description, is_public, is_default, color, icon,
                         sort_order, metadata, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
RETURNING n

-- name: collection_change
-- $1 n, $2 name, $3 description, $4 is_public, $5 is_default, $6 color, $7 icon, $8 sort_order,
-- $9 metadata, $10 now.
UPDATE collections
   SET name = $2, description = $3, is_public = $4, is_default = $5, color = $6, icon = $7,
       sort_order = $8, metadata = $9, updated_at = $10
 WHERE n = $1

-- name: collection_default
-- $1 owner, $2 n of the one that is it from now on.
UPDATE collections SET is_default = (n = $2) WHERE owner = $1 AND is_default <> (n = $2)

-- name: collection_remove
DELETE FROM collections WHERE n = $1

-- name: collection_viewed
UPDATE collections SET view_count = view_count + 1 WHERE n = $1 RETURNING view_count

-- name: collection_count
SELECT count(*) FROM collection_debates WHERE collection_n = $1

-- name: collection_debates
-- In the order in which they were put there. $1 n, $2 limit.
SELECT d.* FROM collection_debates cd JOIN debates d ON d.n = cd.debate_n
 WHERE cd.collection_n = $1 ORDER BY cd.added_at, cd.debate_n LIMIT $2

-- name: collection_put
-- $1 n, $2 debate, $3 now.
INSERT INTO collection_debates (collection_n, debate_n, added_at) VALUES ($1, $2, $3)
ON CONFLICT (collection_n, debate_n) DO NOTHING

-- name: collection_take
DELETE FROM collection_debates WHERE collection_n = $1 AND debate_n = $2

-- name: collection_touch
-- $1 n, $2 now.
UPDATE collections SET updated_at = $2 WHERE n = $1

-- -- favourites ---------------------------------------------------------------------------------

-- name: favorites_page
-- The newest first. $1 owner, $2 n below, $3 limit, $4 offset.
SELECT f.*, d.id AS debate_id FROM favorites f JOIN debates d ON d.n = f.debate_n
 WHERE f.owner = $1 AND f.n < $2 ORDER BY f.n DESC LIMIT $3 OFFSET $4

-- name: favorites_count
SELECT count(*) FROM favorites WHERE owner = $1

-- name: favorite_find
-- $1 owner, $2 debate.
SELECT f.*, d.id AS debate_id FROM favorites f JOIN debates d ON d.n = f.debate_n
 WHERE f.owner = $1 AND f.debate_n = $2

-- name: favorite_add
-- $1 id, $2 owner, $3 user_id, $4 debate, $5 note, $6 tags, $7 position, $8 progress, $9 watched,
-- $10 now. No row when it is there already.
INSERT INTO favorites (id, owner, user_id, debate_n, note, tags, last_position_seconds,
                       progress_percentage, watch_count, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
ON CONFLICT (owner, debate_n) DO NOTHING

-- name: favorite_change
-- $1 n, $2 note, $3 tags, $4 position, $5 progress, $6 now. Heard to the end once more when the
-- progress comes to $7.
UPDATE favorites
   SET note = $2, tags = $3, last_position_seconds = $4,
       watch_count = watch_count
                     + CASE WHEN CAST($5 AS double precision) >= $7 AND progress_percentage < $7
                            THEN 1 ELSE 0 END,
       progress_percentage = $5, updated_at = $6
 WHERE n = $1

-- name: favorite_remove
-- $1 owner, $2 debate.
DELETE FROM favorites WHERE owner = $1 AND debate_n = $2

-- -- debates of several keys --------------------------------------------------------------------

-- name: debates_at_sqlite
-- $1 JSON list of n.
SELECT d.* FROM json_each($1) j CROSS JOIN debates d ON d.n = j.value

-- name: debates_at_postgres
SELECT * FROM debates WHERE n IN (SELECT CAST(jsonb_array_elements_text($1) AS bigint))
