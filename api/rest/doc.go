// Package rest holds the manners of /api/v1 and /admin/v1, which the page keeps
// too: what an API key allows, how query parameters and bodies are read, how a
// list is paged, one shape of errors, JSON, CSV, and the contract of both
// interfaces, openapi.yaml.
//
// It must never tell the text of an error that nobody classified, and never
// take a parameter or a member it does not know for one that is absent.
package rest
