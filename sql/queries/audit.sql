-- name: audit_rooms
-- Every room, with all that its row says.
SELECT * FROM rooms ORDER BY id

-- name: audit_log
-- A whole log, from its first record on.
SELECT position, seq, type, round_id, user_id, command_id, payload, version, server_time, epoch FROM room_events
WHERE room_id = %(room_id)s ORDER BY position

-- name: audit_strays
-- Rooms of which there are records, but no row: nothing may remove the one without the other.
SELECT DISTINCT e.room_id FROM room_events e
WHERE NOT EXISTS (SELECT FROM rooms r WHERE r.id = e.room_id) ORDER BY e.room_id
