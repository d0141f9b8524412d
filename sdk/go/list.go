// SPDX-License-Identifier: Apache-2.0

package aiges

// #include <stdlib.h>
// #include <string.h>
// #include "bridge.h"
import "C"

import (
	"strings"
	"unsafe"
)

const (
	mostData  = 2 << 30
	longData  = 256 << 10 // What a call of C costs is nothing beside it.
	nodeSize  = unsafe.Sizeof(C.struct_DataList{})
	paramSize = unsafe.Sizeof(C.struct_ParamList{})
)

// The numbers of the C ABI, for a zero Payload to be a whole one.
var (
	statusToC   = [...]C.DataStatus{Once: C.DataOnce, Begin: C.DataBegin, Continue: C.DataContinue, End: C.DataEnd}
	statusFromC = [...]Status{C.DataBegin: Begin, C.DataContinue: Continue, C.DataEnd: End, C.DataOnce: Once}
)

// texts copies strings of C into memory that they share, to spare the collector many small ones.
type texts struct{ all []byte }

const usualTexts = 384 // Bytes of a call's names and values.

func (t *texts) take(start *C.char) string {
	if start == nil {
		return ""
	}
	size := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(start), size)) != 0 {
		size++
	}
	return t.copy(start, size)
}

func (t *texts) copy(start *C.char, size int) string {
	if size == 0 {
		return ""
	}
	if cap(t.all)-len(t.all) < size {
		if size >= usualTexts {
			return C.GoStringN(start, C.int(size))
		}
		t.all = make([]byte, 0, usualTexts)
	}
	begin := len(t.all)
	t.all = append(t.all, unsafe.Slice((*byte)(unsafe.Pointer(start)), size)...)
	taken := t.all[begin:]
	return *(*string)(unsafe.Pointer(&taken)) // What is there is never written to again.
}

// params copies a list of the host's.
func (t *texts) params(node C.pParamList) Params {
	count := 0
	for each := node; each != nil; each = each.next {
		if each.key != nil {
			count++
		}
	}
	if count == 0 {
		return nil
	}
	params := make(Params, 0, count)
	for each := node; each != nil; each = each.next {
		if each.key == nil {
			continue
		}
		param := Param{Name: t.take(each.key)}
		if each.value != nil {
			param.Value = t.copy(each.value, int(each.vlen))
		}
		params = append(params, param)
	}
	return params
}

// payloads are those of a list, whose data is the host's memory.
func (t *texts) payloads(node C.pDataList) Payloads {
	count := 0
	for each := node; each != nil; each = each.next {
		count++
	}
	list := make(Payloads, 0, count)
	for each := node; each != nil; each = each.next {
		if each.key == nil && each.data == nil {
			continue
		}
		payload := Payload{Key: t.take(each.key), Type: DataType(each._type), Attributes: t.params(each.desc)}
		if each.data != nil && each.len > 0 {
			// The capacity too: an append must not write behind it.
			payload.Data = unsafe.Slice((*byte)(each.data), int(each.len))
		}
		if int(each.status) < len(statusFromC) {
			payload.Status = statusFromC[each.status]
		}
		list = append(list, payload)
	}
	return list
}

func readPayloads(node C.pDataList) Payloads { return (&texts{}).payloads(node) }

func goString(text *C.char) string {
	if text == nil {
		return ""
	}
	return C.GoString(text)
}

// block is one piece of C memory that is filled from its begin.
type block struct {
	next uintptr // Of texts and data.
	at   unsafe.Pointer
}

// newBlock has room for nodes, which are zero, and behind them for texts. What stood in C memory
// before must not be there when a pointer is written over it: the collector looks at that, too.
func newBlock(nodes, texts uintptr) block {
	at := C.malloc(C.size_t(nodes + texts))
	C.memset(at, 0, C.size_t(nodes))
	return block{at: at, next: nodes}
}

func (b *block) put(text string) *C.char {
	start := unsafe.Add(b.at, b.next)
	into := unsafe.Slice((*byte)(start), len(text)+1)
	copy(into, text)
	into[len(text)] = 0
	b.next += uintptr(len(text) + 1)
	return (*C.char)(start)
}

func checkText(what, text string) error {
	if strings.IndexByte(text, 0) >= 0 {
		return &Error{Text: what + ": expected no NUL in " + text, Code: badResult}
	}
	return nil
}

// sizeOfParams is what the nodes, and what the texts of params take.
func sizeOfParams(params Params) (nodes, texts uintptr, err error) {
	for i := range params {
		if err = checkText("a name", params[i].Name); err != nil {
			return
		}
		if err = checkText(params[i].Name, params[i].Value); err != nil {
			return
		}
		nodes += paramSize
		texts += uintptr(len(params[i].Name) + len(params[i].Value) + 2)
	}
	return
}

func (b *block) putParams(params Params, nodes *uintptr) C.pParamList {
	var first, last C.pParamList
	for i := range params {
		node := C.pParamList(unsafe.Add(b.at, *nodes))
		*nodes += paramSize
		*node = C.struct_ParamList{
			key:   b.put(params[i].Name),
			value: b.put(params[i].Value),
			vlen:  C.uint(len(params[i].Value)),
		}
		if last == nil {
			first = node
		} else {
			last.next = node
		}
		last = node
	}
	return first
}

// makeParams is a list of C memory; the caller frees its head. nil: it is empty.
func makeParams(params Params) (C.pParamList, error) {
	nodes, texts, err := sizeOfParams(params)
	if err != nil || nodes == 0 {
		return nil, err
	}
	b := newBlock(nodes, texts)
	at := uintptr(0)
	return b.putParams(params, &at), nil
}

// copyTo copies to C memory. Go writes long ones past the caches, and the host reads them next.
func copyTo(memory unsafe.Pointer, data []byte) {
	if len(data) >= longData {
		C.memcpy(memory, unsafe.Pointer(&data[0]), C.size_t(len(data)))
		return
	}
	copy(unsafe.Slice((*byte)(memory), len(data)), data)
}

// makeList copies payloads into one piece of C memory, whose begin is the head; who gets it frees
// it. Without payloads it is one node of NULLs.
func makeList(payloads Payloads) (C.pDataList, error) {
	nodes, params, bytes := uintptr(0), uintptr(0), uintptr(0)
	data := 0
	for i := range payloads {
		each := &payloads[i]
		if err := checkText("a key", each.Key); err != nil {
			return nil, err
		}
		more, texts, err := sizeOfParams(each.Attributes)
		if err != nil {
			return nil, err
		}
		nodes += nodeSize
		params += more
		bytes += uintptr(len(each.Key)+1+len(each.Data)) + texts
		if data += len(each.Data); data > mostData {
			return nil, &Error{Text: "expected results of at most 2 GiB", Code: badResult}
		}
	}
	if nodes == 0 {
		return C.pDataList(C.calloc(1, C.size_t(nodeSize))), nil
	}
	b := newBlock(nodes+params, bytes)
	atParams := nodes
	for i := range payloads {
		each := &payloads[i]
		node := C.pDataList(unsafe.Add(b.at, uintptr(i)*nodeSize))
		*node = C.struct_DataList{
			key:    b.put(each.Key),
			len:    C.uint(len(each.Data)),
			_type:  C.DataType(each.Type),
			status: C.DataOnce,
			desc:   b.putParams(each.Attributes, &atParams),
		}
		if each.Status >= 0 && int(each.Status) < len(statusToC) {
			node.status = statusToC[each.Status]
		}
		node.data = unsafe.Add(b.at, b.next)
		copyTo(node.data, each.Data)
		b.next += uintptr(len(each.Data))
		if i > 0 {
			C.pDataList(unsafe.Add(b.at, uintptr(i-1)*nodeSize)).next = node
		}
	}
	return C.pDataList(b.at), nil
}
