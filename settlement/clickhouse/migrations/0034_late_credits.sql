-- A credit comes late where the period of what it credits was closed for its pair, in the
-- zone of that pair, and no longer where its month was closed for the house by
-- period.closed 1 alone: whether it takes a CDR out of what is computed is found again, from
-- the first record on, beside everything else.
-- when: SELECT count() FROM credits
TRUNCATE TABLE IF EXISTS relation_progress;
