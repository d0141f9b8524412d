// SPDX-License-Identifier: Apache-2.0
#include "loader/routes/port_rules.h"

#include <algorithm>
#include <string_view>

#include "loader/base/strings.h"

namespace aiges {
namespace {

constexpr std::string_view kAnyHost = "0.0.0.0";

// "[::1]:80" and "::1:80" mean the same, as do ":80" and "0.0.0.0:80".
bool IsThisAddress(std::string_view item, const ListenAddress& address) {
  if (!address.path.empty()) return item == StrCat("unix:", address.path);
  const std::string port = std::to_string(address.port);
  if (item == port) return true;
  if (!item.ends_with(StrCat(":", port))) return false;
  std::string_view host = item.substr(0, item.size() - port.size() - 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return (host.empty() ? kAnyHost : host) ==
         (address.host.empty() ? kAnyHost : std::string_view(address.host));
}

}  // namespace

std::string AddressText(const ListenAddress& address) {
  if (!address.path.empty()) return StrCat("unix:", address.path);
  return StrCat(address.host.empty() ? std::string(kAnyHost) : address.host, ":", address.port);
}

PortRules RulesOf(const TlsSettings& tls, const ListenAddress& address, bool admin) {
  if (admin || !tls.on()) return {false, true};
  const bool plain = std::any_of(tls.plain.begin(), tls.plain.end(), [&](const std::string& item) {
    return IsThisAddress(item, address);
  });
  return {true, plain};
}

}  // namespace aiges
