// SPDX-License-Identifier: Apache-2.0

// A program that is host and engine at once, to run under Go's race detector, which a library that
// is loaded later cannot have. It ends with 0 when all went well.
package main

// #cgo CFLAGS: -std=gnu11 -I${SRCDIR}/../../../../include
// #cgo LDFLAGS: -lpthread
// const char* drive(void);
import "C"

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"

	"aiges.ai/engine"
)

type engine struct {
	mu    sync.Mutex
	calls int
}

func (*engine) Init(aiges.Params) error { return nil }

func (e *engine) Exec(ctx *aiges.Context, params aiges.Params, in aiges.Payloads) (aiges.Payloads, error) {
	e.mu.Lock()
	e.calls++
	e.mu.Unlock()
	go ctx.Meter("words", 1) // May come when the call is over.
	select {
	case <-ctx.Done():
	default:
	}
	switch params.Get("do") {
	case "fail":
		return nil, errors.New("so it is to be")
	case "panic":
		panic("so it is to be")
	}
	return aiges.Payloads{{Key: "text", Data: bytes.ToUpper(in[0].Data)}}, nil
}

func (e *engine) ExecLater(ctx *aiges.Context, params aiges.Params, in aiges.Payloads, reply *aiges.Reply) {
	go func() { _ = reply.Send(in, ctx.Err()) }()
	go func() { _ = reply.Send(in, nil) }() // One of them counts.
}

func (e *engine) Create(ctx *aiges.Context, params aiges.Params, out *aiges.Emitter) (aiges.Session, error) {
	return &session{ctx: ctx, out: out}, nil
}

type session struct {
	ctx  *aiges.Context
	out  *aiges.Emitter
	sent sync.WaitGroup
}

func (s *session) Write(in aiges.Payloads) error {
	for _, each := range in.Copy() {
		each := each
		s.sent.Add(1)
		go func() {
			defer s.sent.Done()
			for i := 0; i < 3 && s.out.Emit(each) == nil && s.out.Open(); i++ {
				_ = s.ctx.Err()
			}
		}()
	}
	return nil
}

func (s *session) Destroy() { s.sent.Wait() }

func init() { aiges.Serve(&engine{}) }

func main() {
	if why := C.drive(); why != nil {
		fmt.Fprintln(os.Stderr, C.GoString(why))
		os.Exit(1)
	}
}
