-- When it was found who pays for a Session, by a record of its own; 1970 where the
-- Session, or the record that brought it, said so.
ALTER TABLE objects ADD COLUMN IF NOT EXISTS named DateTime64(9, 'UTC') CODEC(T64, ZSTD(1));

-- When what a list says of a Session came to it, 1970 for other objects. Rows of before
-- have what comes near: a Session is told of soon after it changed.
ALTER TABLE object_lists
    ADD COLUMN IF NOT EXISTS received DateTime64(9, 'UTC')
        DEFAULT if(object = 'session', greatest(created, last_updated), toDateTime64(0, 9, 'UTC')) CODEC(T64, ZSTD(1)),
    ADD INDEX IF NOT EXISTS received received TYPE minmax GRANULARITY 1;

ALTER TABLE object_lists MATERIALIZE COLUMN received;

ALTER TABLE object_lists MATERIALIZE INDEX received;
