#!/usr/bin/env bash
# Prints the statements that make roamclear's users on a ClickHouse server, with no more rights than they need:
# the service's, which owns its database and nothing else, and one that reads it, for dashboards and people.
#
#   ROAMCLEAR_CLICKHOUSE_PASSWORD=… READER_PASSWORD=… deploy/clickhouse-users.sh [DATABASE] | clickhouse-client --multiquery
#
# DATABASE is roamclear where none is given; the users are called DATABASE and DATABASE_reader. Only hashes of the
# passwords are printed. Without READER_PASSWORD there is no reader. On a cluster run it on every server, or add
# ON CLUSTER behind each name.
set -euo pipefail
database=${1:-roamclear}
[[ $database =~ ^[A-Za-z_][A-Za-z0-9_]*$ ]] || { echo "database $database: want letters, digits and _" >&2; exit 2; }
: "${ROAMCLEAR_CLICKHOUSE_PASSWORD:?is the password that the service will have}"
hash() { printf %s "$1" | sha256sum | cut -d' ' -f1; }

cat <<SQL
CREATE USER IF NOT EXISTS $database IDENTIFIED WITH sha256_hash BY '$(hash "$ROAMCLEAR_CLICKHOUSE_PASSWORD")';
GRANT SELECT, INSERT, ALTER TABLE, CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP TABLE, DROP VIEW, TRUNCATE ON \`$database\`.* TO $database;
GRANT CREATE TEMPORARY TABLE ON *.* TO $database;
GRANT SELECT ON system.columns TO $database;
GRANT SELECT ON system.settings TO $database;
GRANT SELECT ON system.tables TO $database;
GRANT TABLE ENGINE ON Atomic TO $database;
GRANT TABLE ENGINE ON MaterializedView TO $database;
GRANT TABLE ENGINE ON Memory TO $database;
GRANT TABLE ENGINE ON MergeTree TO $database;
GRANT TABLE ENGINE ON ReplacingMergeTree TO $database;
SQL
[ -z "${READER_PASSWORD:-}" ] || cat <<SQL
CREATE USER IF NOT EXISTS ${database}_reader IDENTIFIED WITH sha256_hash BY '$(hash "$READER_PASSWORD")' SETTINGS readonly = 2, max_execution_time = 60, max_memory_usage = 2000000000;
GRANT SELECT ON \`$database\`.* TO ${database}_reader;
SQL
