// SPDX-License-Identifier: Apache-2.0
#include "loader/registry/consul_api.h"

#include <algorithm>
#include <cctype>

#include "loader/base/log.h"

namespace aiges {

void ConsulHealth::Note(const char* what, const HttpGot& got) {
  MutexLock lock(mu_);
  ++report_.requests;
  report_.connected = got.status != 0;
  if (got.ok() || got.status == 404) {  // 404: there is no such key, or no longer.
    if (!report_.problem.empty()) LogInfo("registry", "consul answers again (", what, ")");
    report_.problem.clear();
    return;
  }
  ++report_.failures;
  const std::string problem = StrCat(what, ": ", got.Problem());
  if (problem == report_.problem) return;
  report_.problem = problem;
  LogWarn("registry", "consul: ", problem, "; trying again, calls are served meanwhile");
}

void ConsulHealth::SetRegistered(bool registered, const std::string& id) {
  MutexLock lock(mu_);
  report_.registered = registered;
  report_.id = id;
}

RegistryReport ConsulHealth::Report() const {
  MutexLock lock(mu_);
  RegistryReport report = report_;
  report.backend = "consul";
  return report;
}

std::string UrlPath(const std::string& text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const unsigned char c : text) {
    if (std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_' || c == '~' || c == '/') {
      out.push_back(static_cast<char>(c));
    } else {
      out.push_back('%');
      out.push_back(kHex[c >> 4]);
      out.push_back(kHex[c & 15]);
    }
  }
  return out;
}

}  // namespace aiges
