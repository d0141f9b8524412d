// SPDX-License-Identifier: Apache-2.0

package aiges

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

type testParams struct {
	Times  int     `json:"times" about:"how often" min:"1" max:"9" default:"2"`
	Mark   string  `json:"mark" one_of:"!,?"`
	Rate   float64 `default:"0.5"`
	Loud   bool    `json:"loud,omitempty"`
	hidden string
	Not    chan int `json:"-"`
}

type testInput struct {
	Text  string `json:"text" about:"a word"`
	Sound []byte `json:"sound" type:"audio"`
}

func TestSchemaIsThatOfTheStructs(t *testing.T) {
	_ = testParams{}.hidden
	text, err := Schema{Service: "s", Params: testParams{}, Input: testInput{}, Output: &testInput{}}.JSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		`"times":{"default":2,"description":"how often","maximum":9,"minimum":1,"type":"integer"}`,
		`"mark":{"enum":["!","?"],"type":"string"}`,
		`"Rate":{"default":0.5,"type":"number"}`,
		`"loud":{"type":"boolean"}`,
		`"s":{"accept":{"sound":{"dataType":"audio"},"text":{"dataType":"text"}}`,
		`"required":["text","sound"]`,
	} {
		if !strings.Contains(text, part) {
			t.Errorf("expected %s in %s", part, text)
		}
	}
	if strings.Contains(text, "Not") || strings.Contains(text, "hidden") {
		t.Errorf("expected only fields that are told, got %s", text)
	}
}

func TestSchemaRefusesWhatHasNoForm(t *testing.T) {
	for want, schema := range map[string]Schema{
		"expected a struct, got int":                                {Input: 1},
		"Made: expected a string, a bool or a number, got []string": {Params: struct{ Made []string }{}},
		`Times: tag min: expected a number, got "few"`: {Params: struct {
			Times int `min:"few"`
		}{}},
		"Count: expected a string or []byte, got int": {Input: struct{ Count int }{}},
		`Data: tag type: expected text, audio, image or video, got "film"`: {Output: struct {
			Data []byte `type:"film"`
		}{}},
	} {
		if _, err := schema.JSON(); err == nil || err.Error() != want {
			t.Errorf("expected %q, got %v", want, err)
		}
	}
}

func TestErrorsHaveTheirCode(t *testing.T) {
	for kind, code := range map[ErrorKind]int32{
		EngineFault: 30003, BadInput: 30006, NotFound: 30007, Unavailable: 30008, Unsupported: 30009,
		AlreadyExists: 30010, Cancelled: 30011, Unknown: 30012,
	} {
		got := failureOf("Exec", fmt.Errorf("so: %w", Errorf(kind, "no %s", "voice")))
		if got.code != code || got.class != int32(kind) || got.text != "so: no voice" {
			t.Errorf("of kind %d: %+v", kind, got)
		}
	}
	if got := failureOf("Exec", errors.New("torn")); got.code != 30003 || got.text != "Exec failed: torn" {
		t.Errorf("of a plain error: %+v", got)
	}
}

func TestParamsAndPayloadsAreFoundByName(t *testing.T) {
	params := Params{{"times", "3"}, {"times", "4"}, {"much", "many"}}
	if times, err := params.Int("times", 1); times != 3 || err != nil {
		t.Errorf("expected 3, got %d, %v", times, err)
	}
	if none, err := params.Int("none", 7); none != 7 || err != nil {
		t.Errorf("expected 7, got %d, %v", none, err)
	}
	if _, err := params.Int("much", 1); err == nil || err.Error() != `much: expected a whole number, got "many"` {
		t.Errorf("got %v", err)
	}
	payloads := Payloads{{Key: "a", Data: []byte("1")}, {Key: "b"}}
	if _, err := payloads.Find("c"); err == nil || err.Error() != `expected a payload c, got ["a" "b"]` {
		t.Errorf("got %v", err)
	}
	copied := payloads.Copy()
	payloads[0].Data[0] = '2'
	if string(copied.Get("a").Data) != "1" {
		t.Error("expected a copy to have data of its own")
	}
}
