-- Which blocks of objects have an id: those of the key are in order, but each part that is
-- not merged yet would be read at a block where the id is not.
ALTER TABLE objects ADD INDEX IF NOT EXISTS ids id TYPE bloom_filter(0.001) GRANULARITY 1;

ALTER TABLE objects MATERIALIZE INDEX ids;
