-- Kinds of topics and objects as text: a new one needs no new schema. topic is
-- in the keys of its tables, where ALTER cannot change it, so each is written
-- anew beside the old one, which it then changes places with. Interrupted
-- anywhere, it begins again where the old table still counts.
--
-- "when" runs the next statement only where its query gives a 1.

-- when: SELECT count() FROM system.columns WHERE database = currentDatabase() AND table = 'records' AND name = 'topic' AND type LIKE 'Enum8%'
DROP TABLE IF EXISTS records_text SETTINGS max_table_size_to_drop = 0;

-- Bodies that could not be used are kept for 180 days.
-- when: SELECT count() FROM system.columns WHERE database = currentDatabase() AND table = 'records' AND name = 'topic' AND type LIKE 'Enum8%'
CREATE TABLE IF NOT EXISTS records_text
(
    topic     LowCardinality(String),
    partition Int32,
    epoch     UInt8,
    offset    Int64 CODEC(Delta, LZ4),
    object    LowCardinality(String),
    method    UInt8,
    version   UInt8,
    sender    LowCardinality(String),
    country   LowCardinality(String),
    party     LowCardinality(String),
    id        String,
    sub       String,
    received  DateTime64(9, 'UTC') CODEC(Delta, LZ4),
    hash      FixedString(32) CODEC(NONE),
    reason    String,
    body      String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY (topic, partition)
ORDER BY (topic, partition, epoch, offset)
TTL toDateTime(received) + INTERVAL 180 DAY DELETE WHERE topic = 'refused'
SETTINGS non_replicated_deduplication_window = 100, min_bytes_for_wide_part = 134217728;

-- when: SELECT count() FROM system.columns WHERE database = currentDatabase() AND table = 'records' AND name = 'topic' AND type LIKE 'Enum8%'
INSERT INTO records_text
SELECT toString(topic), partition, epoch, offset,
    transform(object, [1, 2, 3, 4, 5], ['cdr', 'session', 'tariff', 'location', 'token'], ''),
    method, version, sender, country, party, id, sub, received, hash, reason, body
FROM records
SETTINGS max_threads = 1, max_insert_threads = 1, max_block_size = 4096, insert_deduplicate = 0,
    min_insert_block_size_rows = 65536, min_insert_block_size_bytes = 67108864, max_partitions_per_insert_block = 0;

-- when: SELECT count() FROM system.columns WHERE database = currentDatabase() AND table = 'records' AND name = 'topic' AND type LIKE 'Enum8%'
EXCHANGE TABLES records AND records_text;

DROP TABLE IF EXISTS records_text SETTINGS max_table_size_to_drop = 0;

-- when: SELECT count() FROM system.columns WHERE database = currentDatabase() AND table = 'objects' AND name = 'topic' AND type LIKE 'Enum8%'
DROP TABLE IF EXISTS objects_text SETTINGS max_table_size_to_drop = 0;

-- when: SELECT count() FROM system.columns WHERE database = currentDatabase() AND table = 'objects' AND name = 'topic' AND type LIKE 'Enum8%'
CREATE TABLE IF NOT EXISTS objects_text
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
SETTINGS non_replicated_deduplication_window = 100, min_bytes_for_wide_part = 134217728;

-- when: SELECT count() FROM system.columns WHERE database = currentDatabase() AND table = 'objects' AND name = 'topic' AND type LIKE 'Enum8%'
INSERT INTO objects_text
SELECT toString(topic), transform(object, [1, 2, 3, 4, 5], ['cdr', 'session', 'tariff', 'location', 'token'], ''),
    country, party, id, sub, tariff_position, partition, epoch, offset, ver, version, sender, received, last_updated, deleted, zones, body
FROM objects
SETTINGS max_threads = 1, max_insert_threads = 1, max_block_size = 4096, insert_deduplicate = 0,
    min_insert_block_size_rows = 65536, min_insert_block_size_bytes = 67108864, max_partitions_per_insert_block = 0;

-- when: SELECT count() FROM system.columns WHERE database = currentDatabase() AND table = 'objects' AND name = 'topic' AND type LIKE 'Enum8%'
EXCHANGE TABLES objects AND objects_text;

DROP TABLE IF EXISTS objects_text SETTINGS max_table_size_to_drop = 0;

-- when: SELECT count() FROM system.columns WHERE database = currentDatabase() AND table = 'checkpoints' AND name = 'topic' AND type LIKE 'Enum8%'
DROP TABLE IF EXISTS checkpoints_text;

-- when: SELECT count() FROM system.columns WHERE database = currentDatabase() AND table = 'checkpoints' AND name = 'topic' AND type LIKE 'Enum8%'
CREATE TABLE IF NOT EXISTS checkpoints_text
(
    topic     LowCardinality(String),
    epoch     UInt8,
    partition Int32,
    next      Int64
)
ENGINE = ReplacingMergeTree(next)
ORDER BY (topic, epoch, partition);

-- when: SELECT count() FROM system.columns WHERE database = currentDatabase() AND table = 'checkpoints' AND name = 'topic' AND type LIKE 'Enum8%'
INSERT INTO checkpoints_text SELECT toString(topic), epoch, partition, next FROM checkpoints
SETTINGS insert_deduplicate = 0;

-- when: SELECT count() FROM system.columns WHERE database = currentDatabase() AND table = 'checkpoints' AND name = 'topic' AND type LIKE 'Enum8%'
EXCHANGE TABLES checkpoints AND checkpoints_text;

DROP TABLE IF EXISTS checkpoints_text;

-- Records of a bounded topic that the log let go of before they were stored:
-- nobody has them, and verify must know.
CREATE TABLE IF NOT EXISTS gaps
(
    topic     LowCardinality(String),
    epoch     UInt8,
    partition Int32,
    first     Int64,
    next      Int64
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, epoch, partition, first, next);
