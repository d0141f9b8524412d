// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/schema_check.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>
#include <vector>

#include "loader/api/codes.h"
#include "loader/base/strings.h"
#include "loader/protocols/json_codec.h"

namespace aiges {
namespace {

using nlohmann::json;
using Adapter = valijson::adapters::NlohmannJsonAdapter;

constexpr size_t kMostProblems = 5;
constexpr size_t kMostShown = 60;
constexpr double kWholeDoubles = 9007199254740992.0;  // Up to there each integer is a double.

Status Invalid(std::string text) {
  return Status::Error(StatusKind::kInvalid, std::move(text), kCodeInvalidValue);
}

// Without what a hostile value could keep the check busy with for ever.
json Harmless(const json& schema, bool names = false) {
  if (schema.is_array()) {
    json out = json::array();
    for (const json& each : schema) out.push_back(Harmless(each));
    return out;
  }
  if (!schema.is_object()) return schema;
  json out = json::object();
  for (const auto& [key, each] : schema.items()) {
    const bool left_out = !names && (key == "pattern" || key == "patternProperties" ||
                                     key == "format" || key == "uniqueItems");
    if (!left_out) out[key] = Harmless(each, !names && HoldsNames(key));
  }
  return out;
}

// References may lead back to where they stand, or double with every step: both were seen to take
// the whole stack or minutes.
bool HasReference(const json& schema, bool names = false) {
  if (schema.is_array()) {
    return std::any_of(schema.begin(), schema.end(), [](const json& s) { return HasReference(s); });
  }
  if (!schema.is_object()) return false;
  for (const auto& [key, each] : schema.items()) {
    if (!names && (key == "$ref" || key == "$dynamicRef" || key == "$recursiveRef")) return true;
    if (HasReference(each, !names && HoldsNames(key))) return true;
  }
  return false;
}

// "<root>", "[payload]", "[img]" -> payload, img
std::vector<std::string> PathOf(const std::vector<std::string>& context) {
  std::vector<std::string> out;
  for (const std::string& part : context) {
    if (part.size() > 2 && part.front() == '[') out.push_back(part.substr(1, part.size() - 2));
  }
  return out;
}

std::string Dotted(const std::vector<std::string>& path) {
  std::string out;
  for (const std::string& part : path) out += StrCat(out.empty() ? "" : ".", part);
  return out.empty() ? "the body" : out;
}

std::string Shown(const json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  if (value.is_string() && value.get_ref<const std::string&>().size() > kMostShown) {
    return StrCat("a string of ", value.get_ref<const std::string&>().size(), " bytes");
  }
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

// "integer from 1 to 9"; empty where this schema says nothing that can be told so.
std::string Wanted(const json& schema) {
  if (!schema.is_object()) return "";
  std::string out;
  const json type = schema.value("type", json());
  if (type.is_string()) out = type.get<std::string>();
  for (size_t i = 0; type.is_array() && i < type.size(); ++i) {
    out += StrCat(i > 0 ? " or " : "", type[i].is_string() ? type[i].get<std::string>() : "?");
  }
  if (const json values = schema.value("enum", json()); values.is_array()) {
    out += out.empty() ? "one of " : ", one of ";
    for (size_t i = 0; i < values.size() && i < 10; ++i) {
      out += StrCat(i > 0 ? ", " : "", Shown(values[i]));
    }
  }
  const json least = schema.value("minimum", json()), most = schema.value("maximum", json());
  if (least.is_number()) out += " from " + least.dump();
  if (most.is_number()) out += " to " + most.dump();
  const json shortest = schema.value("minLength", json()),
             longest = schema.value("maxLength", json());
  if (shortest.is_number() && shortest != 0)
    out += StrCat(" of at least ", shortest.dump(), " characters");
  if (longest.is_number()) out += StrCat(" of at most ", longest.dump(), " characters");
  return out;
}

const json* SchemaAt(const json& schema, const std::vector<std::string>& path) {
  const json* at = &schema;
  for (const std::string& part : path) {
    const auto properties = at->find("properties");
    if (properties == at->end() || !properties->is_object()) return nullptr;
    const auto found = properties->find(part);
    if (found == properties->end() || !found->is_object()) return nullptr;
    at = &*found;
  }
  return at;
}

const json* ValueAt(const json& value, const std::vector<std::string>& path) {
  const json* at = &value;
  for (const std::string& part : path) {
    if (!at->is_object()) return nullptr;
    const auto found = at->find(part);
    if (found == at->end()) return nullptr;
    at = &*found;
  }
  return at;
}

// The library tells of members at their parent, by a text; their name is behind `before`, to the
// last quote.
constexpr std::string_view kMissing = "Missing required property '";
constexpr std::string_view kUnknown =
    "Object contains a property that could not be validated using 'properties' or "
    "'additionalProperties' constraints: '";
std::string NameBehind(std::string_view before, const std::string& description) {
  if (description.rfind(before, 0) != 0) return "";
  const size_t end = description.rfind('\'');
  return end <= before.size() ? "" : description.substr(before.size(), end - before.size());
}

std::string Names(const json& schema) {
  std::string out;
  const json properties = schema.is_object() ? schema.value("properties", json()) : json();
  if (!properties.is_object()) return out;
  for (const auto& [name, each] : properties.items()) {
    out += StrCat(out.empty() ? "" : ", ", name);
  }
  return out;
}

struct Problem {
  std::vector<std::string> path;
  std::string text;
};

Problem Describe(const json& schema, const json& value, std::vector<std::string> path,
                 const std::string& description) {
  const std::string unknown = NameBehind(kUnknown, description);
  if (!unknown.empty()) {
    const json* above = SchemaAt(schema, path);
    path.push_back(unknown);
    return {path, StrCat(Dotted(path), ": expected one of ", above == nullptr ? "" : Names(*above),
                         ", got this name")};
  }
  const std::string missing = NameBehind(kMissing, description);
  if (!missing.empty()) path.push_back(missing);
  const json* wanted = SchemaAt(schema, path);
  const json* got = ValueAt(value, path);
  const std::string expected = wanted == nullptr ? "" : Wanted(*wanted);
  const std::string came = got == nullptr ? "nothing" : Shown(*got);
  if (expected.empty() || (missing.empty() && got == nullptr)) {
    return {path, StrCat(Dotted(path), ": ", description)};
  }
  return {path, StrCat(Dotted(path), ": expected ", expected, ", got ", came)};
}

bool IsAbove(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return a.size() < b.size() && std::equal(a.begin(), a.end(), b.begin());
}

}  // namespace

struct SchemaCheck::Rules {
  // One schema, in the library's form and as JSON for what people are told.
  struct Rule {
    json text;
    valijson::Schema compiled;
  };

  static void Compile(const json& schema, Rule* rule) {
    rule->text = Harmless(schema);
    valijson::SchemaParser parser;
    parser.populateSchema(Adapter(rule->text), rule->compiled);
  }

  // What is wrong below `at`; empty when nothing is.
  static std::vector<Problem> Problems(const Rule& rule, const json& value,
                                       const std::vector<std::string>& at) {
    try {
      return Found(rule, value, at);
    } catch (const std::exception& e) {
      return {{at, StrCat("the schema of the engine cannot be used: ", e.what())}};
    }
  }

  static std::vector<Problem> Found(const Rule& rule, const json& value,
                                    const std::vector<std::string>& at) {
    valijson::ValidationResults results;
    valijson::Validator validator(valijson::Validator::kStrongTypes);
    std::vector<Problem> all, out;
    if (validator.validate(rule.compiled, Adapter(value), &results)) return out;
    valijson::ValidationResults::Error error;
    while (results.popError(error)) {
      Problem p = Describe(rule.text, value, PathOf(error.context), error.description);
      if (!at.empty()) {
        p.path.insert(p.path.begin(), at.begin(), at.end());
        p.text = StrCat(Dotted(at), p.text.substr(Dotted(PathOf(error.context)).size()));
      }
      all.push_back(std::move(p));
    }
    // What is said of a parent only repeats that a child is wrong.
    for (const Problem& p : all) {
      const auto repeats = [&p](const Problem& other) { return IsAbove(p.path, other.path); };
      const auto same = [&p](const Problem& other) { return p.path == other.path; };
      if (std::any_of(all.begin(), all.end(), repeats)) continue;
      if (std::none_of(out.begin(), out.end(), same)) out.push_back(p);
    }
    return out;
  }

  // A payload that came without an envelope: its key and type.
  Status CheckInput(const Payload& payload) const {
    const auto input = std::find_if(inputs.begin(), inputs.end(),
                                    [&](const auto& field) { return field.key == payload.key; });
    if (!inputs.empty() && input == inputs.end()) {
      std::string keys;
      for (const auto& field : inputs) keys += StrCat(keys.empty() ? "" : ", ", field.key);
      return Invalid(StrCat("key: expected one of ", keys, ", got \"", payload.key, "\""));
    }
    if (input != inputs.end() && input->type != payload.type) {
      return Invalid(StrCat("type: expected ", NameOf(input->type), " for ", payload.key, ", got ",
                            NameOf(payload.type)));
    }
    return Status::Ok();
  }

  Rule envelope;
  std::map<std::string, Rule> parameters;
  std::vector<std::string> required;
  std::vector<EngineSchema::Field> inputs;
};

SchemaCheck::SchemaCheck(const EngineSchema& schema) {
  if (!schema.declared()) return;
  auto rules = std::make_unique<Rules>();
  try {
    const json request = json::parse(schema.request().dump());
    if (HasReference(request)) {
      problem_ = "it has $ref, which is not followed: write out what it refers to";
      return;
    }
    Rules::Compile(request, &rules->envelope);
    for (const auto& [name, declared] : schema.parameters().items()) {
      Rules::Compile(json::parse(declared.dump()), &rules->parameters[name]);
    }
    rules->required = schema.required_parameters();
    rules->inputs = schema.inputs();
    rules_ = std::move(rules);
  } catch (const std::exception& e) {
    problem_ = e.what();
  }
}

SchemaCheck::~SchemaCheck() = default;

namespace {

Status Told(const std::vector<Problem>& problems) {
  if (problems.empty()) return Status::Ok();
  std::string text;
  for (size_t i = 0; i < problems.size() && i < kMostProblems; ++i) {
    text += StrCat(i > 0 ? "; " : "", problems[i].text);
  }
  if (problems.size() > kMostProblems) {
    text += StrCat("; and ", problems.size() - kMostProblems, " more");
  }
  return Invalid(std::move(text));
}

// Makes values what the library takes them for: JSON Schema knows integers by their value, the
// library by how they are written (4.0 is one); and it measures a text up to its first NUL.
void Plainly(json* value) {
  if (value->is_number_float()) {
    const double number = value->get<double>();
    if (std::fabs(number) < kWholeDoubles && number == std::floor(number)) {
      *value = static_cast<int64_t>(number);
    }
  } else if (value->is_string()) {
    auto& text = value->get_ref<std::string&>();
    std::replace(text.begin(), text.end(), '\0', '\x01');
  } else if (value->is_structured()) {
    for (json& each : *value) Plainly(&each);
  }
}

// Text under its other names, as schemas know it.
void NameText(json* envelope) {
  if (!envelope->is_object() || !envelope->contains("payload")) return;
  json& payloads = (*envelope)["payload"];
  if (!payloads.is_object()) return;
  for (json& payload : payloads) {
    if (!payload.is_object() || payload.contains("text")) continue;
    for (const char* name : {kTextPlain, kTextBase64}) {
      const auto found = payload.find(name);
      if (found == payload.end()) continue;
      payload["text"] = std::move(*found);
      payload.erase(name);
      break;
    }
  }
}

// A parameter of a query as the JSON value that is meant; a string where it is none.
json Meant(const json& schema, const std::string& text) {
  const json type = schema.is_object() ? schema.value("type", json()) : json();
  if (type == "string" || type.is_null()) return text;
  json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  Plainly(&value);
  const bool scalar = value.is_number() || value.is_boolean();
  return scalar ? value : json(text);
}

}  // namespace

Status SchemaCheck::Envelope(std::string_view body) const {
  if (rules_ == nullptr) return Status::Ok();
  json value = json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return Status::Ok();  // ParseEnvelope took it: a matter of taste.
  NameText(&value);
  Plainly(&value);
  return Told(Rules::Problems(rules_->envelope, value, {}));
}

Status SchemaCheck::Raw(const OnceCall& call) const {
  if (rules_ == nullptr) return Status::Ok();
  for (const Payload& payload : call.request.payloads) {
    const Status status = rules_->CheckInput(payload);
    if (!status.ok()) return status;
  }
  std::vector<Problem> problems;
  for (const auto& [name, text] : call.request.params) {
    const auto rule = rules_->parameters.find(name);
    if (rule == rules_->parameters.end()) continue;
    for (Problem& p :
         Rules::Problems(rule->second, Meant(rule->second.text, text), {"p." + name})) {
      problems.push_back(std::move(p));
    }
  }
  for (const std::string& name : rules_->required) {
    if (Find(call.request.params, name) != nullptr) continue;
    problems.push_back({{},
                        StrCat("p.", name, ": expected ", Wanted(rules_->parameters.at(name).text),
                               ", got nothing")});
  }
  return Told(problems);
}

}  // namespace aiges
