package main

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/roamclear/roamclear/api/admin"
	"github.com/spf13/cobra"
)

func newPartnerRotateCmd(service *serviceFlags) *cobra.Command {
	var q admin.RotateRequest
	cmd := &cobra.Command{
		Use:   "rotate ID [--token TOKEN] [--now]",
		Short: "Give a partner a new token: over OCPI where it has registered, else print it",
		Long: `Give a partner a new token. One that has registered gets it over OCPI
(credentials PUT), and gives us a new one in turn: nothing is printed. For any
other it is printed, alone, on standard output.

The old token works until the new one is first used, at most for 7 days. --now
ends it at once, and any other the partner has: for a token that has leaked.
Until the partner uses the new one, all it sends is refused. Where a registered
partner cannot be reached, --now ends the old one all the same and prints the new.`,
		Example: "  roamclear partner rotate gb-dun-cpo --data data\n  roamclear partner rotate gb-dun-cpo --now",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: completePartner(service),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := service.client()
			if err != nil {
				return err
			}
			c.http.Timeout = connectWithin
			var rotated admin.PartnerToken
			if err := c.do(cmd.Context(), http.MethodPost, "/partners/"+url.PathEscape(args[0])+"/rotate", q, &rotated); err != nil {
				return fmt.Errorf("rotate token of %s: %w", args[0], err)
			}
			ends := "ends when the new one is used, or at " + rotated.Partner.RotationUntil
			if q.Now {
				ends = "has ended"
			}
			if rotated.Token == "" {
				cmd.PrintErrf("%s has got a new token, and has given us one. The old one %s.\n", args[0], ends)
				return nil
			}
			if rotated.Problem != "" {
				cmd.PrintErrf("The partner has not got its new token over OCPI, give it to it yourself: %s\n", rotated.Problem)
			}
			cmd.PrintErrf("New token of %s, shown once. The old one %s:\n", args[0], ends)
			_, err = fmt.Fprintln(cmd.OutOrStdout(), rotated.Token)
			return err
		},
	}
	cmd.Flags().StringVar(&q.Token, "token", "", "the new token, 8 to 64 characters (default a new random one)")
	cmd.Flags().BoolVar(&q.Now, "now", false, "end the old token at once, because it has leaked")
	return cmd
}

func newPartnerRemoveCmd(service *serviceFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "remove ID",
		Short: "Remove a partner: its tokens end at once, what it sent stays",
		Long: `Remove a partner. Its tokens end at once; what it sent stays. One that has
registered is told so over OCPI (credentials DELETE); whether it could be, the
command says.`,
		Example: "  roamclear partner remove gb-dun-cpo --data data",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: completePartner(service),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := service.client()
			if err != nil {
				return err
			}
			c.http.Timeout = connectWithin
			told := admin.Removal{Told: true} // or there was nobody to tell
			if err := c.do(cmd.Context(), http.MethodDelete, "/partners/"+url.PathEscape(args[0]), nil, &told); err != nil {
				return fmt.Errorf("remove partner %s: %w", args[0], err)
			}
			cmd.PrintErrf("Partner %s removed.\n", args[0])
			if !told.Told {
				cmd.PrintErrf("It could not be told so: %s\n", told.Problem)
			}
			return nil
		},
	}
}
