-- Which contract ids a Token has or had, as ids of contracts are compared: by them is
-- found which Token a charge was made with whose CDR names the contract alone. Of
-- Tokens stored before, those that are written without separators are found.
ALTER TABLE objects
    ADD COLUMN IF NOT EXISTS contracts Array(String)
        DEFAULT if(object = 'token', arrayFilter(x -> x != '', arrayDistinct(arrayConcat(
            arrayMap(x -> replaceRegexpAll(JSONExtractString(x, 'contract'), '[-*]', ''), JSONExtractArrayRaw(zones)),
            [replaceRegexpAll(upper(JSONExtractString(body, if(version = 1, 'auth_id', 'contract_id'))), '[-*]', '')]))), []) CODEC(ZSTD(1)),
    ADD INDEX IF NOT EXISTS contracts contracts TYPE bloom_filter(0.0001) GRANULARITY 8;

ALTER TABLE objects MATERIALIZE COLUMN contracts;

ALTER TABLE objects MATERIALIZE INDEX contracts;
