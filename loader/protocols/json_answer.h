// SPDX-License-Identifier: Apache-2.0
// loader/protocols/json_answer.h: answers and errors as JSON envelopes.
//
// A payload is {<attributes>, "<type>": <data>}. Text is text, all else base64; text that is no
// UTF-8 is base64, too, and its member is then named "text_base64". No object has a name twice:
// an attribute whose name is that of data, or begins with "desc.", gets "desc." in front. Pure
// functions; thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "loader/api/request.h"
#include "loader/protocols/once.h"

namespace aiges {

// Of a once call: outputs of one key that could not be joined are an array.
std::string WriteEnvelope(const std::string& sid, const OutputsByKey& outputs);

// One batch of a session. kSocket: text in base64 as well, but JSON text (attribute format "json")
// as JSON; header has "message". kEvents: as a once answer. No two payloads may have one key.
enum class StreamForm { kSocket, kEvents };
std::string WriteStreamEnvelope(StreamForm form, const std::string& sid, int status,
                                const Payload* payloads, size_t count);
// The batch in groups without two payloads of one key, in order: index behind each group.
std::vector<size_t> SplitByKey(const std::vector<Payload>& payloads);

std::string WriteErrorEnvelope(const std::string& sid, int code, std::string_view message);
// The same with header.status.
std::string WriteStreamError(const std::string& sid, int code, std::string_view message);

}  // namespace aiges
