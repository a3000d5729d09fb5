-- name: question_look
-- What the draws of one moment need most often: whether there is a stock, and a proposal that none of the people
-- has seen, behind which none is compared with what they saw. In the same go, note what users have seen, the latest last,
-- and of each only the last `keep`. Rows are locked in the order of ids, so that two nodes with the same people do not
-- wait for each other in a circle. It is sent prepared: planning it takes longer than carrying it out.
WITH noted AS (
    INSERT INTO questions_seen AS s (user_id, digests)
    SELECT u.id, n.digests
    FROM jsonb_to_recordset(%(notes)s::jsonb) AS n (user_id uuid, digests bigint[]) JOIN users u ON u.id = n.user_id
    ORDER BY u.id
    ON CONFLICT (user_id) DO UPDATE SET digests = (
        SELECT joined[greatest(cardinality(joined) - %(keep)s::int, 0) + 1:] FROM (
            SELECT s.digests || ARRAY(
                SELECT fresh FROM unnest(excluded.digests) AS fresh WHERE fresh <> ALL(s.digests)
            ) AS joined
        ) AS both_of_them
    )
    WHERE NOT s.digests @> excluded.digests
)
SELECT l.number,
    (
        SELECT true FROM questions q
        WHERE q.topic = l.topic AND q.language = l.language AND q.tone = l.tone AND q.source = ANY(l.sources) LIMIT 1
    ),
    (
        SELECT p.place FROM unnest(l.proposals) WITH ORDINALITY AS p (digest, place)
        WHERE NOT EXISTS (
            SELECT FROM questions_seen s WHERE s.user_id = ANY(l.people) AND p.digest = ANY(s.digests)
        )
        LIMIT 1
    )
FROM jsonb_to_recordset(%(looks)s::jsonb) AS l (number int, topic text, language text, tone text, sources text[],
    people uuid[], proposals bigint[])

-- name: question_candidates
-- Questions in stock that were not asked, and that none of these people has among the last `history` that he saw: the
-- next ones from `start` on, in an order by chance that begins anew at its end. Reads a few rows of one stock, by index.
WITH seen AS MATERIALIZED (
    SELECT DISTINCT unnest(digests[greatest(cardinality(digests) - %(history)s, 0) + 1:]) AS digest
    FROM questions_seen WHERE user_id = ANY(%(people)s::uuid[])
)
SELECT key, content FROM (
    (
        SELECT key, content, 0 AS turn, place FROM questions
        WHERE topic = %(topic)s AND language = %(language)s AND tone = %(tone)s AND place >= %(start)s
            AND source = ANY(%(sources)s)
            AND digest <> ALL(%(asked)s::bigint[]) AND digest NOT IN (SELECT digest FROM seen)
        ORDER BY place LIMIT %(limit)s
    ) UNION ALL (
        SELECT key, content, 1, place FROM questions
        WHERE topic = %(topic)s AND language = %(language)s AND tone = %(tone)s AND place < %(start)s
            AND source = ANY(%(sources)s)
            AND digest <> ALL(%(asked)s::bigint[]) AND digest NOT IN (SELECT digest FROM seen)
        ORDER BY place LIMIT %(limit)s
    )
) AS found ORDER BY turn, place LIMIT %(limit)s

-- name: question_stock
-- A whole stock, the newest first.
SELECT key, content FROM questions
WHERE topic = %(topic)s AND language = %(language)s AND tone = %(tone)s
    AND source = ANY(%(sources)s)
ORDER BY created_at DESC, id

-- name: question_add
-- Put questions into a stock, each once. The oldest make room for them first: what a statement inserts it does not see.
-- What is there, and has been looked at by a moderator only now, may be asked from now on where there is one.
DELETE FROM questions WHERE id IN (
    SELECT id FROM questions WHERE topic = %(topic)s AND language = %(language)s AND tone = %(tone)s
    ORDER BY created_at DESC, id OFFSET %(others)s
);
INSERT INTO questions (language, topic, tone, key, digest, content, source)
SELECT %(language)s, %(topic)s, %(tone)s, key, digest, content, %(source)s
FROM jsonb_to_recordset(%(questions)s) AS q (key text, digest bigint, content text)
ON CONFLICT (topic, language, tone, key) DO UPDATE SET source = excluded.source
WHERE excluded.source = 'moderated' AND questions.source <> 'moderated'

-- name: question_remove
-- Take questions out of a stock, by their keys.
DELETE FROM questions
WHERE topic = %(topic)s AND language = %(language)s AND tone = %(tone)s AND key = ANY(%(keys)s)

-- name: question_seen
-- What these people have among the last `history` that each of them saw.
SELECT DISTINCT unnest(digests[greatest(cardinality(digests) - %(history)s, 0) + 1:])
FROM questions_seen WHERE user_id = ANY(%(people)s::uuid[])

-- name: question_claim_gap
-- Become the one who fills a stock, unless another is at it, or it is left to rest: then nobody is its claimant. Who lost
-- by a moment does not see the other's row yet, and is told that it is being filled.
WITH claimed AS (
    INSERT INTO question_gaps AS g (language, topic, tone, claimant, closed_until)
    VALUES (%(language)s, %(topic)s, %(tone)s, %(claimant)s, now_ms() + %(lease_ms)s)
    ON CONFLICT (topic, language, tone)
    DO UPDATE SET claimant = excluded.claimant, closed_until = excluded.closed_until
    WHERE g.closed_until <= now_ms()
    RETURNING claimant
)
SELECT CASE
    WHEN EXISTS (SELECT FROM claimed) THEN 'claimed'
    WHEN EXISTS (
        SELECT FROM question_gaps
        WHERE topic = %(topic)s AND language = %(language)s AND tone = %(tone)s
            AND claimant = '00000000-0000-0000-0000-000000000000'
    ) THEN 'resting'
    ELSE 'filling'
END

-- name: question_end_gap
-- End a claim, unless it ended by itself and another has one; nobody gets one for a while.
UPDATE question_gaps
SET claimant = '00000000-0000-0000-0000-000000000000', closed_until = now_ms() + %(rest_ms)s
WHERE topic = %(topic)s AND language = %(language)s AND tone = %(tone)s AND claimant = %(claimant)s

-- name: model_reserve
-- Reserve calls and tokens, if limits allow, of which 0 is none. The lock comes first, by a statement of its own: only
-- what is read after it sees what others have just reserved.
SELECT pg_advisory_xact_lock(7301226440258411);
WITH spent AS (
    SELECT now_ms() / 3600000 AS hour, coalesce(sum(calls), 0) AS calls_day, coalesce(sum(tokens), 0) AS tokens_day,
        coalesce(sum(calls) FILTER (WHERE hour = now_ms() / 3600000), 0) AS calls_hour,
        coalesce(sum(tokens) FILTER (WHERE hour = now_ms() / 3600000), 0) AS tokens_hour
    FROM model_spending WHERE hour > now_ms() / 3600000 - 24
), reserved AS (
    INSERT INTO model_spending AS m (hour, calls, tokens)
    SELECT hour, %(calls)s, %(tokens)s FROM spent
    WHERE calls_hour + %(calls)s <= coalesce(nullif(%(calls_per_hour)s, 0), 9e18)
        AND calls_day + %(calls)s <= coalesce(nullif(%(calls_per_day)s, 0), 9e18)
        AND tokens_hour + %(tokens)s <= coalesce(nullif(%(tokens_per_hour)s, 0), 9e18)
        AND tokens_day + %(tokens)s <= coalesce(nullif(%(tokens_per_day)s, 0), 9e18)
    ON CONFLICT (hour) DO UPDATE SET calls = m.calls + excluded.calls, tokens = m.tokens + excluded.tokens
    RETURNING hour
)
SELECT hour, (calls_hour + %(calls)s)::bigint, (calls_day + %(calls)s)::bigint, (tokens_hour + %(tokens)s)::bigint,
    (tokens_day + %(tokens)s)::bigint
FROM spent JOIN reserved USING (hour)

-- name: model_settle
-- Correct the tokens of an hour by what was used in truth; never to less than none.
UPDATE model_spending SET tokens = greatest(tokens + %(tokens)s, 0) WHERE hour = %(hour)s

-- name: model_spent
-- What was spent up to now.
SELECT now_ms() / 3600000,
    coalesce(sum(calls) FILTER (WHERE hour = now_ms() / 3600000), 0)::bigint, coalesce(sum(calls), 0)::bigint,
    coalesce(sum(tokens) FILTER (WHERE hour = now_ms() / 3600000), 0)::bigint, coalesce(sum(tokens), 0)::bigint
FROM model_spending WHERE hour > now_ms() / 3600000 - 24

-- name: retention_questions
-- Remove questions that are old, and the oldest of too many: each stock is bounded, their number is not.
DELETE FROM questions WHERE id IN (
    (
        SELECT id FROM questions WHERE created_at < (SELECT now_ms()) - %(keep_ms)s ORDER BY created_at LIMIT %(limit)s
    ) UNION ALL (
        SELECT id FROM questions ORDER BY created_at DESC OFFSET %(most)s LIMIT %(limit)s
    )
)

-- name: retention_gaps
-- Forget gaps that nobody has filled for an hour.
DELETE FROM question_gaps WHERE closed_until < (SELECT now_ms()) - 3600000

-- name: retention_spending
-- Forget what was spent more than two days ago.
DELETE FROM model_spending WHERE hour < (SELECT now_ms()) / 3600000 - 48
