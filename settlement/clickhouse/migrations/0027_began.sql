-- CDRs by when their charges began, which is mostly in the order in which they came: a CDR
-- of OCPI 2.1.1 names no Session, and is found by that.
ALTER TABLE results ADD INDEX IF NOT EXISTS start start TYPE minmax GRANULARITY 1;

ALTER TABLE results MATERIALIZE INDEX start;
