-- What rules of settlement and lines of statements read of a CDR, as it says it: seconds
-- of its time and of its parking, the greatest power it tells of in watts, what the
-- connector gives, the EVSE's id of eMI3 and the connector's, the country by its alpha-3
-- code, hashes of the token, the EVSE, the start and the end, and of the connector, and
-- whether it ends after it came. NULL, '' and 0 are not known. doubt says whether
-- something serious is wrong with the tariffs it was priced with. All but doubt follow
-- from the record.
ALTER TABLE results
    ADD COLUMN IF NOT EXISTS doubt Enum8('unknown' = 0, 'no' = 1, 'yes' = 2),
    ADD COLUMN IF NOT EXISTS duration_s Nullable(Int64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS parking_s Nullable(Int64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS peak_watts Nullable(Int64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS supply Enum8('unknown' = 0, 'AC' = 1, 'DC' = 2),
    ADD COLUMN IF NOT EXISTS evse_id String CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS connector_id String CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS charge_country LowCardinality(String),
    ADD COLUMN IF NOT EXISTS charge_hash UInt64 CODEC(NONE),
    ADD COLUMN IF NOT EXISTS connector_hash UInt64 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS in_future UInt8;

ALTER TABLE repricings
    ADD COLUMN IF NOT EXISTS doubt Enum8('unknown' = 0, 'no' = 1, 'yes' = 2),
    ADD COLUMN IF NOT EXISTS duration_s Nullable(Int64),
    ADD COLUMN IF NOT EXISTS parking_s Nullable(Int64),
    ADD COLUMN IF NOT EXISTS peak_watts Nullable(Int64),
    ADD COLUMN IF NOT EXISTS supply Enum8('unknown' = 0, 'AC' = 1, 'DC' = 2),
    ADD COLUMN IF NOT EXISTS evse_id String,
    ADD COLUMN IF NOT EXISTS connector_id String,
    ADD COLUMN IF NOT EXISTS charge_country LowCardinality(String),
    ADD COLUMN IF NOT EXISTS charge_hash UInt64,
    ADD COLUMN IF NOT EXISTS connector_hash UInt64,
    ADD COLUMN IF NOT EXISTS in_future UInt8;

ALTER TABLE corrections
    ADD COLUMN IF NOT EXISTS doubt Enum8('unknown' = 0, 'no' = 1, 'yes' = 2),
    ADD COLUMN IF NOT EXISTS duration_s Nullable(Int64),
    ADD COLUMN IF NOT EXISTS parking_s Nullable(Int64),
    ADD COLUMN IF NOT EXISTS peak_watts Nullable(Int64),
    ADD COLUMN IF NOT EXISTS supply Enum8('unknown' = 0, 'AC' = 1, 'DC' = 2),
    ADD COLUMN IF NOT EXISTS evse_id String,
    ADD COLUMN IF NOT EXISTS connector_id String,
    ADD COLUMN IF NOT EXISTS charge_country LowCardinality(String),
    ADD COLUMN IF NOT EXISTS charge_hash UInt64,
    ADD COLUMN IF NOT EXISTS connector_hash UInt64,
    ADD COLUMN IF NOT EXISTS in_future UInt8;

-- What the records of before say, beside the rows that it is put into. doubt is that of
-- the tariffs which a CDR carries.
CREATE TABLE IF NOT EXISTS measured
(
    partition      Int32,
    epoch          UInt8,
    offset         Int64,
    doubt          Enum8('unknown' = 0, 'no' = 1, 'yes' = 2),
    duration_s     Nullable(Int64),
    parking_s      Nullable(Int64),
    peak_watts     Nullable(Int64),
    supply         Enum8('unknown' = 0, 'AC' = 1, 'DC' = 2),
    evse_id        String,
    connector_id   String,
    charge_country LowCardinality(String),
    charge_hash    UInt64,
    connector_hash UInt64,
    in_future      UInt8
)
ENGINE = ReplacingMergeTree
ORDER BY (partition, epoch, offset);

-- windows: SELECT 'cdrs', partition, epoch, min(offset), max(offset) + 1 FROM records WHERE topic = 'cdrs' GROUP BY partition, epoch ORDER BY partition, epoch
-- do: measure CDRs
SELECT 1;

-- A row that is written again with its version takes the place of the one that stands.
-- Of a tariff that the CDR does not carry it stays unknown whether it is doubtful, until
-- the CDR is priced again.
-- windows: SELECT 'cdrs', partition, epoch, min(offset), max(offset) + 1 FROM measured GROUP BY partition, epoch ORDER BY partition, epoch
INSERT INTO results
SELECT r.* REPLACE (if(r.tariff_hash != '' AND (r.tariff_source = 'cdr' OR m.doubt = 'yes'), m.doubt, 'unknown') AS doubt,
    m.duration_s AS duration_s, m.parking_s AS parking_s, m.peak_watts AS peak_watts, m.supply AS supply, m.evse_id AS evse_id, m.connector_id AS connector_id,
    m.charge_country AS charge_country, m.charge_hash AS charge_hash, m.connector_hash AS connector_hash, m.in_future AS in_future)
FROM (SELECT * FROM results FINAL WHERE NOT elsewhere AND partition = {partition} AND epoch = {epoch} AND offset >= {from} AND offset < {to}) AS r
INNER JOIN (SELECT * FROM measured FINAL WHERE partition = {partition} AND epoch = {epoch} AND offset >= {from} AND offset < {to}) AS m ON r.offset = m.offset
SETTINGS max_threads = 1, max_insert_threads = 1, max_block_size = 4096, insert_deduplicate = 0,
    min_insert_block_size_rows = 65536, min_insert_block_size_bytes = 67108864, max_partitions_per_insert_block = 0;

-- windows: SELECT 'cdrs', partition, epoch, min(offset), max(offset) + 1 FROM repricings GROUP BY partition, epoch ORDER BY partition, epoch
INSERT INTO repricings
SELECT r.* REPLACE (if(r.tariff_hash != '' AND (r.tariff_source = 'cdr' OR m.doubt = 'yes'), m.doubt, 'unknown') AS doubt,
    m.duration_s AS duration_s, m.parking_s AS parking_s, m.peak_watts AS peak_watts, m.supply AS supply, m.evse_id AS evse_id, m.connector_id AS connector_id,
    m.charge_country AS charge_country, m.charge_hash AS charge_hash, m.connector_hash AS connector_hash, m.in_future AS in_future)
FROM (SELECT * FROM repricings FINAL WHERE partition = {partition} AND epoch = {epoch} AND offset >= {from} AND offset < {to}) AS r
INNER JOIN (SELECT * FROM measured FINAL WHERE partition = {partition} AND epoch = {epoch} AND offset >= {from} AND offset < {to}) AS m ON r.offset = m.offset
SETTINGS max_threads = 1, max_insert_threads = 1, max_block_size = 4096, insert_deduplicate = 0, max_partitions_per_insert_block = 0;

-- windows: SELECT 'cdrs', partition, epoch, min(offset), max(offset) + 1 FROM corrections GROUP BY partition, epoch ORDER BY partition, epoch
INSERT INTO corrections
SELECT r.* REPLACE (if(r.tariff_hash != '' AND (r.tariff_source = 'cdr' OR m.doubt = 'yes'), m.doubt, 'unknown') AS doubt,
    m.duration_s AS duration_s, m.parking_s AS parking_s, m.peak_watts AS peak_watts, m.supply AS supply, m.evse_id AS evse_id, m.connector_id AS connector_id,
    m.charge_country AS charge_country, m.charge_hash AS charge_hash, m.connector_hash AS connector_hash, m.in_future AS in_future)
FROM (SELECT * FROM corrections FINAL WHERE partition = {partition} AND epoch = {epoch} AND offset >= {from} AND offset < {to}) AS r
INNER JOIN (SELECT * FROM measured FINAL WHERE partition = {partition} AND epoch = {epoch} AND offset >= {from} AND offset < {to}) AS m ON r.offset = m.offset
SETTINGS max_threads = 1, max_insert_threads = 1, max_block_size = 4096, insert_deduplicate = 0, max_partitions_per_insert_block = 0;

DROP TABLE IF EXISTS measured SETTINGS max_table_size_to_drop = 0;
