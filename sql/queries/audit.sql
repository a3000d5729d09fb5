-- name: audit_rooms
-- Every room, with all that its row says; but none whose log is being removed (see `retention_logs`).
SELECT * FROM rooms r
WHERE r.last_position > 0 OR r.closed_at IS NULL
    OR EXISTS (SELECT FROM room_events e WHERE e.room_id = r.id AND e.position = 1)
ORDER BY r.id

-- name: audit_log
-- A whole log, from its first record on.
SELECT position, seq, type, round_id, user_id, command_id, payload, version, server_time, epoch FROM room_events
WHERE room_id = %(room_id)s ORDER BY position

-- name: audit_strays
-- Rooms of which there are records, but no row: nothing may remove the one without the other.
SELECT DISTINCT e.room_id FROM room_events e
WHERE NOT EXISTS (SELECT FROM rooms r WHERE r.id = e.room_id) ORDER BY e.room_id

-- name: audit_rounds
-- What the views tell of the rounds of a room, in the order in which they ended; not by the times, as the clock of the
-- database may have been set back.
SELECT r.game_number, r.round_number, r.round_id::text, r.question,
    (SELECT coalesce(jsonb_agg(p ORDER BY p), '[]') FROM jsonb_array_elements_text(r.players) AS p) AS players,
    (SELECT coalesce(jsonb_object_agg(a.user_id, jsonb_build_array(a.answer_id, a.content)), '{}')
        FROM answers a WHERE a.room_id = r.room_id AND a.round_id = r.round_id) AS answers,
    (SELECT coalesce(jsonb_object_agg(v.user_id, jsonb_build_array(v.vote_id, v.answer_id)), '{}')
        FROM votes v WHERE v.room_id = r.room_id AND v.round_id = r.round_id) AS votes
FROM rounds r WHERE r.room_id = %(room_id)s ORDER BY r.game_number, r.round_number

-- name: audit_scores
-- The scores of a game, without those who have none.
SELECT user_id::text, score FROM scores
WHERE room_id = %(room_id)s AND game_number = %(game_number)s AND score > 0

-- name: audit_members
-- Who is in a room, and as what.
SELECT user_id::text, display_name, role FROM room_participants WHERE room_id = %(room_id)s AND left_at IS NULL
