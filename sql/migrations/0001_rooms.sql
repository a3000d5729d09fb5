-- Rooms, their logs, the nodes that own them, and questions.
--
-- All times are milliseconds since the Unix epoch, by the clock of this database, as they are on the wire.

CREATE FUNCTION now_ms() RETURNS bigint
    LANGUAGE sql VOLATILE
    RETURN floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint;

-- A lease lasts 3 s at the most: one that ends later was written before the clock was set back, and is over.
CREATE FUNCTION lease_runs(lease_until bigint) RETURNS boolean
    LANGUAGE sql VOLATILE
    RETURN lease_until > now_ms() AND lease_until <= now_ms() + 3000;

CREATE TABLE nodes (
    id uuid PRIMARY KEY,
    label text NOT NULL,
    lease_until bigint NOT NULL,
    started_at bigint NOT NULL
) WITH (fillfactor = 50);

COMMENT ON TABLE nodes IS 'Processes that own rooms, each with the end of its lease';

-- `owner` has no foreign key: a claim must not wait for a renewal longer than it takes, and a node that is gone from
-- `nodes` owns nothing. Room for updates in place: each commit of a room rewrites its row.
CREATE TABLE rooms (
    id uuid PRIMARY KEY,
    code text NOT NULL,
    code_held boolean NOT NULL DEFAULT true,
    stream uuid NOT NULL,
    creator_id uuid NOT NULL,
    command_id text,
    digest text NOT NULL,
    host_id uuid,
    settings jsonb NOT NULL,
    status text NOT NULL,
    owner uuid,
    epoch bigint NOT NULL,
    last_position bigint NOT NULL,
    last_seq bigint NOT NULL,
    next_deadline bigint,
    version smallint NOT NULL,
    created_at bigint NOT NULL,
    closed_at bigint
) WITH (fillfactor = 50);

COMMENT ON TABLE rooms IS 'One row for each room: where its log ends, who owns it, and what look-ups need of its state';
COMMENT ON COLUMN rooms.code_held IS 'Whether the code still finds the room; false some time after it closed';
COMMENT ON COLUMN rooms.command_id IS 'The create_room that made it; NULL once the id may come again';
COMMENT ON COLUMN rooms.owner IS 'The node that runs it; NULL when it was given up';
COMMENT ON COLUMN rooms.epoch IS 'Number of the ownership period: the fencing token of every append';
COMMENT ON COLUMN rooms.stream IS 'Names the log that seq counts in; changes only when a log is restored';

-- The same create_room makes one room, from whichever node.
CREATE UNIQUE INDEX rooms_command ON rooms (creator_id, command_id);
CREATE UNIQUE INDEX rooms_code ON rooms (code) WHERE code_held;
-- The sweeper takes the room whose deadline is nearest.
CREATE INDEX rooms_due ON rooms (next_deadline) WHERE next_deadline IS NOT NULL;
-- A node that stops gives its rooms up.
CREATE INDEX rooms_owner ON rooms (owner) WHERE owner IS NOT NULL;
-- Retention: codes of closed rooms, then their logs.
CREATE INDEX rooms_closed ON rooms (closed_at) WHERE closed_at IS NOT NULL;

-- No foreign key to rooms: the append holds the room's row locked while it writes, and a check for each row would
-- double the cost of a commit.
CREATE TABLE room_events (
    room_id uuid NOT NULL,
    position bigint NOT NULL,
    seq bigint,
    type text NOT NULL,
    round_id uuid,
    user_id uuid,
    command_id text,
    payload jsonb NOT NULL,
    server_time bigint NOT NULL,
    epoch bigint NOT NULL,
    version smallint NOT NULL,
    PRIMARY KEY (room_id, position),
    CHECK (position > 0),
    CHECK (seq > 0)
);

COMMENT ON TABLE room_events IS 'The logs of all rooms: the truth. A room is the fold of its records';
COMMENT ON COLUMN room_events.position IS 'Place of the record in the log of its room: 1, 2, 3 and so on';
COMMENT ON COLUMN room_events.seq IS 'Public number of the event; NULL for what members are not told as such';
COMMENT ON COLUMN room_events.server_time IS 'When it was committed; one time for all records of a commit';

CREATE UNIQUE INDEX room_events_seq ON room_events (room_id, seq) WHERE seq IS NOT NULL;

-- The rules once more, as the last line of defence at the moment of the write.
CREATE UNIQUE INDEX room_events_one_answer ON room_events (room_id, round_id, user_id)
    WHERE type = 'answer_submitted';
CREATE UNIQUE INDEX room_events_one_vote ON room_events (room_id, round_id, user_id)
    WHERE type = 'vote_submitted';
-- A round is of one room and begins once; also finds the room of a round.
CREATE UNIQUE INDEX room_events_one_start ON room_events (round_id)
    WHERE type IN ('game_started', 'round_started');
CREATE UNIQUE INDEX room_events_one_voting ON room_events (room_id, round_id)
    WHERE type = 'voting_started';
CREATE UNIQUE INDEX room_events_one_end ON room_events (room_id, round_id)
    WHERE type = 'round_ended';
CREATE UNIQUE INDEX room_events_one_close ON room_events (room_id)
    WHERE type = 'room_closed';

-- What became of a command. Not unique: an id may come again after ten minutes.
CREATE INDEX room_events_command ON room_events (user_id, command_id) WHERE command_id IS NOT NULL;
-- Which rooms a user is in. The first record of a log is a base, by the command of the room's first member.
CREATE INDEX room_events_membership ON room_events (user_id, room_id, position)
    WHERE type IN ('player_joined', 'player_left') OR position = 1;
-- Where loading starts.
CREATE INDEX room_events_base ON room_events (room_id, position) WHERE type = 'base';

CREATE TABLE questions (
    id uuid PRIMARY KEY,
    language text NOT NULL,
    topic text NOT NULL,
    key text NOT NULL,
    content text NOT NULL,
    source text NOT NULL,
    created_at bigint NOT NULL,
    UNIQUE (language, topic, key)
);

COMMENT ON TABLE questions IS 'Questions that were made and may be asked again';
COMMENT ON COLUMN questions.key IS 'Equal for questions that people would call the same';

-- What people ask of the logs. A round is shown when it has ended and not before: while it runs, nobody may link an
-- answer or a vote to its author.

CREATE VIEW rounds AS
SELECT s.room_id, s.game_number, s.round_id,
    row_number() OVER (PARTITION BY s.room_id, s.game_number ORDER BY s.position) AS round_number,
    s.payload -> 'question' ->> 'text' AS question,
    s.payload -> 'players' AS players,
    to_timestamp(s.server_time / 1000.0) AS started_at,
    to_timestamp(e.server_time / 1000.0) AS ended_at
FROM (
    SELECT room_id, round_id, position, payload, server_time,
        count(*) FILTER (WHERE type = 'game_started') OVER (PARTITION BY room_id ORDER BY position) AS game_number
    FROM room_events WHERE type IN ('game_started', 'round_started')
) AS s JOIN room_events e ON e.room_id = s.room_id AND e.round_id = s.round_id AND e.type = 'round_ended';

COMMENT ON VIEW rounds IS 'Rounds that have ended; players are those who could answer and vote';

CREATE VIEW answers AS
SELECT a.room_id, a.round_id, (a.payload ->> 'answer_id')::uuid AS answer_id, a.user_id,
    a.payload ->> 'content' AS content,
    to_timestamp(a.server_time / 1000.0) AS answered_at
FROM room_events a JOIN room_events e ON e.room_id = a.room_id AND e.round_id = a.round_id AND e.type = 'round_ended'
WHERE a.type = 'answer_submitted';

COMMENT ON VIEW answers IS 'Answers of rounds that have ended';

CREATE VIEW votes AS
SELECT v.room_id, v.round_id, (v.payload ->> 'vote_id')::uuid AS vote_id, v.user_id,
    (v.payload ->> 'answer_id')::uuid AS answer_id,
    to_timestamp(v.server_time / 1000.0) AS voted_at
FROM room_events v JOIN room_events e ON e.room_id = v.room_id AND e.round_id = v.round_id AND e.type = 'round_ended'
WHERE v.type = 'vote_submitted';

COMMENT ON VIEW votes IS 'Votes of rounds that have ended';

CREATE VIEW scores AS
SELECT r.room_id, r.game_number, p.user_id::uuid AS user_id, count(v.vote_id) AS score
FROM rounds r CROSS JOIN jsonb_array_elements_text(r.players) AS p(user_id)
LEFT JOIN answers a ON a.room_id = r.room_id AND a.round_id = r.round_id AND a.user_id = p.user_id::uuid
LEFT JOIN votes v ON v.room_id = a.room_id AND v.round_id = a.round_id AND v.answer_id = a.answer_id
GROUP BY r.room_id, r.game_number, p.user_id;

COMMENT ON VIEW scores IS 'One point for each vote received in the rounds that have ended, for all who played in one';

CREATE VIEW room_participants AS
SELECT room_id, user_id,
    (array_agg(display_name ORDER BY position DESC) FILTER (WHERE is_in))[1] AS display_name,
    to_timestamp(min(server_time) / 1000.0) AS joined_at,
    CASE WHEN NOT (array_agg(is_in ORDER BY position DESC))[1] THEN to_timestamp(max(server_time) / 1000.0) END AS left_at
FROM (
    SELECT room_id, position, user_id, type = 'player_joined' AS is_in, payload ->> 'display_name' AS display_name,
        server_time
    FROM room_events WHERE type IN ('player_joined', 'player_left')
    UNION ALL
    SELECT b.room_id, b.position, (m.pair ->> 0)::uuid, true, m.pair -> 1 ->> 'display_name', b.server_time
    FROM room_events b CROSS JOIN jsonb_array_elements(b.payload -> 'state' -> 'members') AS m(pair)
    WHERE b.position = 1 AND b.type = 'base'
) AS moves
GROUP BY room_id, user_id;

COMMENT ON VIEW room_participants IS 'Who is, or was, a member of a room; left_at is NULL for one who still is';
