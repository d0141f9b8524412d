// SPDX-License-Identifier: Apache-2.0

package aiges

import (
	"errors"
	"fmt"
)

// ErrorKind is whose fault an error is, from which clients get their status over HTTP and gRPC.
type ErrorKind int

const (
	EngineFault   ErrorKind = iota // 500, INTERNAL: as any error that is no *Error
	BadInput                       // 400, INVALID_ARGUMENT: the caller sent what cannot be used
	NotFound                       // 404, NOT_FOUND: what the caller names is not there
	Unavailable                    // 503, UNAVAILABLE: not now, perhaps later
	Unsupported                    // 501, UNIMPLEMENTED: this engine does not do that
	AlreadyExists                  // 409, ALREADY_EXISTS: what is to be made is there already
	Cancelled                      // 499, CANCELLED: given up before it was done
	Unknown                        // 500, UNKNOWN: failed, nobody knows how
)

const (
	initFailed = 30002
	execFailed = 30003
	badResult  = 30005
	badInput   = 30006
)

// Error is an error with a kind. The client gets its text as it is; of any other error it gets which
// method failed, too.
type Error struct {
	Kind ErrorKind
	Text string
	Code int32 // What clients find behind ";code="; 0: that of the kind.
}

func (e *Error) Error() string { return e.Text }

// Errorf makes an error of that kind.
func Errorf(kind ErrorKind, format string, args ...any) error {
	return &Error{Kind: kind, Text: fmt.Sprintf(format, args...)}
}

// BadInputf says that the caller sent what cannot be used: what was expected, and what came.
func BadInputf(format string, args ...any) error { return Errorf(BadInput, format, args...) }

// CallError is why a call of another model failed. A method that returns it has failed itself.
type CallError struct {
	Model string
	Code  int // What a client of that model would get.
	Class int // As wrapperErrorClass; 8: refused, no room now; 9: too late.
	Text  string
}

func (e *CallError) Error() string { return "model " + e.Model + ": " + e.Text }

// ErrGone says that nobody waits for the answer any more.
var ErrGone = errors.New("nobody waits for the answer any more")

type panicked struct {
	method, text, stack string
}

func (p *panicked) Error() string { return p.method + " panicked: " + p.text }

// failure is an error as the host gets it.
type failure struct {
	code, class  int32
	text, detail string
}

// failureOf never panics, also where the error does: a nil of a type of its own, for one.
func failureOf(method string, err error) (found failure) {
	defer func() {
		if said := recover(); said != nil {
			text := fmt.Sprintf("%s failed with a %T, which panicked when it was asked for its text: %v", method, err, said)
			found = failure{code: execFailed, text: text}
		}
	}()
	var own *Error
	var panic *panicked
	switch {
	case errors.As(err, &panic):
		return failure{code: execFailed, text: panic.Error(), detail: panic.stack}
	case errors.As(err, &own):
		code := own.Code
		if code == 0 && own.Kind == EngineFault {
			code = execFailed
		} else if code == 0 {
			code = badInput - 1 + int32(own.Kind)
		}
		return failure{code: code, class: int32(own.Kind), text: err.Error()}
	}
	return failure{code: execFailed, text: method + " failed: " + err.Error()}
}
