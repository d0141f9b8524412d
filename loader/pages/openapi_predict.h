// SPDX-License-Identifier: Apache-2.0
// loader/pages/openapi_predict.h: the path of a typed model (predict_call.h), for the document of
// openapi.h.
//
// A pure function; thread-safe.
#pragma once

#include <nlohmann/json.hpp>

#include "loader/protocols/engine_schema.h"

namespace aiges {

// The operation, with JSON Schema of every input and of the answer. `responses`: the refusals.
nlohmann::ordered_json PredictOperation(const EngineSchema::Predict& predict,
                                        nlohmann::ordered_json responses);

}  // namespace aiges
