-- What was exchanged with partners (ingest/messages): no book, and nothing rests on it. In
-- the order of time, since pages are read from the latest on; what is found by an id is found
-- by the filters. Days that are over are dropped whole. A body that the log holds is named by
-- topic and position; token is a keyed digest of the uid. A row with not_kept is no message:
-- so many of the partner's there was no room for. One that was sent twice is one to readers.
CREATE TABLE IF NOT EXISTS messages
(
    at             DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    seq            UInt64 CODEC(Delta, ZSTD(1)),
    partner        LowCardinality(String),
    direction      UInt8,
    method         LowCardinality(String),
    path           String CODEC(ZSTD(1)),
    version        UInt8,
    from_party     LowCardinality(String),
    to_party       LowCardinality(String),
    request_id     String CODEC(ZSTD(1)),
    correlation_id String CODEC(ZSTD(1)),
    http           UInt16,
    status         UInt16,
    micros         UInt32 CODEC(T64, LZ4),
    object         LowCardinality(String),
    owner          LowCardinality(String),
    id             String CODEC(ZSTD(1)),
    session_id     String CODEC(ZSTD(1)),
    token          String CODEC(ZSTD(1)),
    topic          LowCardinality(String),
    partition      Int32,
    epoch          UInt8,
    offset         Int64 CODEC(Delta, ZSTD(1)),
    reason         String CODEC(ZSTD(1)),
    request        String CODEC(ZSTD(1)),
    response       String CODEC(ZSTD(1)),
    request_bytes  UInt32 CODEC(T64, LZ4),
    response_bytes UInt32 CODEC(T64, LZ4),
    not_kept       UInt32 CODEC(T64, LZ4),
    INDEX by_partner partner TYPE set(256) GRANULARITY 1,
    INDEX by_request request_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_correlation correlation_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_id id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_session session_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_token token TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(at)
ORDER BY (at, seq);
