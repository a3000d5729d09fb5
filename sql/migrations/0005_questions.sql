-- The stock of questions that a model made: by tone, too, drawn at random, and shared by all nodes.
--
-- No release has written to `questions` before this one. A node of the release before never looks at it.

ALTER TABLE questions
    ADD COLUMN tone text NOT NULL DEFAULT 'default',
    ADD COLUMN digest bigint NOT NULL DEFAULT 0,
    ADD COLUMN place double precision NOT NULL DEFAULT random(),
    ALTER COLUMN id SET DEFAULT gen_random_uuid(),
    ALTER COLUMN created_at SET DEFAULT now_ms(),
    DROP CONSTRAINT questions_language_topic_key_key;

COMMENT ON COLUMN questions.topic IS 'In the normal form in which topics share a stock; empty for anything';
COMMENT ON COLUMN questions.tone IS 'How daring it may be at most: family, default or spicy';
COMMENT ON COLUMN questions.digest IS 'Short for the key, as in questions_seen';
COMMENT ON COLUMN questions.place IS 'Where it stands in an order by chance: drawing begins anywhere in it, and reads a few rows';

CREATE UNIQUE INDEX questions_key ON questions (topic, language, tone, key);
CREATE INDEX questions_draw ON questions (topic, language, tone, place);
-- Retention: the oldest.
CREATE INDEX questions_created ON questions (created_at);

-- One row for each user, rewritten at each round; what he has seen goes with him.
CREATE TABLE questions_seen (
    user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    digests bigint[] NOT NULL
) WITH (fillfactor = 50);

COMMENT ON TABLE questions_seen IS 'Which questions a user has been asked: digests of their keys, the last ones last';

CREATE TABLE question_gaps (
    language text NOT NULL,
    topic text NOT NULL,
    tone text NOT NULL,
    claimant uuid NOT NULL,
    closed_until bigint NOT NULL,
    PRIMARY KEY (topic, language, tone)
);

COMMENT ON TABLE question_gaps IS 'Stocks that are being filled, or were a moment ago';
COMMENT ON COLUMN question_gaps.claimant IS 'Who alone may fill it until `closed_until`';
COMMENT ON COLUMN question_gaps.closed_until IS 'When somebody may fill it again: the end of a lease, or of a rest';

CREATE TABLE model_spending (
    hour bigint PRIMARY KEY,
    calls bigint NOT NULL,
    tokens bigint NOT NULL
);

COMMENT ON TABLE model_spending IS 'What all nodes have spent on a model in each hour since the Unix epoch';
COMMENT ON COLUMN model_spending.tokens IS 'Those that the provider counted, and those reserved for calls under way';
