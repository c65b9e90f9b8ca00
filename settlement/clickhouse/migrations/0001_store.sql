-- The store. Statements end with a semicolon at the end of a line and are
-- idempotent, so that two processes may run them at the same time.
--
-- partition, epoch and offset are the position of a record in the log. Every
-- copy of an identity is in one Kafka partition, and so in one partition here:
-- a batch becomes one part, and FINAL need not look across partitions.
-- Times are nanoseconds, 1970-01-01T00:00:00Z means "not known". Amounts and
-- volumes are exact: every ocpi.Number (18 digits, 12 decimals) fits, and
-- NULL means "not known", which is not zero. month is YYYYMM of the CDR's end
-- in UTC, 0 when that is not known.
--
-- Bodies and explanations are most of the bytes. ZSTD(1) costs the engine the
-- CPU of LZ4 for little more than half the bytes: see BenchmarkCodecs. Parts
-- stay compact up to 128 MiB: a batch of 5,000 is then one data file per table
-- to sync, instead of one per column.

-- One row per record of the log, repeats included: nothing else is needed to
-- build every other table anew.
CREATE TABLE IF NOT EXISTS records
(
    topic     Enum8('cdrs' = 1, 'sessions' = 2, 'reference' = 3, 'refused' = 4),
    partition Int32,
    epoch     UInt8,
    offset    Int64 CODEC(Delta, LZ4),
    object    UInt8,
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
SETTINGS non_replicated_deduplication_window = 100, min_bytes_for_wide_part = 134217728;

-- Which copies of a CDR there are, by identity: what tells repeats and
-- conflicts without reading bodies.
CREATE TABLE IF NOT EXISTS copies
(
    country   LowCardinality(String),
    party     LowCardinality(String),
    id        String,
    partition Int32,
    epoch     UInt8,
    offset    Int64 CODEC(Delta, LZ4),
    hash      FixedString(32) CODEC(NONE),
    sender    LowCardinality(String),
    received  DateTime64(9, 'UTC') CODEC(Delta, LZ4)
)
ENGINE = ReplacingMergeTree
PARTITION BY partition
ORDER BY (country, party, id, epoch, offset)
SETTINGS non_replicated_deduplication_window = 100, min_bytes_for_wide_part = 134217728;

-- One row per CDR: the first accepted copy. ver falls with the position, see
-- rowVersion, so the lowest position wins whatever is written again.
CREATE TABLE IF NOT EXISTS cdrs
(
    country       LowCardinality(String),
    party         LowCardinality(String),
    id            String,
    partition     Int32,
    epoch         UInt8,
    offset        Int64 CODEC(Delta, LZ4),
    ver           UInt64,
    id_sent       String,
    sender        LowCardinality(String),
    version       UInt8,
    hash          FixedString(32) CODEC(NONE),
    received      DateTime64(9, 'UTC') CODEC(Delta, LZ4),
    cpo_country   LowCardinality(String),
    cpo_party     LowCardinality(String),
    emsp_country  LowCardinality(String),
    emsp_party    LowCardinality(String),
    start         DateTime64(9, 'UTC'),
    end           DateTime64(9, 'UTC'),
    last_updated  DateTime64(9, 'UTC'),
    month         UInt32,
    currency      LowCardinality(String),
    credit        UInt8,
    credit_of     String,
    session_id    String,
    token_uid     String,
    contract_id   String,
    location_id   String,
    evse_uid      String,
    energy_kwh    Nullable(Decimal(38, 12)),
    time_hours    Nullable(Decimal(38, 12)),
    parking_hours Nullable(Decimal(38, 12))
)
ENGINE = ReplacingMergeTree(ver)
PARTITION BY partition
ORDER BY (country, party, id)
SETTINGS non_replicated_deduplication_window = 100, min_bytes_for_wide_part = 134217728;

-- One row per CDR: what it came to. ver begins with the same position as in
-- cdrs, so both tables agree on the winner; within one position a later
-- re-pricing wins, and within one re-pricing priced wins over rejected.
-- Settlement reads this table alone.
CREATE TABLE IF NOT EXISTS results
(
    country          LowCardinality(String),
    party            LowCardinality(String),
    id               String,
    partition        Int32,
    epoch            UInt8,
    offset           Int64 CODEC(Delta, LZ4),
    ver              UInt64,
    generation       UInt16,
    cpo_country      LowCardinality(String),
    cpo_party        LowCardinality(String),
    emsp_country     LowCardinality(String),
    emsp_party       LowCardinality(String),
    month            UInt32,
    currency         LowCardinality(String),
    credit           UInt8,
    status           Enum8('rejected' = 1, 'priced' = 2, 'credit' = 3),
    claim            Enum8('absent' = 0, 'agrees' = 1, 'differs' = 2),
    reason           LowCardinality(String),
    detail           String,
    claimed_excl     Nullable(Decimal(38, 12)),
    claimed_incl     Nullable(Decimal(38, 12)),
    computed_excl    Nullable(Decimal(38, 12)),
    computed_incl    Nullable(Decimal(38, 12)),
    fixed_excl       Nullable(Decimal(38, 12)),
    fixed_incl       Nullable(Decimal(38, 12)),
    energy_excl      Nullable(Decimal(38, 12)),
    energy_incl      Nullable(Decimal(38, 12)),
    time_excl        Nullable(Decimal(38, 12)),
    time_incl        Nullable(Decimal(38, 12)),
    parking_excl     Nullable(Decimal(38, 12)),
    parking_incl     Nullable(Decimal(38, 12)),
    reservation_excl Nullable(Decimal(38, 12)),
    reservation_incl Nullable(Decimal(38, 12)),
    tax_name         Array(String),
    tax_percentage   Array(Nullable(Decimal(38, 12))),
    tax_amount       Array(Decimal(38, 12)),
    tariff_ids       String,
    tariff_hash      String,
    tariff_source    LowCardinality(String),
    time_zone        LowCardinality(String),
    zone_source      LowCardinality(String),
    zone_db          LowCardinality(String),
    profile          LowCardinality(String),
    engine           LowCardinality(String),
    explanation      String CODEC(ZSTD(1)),
    findings         String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(ver)
PARTITION BY partition
ORDER BY (country, party, id)
SETTINGS non_replicated_deduplication_window = 100, min_bytes_for_wide_part = 134217728;

-- The folded state of Sessions, Locations and Tokens (one row per identity,
-- the last applied position wins) and of Tariffs (one row per version: their
-- position is in the key as tariff_position, 0 for everything else).
CREATE TABLE IF NOT EXISTS objects
(
    topic           Enum8('cdrs' = 1, 'sessions' = 2, 'reference' = 3, 'refused' = 4),
    object          UInt8,
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

-- How far each partition of each topic has been stored: written last of a
-- batch. The highest row counts.
CREATE TABLE IF NOT EXISTS checkpoints
(
    topic     Enum8('cdrs' = 1, 'sessions' = 2, 'reference' = 3, 'refused' = 4),
    epoch     UInt8,
    partition Int32,
    next      Int64
)
ENGINE = ReplacingMergeTree(next)
ORDER BY (topic, epoch, partition);

-- The installation this store belongs to: one row.
CREATE TABLE IF NOT EXISTS installation
(
    id String
)
ENGINE = ReplacingMergeTree
ORDER BY id;
