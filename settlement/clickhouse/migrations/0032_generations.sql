-- A result is named by its record and by how often its CDR was priced again, which since
-- 0028 has eight bits of that name: the 256th would have that of another CDR, so it is not
-- written. A store of before may have some. They count as the 255th: each keeps all that it
-- says, and none can be priced again. Lines issued of them name no result any more, so that
-- they are looked at once more, and nothing comes of it. The log says which they are.
-- when: SELECT count() FROM results WHERE generation > 255
-- do: tell of generations
SELECT 1;

-- when: SELECT count() FROM results WHERE generation > 255
INSERT INTO results SELECT * REPLACE (255 AS generation, bitOr(bitAnd(ver, 18446744073709486080), 510 + bitAnd(ver, 1)) AS ver)
FROM (SELECT * FROM results FINAL WHERE generation > 255 AND NOT elsewhere)
SETTINGS insert_deduplicate = 0, max_partitions_per_insert_block = 0, max_threads = 1, max_block_size = 4096;

-- when: SELECT count() FROM results WHERE generation > 255
ALTER TABLE results DELETE WHERE generation > 255 SETTINGS mutations_sync = 2;

-- What they are found by has the same version.
-- when: SELECT count() FROM cdrs WHERE bitAnd(ver, 65535) > 511
INSERT INTO cdrs SELECT * REPLACE (bitOr(bitAnd(ver, 18446744073709486080), 510 + bitAnd(ver, 1)) AS ver)
FROM (SELECT * FROM cdrs FINAL WHERE bitAnd(ver, 65535) > 511) SETTINGS insert_deduplicate = 0, max_partitions_per_insert_block = 0;

-- when: SELECT count() FROM cdrs WHERE bitAnd(ver, 65535) > 511
ALTER TABLE cdrs DELETE WHERE bitAnd(ver, 65535) > 511 SETTINGS mutations_sync = 2;

-- when: SELECT count() FROM sender_lists WHERE bitAnd(ver, 65535) > 511
INSERT INTO sender_lists SELECT * REPLACE (bitOr(bitAnd(ver, 18446744073709486080), 510 + bitAnd(ver, 1)) AS ver)
FROM (SELECT * FROM sender_lists FINAL WHERE bitAnd(ver, 65535) > 511) SETTINGS insert_deduplicate = 0, max_partitions_per_insert_block = 0;

-- when: SELECT count() FROM sender_lists WHERE bitAnd(ver, 65535) > 511
ALTER TABLE sender_lists DELETE WHERE bitAnd(ver, 65535) > 511 SETTINGS mutations_sync = 2;

-- when: SELECT count() FROM duplicates WHERE ver > 511
INSERT INTO duplicates SELECT * REPLACE (510 + bitAnd(ver, 1) AS ver)
FROM (SELECT * FROM duplicates FINAL WHERE ver > 511) SETTINGS insert_deduplicate = 0, max_partitions_per_insert_block = 0;

-- when: SELECT count() FROM duplicates WHERE ver > 511
ALTER TABLE duplicates DELETE WHERE ver > 511 SETTINGS mutations_sync = 2;

-- Runs that found one more begin anew.
-- when: SELECT count() FROM repricings WHERE generation > 255
ALTER TABLE repricing_progress DELETE WHERE run IN (SELECT run FROM repricings WHERE generation > 255) SETTINGS mutations_sync = 2;

-- when: SELECT count() FROM repricings WHERE generation > 255
ALTER TABLE repricings DELETE WHERE generation > 255 SETTINGS mutations_sync = 2;
