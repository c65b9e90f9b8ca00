package ingest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"syscall"
)

// Trial is one thing that was tried of a server that the service works with.
type Trial struct {
	Server string // its address, or whose they are together
	What   string // was tried, or found where it is well
	Reason string // one of those below; "" = it is well
	Err    error  // what is wrong
	Told   bool   // the service works all the same
}

// Reasons for which a server is of no use, for programs: the error says which and why.
const (
	TrialName     = "name_resolution"
	TrialRefused  = "refused"
	TrialTimeout  = "timeout"
	TrialTLS      = "tls"
	TrialLogin    = "login"
	TrialGranted  = "not_authorized"
	TrialVersion  = "version"
	TrialReplicas = "replicas"
	TrialSettings = "settings"
	TrialOther    = "other"
)

// ReasonOf is why a connection could not be made.
func ReasonOf(err error) string {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return TrialName
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return TrialRefused
	}
	if TLSFailed(err) {
		return TrialTLS
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return TrialTimeout
	}
	return TrialOther
}

// TLSFailed reports whether one of both sides does not take the other by what was shown
// in the handshake, or does not speak TLS at all: waiting does not cure that.
func TLSFailed(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok { // it speaks no TLS
		return true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return true
	}
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "remote error" // an alert of TLS
}
