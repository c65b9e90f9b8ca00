-- Which windows of last_updated in its list of CDRs an eMSP has read to their end: one
-- row a party, of the beginnings and ends of what they cover together, as Unix
-- nanoseconds.
CREATE TABLE IF NOT EXISTS list_reads
(
    country LowCardinality(String),
    party   LowCardinality(String),
    since   Array(Int64),
    until   Array(Int64),
    noted   Int64
)
ENGINE = ReplacingMergeTree(noted)
ORDER BY (country, party);

-- CDRs that came with a last_updated in one of them.
CREATE TABLE IF NOT EXISTS late_cdrs
(
    country   LowCardinality(String),
    party     LowCardinality(String),
    partition Int32,
    epoch     UInt8,
    offset    Int64,
    received  DateTime64(9, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (country, party, partition, epoch, offset);
