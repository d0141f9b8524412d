// SPDX-License-Identifier: Apache-2.0
#include "loader/routes/cors.h"

#include <algorithm>

namespace aiges {

std::string_view Cors::AllowedFor(std::string_view origin) const {
  const auto has = [this](std::string_view name) {
    return std::find(origins_.begin(), origins_.end(), name) != origins_.end();
  };
  if (has("*")) return "*";
  return !origin.empty() && has(Lowered(origin)) ? origin : std::string_view();
}

void Cors::AddTo(const std::string* origin, HttpResponse* response) const {
  const std::string_view allowed = AllowedFor(origin == nullptr ? std::string_view() : *origin);
  if (allowed != "*") response->headers.emplace_back("Vary", "Origin");
  if (allowed.empty()) return;
  response->headers.emplace_back("Access-Control-Allow-Origin", allowed);
  if (origin != nullptr) response->headers.emplace_back("Access-Control-Expose-Headers", "*");
}

HttpResponse Cors::Options(const HttpRequest& request, std::string_view methods) const {
  HttpResponse r;
  r.status = 204;
  r.headers.emplace_back("Allow", StrCat(methods, ", OPTIONS"));
  const std::string* origin = Find(request.headers, "origin");
  const bool asks = Find(request.headers, "access-control-request-method") != nullptr;
  if (!asks || AllowedFor(origin == nullptr ? "" : *origin).empty()) return r;
  r.headers.emplace_back("Access-Control-Allow-Methods", methods);
  if (const std::string* wanted = Find(request.headers, "access-control-request-headers")) {
    r.headers.emplace_back("Access-Control-Allow-Headers", *wanted);
  }
  r.headers.emplace_back("Access-Control-Max-Age", "7200");
  return r;
}

}  // namespace aiges
