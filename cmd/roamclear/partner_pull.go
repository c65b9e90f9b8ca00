package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/spf13/cobra"
)

// pullEvery is how often it is asked how far a pull has come.
const pullEvery = 200 * time.Millisecond

// newPartnerPullCmd reads a partner's lists.
func newPartnerPullCmd(service *serviceFlags) *cobra.Command {
	var (
		role, country, party string
		f                    format
	)
	cmd := &cobra.Command{
		Use:   "pull --country CC --party ID [--role ROLE]",
		Short: "Read what a partner offers: locations, tariffs, tokens, sessions and CDRs",
		Long: `Read the lists of a registered partner: locations, tariffs and tokens as they
are, sessions and CDRs of 90 days. Each object is taken in like a push of the
partner, so what is here already changes nothing. The service does so by itself
too: as soon as a partner has registered, sessions and CDRs again every 4 hours,
the others every 24.

It ends when all is read, with a line a list: how many objects were read, how many
of them were new here (or newer), how many had never been pushed, and how many
were refused; of whole lists also how many objects that are here were absent: they
stay, and "partner findings" names them. Exit code 0 where every list that the partner offers was read to its
end, whatever was in it, 1 where one could not be.`,
		Example: "  roamclear partner pull --country NL --party TNM --data data\n  roamclear partner pull --country NL --party TNM --format json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := service.client()
			if err != nil {
				return err
			}
			id, err := partnerOf(cmd, c, role, country, party)
			if err != nil {
				return err
			}
			p, err := pull(cmd, c, id, f.json())
			if err != nil {
				return fmt.Errorf("pull from %s: %w", id, err)
			}
			return showPull(cmd, &p, f.json())
		},
	}
	cmd.Flags().StringVar(&role, "role", "", "role of the party, where several partners have it (default any)")
	cmd.Flags().StringVar(&country, "country", "", "country_code of the partner's party, two letters")
	cmd.Flags().StringVar(&party, "party", "", "party_id of the partner's party, up to three characters")
	for _, name := range []string{"country", "party"} {
		must(cmd.MarkFlagRequired(name))
	}
	complete(cmd, "role", control.RoleNames()...)
	f.register(cmd)
	return cmd
}

// partnerOf finds the partner that has a party.
func partnerOf(cmd *cobra.Command, c *adminClient, role, country, party string) (id string, err error) {
	var list admin.PartnerList
	if err := c.do(cmd.Context(), http.MethodGet, "/partners", nil, &list); err != nil {
		return "", fmt.Errorf("find the partner: %w", err)
	}
	want := control.NewRole(role, country, party)
	var ids []string
	for _, p := range list.Partners {
		if slices.ContainsFunc(p.Roles, func(r control.Role) bool {
			return r.Party() == want.Party() && (role == "" || r.Role == want.Role)
		}) {
			ids = append(ids, p.ID)
		}
	}
	switch len(ids) {
	case 0:
		return "", fmt.Errorf("no partner has the party %s: see roamclear partner list", want.Party())
	case 1:
		return ids[0], nil
	}
	return "", wrongUsage("the party %s is on several partners (%s): say which with --role", want.Party(), strings.Join(ids, ", "))
}

// pull starts a pull and waits until it is done. On a terminal it shows how far that
// has come.
func pull(cmd *cobra.Command, c *adminClient, id string, asJSON bool) (p admin.Pull, err error) {
	progress := cmd.ErrOrStderr()
	if asJSON {
		progress = io.Discard
	}
	bar := newBar(progress, -1, "pulling")
	defer bar.Finish() //nolint:errcheck // a bar that cannot be drawn changes no result
	return pullAll(cmd.Context(), c, id, func(p *admin.Pull) {
		what, objects := progressOf(p)
		bar.Describe(what)
		bar.Set(objects) //nolint:errcheck // as above
	})
}

// pullAll starts a pull and waits until it is done; told hears of it now and again.
func pullAll(ctx context.Context, c *adminClient, id string, told func(*admin.Pull)) (p admin.Pull, err error) {
	path := "/partners/" + url.PathEscape(id) + "/pull"
	err = c.do(ctx, http.MethodPost, path, nil, &p)
	for err == nil && !p.Done {
		told(&p)
		if !ingest.Pause(ctx, pullEvery) {
			return p, ctx.Err()
		}
		p = admin.Pull{}
		err = c.do(ctx, http.MethodGet, path, nil, &p)
	}
	return p, err
}

// progressOf says what a pull is at, and how many objects it has read.
func progressOf(p *admin.Pull) (what string, objects int) {
	what = "pulling"
	for _, m := range p.Modules {
		what, objects = m.Module, objects+m.Read
	}
	return fmt.Sprintf("%s, %d pages", what, p.Pages), objects
}

// showPull prints a line a list. Its error is what could not be read.
func showPull(cmd *cobra.Command, p *admin.Pull, asJSON bool) error {
	rows := [][]string{{"MODULE", "READ", "NEW", "NEVER-PUSHED", "REFUSED", "ANOTHER'S", "ABSENT"}}
	for _, m := range p.Modules {
		absent := "-"
		if m.Absent != nil {
			absent = strconv.Itoa(*m.Absent)
		}
		rows = append(rows, []string{m.Module, strconv.Itoa(m.Read), strconv.Itoa(m.New), strconv.Itoa(m.NeverPushed), strconv.Itoa(m.Refused), strconv.Itoa(m.Anothers), absent})
	}
	var err error
	if asJSON {
		err = writeJSON(cmd.OutOrStdout(), p)
	} else {
		err = printTable(cmd.OutOrStdout(), rows)
	}
	return errors.Join(err, unread(p))
}

// unread is what a pull could not read.
func unread(p *admin.Pull) error {
	var failed []error
	if p.Error != "" {
		failed = append(failed, errors.New(p.Error))
	}
	for _, m := range p.Modules {
		if m.Error != "" {
			failed = append(failed, fmt.Errorf("%s was not read to its end: %s", m.Module, m.Error))
		}
	}
	return errors.Join(failed...)
}
