-- Of a Session whose token names no eMSP, its folded contract id: by it, who pays for
-- it is found when a Token with it comes. Where somebody is known, with says who.
ALTER TABLE objects
    ADD COLUMN IF NOT EXISTS contract String
        DEFAULT if(object = 'session' AND with_party = '',
            upper(if(version = 1, JSONExtractString(body, 'auth_id'), JSONExtractString(body, 'cdr_token', 'contract_id'))), '') CODEC(ZSTD(1));

ALTER TABLE objects MATERIALIZE COLUMN contract;
