-- What closes of months issue, and what people decided: see settlement/statement. Rows of
-- an attempt to close count only once a record of the control log names it, so nothing
-- here is ever partly there to a reader; the others are swept. No table is partitioned by
-- attempt: a house that closes pair by pair makes thousands of them a month.

-- Attempts that were begun: one row each, before its first line, so that what it wrote
-- is found and swept where no record ever names it.
CREATE TABLE IF NOT EXISTS attempts
(
    id           UInt64,
    cpo_country  LowCardinality(String),
    cpo_party    LowCardinality(String),
    emsp_country LowCardinality(String),
    emsp_party   LowCardinality(String),
    period       UInt32,
    control      Int64
)
ENGINE = ReplacingMergeTree
ORDER BY id;

-- The lines of statements, with all that a statement says of a CDR and what stands
-- behind it: whatever becomes of results, an issued line stays what it was. id is the
-- CDR's, its party the CPO. A statement, and all statements of an attempt, stand together
-- in their order; net and kwh are those of the line, tax that of the side chosen,
-- line_tax what the statement says of it.
CREATE TABLE IF NOT EXISTS statement_lines
(
    attempt        UInt64,
    period         UInt32,
    country        LowCardinality(String),
    party          LowCardinality(String),
    id             String CODEC(ZSTD(1)),
    emsp_country   LowCardinality(String),
    emsp_party     LowCardinality(String),
    currency       LowCardinality(String),
    month          UInt32,
    version        UInt64 CODEC(ZSTD(1)),
    net            Decimal(38, 12) CODEC(ZSTD(1)),
    tax            Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    kwh            Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    claim          Decimal(38, 12) CODEC(ZSTD(1)),
    zeroed         UInt8,
    kind           LowCardinality(String),
    of             String CODEC(ZSTD(1)),
    belongs        UInt32,
    charge_country LowCardinality(String),
    start          DateTime64(9, 'UTC') CODEC(T64, ZSTD(1)),
    end            DateTime64(9, 'UTC') CODEC(T64, ZSTD(1)),
    line_tax       Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    category       LowCardinality(String),
    rate           Nullable(Decimal(38, 12)),
    cpo_country    LowCardinality(String) ALIAS country,
    cpo_party      LowCardinality(String) ALIAS party
)
ENGINE = ReplacingMergeTree
PARTITION BY period
ORDER BY (attempt, country, party, emsp_country, emsp_party, currency, belongs, id)
SETTINGS non_replicated_deduplication_window = 100, min_bytes_for_wide_part = 134217728, index_granularity = 1024;

-- A row a statement, without its lines.
CREATE TABLE IF NOT EXISTS statements
(
    attempt        UInt64,
    period         UInt32,
    country        LowCardinality(String),
    party          LowCardinality(String),
    emsp_country   LowCardinality(String),
    emsp_party     LowCardinality(String),
    currency       LowCardinality(String),
    zone           LowCardinality(String),
    owed           LowCardinality(String),
    category       LowCardinality(String),
    rate           Nullable(Decimal(38, 12)),
    lines          UInt64,
    kwh            Decimal(38, 12),
    net            Decimal(38, 12),
    rounding       Decimal(38, 12),
    tax            Nullable(Decimal(38, 12)),
    payable        Nullable(Decimal(38, 12)),
    debtor_country LowCardinality(String),
    debtor_party   LowCardinality(String),
    rank           UInt64,
    digest         String,
    cpo_country    LowCardinality(String) ALIAS country,
    cpo_party      LowCardinality(String) ALIAS party
)
ENGINE = ReplacingMergeTree
PARTITION BY period
ORDER BY (country, party, emsp_country, emsp_party, currency, attempt)
SETTINGS non_replicated_deduplication_window = 100;

-- What was issued of which CDR, in the order of pairs as issued: what is not issued is
-- found by holding results against it, month by month. version names the very row of
-- results that a line was made by, whatever its partition of the log (see
-- resultVersion), so that no id is compared. A partition is the month that the CDR was
-- booked in, UTC, as results has it: whoever reads a month reads that alone. A partner may
-- send a charge of any year, so that all months before 2010 are one partition; what was in
-- the future when it came is never issued.
CREATE TABLE IF NOT EXISTS issued
(
    attempt      UInt64,
    period       UInt32,
    country      LowCardinality(String),
    party        LowCardinality(String),
    id           String CODEC(ZSTD(1)),
    emsp_country LowCardinality(String),
    emsp_party   LowCardinality(String),
    currency     LowCardinality(String),
    month        UInt32,
    version      UInt64 CODEC(ZSTD(1)),
    net          Decimal(38, 12) CODEC(ZSTD(1)),
    tax          Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    kwh          Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    claim        Decimal(38, 12) CODEC(ZSTD(1)),
    zeroed       UInt8,
    cpo_country  LowCardinality(String) ALIAS country,
    cpo_party    LowCardinality(String) ALIAS party
)
ENGINE = ReplacingMergeTree
PARTITION BY if(month < 201001, 0, month)
ORDER BY (country, party, emsp_country, emsp_party, currency, id, attempt)
SETTINGS non_replicated_deduplication_window = 100, min_bytes_for_wide_part = 134217728, index_granularity = 1024;

-- What people decided about CDRs: a row a CDR and control record, projected from the
-- control log, all of them kept, since pages show them. act is '' where a decision was
-- taken back; covers are codes of grounds, parted by spaces; position is of the copy that
-- counted. How far the control log is projected stands in checkpoints, topic 'control'.
CREATE TABLE IF NOT EXISTS decisions
(
    country   LowCardinality(String),
    party     LowCardinality(String),
    id        String CODEC(ZSTD(1)),
    control   Int64,
    act       LowCardinality(String),
    side      LowCardinality(String),
    covers    LowCardinality(String),
    decider   LowCardinality(String),
    reason    String CODEC(ZSTD(1)),
    at        DateTime64(9, 'UTC'),
    partition Int32,
    epoch     UInt8,
    offset    Int64
)
ENGINE = ReplacingMergeTree
ORDER BY (country, party, id, control)
SETTINGS non_replicated_deduplication_window = 100, index_granularity = 1024;
