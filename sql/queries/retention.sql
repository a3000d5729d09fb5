-- name: retention_codes
-- Free the codes of rooms that closed more than ten minutes ago.
UPDATE rooms SET code_held = false WHERE id IN (
    SELECT id FROM rooms WHERE code_held AND closed_at < now_ms() - 600000
    ORDER BY closed_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)

-- name: retention_logs
-- Remove rooms that closed long ago, each with its whole log, the oldest first: as many as hold at most `limit` records,
-- and one in any case.
WITH candidates AS MATERIALIZED (
    SELECT id, closed_at, last_position FROM rooms WHERE closed_at < now_ms() - %(keep_ms)s
    ORDER BY closed_at, id LIMIT 100 FOR UPDATE SKIP LOCKED
), old AS MATERIALIZED (
    SELECT id FROM (
        SELECT id, sum(last_position) OVER (ORDER BY closed_at, id) AS n_records,
            row_number() OVER (ORDER BY closed_at, id) AS place
        FROM candidates
    ) AS counted
    WHERE n_records <= %(limit)s OR place = 1
), emptied AS (
    DELETE FROM room_events WHERE room_id IN (SELECT id FROM old)
)
DELETE FROM rooms WHERE id IN (SELECT id FROM old)

-- name: retention_nodes
-- Forget nodes whose lease ended a day ago and which own no room.
DELETE FROM nodes n WHERE n.lease_until < now_ms() - 86400000
    AND NOT EXISTS (SELECT FROM rooms r WHERE r.owner = n.id)
