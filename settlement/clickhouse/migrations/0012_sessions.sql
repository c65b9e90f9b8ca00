-- Which CDRs are of which Session, by a hash of the two: what a pass looks for
-- Sessions that are billed twice by. Every copy has a row, so a row only ever
-- causes work: what counts is read from results. A view fills it, so that a process
-- of an older version that still writes them cannot leave it behind. Parts keep
-- to a range of offsets, so that what is new is found without reading all.
CREATE TABLE IF NOT EXISTS session_cdrs
(
    session   UInt64 CODEC(NONE),
    partition Int32,
    epoch     UInt8,
    offset    Int64 CODEC(Delta, LZ4)
)
ENGINE = ReplacingMergeTree
PARTITION BY intDiv(offset, 1048576)
ORDER BY (session, partition, epoch, offset)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 100;

CREATE MATERIALIZED VIEW IF NOT EXISTS sessions_of_results TO session_cdrs AS
SELECT reinterpretAsUInt64(substring(MD5(concat(country, '*', party, '*', session_id)), 1, 8)) AS session, partition, epoch, offset
FROM results WHERE credit = 0 AND session_id != '';

INSERT INTO session_cdrs
SELECT reinterpretAsUInt64(substring(MD5(concat(country, '*', party, '*', session_id)), 1, 8)) AS session, partition, epoch, offset
FROM results WHERE credit = 0 AND session_id != ''
SETTINGS max_partitions_per_insert_block = 0;

-- The pass begins anew: it finds the same of credits, and Sessions beside them.
TRUNCATE TABLE relation_progress;
