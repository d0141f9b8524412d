// SPDX-License-Identifier: Apache-2.0
// loader/registry/make.h: the backend that [registry] names. A new one is one file and one line
// here.
#pragma once

#include <memory>
#include <string>

#include "loader/api/registry.h"
#include "loader/api/settings.h"

namespace aiges {

std::unique_ptr<Registry> MakeRegistry(const RegistrySettings& settings,
                                       const std::string& service);

// Where others reach this machine: `bound` when it is one address; else the address that packets to
// the registry at `url` leave from; else the first interface that is up and not the loopback.
std::string ReachableAddress(const std::string& bound, const std::string& url);

}  // namespace aiges
