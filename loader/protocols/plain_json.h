// SPDX-License-Identifier: Apache-2.0
// loader/protocols/plain_json.h: calls and answers as a plain JSON object, {key: value}.
//
//   a string                                     text
//   {"base64": "..", "type": "image/png"}        bytes; type: a media type, or text, audio, image,
//                                                video, other; of a request it may be missing
//   another object, an array, a number, a boolean   JSON, which is text for the engine
// Of an answer, outputs of one key that could not be joined are an array. A string or JSON of the
// client is for an input that is text; null is no value. Pure functions; thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "loader/api/buffers.h"
#include "loader/protocols/engine_schema.h"
#include "loader/protocols/once.h"

namespace aiges {

// kInvalid with kCodeBodyNotJson, kCodeConversion or kCodeInvalidInput; the text names the place.
Status ParsePlain(const Bytes& body, const EngineSchema& schema, BufferPool* buffers,
                  OnceCall* out);

std::string WritePlain(const OutputsByKey& outputs, const EngineSchema& schema);
// Payloads of which no two have one key, on one line.
std::string WritePlainLine(const Payload* payloads, size_t count, const EngineSchema& schema);
// The value of one output alone, on one line.
std::string WritePlainValue(const Payload& payload, const EngineSchema& schema);
// {"error": {"code", "message"}}
std::string WritePlainError(int code, std::string_view message);

}  // namespace aiges
