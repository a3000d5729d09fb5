-- name: user_add
-- Make a user, registered or a guest, together with the first login.
WITH added AS (
    INSERT INTO users (id, email, email_folded, password_hash, display_name)
    VALUES (%(user_id)s, %(email)s, %(email_folded)s, %(password_hash)s, %(display_name)s)
    RETURNING id
)
INSERT INTO logins (id, user_id, expires_at) SELECT %(login_id)s, id, %(expires_at)s FROM added

-- name: user_register_guest
-- Give a guest an address and a password: he keeps his id, and gets a new login in the place of all he had.
WITH registered AS (
    UPDATE users SET email = %(email)s, email_folded = %(email_folded)s, password_hash = %(password_hash)s,
        display_name = %(display_name)s
    WHERE id = %(user_id)s AND email IS NULL
    RETURNING id
), ended AS (
    DELETE FROM logins WHERE user_id IN (SELECT id FROM registered) RETURNING id
), begun AS (
    INSERT INTO logins (id, user_id, expires_at) SELECT %(login_id)s, id, %(expires_at)s FROM registered
)
SELECT array(SELECT id::text FROM ended) FROM registered

-- name: user_by_email
-- The user with an address, for logging in.
SELECT id::text, email, display_name, password_hash FROM users WHERE email_folded = %(email_folded)s

-- name: user_password
-- A user's password hash, for changing it.
SELECT password_hash FROM users WHERE id = %(user_id)s

-- name: user_change_password
-- Change the password, if it is still the one that was checked, and end all other logins. The lock comes first, by a
-- statement of its own: only what is read after it sees the logins that were being begun.
SELECT FROM users WHERE id = %(user_id)s FOR UPDATE;
WITH changed AS (
    UPDATE users SET password_hash = %(password_hash)s
    WHERE id = %(user_id)s AND password_hash = %(old_hash)s
    RETURNING id
), ended AS (
    DELETE FROM logins WHERE user_id IN (SELECT id FROM changed) AND id <> %(login_id)s RETURNING id
)
SELECT array(SELECT id::text FROM ended) FROM changed

-- name: user_delete
-- Remove a user; his logins go with him, and are listed, those too that were being begun.
SELECT FROM users WHERE id = %(user_id)s FOR UPDATE;
WITH ended AS MATERIALIZED (SELECT id FROM logins WHERE user_id = %(user_id)s),
gone AS (DELETE FROM users WHERE id = %(user_id)s)
SELECT id::text FROM ended

-- name: login_add
-- Begin a login, unless the password has been changed since it was checked, and end the oldest beyond `others` beside
-- it. The lock comes first, by a statement of its own: it waits for a change of the password that is under way, and only
-- what is read after it sees the logins that were being begun.
SELECT FROM users WHERE id = %(user_id)s FOR NO KEY UPDATE;
WITH owner AS (
    SELECT id FROM users WHERE id = %(user_id)s AND password_hash IS NOT DISTINCT FROM %(checked_hash)s
), ended AS (
    DELETE FROM logins WHERE id IN (
        SELECT id FROM logins WHERE user_id IN (SELECT id FROM owner)
        ORDER BY created_at DESC, id OFFSET %(others)s
    )
)
INSERT INTO logins (id, user_id, expires_at) SELECT %(login_id)s, id, %(expires_at)s FROM owner

-- name: login_find
-- The users of those of these logins that have not ended.
SELECT l.id::text, u.id::text, u.email, u.display_name, l.expires_at FROM logins l JOIN users u ON u.id = l.user_id
WHERE l.id = ANY (%(login_ids)s::uuid[]) AND l.expires_at > now_ms()

-- name: login_end
-- End a login.
DELETE FROM logins WHERE id = %(login_id)s

-- name: logins_ended
-- Which of these logins have ended. Most stand, so that few rows are sent.
SELECT asked.id::text FROM unnest(%(login_ids)s::uuid[]) AS asked (id)
WHERE NOT EXISTS (SELECT FROM logins WHERE logins.id = asked.id AND expires_at > (SELECT now_ms()))

-- name: retention_logins
-- Remove logins that have expired.
DELETE FROM logins WHERE id IN (
    SELECT id FROM logins WHERE expires_at < (SELECT now_ms()) ORDER BY expires_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)

-- name: retention_guests
-- Remove guests who have no login left: nobody can be them again. At most `look_at` users are looked at, from any place on
-- in the order of their ids, which is one of chance, and again from its beginning; and the email once more in the row that
-- is locked, for one who registers meanwhile.
WITH start AS MATERIALIZED (
    SELECT gen_random_uuid() AS id
), looked_at AS MATERIALIZED (
    (
        SELECT id, email FROM users WHERE id >= (SELECT id FROM start) ORDER BY id LIMIT %(look_at)s
    ) UNION ALL (
        SELECT id, email FROM users WHERE id < (SELECT id FROM start) ORDER BY id LIMIT %(look_at)s
    ) LIMIT %(look_at)s
)
DELETE FROM users WHERE id IN (
    SELECT u.id FROM users u JOIN looked_at ON looked_at.id = u.id
    WHERE looked_at.email IS NULL AND u.email IS NULL AND NOT EXISTS (SELECT FROM logins l WHERE l.user_id = u.id)
    LIMIT %(limit)s FOR UPDATE OF u SKIP LOCKED
)
