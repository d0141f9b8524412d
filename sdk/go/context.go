// SPDX-License-Identifier: Apache-2.0

package aiges

// #include <stdlib.h>
// #include "bridge.h"
import "C"

import (
	"context"
	"strconv"
	"sync"
	"time"
	"unsafe"
)

// How often the host is asked whether somebody still waits, once a goroutine wants to hear of it.
const lookEvery = 5 * time.Millisecond

// Context is the call or session that a method runs for. As a context.Context it ends with the
// call's deadline, its cancellation, or when it is over. May be used from any goroutine.
type Context struct {
	context.Context // Its own state.
	state           callState

	Resources   []uint32 // The numbers of the resources that the call names (psr_ids).
	Caller      string   // Who makes the call: the id of the key it came with; "" without keys.
	Traceparent string   // The trace that the call is a part of (W3C Trace Context); "": of none.
	Tracestate  string
}

// Remaining is the time to the call's deadline, 0 after it; false: it has none.
func (c *Context) Remaining() (time.Duration, bool) {
	_, left := c.state.ask()
	return left, left >= 0
}

// Cancelled says whether nobody waits for the call any more: cancelled, over, past its deadline.
func (c *Context) Cancelled() bool { return c.Err() != nil }

// Meter counts units of a kind for this call: they are in /metrics.
func (c *Context) Meter(key string, count int) {
	tag, text := C.CString(c.state.tag), C.CString(key)
	C.aigesMeter(tag, text, C.int(count))
	free(tag, text)
}

// Trace adds key=value to the trace of the call, in the host's log.
func (c *Context) Trace(key, value string) {
	tag, name, text := C.CString(c.state.tag), C.CString(key), C.CString(value)
	C.aigesTrace(tag, name, text)
	free(tag, name, text)
}

// Progress says in the log how far the call is, of 1.
func (c *Context) Progress(share float64) {
	c.Trace("progress", strconv.FormatFloat(share, 'f', 3, 64))
}

func free(texts ...*C.char) {
	for _, text := range texts {
		C.free(unsafe.Pointer(text))
	}
}

// callState is the context.Context of a call. The host is asked when somebody wants to know; a
// goroutine looks again and again from the first use of Done to the end of the call.
type callState struct {
	tag string

	mu   sync.Mutex
	done chan struct{} // Made by the first Done.
	err  error         // Set once.
}

func newContext(tag string, params Params, ids *C.uint, count C.int) *Context {
	ctx := &Context{state: callState{tag: tag}}
	ctx.Context = &ctx.state
	if ids != nil && count > 0 {
		for _, id := range unsafe.Slice(ids, int(count)) {
			ctx.Resources = append(ctx.Resources, uint32(id))
		}
	}
	for i := range params {
		switch params[i].Name {
		case ":caller":
			ctx.Caller = params[i].Value
		case "traceparent":
			ctx.Traceparent = params[i].Value
		case "tracestate":
			ctx.Tracestate = params[i].Value
		}
	}
	return ctx
}

// ask is whether nobody waits any more, and the time to the deadline, negative without one.
func (s *callState) ask() (bool, time.Duration) {
	tag := C.CString(s.tag)
	var left C.longlong
	over := C.aigesCallState(tag, &left) != 0
	free(tag)
	return over, time.Duration(left) * time.Millisecond
}

func (s *callState) Deadline() (time.Time, bool) {
	_, left := s.ask()
	if left < 0 {
		return time.Time{}, false
	}
	return time.Now().Add(left), true
}

func (s *callState) Err() error {
	s.mu.Lock()
	err := s.err
	s.mu.Unlock()
	if err != nil {
		return err
	}
	over, left := s.ask()
	if !over {
		return nil
	}
	err = context.Canceled
	if left == 0 {
		err = context.DeadlineExceeded
	}
	return s.end(err)
}

// end makes the context done. Out: the reason that counts, which is the first.
func (s *callState) end(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
		if s.done != nil {
			close(s.done)
		}
	}
	return s.err
}

func (s *callState) Done() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done == nil {
		s.done = make(chan struct{})
		if s.err != nil {
			close(s.done)
		} else {
			go s.watch(s.done)
		}
	}
	return s.done
}

func (s *callState) watch(done <-chan struct{}) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for s.Err() == nil {
		select {
		case <-done:
		case <-ticker.C:
		}
	}
}

func (s *callState) Value(any) any { return nil }
