// SPDX-License-Identifier: Apache-2.0
// loader/front/http_head.h: the bytes of HTTP/1.1 answers, and the answers that a connection gives
// by itself. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "loader/front/fields.h"
#include "loader/front/http_types.h"

namespace aiges {

// An answer that the connection gives by itself: {"header": {"code", "message"}, "payload": null}.
// `code` 0: the same as `status`.
HttpResponse ConnectionError(int status, std::string_view message, int code = 0);

// The target in origin form. Of an absolute one, which clients send to what they take for a proxy
// (RFC 9112, section 3.2.2), *authority is what it names; else it stays as it is.
std::string_view OriginForm(std::string_view target, std::string_view* authority);

// How the end of an answer's body is told (RFC 9112, section 6).
struct H1Framing {
  std::optional<uint64_t> length;  // By Content-Length.
  bool chunked = false;            // Else by chunks; else by the end of the connection.
  std::string_view connection;     // What to say in Connection; may be empty.
};

// The head of an answer, with the empty line. Names are written as people know them, and no value
// leaves its line.
void AppendHead(std::string* out, int status, const Fields& fields, const H1Framing& framing);
void AppendFields(std::string* out, const Fields& fields);

// A whole answer, which is the last of its connection.
std::string LastAnswer(const HttpResponse& response);

}  // namespace aiges
