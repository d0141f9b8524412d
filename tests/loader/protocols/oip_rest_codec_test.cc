// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "loader/protocols/oip/rest_body.h"
#include "loader/protocols/oip/rest_codec.h"
#include "tests/fakes/heap_buffers.h"

namespace aiges::oip {
namespace {

class OipRestCodec : public testing::Test {
 protected:
  Status Parse(const std::string& body, std::optional<uint64_t> length = {}) {
    out_ = {};
    form_ = {};
    return ParseRest(Bytes::Own(body), length, card_, {&pool_, &account_}, &out_, &form_);
  }
  Status ParseInput(const std::string& rest) {
    return Parse(R"({"inputs":[{"name":"IN",)" + rest + "}]}");
  }
  template <class T>
  std::vector<T> Values(size_t i = 0) {
    const std::string_view data = out_.inputs[i].data.view();
    std::vector<T> values(data.size() / sizeof(T));
    std::memcpy(values.data(), data.data(), data.size());
    return values;
  }

  HeapBuffers pool_;
  Account account_{"max_input_bytes", 1 << 20};
  ModelCard card_;
  InferRequest out_;
  RestForm form_;
};

TEST_F(OipRestCodec, NestedOrFlatDataOfEveryType) {
  ASSERT_TRUE(ParseInput(R"("datatype":"INT32","shape":[2,2],"data":[[1,-2],[3,4]])").ok());
  EXPECT_EQ(Values<int32_t>(), (std::vector<int32_t>{1, -2, 3, 4}));
  ASSERT_TRUE(ParseInput(R"("data":[1,2.5],"shape":[2],"datatype":"FP32")").ok());
  EXPECT_EQ(Values<float>(), (std::vector<float>{1, 2.5F})) << "in whatever order";
  ASSERT_TRUE(ParseInput(R"("datatype":"BOOL","shape":[2],"data":[true,false])").ok());
  EXPECT_EQ(Values<uint8_t>(), (std::vector<uint8_t>{1, 0}));
  ASSERT_TRUE(ParseInput(R"("datatype":"FP16","shape":[1],"data":[1])").ok());
  EXPECT_EQ(Values<uint16_t>(), std::vector<uint16_t>{0x3c00});
  ASSERT_TRUE(ParseInput(R"("datatype":"UINT64","shape":[1],"data":[18446744073709551615])").ok());
  EXPECT_EQ(Values<uint64_t>(), std::vector<uint64_t>{UINT64_MAX});
  ASSERT_TRUE(ParseInput(R"("datatype":"BYTES","shape":[2],"data":["a","é"])").ok());
  EXPECT_TRUE(AreElements(out_.inputs[0].data.view(), 2));
  ASSERT_TRUE(ParseInput(R"("datatype":"FP32","shape":[0,3],"data":[])").ok());
  EXPECT_EQ(out_.inputs[0].data.size(), 0U);
}

TEST_F(OipRestCodec, BareNumbersThatAreNone) {
  ASSERT_TRUE(
      ParseInput(R"("datatype":"FP64","shape":[4],"data":[NaN,Infinity,-Infinity,1],"x":"NaN")")
          .ok());
  const std::vector<double> values = Values<double>();
  EXPECT_TRUE(values[0] != values[0]);
  EXPECT_GT(values[1], 1e308);
  EXPECT_LT(values[2], -1e308);
  EXPECT_FALSE(ParseInput(R"("datatype":"INT32","shape":[1],"data":[NaN])").ok());
}

TEST_F(OipRestCodec, WhatIsWrongIsSaidWithItsPlace) {
  const auto text = [this](const std::string& rest) {
    const Status status = ParseInput(rest);
    EXPECT_EQ(status.kind, StatusKind::kInvalid);
    return status.text;
  };
  EXPECT_NE(text(R"("datatype":"UINT8","shape":[2],"data":[1,256])").find("data[1]"),
            std::string::npos);
  EXPECT_NE(text(R"("datatype":"BOOL","shape":[1],"data":[1])").find("BOOL"), std::string::npos);
  EXPECT_NE(text(R"("datatype":"INT32","shape":[3],"data":[1,2])").find("true shape"),
            std::string::npos);
  EXPECT_NE(text(R"("datatype":"INT32","shape":[-1],"data":[1])").find("'shape'"),
            std::string::npos);
  EXPECT_NE(text(R"("datatype":"INT33","shape":[1],"data":[1])").find("invalid datatype"),
            std::string::npos);
  EXPECT_NE(text(R"("datatype":"INT32","shape":[1])").find("no field is set"), std::string::npos);
  EXPECT_NE(text(R"("datatype":"INT32","shape":[1],"data":7)").find("list"), std::string::npos);
  std::string deep = R"("datatype":"INT32","shape":[1],"data":)" + std::string(101, '[') + "1" +
                     std::string(101, ']');
  EXPECT_NE(text(deep).find("deep"), std::string::npos);
  for (const char* body :
       {"", "{", "[]", "{}", R"({"inputs":{}})", R"({"inputs":[1]})",
        R"({"inputs":[{"name":"a"}]})", R"({"id":1,"inputs":[]})",
        R"({"parameters":{"a":[1]},"inputs":[]})", R"({"outputs":[{}],"inputs":[]})"}) {
    EXPECT_EQ(Parse(body).kind, StatusKind::kInvalid) << body;
  }
}

TEST_F(OipRestCodec, BinaryDataFollowTheJson) {
  const std::string json =
      R"({"inputs":[{"name":"A","datatype":"UINT8","shape":[3],"parameters":{"binary_data_size":3}},)"
      R"({"name":"B","datatype":"UINT8","shape":[1],"data":[7]},)"
      R"({"name":"C","datatype":"UINT8","shape":[2],"parameters":{"binary_data_size":2}}],)"
      R"("parameters":{"binary_data_output":true},)"
      R"("outputs":[{"name":"X","parameters":{"binary_data":true}},{"name":"Y"}]})";
  ASSERT_TRUE(Parse(json + "abcde", json.size()).ok());
  EXPECT_EQ(out_.inputs[0].data.view(), "abc");
  EXPECT_EQ(out_.inputs[2].data.view(), "de");
  EXPECT_TRUE(form_.IsBinary("X"));
  EXPECT_FALSE(form_.IsBinary("Y")) << "binary_data_output is for outputs that are not listed";
  EXPECT_TRUE(form_.IsBinary("Z"));
  ASSERT_TRUE(Parse(json + "abcd", json.size()).ok()) << "the check of sizes says what is missing";
  EXPECT_EQ(out_.inputs[2].data.view(), "d");
  EXPECT_NE(Parse(json + "abcdef", json.size()).text.find("additional input data"),
            std::string::npos);
  EXPECT_FALSE(Parse(json, json.size() + 1).ok());
}

TEST_F(OipRestCodec, ARawRequestIsTheOneInput) {
  card_ = ModelCard(
      R"({"model":{"max_batch_size":4,"inputs":[{"name":"IN","datatype":"FP32","shape":[-1,-1]}]}})");
  ASSERT_TRUE(Parse(std::string(16, 'x'), 0).ok());
  EXPECT_EQ(out_.inputs[0].shape, (Shape{1, 4}));
  EXPECT_TRUE(form_.IsBinary("OUT"));
  card_ = ModelCard(R"({"model":{"inputs":[{"name":"IN","datatype":"BYTES","shape":[1]}]}})");
  ASSERT_TRUE(Parse("text", 0).ok());
  EXPECT_TRUE(AreElements(out_.inputs[0].data.view(), 1));
  card_ = ModelCard();
  EXPECT_FALSE(Parse("text", 0).ok());
}

TEST_F(OipRestCodec, AnswersAreFlatJsonAndBinary) {
  InferResponse response;
  response.model = "m";
  response.version = "1";
  response.id = "a\"b";
  response.params = {{"n", int64_t{3}}, {"x", 2.0}};
  const auto add = [&response](const char* name, Datatype type, Shape shape, std::string data) {
    Tensor& output = response.outputs.emplace_back();
    output.name = name;
    output.datatype = type;
    output.shape = std::move(shape);
    output.data = Bytes::Own(std::move(data));
    output.has_data = true;
  };
  const float numbers[] = {1.0F, 0.1F, std::numeric_limits<float>::infinity(), 1e20F};
  add("F", Datatype::kFp32, {2, 2}, std::string(reinterpret_cast<const char*>(numbers), 16));
  std::string element;
  AppendElement(&element, "t");
  add("S", Datatype::kBytes, {1}, element);
  add("B", Datatype::kInt8, {2}, std::string("\xff\1", 2));
  form_.listed = {"F", "S", "B"};
  form_.listed_binary = {"B"};
  const HttpResponse http = WriteRest(response, form_);
  EXPECT_EQ(http.content_type, "application/octet-stream");
  ASSERT_EQ(http.body.size(), 2U);
  EXPECT_EQ(http.body[0].view(),
            R"({"id":"a\"b","model_name":"m","model_version":"1","parameters":{"n":3,"x":2.0},)"
            R"("outputs":[{"name":"F","datatype":"FP32","shape":[2,2],)"
            R"("data":[1.0,0.1,Infinity,1e+20]},)"
            R"({"name":"S","datatype":"BYTES","shape":[1],"data":["t"]},)"
            R"({"name":"B","datatype":"INT8","shape":[2],"parameters":{"binary_data_size":2}}]})");
  EXPECT_EQ(*Find(http.headers, "Inference-Header-Content-Length"),
            std::to_string(http.body[0].size()));
  form_ = {};
  EXPECT_EQ(WriteRest(response, form_).content_type, "application/json");
}

TEST_F(OipRestCodec, ErrorsHaveTheCodesOfTheProtocol) {
  EXPECT_EQ(RestError(Status::Error(StatusKind::kOverloaded, "full")).status, 503);
  EXPECT_EQ(RestError(Status::Error(StatusKind::kUnknown, "x")).status, 400);
  EXPECT_EQ(RestError(Status::Error(StatusKind::kUnsupported, "x")).status, 501);
  EXPECT_EQ(RestError(Status::Error(StatusKind::kNotFound, "a\"")).body[0].view(),
            R"({"error":"a\""})");
}

TEST_F(OipRestCodec, BodiesArePackedBothWays) {
  for (const char* name : {"gzip", "deflate"}) {
    HttpRequest request;
    request.headers = {{"content-encoding", name}, {"accept-encoding", name}};
    HttpResponse response =
        HttpResponse::Text(200, "text/plain", std::string(5000, 'x') + std::string(5000, 'y'));
    Account output("max_output_bytes", 1 << 20);
    Pack(WantedCoding(request), &pool_, &output, &response);
    ASSERT_EQ(*Find(response.headers, "Content-Encoding"), name);
    EXPECT_LT(response.body[0].size(), 200U);
    Bytes unpacked;
    ASSERT_TRUE(
        Unpack(*CodingOf(request), response.body[0], 20'000, {&pool_, &account_}, &unpacked).ok());
    EXPECT_EQ(unpacked.size(), 10'000U);
    EXPECT_FALSE(
        Unpack(*CodingOf(request), response.body[0], 5000, {&pool_, &account_}, &unpacked).ok());
    EXPECT_FALSE(
        Unpack(*CodingOf(request), Bytes::Own("no"), 5000, {&pool_, &account_}, &unpacked).ok());
  }
  HttpRequest request;
  request.headers = {{"content-encoding", "br"},
                     {"accept-encoding", "br, gzip;q=0.5, deflate;q=0.8, identity;q=0.1"}};
  EXPECT_FALSE(CodingOf(request));
  EXPECT_EQ(WantedCoding(request), Coding::kDeflate);
}

}  // namespace
}  // namespace aiges::oip
