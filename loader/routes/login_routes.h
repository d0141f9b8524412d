// SPDX-License-Identifier: Apache-2.0
// loader/routes/login_routes.h: how a browser logs in, to see pages (access/page_logins.h).
//
//   GET  /-/login            the form
//   POST /-/login            key=..&next=/-/status, from that form: a cookie, and the page
//   POST /-/logout           the end of it
//
// Belongs to the lane.
#pragma once

#include "loader/front/http_types.h"
#include "loader/routes/access.h"

namespace aiges {

class LoginRoutes {
 public:
  // Outlives the routes.
  explicit LoginRoutes(Access* access) : access_(*access) {}

  static constexpr const char* kLogin = "/-/login";
  static constexpr const char* kLogout = "/-/logout";

  HttpResponse Answer(const HttpRequest& request);

 private:
  HttpResponse LogIn(const HttpRequest& request);
  HttpResponse LogOut(const HttpRequest& request);

  Access& access_;
};

}  // namespace aiges
