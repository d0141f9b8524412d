// SPDX-License-Identifier: Apache-2.0

package aiges

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Schema says what goes in and out, for /openapi.json, /docs and [http] validate. Its members are
// values of structs, whose fields are read:
//
//	type params struct {
//		Times int `json:"times" about:"how often" min:"1" max:"9" default:"2"`
//		Case  string `json:"case" one_of:"upper,lower"`
//	}
//	type input struct {
//		Text string `json:"text" about:"what to repeat"`
//	}
//
// In Params a field is a parameter: of any kind of string, bool or number. In Input and Output it is a
// payload: a string is text; []byte is what the tag type says (text, audio, image, video), else
// text. A field without a tag json has its own name.
type Schema struct {
	Service               string
	Params, Input, Output any
}

type object = map[string]any

// JSON is what wrapperSchema says.
func (s Schema) JSON() (string, error) {
	params, err := paramsSchema(s.Params)
	if err != nil {
		return "", err
	}
	input, inKinds, err := payloadsSchema(s.Input)
	if err != nil {
		return "", err
	}
	output, outKinds, err := payloadsSchema(s.Output)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(object{
		"meta": object{
			"serviceId": s.Service,
			"version":   "v1",
			s.Service:   object{"input": inKinds, "accept": outKinds},
		},
		"schemainput": object{
			"type": "object",
			"properties": object{
				"parameter": object{"type": "object", "properties": object{s.Service: params}},
				"payload":   input,
			},
			"required": []string{"payload"},
		},
		"schemaoutput": object{"type": "object", "properties": object{"payload": output}},
	})
	return string(text), err
}

// fieldsOf are the exported fields of a struct, with their names.
func fieldsOf(value any) (map[string]reflect.StructField, []string, error) {
	if value == nil {
		return nil, nil, nil
	}
	kind := reflect.TypeOf(value)
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	if kind.Kind() != reflect.Struct {
		return nil, nil, fmt.Errorf("expected a struct, got %s", kind)
	}
	fields, order := map[string]reflect.StructField{}, []string(nil)
	for i := 0; i < kind.NumField(); i++ {
		field := kind.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !field.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = field.Name
		}
		fields[name] = field
		order = append(order, name)
	}
	return fields, order, nil
}

func paramsSchema(value any) (object, error) {
	fields, order, err := fieldsOf(value)
	properties := object{}
	for _, name := range order {
		if properties[name], err = paramSchema(fields[name]); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return object{"type": "object", "properties": properties}, err
}

func paramSchema(field reflect.StructField) (object, error) {
	kind := ""
	switch field.Type.Kind() {
	case reflect.String:
		kind = "string"
	case reflect.Bool:
		kind = "boolean"
	case reflect.Float32, reflect.Float64:
		kind = "number"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		kind = "integer"
	default:
		return nil, fmt.Errorf("expected a string, a bool or a number, got %s", field.Type)
	}
	made := object{"type": kind}
	if about := field.Tag.Get("about"); about != "" {
		made["description"] = about
	}
	for tag, name := range map[string]string{"min": "minimum", "max": "maximum"} {
		text, found := field.Tag.Lookup(tag)
		if !found {
			continue
		}
		number, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("tag %s: expected a number, got %q", tag, text)
		}
		made[name] = number
	}
	if text, found := field.Tag.Lookup("one_of"); found {
		made["enum"] = strings.Split(text, ",")
	}
	if text, found := field.Tag.Lookup("default"); found {
		var value any = text
		if kind != "string" {
			if err := json.Unmarshal([]byte(text), &value); err != nil {
				return nil, fmt.Errorf("tag default: expected a %s, got %q", kind, text)
			}
		}
		made["default"] = value
	}
	return made, nil
}

// payloadsSchema is the schema of the payloads, and which kind each is.
func payloadsSchema(value any) (object, object, error) {
	fields, order, err := fieldsOf(value)
	properties, kinds, required := object{}, object{}, []string{}
	for _, name := range order {
		field := fields[name]
		isBytes := field.Type.Kind() == reflect.Slice && field.Type.Elem().Kind() == reflect.Uint8
		if field.Type.Kind() != reflect.String && !isBytes {
			return nil, nil, fmt.Errorf("%s: expected a string or []byte, got %s", name, field.Type)
		}
		kind := field.Tag.Get("type")
		switch kind {
		case "":
			kind = "text"
		case "text", "audio", "image", "video":
		default:
			return nil, nil, fmt.Errorf("%s: tag type: expected text, audio, image or video, got %q", name, kind)
		}
		data := object{"type": "string", "contentEncoding": "base64"}
		if about := field.Tag.Get("about"); about != "" {
			data["description"] = about
		}
		properties[name] = object{"type": "object", "properties": object{kind: data}, "required": []string{kind}}
		kinds[name] = object{"dataType": kind}
		required = append(required, name)
	}
	return object{"type": "object", "properties": properties, "required": required}, kinds, err
}
