-- Answers that were flagged, and those that came in their place.
--
-- Both stand in the log: a flagged answer under `answer_submitted` or `answer_replaced`, as it came, and that it is left
-- out under `answer_flagged`. The index that allows one `answer_submitted` for each player and round stays as it is: an
-- answer in place of one that was flagged has a type of its own. Logs from before have neither.

CREATE OR REPLACE VIEW answers AS
SELECT a.room_id, a.round_id, (a.payload ->> 'answer_id')::uuid AS answer_id, a.user_id,
    a.payload ->> 'content' AS content,
    to_timestamp(a.server_time / 1000.0) AS answered_at
FROM room_events a JOIN room_events e ON e.room_id = a.room_id AND e.round_id = a.round_id AND e.type = 'round_ended'
WHERE a.type IN ('answer_submitted', 'answer_replaced') AND NOT EXISTS (
    SELECT FROM room_events f
    WHERE f.room_id = a.room_id AND f.round_id = a.round_id AND f.type = 'answer_flagged'
        AND f.payload ->> 'answer_id' = a.payload ->> 'answer_id'
);

COMMENT ON VIEW answers IS 'Answers of rounds that have ended, but for those that were flagged';
