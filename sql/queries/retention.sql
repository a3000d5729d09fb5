-- In all that removes what is old, of users and questions too, the time is read by a query of its own, once: a function
-- that may say something else for each row cannot be looked up in an index, and all rows would be read.

-- name: retention_codes
-- Free the codes of rooms that closed more than ten minutes ago.
UPDATE rooms SET code_held = false WHERE id IN (
    SELECT id FROM rooms WHERE code_held AND closed_at < (SELECT now_ms()) - 600000
    ORDER BY closed_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)

-- name: retention_logs
-- Remove rooms that closed long ago, each with its whole log, the oldest first: as many as hold at most `limit` records.
-- The log of one that has more goes by itself, in bites of so many, from its beginning, each of which counts as a room:
-- until the last one, its row says that the log ends at 0, as that of no other room does. Views know nothing of that.
--
-- That nothing is left is told by what was seen, and not by what was deleted: of records that another node has just
-- deleted, some are seen yet.
WITH candidates AS MATERIALIZED (
    SELECT id, closed_at, CASE last_position WHEN 0 THEN %(limit)s + 1 ELSE last_position END AS n_records
    FROM rooms WHERE closed_at < (SELECT now_ms()) - %(keep_ms)s
    ORDER BY closed_at, id LIMIT 100 FOR UPDATE SKIP LOCKED
), counted AS MATERIALIZED (
    SELECT id, n_records, sum(n_records) OVER oldest AS n_so_far, row_number() OVER oldest AS place
    FROM candidates WINDOW oldest AS (ORDER BY closed_at, id)
), long AS MATERIALIZED (
    SELECT id FROM counted WHERE place = 1 AND n_records > %(limit)s
), seen AS MATERIALIZED (
    SELECT position FROM room_events WHERE room_id = (SELECT id FROM long) ORDER BY position LIMIT %(limit)s
), bite AS (
    DELETE FROM room_events WHERE room_id = (SELECT id FROM long) AND position <= (SELECT max(position) FROM seen)
), old AS MATERIALIZED (
    SELECT id, true AS is_emptied FROM counted WHERE n_so_far <= %(limit)s
    UNION ALL SELECT id, (SELECT count(*) FROM seen) < %(limit)s FROM long
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
