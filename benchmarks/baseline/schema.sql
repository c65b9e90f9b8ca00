-- The tables of the baseline: four of the product's shape as it first stood, a
-- record, its place among the copies, the CDR and what it came to. They are the
-- baseline's own, so that the product's may change without changing what it is
-- measured against. Each statement ends with a semicolon at the end of a line.

CREATE TABLE IF NOT EXISTS records
(
    topic     LowCardinality(String),
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
    findings         String CODEC(ZSTD(1)),
    cause            LowCardinality(String),
    reconciliation   String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(ver)
PARTITION BY partition
ORDER BY (country, party, id)
SETTINGS non_replicated_deduplication_window = 100, min_bytes_for_wide_part = 134217728;
