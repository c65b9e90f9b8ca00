#!/usr/bin/env bash
# Holds the files of deploy/ to their tools' own checkers: alert rules and their cases, the Helm chart as it is rendered,
# the systemd unit where systemd is installed. They are built from Go modules into bin/tools, once: 15 minutes each on
# two idle cores for the larger ones, so this is no part of `make test`.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$PWD/bin/tools
tool() { # a name, then what go install is told
  [ -x "$tools/$1" ] || { echo "building $1"; GOBIN=$tools go install "${@:2}"; }
}
tool promtool -tags remove_all_sd github.com/prometheus/prometheus/cmd/promtool@v0.316.0
tool helm helm.sh/helm/v3/cmd/helm@v3.22.0
tool kubectl-validate sigs.k8s.io/kubectl-validate@v0.0.4

"$tools/promtool" check rules --lint=all --lint-fatal deploy/prometheus/alerts.yaml
"$tools/promtool" test rules deploy/prometheus/alerts_test.yaml

# With as little as can be set, and with all there is. What is of the Prometheus operator has no schema here.
chart=deploy/helm/roamclear
version=(--kube-version 1.30.0)
all=(--set ingress.enabled=true --set ingress.className=nginx --set ingress.tlsSecretName=tls --set imagePullSecrets[0].name=pull
  --set networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.name=monitoring
  --set config.tls.cert=/tls/tls.crt --set config.tls.key=/tls/tls.key --set roles.price.nodeSelector.disk=ssd)
monitoring=(--set monitoring.podMonitor=true --set monitoring.rules=true)
"$tools/helm" lint --quiet --strict "${version[@]}" $chart "${all[@]}" "${monitoring[@]}"
rendered=$(mktemp -d)
trap 'rm -rf "$rendered"' EXIT
"$tools/helm" template "${version[@]}" roamclear $chart >"$rendered/least.yaml"
"$tools/helm" template "${version[@]}" prod $chart "${all[@]}" >"$rendered/all.yaml"
"$tools/helm" template "${version[@]}" prod $chart "${all[@]}" "${monitoring[@]}" >/dev/null
"$tools/kubectl-validate" --version 1.30 "$rendered/least.yaml" "$rendered/all.yaml"
if "$tools/helm" template "${version[@]}" roamclear $chart --set config.tls.client_auth=require >/dev/null 2>&1; then
  echo "the chart takes tls.client_auth: require, with which probes fail" >&2
  exit 1
fi

if command -v systemd-analyze >/dev/null; then
  unit=$rendered/roamclear.service
  sed 's,^ExecStart=/usr/bin/roamclear,ExecStart=/bin/true,' deploy/systemd/roamclear.service >"$unit"
  systemd-analyze verify "$unit"
  systemd-analyze security --offline=yes --threshold=20 "$unit" | tail -1
fi
