// SPDX-License-Identifier: Apache-2.0
// loader/protocols/oip/generate.h: bodies that name no datatypes: of generate, and of KServe's
// first protocol.
//
// generate: a flat object. Keys that are inputs of the model become its tensors, others parameters;
// an object "parameters" is read the same way. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "loader/protocols/engine_schema.h"
#include "loader/protocols/model_card.h"
#include "loader/protocols/oip/counted.h"
#include "loader/protocols/oip/infer.h"

namespace aiges::oip {

// `fields`: inputs that an engine without tensors declares. One that declares none gets each string
// as an input.
Status ParseGenerate(std::string_view body, const ModelCard& card,
                     const std::vector<EngineSchema::Field>& fields, const Memory& memory,
                     InferRequest* out);
// {"model_name", "model_version", "<output>": value, ..}
std::string WriteGenerate(const InferResponse& response);

// KServe v1: {"instances": [..]} or {"inputs": ..}. A model with one input gets them as its tensor;
// one with several, by name in each instance. An engine without tensors gets the JSON as text,
// under its first input, or "instances".
Status ParsePredict(std::string_view body, const ModelCard& card,
                    const std::vector<EngineSchema::Field>& fields, const Memory& memory,
                    InferRequest* out);
// {"predictions": ..}; `key` names it.
std::string WritePredict(const InferResponse& response, const ModelCard& card,
                         std::string_view key);

}  // namespace aiges::oip
