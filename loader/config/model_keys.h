// SPDX-License-Identifier: Apache-2.0
// loader/config/model_keys.h: [models], and what is one model's own.
//
// A model's keys stand in [model.<name>] of aiges.toml and, where they do not, in model.toml of its
// folder:
//   weight, versions, contract, app
//   tables [instances], [wrapper], [batch], [queue], [http], with the keys of aiges.toml that
//   engine_keys.h reads
// What neither says is as aiges.toml has it for all. Pure but for reading the file; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "loader/api/settings.h"
#include "loader/config/key_reader.h"

namespace aiges {

void ReadCatalogue(KeyReader* keys, Settings* settings);

// The settings of one model. `folder`: of the model, with model.toml or without. In `errors`: all
// mistakes, each with its place.
Settings ModelSettingsOf(const Settings& base, const std::string& name, const std::string& folder,
                         std::vector<std::string>* errors);

}  // namespace aiges
