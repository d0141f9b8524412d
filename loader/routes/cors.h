// SPDX-License-Identifier: Apache-2.0
// loader/routes/cors.h: which pages of other origins may call (Fetch standard, section 3.3).
//
// Pages of the origins in [http] cors_origins may call the engine, and read what it answers.
// Nothing else of this loader is for other origins. Immutable; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "loader/api/settings.h"
#include "loader/front/http_types.h"

namespace aiges {

class Cors {
 public:
  // The settings outlive it.
  explicit Cors(const HttpSettings& settings) : origins_(settings.cors_origins) {}

  // What Access-Control-Allow-Origin says to a page of that origin; empty: nothing, it may not.
  std::string_view AllowedFor(std::string_view origin) const;
  // On an answer, also to who is no browser.
  void AddTo(const std::string* origin, HttpResponse* response) const;
  // The answer to OPTIONS: what a browser asks before a page of another origin may use one of the
  // methods with headers of its own. Without what AddTo adds.
  HttpResponse Options(const HttpRequest& request, std::string_view methods = "POST") const;

 private:
  const std::vector<std::string>& origins_;
};

}  // namespace aiges
