package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/roamclear/roamclear/ingest"
)

// A load that was interrupted goes on at the next start; the world is there
// once, and the line it prints pushes a CDR that is priced.
func TestDemoGoesOnAfterAnInterruption(t *testing.T) {
	s := startTest(t, t.TempDir())
	load := func(ctx context.Context) (string, error) {
		flags := serviceFlags{data: s.data}
		client, err := flags.client()
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		d := &demo{client: client, options: demoOptions{rows: "60", seed: 1}, out: &out, progress: io.Discard}
		err = d.run(ctx)
		s.key, s.tokens = d.file.Key, d.file.Tokens
		return out.String(), err
	}
	interrupted, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	go func() {
		for !strings.Contains(s.request("GET", "/metrics", "", "").body, `roamclear_ingest_accepted_total{object="tariff"} 1`) {
			if !ingest.Pause(interrupted, 5*time.Millisecond) {
				return
			}
		}
		interrupt()
	}()
	if _, err := load(interrupted); err == nil {
		t.Log("the first load was quicker than its interruption")
	}
	out, err := load(t.Context())
	if err != nil || !strings.Contains(out, "Who claims what from whom") || !strings.Contains(out, "One CDR explained") {
		t.Fatalf("second load: %v\n%s", err, out)
	}
	again, err := load(t.Context())
	if err != nil || !strings.Contains(again, "still here") {
		t.Errorf("third start: %v\n%s", err, again)
	}
	body, err := os.ReadFile(filepath.Join(s.data, exampleDir, exampleCDR))
	if err != nil {
		t.Fatal(err)
	}
	a := s.request("POST", "/ocpi/2.2.1/receiver/cdrs", "Token "+s.tokens[exampleCPO], string(body))
	if a.status != 201 {
		t.Fatalf("the example CDR: HTTP %d %s", a.status, a.body)
	}
	s.eventually("the example CDR is priced", func() bool {
		var got struct {
			CDRs []struct{ Status, Claim string } `json:"cdrs"`
		}
		id := string(body[bytes.Index(body, []byte(`"id":"`))+6:])
		s.finance("/cdrs?id="+id[:strings.IndexByte(id, '"')], &got)
		return len(got.CDRs) == 1 && got.CDRs[0].Status == "priced" && got.CDRs[0].Claim == "agrees"
	})
	verified(t, s.data)
}

// Whose partners are the demo's: those of a directory that was new when the demo came, and
// of no log that others use.
func TestDemoAlone(t *testing.T) {
	for name, tc := range map[string]struct {
		files   map[string]string
		brokers []string
		want    bool
	}{
		"a directory that is there, empty":      {files: map[string]string{}, want: true},
		"no directory yet":                      {want: true},
		"no directory yet, and a log of others": {brokers: []string{"k1:9092"}},
		"a clearing house's":                    {files: map[string]string{"admin-token": "x"}},
		"a clearing house's, with the demo":     {files: map[string]string{"admin-token": "x", "demo.json": `{"loaded":true}`}},
		"the demo's":                            {files: map[string]string{"admin-token": "x", "demo.json": `{"alone":true}`}, want: true},
	} {
		c := Config{Data: filepath.Join(t.TempDir(), "data"), Kafka: KafkaConfig{Brokers: tc.brokers}}
		if tc.files != nil {
			if err := os.Mkdir(c.Data, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		for file, content := range tc.files {
			if err := os.WriteFile(filepath.Join(c.Data, file), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := demoAlone(&c); err != nil || got != tc.want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
