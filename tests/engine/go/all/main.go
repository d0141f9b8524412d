// SPDX-License-Identifier: Apache-2.0

// An engine in Go that does what the parameter "do" says; tests/engine/rust/all is the same in Rust.
// Without it: each payload in upper case, with the texts of the resources that the call names.
package main

/*
#include <stdlib.h>
static void write_nil(void) { *(volatile int*)0 = 1; }
*/
import "C"

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"aiges.ai/engine"
)

type engine struct {
	mark  string
	mu    sync.Mutex
	texts map[uint32]string // Of resources.
}

type params struct {
	Do    string `json:"do" about:"what to do" one_of:"upper,echo"`
	Items int    `json:"items" min:"0" max:"1000" default:"0"`
}

type payloads struct {
	Text string `json:"text" about:"any words"`
}

func (*engine) Schema() aiges.Schema {
	return aiges.Schema{Service: "svcName", Params: params{}, Input: payloads{}, Output: payloads{}}
}

func (e *engine) Init(config aiges.Params) error {
	switch config.Get("init") {
	case "fail":
		return errors.New("no model in the folder")
	case "panic":
		panic("no memory for the model")
	}
	e.mark = config.Get("mark")
	return nil
}

func (e *engine) WarmUp() error {
	if e.mark == "cold" {
		return errors.New("too cold")
	}
	return nil
}

func (e *engine) Close() error {
	fmt.Println("closed in order")
	return nil
}

func (*engine) Version() string { return "test 1.0" }

func text(format string, args ...any) aiges.Payloads {
	return aiges.Payloads{{Key: "text", Data: []byte(fmt.Sprintf(format, args...))}}
}

func (e *engine) Exec(ctx *aiges.Context, params aiges.Params, in aiges.Payloads) (aiges.Payloads, error) {
	switch params.Get("do") {
	case "", "upper":
		out := make(aiges.Payloads, len(in))
		for i := range in {
			out[i] = in[i]
			out[i].Data = append(bytes.ToUpper(in[i].Data), e.resources(ctx)...)
		}
		return out, nil
	case "echo":
		return in, nil
	case "empty":
		return nil, nil
	case "fail":
		return nil, fmt.Errorf("no boxes: %w", io.ErrUnexpectedEOF)
	case "bad":
		return nil, aiges.BadInputf("expected a picture, got %d bytes", len(in[0].Data))
	case "missing":
		return nil, aiges.Errorf(aiges.NotFound, "no such voice")
	case "own":
		return nil, &aiges.Error{Kind: aiges.BadInput, Text: "unusable", Code: 4242}
	case "panic":
		panic("the model is gone")
	case "nil":
		var nobody *engine
		return text("%s", nobody.mark), nil
	case "typed_nil":
		var nothing *aiges.Error
		return nil, nothing
	case "wrong_status":
		return aiges.Payloads{{Key: "a", Status: -1}}, nil
	case "attributes":
		out := make(aiges.Payloads, 0, len(in))
		for _, each := range in {
			for i := 0; i < 20; i++ {
				each.Attributes = append(each.Attributes, aiges.Param{Name: fmt.Sprint(i), Value: "v"})
			}
			out = append(out, each)
		}
		return out, nil
	case "nul":
		return aiges.Payloads{{Key: "a\x00b"}}, nil
	case "c_nil":
		C.write_nil()
	case "abort":
		C.abort()
	case "exit":
		os.Exit(3)
	case "hang":
		for {
			time.Sleep(time.Hour)
		}
	case "thread_panic":
		go func() { panic("nobody catches this") }()
		time.Sleep(time.Hour)
	case "pid":
		return text("%d", os.Getpid()), nil
	case "config":
		return text("%s", e.mark), nil
	case "meter":
		ctx.Meter("words", 3)
		ctx.Trace("found", "boxes")
		ctx.Progress(0.5)
	case "who":
		left, limited := ctx.Remaining()
		_, same := ctx.Deadline()
		return text("%q %q %v %v", ctx.Caller, ctx.Traceparent, limited && same, left > 0), nil
	case "wait":
		ctx.Meter("waits", 1)
		<-ctx.Done()
		ctx.Meter("saw_cancel", 1)
		return nil, ctx.Err()
	case "call", "stream":
		return call(ctx, params, in)
	}
	return text("done"), nil
}

func (e *engine) resources(ctx *aiges.Context) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	said := ""
	for _, number := range ctx.Resources {
		said += fmt.Sprintf("[%d=%s]", number, e.texts[number])
	}
	return said
}

// call calls the first model of "model", which calls the others of that list.
func call(ctx *aiges.Context, params aiges.Params, in aiges.Payloads) (aiges.Payloads, error) {
	model, rest, more := strings.Cut(params.Get("model"), ",")
	options := &aiges.CallOptions{}
	if more {
		options.Params = aiges.Params{{Name: "do", Value: "call"}, {Name: "model", Value: rest}}
	}
	if params.Get("do") == "call" {
		out, err := ctx.Call(model, in, options)
		var failed *aiges.CallError
		if errors.As(err, &failed) && params.Get("tell") != "" {
			return text("%d %s", failed.Code, failed.Text), nil
		}
		return out, err
	}
	answers, err := ctx.Stream(model, in, &aiges.CallOptions{Params: aiges.Params{{Name: "items", Value: "3"}}})
	if err != nil {
		return nil, err
	}
	defer answers.Close()
	var all []string
	for {
		out, err := answers.Next()
		if err == io.EOF {
			return text("%s", strings.Join(all, ",")), nil
		}
		if err != nil {
			return nil, err
		}
		for i := range out {
			all = append(all, string(out[i].Data))
		}
	}
}

func (e *engine) ExecBatch(calls []aiges.Call) []aiges.Result {
	results := make([]aiges.Result, len(calls))
	time.Sleep(5 * time.Millisecond) // So that the next calls come together.
	for i, each := range calls {
		each.Context.Meter("ran", 1)
		switch each.Params.Get("do") {
		case "bad":
			results[i].Err = aiges.BadInputf("expected a number, got %q", each.In[0].Data)
		case "fail":
			results[i].Err = errors.New("one of many")
		case "panic":
			panic("the batch is gone")
		case "short":
			return nil
		default:
			results[i].Out = text("%d %s", len(calls), each.In[0].Data)
		}
	}
	return results
}

func (e *engine) LoadResource(number uint32, data aiges.Payload) error {
	if string(data.Data) == "bad" {
		return aiges.BadInputf("expected a voice")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.texts[number] = string(data.Data)
	return nil
}

func (e *engine) UnloadResource(number uint32) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, found := e.texts[number]; !found {
		return aiges.Errorf(aiges.NotFound, "no resource %d", number)
	}
	delete(e.texts, number)
	return nil
}

// session writes back what comes, in upper case; behind the end of the input so many "items" follow,
// by a goroutine.
type session struct {
	ctx   *aiges.Context
	out   *aiges.Emitter
	write string
	items int
	sent  sync.WaitGroup
}

func (e *engine) Create(ctx *aiges.Context, params aiges.Params, out *aiges.Emitter) (aiges.Session, error) {
	switch params.Get("create") {
	case "fail":
		return nil, errors.New("no room for a session")
	case "bad":
		return nil, aiges.BadInputf("expected a language")
	case "panic":
		panic("the session is gone")
	}
	items, err := params.Int("items", 0)
	return &session{ctx: ctx, out: out, write: params.Get("write"), items: items}, err
}

func (s *session) Write(in aiges.Payloads) error {
	switch s.write {
	case "fail":
		return errors.New("no sound in it")
	case "panic":
		panic("the write is gone")
	case "later":
		return s.out.Fail(aiges.BadInputf("expected another sound"))
	}
	for _, each := range in {
		each.Data = bytes.ToUpper(each.Data)
		ended := each.Ends()
		each.Status = aiges.Continue
		if ended && s.items == 0 {
			each.Status = aiges.End
		}
		if err := s.out.Emit(each); err != nil {
			return nil
		}
		if ended && s.items > 0 {
			s.sent.Add(1)
			go s.send(each.Key)
		}
	}
	return nil
}

func (s *session) send(key string) {
	defer s.sent.Done()
	for i := 1; i <= s.items; i++ {
		item := aiges.Payload{Key: key, Data: []byte(fmt.Sprint(i)), Status: aiges.Continue}
		if i == s.items {
			item.Status = aiges.End
		}
		if s.out.Emit(item) != nil {
			s.ctx.Meter("refused", 1)
			return
		}
	}
}

func (s *session) Destroy() {
	s.sent.Wait()
	s.ctx.Meter("destroyed", 1)
}

func init() { aiges.Serve(&engine{texts: map[uint32]string{}}) }

func main() {}
