-- Which copy of a CDR a person chose to count: of an act "adopt" its record, in the
-- partition of the CDR; -1 is none.
ALTER TABLE decisions
    ADD COLUMN IF NOT EXISTS copy_epoch UInt8,
    ADD COLUMN IF NOT EXISTS copy_offset Int64 DEFAULT -1;

-- How far such decisions, and those that take them back, are carried out: the last one of a
-- CDR after which its lists, its result and its relations are those of the copy that is to
-- count.
CREATE TABLE IF NOT EXISTS adopted
(
    country   LowCardinality(String),
    party     LowCardinality(String),
    id        String,
    partition Int32,
    control   Int64
)
ENGINE = ReplacingMergeTree(control)
ORDER BY (country, party, id);
