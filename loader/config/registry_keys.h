// SPDX-License-Identifier: Apache-2.0
// loader/config/registry_keys.h: where discovery and the config centre are.
//
// The command line wins over [registry], that over the environment (CONSUL_HTTP_ADDR,
// CONSUL_HTTP_TOKEN, CONSUL_CACERT, CONSUL_CLIENT_CERT, CONSUL_CLIENT_KEY as of Consul's own tools;
// AIGES_WRAPPER_VERSION).
#pragma once

#include "loader/config/flags.h"
#include "loader/config/key_reader.h"

namespace aiges {

void ReadRegistry(KeyReader* keys, const Flags& flags, RegistrySettings* out);

}  // namespace aiges
