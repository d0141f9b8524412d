// SPDX-License-Identifier: Apache-2.0
// loader/protocols/json_codec.h: the JSON envelope {header, parameter, payload} of a client ->
// values.
//
// A payload is {<attributes>, <data>}; the name of the data says their type:
//   text, image, audio, video, other   a string is standard base64 of the data; an object or array
//                                      is handed on as JSON text
//   text_plain                         the string is the text itself
//   text_base64                        the string is base64 of text, as answers have it
// Numbers elsewhere become their shortest decimal text. Pure functions; thread-safe.
#pragma once

#include <string_view>

#include "loader/api/buffers.h"
#include "loader/protocols/once.h"

namespace aiges {

inline constexpr const char* kTextPlain = "text_plain";
inline constexpr const char* kTextBase64 = "text_base64";
// Whether it names data in a payload, rather than an attribute.
bool IsDataMember(std::string_view name);

// kInvalid with kCodeBodyNotJson, kCodeConversion or kCodeInvalidInput (too many parts); the text
// names the place ("payload.img.image") and what was expected there.
Status ParseEnvelope(const Bytes& body, BufferPool* buffers, OnceCall* out);

}  // namespace aiges
