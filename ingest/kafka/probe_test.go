package kafka

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control/certtest"
)

func clusterT(t *testing.T, o ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(o...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// rights are what a user may do with names that begin so.
func rights(of kmsg.ACLResourceType, operations ...kmsg.ACLOperation) []kfake.ACL {
	var acls []kfake.ACL
	for _, op := range operations {
		acls = append(acls, kfake.ACL{Resource: of, Name: "roamclear", Pattern: kmsg.ACLResourcePatternTypePrefixed, Operation: op, Allow: true})
	}
	return acls
}

// limited is a cluster whose user has some rights, and the options of that user.
func limited(t *testing.T, topics bool, acls ...[]kfake.ACL) Options {
	t.Helper()
	var all []kfake.ACL
	for _, a := range acls {
		all = append(all, a...)
	}
	o := []kfake.Opt{kfake.NumBrokers(3), kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("PLAIN", "admin", "admin"), kfake.User("PLAIN", loginUser, loginPassword, all...)}
	if topics {
		for _, spec := range ingest.Topics() {
			o = append(o, kfake.SeedTopics(1, string(spec.Topic)))
		}
	}
	return Options{Brokers: clusterT(t, o...).ListenAddrs(), Login: Login{"PLAIN", loginUser, loginPassword}}
}

// What is wrong with a broker, or with all of them, is told by reason.
func TestProbeSaysWhatIsWrong(t *testing.T) {
	ca, stranger := certtest.NewCA(t, "Brokers"), certtest.NewCA(t, "Stranger")
	ours := []tls.Certificate{certtest.Pair(t, ca.Issue("roamclear", certtest.Options{}))}
	good := fixed(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: ca.Trusted(), Certificates: ours})
	login := Login{"SCRAM-SHA-512", loginUser, loginPassword}
	secured := guarded(t, ca, ca.Server("broker")).ListenAddrs()
	plain := clusterT(t, kfake.NumBrokers(3)).ListenAddrs()
	scram := clusterT(t, kfake.NumBrokers(3), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", loginUser, loginPassword)).ListenAddrs()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	topic, group := kmsg.ACLResourceTypeTopic, kmsg.ACLResourceTypeGroup
	member := rights(group, kmsg.ACLOperationRead, kmsg.ACLOperationDescribe)
	for _, tt := range []struct {
		name         string
		o            Options
		reason, says string // "" = nothing is wrong
	}{
		{"as it should be", Options{Brokers: plain}, "", ""},
		{"over TLS, with a login", Options{Brokers: secured, TLS: good, Login: login}, "", ""},
		{"no such name", Options{Brokers: append([]string{"nowhere.invalid:9092"}, plain...)}, ingest.TrialName, "nowhere.invalid"},
		{"nobody there", Options{Brokers: append([]string{gone.Addr().String()}, plain...)}, ingest.TrialRefused, gone.Addr().String()},
		{"TLS is wanted", Options{Brokers: secured[:1]}, ingest.TrialTLS, "kafka.tls.enabled"},
		{"no TLS is spoken", Options{Brokers: plain[:1], TLS: good}, ingest.TrialTLS, plain[0]},
		{"signed by a stranger", Options{Brokers: secured[:1], Login: login, TLS: fixed(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: stranger.Trusted()})}, ingest.TrialTLS, "unknown authority"},
		{"no certificate of us", Options{Brokers: secured[:1], Login: login, TLS: fixed(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: ca.Trusted()})}, ingest.TrialTLS, "certificate required"},
		{"a login is wanted", Options{Brokers: scram[:1]}, ingest.TrialLogin, "kafka.sasl.mechanism"},
		{"another password", Options{Brokers: scram[:1], Login: Login{"SCRAM-SHA-256", loginUser, "another"}}, ingest.TrialLogin, "refuses the login"},
		{"another mechanism", Options{Brokers: scram[:1], Login: Login{"PLAIN", loginUser, loginPassword}}, ingest.TrialLogin, "refuses the login"},
		{"nothing granted", limited(t, false), ingest.TrialGranted, "grant DESCRIBE, READ and WRITE"},
		{"topics may not be made", limited(t, false, member, rights(topic, kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationDescribe)), ingest.TrialGranted, "grant CREATE"},
		{"topics may be read alone", limited(t, true, member, rights(topic, kmsg.ACLOperationRead, kmsg.ACLOperationDescribe, kmsg.ACLOperationDescribeConfigs)), ingest.TrialGranted, "grant WRITE on it"},
		{"no group may be joined", limited(t, true, rights(topic, kmsg.ACLOperationAll)), ingest.TrialGranted, "group roamclear-pricing"},
		{"all that is needed", limited(t, false, member, rights(topic, kmsg.ACLOperationCreate, kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationDescribe, kmsg.ACLOperationDescribeConfigs)), "", ""},
		{"brokers of long ago", Options{Brokers: clusterT(t, kfake.NumBrokers(1), kfake.MaxVersions(kversion.V2_2_0())).ListenAddrs()}, ingest.TrialVersion, "Fetch 11 (Kafka 2.3 and later)"},
		{"more replicas than brokers", Options{Brokers: clusterT(t, kfake.NumBrokers(1)).ListenAddrs(), Replication: 3}, ingest.TrialReplicas, "kafka.replication is 3, and there are 1 brokers"},
		{"another number of partitions", Options{Brokers: clusterT(t, kfake.NumBrokers(3), kfake.SeedTopics(6, string(ingest.TopicCDRs))).ListenAddrs(), Partitions: 4}, ingest.TrialSettings, "has 6 partitions"},
	} {
		found := 0
		for _, trial := range Probe(t.Context(), tt.o) {
			switch {
			case trial.Reason == "" || trial.Told:
			case trial.Reason == ingest.TrialSettings && tt.reason == ingest.TrialGranted: // topics that were seeded
			case trial.Reason != tt.reason:
				t.Errorf("%s: %+v, want %q", tt.name, trial, tt.reason)
			case strings.Contains(fmt.Sprint(trial.Err), tt.says):
				found++
			}
			if strings.Contains(fmt.Sprint(trial.What, trial.Err), loginPassword) {
				t.Errorf("%s: shows the password: %+v", tt.name, trial)
			}
		}
		if (tt.reason != "") != (found > 0) {
			t.Errorf("%s: %q was not told", tt.name, tt.says)
		}
	}
}

// A broker may be reached and still name itself by an address that is not.
func TestProbeTriesWhatBrokersCallThemselves(t *testing.T) {
	c := clusterT(t, kfake.NumBrokers(1))
	c.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		res := req.ResponseKind().(*kmsg.MetadataResponse)
		b := kmsg.NewMetadataResponseBroker()
		b.Host, b.Port = "kafka.internal.invalid", 9092
		res.Brokers = append(res.Brokers, b)
		return res, nil, true
	})
	trials := Probe(t.Context(), Options{Brokers: c.ListenAddrs()})
	if len(trials) < 2 || trials[0].Reason != "" || trials[1].Reason != ingest.TrialName || !strings.Contains(trials[1].Err.Error(), "advertised.listeners") {
		t.Errorf("%+v", trials)
	}
}

// Nothing is changed by trying, and what is only doubtful keeps from nothing: neither on
// brokers in this process nor on real ones.
func TestProbeChangesNothing(t *testing.T) {
	for name, addrs := range realBrokers(t) {
		o := Options{Brokers: addrs, Prefix: "probe-"}
		for range 2 {
			made := 0
			for _, trial := range Probe(t.Context(), o) {
				if trial.Reason != "" && !trial.Told {
					t.Errorf("%s: %+v", name, trial)
				}
				if strings.Contains(trial.What, "will be made") {
					made++
				}
			}
			if made != len(ingest.Topics()) {
				t.Errorf("%s: %d topics will be made", name, made)
			}
		}
	}
}

// Real brokers take our certificate and each login.
func TestRealBrokersOverTLSWithALogin(t *testing.T) {
	dir := os.Getenv("ROAMCLEAR_TEST_KAFKA_CERTS")
	if dir == "" {
		return // deploy/kafka.sh test
	}
	file := func(name string) string { return filepath.Join(dir, name) }
	ca := certtest.Known(t, file("ca.pem"))
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: ca.Trusted(), Certificates: []tls.Certificate{certtest.Pair(t, certtest.Files{Cert: file("client.pem"), Key: file("client.key")})}}
	addrs := strings.Split(os.Getenv("ROAMCLEAR_TEST_KAFKA_SECURED"), ",")
	for _, mechanism := range Mechanisms {
		o := Options{Brokers: addrs, TLS: fixed(config), Login: Login{mechanism, "roamclear", "roamclear-secret"}}
		appendT(t, openT(t, o), 0)
		for _, trial := range Probe(t.Context(), o) {
			if trial.Reason != "" && !trial.Told {
				t.Errorf("%s: %+v", mechanism, trial)
			}
		}
		o.Login.Password = "another"
		if _, err := Open(t.Context(), o); err == nil || !turnedAway(err) {
			t.Errorf("%s with another password: %v", mechanism, err)
		}
		if trials := Probe(t.Context(), o); trials[0].Reason != ingest.TrialLogin {
			t.Errorf("%s with another password: %+v", mechanism, trials)
		}
	}
	for reason, o := range map[string]Options{
		ingest.TrialTLS:   {Brokers: addrs, TLS: fixed(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: ca.Trusted()}), Login: Login{"PLAIN", "roamclear", "roamclear-secret"}},
		ingest.TrialLogin: {Brokers: addrs, TLS: fixed(config)},
	} {
		if trials := Probe(t.Context(), o); trials[0].Reason != reason {
			t.Errorf("%+v, want %s", trials, reason)
		}
	}
	for _, trial := range Probe(t.Context(), Options{Brokers: addrs}) {
		if trial.Reason != ingest.TrialTLS {
			t.Errorf("without TLS: %+v", trial)
		}
	}
}
