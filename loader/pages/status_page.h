// SPDX-License-Identifier: Apache-2.0
// loader/pages/status_page.h: the status page at "/", its files, and its data.
//
// The files lie in web/ and are part of the program; the page loads nothing from elsewhere, and its
// Content-Security-Policy says so to the browser. All that changes comes from /status.json, which
// the page asks for once a second and shows as text, never as markup. Thread-safe.
#pragma once

#include <optional>
#include <string>

#include "loader/front/http_types.h"
#include "loader/pages/pages.h"

namespace aiges {

// "/", "/status.json", or a file of /ui/.
bool IsStatusPath(const std::string& path);

// The answer to a GET of such a path. `data` is asked only for /status.json. Query of that:
// history=<number> and failures=<number> leave out what the caller has, calls=<number> asks for the
// last calls (docs/operations.md).
HttpResponse StatusAnswer(const HttpRequest& request, const PageSource& data);

struct StatusWish {
  uint64_t history = 0;           // First sample wanted.
  uint64_t failures = 0;          // Last change known.
  std::optional<uint64_t> calls;  // Last call known; nothing: none are wanted.
};

// The body of /status.json.
std::string StatusJson(const PageData& data, const StatusWish& wish);

}  // namespace aiges
