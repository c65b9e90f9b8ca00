#!/usr/bin/env bash
# Apache Kafka on this machine, for tests: one broker, or three that replicate.
#
#   deploy/kafka.sh up 1|3     start them, print their addresses
#   deploy/kafka.sh kill I     end broker I as a crash does; start I brings it back
#   deploy/kafka.sh freeze I   have broker I hang as a machine without network does, until thaw I
#   deploy/kafka.sh down       stop them; their data stays in $KAFKA_HOME
#   deploy/kafka.sh secured    the addresses by which they speak TLS, ask for a certificate and want a login
#   deploy/kafka.sh test       after up 3: the tests that hold real brokers to the embedded one's behaviour
#
# Needs Java 17, Maven and openssl, no container. KAFKA_HOME (~/.cache/roamclear/kafka) holds jars, data, and in certs
# ca.pem, client.pem and client.key. The login is roamclear, roamclear-secret, by PLAIN, SCRAM-SHA-256 or -512.
set -euo pipefail
version=${KAFKA_VERSION:-4.4.0}
home=${KAFKA_HOME:-$HOME/.cache/roamclear/kafka}
port=${KAFKA_PORT:-29092}
libs=$home/libs-$version

brokers() { cat "$home/brokers" 2>/dev/null || echo 0; }
client() { echo $((port + $1 - 1)); }
controller() { echo $((port + 100 + $1 - 1)); }
secure() { echo $((port + 200 + $1 - 1)); }
listening() { (exec 3<>"/dev/tcp/127.0.0.1/$(client "$1")") 2>/dev/null; }
running() { local pid; pid=$(cat "$home/$1/pid" 2>/dev/null) && grep -q kafka.Kafka "/proc/$pid/cmdline" 2>/dev/null; }
addresses() { local i list=""; for ((i = 1; i <= $(brokers); i++)); do list+="${list:+,}127.0.0.1:$("$1" $i)"; done; echo "$list"; }

fetch() {
  [ -f "$libs/.complete" ] && return
  mkdir -p "$libs"
  cat >"$home/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>roamclear</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
</dependencies></project>
POM
  mvn -q -B -f "$home/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$libs" >&2
  touch "$libs/.complete"
}

# Certificates of a CA of this machine's own: the brokers', and a client's.
certificates() {
  local certs=$home/certs name
  [ -f "$certs/client.pem" ] && return
  mkdir -p "$certs"
  openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=roamclear test CA" -keyout "$certs/ca.key" -out "$certs/ca.pem" 2>/dev/null
  for name in broker client; do
    openssl req -newkey rsa:2048 -nodes -subj "/CN=$name" -keyout "$certs/$name.key" -out "$certs/$name.csr" 2>/dev/null
    openssl x509 -req -in "$certs/$name.csr" -CA "$certs/ca.pem" -CAkey "$certs/ca.key" -CAcreateserial -days 3650 \
      -extfile <(echo "subjectAltName=IP:127.0.0.1,DNS:localhost") -out "$certs/$name.pem" 2>/dev/null
  done
  cat "$certs/broker.key" "$certs/broker.pem" >"$certs/keystore.pem"
}

# A lost broker leaves the in-sync set within 5 s; what is old is looked for every 5 s.
properties() {
  local i=$1 n replicas=1 insync=1 voters="" j
  n=$(brokers)
  if [ "$n" -ge 3 ]; then replicas=3 insync=2; fi
  for ((j = 1; j <= n; j++)); do voters+="${voters:+,}$j@127.0.0.1:$(controller $j)"; done
  cat <<PROPERTIES
process.roles=broker,controller
node.id=$i
controller.quorum.voters=$voters
listeners=PLAINTEXT://127.0.0.1:$(client "$i"),SECURED://127.0.0.1:$(secure "$i"),CONTROLLER://127.0.0.1:$(controller "$i")
advertised.listeners=PLAINTEXT://127.0.0.1:$(client "$i"),SECURED://127.0.0.1:$(secure "$i")
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SECURED:SASL_SSL,CONTROLLER:PLAINTEXT
listener.name.secured.ssl.keystore.type=PEM
listener.name.secured.ssl.keystore.location=$home/certs/keystore.pem
listener.name.secured.ssl.truststore.type=PEM
listener.name.secured.ssl.truststore.location=$home/certs/ca.pem
listener.name.secured.ssl.client.auth=required
listener.name.secured.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.secured.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_roamclear="roamclear-secret";
listener.name.secured.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.secured.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
controller.listener.names=CONTROLLER
log.dirs=$home/$i/log
offsets.topic.replication.factor=$replicas
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=$replicas
transaction.state.log.min.isr=$insync
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
replica.lag.time.max.ms=5000
log.retention.check.interval.ms=5000
log.initial.task.delay.ms=1000
PROPERTIES
}

start() {
  local i=$1 dir=$home/$1 wait
  running "$i" && return
  mkdir -p "$dir"
  properties "$i" >"$dir/server.properties"
  [ -f "$dir/log/meta.properties" ] ||
    java -Xmx64m -cp "$libs/*" kafka.tools.StorageTool format -t cm9hbWNsZWFyLXRlc3QtMQ -c "$dir/server.properties" \
      -S 'SCRAM-SHA-256=[name=roamclear,password=roamclear-secret]' -S 'SCRAM-SHA-512=[name=roamclear,password=roamclear-secret]' >"$dir/format.out" 2>&1
  setsid java -Xmx256m -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$libs/*" kafka.Kafka "$dir/server.properties" >>"$dir/out" 2>&1 </dev/null &
  echo $! >"$dir/pid"
}

ready() {
  local tries
  for ((tries = 0; tries < 600; tries++)); do
    listening "$1" && return
    running "$1" || { tail -5 "$home/$1/out" >&2; return 1; }
    sleep 0.1
  done
  return 1
}

# A process that was killed may hold its socket for a moment after it is gone.
stop() {
  local signal=$1 i=$2 tries
  running "$i" && kill "-$signal" "$(cat "$home/$i/pid")"
  for ((tries = 0; tries < 150; tries++)); do running "$i" || listening "$i" || break; sleep 0.1; done
  rm -f "$home/$i/pid"
}

each() { local i; for ((i = 1; i <= $(brokers); i++)); do "$@" "$i"; done; }

case "${1:-}" in
up)
  fetch
  certificates
  n=${2:-1}
  [ "$(brokers)" = 0 ] || [ "$(brokers)" = "$n" ] || { echo "$home holds $(brokers) brokers" >&2; exit 1; }
  echo "$n" >"$home/brokers"
  each start
  each ready
  addresses client
  ;;
secured) addresses secure ;;
start) start "$2" && ready "$2" ;;
kill) stop KILL "$2" ;;
freeze) kill -STOP "$(cat "$home/$2/pid")" ;;
thaw) kill -CONT "$(cat "$home/$2/pid")" ;;
down) each stop TERM ;;
test)
  { [ "$(brokers)" != 0 ] && each running; } || { echo "no broker runs: deploy/kafka.sh up 3 first" >&2; exit 1; }
  cd "$(dirname "$0")/.." && export KAFKA_HOME=$home KAFKA_PORT=$port ROAMCLEAR_TEST_KAFKA ROAMCLEAR_TEST_KAFKA_SECURED ROAMCLEAR_TEST_KAFKA_CERTS=$home/certs
  ROAMCLEAR_TEST_KAFKA=$(addresses client) ROAMCLEAR_TEST_KAFKA_SECURED=$(addresses secure)
  go test ./ingest/kafka -run 'Alike|Settings|Replicas|RefusedTopic|Prefixes|Probe|RealBroker' -count=1 "${@:2}" ;;
*) sed -n 2,12p "$0"; exit 2 ;;
esac
