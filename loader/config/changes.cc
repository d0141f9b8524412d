// SPDX-License-Identifier: Apache-2.0
#include "loader/config/changes.h"

#include <map>
#include <set>

namespace aiges {
namespace {

// "section" or "section.key"; the more exact entry counts.
const std::map<std::string, Effect>& Table() {
  static const std::map<std::string, Effect> table = {
      {"wrapper", Effect::kRolling},
      {"wrapper.http_listen", Effect::kRestart},
      {"aiges", Effect::kRestart},
      {"aiges.asyncMode", Effect::kRolling},
      {"aiges.realTimeRlt", Effect::kRolling},
      {"aiges.contract", Effect::kRolling},
      {"aiges.app", Effect::kRolling},
      {"http.app_concurrency", Effect::kRolling},
      {"compat", Effect::kRolling},
      {"batch", Effect::kRolling},
      {"instances", Effect::kRolling},
      {"instances.count", Effect::kRestart},
      {"instances.watch", Effect::kRestart},
      {"instances.exec_timeout_ms", Effect::kHot},
      {"instances.idempotent", Effect::kHot},
      {"instances.drain_ms", Effect::kHot},
      {"instances.lame_duck_ms", Effect::kHot},
      {"sandbox", Effect::kRolling},
      {"access", Effect::kHot},
      {"queue.max_requests", Effect::kHot},
      {"fc.max", Effect::kHot},
      {"log.level", Effect::kHot},
      {"models", Effect::kHot},
      {"models.repository", Effect::kRestart},
      {"models.resources", Effect::kRestart},
      {"metering", Effect::kRestart},
      {"entitlement", Effect::kRestart},  // What its file says is hot.
      {"registry.check", Effect::kHot},
      {"registry.deregister_after_s", Effect::kHot},
      {"registry.ttl_ms", Effect::kHot},
      {"registry.weight", Effect::kHot},
      {"registry.tags", Effect::kHot},
  };
  return table;
}

using Values = std::map<std::pair<std::string, std::string>, std::string>;

Values ValuesOf(const Settings& settings) {
  Values values;
  for (const EffectiveValue& v : settings.effective) values[{v.section, v.key}] = v.value;
  return values;
}

}  // namespace

Effect EffectOf(const std::string& section, const std::string& key) {
  auto found = Table().find(StrCat(section, ".", key));
  if (found == Table().end()) found = Table().find(section);
  return found == Table().end() ? Effect::kRestart : found->second;
}

const char* EffectName(Effect effect) {
  switch (effect) {
    case Effect::kHot:
      return "hot";
    case Effect::kRolling:
      return "rolling";
    case Effect::kRestart:
      return "restart";
  }
  return "unknown";
}

std::vector<Change> Changes(const Settings& from, const Settings& to) {
  const Values before = ValuesOf(from), after = ValuesOf(to);
  std::set<std::pair<std::string, std::string>> names;
  for (const auto& [name, value] : before) names.insert(name);
  for (const auto& [name, value] : after) names.insert(name);
  std::vector<Change> out;
  for (const auto& name : names) {
    const auto old = before.find(name), fresh = after.find(name);
    const std::string a = old == before.end() ? "" : old->second;
    const std::string b = fresh == after.end() ? "" : fresh->second;
    if (a != b) out.push_back({name.first, name.second, a, b, EffectOf(name.first, name.second)});
  }
  return out;
}

std::vector<Change> Changes(const Settings& from, const Settings& to, Effect effect) {
  std::vector<Change> out;
  for (Change& change : Changes(from, to)) {
    if (change.effect == effect) out.push_back(std::move(change));
  }
  return out;
}

}  // namespace aiges
