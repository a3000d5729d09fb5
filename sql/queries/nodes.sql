-- name: node_renew
-- Register a node or prolong its lease. Waits for claims that hold the row for share, so none decides on a stale lease.
INSERT INTO nodes AS n (id, label, lease_until, started_at)
VALUES (%(node_id)s, %(label)s, now_ms() + %(lease_ms)s, now_ms())
ON CONFLICT (id) DO UPDATE SET lease_until = now_ms() + %(lease_ms)s, label = excluded.label
RETURNING n.lease_until - %(lease_ms)s, n.lease_until

-- name: node_others
-- Labels of the other nodes that are alive.
SELECT label FROM nodes WHERE id <> %(node_id)s AND lease_runs(lease_until) ORDER BY label

-- name: node_retire
-- End a lease and give up the node's rooms. A room that is being written or claimed right now is skipped rather than
-- waited for, which could deadlock with a claim; the lease is over, so it can be claimed anyway.
WITH ended AS (
    UPDATE nodes SET lease_until = least(lease_until, now_ms()) WHERE id = %(node_id)s
), owned AS MATERIALIZED (
    SELECT id FROM rooms WHERE owner = %(node_id)s FOR UPDATE SKIP LOCKED
)
UPDATE rooms r SET owner = NULL FROM owned WHERE r.id = owned.id

-- name: database_ms
-- The time of the database; also tells that it answers.
SELECT now_ms()
