-- An index that nothing asks.
--
-- What became of a command is told by the log of its room, which the owner has in memory; rows were never looked up by
-- user and command. But each row wrote to a page of this index that few others shared: a fifth of what a commit of many
-- rooms cost, and most of what it wrote after a checkpoint, when a page goes whole into the write-ahead log.

-- Commits queue behind this while it waits for a reader of the table, such as a backup: then rather try again later.
-- An autovacuum gives way after a second.
SET LOCAL lock_timeout = '3s';

DROP INDEX IF EXISTS room_events_command;
