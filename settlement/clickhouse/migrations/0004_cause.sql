-- Why a partner's claim differs from what we computed: in one word to list and
-- count by, and as JSON (pricing.Reconciliation) to read.
ALTER TABLE results ADD COLUMN IF NOT EXISTS cause LowCardinality(String);

ALTER TABLE results ADD COLUMN IF NOT EXISTS reconciliation String CODEC(ZSTD(1));

ALTER TABLE repricings ADD COLUMN IF NOT EXISTS cause LowCardinality(String);

ALTER TABLE repricings ADD COLUMN IF NOT EXISTS reconciliation String CODEC(ZSTD(1));

ALTER TABLE corrections ADD COLUMN IF NOT EXISTS cause LowCardinality(String);

ALTER TABLE corrections ADD COLUMN IF NOT EXISTS reconciliation String CODEC(ZSTD(1));
