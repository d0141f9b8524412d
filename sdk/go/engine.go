// SPDX-License-Identifier: Apache-2.0

// Package aiges makes engines for AIGES in Go: a library (-buildmode=c-shared, libwrapper.so) that
// the host loads.
//
//	package main
//
//	import (
//		"bytes"
//
//		"aiges.ai/engine"
//	)
//
//	type upper struct{}
//
//	func (upper) Init(config aiges.Params) error { return nil }
//
//	func (upper) Exec(ctx *aiges.Context, params aiges.Params, in aiges.Payloads) (aiges.Payloads, error) {
//		text, err := in.Find("text")
//		if err != nil {
//			return nil, err
//		}
//		return aiges.Payloads{{Key: "text", Data: bytes.ToUpper(text.Data)}}, nil
//	}
//
//	func init() { aiges.Serve(upper{}) }
//
//	func main() {}
//
// An engine has Init and Exec. What else it does, it says by having the methods of Sessions,
// Batcher, Later, Resourcer, Schemer, Warmer, Wisher or Closer.
//
// A panic in a method is an error of that call, with its stack in the log. One in a goroutine that
// the engine has started ends the process, as ever in Go; the host then starts another.
package aiges

import "sync/atomic"

// Engine answers once calls. There is one in each process. Methods run at once on several threads:
// as many as wait behind slow ones, or [instances] threads. An error of Init ends the start.
type Engine interface {
	// Init gets [wrapper] of aiges.toml, as text. It is called once, before everything else.
	Init(config Params) error
	// Exec answers a call. The data of in is the host's memory, without a copy: it is valid until
	// Exec returns, and must not be written to. Results are copied when it has returned.
	Exec(ctx *Context, params Params, in Payloads) (Payloads, error)
}

// Sessions is an engine with input and output at once.
type Sessions interface {
	// Create begins a session, which answers by out.
	Create(ctx *Context, params Params, out *Emitter) (Session, error)
}

// Session is one session. Its methods never overlap, but may come from different threads.
type Session interface {
	// Write takes a piece of the input, whose data is valid until it returns.
	Write(in Payloads) error
	// Destroy is called once, at the end, on every path.
	Destroy()
}

// Call is a call of a batch.
type Call struct {
	Context *Context
	Params  Params
	In      Payloads
}

// Result is what a call of a batch is answered with.
type Result struct {
	Out Payloads
	Err error
}

// Batcher is an engine that runs calls that are there together as one, with [batch] max_size.
type Batcher interface {
	// ExecBatch answers each call, in the same order. The data of the calls is valid until it
	// returns.
	ExecBatch(calls []Call) []Result
}

// Later is an engine whose once calls are answered by goroutines, by reply.
type Later interface {
	// ExecLater takes a call on, and must not wait. All that it gets stays valid.
	ExecLater(ctx *Context, params Params, in Payloads, reply *Reply)
}

// Resourcer is an engine with data of single users, loaded once and used by many calls, which find
// its number in Context.Resources.
type Resourcer interface {
	// LoadResource gets data that is valid until it returns.
	LoadResource(number uint32, data Payload) error
	UnloadResource(number uint32) error
}

// Schemer is an engine that says what goes in and out.
type Schemer interface{ Schema() Schema }

// Warmer is an engine that has something to do before the first call.
type Warmer interface{ WarmUp() error }

// Closer is an engine that has something to do after the last call.
type Closer interface{ Close() error }

// Wishes is what an engine asks for where aiges.toml does not say it; 0: nothing.
type Wishes struct {
	Threads      uint32 // [instances] threads
	BatchSize    uint32 // [batch] max_size
	BatchDelayUs uint32 // [batch] max_delay_us
}

// Wisher is an engine that has wishes.
type Wisher interface{ Wishes() Wishes }

// Versioner is an engine that has a version.
type Versioner interface{ Version() string }

type holder struct{ engine Engine }

var served atomic.Pointer[holder]

// Serve says which engine the library has. Called once, in an init function: main does not run in a
// library.
func Serve(engine Engine) {
	if engine == nil {
		panic("aiges.Serve: expected an engine, got nil")
	}
	if !served.CompareAndSwap(nil, &holder{engine}) {
		panic("aiges.Serve: called twice")
	}
}
