package main

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/ingest/control"
)

// completeWithin bounds how long a shell waits for values of a running service:
// without an answer it offers none.
const completeWithin = 2 * time.Second

// complete offers the shell the words of a flag.
func complete(cmd *cobra.Command, flag string, words ...string) {
	must(cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)))
}

// ask makes a completion of what a running service answers at a path. It offers
// nothing where the service, or its token, is not to be had.
func ask[T any](service *serviceFlags, path string, offer func(*T) []cobra.Completion) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		c, err := service.client()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(context.Background(), completeWithin) // cobra gives completions none
		defer cancel()
		var list T
		if err := c.do(ctx, http.MethodGet, path, nil, &list); err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return offer(&list), cobra.ShellCompDirectiveNoFileComp
	}
}

// onlyFirst completes the first argument of a command and no other.
func onlyFirst(f cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return f(cmd, args, toComplete)
	}
}

// completePartner offers the ids of the partners.
func completePartner(service *serviceFlags) cobra.CompletionFunc {
	return onlyFirst(ask(service, "/partners", func(list *admin.PartnerList) (ids []cobra.Completion) {
		for _, p := range list.Partners {
			ids = append(ids, cobra.CompletionWithDesc(p.ID, p.Name))
		}
		return ids
	}))
}

// completeKey offers the ids of the API keys.
func completeKey(service *serviceFlags) cobra.CompletionFunc {
	return onlyFirst(ask(service, "/keys", func(list *admin.KeyList) (ids []cobra.Completion) {
		for _, k := range list.Keys {
			ids = append(ids, cobra.CompletionWithDesc(k.ID, k.Name))
		}
		return ids
	}))
}

// completePolicy offers the ids of the partners, then the kinds of findings that
// can be refused, then what can be done with them.
func completePolicy(service *serviceFlags) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		switch len(args) {
		case 0:
			return completePartner(service)(cmd, args, toComplete)
		case 1:
			return admin.RefusableFindings(), cobra.ShellCompDirectiveNoFileComp
		case 2:
			return []cobra.Completion{control.PolicyAccept, control.PolicyRefuse}, cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeWords offers what first offers, then some words.
func completeWords(first cobra.CompletionFunc, words []cobra.Completion) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) == 1 {
			return words, cobra.ShellCompDirectiveNoFileComp
		}
		return first(cmd, args, toComplete)
	}
}

// completeParty offers the parties of the partners, once each.
func completeParty(service *serviceFlags) cobra.CompletionFunc {
	return ask(service, "/partners", func(list *admin.PartnerList) (parties []cobra.Completion) {
		for _, p := range list.Partners {
			for _, r := range p.Roles {
				one := cobra.CompletionWithDesc(r.Country+"/"+r.PartyID, p.Name)
				if !slices.Contains(parties, one) {
					parties = append(parties, one)
				}
			}
		}
		return parties
	})
}
