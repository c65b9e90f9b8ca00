-- The end of corrections. What a re-pricing found out about a CDR of a month that was closed
-- elsewhere (period.closed 1) stood here, beside the result as it was closed, and in the
-- report of the first month after it that was open. Now a re-pricing that is applied
-- replaces the result wherever its month stands: what was issued of it stays, and the next
-- statement has the difference; of months before settlement began nothing is owed.
--
-- So the latest correction of each CDR becomes its result: it is what the next re-pricing
-- was compared with, what its lists go by and whose version is the highest. The report of
-- the month that a CDR is booked in says from now on what was corrected, and that of the
-- month the correction stood in no longer has it; it was part of no other figure there. How
-- much that is of each month is told in the log. What was closed is in the run that found
-- the correction (repricings), as long as it is kept, and in backups.
-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'corrections'
-- do: tell of corrections
SELECT 1;

-- A CDR that came to be booked in another month by its correction stood in the old one.
-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'corrections'
-- windows: SELECT 'cdrs', partition, epoch, min(offset), max(offset) + 1 FROM corrections GROUP BY partition, epoch ORDER BY partition, epoch
INSERT INTO cdrs
SELECT c.* REPLACE (greatest(c.ver, k.ver) AS ver, arrayDistinct(arrayConcat([k.month, r.month], c.months)) AS months)
FROM (SELECT * FROM cdrs FINAL WHERE partition = {partition} AND epoch = {epoch} AND offset >= {from} AND offset < {to}) AS c
INNER JOIN (SELECT offset, argMax(month, corrections.ver) AS month, max(corrections.ver) AS ver FROM corrections WHERE partition = {partition} AND epoch = {epoch} AND offset >= {from} AND offset < {to} GROUP BY offset) AS k ON c.offset = k.offset
INNER JOIN (SELECT offset, month, ver FROM results FINAL WHERE NOT elsewhere AND partition = {partition} AND epoch = {epoch} AND offset >= {from} AND offset < {to}) AS r ON c.offset = r.offset
WHERE r.month != k.month AND r.ver < k.ver
SETTINGS insert_deduplicate = 0;

-- What follows from the record alone is taken from the result that stands: corrections of
-- before 0011 and 0021 do not have it.
-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'corrections'
-- windows: SELECT 'cdrs', partition, epoch, min(offset), max(offset) + 1 FROM corrections GROUP BY partition, epoch ORDER BY partition, epoch
INSERT INTO results
    (country, party, id, partition, epoch, offset, ver, generation, cpo_country, cpo_party, emsp_country, emsp_party, month, currency, credit, status, claim, reason, detail,
    claimed_excl, claimed_incl, computed_excl, computed_incl, fixed_excl, fixed_incl, energy_excl, energy_incl, time_excl, time_incl, parking_excl, parking_incl, reservation_excl, reservation_incl,
    tax_name, tax_percentage, tax_amount, tariff_ids, tariff_hash, tariff_source, time_zone, zone_source, zone_db, profile, engine, explanation, findings, cause, reconciliation,
    reference_offset, control_offset, issuers, id_sent, received, start, end, last_updated, credit_of, session_id, location_id, energy_kwh, session_sent, credit_of_sent,
    doubt, duration_s, parking_s, peak_watts, supply, evse_id, connector_id, charge_country, charge_hash, connector_hash, in_future, elsewhere)
SELECT k.country, k.party, k.id, k.partition, k.epoch, k.offset, k.ver, k.generation, k.cpo_country, k.cpo_party, k.emsp_country, k.emsp_party, k.month, k.currency, k.credit,
    k.status, k.claim, k.reason, k.detail, k.claimed_excl, k.claimed_incl, k.computed_excl, k.computed_incl, k.fixed_excl, k.fixed_incl, k.energy_excl, k.energy_incl,
    k.time_excl, k.time_incl, k.parking_excl, k.parking_incl, k.reservation_excl, k.reservation_incl, k.tax_name, k.tax_percentage, k.tax_amount, k.tariff_ids,
    k.tariff_hash, k.tariff_source, k.time_zone, k.zone_source, k.zone_db, k.profile, k.engine, k.explanation, k.findings, k.cause, k.reconciliation, k.reference_offset,
    k.control_offset, k.issuers, r.id_sent, r.received, if(k.received = r.received, k.start, r.start),
    if(k.received = r.received, k.end, r.end), if(k.received = r.received, k.last_updated, r.last_updated), r.credit_of,
    r.session_id, r.location_id, r.energy_kwh, r.session_sent, r.credit_of_sent, k.doubt, k.duration_s, k.parking_s, k.peak_watts, k.supply, k.evse_id, k.connector_id,
    k.charge_country, k.charge_hash, k.connector_hash, k.in_future, 0
FROM (SELECT * FROM corrections FINAL WHERE partition = {partition} AND epoch = {epoch} AND offset >= {from} AND offset < {to} ORDER BY ver DESC LIMIT 1 BY offset) AS k
INNER JOIN (
    SELECT offset, ver, id_sent, received, start, end, last_updated, credit_of, session_id, location_id, energy_kwh, session_sent, credit_of_sent
    FROM results FINAL WHERE NOT elsewhere AND partition = {partition} AND epoch = {epoch} AND offset >= {from} AND offset < {to}
) AS r ON k.offset = r.offset
WHERE r.ver < k.ver
SETTINGS max_threads = 1, max_insert_threads = 1, max_block_size = 4096, insert_deduplicate = 0,
    min_insert_block_size_rows = 65536, min_insert_block_size_bytes = 67108864;

-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'corrections'
-- windows: SELECT 'cdrs', partition, epoch, min(offset), max(offset) + 1 FROM corrections GROUP BY partition, epoch ORDER BY partition, epoch
INSERT INTO results (country, party, id, partition, epoch, offset, ver, month, status, elsewhere)
SELECT r.country, r.party, r.id, r.partition, r.epoch, r.offset, k.ver, r.month, 'rejected', 1
FROM (SELECT country, party, id, partition, epoch, offset, month, ver FROM results FINAL WHERE NOT elsewhere AND partition = {partition} AND epoch = {epoch} AND offset >= {from} AND offset < {to}) AS r
INNER JOIN (SELECT offset, argMax(month, corrections.ver) AS month, max(corrections.ver) AS ver FROM corrections WHERE partition = {partition} AND epoch = {epoch} AND offset >= {from} AND offset < {to} GROUP BY offset) AS k ON r.offset = k.offset
WHERE r.month != k.month AND r.ver < k.ver
SETTINGS insert_deduplicate = 0;

-- Credits are held against the debtor of what they credit: where that is another one now,
-- relations are found again from the first record on.
-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'corrections'
-- do: relate corrected CDRs
SELECT 1;

DROP TABLE IF EXISTS corrections SETTINGS max_table_size_to_drop = 0;
