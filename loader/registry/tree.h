// SPDX-License-Identifier: Apache-2.0
// loader/registry/tree.h: what all backends agree on about a tree of configuration files.
#pragma once

#include <string>

#include "loader/api/registry.h"
#include "loader/api/settings.h"

namespace aiges {

// <project>/<group>/<service>/<version>: the place of a tree, in KV and in a folder.
std::string TreePath(const RegistrySettings& settings, const std::string& service);

// Sorts the files and gives them their revision: the first 12 hex digits of the SHA-256 over
// "<length>:<path><length>:<content>" of each file in order, lengths in decimal bytes; none without
// files. sdk/aiges/registry computes the same.
void Seal(ConfigTree* tree);

}  // namespace aiges
