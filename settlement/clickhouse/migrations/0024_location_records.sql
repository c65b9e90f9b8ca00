-- A Location as it was is made again of its records. They are found by its id: of other
-- records the index holds nothing, and costs them nothing.
ALTER TABLE records ADD INDEX IF NOT EXISTS location (if(object = 'location', id, '')) TYPE bloom_filter(0.001) GRANULARITY 1;

ALTER TABLE records MATERIALIZE INDEX location;
