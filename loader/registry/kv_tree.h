// SPDX-License-Identifier: Apache-2.0
// loader/registry/kv_tree.h: Consul's answer to a recursive read of KV, as a tree. Pure;
// thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "loader/api/registry.h"

namespace aiges {

// `body`: a JSON array of {"Key", "Value": base64 or null, ..}. `prefix`: what every key begins
// with, with a slash at its end; it is left out of the paths. Nothing when the answer makes no
// sense.
std::optional<ConfigTree> ParseKvTree(std::string_view body, const std::string& prefix);

}  // namespace aiges
