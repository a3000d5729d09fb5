-- name: room_create
-- Make a room with the first rows of its log. The code of a room that closed more than ten minutes ago is free again,
-- and so is the id of a command that is older than that; both are let go first, which the join with `freed` sees to.
WITH freed AS (
    UPDATE rooms SET
        code_held = code_held AND NOT (code = %(code)s AND coalesce(closed_at < now_ms() - 600000, false)),
        command_id = CASE WHEN created_at >= now_ms() - 600000 OR command_id <> %(command_id)s
            OR creator_id <> %(creator_id)s THEN command_id END
    WHERE (code = %(code)s AND code_held AND closed_at < now_ms() - 600000)
        OR (creator_id = %(creator_id)s AND command_id = %(command_id)s AND created_at < now_ms() - 600000)
    RETURNING id
), clock AS MATERIALIZED (
    SELECT now_ms() AS ms FROM (SELECT count(*) FROM freed) AS f
), made AS (
    INSERT INTO rooms (id, code, stream, creator_id, command_id, digest, host_id, settings, status, owner, epoch,
        last_position, last_seq, next_deadline, version, created_at, closed_at)
    SELECT %(room_id)s, %(code)s, %(stream)s, %(creator_id)s, %(command_id)s, %(digest)s, %(host_id)s,
        %(settings)s::jsonb, %(status)s, %(node_id)s, 1, %(last_position)s, %(last_seq)s, %(next_deadline)s,
        %(version)s, clock.ms, NULL
    FROM clock
    RETURNING id, epoch
), added AS (
    INSERT INTO room_events (room_id, position, seq, type, round_id, user_id, command_id, payload, server_time, epoch,
        version)
    SELECT made.id, e.position, e.seq, e.type, e.round_id, e.user_id, e.command_id, e.payload, clock.ms, made.epoch,
        e.version
    FROM made CROSS JOIN clock
    CROSS JOIN jsonb_to_recordset(%(rows)s::jsonb) AS e(position bigint, seq bigint, type text, round_id uuid,
        user_id uuid, command_id text, payload jsonb, version smallint)
)
SELECT clock.ms FROM made CROSS JOIN clock

-- name: room_created_by
-- The room that a create_room of the last ten minutes made.
SELECT code, digest FROM rooms
WHERE creator_id = %(creator_id)s AND command_id = %(command_id)s AND created_at >= now_ms() - 600000

-- name: room_append
-- The commit: the rows of many rooms in one statement, each room under its fence. Rows are locked in the order of their
-- ids, so that two batches never wait for each other; a room that another epoch owns, or whose log does not end at
-- `base`, is left out and touches no other. The time is read after all locks are held, so it runs back in a log only
-- when the clock of the database is set back. Without a `status`, what the row repeats of the room's state stays as it
-- is: to read that out of JSON is a fifth of the work. It is sent prepared: planning it takes longer than carrying it
-- out. The rooms to write are found by `= ANY`: with `=` alone the batch could be merged with them, for which PostgreSQL
-- thinks of reading its index whole, in order; and does so, however large it is, when it has seen few rooms there.
WITH locked AS MATERIALIZED (
    SELECT b.* FROM (
        SELECT * FROM jsonb_to_recordset(%(batch)s::jsonb) AS b(room_id uuid, epoch bigint, base bigint,
            last_seq bigint, host_id uuid, settings jsonb, status text, next_deadline bigint, rows jsonb)
        ORDER BY room_id
    ) AS b CROSS JOIN LATERAL (
        SELECT FROM rooms r WHERE r.id = b.room_id AND r.epoch = b.epoch AND r.last_position = b.base FOR UPDATE
    ) AS own
), clock AS MATERIALIZED (
    SELECT now_ms() AS ms FROM (SELECT count(*) FROM locked) AS l
), written AS (
    UPDATE rooms r SET last_position = b.base + jsonb_array_length(b.rows),
        last_seq = coalesce(b.last_seq, r.last_seq),
        host_id = CASE WHEN b.status IS NULL THEN r.host_id ELSE b.host_id END,
        settings = coalesce(b.settings, r.settings), status = coalesce(b.status, r.status),
        next_deadline = CASE WHEN b.status IS NULL THEN r.next_deadline ELSE b.next_deadline END,
        closed_at = CASE WHEN coalesce(b.status, r.status) = 'closed' THEN coalesce(r.closed_at, clock.ms) END
    FROM locked b CROSS JOIN clock
    WHERE r.id = ANY (ARRAY[b.room_id])
    RETURNING r.id, r.epoch, b.rows, clock.ms
), added AS (
    INSERT INTO room_events (room_id, position, seq, type, round_id, user_id, command_id, payload, server_time, epoch,
        version)
    SELECT w.id, e.position, e.seq, e.type, e.round_id, e.user_id, e.command_id, e.payload, w.ms, w.epoch, e.version
    FROM written w
    CROSS JOIN LATERAL jsonb_to_recordset(w.rows) AS e(position bigint, seq bigint, type text, round_id uuid,
        user_id uuid, command_id text, payload jsonb, version smallint)
)
SELECT id, ms FROM written

-- name: room_append_lock_wait
-- How long the next appends of this session wait for a locked row.
SELECT set_config('lock_timeout', %(lock_ms)s::text, false)

-- name: room_log_ends
-- Where rooms stand. After an unknown outcome this is asked in a statement of its own: the resend's snapshot would
-- still show the row as it was before. And it writes a word to the write-ahead log: a commit that ended while it waited
-- for a synchronous standby, as its session was ended or the server died, is seen by all, and only on the primary. The
-- commit of this statement waits until the standby has all that it has seen.
WITH noted AS MATERIALIZED (
    SELECT pg_logical_emit_message(true, 'votegame', '') AS at
)
SELECT r.id, r.epoch, r.last_position, coalesce(e.server_time, r.created_at)
FROM noted CROSS JOIN rooms r LEFT JOIN room_events e ON e.room_id = r.id AND e.position = r.last_position
WHERE r.id = ANY (%(room_ids)s::uuid[]) AND noted.at IS NOT NULL

-- name: room_claim
-- Become the owner of the rooms with these codes, in a new epoch each. The leases of their owners are read from the
-- locked rows: a renewal that is just being committed is waited for, claims do not wait for each other. Only rooms that
-- may be had are locked, and the owner is compared as it is then; one that somebody else holds is passed over, so that
-- it holds up no other. Tells beside each claim who owns the room and whether that lease runs.
WITH found AS MATERIALIZED (
    SELECT id, code, owner FROM rooms
    WHERE code = ANY (%(codes)s::text[]) AND code_held AND (closed_at IS NULL OR closed_at >= now_ms() - 600000)
), leases AS MATERIALIZED (
    SELECT n.id, n.lease_until FROM nodes n
    WHERE n.id = %(node_id)s OR n.id IN (SELECT owner FROM found)
    ORDER BY n.id
    FOR SHARE OF n
), judged AS MATERIALIZED (
    SELECT f.id, f.code, f.owner, coalesce(lease_runs(l.lease_until), false) AS is_held
    FROM found f LEFT JOIN leases l ON l.id = f.owner AND f.owner <> %(node_id)s
), locked AS MATERIALIZED (
    SELECT r.id FROM rooms r JOIN judged j ON j.id = r.id
    WHERE r.owner IS NOT DISTINCT FROM j.owner AND NOT j.is_held
        AND EXISTS (SELECT FROM leases l WHERE l.id = %(node_id)s AND lease_runs(l.lease_until))
    ORDER BY r.id
    FOR UPDATE OF r SKIP LOCKED
), claimed AS (
    UPDATE rooms r SET owner = %(node_id)s, epoch = r.epoch + 1 FROM locked WHERE r.id = locked.id
    RETURNING r.id, r.stream, r.epoch
)
SELECT j.code, c.id, c.stream, c.epoch, j.owner, j.is_held FROM judged j LEFT JOIN claimed c ON c.id = j.id

-- name: room_claim_due
-- Take over rooms whose deadline nears, the earliest first, and that nobody alive owns, or the node itself without running
-- them. Rooms that another sweeper is taking are skipped, and those that are to rest.
WITH due AS MATERIALIZED (
    SELECT r.id, r.owner, r.next_deadline FROM rooms r
    WHERE r.next_deadline < %(before_ms)s AND r.id <> ALL (%(resting)s::uuid[])
        AND CASE WHEN r.owner = %(node_id)s THEN r.code <> ALL (%(running)s::text[])
            ELSE NOT EXISTS (SELECT FROM nodes n WHERE n.id = r.owner AND lease_runs(n.lease_until)) END
    ORDER BY r.next_deadline
    LIMIT %(limit)s
    FOR UPDATE OF r SKIP LOCKED
), leases AS MATERIALIZED (
    SELECT n.id, n.lease_until FROM nodes n
    WHERE n.id = %(node_id)s OR n.id IN (SELECT owner FROM due)
    ORDER BY n.id
    FOR SHARE OF n
), claimed AS (
    UPDATE rooms r SET owner = %(node_id)s, epoch = r.epoch + 1
    FROM due d LEFT JOIN leases l ON l.id = d.owner
    WHERE r.id = d.id AND (d.owner = %(node_id)s OR NOT coalesce(lease_runs(l.lease_until), false))
        AND EXISTS (SELECT FROM leases o WHERE o.id = %(node_id)s AND lease_runs(o.lease_until))
    RETURNING r.id, r.code, r.stream, r.epoch, r.next_deadline
)
SELECT id, code, stream, epoch FROM claimed ORDER BY next_deadline, id

-- name: room_load
-- The logs of rooms, each from its last base on.
SELECT e.room_id, e.position, e.seq, e.type, e.round_id, e.user_id, e.command_id, e.payload, e.version, e.server_time
FROM unnest(%(room_ids)s::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (
    SELECT coalesce(max(b.position), 1) AS position FROM room_events b WHERE b.room_id = wanted.id AND b.type = 'base'
) AS base
JOIN room_events e ON e.room_id = wanted.id AND e.position >= base.position
ORDER BY e.room_id, e.position

-- name: room_release
-- Give a room up, to a node if one is named, unless somebody else has it already.
UPDATE rooms SET owner = %(to)s WHERE id = %(room_id)s AND epoch = %(epoch)s

-- name: rooms_of_user
-- The rooms that are not closed and that the user is a member of, the newest first. Membership is what the last record
-- that speaks of it says; who made a room is a member from its first record on.
SELECT r.code, r.status
FROM (
    SELECT DISTINCT ON (room_id) room_id, type FROM room_events
    WHERE user_id = %(user_id)s AND (type IN ('player_joined', 'player_left') OR position = 1)
    ORDER BY room_id, position DESC
) AS latest JOIN rooms r ON r.id = latest.room_id
WHERE latest.type <> 'player_left' AND r.status <> 'closed'
ORDER BY r.created_at DESC, r.id

-- name: room_of_round
-- The room in which a round was started, as long as its code finds it.
SELECT r.code FROM room_events e JOIN rooms r ON r.id = e.room_id
WHERE e.round_id = %(round_id)s AND e.type IN ('game_started', 'round_started') AND r.code_held
