// loader/ingress/json_codec.h: the JSON envelope {header, parameter, payload} <-> values.
//
// Input rules: payload text/image/audio/video/other as a string is standard base64; as an object or
// array it is handed on as JSON text. Output: text raw, everything else base64. Numbers elsewhere
// become their shortest decimal text. Pure functions; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "loader/api/buffers.h"
#include "loader/ingress/once.h"

namespace aiges {

// kInvalid with kCodeBodyNotJson or kCodeConversion; the text names the place ("payload.img.image").
Status ParseEnvelope(const Bytes& body, BufferPool* buffers, OnceCall* out);

std::string WriteEnvelope(const std::string& sid, const std::vector<Payload>& payloads);
std::string WriteErrorEnvelope(const std::string& sid, int code, std::string_view message);

void AppendJsonString(std::string* out, std::string_view text);

}  // namespace aiges
