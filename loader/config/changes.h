// SPDX-License-Identifier: Apache-2.0
// loader/config/changes.h: what differs between two configurations, and how it can take effect.
#pragma once

#include <string>
#include <vector>

#include "loader/api/settings.h"

namespace aiges {

enum class Effect {
  kHot,      // At once.
  kRolling,  // The workers are replaced one by one.
  kRestart,  // At the next start of the loader.
};

struct Change {
  std::string section, key, from, to;
  Effect effect;

  std::string Name() const { return StrCat("[", section, "] ", key); }
};

// Of a key that AIService reads or hands to the engine.
Effect EffectOf(const std::string& section, const std::string& key);
const char* EffectName(Effect effect);  // "hot", "rolling", "restart".

std::vector<Change> Changes(const Settings& from, const Settings& to);
// Those with that effect.
std::vector<Change> Changes(const Settings& from, const Settings& to, Effect effect);

}  // namespace aiges
