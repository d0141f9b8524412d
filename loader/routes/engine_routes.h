// SPDX-License-Identifier: Apache-2.0
// loader/routes/engine_routes.h: what the running engine declares, and the paths that it has by
// that.
//
// The schema comes and goes with the engine: it is looked at when somebody asks. Belongs to the
// lane; what Now gives out may be read from any thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "loader/protocols/engine_schema.h"
#include "loader/protocols/schema_check.h"
#include "loader/routes/front_rooms.h"
#include "loader/routes/route_table.h"

namespace aiges {

// Made when the declaration has changed.
struct Declared {
  std::shared_ptr<const std::string> text;
  EngineSchema schema;
  std::optional<SchemaCheck> check;  // Where [http] validate says so.
  std::string openapi;               // Made when it is first asked for. The lane's.

  Declared(std::shared_ptr<const std::string> said, const Settings& settings);
};

class EngineRoutes {
 public:
  // `owner` answers at the paths that the engine declares, `predict` at those of a typed model. All
  // of it outlives the routes.
  EngineRoutes(const Settings& settings, const FrontActions* actions, RouteTable* table,
               std::shared_ptr<RouteOwner> owner, std::shared_ptr<RouteOwner> predict)
      : settings_(settings),
        actions_(*actions),
        table_(*table),
        owner_(std::move(owner)),
        predict_(std::move(predict)) {}

  // As of now; claims and releases paths where that is something new.
  const std::shared_ptr<Declared>& Now();
  // What that model declares; nothing: as Now.
  std::shared_ptr<Declared> Of(const ModelRef& model);
  // As it was then.
  const std::shared_ptr<Declared>& last() const { return declared_; }

 private:
  void Claim();
  void Claim(const std::vector<std::string>& paths, const std::shared_ptr<RouteOwner>& owner);

  const Settings& settings_;
  const FrontActions& actions_;
  RouteTable& table_;
  const std::shared_ptr<RouteOwner> owner_, predict_;
  std::shared_ptr<Declared> declared_;
  // Of others than the default model, while they are the same.
  std::map<const std::string*, std::shared_ptr<Declared>> others_;
};

}  // namespace aiges
