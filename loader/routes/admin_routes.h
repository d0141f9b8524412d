// SPDX-License-Identifier: Apache-2.0
// loader/routes/admin_routes.h: what changes the service: reloads and resources, and who may.
//
//   POST /-/admin/reload, /admin/reload     from this machine
//   POST, DELETE /v1/resources/<serviceId>  a resource of the engine (api/resources.h)
//     both with [admin] token only, where it is set; web pages never without
//   GET of the pages under /-/              from this machine; with the token from others, where
//                                           [admin] open does not let all
//
// Belongs to the lane; answers may be given from any thread.
#pragma once

#include <optional>

#include "loader/front/http_types.h"
#include "loader/routes/front_rooms.h"

namespace aiges {

class AdminRoutes {
 public:
  // Both outlive the routes.
  AdminRoutes(const FrontRooms& rooms, const FrontActions* actions)
      : settings_(rooms.settings), resources_(*rooms.resources), actions_(*actions) {}

  // Nothing: who asks may see the pages under /-/; else the refusal.
  std::optional<HttpResponse> RefusePage(const HttpRequest& request) const;
  void Reload(const HttpRequest& request, const HttpDone& done) const;
  void Resource(HttpRequest request, const HttpDone& done) const;

 private:
  bool May(const HttpRequest& request, bool from_elsewhere, const HttpDone& done) const;

  const Settings& settings_;
  Resources& resources_;
  const FrontActions& actions_;
};

}  // namespace aiges
