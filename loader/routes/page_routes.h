// SPDX-License-Identifier: Apache-2.0
// loader/routes/page_routes.h: the pages of the loader (loader/pages), and where they are.
//
//   GET /healthz /readyz /metrics       pages.h
//   GET /-/status and its files         status_page.h
//   GET /-/openapi.json, /-/docs ..     openapi.h, docs_page.h
//   the same at /, /status.json, /docs .., until another claims these paths
//
// Belongs to the lane.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "loader/routes/cors.h"
#include "loader/routes/engine_routes.h"
#include "loader/routes/front_rooms.h"
#include "loader/routes/route_table.h"

namespace aiges {

class PageRoutes {
 public:
  // All of it outlives the routes.
  PageRoutes(const FrontRooms& rooms, const FrontActions* actions, EngineRoutes* engine)
      : settings_(rooms.settings),
        cors_(settings_.http),
        service_(*rooms.service),
        actions_(*actions),
        engine_(*engine) {}

  // Those that want that of who asks, with what only AdminRoutes answers.
  std::vector<RouteTable::Pattern> Patterns(Need need) const;
  // Nothing: there is no such page. `request` may be for a path under /-/.
  std::optional<HttpResponse> Answer(HttpRequest request);

 private:
  HttpResponse Page(const HttpRequest& request);
  HttpResponse OpenApi(const HttpRequest& request);

  const Settings& settings_;
  const Cors cors_;
  Service& service_;
  const FrontActions& actions_;
  EngineRoutes& engine_;
  std::shared_ptr<const std::string> described_;  // The doors of the OpenAPI document.
};

}  // namespace aiges
