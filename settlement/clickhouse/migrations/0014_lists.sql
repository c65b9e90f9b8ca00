-- What OCPI lists of Locations, Tariffs, Tokens and Sessions are read of. Each
-- object is on two lists (settlement.ListKind): 0 what everybody may see, 1 that
-- part of its owner's, 2 the other part of its owner's, 3 what others have with a
-- party. Rows are in the order in which objects were made: partition, epoch and
-- offset are those of the record that did, so that a change replaces the row where
-- it stands. gone takes one back.
CREATE TABLE IF NOT EXISTS object_lists
(
    object       LowCardinality(String),
    list         UInt8,
    list_country LowCardinality(String),
    list_party   LowCardinality(String),
    created      DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    partition    Int32,
    epoch        UInt8,
    offset       Int64 CODEC(Delta, ZSTD(1)),
    country      LowCardinality(String),
    party        LowCardinality(String),
    id           String CODEC(ZSTD(1)),
    sub          LowCardinality(String),
    last_updated DateTime64(9, 'UTC') CODEC(T64, ZSTD(1)),
    ver          UInt64 CODEC(T64, LZ4),
    gone         UInt8,
    INDEX last_updated last_updated TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(ver)
PARTITION BY (object = 'session', partition)
ORDER BY (object, list, list_country, list_party, created, epoch, offset)
SETTINGS non_replicated_deduplication_window = 100, min_bytes_for_wide_part = 134217728, index_granularity = 1024;

-- created_*: which record made the object; of those stored before that was kept,
-- the one of their state then. with: the eMSP that a Session's token names. left:
-- those it named before, as JSON. What an older process writes is on no list until
-- it changes again: stop it first.
ALTER TABLE objects
    ADD COLUMN IF NOT EXISTS created_epoch UInt8 DEFAULT epoch,
    ADD COLUMN IF NOT EXISTS created_offset Int64 DEFAULT offset CODEC(Delta, LZ4),
    ADD COLUMN IF NOT EXISTS created_received DateTime64(9, 'UTC') DEFAULT received,
    ADD COLUMN IF NOT EXISTS with_country LowCardinality(String)
        DEFAULT if(object = 'session' AND JSONExtractString(body, 'cdr_token', 'party_id') != '', upper(JSONExtractString(body, 'cdr_token', 'country_code')), ''),
    ADD COLUMN IF NOT EXISTS with_party LowCardinality(String)
        DEFAULT if(object = 'session' AND JSONExtractString(body, 'cdr_token', 'country_code') != '', upper(JSONExtractString(body, 'cdr_token', 'party_id')), ''),
    ADD COLUMN IF NOT EXISTS left String;

INSERT INTO object_lists
SELECT object, l.1, l.2, l.3, created_received, partition, created_epoch, created_offset, country, party, id, sub, last_updated, ver, 0
FROM (SELECT * EXCEPT (body, zones) FROM objects FINAL WHERE object IN ('location', 'token', 'session') AND deleted = 0)
ARRAY JOIN if(object = 'session',
    arrayFilter(x -> x.1 != 3 OR x.2 != '', [(toUInt8(2), toString(country), toString(party)), (toUInt8(3), toString(with_country), toString(with_party))]),
    [(toUInt8(0), '', ''), (toUInt8(1), toString(country), toString(party))]) AS l
SETTINGS max_threads = 1, max_insert_threads = 1, insert_deduplicate = 0, max_partitions_per_insert_block = 0;

-- Of a Tariff the last of its versions is listed, unless it was deleted then.
INSERT INTO object_lists
SELECT object, l.1, l.2, l.3, created_received, partition, created_epoch, created_offset, country, party, id, sub, last_updated, ver, 0
FROM (
    SELECT * EXCEPT (body, zones) FROM objects FINAL WHERE object = 'tariff' AND deleted = 0 AND (country, party, id, sub, tariff_position) IN (
        SELECT country, party, id, sub, max(tariff_position) FROM objects WHERE object = 'tariff' GROUP BY country, party, id, sub)
)
ARRAY JOIN [(toUInt8(0), '', ''), (toUInt8(1), toString(country), toString(party))] AS l
SETTINGS max_threads = 1, max_insert_threads = 1, insert_deduplicate = 0, max_partitions_per_insert_block = 0;

-- Lists of CDRs by when they came: they mostly came in the order of last_updated.
ALTER TABLE sender_lists ADD INDEX IF NOT EXISTS received received TYPE minmax GRANULARITY 1;

ALTER TABLE sender_lists MATERIALIZE INDEX received;
