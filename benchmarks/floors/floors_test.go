package floors

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/roamclear/roamclear/benchmarks/world"
	"github.com/roamclear/roamclear/ingest/kafka"
	segmentio "github.com/segmentio/kafka-go"
)

func bodies(t *testing.T) [][]byte {
	t.Helper()
	var all [][]byte
	for item, err := range world.Items(world.Options{Seed: 1, Rows: 200, Clean: true, Only: []world.Module{world.CDRs}}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, item.Body)
	}
	return all
}

func TestHandlers(t *testing.T) {
	body := bodies(t)[50]
	for name, h := range map[string]http.Handler{"read": ReadHandler(), "decode": DecodeHandler()} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/cdrs", bytes.NewReader(body)))
		if w.Code != http.StatusCreated || w.Body.String() != answer {
			t.Errorf("%s: HTTP %d %s", name, w.Code, w.Body)
		}
	}
	w := httptest.NewRecorder()
	DecodeHandler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/cdrs", bytes.NewReader(body[:len(body)/2])))
	if w.Code != http.StatusBadRequest {
		t.Errorf("half a CDR: HTTP %d, want 400: the floor does not decode", w.Code)
	}
}

// Every floor does its work to the end on an embedded broker.
func TestFloors(t *testing.T) {
	all := bodies(t)
	if _, err := Decode(all, 1); err != nil {
		t.Error(err)
	}
	if _, err := Price(all, 1); err != nil {
		t.Error(err)
	}
	broker, err := kafka.StartEmbedded(t.Context(), kafka.EmbeddedOptions{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	client := segmentio.Client{Addr: segmentio.TCP(broker.Addr())}
	const topic = "floor"
	if _, err := client.CreateTopics(t.Context(), &segmentio.CreateTopicsRequest{Topics: []segmentio.TopicConfig{{Topic: topic, NumPartitions: 1, ReplicationFactor: 1}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := Produce(t.Context(), broker.Addr(), topic, all); err != nil {
		t.Fatal(err)
	}
	if _, err := Fetch(t.Context(), broker.Addr(), topic); err != nil {
		t.Fatal(err)
	}
	conn, err := segmentio.DialLeader(t.Context(), "tcp", broker.Addr(), topic, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if end, err := conn.ReadLastOffset(); err != nil || end != int64(len(all))+1 {
		t.Errorf("%d messages produced, %v; want %d", end, err, len(all)+1)
	}
}
