// SPDX-License-Identifier: Apache-2.0
// loader/config/pbtxt.h: what a config.pbtxt of Triton says to the loader: how many instances, how
// large a batch and how long it may wait, which versions, in which environment.
//
// The rest of it is the contract's matter, which reads the file again, and refuses what it cannot
// do. Keys of TOML go before it. Reads a file; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "loader/api/settings.h"

namespace aiges {

// A file that is not there says nothing. Mistakes are added to *errors, with their line.
void ReadPbtxt(const std::string& path, Settings* settings, std::vector<std::string>* errors);

// The one of a folder of code: beside it, or, in the folder of a version, in that of the model.
std::string FindPbtxt(const std::string& folder);

}  // namespace aiges
