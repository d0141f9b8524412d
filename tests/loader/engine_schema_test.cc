// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/engine_schema.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "loader/base/strings.h"
#include "loader/pages/openapi.h"

namespace aiges {
namespace {

using nlohmann::json;

constexpr const char* kDeclared = R"({
  "meta": {"version": "v2", "serviceId": "ocr", "route": ["/v2/private/ocr", "/read"],
           "ocr": {"input": {"img": {"dataType": "image"}, "about": {"dataType": "text"}},
                   "accept": {"boxes": {"dataType": "text"}}}},
  "schemainput": {"type": "object", "required": ["header", "payload"], "properties": {
    "header": {"type": "object", "properties": {"appid": {"type": "string"}}, "required": ["appid"]},
    "parameter": {"type": "object", "properties": {"ocr": {"type": "object", "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 9, "defaultVal": 3},
        "boxes": {"type": "object", "properties": {"encoding": {"type": "string"}}}}}}},
    "payload": {"type": "object", "properties": {"img": {"type": "object", "required": ["image"],
        "properties": {"status": {"type": "integer"},
                       "image": {"type": "string", "contentEncoding": "base64"}}}}}}},
  "schemaoutput": {"type": "object", "properties": {"payload": {"type": "object", "properties": {
    "boxes": {"type": "object", "properties": {"status": {"type": "integer"}, "text": {"type": "string"}}}}}}}
})";

json Document(const std::string& schema, const std::string& service = "svc") {
  return json::parse(OpenApiDocument(EngineSchema(schema, service), service));
}

TEST(EngineSchema, OfNothingThereIsTheUsualRoute) {
  const EngineSchema schema("", "svc");
  EXPECT_FALSE(schema.declared());
  EXPECT_EQ(schema.routes(), std::vector<std::string>{"/v1/private/svc"});
  EXPECT_TRUE(schema.problems().empty());
}

TEST(EngineSchema, RoutesAreTheUsualOneAndThoseDeclared) {
  const EngineSchema schema(kDeclared, "svc");
  EXPECT_EQ(schema.routes(),
            (std::vector<std::string>{"/v2/private/svc", "/v2/private/ocr", "/read"}));
  EXPECT_TRUE(schema.HasRoute("/read"));
  EXPECT_FALSE(schema.HasRoute("/rea"));
}

TEST(EngineSchema, ARouteThatNobodyChoseIsNotShown) {
  const EngineSchema schema(R"({"meta": {"route": "/v1/private/svcName", "version": "v1"}})",
                            "mine");
  EXPECT_EQ(schema.routes(), std::vector<std::string>{"/v1/private/mine"});
}

TEST(EngineSchema, FieldsKeepTheirOrder) {
  const EngineSchema schema(kDeclared, "svc");
  ASSERT_EQ(schema.inputs().size(), 2u);
  EXPECT_EQ(schema.inputs()[0].key, "img");
  EXPECT_EQ(schema.inputs()[0].type, DataType::kImage);
  EXPECT_EQ(schema.inputs()[1].key, "about");
  EXPECT_EQ(schema.outputs()[0].key, "boxes");
}

TEST(EngineSchema, ParametersAreTheScalarsWithRealDefaults) {
  const EngineSchema schema(kDeclared, "svc");
  EXPECT_EQ(schema.parameters().dump(),
            R"({"size":{"type":"integer","minimum":1,"maximum":9,"default":3}})");
}

TEST(EngineSchema, WhatIsNoSchemaIsSaidAndLeftOut) {
  for (const char* text : {"[", "[]", "7", "\xff", R"({"schemainput": 5, "schemaoutput": []})",
                           R"({"meta": {"route": ["no slash", 7, "/a?b", "/../x", "/{x}"]}})"}) {
    const EngineSchema schema(text, "svc");
    EXPECT_FALSE(schema.problems().empty()) << text;
    EXPECT_FALSE(schema.declared()) << text;
    EXPECT_EQ(schema.routes().size(), 1u) << text;
    EXPECT_NO_THROW(Document(text)) << text;
  }
}

TEST(EngineSchema, DepthIsBounded) {
  std::string text = "{\"schemainput\":{\"type\":\"object\",\"properties\":";
  for (int i = 0; i < 200'000; ++i) text += "{\"a\":";
  const EngineSchema open(text, "svc");  // Broken, and deep.
  EXPECT_FALSE(open.problems().empty());
  text += "1" + std::string(200'000, '}') + "}}";
  const EngineSchema closed(text, "svc");
  EXPECT_FALSE(closed.declared());
  EXPECT_EQ(closed.problems(),
            std::vector<std::string>{"expected at most 100 levels of JSON, got more"});
}

TEST(EngineSchema, MembersOfOtherTypesThanExpectedDoNoHarm) {
  for (const char* text :
       {R"({"meta": [], "schemainput": {"type": "object", "properties": 5}})",
        R"({"schemainput": {"type": "object", "properties": {"payload": {"properties": []}}}})",
        R"({"schemainput": {"properties": {"header": 1, "parameter": {"properties": {"g": 3}}}}})",
        R"({"schemainput": {"properties": {"payload": {"properties": {"a": {"properties": {"text":
            {"contentEncoding": 5, "type": [1], "enum": {}, "minimum": "x"}}}}}}}})",
        R"({"schemainput": {"properties": {"header": {"properties": {"appid": {"default": 7}}}}}})",
        R"({"schemaoutput": {"properties": {"payload": {"properties": {"a": 5}}}}})"}) {
    EXPECT_NO_THROW(Document(text)) << text;
  }
}

TEST(OpenApi, TellsTheRequestOfTheEngine) {
  const json document = Document(kDeclared);
  EXPECT_EQ(document["openapi"], "3.1.0");
  EXPECT_EQ(document["info"]["version"], "v2");
  EXPECT_TRUE(document["paths"].contains("/read"));
  const json& request = document["components"]["schemas"]["Request"]["properties"];
  EXPECT_EQ(request["parameter"]["properties"]["ocr"]["properties"]["size"]["default"], 3);
  EXPECT_TRUE(request["payload"]["properties"]["img"]["properties"]["image"].contains("pattern"));
}

TEST(OpenApi, AttributesOfAnAnswerAreText) {
  const json answer = Document(kDeclared)["components"]["schemas"]["Answer"];
  const json& boxes = answer["properties"]["payload"]["properties"]["boxes"]["properties"];
  EXPECT_EQ(boxes["status"]["type"], "string");
  EXPECT_EQ(boxes["text"]["type"], "string");
}

TEST(OpenApi, RawHasInputAndParametersOfTheEngine) {
  const json raw = Document(kDeclared)["paths"]["/v1/raw/svc"]["post"];
  const json& parameters = raw["parameters"];
  EXPECT_EQ(parameters[0]["schema"]["default"], "img");
  EXPECT_EQ(parameters[1]["schema"]["default"], "image");
  EXPECT_EQ(parameters[4]["name"], "p.size");
  EXPECT_TRUE(raw["requestBody"]["content"].contains("image/png"));
}

TEST(OpenApi, ExampleCanBeSentAsItIs) {
  const json operation = Document(kDeclared)["paths"]["/read"]["post"];
  const json example = operation["requestBody"]["content"]["application/json"]["example"];
  EXPECT_EQ(example["header"]["appid"], "demo");
  EXPECT_EQ(example["parameter"]["ocr"]["size"], 3);
  EXPECT_EQ(example["payload"]["img"]["image"].get<std::string>().substr(0, 6), "iVBORw");
}

TEST(OpenApi, OfAnEngineWithoutSchemaTakesAnything) {
  const json document = Document("");
  EXPECT_TRUE(document["paths"].contains("/v1/private/svc"));
  EXPECT_EQ(document["paths"]["/v1/raw/svc"]["post"]["parameters"][0]["schema"]["default"], "data");
}

TEST(EngineSchema, OfATypedModelThereIsItsOwnPath) {
  const EngineSchema schema(R"({"predict": {"title": "mine", "description": "d", "streams": true,
      "input": {"type": "object", "properties": {"a": {"type": "string"}}},
      "output": {"type": "string"}, "routes": ["/predict"]}})",
                            "svc");
  EXPECT_TRUE(schema.problems().empty());
  ASSERT_NE(schema.predict(), nullptr);
  EXPECT_EQ(schema.predict()->title, "mine");
  EXPECT_EQ(schema.predict()->description, "d");
  EXPECT_TRUE(schema.predict()->streams);
  EXPECT_EQ((*schema.predict()->input)["properties"]["a"]["type"], "string");
  EXPECT_EQ((*schema.predict()->output)["type"], "string");
  EXPECT_TRUE(schema.HasPredictRoute("/predict"));
  EXPECT_FALSE(schema.HasPredictRoute("/v1/private/svc"));
  EXPECT_FALSE(schema.HasRoute("/predict"));
  EXPECT_EQ(EngineSchema("{}", "svc").predict(), nullptr);
  EXPECT_FALSE(EngineSchema("{}", "svc").HasPredictRoute("/predict"));
}

TEST(EngineSchema, WhatIsWrongInATypedModelIsSaid) {
  for (const char* predict : {"5", "[]", "{}", R"({"input": 5})", R"({"input": {"type": "array"}})",
                              R"({"input": null, "routes": ["/a"]})"}) {
    const EngineSchema schema(StrCat("{\"predict\": ", predict, "}"), "svc");
    EXPECT_EQ(schema.predict(), nullptr) << predict;
    EXPECT_EQ(schema.problems().size(), 1u) << predict;
  }
  for (const char* route : {"5", "\"predict\"", "\"/a b\"", "\"/a?b\"", "\"\"", "null"}) {
    const EngineSchema schema(
        StrCat(R"({"predict": {"input": {"type": "object"}, "output": 5, "routes": ["/a", )", route,
               "]}}"),
        "svc");
    ASSERT_NE(schema.predict(), nullptr) << route;
    EXPECT_EQ(schema.predict()->routes, std::vector<std::string>{"/a"}) << route;
    EXPECT_EQ(schema.problems(),
              std::vector<std::string>{"predict.routes: expected paths as /predict"});
    EXPECT_TRUE(schema.predict()->output->is_object());
    EXPECT_EQ(schema.predict()->title, "predict");
  }
}

}  // namespace
}  // namespace aiges
