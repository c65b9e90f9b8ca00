-- Readers of OCPI 2.1.1 are not told whose an object is: of what they list it is
-- asked whether there is something else of the same id. Lists are in the order in
-- which objects were made, CDRs in that of their owners.
ALTER TABLE object_lists ADD INDEX IF NOT EXISTS id id TYPE bloom_filter(0.0001) GRANULARITY 1;

ALTER TABLE object_lists MATERIALIZE INDEX id;

ALTER TABLE cdrs ADD INDEX IF NOT EXISTS id id TYPE bloom_filter(0.0001) GRANULARITY 1;

ALTER TABLE cdrs MATERIALIZE INDEX id;
