-- The ends of the topics of reference data and control that a run's CDRs are
-- priced by, also when it goes on later; -1 in runs from before they were kept.
ALTER TABLE repricing_progress ADD COLUMN IF NOT EXISTS reference_offset Int64 DEFAULT -1;

ALTER TABLE repricing_progress ADD COLUMN IF NOT EXISTS control_offset Int64 DEFAULT -1;
