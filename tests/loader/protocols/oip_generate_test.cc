// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "loader/protocols/oip/generate.h"
#include "tests/fakes/heap_buffers.h"

namespace aiges::oip {
namespace {

class OipGenerate : public testing::Test {
 protected:
  Status Generate(const std::string& body) {
    out_ = {};
    return ParseGenerate(body, card_, fields_, {&pool_, &account_}, &out_);
  }
  Status Predict(const std::string& body) {
    out_ = {};
    return ParsePredict(body, card_, fields_, {&pool_, &account_}, &out_);
  }
  std::vector<float> Floats(size_t i) {
    std::vector<float> values(out_.inputs[i].data.size() / sizeof(float));
    std::memcpy(values.data(), out_.inputs[i].data.data(), out_.inputs[i].data.size());
    return values;
  }
  static Tensor Output(const char* name, Datatype type, Shape shape, std::string data) {
    Tensor output;
    output.name = name;
    output.datatype = type;
    output.shape = std::move(shape);
    output.data = Bytes::Own(std::move(data));
    output.has_data = true;
    return output;
  }
  static std::string Element(const std::string& text) {
    std::string data;
    AppendElement(&data, text);
    return data;
  }

  HeapBuffers pool_;
  Account account_{"max_input_bytes", 1 << 20};
  ModelCard card_{R"({"model":{"max_batch_size":4,
    "inputs":[{"name":"text_input","datatype":"BYTES","shape":[-1,1]},
              {"name":"x","datatype":"FP32","shape":[-1,-1],"optional":true}]}})"};
  std::vector<EngineSchema::Field> fields_;
  InferRequest out_;
};

TEST_F(OipGenerate, InputsByNameAndTheRestParameters) {
  ASSERT_TRUE(Generate(R"({"id":"7","text_input":"hello","x":[1,2,3],"top_k":5,
                           "parameters":{"temperature":0.5,"stream":false}})")
                  .ok());
  EXPECT_EQ(out_.id, "7");
  ASSERT_EQ(out_.inputs.size(), 2U);
  EXPECT_EQ(out_.inputs[0].data.view(), Element("hello"));
  EXPECT_EQ(out_.inputs[0].shape, (Shape{1, 1}));
  EXPECT_EQ(out_.inputs[1].shape, (Shape{1, 3})) << "the innermost open dimension takes the rest";
  EXPECT_EQ(Floats(1), (std::vector<float>{1, 2, 3}));
  EXPECT_EQ(*FindParam(out_.params, "top_k"), ParamValue(int64_t{5}));
  EXPECT_EQ(*FindParam(out_.params, "temperature"), ParamValue(0.5));
}

TEST_F(OipGenerate, WhatCannotBeTaken) {
  for (const char* body :
       {"", "[]", R"({"id":1})", R"({"a":{}})", R"({"a":[1]})", R"({"text_input":1})",
        R"({"text_input":"a","text_input":"b"})", R"({"parameters":{"parameters":{}}})"}) {
    EXPECT_EQ(Generate(body).kind, StatusKind::kInvalid) << body;
  }
}

TEST_F(OipGenerate, AnEngineWithoutTensorsGetsItsTexts) {
  card_ = ModelCard();
  ASSERT_TRUE(Generate(R"({"text":"a","n":1})").ok());
  ASSERT_EQ(out_.inputs.size(), 1U);
  EXPECT_EQ(out_.inputs[0].data.view(), Element("a"));
  fields_ = {{"prompt", DataType::kText, ""}};
  ASSERT_TRUE(Generate(R"({"prompt":"a","style":"b"})").ok());
  EXPECT_EQ(out_.inputs.size(), 1U);
  EXPECT_EQ(*FindParam(out_.params, "style"), ParamValue(std::string("b")));
}

TEST_F(OipGenerate, OneElementIsAScalar) {
  InferResponse response;
  response.model = "m";
  response.version = "1";
  response.params = {{"n", int64_t{2}}};
  response.outputs = {Output("text_output", Datatype::kBytes, {1}, Element("hi")),
                      Output("y", Datatype::kUint8, {1, 2}, "\1\2")};
  EXPECT_EQ(WriteGenerate(response),
            R"({"model_name":"m","model_version":"1","n":2,"text_output":"hi","y":[1,2]})");
}

TEST_F(OipGenerate, InstancesAreTheOneTensor) {
  card_ = ModelCard(R"({"model":{"inputs":[{"name":"x","datatype":"FP32","shape":[-1,2]}]}})");
  for (const char* body :
       {R"({"instances":[[1,2],[3,4]]})", R"({"inputs":[[1,2],[3,4]]})",
        R"({"inputs":{"x":[[1,2],[3,4]]}})", R"({"instances":[{"x":[1,2]},{"x":[3,4]}]})"}) {
    ASSERT_TRUE(Predict(body).ok()) << body;
    ASSERT_EQ(out_.inputs.size(), 1U);
    EXPECT_EQ(out_.inputs[0].shape, (Shape{2, 2})) << body;
    EXPECT_EQ(Floats(0), (std::vector<float>{1, 2, 3, 4}));
  }
  for (const char* body : {"{}", "[]", R"({"instances":1})", R"({"instances":[[1],[2,3,4]]})",
                           R"({"instances":[{"y":1}]})", R"({"inputs":{"y":[1]}})"}) {
    EXPECT_EQ(Predict(body).kind, StatusKind::kInvalid) << body;
  }
}

TEST_F(OipGenerate, InstancesOfAnEngineWithoutTensorsAreJson) {
  card_ = ModelCard();
  ASSERT_TRUE(Predict(R"({"instances":[{"a": 1}]})").ok());
  EXPECT_EQ(out_.inputs[0].name, "instances");
  EXPECT_EQ(out_.inputs[0].data.view(), Element(R"({"instances":[{"a":1}]})"));
}

TEST_F(OipGenerate, PredictionsAreNestedAsTheirShape) {
  InferResponse response;
  card_ = ModelCard(R"({"model":{"inputs":[{"name":"x","datatype":"FP32","shape":[-1]}]}})");
  response.outputs = {Output("y", Datatype::kUint8, {2, 1, 2}, "\1\2\3\4")};
  EXPECT_EQ(WritePredict(response, card_, "predictions"), R"({"predictions":[[[1,2]],[[3,4]]]})");
  response.outputs.push_back(Output("z", Datatype::kUint8, {1}, "\5"));
  EXPECT_EQ(WritePredict(response, card_, "predictions"),
            R"({"predictions":{"y":[[[1,2]],[[3,4]]],"z":[5]}})");
  card_ = ModelCard();
  response.outputs = {Output("out", Datatype::kBytes, {1}, Element("[1, 2]"))};
  EXPECT_EQ(WritePredict(response, card_, "predictions"), R"({"predictions":[1,2]})");
  response.outputs = {Output("out", Datatype::kBytes, {1}, Element(R"({"predictions":[3]})"))};
  EXPECT_EQ(WritePredict(response, card_, "predictions"), R"({"predictions":[3]})");
  response.outputs = {Output("out", Datatype::kBytes, {1}, Element("plain words"))};
  EXPECT_EQ(WritePredict(response, card_, "explanations"), R"({"explanations":["plain words"]})");
}

}  // namespace
}  // namespace aiges::oip
