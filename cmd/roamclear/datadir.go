package main

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/kafka"
)

// dataDir is the one directory everything the service keeps is under:
//
//	lock           held while a process uses the directory
//	admin-token    the admin API's token, made at the first start, mode 0600
//	secret-key     what seals the tokens we send to partners, made likewise
//	service.json   where the running service is, mode 0600; gone when it stopped
//	log/           the embedded broker
//	store/         the embedded ClickHouse engine
type dataDir struct {
	path string
	lock *os.File
}

// exitInUse is the exit code when another process has the data directory.
const exitInUse = 3

// openDataDir creates the directory when it is new and takes its lock.
func openDataDir(path string) (*dataDir, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", path, err)
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return nil, fmt.Errorf("create data directory: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(abs, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock of data directory: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close() //nolint:errcheck // nothing was written
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, &exitError{exitInUse, fmt.Errorf("data directory %s is in use by another roamclear process: stop it first, or choose another with --data", abs)}
		}
		return nil, fmt.Errorf("lock data directory %s: %w", abs, err)
	}
	return &dataDir{path: abs, lock: lock}, nil
}

// takeDataDir is openDataDir for a service. An address that somebody else serves
// on is told before anything is made: a directory that is new would stay, empty,
// and an engine would be started in vain. A directory in use is told first, for
// whoever has it serves on the address too.
func takeDataDir(c *Config) (*dataDir, error) {
	if _, err := os.Stat(c.Data); errors.Is(err, fs.ErrNotExist) {
		if err := addressesFree(c); err != nil {
			return nil, err
		}
	}
	dir, err := openDataDir(c.Data)
	if err != nil {
		return nil, err
	}
	if err := addressesFree(c); err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return dir, nil
}

// Close releases the lock.
func (d *dataDir) Close() error { return d.lock.Close() }

func (d *dataDir) join(name string) string { return filepath.Join(d.path, name) }

// adminToken returns the admin API's token: what the setting gives, else
// what stands in the directory, made when that is new. One that can be guessed
// is refused: an empty file would open the interface to everybody.
func (d *dataDir) adminToken(given secret) (string, error) {
	if given.Text != "" { // which was checked
		return given.Text, nil
	}
	b, err := os.ReadFile(d.join(adminTokenFile))
	if err == nil {
		token := strings.TrimSpace(string(b))
		return token, longEnough(token, d.join(adminTokenFile))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read admin token: %w", err)
	}
	token := randomToken()
	if err := writeFile(d.join(adminTokenFile), []byte(token+"\n")); err != nil {
		return "", fmt.Errorf("write admin token: %w", err)
	}
	return token, nil
}

// secretKeyFile is in the data directory unless the setting names another.
const secretKeyFile = "secret-key"

// sealer seals with the key in a file: a line of Base64. The one in the directory
// is made where there is none; one that a setting names must be there, since every
// process of an installation needs the same.
func (d *dataDir) sealer(file string) (*control.Sealer, error) {
	path := cmp.Or(file, d.join(secretKeyFile))
	text, err := os.ReadFile(path)
	if file == "" && errors.Is(err, fs.ErrNotExist) {
		text = base64.StdEncoding.AppendEncode(nil, control.NewSealKey())
		err = writeFile(path, append(text, '\n'))
	}
	if err != nil {
		return nil, fmt.Errorf("secrets.key_file: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != control.SealKeyLength { // the decoder's words would show a part of it
		return nil, fmt.Errorf("secrets.key_file: %s does not hold %d bytes in Base64 (openssl rand -base64 %d makes such)", path, control.SealKeyLength, control.SealKeyLength)
	}
	return control.NewSealer(key)
}

func longEnough(token, where string) error {
	if len(token) < admin.MinToken {
		return fmt.Errorf("%s: %d characters, want at least %d: it must not be guessed (without any, one is made)", where, len(token), admin.MinToken)
	}
	return nil
}

func randomToken() string {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// serviceInfo says where the running service and its backends are.
type serviceInfo struct {
	URL        string          `json:"url"`
	TLS        *serviceTLS     `json:"tls,omitempty"` // over https
	PID        int             `json:"pid"`
	Brokers    []string        `json:"brokers"`
	Token      string          `json:"admin_token,omitempty"` // where a setting gives it
	Kafka      kafkaLogin      `json:"kafka"`
	ClickHouse clickhouseLogin `json:"clickhouse"`
}

type kafkaLogin struct {
	Prefix string          `json:"prefix,omitempty"`
	TLS    ClientTLSConfig `json:"tls"`
	Login  kafka.Login     `json:"login"`
}

type clickhouseLogin struct {
	Addr     []string        `json:"addr"`
	TLS      ClientTLSConfig `json:"tls"`
	Database string          `json:"database"`
	User     string          `json:"user"`
	Password string          `json:"password"`
}

func (d *dataDir) writeService(s serviceInfo) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode service file: %w", err)
	}
	if err := writeFile(d.join(serviceFile), append(b, '\n')); err != nil {
		return fmt.Errorf("write service file: %w", err)
	}
	return nil
}

func (d *dataDir) removeService() error {
	if err := os.Remove(d.join(serviceFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove service file: %w", err)
	}
	return nil
}

// readService reads where the service that runs on a data directory is.
func readService(path string) (serviceInfo, error) {
	var s serviceInfo
	b, err := os.ReadFile(filepath.Join(path, serviceFile))
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, fmt.Errorf("read %s: %w", filepath.Join(path, serviceFile), err)
	}
	return s, nil
}

// writeFile replaces a file as a whole, readable by its owner only.
func writeFile(path string, content []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(content)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}
