// SPDX-License-Identifier: Apache-2.0
// loader/pages/openapi.h: the OpenAPI 3.1 document of the running service, for /openapi.json.
//
// It describes what the HTTP front does with any engine (codes, raw bodies, probes), filled with
// what this one declares. A pure function; thread-safe. Source of the format:
// spec.openapis.org/oas/v3.1.0.
#pragma once

#include <string>

#include "loader/protocols/engine_schema.h"

namespace aiges {

// `doors`: what the engine answers itself, as it says it (door_table.h).
std::string OpenApiDocument(const EngineSchema& schema, const std::string& service,
                            const std::string& doors = {});

}  // namespace aiges
