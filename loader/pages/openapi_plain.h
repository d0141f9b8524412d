// SPDX-License-Identifier: Apache-2.0
// loader/pages/openapi_plain.h: the bodies of calls as plain JSON (plain_json.h) as JSON Schema,
// for the document of openapi.h.
//
// Pure functions; thread-safe.
#pragma once

#include <nlohmann/json.hpp>

#include "loader/protocols/engine_schema.h"

namespace aiges {

nlohmann::ordered_json PlainRequestSchema(const EngineSchema& schema);
nlohmann::ordered_json PlainAnswerSchema(const EngineSchema& schema);
nlohmann::ordered_json PlainErrorSchema();
// A request that passes its own schema.
nlohmann::ordered_json PlainExample(const EngineSchema& schema);

}  // namespace aiges
