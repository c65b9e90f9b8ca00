-- What results are found by is written before them, by the writer: a view fills
-- its table after, and what breaks off between the two stays away, since a
-- replay leaves the results that stand.
DROP VIEW IF EXISTS credits_of_results;

DROP VIEW IF EXISTS sessions_of_results;
