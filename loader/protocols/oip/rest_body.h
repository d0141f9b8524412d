// SPDX-License-Identifier: Apache-2.0
// loader/protocols/oip/rest_body.h: bodies of HTTP that are packed (Content-Encoding, RFC 9110,
// section 8.4). Whole bodies at once: for the codec threads. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "loader/front/gzip.h"
#include "loader/front/http_types.h"
#include "loader/protocols/oip/counted.h"

namespace aiges::oip {

// What the request says of its body. Nothing: a coding that is not served.
std::optional<Coding> CodingOf(const HttpRequest& request);
// What the client would rather have, by its Accept-Encoding.
Coding WantedCoding(const HttpRequest& request);

// `most`: bytes of the result. Not ok: kInvalid, or there is no room.
Status Unpack(Coding coding, const Bytes& body, uint64_t most, const Memory& memory, Bytes* out);
// The body in that coding, where it is worth it and there is room.
void Pack(Coding coding, BufferPool* pool, Account* output, HttpResponse* response);

}  // namespace aiges::oip
