-- Which results re-pricings that were applied replaced: a row a CDR, in the order of runs
-- and keys, since that is how the digest that the control log has of a run is made. Rows
-- of a run count once a record of the control log names it; the rows of one that died
-- before are deleted by the next one. control is the offset that the run was priced by,
-- old_ver and ver name the two results, old_content and content are digests of what a
-- report or a partner sees of them.
CREATE TABLE IF NOT EXISTS applied
(
    run         UInt64,
    control     Int64,
    country     LowCardinality(String),
    party       LowCardinality(String),
    id          String CODEC(ZSTD(1)),
    partition   Int32,
    epoch       UInt8,
    offset      Int64 CODEC(T64, ZSTD(1)),
    old_ver     UInt64 CODEC(T64, ZSTD(1)),
    ver         UInt64 CODEC(T64, ZSTD(1)),
    old_content UInt64 CODEC(NONE),
    content     UInt64 CODEC(NONE)
)
ENGINE = ReplacingMergeTree
ORDER BY (run, country, party, id);
