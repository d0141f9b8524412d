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
// One batch of a session. kSocket: text in base64 as well, but JSON text (attribute format "json")
// as JSON; header has "message". kEvents: as a once answer. No two payloads may have one key.
enum class StreamForm { kSocket, kEvents };
std::string WriteStreamEnvelope(StreamForm form, const std::string& sid, int status,
                                const Payload* payloads, size_t count);
// The batch in groups without two payloads of one key, in order: index behind each group.
std::vector<size_t> SplitByKey(const std::vector<Payload>& payloads);

// As WriteErrorEnvelope, with header.status.
std::string WriteStreamError(const std::string& sid, int code, std::string_view message);

std::string WriteErrorEnvelope(const std::string& sid, int code, std::string_view message);

void AppendJsonString(std::string* out, std::string_view text);

}  // namespace aiges
