// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "loader/api/codes.h"
#include "loader/protocols/oip/infer_call.h"
#include "tests/fakes/fake_models.h"
#include "tests/fakes/heap_buffers.h"

namespace aiges::oip {
namespace {

constexpr const char* kSimple = R"({"model":{"max_batch_size":2,
  "inputs":[{"name":"A","datatype":"FP32","shape":[-1,2]},
            {"name":"B","datatype":"BYTES","shape":[-1,1],"optional":true}],
  "outputs":[{"name":"X","datatype":"FP32","shape":[-1,2]}]}})";

std::string ElementsOf(const std::vector<std::string>& texts) {
  std::string data;
  for (const std::string& text : texts) AppendElement(&data, text);
  return data;
}

class OipInferCall : public testing::Test {
 protected:
  OipInferCall() { Declare(kSimple); }

  void Declare(const std::string& schema) {
    models_.all = {std::make_shared<FakeModel>("simple", "1", schema)};
  }
  void Add(const char* name, Datatype type, Shape shape, std::string data) {
    Tensor& input = request_.inputs.emplace_back();
    input.name = name;
    input.datatype = type;
    input.shape = std::move(shape);
    input.data = Bytes::Own(std::move(data));
    input.has_data = true;
  }
  Status Make() {
    call_ = {};
    EXPECT_TRUE(FindTarget(models_, "simple", "", &target_).ok());
    InferRequest request = request_;
    wish_ = Wish(request, target_);
    return MakeCall(&request, target_, settings_, shm_, {&pool_, &account_},
                    {caller_, {}, "call-1"}, &call_);
  }
  std::string Refusal() {
    const Status status = Make();
    EXPECT_EQ(status.kind, StatusKind::kInvalid);
    return status.text;
  }

  FakeModels models_;
  ServiceSettings settings_;
  ClientShm shm_{false};
  HeapBuffers pool_;
  Account account_{"max_input_bytes", 1 << 20};
  InferRequest request_;
  Target target_;
  Wish wish_;
  Caller caller_{"who", Caller::Rank::kCaller, "key", nullptr,
                 std::make_shared<const Origin>(Origin{"who", {}})};
  OnceCall call_;
};

TEST_F(OipInferCall, InputsArePayloadsAndParametersParams) {
  Add("A", Datatype::kFp32, {1, 2}, "12345678");
  request_.id = "r1";
  request_.params = {{"n", int64_t{3}},
                     {"t", std::string("x")},
                     {"f", 2.0},
                     {":caller", true},
                     {"binary_data_output", true}};
  request_.outputs = {{"X", {{"classification", int64_t{1}}}}};
  ASSERT_TRUE(Make().ok());
  const Request& request = call_.request;
  EXPECT_EQ(request.model, models_.all[0]);
  EXPECT_EQ(request.request_id, "r1");
  EXPECT_EQ(request.handle, "call-1");
  ASSERT_EQ(request.payloads.size(), 1U);
  EXPECT_EQ(request.payloads[0].key, "A");
  EXPECT_EQ(*Find(request.payloads[0].desc, "datatype"), "FP32");
  EXPECT_EQ(*Find(request.payloads[0].desc, "shape"), "1,2");
  EXPECT_EQ(request.payloads[0].data.view(), "12345678");
  EXPECT_EQ(*Find(request.params, "n"), "3");
  EXPECT_EQ(*Find(request.params, ":caller"), "who") << "not what the client says";
  EXPECT_EQ(*Find(request.params, ":oip"),
            R"({"checked":true,"id":"r1","parameters":{"n":3,"t":"x","f":2.0,":caller":true},)"
            R"("outputs":[{"name":"X","parameters":{"classification":1}}]})");
}

TEST_F(OipInferCall, TextsAreThoseThatClientsKnow) {
  EXPECT_EQ(Refusal(),
            "[request id: <id_unknown>] expected number of inputs between 1 and 2 but got 0 inputs "
            "for model 'simple'. Got input(s) [], but missing required input(s) ['A']. Please "
            "provide all required input(s).");
  Add("Z", Datatype::kFp32, {1, 2}, "12345678");
  EXPECT_EQ(Refusal(),
            "[request id: <id_unknown>] unexpected inference input 'Z' for model 'simple'");
  request_.inputs.clear();
  request_.id = "7";
  Add("A", Datatype::kInt32, {1, 2}, "12345678");
  EXPECT_EQ(Refusal(),
            "[request id: 7] inference input 'A' data-type is 'INT32', but model 'simple' expects "
            "'FP32'");
  request_.inputs[0].datatype = Datatype::kFp32;
  request_.inputs[0].shape = {1, 3};
  EXPECT_EQ(Refusal().rfind("[request id: 7] unexpected shape for input 'A' for model 'simple'. "
                            "Expected [-1,2], got [1,3]. NOTE:",
                            0),
            0U);
  request_.inputs[0].shape = {3, 2};
  EXPECT_EQ(Refusal(), "[request id: 7] inference request batch-size must be <= 2 for 'simple'");
  request_.inputs[0].shape = {2, 2};
  EXPECT_EQ(Refusal(),
            "[request id: 7] input byte size mismatch for input 'A' for model 'simple'. Expected "
            "16, got 8");
  request_.inputs[0].shape = {1, 2};
  Add("B", Datatype::kBytes, {2, 1}, ElementsOf({"a", "b"}));
  EXPECT_EQ(Refusal(),
            "[request id: 7] input 'B' batch size does not match other inputs for 'simple'");
  request_.inputs[1].shape = {1, 1};
  EXPECT_EQ(Refusal(),
            "[request id: 7] unexpected number of string elements 2 for inference input 'B' for "
            "model 'simple', expecting 1");
  request_.inputs[1].data = Bytes::Own("ab");
  EXPECT_NE(Refusal().find("incomplete string length indicator"), std::string::npos);
  request_.inputs[1].data = Bytes::Own(std::string("\7\0\0\0ab", 6));
  EXPECT_NE(Refusal().find("expecting string of length 7 but only 2 bytes"), std::string::npos);
  request_.inputs.pop_back();
  request_.outputs = {{"Y", {}}};
  EXPECT_EQ(Refusal(), "unexpected inference output 'Y' for model 'simple'");
  request_.outputs.clear();
  request_.inputs.push_back(request_.inputs[0]);
  EXPECT_EQ(Refusal(), "[request id: 7] input 'A' already exists in request");
}

TEST_F(OipInferCall, ParametersThatMeanSomethingAreOfTheirKind) {
  Add("A", Datatype::kFp32, {1, 2}, "12345678");
  const std::vector<std::pair<std::string, ParamValue>> wrong = {
      {"sequence_id", true},     {"sequence_start", int64_t{1}},
      {"priority", int64_t{-1}}, {"timeout", std::string("1")},
      {"triton_x", true},        {"triton_enable_empty_final_response", int64_t{1}}};
  for (const auto& param : wrong) {
    request_.params = {param};
    const bool reserved = param.first == "triton_x";  // What begins so is told by that.
    EXPECT_NE(Refusal().find(reserved ? "triton_" : param.first), std::string::npos);
  }
  request_.params = {{"sequence_id", std::string("a")},
                     {"triton_enable_empty_final_response", true}};
  EXPECT_TRUE(Make().ok());
}

TEST_F(OipInferCall, AKeyMayBeForOtherModels) {
  Add("A", Datatype::kFp32, {1, 2}, "12345678");
  caller_.models = std::make_shared<const std::vector<std::string>>(1, "other");
  EXPECT_EQ(Make().code, kCodeDenied);
  caller_.models = std::make_shared<const std::vector<std::string>>(1, "simple");
  EXPECT_TRUE(Make().ok());
}

TEST_F(OipInferCall, AnEngineWithoutTensorsGetsTheBytes) {
  Declare(R"({"meta":{"serviceId":"svc","svc":{"input":{"img":{"dataType":"image"}}}}})");
  Add("img", Datatype::kBytes, {1}, ElementsOf({"jpeg"}));
  Add("text", Datatype::kBytes, {1}, ElementsOf({"words"}));
  Add("other", Datatype::kBytes, {1}, ElementsOf({"\xff"}));
  Add("two", Datatype::kBytes, {2}, ElementsOf({"a", "b"}));
  ASSERT_TRUE(Make().ok());
  const std::vector<Payload>& payloads = call_.request.payloads;
  EXPECT_EQ(payloads[0].data.view(), "jpeg");
  EXPECT_EQ(payloads[0].type, DataType::kImage);
  EXPECT_TRUE(payloads[0].desc.empty());
  EXPECT_EQ(payloads[1].type, DataType::kText);
  EXPECT_EQ(payloads[2].type, DataType::kOther);
  EXPECT_EQ(*Find(payloads[3].desc, "shape"), "2") << "more than one element is a tensor";
}

TEST_F(OipInferCall, AnswersAreTensorsOrBytes) {
  Add("A", Datatype::kFp32, {1, 2}, "12345678");
  ASSERT_TRUE(Make().ok());
  std::vector<Payload> payloads(3);
  payloads[0].key = "X";
  payloads[0].desc = {{"datatype", "FP32"}, {"shape", "1,2"}};
  payloads[0].data = Bytes::Own("12345678");
  payloads[1].key = "note";
  payloads[1].data = Bytes::Own("text");
  payloads[2].key = ":parameters";
  payloads[2].data = Bytes::Own(R"({"a":1,"b":"c","d":true,"e":0.5})");
  InferResponse response;
  ASSERT_TRUE(MakeResponse(payloads, wish_, shm_, &response).ok());
  EXPECT_EQ(response.model, "simple");
  EXPECT_EQ(response.version, "1");
  ASSERT_EQ(response.outputs.size(), 2U);
  EXPECT_EQ(response.outputs[0].shape, (Shape{1, 2}));
  EXPECT_EQ(response.outputs[1].data.view(), ElementsOf({"text"}));
  EXPECT_EQ(*FindParam(response.params, "a"), ParamValue(int64_t{1}));
  EXPECT_EQ(*FindParam(response.params, "e"), ParamValue(0.5));
  response = {};
  wish_.outputs = {{"note", {}}};
  ASSERT_TRUE(MakeResponse(payloads, wish_, shm_, &response).ok());
  EXPECT_EQ(response.outputs.size(), 1U) << "only what was asked for";
}

TEST_F(OipInferCall, HostileAnswersAreErrorsOfTheEngine) {
  const std::vector<std::pair<Pairs, std::string>> wrong = {
      {{{"datatype", "FP32"}, {"shape", "1,2"}}, "1234567"},
      {{{"datatype", "FP32"}, {"shape", "-1"}}, "1234"},
      {{{"datatype", "FP32"}, {"shape", "9223372036854775807,9"}}, "1234"},
      {{{"datatype", "nothing"}, {"shape", "1"}}, "1234"},
      {{{"datatype", "BYTES"}, {"shape", "1"}}, "1234"},
  };
  target_.card = std::make_shared<const ModelCard>();
  wish_.card = target_.card;
  for (const auto& [desc, data] : wrong) {
    std::vector<Payload> payloads(1);
    payloads[0].key = "X";
    payloads[0].desc = desc;
    payloads[0].data = Bytes::Own(data);
    InferResponse response;
    EXPECT_EQ(MakeResponse(payloads, wish_, shm_, &response).kind, StatusKind::kInternal);
  }
}

TEST_F(OipInferCall, ModelsAreFoundByNameAndVersion) {
  models_.any = false;
  Target target;
  EXPECT_EQ(FindTarget(models_, "other", "", &target).text,
            "Request for unknown model: 'other' is not found");
  EXPECT_EQ(FindTarget(models_, "simple", "2", &target).kind, StatusKind::kNotFound);
  EXPECT_NE(FindTarget(models_, "simple", "2", &target).text.find("version 2 is not found"),
            std::string::npos);
  EXPECT_EQ(FindTarget(models_, "simple", "x", &target).kind, StatusKind::kInvalid);
  EXPECT_TRUE(FindTarget(models_, "simple", "1", &target).ok());
  models_.any = true;
  EXPECT_TRUE(FindTarget(models_, "whatever", "1", &target).ok());
  EXPECT_EQ(target.name, "whatever");
  EXPECT_EQ(FindTarget(models_, "whatever", "2", &target).kind, StatusKind::kNotFound);
}

TEST_F(OipInferCall, TheClientsTimeIsTheDeadline) {
  const TimePoint now = std::chrono::steady_clock::now();
  using std::chrono::seconds;
  EXPECT_EQ(DeadlineOf({}, now, TimePoint::max()), now + seconds(120));
  EXPECT_EQ(DeadlineOf({}, now, now + seconds(500)), now + seconds(500));
  EXPECT_EQ(DeadlineOf({{"timeout", int64_t{1'000'000}}}, now, TimePoint::max()), now + seconds(1));
  EXPECT_EQ(DeadlineOf({{"timeout", UINT64_MAX}}, now, now + seconds(2)), now + seconds(2));
}

TEST(OipErrorText, LosesTheNumberOfTheEngine) {
  const auto text = [](const char* of) {
    return ErrorText(Status::Error(StatusKind::kInternal, of));
  };
  EXPECT_EQ(text("no way;code=7"), "no way");
  EXPECT_EQ(text("no way;code=-7"), "no way");
  EXPECT_EQ(text("a;code=b"), "a;code=b");
}

}  // namespace
}  // namespace aiges::oip
