// SPDX-License-Identifier: Apache-2.0
// loader/config/parse.h: command line + aiges.toml + environment -> Settings.
#pragma once

#include <string>
#include <vector>

#include "loader/api/settings.h"
#include "loader/config/flags.h"

namespace aiges {

struct ParseResult {
  Settings settings;                 // Use only when errors is empty.
  std::vector<std::string> errors;   // Everything that is wrong, one line each.
  std::vector<std::string> ignored;  // Keys of the old loader that have no effect here.
};

// Reads the file that the flags name; <parent of the executable's folder>/conf/<name> if it is not
// in the current folder. In mode 0 a missing aiges.toml is written first, as people expect.
ParseResult LoadSettings(const Flags& flags);

// The service that is meant where no -s says it: the only section of the file that has addresses,
// svcName before all.
std::string FindService(const Flags& flags);

// Where the config centre is (-m=1), before there is a file: command line, -dc and environment.
RegistrySettings LoadRegistrySettings(const Flags& flags, std::vector<std::string>* errors);

// Writes the commented default file. kInvalid when it exists already: it is never overwritten.
Status WriteDefaultConfig(const std::string& path);

std::string ShowConfig(const Settings& settings);

}  // namespace aiges
