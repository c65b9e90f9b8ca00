-- Names and rates of a result's taxes in one text, for sums by it: few different
-- ones, of which a report reads numbers. The arrays of rows that were stored before
-- are read until the text stands beside them.
ALTER TABLE results ADD COLUMN IF NOT EXISTS taxes LowCardinality(String) MATERIALIZED toJSONString((tax_name, tax_percentage));

ALTER TABLE results MATERIALIZE COLUMN taxes;
