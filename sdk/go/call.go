// SPDX-License-Identifier: Apache-2.0

package aiges

// #include <stdlib.h>
// #include "bridge.h"
import "C"

import (
	"io"
	"math"
	"time"
	"unsafe"
)

// CallOptions of a call of another model.
type CallOptions struct {
	Version string        // "": the one that the host chooses.
	Params  Params        // Go along.
	Timeout time.Duration // Beside the deadline of the call it is made for; 0: that alone.
}

// Call calls another model of the host, and waits for its answer. What is left of this call's
// deadline, and its cancellation, go along. options may be nil.
func (c *Context) Call(model string, in Payloads, options *CallOptions) (Payloads, error) {
	answers, err := c.begin(model, in, options, 0)
	if err != nil {
		return nil, err
	}
	defer answers.Close()
	return answers.Next()
}

// Stream opens a session of another model, gives it everything at once, and reads its answers.
func (c *Context) Stream(model string, in Payloads, options *CallOptions) (*Answers, error) {
	return c.begin(model, in, options, C.WCallStream)
}

func (c *Context) begin(model string, in Payloads, options *CallOptions, flags C.uint) (*Answers, error) {
	if C.aigesHasCalls() == 0 {
		return nil, Errorf(Unsupported, "this host has no calls of other models")
	}
	if options == nil {
		options = &CallOptions{}
	}
	params, err := makeParams(options.Params)
	if err != nil {
		return nil, err
	}
	defer C.free(unsafe.Pointer(params))
	data, err := makeList(in)
	if err != nil {
		return nil, err
	}
	defer C.free(unsafe.Pointer(data))
	// A millisecond at least: 0 is none.
	timeout := (options.Timeout + time.Millisecond - 1) / time.Millisecond
	if timeout > math.MaxInt32 {
		timeout = math.MaxInt32
	}
	tag, name, version := C.CString(c.state.tag), C.CString(model), C.CString(options.Version)
	defer free(tag, name, version)
	number := C.aigesCallModel(tag, name, version, params, data, flags, C.int(timeout))
	return &Answers{number: number, model: model}, nil
}

// Answers are those of a session of another model, as they come. Used by one goroutine at a time.
type Answers struct {
	number C.ulonglong
	model  string
	over   bool
	closed bool
}

// Next waits for the next answer; io.EOF behind the last.
func (a *Answers) Next() (Payloads, error) {
	if a.over || a.closed {
		return nil, io.EOF
	}
	var answer C.WCallAnswer
	if C.aigesCallNext(a.number, &answer) != 0 {
		a.over = true
		return nil, io.EOF
	}
	a.over = answer.last != 0
	if answer.code != 0 {
		a.over = true
		return nil, &CallError{a.model, int(answer.code), int(answer.errorClass), goString(answer.error)}
	}
	return readPayloads(answer.data).Copy(), nil
}

// Close gives the call up if it is not over. Call it once all is read, too.
func (a *Answers) Close() {
	if !a.closed {
		a.closed = true
		C.aigesCallEnd(a.number)
	}
}
