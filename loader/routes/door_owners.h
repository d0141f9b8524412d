// SPDX-License-Identifier: Apache-2.0
// loader/routes/door_owners.h: who answers the paths of an engine's doors of HTTP.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "loader/protocols/door_table.h"
#include "loader/protocols/grpc_env.h"
#include "loader/routes/route_table.h"

namespace aiges {

// By pattern: doors of one differ in their methods. `env` outlives them.
std::vector<std::pair<std::string, std::shared_ptr<RouteOwner>>> HttpDoorOwners(
    const std::shared_ptr<const DoorTable>& doors, GrpcServices* env);

}  // namespace aiges
