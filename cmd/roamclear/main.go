// Command roamclear is the clearing house: one binary, several roles.
//
//	roamclear serve --data DIR     run the service (all roles by default)
//	roamclear partner, pair, key, agreement, party, period
//	                               administer a running service
//	roamclear messages             what was exchanged with partners
//	roamclear receipts, reconcile  hold what a partner sent against what is here
//	roamclear verify --data DIR    prove that nothing was lost or counted twice
//	roamclear reprice --from MONTH price stored CDRs again, report what changes
//	roamclear price, lint, check   price a CDR, check a tariff, say what a receiver would answer
//	roamclear rules                what CDRs are held against, without a service
//	roamclear peer                 be a small OCPI party to test with
//	roamclear cert dev             make certificates to try https out with
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/roamclear/roamclear/settlement/clickhouse"
)

// version is set by the Makefile.
var version = "dev"

func main() {
	if clickhouse.MaybeRunChild() {
		return // this process was the embedded engine
	}
	os.Exit(execute(os.Args[1:]))
}

// execute executes one command and returns the exit code: see exitError.
func execute(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	root := newRootCmd()
	root.SetArgs(args)
	err := executeCommand(ctx, root)
	if err == nil {
		return 0
	}
	var exit *exitError
	if errors.As(err, &exit) {
		if exit.err != nil {
			fmt.Fprintln(os.Stderr, "roamclear:", exit.err)
		}
		return exit.code
	}
	fmt.Fprintln(os.Stderr, "roamclear:", err)
	return 1
}

func newRootCmd() *cobra.Command {
	root := &cobra.Command{
		Use:           "roamclear",
		Short:         "Open clearing house for electric-vehicle charging roaming",
		Long:          "roamclear accepts OCPI Sessions and CDRs from roaming partners, prices every CDR from its\ntariff with exact decimals, explains each cent, and reports who owes whom.",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetHelpCommand(newHelpCmd())
	root.AddCommand(
		newServeCmd(), newDemoCmd(), newPartnerCmd(), newPairCmd(), newKeyCmd(), newVerifyCmd(), newCheckConfigCmd(),
		newEngineCmd(), newPriceCmd(), newLintCmd(), newCheckCmd(), newRepriceCmd(), newPeriodCmd(), newStatementCmd(), newAgreementCmd(), newPartyCmd(), newRulesCmd(), newQueueCmd(), newDecideCmd(), newReceiptsCmd(), newReconcileCmd(), newTariffsCmd(), newAFIRCmd(), newMessagesCmd(), newPeerCmd(), newCertCmd(),
	)
	root.InitDefaultHelpCmd() // these two would be added when it runs, after they are looked at here
	root.InitDefaultCompletionCmd()
	requireCommands(root)
	return root
}
