-- What the connector of a charge could give when it began, in watts, by its Location as the
-- result's reference offset has it; NULL: not known, as in all rows of before.
ALTER TABLE results ADD COLUMN IF NOT EXISTS connector_watts Nullable(Int64) CODEC(T64, ZSTD(1));

ALTER TABLE repricings ADD COLUMN IF NOT EXISTS connector_watts Nullable(Int64);
