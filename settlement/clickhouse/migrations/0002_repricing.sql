-- Re-pricing: what a run found beside the results that count, before and after
-- it is applied. Runs are few and people name them; one partition each makes
-- forgetting one a matter of a moment.

-- One row per CDR whose result a run would change. The columns up to findings
-- are those of results, of the new result, so that applying is one
-- INSERT ... SELECT; old_ver names the very row it was compared with.
CREATE TABLE IF NOT EXISTS repricings
(
    run              String,
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
    kind              LowCardinality(String),
    causes            LowCardinality(String),
    old_ver           UInt64,
    old_month         UInt32,
    old_currency      LowCardinality(String),
    old_emsp_country  LowCardinality(String),
    old_emsp_party    LowCardinality(String),
    old_status        Enum8('rejected' = 1, 'priced' = 2, 'credit' = 3),
    old_claim         Enum8('absent' = 0, 'agrees' = 1, 'differs' = 2),
    old_reason        LowCardinality(String),
    old_computed_excl Nullable(Decimal(38, 12)),
    old_computed_incl Nullable(Decimal(38, 12)),
    old_tariff_hash   String,
    old_time_zone     LowCardinality(String),
    old_zone_db       LowCardinality(String),
    old_profile       LowCardinality(String),
    old_engine        LowCardinality(String)
)
ENGINE = ReplacingMergeTree
PARTITION BY run
ORDER BY (run, partition, country, party, id)
SETTINGS non_replicated_deduplication_window = 100, min_bytes_for_wide_part = 134217728;

-- How far each run got in each partition: written after its rows. terms is
-- what the run stands for, next the offset to go on at, ending where the
-- partition ended when the run began, cdrs how many were priced so far. The
-- highest next counts.
CREATE TABLE IF NOT EXISTS repricing_progress
(
    run       String,
    partition Int32,
    next      Int64,
    terms     String,
    ending    Int64,
    cdrs      UInt64
)
ENGINE = ReplacingMergeTree(next)
PARTITION BY run
ORDER BY (run, partition)
SETTINGS non_replicated_deduplication_window = 100;
