-- Statements of the accounts: users, log-ins, sessions, keys, organisations. Prepared against both
-- schemas by a test. Times are instants, ids row ids, hashes hex SHA-256.

-- name: user_insert_sqlite
-- $1 uid, $2 e-mail, $3 name, $4 password hash, $5 role, $6 now. No row: the address is taken.
INSERT INTO users (uid, email, name, password_hash, role, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $6)
ON CONFLICT (email) DO NOTHING
RETURNING *;

-- name: user_insert_postgres
INSERT INTO users (uid, email, name, password_hash, role, created_at, updated_at)
VALUES ($1::uuid, $2, $3, $4, $5, $6, $6)
ON CONFLICT (email) DO NOTHING
RETURNING *;

-- name: user_by_id
SELECT * FROM users WHERE id = $1;

-- name: user_lock_sqlite
-- $1 user. SQLite has one writer: the transaction is lock enough.
SELECT id FROM users WHERE id = $1;

-- name: user_lock_postgres
-- $1 user: changes of the ways in which one person signs in wait for each other, and his erasure for
-- everything that names him.
SELECT id FROM users WHERE id = $1 FOR UPDATE;

-- name: user_by_email
SELECT * FROM users WHERE email = $1;

-- name: user_list
-- $1 ids after, $2 at most.
SELECT * FROM users WHERE id > $1 ORDER BY id LIMIT $2;

-- name: user_set_password
-- $1 user, $2 hash, $3 now.
UPDATE users SET password_hash = $2, updated_at = $3 WHERE id = $1;

-- name: user_upgrade_password
-- $1 user, $2 new hash, $3 the hash that was checked: a password changed meanwhile stays.
UPDATE users SET password_hash = $2 WHERE id = $1 AND password_hash = $3;

-- name: user_set_role
UPDATE users SET role = $2, updated_at = $3 WHERE id = $1;

-- name: user_set_active
UPDATE users SET is_active = $2, updated_at = $3 WHERE id = $1;

-- name: user_logged_in
UPDATE users SET last_login_at = $2 WHERE id = $1;

-- name: user_delete
DELETE FROM users WHERE id = $1;

-- name: attempt_load
-- $1 and $2 subjects: the address, and the address with the caller's IP.
SELECT * FROM login_attempts WHERE subject IN ($1, $2);

-- name: attempt_failed
-- $1 subject, $2 now, $3 failures before this instant are forgotten.
INSERT INTO login_attempts (subject, failures, last_failure_at) VALUES ($1, 1, $2)
ON CONFLICT (subject) DO UPDATE SET
    failures = CASE WHEN login_attempts.last_failure_at < $3 THEN 1 ELSE login_attempts.failures + 1 END,
    last_failure_at = excluded.last_failure_at
RETURNING failures;

-- name: attempt_lock
-- $1 subject, $2 until.
UPDATE login_attempts SET locked_until = $2 WHERE subject = $1;

-- name: attempt_clear
DELETE FROM login_attempts WHERE subject IN ($1, $2);

-- name: session_insert
-- $1 user, $2 now, $3 expiry.
INSERT INTO sessions (user_id, created_at, expires_at) VALUES ($1, $2, $3) RETURNING id;

-- name: session_trim
-- $1 user, $2 how many to keep: the oldest beyond go.
DELETE FROM sessions WHERE user_id = $1 AND id <=
    (SELECT id FROM sessions WHERE user_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2);

-- name: session_account
-- $1 user, $2 session: who a token stands for. session_id is null once the session is over.
SELECT u.id AS user_id, u.email, u.role, u.is_active, s.id AS session_id
FROM users u
LEFT JOIN sessions s ON s.id = $2 AND s.user_id = u.id AND s.revoked_at IS NULL
WHERE u.id = $1;

-- name: session_extend
-- $1 session, $2 new expiry. No row: revoked meanwhile.
UPDATE sessions SET expires_at = $2 WHERE id = $1 AND revoked_at IS NULL;

-- name: session_revoke
-- $1 session, $2 now, $3 why, $4 user it must belong to.
UPDATE sessions SET revoked_at = $2, revoked_for = $3
WHERE id = $1 AND user_id = $4 AND revoked_at IS NULL;

-- name: session_revoke_all
-- $1 user, $2 now, $3 why.
UPDATE sessions SET revoked_at = $2, revoked_for = $3 WHERE user_id = $1 AND revoked_at IS NULL;

-- name: session_clean
-- $1 now.
DELETE FROM sessions WHERE expires_at < $1;

-- name: refresh_insert
-- $1 session, $2 hash, $3 now, $4 expiry.
INSERT INTO refresh_tokens (session_id, token_hash, created_at, expires_at) VALUES ($1, $2, $3, $4);

-- name: refresh_use
-- $1 hash, $2 now. The one statement by which a token is spent: of many at once one gets the row.
UPDATE refresh_tokens SET used_at = $2
WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2
RETURNING session_id;

-- name: refresh_session
-- $1 hash: the session of a token, spent or not.
SELECT s.id, s.user_id, t.used_at, s.revoked_at
FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id
WHERE t.token_hash = $1;

-- name: refresh_clean
-- $1 now.
DELETE FROM refresh_tokens WHERE expires_at < $1;

-- name: attempt_clean
-- $1 older than this.
DELETE FROM login_attempts WHERE last_failure_at < $1;

-- name: key_insert
-- $1 user, $2 organisation, $3 name, $4 hint, $5 hash, $6 scopes, $7 now, $8 expiry.
INSERT INTO api_keys (user_id, organisation_id, name, hint, key_hash, scopes, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING id;

-- name: key_count
-- $1 user: keys that are not revoked.
SELECT count(*) FROM api_keys WHERE user_id = $1 AND revoked_at IS NULL;

-- name: key_account
-- $1 hash: who a key stands for. No row once its user left the organisation it acts in.
SELECT k.id AS key_id, k.organisation_id, k.scopes, k.expires_at, k.last_used_at, k.revoked_at,
    u.id AS user_id, u.email, u.role, u.is_active
FROM api_keys k JOIN users u ON u.id = k.user_id
WHERE k.key_hash = $1 AND (k.organisation_id IS NULL OR EXISTS (
    SELECT 1 FROM organisation_members m
    WHERE m.organisation_id = k.organisation_id AND m.user_id = k.user_id));

-- name: key_used
-- $1 key, $2 now, $3 only when last used before this.
UPDATE api_keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $3);

-- name: key_list
-- $1 user.
SELECT * FROM api_keys WHERE user_id = $1 AND revoked_at IS NULL ORDER BY id DESC;

-- name: key_load
-- $1 key.
SELECT * FROM api_keys WHERE id = $1;

-- name: key_revoke
-- $1 key, $2 now.
UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL;

-- name: key_revoke_own
-- $1 key, $2 now, $3 user it must belong to.
UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND user_id = $3 AND revoked_at IS NULL;

-- name: key_revoke_within
-- $1 organisation, $2 now.
UPDATE api_keys SET revoked_at = $2 WHERE organisation_id = $1 AND revoked_at IS NULL;

-- name: key_clean
-- $1 revoked or expired before this.
DELETE FROM api_keys WHERE revoked_at < $1 OR expires_at < $1;

-- name: accounts_connected
-- $1 user.
SELECT id, provider, provider_user_id, connected_at, access_token IS NOT NULL AS has_token
FROM oauth_accounts WHERE user_id = $1 ORDER BY id;

-- name: account_connected
-- $1 user, $2 id.
SELECT id, provider, provider_user_id, connected_at, access_token IS NOT NULL AS has_token
FROM oauth_accounts WHERE user_id = $1 AND id = $2;

-- name: account_ways
-- $1 user: how many ways to sign in there are.
SELECT (SELECT count(*) FROM oauth_accounts WHERE user_id = $1)
    + (SELECT count(*) FROM users WHERE id = $1 AND password_hash IS NOT NULL);

-- name: account_disconnect
-- $1 user, $2 id.
DELETE FROM oauth_accounts WHERE user_id = $1 AND id = $2;

-- name: organisation_insert_sqlite
-- $1 uid, $2 name, $3 now.
INSERT INTO organisations (uid, name, created_at, updated_at) VALUES ($1, $2, $3, $3) RETURNING id;

-- name: organisation_insert_postgres
INSERT INTO organisations (uid, name, created_at, updated_at) VALUES ($1::uuid, $2, $3, $3) RETURNING id;

-- name: organisation_load
-- $1 organisation, $2 member: with the member's own role; no row for others.
SELECT o.*, m.role FROM organisations o
JOIN organisation_members m ON m.organisation_id = o.id AND m.user_id = $2
WHERE o.id = $1;

-- name: organisation_list
-- $1 member, $2 at most, $3 skipped.
SELECT o.*, m.role FROM organisations o
JOIN organisation_members m ON m.organisation_id = o.id
WHERE m.user_id = $1 ORDER BY o.id LIMIT $2 OFFSET $3;

-- name: organisation_count
SELECT count(*) FROM organisation_members WHERE user_id = $1;

-- name: organisation_owner
-- $1 organisation.
SELECT user_id FROM organisation_members WHERE organisation_id = $1 AND role = 'owner'
ORDER BY created_at, user_id LIMIT 1;

-- name: organisation_rename
-- $1 organisation, $2 name, $3 now.
UPDATE organisations SET name = $2, updated_at = $3 WHERE id = $1;

-- name: organisation_delete
DELETE FROM organisations WHERE id = $1;

-- name: organisation_lock_sqlite
-- $1 organisation. SQLite has one writer: the transaction is lock enough.
SELECT id FROM organisations WHERE id = $1;

-- name: organisation_lock_postgres
-- $1 organisation: changes of its members wait for each other, so that an owner always remains.
SELECT id FROM organisations WHERE id = $1 FOR UPDATE;

-- name: member_list
-- $1 organisation, $2 at most, $3 skipped.
SELECT m.user_id, u.email, u.name, m.role, m.created_at
FROM organisation_members m JOIN users u ON u.id = m.user_id
WHERE m.organisation_id = $1 ORDER BY m.id LIMIT $2 OFFSET $3;

-- name: member_count
SELECT count(*) FROM organisation_members WHERE organisation_id = $1;

-- name: member_load
-- $1 organisation, $2 user.
SELECT m.user_id, u.email, u.name, m.role, m.created_at
FROM organisation_members m JOIN users u ON u.id = m.user_id
WHERE m.organisation_id = $1 AND m.user_id = $2;

-- name: member_insert
-- $1 organisation, $2 user, $3 role, $4 now. No row changed: a member already.
INSERT INTO organisation_members (organisation_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (organisation_id, user_id) DO NOTHING;

-- name: member_set_role
UPDATE organisation_members SET role = $3 WHERE organisation_id = $1 AND user_id = $2;

-- name: member_delete
DELETE FROM organisation_members WHERE organisation_id = $1 AND user_id = $2;

-- name: member_owners
-- $1 organisation, $2 user: owners other than that user.
SELECT count(*) FROM organisation_members
WHERE organisation_id = $1 AND role = 'owner' AND user_id <> $2;

-- name: member_heir
-- $1 organisation, $2 user who goes: the longest-serving admin, else member.
SELECT user_id FROM organisation_members WHERE organisation_id = $1 AND user_id <> $2
ORDER BY CASE role WHEN 'admin' THEN 0 ELSE 1 END, id LIMIT 1;

-- name: organisation_owned
-- $1 user: the organisations that person owns.
SELECT organisation_id FROM organisation_members WHERE user_id = $1 AND role = 'owner' ORDER BY organisation_id;
