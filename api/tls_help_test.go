package api_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/roamclear/roamclear/ingest/control/certtest"
)

// leafOf reads a certificate.
func leafOf(t *testing.T, f certtest.Files) *x509.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		t.Fatal(err)
	}
	return pair.Leaf
}

// overwrite writes a file where it is: its inode stays.
func overwrite(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// gathered returns the values of a collector, by their labels.
func gathered(t *testing.T, c prometheus.Collector) map[string]float64 {
	t.Helper()
	reg := prometheus.NewRegistry()
	reg.MustRegister(c)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			name := ""
			for i, l := range m.Label {
				if i > 0 {
					name += " "
				}
				name += l.GetValue()
			}
			values[name] = m.Gauge.GetValue()
		}
	}
	return values
}
