-- Results of re-pricings that came after their month was closed: what would
-- count in results had the month been open. results keeps what was closed; the
-- difference between old_ and new computed amounts stands in the settlement
-- report of month lands. One row per CDR and re-pricing, the highest ver is
-- what the next re-pricing compares with. Columns added to results are added
-- to repricings and here as well.
CREATE TABLE IF NOT EXISTS corrections AS repricings
ENGINE = ReplacingMergeTree
PARTITION BY partition
ORDER BY (country, party, id, ver)
SETTINGS non_replicated_deduplication_window = 100, min_bytes_for_wide_part = 134217728;

ALTER TABLE corrections ADD COLUMN IF NOT EXISTS lands UInt32;
