package main

import (
	"time"

	"github.com/spf13/cobra"
)

func newCheckConfigCmd() *cobra.Command {
	var connect bool
	var f format
	cmd := &cobra.Command{
		Use:   "check-config",
		Short: "Check the settings and print them as they would be used, or try the servers that they name",
		Long: `Check the settings and print them as they would be used.

With --connect every server that they name is tried instead, and nothing is changed there: each address of
kafka.brokers, each by which a broker names itself, each of clickhouse.addr. What is wrong is told by server
and reason: name_resolution, refused, timeout, tls, login, not_authorized, version, replicas, settings, other.
Exit code 0: the service would work with them (what is only told keeps it from nothing). 1: it would not.
2: the settings cannot be used.`,
		Example: "  roamclear check-config --config roamclear.yaml\n  roamclear check-config --config roamclear.yaml --connect --format json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := configFrom(cmd)
			if err == nil {
				err = checkCertificates(&c, time.Now())
			}
			if err != nil {
				return err
			}
			if !connect {
				return printConfig(cmd.OutOrStdout(), c, f.json())
			}
			trials, err := tryBackends(cmd.Context(), &c)
			if err != nil {
				return err
			}
			if f.json() {
				err = writeJSON(cmd.OutOrStdout(), trials)
			} else {
				err = printTrials(cmd.OutOrStdout(), trials)
			}
			if err != nil {
				return err
			}
			return unusable(trials)
		},
	}
	configFlags(cmd)
	cmd.Flags().BoolVar(&connect, "connect", false, "try every server that the settings name, and say what is wrong with which")
	f.register(cmd)
	return cmd
}
