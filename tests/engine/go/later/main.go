// SPDX-License-Identifier: Apache-2.0

// An engine in Go whose once calls are answered by goroutines; tests/engine/rust/later is the same
// in Rust. It has no sessions and no batches.
package main

import (
	"bytes"
	"runtime"
	"time"

	"aiges.ai/engine"
)

type engine struct{}

func (engine) Init(aiges.Params) error { return nil }

func (engine) Exec(*aiges.Context, aiges.Params, aiges.Payloads) (aiges.Payloads, error) {
	panic("once calls go to ExecLater")
}

func (engine) ExecLater(ctx *aiges.Context, params aiges.Params, in aiges.Payloads, reply *aiges.Reply) {
	if params.Get("do") == "panic" {
		panic("no room for the call")
	}
	if params.Get("do") == "drop" {
		go runtime.GC()
		return
	}
	go func() {
		switch params.Get("do") {
		case "bad":
			_ = reply.Send(nil, aiges.BadInputf("expected a word"))
			return
		case "wait":
			ctx.Meter("waits", 1)
			<-ctx.Done()
			ctx.Meter("saw_cancel", 1)
			_ = reply.Send(nil, ctx.Err())
			return
		}
		delay, err := params.Int("delay_ms", 0)
		time.Sleep(time.Duration(delay) * time.Millisecond)
		for i := range in {
			in[i].Data = bytes.ToUpper(in[i].Data)
		}
		_ = reply.Send(in, err)
		_ = reply.Send(in, err) // Too much: the first counts.
	}()
}

func init() { aiges.Serve(engine{}) }

func main() {}
