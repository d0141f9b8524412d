// SPDX-License-Identifier: Apache-2.0
// loader/protocols/multipart.h: multipart/form-data, as `curl -F` and forms of web pages send it
// (RFC 7578), and multipart/mixed answers.
//
// Time and memory go with the size of the body; parts and their heads are bounded. Pure functions;
// thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "loader/base/bytes.h"
#include "loader/base/status.h"

namespace aiges {

inline constexpr size_t kMostParts = 1024;
inline constexpr size_t kLongestPartHead = 8 * 1024;
inline constexpr size_t kLongestBoundary = 70;  // RFC 2046, section 5.1.1.

struct FormPart {
  std::string name;
  std::optional<std::string> filename;
  std::string content_type;  // As it came; empty where there is none.
  Bytes data;                // Shares the body.
};

// `content_type` is that of the request. kInvalid says which part is wrong and what was expected.
Status ParseForm(std::string_view content_type, const Bytes& body, std::vector<FormPart>* out);

// The line that a part of an answer begins with, up to its data. `boundary` must not be in any
// data: a random one. `is_first`: nothing stands before it.
std::string PartHead(std::string_view boundary, std::string_view name,
                     std::string_view content_type, bool is_first);
std::string PartsEnd(std::string_view boundary);

}  // namespace aiges
