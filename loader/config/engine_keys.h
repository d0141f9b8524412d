// SPDX-License-Identifier: Apache-2.0
// loader/config/engine_keys.h: the keys that concern one engine: its contract, its instances, its
// batches and its queue. Those of aiges.toml, and of one model over them (model_keys.h). Caller
// synchronises.
#pragma once

#include <string>
#include <vector>

#include "loader/api/settings.h"
#include "loader/config/key_reader.h"

namespace aiges {

// `contract_section`: where contract and app stand. What is in *settings holds where no key says
// otherwise; [fc] max has been read. Mistakes of the environment are added to *errors.
void ReadEngineKeys(KeyReader* keys, const char* contract_section, Settings* settings,
                    std::vector<std::string>* errors);

}  // namespace aiges
