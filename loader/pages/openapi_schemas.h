// SPDX-License-Identifier: Apache-2.0
// loader/pages/openapi_schemas.h: the bodies of calls as JSON Schema, for the document of
// openapi.h.
//
// They say what the fronts take and give: what the engine declares, and what the host does with it
// (base64, text under three names, outputs of one key). Pure functions; thread-safe.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "loader/api/request.h"
#include "loader/protocols/engine_schema.h"

namespace aiges {

// As they are listed, the usual one first.
inline constexpr DataType kDataTypes[] = {DataType::kText, DataType::kAudio, DataType::kImage,
                                          DataType::kVideo, DataType::kOther};

// The smallest data of their kind in base64, so that the form of a page can be sent as it is.
const char* SampleOf(DataType type);

nlohmann::ordered_json RequestSchema(const EngineSchema& schema);
nlohmann::ordered_json AnswerSchema(const EngineSchema& schema);
nlohmann::ordered_json ErrorSchema();
// Of multipart/form-data.
nlohmann::ordered_json FormSchema(const EngineSchema& schema);
// A parameter as the host takes it.
nlohmann::ordered_json ParameterSchema(const nlohmann::ordered_json& declared);
// A request that passes its own schema.
nlohmann::ordered_json RequestExample(const EngineSchema& schema);

}  // namespace aiges
