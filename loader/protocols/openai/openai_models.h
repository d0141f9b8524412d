// SPDX-License-Identifier: Apache-2.0
// loader/protocols/openai/openai_models.h: the models of the loader for GET /v1/models, with the
// fields that clients of OpenAI read and those that clients of KServe's first protocol read.
//
// Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "loader/api/models.h"

namespace aiges {

// {"object": "list", "data": [..], "models": [names]}. `created`: seconds since 1970.
std::string WriteModelList(const Models& models, int64_t created);
// {"id", "object", "created", "owned_by", "name", "ready"}
std::string WriteModel(const std::string& name, bool ready, int64_t created);

// Whether a model does the task. Not ok: kNotFound with kCodeInvalidOutput, and the names of those
// that do.
Status CheckTask(const Models& models, const Model& model, const char* task);

}  // namespace aiges
