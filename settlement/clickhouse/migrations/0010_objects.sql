-- Objects are looked up one by one, of many thousands: a granule of 8,192 rows
-- with their bodies is 10 MB to read for one of them. Written anew with small
-- ones beside the old table, which it then changes places with. Interrupted
-- anywhere, it begins again where the old table still counts.
--
-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'objects' AND engine_full NOT LIKE '%index_granularity = 256,%'
DROP TABLE IF EXISTS objects_small SETTINGS max_table_size_to_drop = 0;

-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'objects' AND engine_full NOT LIKE '%index_granularity = 256,%'
CREATE TABLE IF NOT EXISTS objects_small
(
    topic           LowCardinality(String),
    object          LowCardinality(String),
    country         LowCardinality(String),
    party           LowCardinality(String),
    id              String,
    sub             String,
    tariff_position UInt64,
    partition       Int32,
    epoch           UInt8,
    offset          Int64 CODEC(Delta, LZ4),
    ver             UInt64,
    version         UInt8,
    sender          LowCardinality(String),
    received        DateTime64(9, 'UTC'),
    last_updated    DateTime64(9, 'UTC'),
    deleted         UInt8,
    zones           String,
    body            String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(ver)
PARTITION BY (topic, partition)
ORDER BY (object, country, party, id, sub, tariff_position)
SETTINGS index_granularity = 256, index_granularity_bytes = 131072,
    non_replicated_deduplication_window = 100, min_bytes_for_wide_part = 134217728;

-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'objects' AND engine_full NOT LIKE '%index_granularity = 256,%'
INSERT INTO objects_small
SELECT topic, object, country, party, id, sub, tariff_position, partition, epoch, offset, ver, version, sender, received, last_updated, deleted, zones, body
FROM objects
SETTINGS max_threads = 1, max_insert_threads = 1, max_block_size = 4096, insert_deduplicate = 0,
    min_insert_block_size_rows = 65536, min_insert_block_size_bytes = 67108864, max_partitions_per_insert_block = 0;

-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'objects' AND engine_full NOT LIKE '%index_granularity = 256,%'
EXCHANGE TABLES objects AND objects_small;

DROP TABLE IF EXISTS objects_small SETTINGS max_table_size_to_drop = 0;
