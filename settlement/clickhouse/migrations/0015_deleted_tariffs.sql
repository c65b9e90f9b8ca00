-- Where the last state of each Tariff stands is read from object_lists, one row a
-- Tariff instead of one a version. What was deleted before there were lists is put
-- on them as gone: its versions price charges still.
INSERT INTO object_lists
SELECT object, l.1, l.2, l.3, created_received, partition, created_epoch, created_offset, country, party, id, sub, last_updated, ver, 1
FROM (
    SELECT * EXCEPT (body, zones) FROM objects FINAL WHERE object = 'tariff' AND deleted = 1 AND (country, party, id, sub, tariff_position) IN (
        SELECT country, party, id, sub, max(tariff_position) FROM objects WHERE object = 'tariff' GROUP BY country, party, id, sub)
)
ARRAY JOIN if(sub = '', [(toUInt8(0), '', ''), (toUInt8(1), toString(country), toString(party))], [(toUInt8(2), toString(country), toString(party))]) AS l
SETTINGS max_threads = 1, max_insert_threads = 1, insert_deduplicate = 0, max_partitions_per_insert_block = 0;
