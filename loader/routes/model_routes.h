// SPDX-License-Identifier: Apache-2.0
// loader/routes/model_routes.h: the paths that each of several models answers itself, behind
// /m/<name>; the default model has its own at the root, too.
//
//   /m/<name>/<path of a door>         the engine's application, which sees its own path
//   /m/<name>/<path that it declares>  as the JSON envelope
//
// What a model declares is looked at when somebody asks. Belongs to the lane.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "loader/api/models.h"
#include "loader/front/http_types.h"
#include "loader/protocols/grpc_env.h"
#include "loader/routes/route_table.h"

namespace aiges {

class ModelRoutes {
 public:
  // A call of the JSON envelope; `path`: without the prefix. False: the model declares no such one.
  using Declared = std::function<bool(const ModelRef& model, const std::string& path,
                                      HttpRequest* request, HttpDone* done, uint64_t* id)>;

  // `env` outlives the routes.
  ModelRoutes(GrpcServices* env, Declared declared) : env_(*env), declared_(std::move(declared)) {}

  // In the table, where there are several models.
  Status Claim(RouteTable* table);

 private:
  class Owner;
  struct Doors {
    std::shared_ptr<const std::string> text;
    RouteTable table;
  };

  std::unique_ptr<Responder> Begin(std::shared_ptr<Exchange> exchange);
  uint64_t Answer(HttpRequest request, HttpDone done);
  RouteOwner* FindDoor(const ModelRef& model, const std::string& path);

  GrpcServices& env_;
  const Declared declared_;
  HttpHandler answer_;
  std::map<std::string, std::unique_ptr<Doors>> doors_;  // By "name/version".
};

}  // namespace aiges
