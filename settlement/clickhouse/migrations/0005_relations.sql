-- How CDRs stand to each other: which CDR a credit cancels, and what is wrong
-- between the two.

-- Which CDRs credits name, in the order of what they name: what a pass looks
-- credits of a CDR up by. Every copy has a row, so a row only ever causes work:
-- what counts is read from cdrs and results. A view fills it, so that a process
-- of an older version that still writes cdrs cannot leave it behind.
CREATE TABLE IF NOT EXISTS credits
(
    country   LowCardinality(String),
    party     LowCardinality(String),
    credit_of String,
    id        String,
    partition Int32,
    epoch     UInt8,
    offset    Int64
)
ENGINE = ReplacingMergeTree
ORDER BY (country, party, credit_of, id, partition, epoch, offset)
SETTINGS non_replicated_deduplication_window = 100;

CREATE MATERIALIZED VIEW IF NOT EXISTS credits_of_cdrs TO credits AS
SELECT country, party, credit_of, id, partition, epoch, offset FROM cdrs WHERE credit = 1;

INSERT INTO credits SELECT country, party, credit_of, id, partition, epoch, offset FROM cdrs WHERE credit = 1;

-- One row per pair of CDRs and kind of relation, active while it holds. ver
-- grows with the ends of the log that the relation was found at. month and eMSP
-- are those of the first CDR, to list by; its party is its CPO.
CREATE TABLE IF NOT EXISTS relations
(
    kind          LowCardinality(String),
    month         UInt32,
    country       LowCardinality(String),
    party         LowCardinality(String),
    id            String,
    other_country LowCardinality(String),
    other_party   LowCardinality(String),
    other_id      String,
    emsp_country  LowCardinality(String),
    emsp_party    LowCardinality(String),
    active        UInt8,
    ver           UInt64,
    cpo_country   LowCardinality(String) ALIAS country,
    cpo_party     LowCardinality(String) ALIAS party
)
ENGINE = ReplacingMergeTree(ver)
ORDER BY (kind, month, country, party, id, other_country, other_party, other_id)
SETTINGS non_replicated_deduplication_window = 100;

-- How far each partition of CDRs has been looked at for relations: written
-- after them. The highest row counts; none is the beginning, so that a store
-- from before there were relations gets those of all its CDRs.
CREATE TABLE IF NOT EXISTS relation_progress
(
    partition Int32,
    epoch     UInt8,
    next      Int64
)
ENGINE = ReplacingMergeTree(next)
ORDER BY (partition, epoch);
