// SPDX-License-Identifier: Apache-2.0
// loader/instances/confine.h: [sandbox] of one worker as what the worker does to
// itself (channel/confinement.h), and which variables of the loader it gets.
//
// Pure functions, but that they ask the system for users. Hub thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "loader/api/settings.h"
#include "loader/base/status.h"
#include "loader/instances/process.h"

namespace aiges {

// Sets plan->confinement and passes, and adds to its environment. Not ok: a user that is not there.
Status Confine(const InstanceSettings& settings, SpawnPlan* plan);

// By the words in it: TOKEN, KEY, SECRET, PASSWORD and their like. Not where it ends with FILE,
// PATH or DIR: that says where a secret is, and the user that may read it.
bool LooksSecret(std::string_view name);

// Whether `rules` ([sandbox] environment) let a worker have it.
bool PassesEnvironment(std::string_view name, const std::vector<std::string>& rules);

// What of a strict sandbox a kernel with Landlock of this ABI cannot do; empty: nothing.
std::string MissingOfLandlock(int abi);

}  // namespace aiges
