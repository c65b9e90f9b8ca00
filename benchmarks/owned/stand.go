package owned

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/roamclear/roamclear/benchmarks/drive"
	"github.com/roamclear/roamclear/benchmarks/process"
	"github.com/roamclear/roamclear/benchmarks/world"
	"github.com/roamclear/roamclear/ocpi"
)

var (
	cpo  = world.Partner{Role: "CPO", Party: ocpi.Party{Country: "GB", ID: "DUN"}, Name: "Dundee"}
	emsp = world.Partner{Role: "EMSP", Party: ocpi.Party{Country: "NL", ID: "EXW"}, Name: "Example Works"}
)

// Options say what is measured.
type Options struct {
	Binary                               string
	Dir                                  string // for data and log
	Tokens, Locations, Tariffs, Sessions int
	Versions                             int // of tariffs that change every quarter of an hour
	Connections                          int
	During                               time.Duration // of each measurement
	Out                                  io.Writer
}

// stand is the service under measurement.
type stand struct {
	Options
	service        *process.Roamclear
	cpoKey, empKey string // tokens
	reports        string // key for reports
	failed         error
}

// say writes a line of the result.
func (s *stand) say(format string, args ...any) {
	_, err := fmt.Fprintf(s.Out, format+"\n", args...)
	s.failed = errors.Join(s.failed, err)
}

const (
	readyWithin = 5 * time.Minute
	stopWithin  = time.Minute
)

// start starts the service on its data and returns how long it took to ready.
func (s *stand) start(ctx context.Context) (took time.Duration, err error) {
	listen, err := process.FreeAddress()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if s.service, err = process.Serve(filepath.Join(s.Dir, "log"), s.Binary, filepath.Join(s.Dir, "data"), listen); err != nil {
		return 0, err
	}
	within, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	err = s.service.Ready(within)
	return time.Since(began), err
}

func (s *stand) partners(ctx context.Context) (err error) {
	if s.cpoKey, err = s.service.AddPartner(ctx, cpo); err != nil {
		return err
	}
	if s.empKey, err = s.service.AddPartner(ctx, emsp); err != nil {
		return err
	}
	s.reports, err = s.service.AddKey(ctx)
	return err
}

// restart stops the service and starts it again on what the store holds now.
func (s *stand) restart(ctx context.Context) (took time.Duration, err error) {
	if err := s.service.Stop(stopWithin); err != nil {
		return 0, err
	}
	return s.start(ctx)
}

// memory is what the service has resident, now and at most, in MB.
func (s *stand) memory() string {
	resident, peak, err := process.Memory(s.service.Pid())
	if err != nil {
		s.failed = errors.Join(s.failed, err)
	}
	return fmt.Sprintf("%d MB resident, %d MB at most", resident>>20, peak>>20)
}

// cpu is the processor time that the service and the engine have used since they
// started.
func (s *stand) cpu() string {
	used, err := drive.Used(s.service.Pid())
	s.failed = errors.Join(s.failed, err)
	return fmt.Sprintf("processor time %s, engine %s", used.Service, used.Engine)
}

// engine is what the engine has resident.
func (s *stand) engine() string {
	total, err := process.EngineMemory(s.service.Pid())
	s.failed = errors.Join(s.failed, err)
	return fmt.Sprintf("engine %d MB", total>>20)
}
