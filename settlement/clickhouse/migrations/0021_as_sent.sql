-- Ids of Sessions and of credited CDRs as they were sent, which lists show; the
-- columns they are found by hold them folded. "" where that is the same, and one
-- NUL where they were sent in lower case. Rows of before show them folded.
ALTER TABLE results ADD COLUMN IF NOT EXISTS session_sent String, ADD COLUMN IF NOT EXISTS credit_of_sent String;

ALTER TABLE repricings ADD COLUMN IF NOT EXISTS session_sent String, ADD COLUMN IF NOT EXISTS credit_of_sent String;

ALTER TABLE corrections ADD COLUMN IF NOT EXISTS session_sent String, ADD COLUMN IF NOT EXISTS credit_of_sent String;
