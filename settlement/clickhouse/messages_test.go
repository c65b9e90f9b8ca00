package clickhouse

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/messages"
	"github.com/roamclear/roamclear/ocpi"
)

// Messages are found by each of their keys, page by page, once though they were sent twice;
// a day that is over is gone whole.
func TestMessages(t *testing.T) {
	s, ctx := newStore(t), t.Context()
	write(t, s, batchOf(t, 0, 0, january))
	midnight := ocpi.TimeOf(time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC))
	var all []messages.Message
	for i := range 6 {
		all = append(all, messages.Message{
			At: midnight + ocpi.Time(time.Duration(i-2)*time.Second), Seq: 1<<63 + uint64(i), Partner: fmt.Sprintf("partner-%d", i%2), Direction: messages.Direction(1 + i%2), Method: "POST", Path: "/x",
			Version: ocpi.V221, From: "NL*TNM", To: "ZZ*RCH", RequestID: fmt.Sprintf("r-%d", i), CorrelationID: fmt.Sprintf("c-%d", i/2), HTTP: uint16(200 + 100*(i%3)), Status: uint16(1000 + 1000*(i%2)),
			Micros: 1234, Object: []string{"cdr", "session"}[i/3], Owner: "NL*TNM", ID: fmt.Sprintf("ID-%d", i), SessionID: fmt.Sprintf("S-%d", i/3), Token: fmt.Sprintf("token-%d", i/4),
			Reason: "why", Request: []byte(`{"a":1}`), Response: []byte("\x00\xff"), RequestBytes: 7, ResponseBytes: 2,
		})
	}
	all[5].Held, all[5].Request = messages.Place{Topic: ingest.TopicCDRs, Position: ingest.Position{Epoch: 1}}, nil
	dropped := messages.Message{At: midnight, Seq: 99, Partner: "partner-1", NotKept: 17}
	for range 2 {
		if err := s.WriteMessages(ctx, append(slices.Clone(all), dropped)); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		q       messages.Query
		want    []int // the latest first
		notKept uint64
	}{
		"all":         {messages.Query{}, []int{5, 4, 3, 2, 1, 0}, 17},
		"partner":     {messages.Query{Partner: "partner-0"}, []int{4, 2, 0}, 0},
		"direction":   {messages.Query{Direction: messages.Out}, []int{5, 3, 1}, 17},
		"from":        {messages.Query{From: midnight + 1}, []int{5, 4, 3}, 0},
		"until":       {messages.Query{Partner: "partner-1", To: midnight + 1}, []int{1}, 17},
		"http":        {messages.Query{HTTP: 300}, []int{4, 1}, 17},
		"ocpi":        {messages.Query{Status: 2000}, []int{5, 3, 1}, 17},
		"failed":      {messages.Query{Failed: true}, []int{5, 4, 3, 2, 1}, 17},
		"request":     {messages.Query{RequestID: "r-3"}, []int{3}, 17},
		"correlation": {messages.Query{CorrelationID: "c-1"}, []int{3, 2}, 17},
		"session":     {messages.Query{SessionID: "S-1"}, []int{5, 4, 3}, 17},
		"cdr":         {messages.Query{CDRID: "ID-1"}, []int{1}, 17},
		"no cdr":      {messages.Query{CDRID: "ID-4"}, nil, 17},
		"token":       {messages.Query{Token: "token-1"}, []int{5, 4}, 17},
	} {
		c.q.Limit = 2
		var got, want []messages.Message
		for first := true; first || c.q.After != ""; first = false {
			page, next, err := s.Messages(ctx, c.q)
			if err != nil {
				t.Fatal(err)
			}
			got, c.q.After = append(got, page...), next
		}
		for _, i := range c.want {
			m := all[i]
			m.Request, m.Response = nil, nil
			want = append(want, m)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if n, err := s.MessagesNotKept(ctx, c.q); err != nil || n != c.notKept {
			t.Errorf("%s: %d not kept, %v", name, n, err)
		}
	}
	one, err := s.Message(ctx, all[1].MessageID())
	if diff := cmp.Diff(&all[1], one); err != nil || diff != "" {
		t.Errorf("one message: %v %s", err, diff)
	}
	if named, err := s.Message(ctx, all[5].MessageID()); err != nil || len(named.Request) == 0 {
		t.Errorf("the body that the log holds: %v %+v", err, named)
	}
	if _, err := s.Message(ctx, dropped.MessageID()); !errors.Is(err, messages.ErrNoMessage) {
		t.Errorf("one that is none: %v", err)
	}
	if err := s.ForgetMessages(ctx, midnight.Go().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if left, _, err := s.Messages(ctx, messages.Query{}); err != nil || len(left) != 4 {
		t.Errorf("%d are left, %v", len(left), err)
	}
}

// BenchmarkWriteMessages is what messages whose bodies are named cost to keep, in batches as
// those of two seconds: CPU of this process and of the engine, merges included, for each.
func BenchmarkWriteMessages(b *testing.B) {
	for _, n := range []int{500, 8192} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := newStore(b)
			at, next := ocpi.TimeOf(time.Date(2026, 11, 30, 1, 0, 0, 0, time.UTC)), uint64(0)
			batch := make([]messages.Message, n)
			fill := func() {
				for i := range batch {
					next++
					batch[i] = messages.Message{
						At: at + ocpi.Time(next)*ocpi.Time(100*time.Microsecond), Seq: next, Partner: fmt.Sprintf("gb-%03d-cpo", next%20), Direction: messages.In, Method: "POST", Path: "/ocpi/2.2.1/receiver/cdrs", Version: ocpi.V221, HTTP: 201, Status: 1000, Micros: uint32(next * 7919 % 9000),
						RequestID: fmt.Sprintf("%016x-%016x", next*0x9e3779b97f4a7c15, next), CorrelationID: fmt.Sprintf("%016x-%016x", next, next*0x9e3779b97f4a7c15), Object: "cdr", Owner: "GB*DUN", ID: fmt.Sprintf("%020X", next*0x9e3779b97f4a7c15), SessionID: fmt.Sprintf("S%d", next),
						Token: fmt.Sprintf("%032x", next%5000*0x9e3779b97f4a7c15), Held: messages.Place{Topic: ingest.TopicCDRs, Position: ingest.Position{Epoch: 1, Partition: int32(next % 2), Offset: int64(next)}}, RequestBytes: 3226,
						Response: []byte(`{"status_code":1000,"status_message":"Success","timestamp":"2026-11-30T12:00:00Z"}`), ResponseBytes: 85,
					}
				}
			}
			var client time.Duration
			engineBefore := cpuOf(b, engine.Pid())
			for b.Loop() {
				fill()
				before := ownCPU(b)
				if err := s.WriteMessages(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
				client += ownCPU(b) - before
			}
			rows := float64(b.N * n)
			b.ReportMetric(float64(client.Microseconds())/rows, "client-µs/message")
			b.ReportMetric(float64((cpuOf(b, engine.Pid())-engineBefore).Microseconds())/rows, "engine-µs/message")
		})
	}
}
