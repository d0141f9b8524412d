// SPDX-License-Identifier: Apache-2.0
// loader/front/request_id.h: the name that clients, proxies and people give a request
// (X-Request-Id).
//
// A client's own is taken where it is sane; every answer has it, and messages for people. Pure
// functions; thread-safe.
#pragma once

#include <algorithm>
#include <string_view>

namespace aiges {

inline constexpr std::string_view kRequestIdField = "x-request-id";

// Visible ASCII, 1 to 128 bytes of it: nothing that could forge a line of a log.
inline bool IsRequestId(std::string_view text) {
  constexpr size_t kMost = 128;
  return !text.empty() && text.size() <= kMost &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace aiges
