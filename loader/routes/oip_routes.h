// SPDX-License-Identifier: Apache-2.0
// loader/routes/oip_routes.h: the paths and the service of the Open Inference Protocol, and who may
// ask for what.
//
//   health, and whether a model is ready     everybody
//   metadata, configuration, statistics, ..  any key
//   infer, generate, predict                 keys that may call
//   repository, shared memory, trace, log    administrators; index and status: any key
// Belongs to the lane.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "loader/protocols/grpc_env.h"
#include "loader/protocols/oip/rest.h"
#include "loader/protocols/oip/server.h"
#include "loader/routes/route_table.h"

namespace aiges {

class OipRoutes {
 public:
  // All of it outlives the routes.
  OipRoutes(GrpcServices* env, RouteTable* table)
      : env_(*env),
        table_(*table),
        server_(env->lane.settings, &env->lane.models),
        rest_(&env->lane, &server_) {}

  // Not ok where another has one of the paths.
  Status Claim();
  // POST /v1/models/{m}:predict and :explain.
  uint64_t HandleVerb(HttpRequest request, HttpDone done) {
    return rest_.HandleVerb(std::move(request), std::move(done));
  }

 private:
  Status ClaimRest();
  Status ClaimGrpc();

  GrpcServices& env_;
  RouteTable& table_;
  oip::Server server_;
  oip::RestApi rest_;
};

}  // namespace aiges
