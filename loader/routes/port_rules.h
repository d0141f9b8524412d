// SPDX-License-Identifier: Apache-2.0
// loader/routes/port_rules.h: what a port speaks, by [tls]. Pure functions.
#pragma once

#include <string>

#include "loader/api/settings.h"
#include "loader/front/newcomer.h"

namespace aiges {

// "0.0.0.0:1888" or "unix:/path".
std::string AddressText(const ListenAddress& address);
// `admin`: the port of [admin] listen, which has no TLS.
PortRules RulesOf(const TlsSettings& tls, const ListenAddress& address, bool admin);

}  // namespace aiges
