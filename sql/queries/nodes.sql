-- name: node_renew
-- Register a node or prolong its lease. Waits for claims that hold the row for share, so none decides on a stale lease.
-- Registrations alone wait for each other, and each takes over a millisecond: they are committed in the strict order of
-- `started_at`, so that no node can overlook one that was before it.
WITH registered AS MATERIALIZED (
    SELECT pg_advisory_xact_lock(7301226440258410), pg_sleep(0.002)
    WHERE NOT EXISTS (SELECT FROM nodes WHERE id = %(node_id)s)
)
INSERT INTO nodes AS n (id, label, lease_until, started_at, release, is_draining)
SELECT %(node_id)s, %(label)s, now_ms() + %(lease_ms)s, now_ms(), %(release)s, %(is_draining)s
FROM (SELECT count(*) FROM registered) AS turn
ON CONFLICT (id) DO UPDATE SET lease_until = now_ms() + %(lease_ms)s, label = excluded.label,
    is_draining = excluded.is_draining
RETURNING n.lease_until - %(lease_ms)s, n.drain_wanted

-- name: nodes_before
-- Labels of the nodes that are alive and were registered before this one; of all that are alive, if it is not.
SELECT n.label FROM nodes n LEFT JOIN nodes me ON me.id = %(node_id)s
WHERE lease_runs(n.lease_until) AND (me.id IS NULL OR (n.started_at, n.id) < (me.started_at, me.id))
ORDER BY n.label

-- name: node_leases
-- When the leases of some nodes end, of those that run.
SELECT id, lease_until FROM nodes WHERE id = ANY (%(node_ids)s::uuid[]) AND lease_runs(lease_until)

-- name: nodes_to_hand_over_to
-- The other nodes that are alive and stay, those with the fewest rooms first.
SELECT n.id FROM nodes n LEFT JOIN rooms r ON r.owner = n.id
WHERE n.id <> %(node_id)s AND lease_runs(n.lease_until) AND NOT n.is_draining AND NOT n.drain_wanted
GROUP BY n.id
ORDER BY count(r.id), n.id

-- name: nodes_registered
-- For operators: the nodes that are alive or were lately, with the open rooms that each owns.
SELECT n.id::text AS node_id, n.label, n.release, n.lease_until - now_ms() AS lease_left_ms,
    now_ms() - n.started_at AS age_ms, count(r.id) AS rooms, n.is_draining, n.drain_wanted
FROM nodes n LEFT JOIN rooms r ON r.owner = n.id AND r.status <> 'closed'
WHERE n.lease_until > now_ms() - %(lately_ms)s
GROUP BY n.id
ORDER BY n.started_at, n.id

-- name: node_ask_to_drain
-- Ask a node that is alive to leave.
UPDATE nodes SET drain_wanted = true WHERE id = %(node_id)s AND lease_runs(lease_until)

-- name: node_retire
-- End a lease and give up the node's rooms. A room that is being written or claimed right now is skipped rather than
-- waited for, which could deadlock with a claim; the lease is over, so it can be claimed anyway.
WITH ended AS (
    UPDATE nodes SET lease_until = least(lease_until, now_ms()) WHERE id = %(node_id)s
), owned AS MATERIALIZED (
    SELECT id FROM rooms WHERE owner = %(node_id)s FOR UPDATE SKIP LOCKED
)
UPDATE rooms r SET owner = NULL FROM owned WHERE r.id = owned.id
