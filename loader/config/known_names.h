// SPDX-License-Identifier: Apache-2.0
// loader/config/known_names.h: names that a configuration may hold though nothing here reads them.
//
// The earlier loader's files are read as they are: what it knew and this one has no use for is only
// told. Everything else that is unknown in a table of ours is a mistake. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace aiges {

// Whether the earlier loader read, or its samples hold, this key of that table. `service`: the
// table that -s names.
bool IsLegacyKey(std::string_view table, std::string_view key, std::string_view service);
bool IsLegacyTable(std::string_view table);

// Tables whose every key is ours, the service's own one apart. [wrapper] is the engine's.
const std::vector<std::string>& TablesOfOurs();

}  // namespace aiges
