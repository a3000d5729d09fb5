-- What several nodes must know of each other: which release each is of, and which of them are leaving.

ALTER TABLE nodes
    ADD COLUMN release text NOT NULL DEFAULT '',
    ADD COLUMN is_draining boolean NOT NULL DEFAULT false,
    ADD COLUMN drain_wanted boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN nodes.release IS 'Version of votegame that the node runs; empty for one from before this column';
COMMENT ON COLUMN nodes.is_draining IS 'Whether the node is leaving: no room is handed over to it';
COMMENT ON COLUMN nodes.drain_wanted IS 'Whether an operator asked the node to leave; it sees that when it renews its lease';
