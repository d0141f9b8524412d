// SPDX-License-Identifier: Apache-2.0

package aiges

// #cgo CFLAGS: -std=gnu11 -O2 -I${SRCDIR}/include -I${SRCDIR}/../../include
// #cgo LDFLAGS: -lpthread
// #include <stdint.h>
// #include <stdlib.h>
// #include "bridge.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/cgo"
	"runtime/debug"
	"strings"
	"unsafe"
)

func engine() Engine {
	if held := served.Load(); held != nil {
		return held.engine
	}
	return none{}
}

// none stands where no init function has called Serve.
type none struct{}

func (none) Init(Params) error {
	return errors.New("no engine: expected aiges.Serve(engine) in an init function of the library")
}
func (none) Exec(*Context, Params, Payloads) (Payloads, error) { return nil, errors.New("no engine") }

// guarded runs user code. A panic is an error of the engine's, with its stack in the log.
func guarded(method string, run func() error) (err error) {
	defer func() {
		if said := recover(); said != nil {
			stack := string(debug.Stack())
			fmt.Fprintf(os.Stderr, "%s panicked: %v\n%s\n", method, said, stack)
			err = &panicked{method, fmt.Sprint(said), stack}
		}
	}()
	return run()
}

// texts are the failure's for C, which frees them.
func (f failure) texts() (text, detail *C.char) {
	plain := func(text string) string { return strings.ReplaceAll(text, "\x00", `\x00`) }
	text = C.CString(plain(f.text))
	if f.detail != "" {
		detail = C.CString(plain(f.detail))
	}
	return
}

// code keeps the error for wrapperError on this thread. Out: its number; 0 without one.
func code(method string, err error) C.int {
	if err == nil {
		return 0
	}
	f := failureOf(method, err)
	text, detail := f.texts()
	C.aigesQueueError(C.int(f.code), C.int(f.class), text, detail)
	return C.int(f.code)
}

// startCode is code with the number of a failed start.
func startCode(method string, err error) C.int {
	if err == nil {
		return 0
	}
	f := failureOf(method, err)
	if f.code == execFailed {
		f.code = initFailed
	}
	text, detail := f.texts()
	C.aigesQueueError(C.int(f.code), C.int(f.class), text, detail)
	return C.int(f.code)
}

//export aigesGoInit
func aigesGoInit(config C.pConfig) C.int {
	return startCode("Init", guarded("Init", func() error { return engine().Init((&texts{}).params(C.pParamList(config))) }))
}

//export aigesGoWarmUp
func aigesGoWarmUp() C.int {
	warmer, ok := engine().(Warmer)
	if !ok {
		return 0
	}
	return startCode("WarmUp", guarded("WarmUp", warmer.WarmUp))
}

//export aigesGoClose
func aigesGoClose() C.int {
	closer, ok := engine().(Closer)
	if !ok {
		return 0
	}
	return code("Close", guarded("Close", closer.Close))
}

//export aigesGoVersion
func aigesGoVersion() *C.char {
	text := runtime.Version()
	if versioner, ok := engine().(Versioner); ok {
		text = versioner.Version()
	} else if info, ok := debug.ReadBuildInfo(); ok {
		text = info.Main.Path + ", " + text
	}
	return C.CString(text) // Asked once: it stays.
}

//export aigesGoNotThere
func aigesGoNotThere() C.int { return code("", Errorf(Unsupported, "this engine does not do that")) }

//export aigesGoSchema
func aigesGoSchema() *C.char {
	schemer, ok := engine().(Schemer)
	if !ok {
		return nil
	}
	var text string
	err := guarded("Schema", func() (err error) {
		text, err = schemer.Schema().JSON()
		return err
	})
	if err != nil {
		fmt.Fprintf(os.Stderr, "Schema: %v\n", err)
		return nil
	}
	return C.CString(text) // Asked once: it stays.
}

//export aigesGoTraits
func aigesGoTraits() C.uint {
	var traits C.uint
	if _, ok := engine().(Sessions); ok {
		traits |= C.WTraitSessions | C.WTraitCallback
	}
	if _, ok := engine().(Batcher); ok {
		traits |= C.WTraitBatch
	}
	if _, ok := engine().(Later); ok {
		traits |= C.WTraitAsyncOnce
	}
	if _, ok := engine().(Resourcer); ok {
		traits |= C.WTraitResources
	}
	return traits
}

//export aigesGoWishes
func aigesGoWishes(out *C.WrapperWishes) C.int {
	wisher, ok := engine().(Wisher)
	if !ok {
		return 0
	}
	return code("Wishes", guarded("Wishes", func() error {
		wishes := wisher.Wishes()
		out.threads = C.uint(wishes.Threads)
		out.batch_size = C.uint(wishes.BatchSize)
		out.batch_delay_us = C.uint(wishes.BatchDelayUs)
		return nil
	}))
}

//export aigesGoExec
func aigesGoExec(tag *C.char, list C.pParamList, data C.pDataList, out *C.pDataList, ids *C.uint, count C.int) C.int {
	var copied texts
	params := copied.params(list)
	ctx := newContext(copied.take(tag), params, ids, count)
	defer ctx.state.end(context.Canceled)
	return code("Exec", guarded("Exec", func() error {
		results, err := engine().Exec(ctx, params, copied.payloads(data))
		if err == nil {
			*out, err = makeList(results)
		}
		return err
	}))
}

//export aigesGoExecLater
func aigesGoExecLater(tag *C.char, list C.pParamList, data C.pDataList, callback C.wrapperCallback, ids *C.uint, count C.int) C.int {
	var copied texts
	params := copied.params(list)
	ctx := newContext(copied.take(tag), params, ids, count)
	in := copied.payloads(data).Copy()
	reply := &Reply{target: target{tag: ctx.state.tag, callback: callback}, state: &ctx.state}
	later, ok := engine().(Later)
	if !ok { // [aiges] asyncMode asks for it.
		go func() {
			var results Payloads
			err := guarded("Exec", func() (err error) {
				results, err = engine().Exec(ctx, params, in)
				return err
			})
			_ = reply.Send(results, err)
		}()
		return 0
	}
	runtime.SetFinalizer(reply, func(dropped *Reply) {
		_ = dropped.Send(nil, errors.New("dropped the call unanswered"))
	})
	err := guarded("ExecLater", func() error {
		later.ExecLater(ctx, params, in, reply)
		return nil
	})
	if err != nil {
		_ = reply.Send(nil, err)
	}
	return 0
}

//export aigesGoExecBatch
func aigesGoExecBatch(count C.uint, tags **C.char, lists *C.pParamList, data *C.pDataList, out *C.pDataList, codes *C.int) C.int {
	size := int(count)
	calls := make([]Call, size)
	for i := range calls {
		var copied texts
		params := copied.params(unsafe.Slice(lists, size)[i])
		ctx := newContext(copied.take(unsafe.Slice(tags, size)[i]), params, nil, 0)
		defer ctx.state.end(context.Canceled)
		calls[i] = Call{ctx, params, copied.payloads(unsafe.Slice(data, size)[i])}
	}
	var results []Result
	err := guarded("ExecBatch", func() error {
		batcher, ok := engine().(Batcher)
		if !ok {
			return Errorf(Unsupported, "this engine has no batches")
		}
		results = batcher.ExecBatch(calls)
		if len(results) != size {
			return &Error{Text: fmt.Sprintf("ExecBatch: expected %d results, got %d", size, len(results)), Code: badResult}
		}
		return nil
	})
	if err != nil {
		for i := 1; i < size; i++ { // The host asks once for each call.
			code("ExecBatch", err)
		}
		return code("ExecBatch", err)
	}
	for i := range results {
		err := results[i].Err
		if err == nil {
			unsafe.Slice(out, size)[i], err = makeList(results[i].Out)
		}
		unsafe.Slice(codes, size)[i] = code("ExecBatch", err)
	}
	return 0
}

type opened struct {
	session Session
	out     *Emitter
	ctx     *Context
}

//export aigesGoOpen
func aigesGoOpen(tag *C.char, list C.pParamList, callback C.wrapperCallback, ids *C.uint, count C.int, wrong *C.int) C.uintptr_t {
	var copied texts
	params := copied.params(list)
	ctx := newContext(copied.take(tag), params, ids, count)
	session := &opened{out: &Emitter{target{tag: ctx.state.tag, callback: callback}}, ctx: ctx}
	err := guarded("Create", func() (err error) {
		sessions, ok := engine().(Sessions)
		if !ok || callback == nil {
			return Errorf(Unsupported, "this engine has no sessions")
		}
		session.session, err = sessions.Create(ctx, params, session.out)
		if err == nil && session.session == nil {
			err = errors.New("expected a session, got nil")
		}
		return err
	})
	if err != nil {
		session.end()
		*wrong = code("Create", err)
		return 0
	}
	return C.uintptr_t(cgo.NewHandle(session))
}

func (s *opened) end() {
	s.out.target.gone.Store(true)
	s.ctx.state.end(context.Canceled)
}

//export aigesGoWrite
func aigesGoWrite(handle C.uintptr_t, data C.pDataList) C.int {
	session := cgo.Handle(handle).Value().(*opened)
	return code("Write", guarded("Write", func() error { return session.session.Write(readPayloads(data)) }))
}

//export aigesGoDestroy
func aigesGoDestroy(handle C.uintptr_t) C.int {
	session := cgo.Handle(handle).Value().(*opened)
	cgo.Handle(handle).Delete()
	session.end()
	return code("Destroy", guarded("Destroy", func() error {
		session.session.Destroy()
		return nil
	}))
}

func resourcer() (Resourcer, error) {
	if found, ok := engine().(Resourcer); ok {
		return found, nil
	}
	return nil, Errorf(Unsupported, "this engine has no resources")
}

//export aigesGoLoad
func aigesGoLoad(data C.pDataList, number C.uint) C.int {
	return code("LoadResource", guarded("LoadResource", func() error {
		found, err := resourcer()
		list := readPayloads(data)
		if err == nil && len(list) == 0 {
			err = BadInputf("expected the data of a resource, got none")
		}
		if err != nil {
			return err
		}
		return found.LoadResource(uint32(number), list[0])
	}))
}

//export aigesGoUnload
func aigesGoUnload(number C.uint) C.int {
	return code("UnloadResource", guarded("UnloadResource", func() error {
		found, err := resourcer()
		if err != nil {
			return err
		}
		return found.UnloadResource(uint32(number))
	}))
}
