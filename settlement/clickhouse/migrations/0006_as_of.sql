-- How much of the log a result rests on: the ends of the reference topic and of
-- the control topic. Only records below them were seen. -1: from before they
-- were kept.
ALTER TABLE results ADD COLUMN IF NOT EXISTS reference_offset Int64 DEFAULT -1;

ALTER TABLE results ADD COLUMN IF NOT EXISTS control_offset Int64 DEFAULT -1;

ALTER TABLE repricings ADD COLUMN IF NOT EXISTS reference_offset Int64 DEFAULT -1;

ALTER TABLE repricings ADD COLUMN IF NOT EXISTS control_offset Int64 DEFAULT -1;

ALTER TABLE corrections ADD COLUMN IF NOT EXISTS reference_offset Int64 DEFAULT -1;

ALTER TABLE corrections ADD COLUMN IF NOT EXISTS control_offset Int64 DEFAULT -1;
