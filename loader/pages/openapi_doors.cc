// SPDX-License-Identifier: Apache-2.0
#include "loader/pages/openapi_doors.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "loader/base/strings.h"

namespace aiges {
namespace {

using json = nlohmann::ordered_json;

constexpr std::string_view kRest = "..}";
// The methods that a path of OpenAPI has.
constexpr std::string_view kMethods[] = {"get",     "put",  "post",  "delete",
                                         "options", "head", "patch", "trace"};

// "/files/{path..}" as "/files/{path}", with the names of its variables.
std::string PathOf(const std::string& pattern, std::vector<std::string>* names) {
  std::string path;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const size_t end = pattern[i] == '{' ? pattern.find('}', i) : std::string::npos;
    if (end == std::string::npos) {
      path.push_back(pattern[i]);
      continue;
    }
    std::string name = pattern.substr(i + 1, end - i - 1);
    if (name.ends_with("..")) name.resize(name.size() - 2);
    StrAppend(&path, "{", name, "}");
    names->push_back(std::move(name));
    i = end;
  }
  return path;
}

json Operation(const Door& door, std::string_view method, const std::vector<std::string>& names) {
  json out = {{"tags", json::array({"engine"})},
              {"summary", door.about.empty() ? "Answered by the engine itself" : door.about}};
  if (!names.empty()) {
    json parameters = json::array();
    for (const std::string& name : names) {
      parameters.push_back(
          {{"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
    }
    out["parameters"] = parameters;
  }
  if (method == "post" || method == "put" || method == "patch") {
    out["requestBody"] = {{"content", {{"*/*", json::object()}}}};
  }
  out["responses"] = {{"default", {{"description", "As the engine says."}}}};
  return out;
}

}  // namespace

void AddDoorPaths(const DoorTable& doors, json* paths) {
  for (const Door& door : doors.doors()) {
    if (door.kind != Door::Kind::kHttp) continue;
    const bool whole = door.pattern.ends_with(kRest) &&
                       door.pattern.find('{') == 1;  // The engine's whole application.
    if (whole) continue;
    std::vector<std::string> names;
    const std::string path = PathOf(door.pattern, &names);
    std::vector<std::string> methods = door.methods;
    if (methods.empty()) methods = {"GET", "POST"};
    for (const std::string& each : methods) {
      const std::string method = Lowered(each);
      const bool known =
          std::find(std::begin(kMethods), std::end(kMethods), method) != std::end(kMethods);
      if (!known) continue;
      json& place = (*paths)[path];
      if (!place.contains(method)) place[method] = Operation(door, method, names);
    }
  }
}

}  // namespace aiges
