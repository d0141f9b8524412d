// SPDX-License-Identifier: Apache-2.0
// loader/config/flags.h: the command line of AIService.
//
// Go flag style, as existing start scripts write it: -x=v, -x v, --x=v.
#pragma once

#include <string>

#include "loader/base/status.h"
#include "loader/base/strings.h"

namespace aiges {

struct Flags {
  enum class Action { kServe, kUsage, kVersion, kInit, kCheck, kShowConfig };
  Action action = Action::kServe;
  int mode = -1;
  std::string config = "aiges.toml";
  std::string default_config;   // -dc: TOML text for keys that the file lacks.
  std::string override_config;  // -oc: TOML text for keys that go before the file's.
  std::string project, group, service, companion;
  bool service_given = false;    // -s was there.
  std::string cache = ".aiges";  // Folder for the config centre's files.
};

// kInvalid with a text for the terminal when the arguments are wrong.
Status ParseFlags(int argc, char** argv, Flags* out);
std::string Usage();

}  // namespace aiges
