// SPDX-License-Identifier: Apache-2.0
#include "loader/pages/client_module.h"

#include "loader/pages/web/client_d_ts.h"  // Made by CMake, from the files in web/.
#include "loader/pages/web/client_js.h"

namespace aiges {
namespace {

constexpr const char* kScript = "/client.js";
constexpr const char* kTypes = "/client.d.ts";

}  // namespace

bool IsClientModule(const std::string& path) { return path == kScript || path == kTypes; }

HttpResponse ClientModule(const std::string& path) {
  HttpResponse response = path == kScript
                              ? HttpResponse::Text(200, "text/javascript; charset=utf-8", kClientJs)
                              : HttpResponse::Text(200, "text/plain; charset=utf-8", kClientTypes);
  response.headers.emplace_back("Cache-Control", "no-cache");
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  return response;
}

}  // namespace aiges
