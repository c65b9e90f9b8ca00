-- Which list of issuers a result rests on, by its digest, and what those lists say: so
-- that who pays for a contract whose id says whose it is can be proved.
ALTER TABLE results ADD COLUMN IF NOT EXISTS issuers LowCardinality(String);

ALTER TABLE repricings ADD COLUMN IF NOT EXISTS issuers LowCardinality(String);

ALTER TABLE corrections ADD COLUMN IF NOT EXISTS issuers LowCardinality(String);

ALTER TABLE repricing_progress ADD COLUMN IF NOT EXISTS issuers LowCardinality(String);

CREATE TABLE IF NOT EXISTS issuers
(
    digest String,
    list   String
)
ENGINE = ReplacingMergeTree
ORDER BY digest;
