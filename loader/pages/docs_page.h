// SPDX-License-Identifier: Apache-2.0
// loader/pages/docs_page.h: /docs, Swagger UI over /openapi.json, without any file from
// elsewhere.
//
// Swagger UI's files (Apache-2.0) are part of the program, compressed. Thread-safe.
#pragma once

#include <string>

#include "loader/front/http_types.h"

namespace aiges {

// /docs, its files, and the address that the page had in the old loader, /swagger/...
bool IsDocsPath(const std::string& path);
HttpResponse DocsAnswer(const HttpRequest& request);

}  // namespace aiges
