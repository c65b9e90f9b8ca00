package batch_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/roamclear/roamclear/pricing/batch"
)

// answer is what the tests look at in a line of output.
type answer struct {
	ID    json.Number
	Claim string
	Error string
}

func answers(t *testing.T, out string) (list []answer) {
	t.Helper()
	for line := range strings.Lines(out) {
		var a answer
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		list = append(list, a)
	}
	return list
}

func TestRunKeepsTheOrder(t *testing.T) {
	line := string(benchLine(t, "complex10_221"))
	const lines = 1_000 // several chunks for each worker
	var in strings.Builder
	for i := range lines {
		if i%10 == 3 {
			fmt.Fprintf(&in, `{"id":%d}`+"\n", i)
			continue
		}
		in.WriteString(strings.Replace(line, `"c1"`, strconv.Itoa(i), 1) + "\r\n")
	}
	for _, reader := range []io.Reader{strings.NewReader(in.String()), iotest.HalfReader(strings.NewReader(in.String()))} {
		var out bytes.Buffer
		counts, err := batch.Run(context.Background(), reader, &out, batch.Defaults{Scale: 4}, 3)
		if err != nil {
			t.Fatal(err)
		}
		list := answers(t, out.String())
		if len(list) != lines || counts.Lines() != lines || counts[batch.Bad] != lines/10 || counts[batch.Agrees] != lines-lines/10 {
			t.Fatalf("%d answers, %v", len(list), &counts)
		}
		for i, a := range list {
			wrong := i%10 == 3
			if a.ID.String() != strconv.Itoa(i) || wrong != (a.Error == fmt.Sprintf(`line %d: "cdr" is missing`, i+1)) || !wrong && a.Claim != "agrees" {
				t.Fatalf("answer %d: %+v", i, a)
			}
		}
	}
}

func TestRunGoesOnAfterBadLines(t *testing.T) {
	long := `{"id":1,"remark":"` + strings.Repeat("x", batch.MaxLine) + `"}`
	good := strings.Replace(string(benchLine(t, "simple1_221")), `"c1"`, "7", 1)
	for _, c := range []struct {
		name, in string
		want     []string // errors, "" for none
	}{
		{"nothing", "", nil},
		{"no line feed at the end", good, []string{""}},
		{"an empty line", good + "\n\n" + good + "\n", []string{"", `line 2: want an object such as {"id": …, "cdr": …}`, ""}},
		{"too long", good + "\n" + long + "\n" + good + "\n", []string{"", "line 2: longer than 16 MiB: not read", ""}},
		{"too long and the last", long, []string{"line 1: longer than 16 MiB: not read"}},
	} {
		var out bytes.Buffer
		if _, err := batch.Run(context.Background(), strings.NewReader(c.in), &out, batch.Defaults{Scale: 4}, 2); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		list := answers(t, out.String())
		if len(list) != len(c.want) {
			t.Fatalf("%s: %d answers, want %d", c.name, len(list), len(c.want))
		}
		for i, a := range list {
			if a.Error != c.want[i] {
				t.Errorf("%s: answer %d: %q, want %q", c.name, i, a.Error, c.want[i])
			}
		}
	}
}

// brokenWriter fails from the second write on.
type brokenWriter struct{ writes int }

var errBroken = errors.New("broken")

func (w *brokenWriter) Write(b []byte) (int, error) {
	if w.writes++; w.writes > 1 {
		return 0, errBroken
	}
	return len(b), nil
}

func TestRunReportsErrors(t *testing.T) {
	text := strings.Repeat(string(benchLine(t, "simple1_221"))+"\n", 2_000)
	if _, err := batch.Run(context.Background(), strings.NewReader(text), &brokenWriter{}, batch.Defaults{}, 2); !errors.Is(err, errBroken) {
		t.Errorf("writing: %v", err)
	}
	broken := io.MultiReader(strings.NewReader(text), iotest.ErrReader(errBroken))
	if _, err := batch.Run(context.Background(), broken, io.Discard, batch.Defaults{}, 2); !errors.Is(err, errBroken) {
		t.Errorf("reading: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := batch.Run(ctx, strings.NewReader(text), io.Discard, batch.Defaults{}, 2); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestLineDoesNotAllocate(t *testing.T) {
	line := benchLine(t, "complex10_221")
	p := batch.NewPricer(batch.Defaults{Scale: 4})
	out, _ := p.Line(nil, line, 1)
	if n := testing.AllocsPerRun(100, func() { out, _ = p.Line(out[:0], line, 1) }); n > 0 {
		t.Errorf("%v allocations a line", n)
	}
}

// FuzzLine holds that any line has an answer of one line of JSON.
func FuzzLine(f *testing.F) {
	f.Add(benchLine(f, "simple1_221"))
	f.Add(benchLine(f, "complex10_221"))
	for _, line := range []string{``, `{}`, `{"id":"\"\\","cdr":{}}`, `{"id":1e5,"cdr":null}`, `{"cdr":{"a":[}]},"tariffs":[1,{}]}`, `{"a":"\\"} x`} {
		f.Add([]byte(line))
	}
	p := batch.NewPricer(batch.Defaults{Scale: 4})
	f.Fuzz(func(t *testing.T, line []byte) {
		if bytes.IndexByte(line, '\n') >= 0 {
			return
		}
		out, _ := p.Line(nil, line, 1)
		if bytes.Count(out, []byte{'\n'}) != 1 || !json.Valid(out) {
			t.Errorf("%q: %s", line, out)
		}
	})
}
