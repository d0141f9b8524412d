// SPDX-License-Identifier: Apache-2.0
// loader/pages/client_module.h: the module by which pages call models, /-/client.js, and its types.
//
// Nothing in it is this loader's own: everybody may read it. Thread-safe.
#pragma once

#include <string>

#include "loader/front/http_types.h"

namespace aiges {

// A file of the module, by its path without "/-".
bool IsClientModule(const std::string& path);
HttpResponse ClientModule(const std::string& path);

}  // namespace aiges
