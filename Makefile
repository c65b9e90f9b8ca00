# make run and make test do all set-up on a fresh machine.
VERSION := $(shell git describe --always --dirty 2>/dev/null || echo dev)
BIN     := bin/roamclear
DATA    ?= data
LINT    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.12.0

.PHONY: run build test race once lint fmt fuzz bench scale chaos closes attack deb image test-image lint-deploy

run: build ## start the service with a demo world on the embedded default
	$(BIN) serve --data $(DATA) --demo

build: ## build bin/roamclear and fetch the embedded ClickHouse engine once per machine
	go build -ldflags "-X main.version=$(VERSION)" -o $(BIN) ./cmd/roamclear
	$(BIN) engine fetch

test: build ## every test, on the embedded stack
	deploy/test-tools.sh
	go test -timeout 30m ./...

race: build ## the same under the race detector; PACKAGES names some
	deploy/test-tools.sh
	go test -race -timeout 45m $(or $(PACKAGES),./...)

once: build ## every benchmark once, to see that it runs
	go test -run '^$$' -bench . -benchtime 1x ./...

# The linter keeps findings by content: with a cache that checkouts share it
# shows those of a path that is gone, past every exclusion.
lint: ## the import arrows, errors, style
	go vet ./...
	GOLANGCI_LINT_CACHE=$(CURDIR)/bin/lint go run $(LINT) run

fmt:
	gofmt -w $$(git ls-files '*.go')

fuzz: ## each fuzz target for a minute
	deploy/fuzz.sh 60s

bench: build ## one interleaved run against floors and baseline; about 15 minutes
	go run ./benchmarks/cmd/bench

scale: build ## every reading of a store of CDRS CDRs (1,000,000)
	go run ./benchmarks/cmd/scale --cdrs $(or $(CDRS),1000000)

chaos: build ## kill -9 while partners push, then compare with the reference sums
	go run ./benchmarks/cmd/chaos --rounds $(or $(ROUNDS),200)

closes: build ## kill -9 while periods are closed: wholly or not at all, numbers without a gap, verify green
	go run ./benchmarks/cmd/chaos --closes --rounds $(or $(ROUNDS),100)

attack: build ## what one partner can do, in full size, and what it costs the others
	go run ./benchmarks/cmd/attack

deb: build ## Debian packages in bin/deb, their contents checked
	deploy/deb.sh

image: build ## container image in bin/image, without a container engine
	deploy/image.sh

test-image: image ## the image as it is run: read-only, killed while it works, verified
	deploy/test-image.sh

lint-deploy: ## the files of deploy/ by their tools' own checkers
	deploy/lint.sh
