#!/usr/bin/env bash
# Makes b07b91f.tar.gz, a data directory as commit b07b91f left it, and
# b07b91f.json, what that commit's own binary says about it. Only that binary's
# public commands, curl and jq take part:
#
#	git worktree add /tmp/b07b91f b07b91f && make -C /tmp/b07b91f build
#	cmd/roamclear/testdata/b07b91f.sh /tmp/b07b91f/bin/roamclear
#
# The directory is not made again when something changes: that it is old is its
# use. Tokens and the key in b07b91f.json open nothing but this directory.
set -euo pipefail
bin=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
data=$work/data

start() { # start DIR
	"$bin" serve --data "$1" --listen 127.0.0.1:0 --log.level warn &
	pid=$!
	until [ -e "$1/service.json" ] && url=$(jq -er .url "$1/service.json") && curl -sf -o /dev/null "$url/readyz"; do sleep 0.1; done
}
stop() { kill -TERM "$pid"; wait "$pid"; }
push() { # push TOKEN METHOD PATH BODY
	curl -s -X "$2" -H "Authorization: Token $1" -H 'Content-Type: application/json' -d "$4" "$url/ocpi/2.2.1/receiver/$3" | jq -e '.status_code == 1000' >/dev/null ||
		{ echo "$2 $3 was not accepted" >&2; exit 1; }
}
finance() { curl -sf -H "Authorization: Bearer $key" "$url/api/v1/$1"; }
until_true() { # until_true PATH JQ: the store has what was pushed
	until finance "$1" | jq -e "$2" >/dev/null; do sleep 0.1; done
}
partner() { "$bin" partner add --data "$data" --role "$1" --country "$2" --party "$3" --token "$4" >/dev/null; }

location() { # location CC PARTY ID COUNTRY ZONE UPDATED
	jq -n --arg cc "$1" --arg p "$2" --arg id "$3" --arg c "$4" --arg z "$5" --arg u "$6" '
		{country_code: $cc, party_id: $p, id: $id, publish: true, address: "Greenmarket", city: "Dundee", country: $c,
		coordinates: {latitude: "56.45700", longitude: "-2.97500"}, time_zone: $z, last_updated: $u, evses: [{uid: "E1", status: "AVAILABLE", last_updated: $u,
		connectors: [{id: "1", standard: "IEC_62196_T2", format: "SOCKET", power_type: "AC_3_PHASE", max_voltage: 400, max_amperage: 32, last_updated: $u}]}]}'
}
tariff() { # tariff CC PARTY ID CURRENCY KWH UPDATED: by day 1.00 more to start than by night
	jq -n --arg cc "$1" --arg p "$2" --arg id "$3" --arg cur "$4" --argjson kwh "$5" --arg u "$6" '
		{country_code: $cc, party_id: $p, id: $id, currency: $cur, last_updated: $u, elements: [
		{price_components: [{type: "FLAT", price: 1.5, vat: 20, step_size: 1}], restrictions: {start_time: "06:00", end_time: "22:00"}},
		{price_components: [{type: "FLAT", price: 0.5, vat: 20, step_size: 1}]},
		{price_components: [{type: "ENERGY", price: $kwh, vat: 20, step_size: 1}]},
		{price_components: [{type: "PARKING_TIME", price: 2, vat: 20, step_size: 900}]}]}'
}
cdr() { # cdr CC PARTY ID EMSP_CC EMSP TARIFF LOCATION COUNTRY CURRENCY DAY EXCL [JQ]: 20 kWh, and 40 minutes of parking
	jq -n --arg cc "$1" --arg p "$2" --arg id "$3" --arg ecc "$4" --arg e "$5" --arg t "$6" --arg l "$7" --arg c "$8" --arg cur "$9" --arg d "${10}" --argjson x "${11}" '
		{country_code: $cc, party_id: $p, id: $id, start_date_time: "\($d)T10:00:00Z", end_date_time: "\($d)T12:00:00Z",
		cdr_token: {country_code: $ecc, party_id: $e, uid: "U1", type: "RFID", contract_id: "\($ecc)-\($e)-1"}, auth_method: "WHITELIST",
		cdr_location: {id: $l, address: "Greenmarket", city: "Dundee", country: $c, coordinates: {latitude: "56.45700", longitude: "-2.97500"}, evse_uid: "E1",
		evse_id: "\($cc)*\($p)*E1", connector_id: "1", connector_standard: "IEC_62196_T2", connector_format: "SOCKET", connector_power_type: "AC_3_PHASE"},
		currency: $cur, charging_periods: [
		{start_date_time: "\($d)T10:00:00Z", dimensions: [{type: "ENERGY", volume: 20}, {type: "TIME", volume: 1.3333}], tariff_id: $t},
		{start_date_time: "\($d)T11:20:00Z", dimensions: [{type: "PARKING_TIME", volume: 0.6667}], tariff_id: $t}],
		total_cost: {excl_vat: $x, incl_vat: ($x * 120 | round / 100)}, total_energy: 20, total_time: 2, total_parking_time: 0.6667, last_updated: "\($d)T12:05:00Z"}
		| '"${12:-.}"
}
dundee() { cdr GB DUN "$1" NL EXW T1 L1 GBR GBP "${@:2}"; }
boulder() { cdr US BOU "$1" DE TNM T9 L9 USA USD "${@:2}"; }

start "$data"
partner CPO GB DUN token-dundee-first
partner CPO US BOU token-boulder-first
partner EMSP NL EXW token-exw-0001
partner EMSP DE TNM token-tnm-0001
partner EMSP FR OLD token-old-0001
key=$("$bin" key add --data "$data" --scope finance:read)
restricted=$("$bin" key add --data "$data" --scope finance:read --party US/BOU)
dun=token-dundee-first bou=token-boulder-first

# One currency, one zone, a tariff of two versions; each prices a CDR.
push $dun PUT locations/GB/DUN/L1 "$(location GB DUN L1 GBR Europe/London 2018-12-01T00:00:00Z)"
push $dun PUT tariffs/GB/DUN/T1 "$(tariff GB DUN T1 GBP 0.25 2018-12-01T00:00:00Z)"
push $dun POST cdrs "$(dundee first-version 2019-01-05 8)"
until_true cdrs/GB/DUN/first-version '.result.status == "priced"'
push $dun PUT tariffs/GB/DUN/T1 "$(tariff GB DUN T1 GBP 0.30 2018-12-02T00:00:00Z)"
push $dun POST cdrs "$(dundee second-version 2019-01-06 9)"
push $dun POST cdrs "$(dundee claims-more 2019-01-07 19)"

# A Location whose zone changes: 10:00 UTC is night in Denver and day in London.
push $bou PUT tariffs/US/BOU/T9 "$(tariff US BOU T9 USD 0.40 2018-12-01T00:00:00Z)"
push $bou PUT locations/US/BOU/L9 "$(location US BOU L9 USA America/Denver 2018-12-01T00:00:00Z)"
push $bou POST cdrs "$(boulder first-zone 2019-01-08 10)"
until_true cdrs/US/BOU/first-zone '.result.status == "priced"'
push $bou PUT locations/US/BOU/L9 "$(location US BOU L9 USA Europe/London 2018-12-02T00:00:00Z)"
push $bou POST cdrs "$(boulder second-zone 2019-02-08 11)"

# Copies: one the same, one with other content.
push $dun POST cdrs "$(dundee repeated 2019-02-01 9)"
push $dun POST cdrs "$(dundee repeated 2019-02-01 9)"
push $dun POST cdrs "$(dundee contested 2019-02-02 9)"
push $dun POST cdrs "$(dundee contested 2019-02-02 90)"

# A credit of a part, and a CDR that carries its tariff.
push $dun POST cdrs "$(dundee credited 2019-02-03 9)"
push $dun POST cdrs "$(dundee credit 2019-02-03 -4 '. + {credit: true, credit_reference_id: "credited"}')"
push $dun POST cdrs "$(dundee carries 2019-02-04 7 ". + {tariffs: [$(tariff GB DUN T1 GBP 0.20 2018-11-01T00:00:00Z)]}")"

# Rejects of each kind that heals: one of each stays, one of each was healed,
# and one stays because its month is closed when its cause goes away.
push $dun POST cdrs "$(cdr GB DUN tariff-missing NL EXW T404 L1 GBR GBP 2019-02-05 9)"
push $dun POST cdrs "$(cdr GB DUN tariff-late NL EXW T2 L1 GBR GBP 2019-02-06 9)"
push $dun POST cdrs "$(cdr GB DUN tariff-too-late NL EXW T3 L1 GBR GBP 2019-01-09 9)"
push $dun POST cdrs "$(cdr GB DUN debtor-missing NL NIL T1 L1 GBR GBP 2019-02-07 9)"
push $dun POST cdrs "$(cdr GB DUN debtor-late NL NEW T1 L1 GBR GBP 2019-02-08 9)"
push $bou POST cdrs "$(cdr US BOU zone-missing DE TNM T9 L404 USA USD 2019-02-09 11)"
push $bou POST cdrs "$(cdr US BOU zone-late DE TNM T9 L8 USA USD 2019-02-10 10)"
until_true rejects '.rejects | length == 7'
"$bin" period close 2019-01 --data "$data"
push $dun PUT tariffs/GB/DUN/T2 "$(tariff GB DUN T2 GBP 0.30 2019-03-01T00:00:00Z)"
push $dun PUT tariffs/GB/DUN/T3 "$(tariff GB DUN T3 GBP 0.30 2019-03-01T00:00:00Z)"
push $bou PUT locations/US/BOU/L8 "$(location US BOU L8 USA America/Denver 2019-03-01T00:00:00Z)"
partner EMSP NL NEW token-new-0001
until_true rejects '.rejects | length == 4'

# A partner that is gone, whose CDR was priced.
push $dun POST cdrs "$(cdr GB DUN debtor-gone FR OLD T1 L1 GBR GBP 2019-02-11 9)"
until_true cdrs/GB/DUN/debtor-gone '.result.status == "priced"'
"$bin" partner remove fr-old-emsp --data "$data"

# Sessions grown by PATCHes, Tokens, a body of no use.
session='{"country_code":"GB","party_id":"DUN","id":"S1","start_date_time":"2019-02-05T10:00:00Z","kwh":0,"cdr_token":{"country_code":"NL","party_id":"EXW","uid":"U1","type":"RFID","contract_id":"NL-EXW-1"},
"auth_method":"WHITELIST","location_id":"L1","evse_uid":"E1","connector_id":"1","currency":"GBP","status":"ACTIVE","last_updated":"2019-02-05T10:00:00Z"}'
push $dun PUT sessions/GB/DUN/S1 "$session"
push $dun PATCH sessions/GB/DUN/S1 '{"kwh":7.5,"charging_periods":[{"start_date_time":"2019-02-05T10:00:00Z","dimensions":[{"type":"ENERGY","volume":7.5}],"tariff_id":"T1"}],"last_updated":"2019-02-05T10:30:00Z"}'
push $dun PATCH sessions/GB/DUN/S1 '{"kwh":9.5,"charging_periods":[{"start_date_time":"2019-02-05T10:30:00Z","dimensions":[{"type":"ENERGY","volume":2}],"tariff_id":"T1"}],"last_updated":"2019-02-05T10:45:00Z"}'
push $dun PUT sessions/GB/DUN/S2 "${session/\"S1\"/\"S2\"}"
push $dun PATCH locations/GB/DUN/L1 '{"city":"Dundee City","last_updated":"2018-12-03T00:00:00Z"}'
for uid in U1 U2; do
	push token-exw-0001 PUT tokens/NL/EXW/$uid "{\"country_code\":\"NL\",\"party_id\":\"EXW\",\"uid\":\"$uid\",\"type\":\"RFID\",\"contract_id\":\"NL-EXW-$uid\",\"issuer\":\"EXW\",\"valid\":true,\"whitelist\":\"ALLOWED\",\"last_updated\":\"2019-01-01T00:00:00Z\"}"
done
curl -s -o /dev/null -H "Authorization: Token $dun" -H 'Content-Type: application/json' -d '{"id":"no-party"}' "$url/ocpi/2.2.1/receiver/cdrs"
until_true refusals '.refusals | length == 1'

# Corrections of the closed month; a run that nobody applied.
"$bin" reprice --data "$data" --from 2019-01 --profile STEP_NONE --apply --quiet
"$bin" reprice --data "$data" --from 2019-02 --profile STEP_NONE --quiet

# Two rotations: one confirmed by use, one under way.
"$bin" partner rotate gb-dun-cpo --data "$data" --token token-dundee-second
push token-dundee-second GET sessions/GB/DUN/S1 ''
"$bin" partner rotate us-bou-cpo --data "$data" --token token-boulder-second
until_true sessions/GB/DUN/S1 '.raw.kwh == 9.5'
stop
"$bin" verify --data "$data" --quiet

# Packed without what the next start writes again.
rm -r "$data/admin-token" "$data/store/engine.log" "$data/store/config.xml" "$data/store/users.xml"
tar -C "$data" --sort=name --owner=0 --group=0 --numeric-owner -cf - . | gzip -9n >"$work/b07b91f.tar.gz"

# What the same binary says of the directory that was packed; of the refused body
# nothing, since those are kept for a time only; a Session is priced anew by each.
mkdir "$work/again"
tar -C "$work/again" -xzf "$work/b07b91f.tar.gz"
"$bin" verify --data "$work/again" --quiet
start "$work/again"
for path in 'reports/settlement?from=2019-01&to=2019-03' rejects 'conflicts?kind=all' tariffs cdrs/GB/DUN/{first-version,second-version,claims-more,contested,carries,credited,credit,tariff-late,tariff-too-late,debtor-late,debtor-gone} \
	cdrs/US/BOU/{first-zone,second-zone,zone-late} sessions/GB/DUN/S1; do
	finance "$path" | jq --arg path "$path" '{($path): del(.price.explanation_text) | walk(if type == "object" then del(.url, .cdrs_url, .next, .raw, .explanation) else . end)}'
done | jq -s --arg key "$key" --arg restricted "$restricted" '{
	$key, $restricted, tokens: ["token-dundee-second", "token-boulder-second"], ended: ["token-dundee-first", "token-old-0001"], closed: ["2019-01"], answers: add}' >"$work/b07b91f.json"
stop
mv "$work"/b07b91f.{tar.gz,json} "$here"
rm -r "$work"
