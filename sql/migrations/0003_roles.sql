-- Who plays and who only watches.
--
-- A member is a player unless the record by which he joined, or the last one about his role, says otherwise. Records from
-- before there were spectators say nothing, and so does the base that opens a log: its one member is the host.

CREATE OR REPLACE VIEW room_participants AS
SELECT room_id, user_id,
    (array_agg(display_name ORDER BY position DESC) FILTER (WHERE display_name IS NOT NULL))[1] AS display_name,
    to_timestamp(min(server_time) / 1000.0) AS joined_at,
    CASE WHEN NOT (array_agg(is_in ORDER BY position DESC))[1] THEN to_timestamp(max(server_time) / 1000.0) END AS left_at,
    (array_agg(role ORDER BY position DESC) FILTER (WHERE role IS NOT NULL))[1] AS role
FROM (
    SELECT room_id, position, user_id, type <> 'player_left' AS is_in, payload ->> 'display_name' AS display_name,
        CASE WHEN type <> 'player_left' THEN coalesce(payload ->> 'role', 'player') END AS role, server_time
    FROM room_events WHERE type IN ('player_joined', 'role_changed', 'player_left')
    UNION ALL
    SELECT b.room_id, b.position, (m.pair ->> 0)::uuid, true, m.pair -> 1 ->> 'display_name', 'player', b.server_time
    FROM room_events b CROSS JOIN jsonb_array_elements(b.payload -> 'state' -> 'members') AS m(pair)
    WHERE b.position = 1 AND b.type = 'base'
) AS moves
GROUP BY room_id, user_id;

COMMENT ON VIEW room_participants IS
    'Who is, or was, a member of a room, and as what; left_at is NULL for one who still is';
COMMENT ON COLUMN room_participants.role IS 'player or spectator: what he is, or was when he left';
