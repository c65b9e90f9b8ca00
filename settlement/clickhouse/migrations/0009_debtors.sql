-- CDRs whose debtor was found after they were first written: eMSPs list their
-- CDRs by table cdrs, which kept the first one. A few rows, of any partition.
INSERT INTO cdrs
SELECT c.* REPLACE (r.emsp_country AS emsp_country, r.emsp_party AS emsp_party, r.ver AS ver)
FROM (
    SELECT * FROM cdrs FINAL
    WHERE emsp_party = '' OR (country, party, id) IN (SELECT country, party, id FROM corrections)
) AS c
INNER JOIN (
    SELECT country, party, id, emsp_country, emsp_party, ver FROM (
        SELECT country, party, id, emsp_country, emsp_party, ver FROM results FINAL
        UNION ALL SELECT country, party, id, emsp_country, emsp_party, ver FROM corrections
    )
    WHERE (country, party, id) IN (SELECT country, party, id FROM cdrs WHERE emsp_party = '')
        OR (country, party, id) IN (SELECT country, party, id FROM corrections)
    ORDER BY ver DESC LIMIT 1 BY country, party, id
) AS r ON c.country = r.country AND c.party = r.party AND c.id = r.id
WHERE (c.emsp_country, c.emsp_party) != (r.emsp_country, r.emsp_party)
SETTINGS max_partitions_per_insert_block = 0;
