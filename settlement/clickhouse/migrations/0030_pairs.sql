-- What a CDR that is issued may have in common with one that is not stands with its line,
-- in the order of pairs: to look for it among all results of a pair cost a look at all of
-- them. 0 stands for nothing. See settlement/statement, Hashes.
ALTER TABLE issued
    ADD COLUMN IF NOT EXISTS session  UInt64 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS charge   UInt64 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS credited UInt64 CODEC(ZSTD(1));

-- Lines of before get those of the result that they name. Where it is gone, the CDR does not
-- stand as it was issued, and nothing is looked for beside it. A row that is written again
-- takes the place of the one before. A line is of the month that its result is in, so each
-- window of results is held against the months that it has.
-- when: SELECT count() FROM issued WHERE session = 0 AND charge = 0 AND credited = 0
-- windows: SELECT 'cdrs', partition, epoch, min(offset), max(offset) + 1 FROM results GROUP BY partition, epoch ORDER BY partition, epoch
INSERT INTO issued (attempt, period, country, party, id, emsp_country, emsp_party, currency, month, version, net, tax, kwh, claim, zeroed, session, charge, credited)
WITH found AS (
    SELECT ver + toUInt64(partition) * 11400714819323167232 AS version, month, charge_hash AS charge,
        if(session_id = '', 0, reinterpretAsUInt64(substring(MD5(concat(country, '*', party, '*', session_id)), 1, 8))) AS session,
        if(NOT credit OR credit_of = '', 0, reinterpretAsUInt64(substring(MD5(concat(country, '*', party, '*', '\0', credit_of)), 1, 8))) AS credited
    FROM results WHERE NOT elsewhere AND partition = {partition} AND epoch = {epoch} AND offset >= {from} AND offset < {to})
SELECT i.attempt, i.period, i.country, i.party, i.id, i.emsp_country, i.emsp_party, i.currency, i.month, i.version, i.net, i.tax, i.kwh, i.claim, i.zeroed, r.session, r.charge, r.credited
FROM (
    SELECT * FROM issued FINAL
    WHERE session = 0 AND charge = 0 AND credited = 0 AND month IN (SELECT DISTINCT month FROM found) AND version IN (SELECT version FROM found)
) AS i INNER JOIN found AS r ON i.version = r.version
SETTINGS max_partitions_per_insert_block = 0;

-- Which blocks of rows have any of a pair, and any that took the place of another: most pairs
-- have few CDRs, and re-pricings are of a month or a CPO. See where.pair, and touched.
ALTER TABLE results
    ADD INDEX IF NOT EXISTS pair cityHash64(country, party, emsp_country, emsp_party) TYPE bloom_filter(0.01) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS touched (elsewhere OR generation > 0) TYPE set(2) GRANULARITY 1;

ALTER TABLE results MATERIALIZE INDEX pair;

ALTER TABLE results MATERIALIZE INDEX touched;

-- And which blocks of what is issued have a CDR, of whatever pair.
ALTER TABLE issued ADD INDEX IF NOT EXISTS id id TYPE bloom_filter(0.01) GRANULARITY 1;

ALTER TABLE issued MATERIALIZE INDEX id;
