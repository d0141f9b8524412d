// SPDX-License-Identifier: Apache-2.0
// The codec against the generated classes.
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "inference.pb.h"
#include "loader/base/strings.h"
#include "loader/protocols/oip/grpc_codec.h"
#include "tests/fakes/heap_buffers.h"

namespace aiges::oip {
namespace {

class OipGrpcCodec : public testing::Test {
 protected:
  Status Parse() {
    const Bytes message = Bytes::Own(request_.SerializeAsString());
    out_ = {};
    return ParseGrpc(message, {&pool_, &account_}, &out_);
  }
  inference::ModelInferRequest::InferInputTensor* Input(const char* datatype, int64_t count) {
    auto* input = request_.add_inputs();
    input->set_name(StrCat("IN", request_.inputs_size()));
    input->set_datatype(datatype);
    input->add_shape(count);
    return input;
  }
  template <class T>
  std::string Raw(const std::vector<T>& values) {
    std::string bytes(values.size() * sizeof(T), '\0');
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
  }
  std::string Data(size_t i) { return std::string(out_.inputs[i].data.view()); }

  HeapBuffers pool_;
  Account account_{"max_input_bytes", 1 << 20};
  inference::ModelInferRequest request_;
  InferRequest out_;
};

TEST_F(OipGrpcCodec, HeadParametersAndRawData) {
  request_.set_model_name("m");
  request_.set_model_version("3");
  request_.set_id("7");
  auto& params = *request_.mutable_parameters();
  params["b"].set_bool_param(false);
  params["i"].set_int64_param(-5);
  params["s"].set_string_param("text");
  params["d"].set_double_param(0.5);
  params["u"].set_uint64_param(UINT64_MAX);
  auto* output = request_.add_outputs();
  output->set_name("OUT");
  (*output->mutable_parameters())["classification"].set_int64_param(2);
  Input("FP16", 2)->add_shape(3);
  request_.add_raw_input_contents(std::string(12, 'x'));
  ASSERT_TRUE(Parse().ok());
  EXPECT_EQ(out_.model + out_.version + out_.id, "m37");
  EXPECT_EQ(*FindParam(out_.params, "b"), ParamValue(false));
  EXPECT_EQ(*FindParam(out_.params, "i"), ParamValue(int64_t{-5}));
  EXPECT_EQ(*FindParam(out_.params, "s"), ParamValue(std::string("text")));
  EXPECT_EQ(*FindParam(out_.params, "d"), ParamValue(0.5));
  EXPECT_EQ(*FindParam(out_.params, "u"), ParamValue(UINT64_MAX));
  ASSERT_EQ(out_.outputs.size(), 1U);
  EXPECT_EQ(*FindParam(out_.outputs[0].params, "classification"), ParamValue(int64_t{2}));
  ASSERT_EQ(out_.inputs.size(), 1U);
  EXPECT_EQ(out_.inputs[0].shape, (Shape{2, 3}));
  EXPECT_EQ(Data(0), std::string(12, 'x'));
  EXPECT_EQ(pool_.allocations, 0) << "raw data are not copied";
}

TEST_F(OipGrpcCodec, TypedContentsBecomeRaw) {
  auto* f = Input("FP32", 2)->mutable_contents();
  f->add_fp32_contents(1.5F);
  f->add_fp32_contents(-2);
  auto* d = Input("FP64", 1)->mutable_contents();
  d->add_fp64_contents(0.25);
  auto* b = Input("BOOL", 2)->mutable_contents();
  b->add_bool_contents(true);
  b->add_bool_contents(false);
  auto* i = Input("INT8", 3)->mutable_contents();
  for (const int value : {-1, 2, -128}) i->add_int_contents(value);
  auto* u = Input("UINT16", 2)->mutable_contents();
  for (const unsigned value : {65535U, 1U}) u->add_uint_contents(value);
  auto* l = Input("INT64", 1)->mutable_contents();
  l->add_int64_contents(INT64_MIN);
  auto* s = Input("BYTES", 2)->mutable_contents();
  s->add_bytes_contents("ab");
  s->add_bytes_contents("");
  ASSERT_TRUE(Parse().ok());
  EXPECT_EQ(Data(0), Raw<float>({1.5F, -2}));
  EXPECT_EQ(Data(1), Raw<double>({0.25}));
  EXPECT_EQ(Data(2), std::string("\1\0", 2));
  EXPECT_EQ(Data(3), Raw<int8_t>({-1, 2, -128}));
  EXPECT_EQ(Data(4), Raw<uint16_t>({65535, 1}));
  EXPECT_EQ(Data(5), Raw<int64_t>({INT64_MIN}));
  EXPECT_EQ(Data(6), std::string("\2\0\0\0ab\0\0\0\0", 10));
}

TEST_F(OipGrpcCodec, ContradictionsAreRefused) {
  request_.set_model_name("simple");
  auto* input = Input("FP32", 1);
  input->mutable_contents()->add_fp32_contents(1);
  request_.add_raw_input_contents("1234");
  EXPECT_EQ(
      Parse().text,
      "contents field must not be specified when using raw_input_contents for 'IN1' for model "
      "'simple'");
  request_.clear_raw_input_contents();
  input->set_datatype("INT32");
  EXPECT_NE(Parse().text.find("of type 'FP32', expected datatype 'INT32'"), std::string::npos);
  input->set_datatype("FP16");
  EXPECT_NE(Parse().text.find("expected datatype 'FP16'"), std::string::npos);
  input->clear_contents();
  EXPECT_EQ(Parse().text.rfind("unable to find data for input tensor 'IN1'", 0), 0U);
  input->set_datatype("FLOAT");
  EXPECT_EQ(Parse().kind, StatusKind::kInvalid);
  input->set_datatype("FP32");
  request_.add_raw_input_contents("1234");
  request_.add_raw_input_contents("1234");
  EXPECT_EQ(Parse().kind, StatusKind::kInvalid) << "one more than there are inputs";
  request_.mutable_parameters()->insert({"p", {}});
  EXPECT_NE(Parse().text.find("'p' parameter"), std::string::npos) << "a variant not known";
}

TEST_F(OipGrpcCodec, SharedMemoryTakesNoRawEntry) {
  (*Input("FP32", 1)->mutable_parameters())["shared_memory_region"].set_string_param("r");
  Input("FP32", 1);
  request_.add_raw_input_contents("1234");
  ASSERT_TRUE(Parse().ok());
  EXPECT_FALSE(out_.inputs[0].has_data);
  EXPECT_EQ(Data(1), "1234");
}

TEST_F(OipGrpcCodec, NoMessageIsAnError) {
  EXPECT_EQ(ParseGrpc(Bytes::Own("\x0a\xff"), {&pool_, &account_}, &out_).kind,
            StatusKind::kInvalid);
  auto* contents = Input("UINT8", 100'000)->mutable_contents();
  for (int i = 0; i < 100'000; ++i) contents->add_uint_contents(1);
  const Bytes message = Bytes::Own(request_.SerializeAsString());
  EXPECT_TRUE(IsLongToParse(message.view()));
  Account small("max_input_bytes", 1000);
  EXPECT_EQ(ParseGrpc(message, {&pool_, &small}, &out_).kind, StatusKind::kOverloaded);
}

TEST_F(OipGrpcCodec, AnswersAreRaw) {
  InferResponse response;
  response.model = "m";
  response.version = "1";
  response.id = "7";
  response.params = {
      {"b", true}, {"s", std::string()}, {"d", 2.5}, {"i", int64_t{-1}}, {"u", UINT64_MAX}};
  for (const char* name : {"A", "B"}) {
    Tensor& output = response.outputs.emplace_back();
    output.name = name;
    output.datatype = Datatype::kUint8;
    output.shape = {1, 100'000};
    output.data = Bytes::Own(std::string(100'000, name[0]));
  }
  std::string wire;
  for (const Bytes& piece : WriteGrpc(response)) wire += piece.view();
  inference::ModelInferResponse read;
  ASSERT_TRUE(read.ParseFromString(wire));
  EXPECT_EQ(read.model_name(), "m");
  EXPECT_EQ(read.model_version(), "1");
  EXPECT_EQ(read.id(), "7");
  EXPECT_TRUE(read.parameters().at("b").bool_param());
  EXPECT_TRUE(read.parameters().at("s").has_string_param());
  EXPECT_EQ(read.parameters().at("d").double_param(), 2.5);
  EXPECT_EQ(read.parameters().at("i").int64_param(), -1);
  EXPECT_EQ(read.parameters().at("u").uint64_param(), UINT64_MAX);
  ASSERT_EQ(read.outputs_size(), 2);
  EXPECT_EQ(read.outputs(1).datatype(), "UINT8");
  EXPECT_EQ(read.outputs(1).shape(1), 100'000);
  EXPECT_EQ(read.raw_output_contents(1), std::string(100'000, 'B'));
  wire.clear();
  for (const Bytes& piece : WriteGrpcStream(response, "wrong")) wire += piece.view();
  inference::ModelStreamInferResponse stream;
  ASSERT_TRUE(stream.ParseFromString(wire));
  EXPECT_EQ(stream.error_message(), "wrong");
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(stream.infer_response(), read));
}

}  // namespace
}  // namespace aiges::oip
