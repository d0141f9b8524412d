// SPDX-License-Identifier: Apache-2.0
// loader/routes/login_page.h: the form with which people show a browser's loader who they are.
// Pure functions; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "loader/front/http_types.h"

namespace aiges {

// Of a browser that opens a page, which asks people by a form rather than by its own window.
bool WantsLoginPage(const HttpRequest& request);

// `path`: where it is shown. `next`: the page that is wanted. `problem`: of the last try.
HttpResponse LoginPage(int status, std::string_view path, std::string_view next,
                       std::string_view problem);
// "/" -> "/-/status", "/docs" -> "/-/docs": where a login counts. What is no page of ours, and may
// lead elsewhere, is the first one.
std::string PageBehindLogin(std::string_view path);

}  // namespace aiges
