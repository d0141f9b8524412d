// SPDX-License-Identifier: Apache-2.0
// loader/routes/door_routes.h: the paths and services that the running engine answers itself.
//
// What wrapperDoors says comes and goes with the engine: it is looked at with each exchange, and
// claimed anew where it is another. A pattern that somebody else has is left out, and said: it
// costs the engine no other one. Belongs to the lane.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "loader/protocols/grpc_env.h"
#include "loader/protocols/standard_calls.h"
#include "loader/routes/front_rooms.h"
#include "loader/routes/route_table.h"

namespace aiges {

class DoorRoutes {
 public:
  // All of it outlives the routes.
  DoorRoutes(GrpcServices* env, const FrontActions* actions, RouteTable* table,
             StandardServices* standard)
      : env_(*env), actions_(*actions), table_(*table), standard_(*standard) {}

  void Look();
  bool known() const { return text_ != nullptr; }  // An engine has been ready.

 private:
  void Claim();

  GrpcServices& env_;
  const FrontActions& actions_;
  RouteTable& table_;
  StandardServices& standard_;  // Tells of the services.
  std::shared_ptr<const std::string> text_;
  std::vector<std::shared_ptr<RouteOwner>> owners_;
};

}  // namespace aiges
