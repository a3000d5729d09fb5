-- Here, and wherever old things are looked for, the time is read by a query of its own, once: a function that may say
-- something else for each row cannot be looked up in an index, and all rows would be read.

-- name: retention_codes
-- Free the codes of rooms that closed more than ten minutes ago.
UPDATE rooms SET code_held = false WHERE id IN (
    SELECT id FROM rooms WHERE code_held AND closed_at < (SELECT now_ms()) - 600000
    ORDER BY closed_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)

-- name: retention_logs
-- Remove rooms that closed long ago, each with its whole log, the oldest first: as many as hold at most `limit` records.
-- The log of one that has more by itself goes in bites of so many, from its beginning, each of which counts as a room:
-- until the last one, its row says that the log ends at 0, as that of no other room does.
WITH candidates AS MATERIALIZED (
    SELECT id, closed_at, last_position FROM rooms WHERE closed_at < (SELECT now_ms()) - %(keep_ms)s
    ORDER BY closed_at, id LIMIT 100 FOR UPDATE SKIP LOCKED
), counted AS MATERIALIZED (
    SELECT id, last_position, sum(last_position) OVER oldest AS n_records, row_number() OVER oldest AS place
    FROM candidates WINDOW oldest AS (ORDER BY closed_at, id)
), long AS MATERIALIZED (
    SELECT id FROM counted WHERE place = 1 AND (last_position > %(limit)s OR last_position = 0)
), bite AS (
    DELETE FROM room_events WHERE room_id = (SELECT id FROM long) AND position <= (
        SELECT max(position) FROM (
            SELECT position FROM room_events WHERE room_id = (SELECT id FROM long) ORDER BY position LIMIT %(limit)s
        ) AS first
    )
    RETURNING position
), old AS MATERIALIZED (
    SELECT id, true AS is_emptied FROM counted WHERE n_records <= %(limit)s AND NOT EXISTS (SELECT FROM long)
    UNION ALL SELECT id, (SELECT count(*) FROM bite) < %(limit)s FROM long
), emptied AS (
    DELETE FROM room_events WHERE room_id IN (SELECT id FROM old WHERE NOT EXISTS (SELECT FROM long))
), begun AS (
    UPDATE rooms SET last_position = 0 WHERE id IN (SELECT id FROM old WHERE NOT is_emptied) RETURNING id
), removed AS (
    DELETE FROM rooms WHERE id IN (SELECT id FROM old WHERE is_emptied) RETURNING id
)
SELECT id FROM begun UNION ALL SELECT id FROM removed

-- name: retention_nodes
-- Forget nodes whose lease ended a day ago and which own no room.
DELETE FROM nodes n WHERE n.lease_until < (SELECT now_ms()) - 86400000
    AND NOT EXISTS (SELECT FROM rooms r WHERE r.owner = n.id)
