-- What a statement says of the CDRs of each month, as the settlement report has months: an
-- element for each month that CDRs of its lines were booked in, UTC, and period whose
-- statement would have had them, had nothing been closed. So a report need not read lines.
ALTER TABLE statements
    ADD COLUMN IF NOT EXISTS months      Array(UInt32),
    ADD COLUMN IF NOT EXISTS dues        Array(UInt32),
    ADD COLUMN IF NOT EXISTS month_lines Array(UInt64),
    ADD COLUMN IF NOT EXISTS month_nets  Array(Decimal(38, 12));

-- Statements of before get those of their lines. Lines do not say whether a cut-off day had
-- them come to the period after their own: of these the period is their own. A row that
-- is written again takes the place of the one before.
-- when: SELECT count() FROM statements WHERE empty(months) AND lines > 0
INSERT INTO statements
    (attempt, period, country, party, emsp_country, emsp_party, currency, zone, owed, category, rate, lines, kwh, net, rounding, tax, payable, debtor_country, debtor_party, rank, digest,
    months, dues, month_lines, month_nets)
SELECT s.attempt, s.period, s.country, s.party, s.emsp_country, s.emsp_party, s.currency, s.zone, s.owed, s.category, s.rate, s.lines, s.kwh, s.net, s.rounding, s.tax, s.payable,
    s.debtor_country, s.debtor_party, s.rank, s.digest, tupleElement(l.sums, 1), tupleElement(l.sums, 2), tupleElement(l.sums, 3), tupleElement(l.sums, 4)
FROM (SELECT * FROM statements FINAL WHERE empty(months) AND lines > 0) AS s INNER JOIN (
    SELECT attempt, period, country, party, emsp_country, emsp_party, currency, arraySort(groupArray((month, belongs, n, total))) AS sums
    FROM (
        SELECT attempt, period, country, party, emsp_country, emsp_party, currency, month, belongs, count() AS n, sum(net) AS total
        FROM statement_lines FINAL GROUP BY attempt, period, country, party, emsp_country, emsp_party, currency, month, belongs
    ) GROUP BY attempt, period, country, party, emsp_country, emsp_party, currency
) AS l ON s.attempt = l.attempt AND s.period = l.period AND s.country = l.country AND s.party = l.party AND s.emsp_country = l.emsp_country AND s.emsp_party = l.emsp_party AND s.currency = l.currency
SETTINGS max_partitions_per_insert_block = 0, join_algorithm = 'grace_hash', max_bytes_before_external_group_by = 268435456;
