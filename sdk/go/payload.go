// SPDX-License-Identifier: Apache-2.0

package aiges

import "strconv"

// DataType is what the bytes of a payload are.
type DataType int32

const (
	Text DataType = iota
	Audio
	Image
	Video
	Other // Any other: tensors, JSON, resources.
)

// Status is which part of its stream a payload is.
type Status int32

const (
	Once     Status = iota // The whole of it in one piece: what a payload is if nothing is said.
	Begin                  // The first part.
	Continue               // Neither the first nor the last.
	End                    // The last part.
)

// Payload is one payload of a request or an answer.
type Payload struct {
	Key        string
	Data       []byte
	Type       DataType
	Status     Status
	Attributes Params // encoding, datatype, shape, ..
}

// Ends says whether its stream ends with it.
func (p Payload) Ends() bool { return p.Status == End || p.Status == Once }

// Copy is the payload with data of its own, which may be kept.
func (p Payload) Copy() Payload {
	p.Data = append([]byte(nil), p.Data...)
	return p
}

// Payloads is a request or an answer.
type Payloads []Payload

// Get is the payload of that key; nil: there is none.
func (p Payloads) Get(key string) *Payload {
	for i := range p {
		if p[i].Key == key {
			return &p[i]
		}
	}
	return nil
}

// Find is the payload of that key; without it the caller is told.
func (p Payloads) Find(key string) (*Payload, error) {
	if found := p.Get(key); found != nil {
		return found, nil
	}
	came := make([]string, 0, 10)
	for i := 0; i < len(p) && i < cap(came); i++ {
		came = append(came, p[i].Key)
	}
	return nil, BadInputf("expected a payload %s, got %q", key, came)
}

// Copy has data of its own, which may be kept.
func (p Payloads) Copy() Payloads {
	out := make(Payloads, len(p))
	for i := range p {
		out[i] = p[i].Copy()
	}
	return out
}

// Param is a name and its text.
type Param struct{ Name, Value string }

// Params are texts by name, in order: configuration, parameters of a call, attributes of a payload.
type Params []Param

// Get is the first text of that name; "" without one.
func (p Params) Get(name string) string {
	value, _ := p.Lookup(name)
	return value
}

// Lookup is Get, and whether there is one.
func (p Params) Lookup(name string) (string, bool) {
	for i := range p {
		if p[i].Name == name {
			return p[i].Value, true
		}
	}
	return "", false
}

// Int is the text of that name as a number; otherwise without one. What cannot be read is the
// caller's fault.
func (p Params) Int(name string, otherwise int) (int, error) {
	text, found := p.Lookup(name)
	if !found {
		return otherwise, nil
	}
	value, err := strconv.Atoi(text)
	if err != nil {
		return 0, BadInputf("%s: expected a whole number, got %q", name, text)
	}
	return value, nil
}
