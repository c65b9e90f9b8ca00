package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/roamclear/roamclear/benchmarks/peer"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/spf13/cobra"
)

// peerFlags say what party to be.
type peerFlags struct {
	role, version, fault choice
	country, party       string
	listen, url          string
	connect, token       string
}

// newPeerCmd runs a small OCPI party to test a hub with.
func newPeerCmd() *cobra.Command {
	var flags peerFlags
	var f format
	cmd := &cobra.Command{
		Use:   "peer --country CC --party ID [--role ROLE] [--version VERSION]",
		Short: "Be a small OCPI party to test with: a CPO or an eMSP with a few objects",
		Long: `Be a small, honest OCPI party: a CPO with Locations, Tariffs, Sessions and
CDRs, or an eMSP with Tokens, that takes what it is sent. It prints its versions
URL and a token A, each on a line of its own, and runs until it is stopped. With
--connect it registers with the other side itself, by a token A of theirs. What it
is asked then is told on standard error, a line a request. It keeps nothing, and
must not be reached by others. More of it: docs/peer.md.

With --fault it misbehaves in one way, as partners do.

` + faultTable(),
		Example: `  roamclear peer --role CPO --country NL --party TNM --version 2.2.1
  roamclear peer --role EMSP --country DE --party EMP --connect http://127.0.0.1:8080/ocpi/versions --token "$(roamclear partner invite --role EMSP --country DE --party EMP)"
  roamclear peer --country NL --party TNM --fault 429`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runPeer(cmd, &flags, f.json()) },
	}
	flags.register(cmd)
	f.describe(cmd, "text: URL and token on a line each; or json")
	return cmd
}

// faultTable says what faults there are.
func faultTable() string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	group := peer.Group("")
	for _, d := range peer.Descriptions() {
		if d.Group != group {
			group = d.Group
			_, _ = fmt.Fprintf(w, "%s\tWHAT IT DOES\tWHAT A GOOD HUB DOES\n", strings.ToUpper(string(group)))
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", d.Fault, d.Does, d.Hub)
	}
	must(w.Flush())
	return strings.TrimRight(out.String(), "\n")
}

func (p *peerFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	p.role.register(cmd, "role", "role of the party: CPO or EMSP", peer.CPO, peer.EMSP)
	p.version.register(cmd, "version", "version of OCPI: 2.2.1, 2.1.1 or 2.3.0", "2.2.1", "2.1.1", "2.3.0")
	p.fault.register(cmd, "fault", "how it misbehaves, see above; or none", append([]string{"none"}, peer.Faults()...)...)
	f.StringVar(&p.country, "country", "", "country_code of the party, two letters")
	f.StringVar(&p.party, "party", "", "party_id of the party, up to three characters")
	f.StringVar(&p.listen, "listen", "127.0.0.1:0", "address to serve on, host:port; port 0: any that is free")
	f.StringVar(&p.url, "url", "", "URL that the other side reaches it under (default: where it listens)")
	f.StringVar(&p.connect, "connect", "", "versions URL of the other side, to register with")
	f.StringVar(&p.token, "token", "", "token A of the other side, for --connect")
	for _, name := range []string{"country", "party"} {
		must(cmd.MarkFlagRequired(name))
	}
	cmd.MarkFlagsRequiredTogether("connect", "token")
}

// options reads what the flags say.
func (p *peerFlags) options() (peer.Options, error) {
	v, _ := ocpi.ParseVersion(p.version.value) // one of the choices
	o := peer.Options{Role: p.role.value, Party: ocpi.NewParty(p.country, p.party), Version: v}
	if len(p.country) != 2 || len(p.party) == 0 || len(p.party) > 3 {
		return o, wrongUsage("--country %q --party %q: want two letters, and up to three characters", p.country, p.party)
	}
	if p.fault.value != "none" {
		o.Fault = peer.Fault(p.fault.value)
	}
	return o, nil
}

// runPeer serves until the command is stopped.
func runPeer(cmd *cobra.Command, flags *peerFlags, asJSON bool) error {
	o, err := flags.options()
	if err != nil {
		return err
	}
	p, err := peer.New(o)
	if err != nil {
		return err
	}
	l, err := listen(flags.listen, "listen")
	if err != nil {
		return err
	}
	p.Interfere(func(_ http.ResponseWriter, r *http.Request) bool {
		cmd.PrintErrln(r.Method, strings.TrimPrefix(r.URL.RequestURI(), "/ocpi/"+flags.version.value))
		return false
	})
	p.SetURL("http://" + l.Addr().String())
	if flags.url != "" {
		p.SetURL(flags.url)
	}
	server := &http.Server{Handler: p, ReadHeaderTimeout: readTimeout}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	if err := introduce(cmd, p, flags, asJSON); err != nil {
		return errors.Join(err, server.Close())
	}
	select {
	case err = <-served:
		return fmt.Errorf("serve http: %w", err)
	case <-cmd.Context().Done():
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), time.Second)
	defer cancel()
	if err := server.Shutdown(limit); err != nil {
		return server.Close()
	}
	return nil
}

// introduce prints how to register with the peer, and registers it with the
// other side where that is asked for.
func introduce(cmd *cobra.Command, p *peer.Peer, flags *peerFlags, asJSON bool) error {
	tokenA := p.TokenA()
	if flags.connect != "" {
		if err := p.Connect(cmd.Context(), flags.connect, flags.token); err != nil {
			return fmt.Errorf("register with %s: %w", flags.connect, err)
		}
		cmd.PrintErrf("Registered with %s.\n", flags.connect)
	}
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), map[string]string{"versions": p.VersionsURL(), "token": tokenA})
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "versions %s\ntoken %s\n", p.VersionsURL(), tokenA)
	return err
}
