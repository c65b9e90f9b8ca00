package kafka

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/roamclear/roamclear/ingest"
)

// crashDirEnv makes the test binary the child of TestKilledAtAnyMoment.
const crashDirEnv = "ROAMCLEAR_TEST_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDirEnv); dir != "" {
		fmt.Fprintln(os.Stderr, crashChild(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

var crashGroups = map[ingest.Topic][]string{ingest.TopicCDRs: {"pricing"}}

// crashChild appends, consumes, commits and trims as fast as it can, and says
// on standard output what it was told is done. It ends by being killed.
func crashChild(dir string) error {
	ctx := context.Background()
	e, err := StartEmbedded(ctx, EmbeddedOptions{Dir: dir, Groups: crashGroups})
	if err != nil {
		return err
	}
	o := e.Options()
	o.Partitions = 2
	l, err := Open(ctx, o)
	if err != nil {
		return err
	}
	failed := make(chan error)
	for w := range 8 {
		go func() {
			body := make([]byte, 60_000)
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d-%d", os.Getpid(), w, i)
				pos, err := l.Append(ctx, ingest.TopicCDRs, testEnvelope(w), append(body[:0], id...)[:len(body)])
				if err != nil {
					failed <- err
					return
				}
				fmt.Printf("ack %d %d %s\n", pos.Partition, pos.Offset, id) // one write: lines stay whole
			}
		}()
	}
	go func() { failed <- crashConsume(ctx, l) }()
	go func() {
		for {
			if err := e.Trim(); err != nil {
				failed <- err
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	return <-failed
}

func crashConsume(ctx context.Context, l *Log) error {
	return l.Consume(ctx, "pricing", []ingest.Topic{ingest.TopicCDRs}, func(ctx context.Context, c *Lease) error {
		next, _ := c.Committed()
		for next = max(next, 0); ; {
			records, err := c.Read(ctx, next, 20, 1<<20, 0)
			if err != nil {
				return err
			}
			next += int64(len(records))
			if err := c.Commit(ctx, next, fmt.Sprintf("checkpoint %d", next)); err != nil {
				return err
			}
			fmt.Printf("commit %d %d\n", c.Partition().Number, next)
		}
	})
}

// crashTruth is what the children were told, over all rounds.
type crashTruth struct {
	ids       map[[2]int64]string // by partition and offset
	end       [2]int64
	committed [2]int64
}

func (c *crashTruth) line(s string) error {
	var p, offset int64
	var id string
	if n, _ := fmt.Sscanf(s, "ack %d %d %s", &p, &offset, &id); n == 3 {
		at := [2]int64{p, offset}
		if old, ok := c.ids[at]; ok {
			return fmt.Errorf("offset %d of partition %d given out for %s and for %s", offset, p, old, id)
		}
		c.ids[at] = id
		c.end[p] = max(c.end[p], offset+1)
		return nil
	}
	if n, _ := fmt.Sscanf(s, "commit %d %d", &p, &offset); n == 2 {
		c.committed[p] = max(c.committed[p], offset)
		return nil
	}
	return fmt.Errorf("child said %q", s)
}

// The short form of the 215 rounds that the broker was chosen by: killed at
// any moment, it has lost nothing that was acknowledged and not consumed, no
// commit and no checkpoint, and gives no offset out twice.
func TestKilledAtAnyMoment(t *testing.T) {
	const rounds = 15
	dir := t.TempDir()
	truth := &crashTruth{ids: map[[2]int64]string{}}
	random := rand.New(rand.NewPCG(1, 2))
	for round := range rounds {
		killAfter(t, dir, truth, 30+random.IntN(400))
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
		if round%3 == 2 { // between the others nobody closes it properly
			checkAfterCrash(t, dir, truth)
		}
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
	if truth.committed[0] == 0 || truth.committed[1] == 0 {
		t.Errorf("nothing was consumed: %v", truth.committed)
	}
	t.Logf("%d acknowledged, consumed up to %v of %v", len(truth.ids), truth.committed, truth.end)
}

// killAfter runs a child until it has said so many lines, and kills it.
func killAfter(t *testing.T, dir string, truth *crashTruth, lines int) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), crashDirEnv+"="+dir)
	var stderr bytes.Buffer
	child.Stderr = &stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(out)
	for n := 1; ; n++ {
		s, err := r.ReadString('\n') // what was said before the kill is still read
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := truth.line(s); err != nil {
			t.Error(err)
		}
		if n == lines {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = child.Wait() // it was killed; that is its error
	if stderr.Len() > 0 {
		t.Errorf("child: %s", stderr.String())
	}
}

func checkAfterCrash(t *testing.T, dir string, truth *crashTruth) {
	t.Helper()
	e, err := StartEmbedded(t.Context(), EmbeddedOptions{Dir: dir, Groups: crashGroups})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	l, err := Open(t.Context(), e.Options())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	commits, err := l.Committed(t.Context(), "pricing", ingest.TopicCDRs)
	if err != nil {
		t.Fatal(err)
	}
	for p := range int32(2) {
		start, end := boundsT(t, l, ingest.TopicCDRs, p)
		c := commits[l.partition(ingest.TopicCDRs, p)]
		if c.Next < truth.committed[p] || c.Next > end || c.Next > 0 && c.Metadata != fmt.Sprintf("checkpoint %d", c.Next) {
			t.Errorf("partition %d: commit %+v, child was told %d, log ends at %d", p, c, truth.committed[p], end)
		}
		if end < truth.end[p] || start > c.Next {
			t.Errorf("partition %d: log from %d to %d, acknowledged to %d, committed %d", p, start, end, truth.end[p], c.Next)
		}
		seen := map[int64]bool{}
		for _, r := range tailUntil(t, l, ingest.TopicCDRs, p, start, end) {
			id, _, _ := bytes.Cut(r.Body, []byte{0})
			if want, ok := truth.ids[[2]int64{int64(p), r.Offset}]; ok && want != string(id) {
				t.Errorf("partition %d, offset %d: %s, acknowledged was %s", p, r.Offset, id, want)
			}
			seen[r.Offset] = true
		}
		for at, id := range truth.ids {
			if at[0] == int64(p) && at[1] >= c.Next && !seen[at[1]] {
				t.Errorf("partition %d, offset %d: %s is acknowledged, not consumed, and lost", p, at[1], id)
			}
		}
	}
}
