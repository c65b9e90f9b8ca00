-- By which contract ids Tokens are found that were stored before 0018: it left out what
-- has a check digit, is of the older form, or had one that is too long to count.
-- do: fold contracts
SELECT 1;
