package kafka

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	segmentio "github.com/segmentio/kafka-go"

	"github.com/roamclear/roamclear/ingest"
)

// realCluster is three real brokers that a test may harm, by deploy/kafka.sh.
type realCluster struct {
	t     *testing.T
	addrs []string
}

// script runs deploy/kafka.sh.
func (c *realCluster) script(args ...string) {
	c.t.Helper()
	if out, err := exec.Command("../../deploy/kafka.sh", args...).CombinedOutput(); err != nil {
		c.t.Fatalf("deploy/kafka.sh %v: %v\n%s", args, err, out)
	}
}

// leaders returns who leads each partition of CDRs, as a broker that lives says.
func (c *realCluster) leaders(l *Log) (by map[int32]int) {
	c.t.Helper()
	by = map[int32]int{}
	var m *segmentio.MetadataResponse
	for m == nil {
		transport := l.transport() // another broker may be asked each time
		m, _ = (&segmentio.Client{Addr: l.addr, Transport: transport}).Metadata(c.t.Context(), &segmentio.MetadataRequest{})
		transport.CloseIdleConnections()
		if c.t.Context().Err() != nil {
			c.t.Fatal("no broker says who leads")
		}
	}
	for _, topic := range m.Topics {
		if own, ok := l.opts.topic(topic.Name); ok && own == ingest.TopicCDRs {
			for _, p := range topic.Partitions {
				by[int32(p.ID)] = p.Leader.ID
			}
		}
	}
	return by
}

// load appends to all partitions all the time, as requests do: each waits ten seconds at
// most.
type load struct {
	l     *Log
	stop  chan struct{}
	done  sync.WaitGroup
	moved [6]atomic.Int64 // appended, by partition

	mu    sync.Mutex // guards what follows
	at    map[ingest.Position]string
	fails []string
}

func startLoad(l *Log) *load {
	d := &load{l: l, stop: make(chan struct{}), at: map[ingest.Position]string{}}
	for i := range 48 {
		d.done.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-d.stop:
					return
				default:
					d.append(i, n)
				}
			}
		})
	}
	return d
}

func (d *load) append(i, n int) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	body := fmt.Sprintf("%d/%d", i, n)
	began := time.Now()
	pos, err := d.l.Append(ctx, ingest.TopicCDRs, testEnvelope(i), []byte(body))
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.fails = append(d.fails, fmt.Sprintf("%s after %v: %v", body, time.Since(began), err))
		return
	}
	d.moved[pos.Partition].Add(1)
	d.at[pos] = body
}

// goesOn waits until each partition has taken some more.
func (d *load) goesOn(t *testing.T) {
	t.Helper()
	var want [6]int64
	for p := range want {
		want[p] = d.moved[p].Load() + 100
	}
	for p := range want {
		for d.moved[p].Load() < want[p] {
			if !ingest.Pause(t.Context(), 10*time.Millisecond) {
				t.Fatalf("partition %d stands still", p)
			}
		}
	}
}

// One of three brokers is lost, freezes, or gives up what it leads: no append is refused,
// and what was acknowledged is in the log, once.
func TestARealBrokerIsLost(t *testing.T) {
	addrs := strings.Split(os.Getenv(kafkaEnv), ",")
	for name, fault := range map[string]struct{ begin, end string }{"killed": {"kill", "start"}, "frozen": {"freeze", "thaw"}, "elected away": {}} {
		if len(addrs) < 3 {
			break // deploy/kafka.sh test
		}
		t.Run(name, func(t *testing.T) {
			c := &realCluster{t, addrs}
			l := openT(t, Options{Brokers: addrs, Prefix: fmt.Sprintf("t%d-", time.Now().UnixNano()), Partitions: 6})
			d := startLoad(l)
			d.goesOn(t)
			if fault.begin == "" {
				c.reelect(l)
				d.goesOn(t)
			} else {
				victim := c.leaders(l)[0]
				c.script(fault.begin, strconv.Itoa(victim))
				t.Cleanup(func() { c.script(fault.end, strconv.Itoa(victim)) })
				for leads := true; leads; {
					leads = false
					for _, leader := range c.leaders(l) {
						leads = leads || leader == victim
					}
				}
				d.goesOn(t)
				c.script(fault.end, strconv.Itoa(victim))
				d.goesOn(t)
			}
			close(d.stop)
			d.done.Wait()
			if len(d.fails) > 0 {
				t.Errorf("%d appends failed of %d: %s …", len(d.fails), len(d.at)+len(d.fails), strings.Join(d.fails[:min(5, len(d.fails))], "\n"))
			}
			found := map[string]int{}
			for _, p := range l.Partitions(ingest.TopicCDRs) {
				_, end := boundsT(t, l, ingest.TopicCDRs, p.Number)
				for _, r := range tailUntil(t, l, ingest.TopicCDRs, p.Number, 0, end) {
					found[string(r.Body)]++
					if said, ok := d.at[r.Position]; ok && said != string(r.Body) {
						t.Errorf("%s holds %s, acknowledged was %s", r.Position, r.Body, said)
					}
				}
			}
			for pos, body := range d.at {
				if found[body] != 1 {
					t.Errorf("%s at %s is %d times in the log", body, pos, found[body])
				}
			}
			t.Logf("%d appends", len(d.at))
		})
	}
}

// reelect has partitions led by their preferred replica after they were led by others.
func (c *realCluster) reelect(l *Log) {
	c.t.Helper()
	client := &segmentio.Client{Addr: l.addr, Transport: l.transport()}
	topic := l.opts.name(string(ingest.TopicCDRs))
	before := c.leaders(l)
	req := &segmentio.AlterPartitionReassignmentsRequest{Topic: topic, Timeout: requestTimeout}
	for p, leader := range before { // others first: they are to be preferred
		req.Assignments = append(req.Assignments, segmentio.AlterPartitionReassignmentsRequestAssignment{PartitionID: int(p), BrokerIDs: []int{leader%3 + 1, (leader+1)%3 + 1, leader}})
	}
	if res, err := client.AlterPartitionReassignments(c.t.Context(), req); err != nil || res.Error != nil {
		c.t.Fatal(err, res)
	}
	for p := range before {
		for c.leaders(l)[p] == before[p] {
			if _, err := client.ElectLeaders(c.t.Context(), &segmentio.ElectLeadersRequest{Topic: topic, Partitions: []int{int(p)}, Timeout: requestTimeout}); err != nil {
				c.t.Fatal(err)
			}
		}
	}
}
