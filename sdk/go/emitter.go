// SPDX-License-Identifier: Apache-2.0

package aiges

// #include <stdlib.h>
// #include "bridge.h"
import "C"

import (
	"context"
	"sync/atomic"
	"unsafe"
)

// target is somebody who waits for results: a session, or a call that is answered later.
type target struct {
	tag      string
	callback C.wrapperCallback
	gone     atomic.Bool
}

func (t *target) deliver(method string, payloads Payloads, err error) error {
	tag := C.CString(t.tag)
	defer free(tag)
	list, wrong := C.pDataList(nil), err
	if wrong == nil {
		list, wrong = makeList(payloads)
	}
	taken := C.int(0)
	if wrong == nil {
		taken = C.aigesDeliver(t.callback, tag, list)
		C.free(unsafe.Pointer(list))
	} else {
		f := failureOf(method, wrong)
		text, detail := f.texts()
		taken = C.aigesDeliverError(t.callback, tag, C.int(f.code), C.int(f.class), text, detail)
	}
	if taken != 0 {
		return ErrGone
	}
	if err == nil {
		return wrong // Of a payload that cannot be sent; who waits has been told, too.
	}
	return nil
}

// Emitter sends what a session answers. From any goroutine, also before Create has returned.
type Emitter struct{ target target }

// Emit sends one item, whose data is copied. It waits while the client is slower than the engine:
// hold no lock that another answer needs. The session ends when every stream of its output has had a
// payload of the status End or Once. ErrGone: nobody waits any more, stop.
func (e *Emitter) Emit(payloads ...Payload) error {
	if e.target.gone.Load() {
		return ErrGone
	}
	return e.target.deliver("Emit", payloads, nil)
}

// Fail ends the session with an error.
func (e *Emitter) Fail(err error) error {
	if err == nil {
		panic("aiges: Fail: expected an error, got nil")
	}
	if e.target.gone.Swap(true) {
		return ErrGone
	}
	return e.target.deliver("the session", nil, err)
}

// Open says whether the session is there still.
func (e *Emitter) Open() bool { return !e.target.gone.Load() }

// Reply answers one once call.
type Reply struct {
	target target
	state  *callState
}

// Send answers, from any goroutine; the first answer counts. A Reply that is dropped unanswered is
// answered with an error once the collector has found it.
func (r *Reply) Send(out Payloads, err error) error {
	if r.target.gone.Swap(true) {
		return ErrGone
	}
	defer r.state.end(context.Canceled)
	return r.target.deliver("Exec", out, err)
}
