-- Tables in the order in which they are asked for, so that a reading costs what
-- it asks for and not what has been stored in all: results by month, CDRs of
-- OCPI lists by party and last_updated, CDRs that came more than once in a
-- table of their own. No hash and no id is kept oftener than it is needed.
--
-- "windows" runs the next statement once for each run of offsets that its query
-- names: {topic}, {partition}, {epoch}, {from} and {to}. What is done is noted,
-- and not done again where a migration was interrupted. Until results has
-- changed places, everything is filled from the tables of before.

-- Processes of an older version write this table before they write what is
-- copied below: they can store nothing any more.
-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'copies'
RENAME TABLE copies TO copies_all;

-- All copies of those CDRs that came more than once, the first one among them.
-- conflict: another content than the first had when this was written; of the
-- copies of an identity in conflict, one at least says so. The eMSP is that of
-- the CDR, to list by.
CREATE TABLE IF NOT EXISTS duplicates
(
    country      LowCardinality(String),
    party        LowCardinality(String),
    id           String CODEC(ZSTD(1)),
    partition    Int32,
    epoch        UInt8,
    offset       Int64,
    ver          UInt64,
    hash         FixedString(32) CODEC(NONE),
    sender       LowCardinality(String),
    received     DateTime64(9, 'UTC'),
    emsp_country LowCardinality(String),
    emsp_party   LowCardinality(String),
    conflict     UInt8
)
ENGINE = ReplacingMergeTree(ver)
PARTITION BY partition
ORDER BY (country, party, id, epoch, offset)
SETTINGS non_replicated_deduplication_window = 100, min_bytes_for_wide_part = 134217728, index_granularity = 1024;

-- OCPI Sender lists: a row for the eMSP and one for the CPO of each CDR. gone
-- takes a row back where another one stands for the CDR now.
CREATE TABLE IF NOT EXISTS sender_lists
(
    country      LowCardinality(String),
    party        LowCardinality(String),
    creditor     UInt8,
    last_updated DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    partition    Int32,
    epoch        UInt8,
    offset       Int64 CODEC(T64, LZ4),
    received     DateTime64(9, 'UTC') CODEC(T64, ZSTD(1)),
    ver          UInt64 CODEC(T64, LZ4),
    gone         UInt8
)
ENGINE = ReplacingMergeTree(ver)
PARTITION BY partition
ORDER BY (country, party, creditor, last_updated, epoch, offset)
SETTINGS non_replicated_deduplication_window = 100, min_bytes_for_wide_part = 134217728;

-- Which record stands for an identity, and by what its rows in results and
-- sender_lists are found. months are those that results may have rows of it in,
-- first the one it is booked in; earlier is what it stood for before, as JSON:
-- of all but the few that have moved, one month and nothing.
-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'results' AND sorting_key = 'country, party, id'
CREATE TABLE IF NOT EXISTS cdrs_placed
(
    country      LowCardinality(String),
    party        LowCardinality(String),
    id           String CODEC(ZSTD(1)),
    partition    Int32,
    epoch        UInt8,
    offset       Int64 CODEC(T64, LZ4),
    ver          UInt64 CODEC(T64, LZ4),
    months       Array(UInt32),
    emsp_country LowCardinality(String),
    emsp_party   LowCardinality(String),
    last_updated DateTime64(9, 'UTC') CODEC(T64, ZSTD(1)),
    earlier      String
)
ENGINE = ReplacingMergeTree(ver)
PARTITION BY partition
ORDER BY (country, party, id)
SETTINGS non_replicated_deduplication_window = 100, min_bytes_for_wide_part = 134217728, index_granularity = 1024;

-- One row per CDR: what it is and what it came to, in the order of months and
-- of the log. Within one position a later re-pricing wins, and within one
-- re-pricing priced wins over rejected. Where a CDR stood before it came to be
-- booked in another month, or before an earlier copy of it was stored, a row
-- marked elsewhere takes its place: whatever reads results FINAL leaves those
-- out. id_sent is "" where the id was sent as it is folded, and one NUL where it
-- was sent in lower case.
-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'results' AND sorting_key = 'country, party, id'
CREATE TABLE IF NOT EXISTS results_placed AS results
ENGINE = ReplacingMergeTree(ver)
PARTITION BY partition
ORDER BY (month, epoch, offset)
SETTINGS non_replicated_deduplication_window = 100, min_bytes_for_wide_part = 134217728, index_granularity = 1024;

-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'results' AND sorting_key = 'country, party, id'
ALTER TABLE results_placed
    MODIFY COLUMN id String CODEC(ZSTD(1)),
    MODIFY COLUMN ver UInt64 CODEC(Delta, LZ4),
    ADD COLUMN IF NOT EXISTS id_sent String,
    ADD COLUMN IF NOT EXISTS received DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS start DateTime64(9, 'UTC') CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS end DateTime64(9, 'UTC') CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS last_updated DateTime64(9, 'UTC') CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS credit_of String,
    ADD COLUMN IF NOT EXISTS session_id String CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS location_id String,
    ADD COLUMN IF NOT EXISTS energy_kwh Nullable(Decimal(38, 12)),
    ADD COLUMN IF NOT EXISTS elsewhere UInt8;

ALTER TABLE repricings
    ADD COLUMN IF NOT EXISTS id_sent String,
    ADD COLUMN IF NOT EXISTS received DateTime64(9, 'UTC'),
    ADD COLUMN IF NOT EXISTS start DateTime64(9, 'UTC'),
    ADD COLUMN IF NOT EXISTS end DateTime64(9, 'UTC'),
    ADD COLUMN IF NOT EXISTS last_updated DateTime64(9, 'UTC'),
    ADD COLUMN IF NOT EXISTS credit_of String,
    ADD COLUMN IF NOT EXISTS session_id String,
    ADD COLUMN IF NOT EXISTS location_id String,
    ADD COLUMN IF NOT EXISTS energy_kwh Nullable(Decimal(38, 12));

ALTER TABLE corrections
    ADD COLUMN IF NOT EXISTS id_sent String,
    ADD COLUMN IF NOT EXISTS received DateTime64(9, 'UTC'),
    ADD COLUMN IF NOT EXISTS start DateTime64(9, 'UTC'),
    ADD COLUMN IF NOT EXISTS end DateTime64(9, 'UTC'),
    ADD COLUMN IF NOT EXISTS last_updated DateTime64(9, 'UTC'),
    ADD COLUMN IF NOT EXISTS credit_of String,
    ADD COLUMN IF NOT EXISTS session_id String,
    ADD COLUMN IF NOT EXISTS location_id String,
    ADD COLUMN IF NOT EXISTS energy_kwh Nullable(Decimal(38, 12));

-- A record is read alone oftener than with its neighbours: of 3 KB bodies, 128
-- are decompressed for one.
-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'results' AND sorting_key = 'country, party, id'
CREATE TABLE IF NOT EXISTS records_placed AS records
ENGINE = ReplacingMergeTree
PARTITION BY (topic, partition)
ORDER BY (topic, partition, epoch, offset)
TTL toDateTime(received) + INTERVAL 180 DAY DELETE WHERE topic = 'refused'
SETTINGS non_replicated_deduplication_window = 100, min_bytes_for_wide_part = 134217728, index_granularity = 128;

-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'results' AND sorting_key = 'country, party, id'
ALTER TABLE records_placed MODIFY COLUMN id String CODEC(ZSTD(1));

-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'results' AND sorting_key = 'country, party, id'
-- windows: SELECT 'cdrs', partition, epoch, min(offset), max(offset) + 1 FROM cdrs GROUP BY partition, epoch ORDER BY partition, epoch
INSERT INTO results_placed
SELECT r.*, multiIf(c.id_sent = r.id, '', c.id_sent = lower(r.id), '\0', c.id_sent), c.received, c.start, c.end, c.last_updated,
    c.credit_of, c.session_id, c.location_id, c.energy_kwh, 0
FROM (SELECT * FROM results FINAL WHERE partition = {partition} AND epoch = {epoch} AND offset >= {from} AND offset < {to}) AS r
LEFT JOIN (
    SELECT offset, id_sent, received, start, end, last_updated, credit_of, session_id, location_id, energy_kwh
    FROM cdrs FINAL WHERE partition = {partition} AND epoch = {epoch} AND offset >= {from} AND offset < {to}
) AS c ON r.offset = c.offset
SETTINGS max_threads = 1, max_insert_threads = 1, max_block_size = 4096, insert_deduplicate = 0,
    min_insert_block_size_rows = 65536, min_insert_block_size_bytes = 67108864, max_partitions_per_insert_block = 0;

-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'results' AND sorting_key = 'country, party, id'
-- windows: SELECT 'cdrs', partition, epoch, min(offset), max(offset) + 1 FROM cdrs GROUP BY partition, epoch ORDER BY partition, epoch
INSERT INTO cdrs_placed
SELECT c.country, c.party, c.id, c.partition, c.epoch, c.offset, c.ver, arrayDistinct([r.month, c.month]), c.emsp_country, c.emsp_party, c.last_updated, ''
FROM (
    SELECT country, party, id, partition, epoch, offset, ver, month, emsp_country, emsp_party, last_updated
    FROM cdrs FINAL WHERE partition = {partition} AND epoch = {epoch} AND offset >= {from} AND offset < {to}
) AS c
INNER JOIN (
    SELECT offset, month FROM results_placed FINAL WHERE partition = {partition} AND epoch = {epoch} AND offset >= {from} AND offset < {to}
) AS r ON c.offset = r.offset
SETTINGS insert_deduplicate = 0, max_partitions_per_insert_block = 0;

-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'results' AND sorting_key = 'country, party, id'
-- windows: SELECT 'cdrs', partition, epoch, min(offset), max(offset) + 1 FROM cdrs GROUP BY partition, epoch ORDER BY partition, epoch
INSERT INTO sender_lists
SELECT if(creditor, cpo_country, emsp_country), if(creditor, cpo_party, emsp_party), creditor, last_updated, partition, epoch, offset, received, ver, 0
FROM (
    SELECT cpo_country, cpo_party, emsp_country, emsp_party, last_updated, partition, epoch, offset, received, ver
    FROM cdrs FINAL WHERE partition = {partition} AND epoch = {epoch} AND offset >= {from} AND offset < {to}
)
ARRAY JOIN [toUInt8(0), toUInt8(1)] AS creditor
WHERE creditor OR emsp_country != '' OR emsp_party != ''
SETTINGS insert_deduplicate = 0, max_partitions_per_insert_block = 0;

CREATE TABLE IF NOT EXISTS duplicates_keys
(
    country LowCardinality(String),
    party   LowCardinality(String),
    id      String
)
ENGINE = ReplacingMergeTree
ORDER BY (country, party, id);

-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'copies_all'
-- windows: SELECT 'cdrs', partition, toUInt8(0), toInt64(0), toInt64(1) FROM copies_all GROUP BY partition ORDER BY partition
INSERT INTO duplicates_keys
SELECT country, party, id FROM copies_all WHERE partition = {partition} GROUP BY country, party, id HAVING count() > 1
SETTINGS optimize_aggregation_in_order = 1, insert_deduplicate = 0;

-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'results' AND sorting_key = 'country, party, id'
-- windows: SELECT 'cdrs', partition, toUInt8(0), toInt64(0), toInt64(1) FROM copies_all GROUP BY partition ORDER BY partition
INSERT INTO duplicates
SELECT k.country, k.party, k.id, k.partition, k.epoch, k.offset, 0, k.hash, k.sender, k.received, c.emsp_country, c.emsp_party, k.hash != k.first
FROM (
    SELECT *, argMin(hash, (epoch, offset)) OVER (PARTITION BY country, party, id) AS first, count() OVER (PARTITION BY country, party, id) AS n
    FROM (SELECT * FROM copies_all FINAL WHERE partition = {partition} AND (country, party, id) IN (SELECT country, party, id FROM duplicates_keys))
) AS k
INNER JOIN (
    SELECT country, party, id, emsp_country, emsp_party FROM cdrs FINAL
    WHERE partition = {partition} AND (country, party, id) IN (SELECT country, party, id FROM duplicates_keys)
) AS c ON k.country = c.country AND k.party = c.party AND k.id = c.id
WHERE k.n > 1
SETTINGS insert_deduplicate = 0, max_partitions_per_insert_block = 0;

DROP TABLE IF EXISTS duplicates_keys;

-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'results' AND sorting_key = 'country, party, id'
-- windows: SELECT topic, partition, epoch, min(offset), max(offset) + 1 FROM records GROUP BY topic, partition, epoch ORDER BY topic, partition, epoch
INSERT INTO records_placed
SELECT * FROM records WHERE topic = {topic} AND partition = {partition} AND epoch = {epoch} AND offset >= {from} AND offset < {to}
SETTINGS max_threads = 1, max_insert_threads = 1, max_block_size = 4096, insert_deduplicate = 0,
    min_insert_block_size_rows = 65536, min_insert_block_size_bytes = 67108864, max_partitions_per_insert_block = 0;

DROP VIEW IF EXISTS credits_of_cdrs;

-- when: SELECT count() FROM system.columns WHERE database = currentDatabase() AND table = 'cdrs' AND name = 'id_sent'
EXCHANGE TABLES cdrs AND cdrs_placed;

-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'records' AND create_table_query NOT LIKE '%index_granularity = 128%'
EXCHANGE TABLES records AND records_placed;

-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'results' AND sorting_key = 'country, party, id'
EXCHANGE TABLES results AND results_placed;

CREATE MATERIALIZED VIEW IF NOT EXISTS credits_of_results TO credits AS
SELECT country, party, credit_of, id, partition, epoch, offset FROM results WHERE credit = 1;

DROP TABLE IF EXISTS cdrs_placed SETTINGS max_table_size_to_drop = 0;

DROP TABLE IF EXISTS records_placed SETTINGS max_table_size_to_drop = 0;

DROP TABLE IF EXISTS results_placed SETTINGS max_table_size_to_drop = 0;

DROP TABLE IF EXISTS copies_all SETTINGS max_table_size_to_drop = 0;
