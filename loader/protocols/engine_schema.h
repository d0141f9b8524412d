// SPDX-License-Identifier: Apache-2.0
// loader/protocols/engine_schema.h: what the running engine declares of its input and output.
//
// Made from the text of wrapperSchema (include/aiges/wrapper.h):
//   {"meta": {"version", "serviceId", "route", "<serviceId>": {"input": {key: {"dataType"}},
//   "accept": {..}}},
//    "schemainput": JSON Schema of {header, parameter, payload}, "schemaoutput": of {payload},
//    "predict": of a typed model {"title", "description", "input": JSON Schema of an object,
//    "output": JSON Schema, "streams", "routes"}}
// The text comes from a plugin: what is not of this form is left out, and said in problems().
// Immutable after construction.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "loader/api/request.h"

namespace aiges {

class EngineSchema {
 public:
  struct Field {
    std::string key;
    DataType type = DataType::kText;
    std::string format;  // "json"; of an output, where one is declared.
  };

  // `service` is the name of the service (-s). An empty text: nothing is declared.
  EngineSchema(const std::string& text, const std::string& service);
  ~EngineSchema();

  const std::string& version() const { return version_; }  // "v1" where none is declared.
  // Where the JSON envelope is taken: /<version>/private/<service>, then what the engine declares.
  const std::vector<std::string>& routes() const { return routes_; }
  bool HasRoute(const std::string& path) const;
  bool declared() const { return declared_; }
  const std::vector<Field>& inputs() const { return inputs_; }
  const std::vector<Field>& outputs() const { return outputs_; }
  // Null: none of that key is declared.
  const Field* FindInput(std::string_view key) const;
  // JSON Schema of a request, and of the payload of an answer; null where none is declared.
  const nlohmann::ordered_json& request() const { return *request_; }
  const nlohmann::ordered_json& answer() const { return *answer_; }
  // name -> JSON Schema of the scalar parameters, of all groups.
  const nlohmann::ordered_json& parameters() const { return *parameters_; }
  std::vector<std::string> required_parameters() const;
  // Of a typed model: what its own path takes and gives.
  struct Predict {
    std::string title, description;
    bool streams = false;
    std::vector<std::string> routes;
    std::unique_ptr<nlohmann::ordered_json> input, output;  // JSON Schema
  };
  const Predict* predict() const { return predict_.get(); }  // Null: it is none.
  bool HasPredictRoute(const std::string& path) const;
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  void Read(const nlohmann::ordered_json& root, const std::string& service);
  void ReadRoutes(const nlohmann::ordered_json& meta, const std::string& service);
  void ReadPredict(const nlohmann::ordered_json& said);
  void CloseInputs();
  void ReadParameters();
  static std::vector<Field> Fields(const nlohmann::ordered_json& declared);

  bool declared_ = false;
  std::string version_ = "v1";
  std::vector<std::string> routes_;
  std::vector<Field> inputs_, outputs_;
  std::unique_ptr<nlohmann::ordered_json> request_, answer_, parameters_;
  std::unique_ptr<Predict> predict_;
  std::vector<std::string> problems_;
};

// Under these keywords of JSON Schema stand names of the user, which are no keywords.
bool HoldsNames(const std::string& keyword);

// The words for DataType in schemas, envelopes and queries. kOther for an unknown word.
const char* NameOf(DataType type);
DataType DataTypeOf(const std::string& name);

}  // namespace aiges
