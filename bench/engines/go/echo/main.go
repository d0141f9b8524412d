// SPDX-License-Identifier: Apache-2.0

// An engine in Go that answers with what it gets.
package main

import "aiges.ai/engine"

type echo struct{}

func (echo) Init(aiges.Params) error { return nil }

func (echo) Exec(_ *aiges.Context, _ aiges.Params, in aiges.Payloads) (aiges.Payloads, error) {
	for i := range in {
		in[i].Attributes = nil
	}
	return in, nil
}

func init() { aiges.Serve(echo{}) }

func main() {}
