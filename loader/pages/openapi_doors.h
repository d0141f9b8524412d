// SPDX-License-Identifier: Apache-2.0
// loader/pages/openapi_doors.h: the paths that an engine answers itself (door_table.h), for the
// document of openapi.h. What is behind a catch-all is the engine's to describe.
//
// A pure function; thread-safe.
#pragma once

#include <nlohmann/json.hpp>

#include "loader/protocols/door_table.h"

namespace aiges {

// Adds the paths that are not there.
void AddDoorPaths(const DoorTable& doors, nlohmann::ordered_json* paths);

}  // namespace aiges
