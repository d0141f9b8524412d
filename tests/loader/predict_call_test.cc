// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/predict_call.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loader/api/codes.h"
#include "loader/api/message_limits.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

constexpr const char* kSchema = R"({
  "meta": {"serviceId": "svc", "svc": {"input": {"text": {"dataType": "text"},
           "picture": {"dataType": "image"}, "top": {"dataType": "text"}}}},
  "predict": {"input": {"type": "object"}, "routes": ["/predict"]}})";
constexpr const char* kFields = "application/x-www-form-urlencoded";

struct Asked {
  std::string body, content_type;
  Pairs query;
};

HttpCall Read(Asked asked, const char* declared = kSchema) {
  const EngineSchema schema(declared, "svc");
  HttpRequest request;
  request.content_type = std::move(asked.content_type);
  request.query = std::move(asked.query);
  request.headers = {{"x-app", "1"}};
  request.body = Bytes::Own(std::move(asked.body));
  HttpCall out;
  out.status = ReadPredict(&request, schema, &out);
  return out;
}

// "key=data", of each payload.
std::vector<std::string> PayloadsOf(const HttpCall& call) {
  EXPECT_TRUE(call.status.ok()) << call.status.text;
  std::vector<std::string> out;
  for (const Payload& p : call.call.request.payloads) {
    out.push_back(StrCat(p.key, "=", p.data.view()));
  }
  return out;
}

using Payloads = std::vector<std::string>;

TEST(ReadPredict, JsonIsOnePayloadForTheEngineToRead) {
  for (const char* type : {"application/json", "text/json", "application/json; charset=utf-8",
                           "application/vnd.x+json", kFields, ""}) {
    EXPECT_EQ(PayloadsOf(Read({" {\"text\": 1}", type, {}})), Payloads{":json= {\"text\": 1}"})
        << type;
  }
  EXPECT_EQ(PayloadsOf(Read({"[1]", kFields, {}})), Payloads{":json=[1]"});
  EXPECT_EQ(PayloadsOf(Read({"{", "application/json", {}})), Payloads{":json={"});
  EXPECT_EQ(PayloadsOf(Read({"5", "application/json", {}})), Payloads{":json=5"});
}

TEST(ReadPredict, NothingIsAnEmptyObject) {
  EXPECT_EQ(PayloadsOf(Read({})), Payloads{":json={}"});
  EXPECT_EQ(PayloadsOf(Read({"", "", {{"timeout_ms", "5"}}})), Payloads{":json={}"});
  EXPECT_EQ(PayloadsOf(Read({"", "", {{"top", "5"}}})), Payloads{"top=5"});
}

TEST(ReadPredict, FieldsOfAFormThatNamesAnInput) {
  EXPECT_EQ(PayloadsOf(Read({"text=a+b%26&top=3", kFields, {}})), (Payloads{"text=a b&", "top=3"}));
  EXPECT_EQ(PayloadsOf(Read({"txt=a&top=3", kFields, {}})), (Payloads{"txt=a", "top=3"}));
  EXPECT_EQ(PayloadsOf(Read({"text=&text=b", kFields, {}})), (Payloads{"text=", "text=b"}));
}

TEST(ReadPredict, AnyOtherBodyIsTheFirstInput) {
  EXPECT_EQ(PayloadsOf(Read({"a=b", kFields, {}})), Payloads{"text=a=b"});
  EXPECT_EQ(PayloadsOf(Read({"text", kFields, {}})), Payloads{"text=text"});
  EXPECT_EQ(PayloadsOf(Read({"a", "text/plain", {{"top", "1"}}})), (Payloads{"text=a", "top=1"}));
  EXPECT_EQ(PayloadsOf(Read({"{}", "text/plain", {}})), Payloads{"text={}"});
  EXPECT_EQ(PayloadsOf(Read({"a", "", {}}, "")), Payloads{"data=a"});
}

TEST(ReadPredict, TheMediaTypeTellsWhatABodyIs) {
  const HttpCall picture = Read({"a", "image/png; x=y", {}});
  const Payload& p = picture.call.request.payloads.front();
  EXPECT_EQ(p.type, DataType::kImage);
  EXPECT_EQ(*Find(p.desc, "content_type"), "image/png; x=y");
  const HttpCall untold = Read({"a", kFields, {}});
  EXPECT_EQ(untold.call.request.payloads.front().type, DataType::kText);
  EXPECT_EQ(Find(untold.call.request.payloads.front().desc, "content_type"), nullptr);
  const HttpCall sound = Read({"a", "audio/L16;rate=16000", {}}, "");
  EXPECT_EQ(sound.call.request.payloads.front().type, DataType::kAudio);
}

TEST(ReadPredict, PartsOfAForm) {
  const HttpCall call =
      Read({"--b\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\na\r\n"
            "--b\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"../a.png\"\r\n"
            "Content-Type: image/png\r\n\r\nPNG\r\n--b--\r\n",
            "multipart/form-data; boundary=b",
            {{"top", "2"}}});
  ASSERT_EQ(PayloadsOf(call), (Payloads{"text=a", "picture=PNG", "top=2"}));
  const std::vector<Payload>& payloads = call.call.request.payloads;
  EXPECT_EQ(payloads[0].type, DataType::kText);
  EXPECT_EQ(payloads[1].type, DataType::kImage);
  EXPECT_EQ(*Find(payloads[1].desc, "filename"), "../a.png");
  EXPECT_EQ(*Find(payloads[1].desc, "content_type"), "image/png");
  EXPECT_EQ(Find(payloads[0].desc, "filename"), nullptr);
}

TEST(ReadPredict, AFormThatIsNoneIsRefused) {
  EXPECT_EQ(Read({"x", "multipart/form-data", {}}).status.kind, StatusKind::kInvalid);
  EXPECT_EQ(Read({"x", "multipart/form-data; boundary=b", {}}).status.kind, StatusKind::kInvalid);
}

TEST(ReadPredict, TheDeadlineAndWhatGatewaysReadAreNoInputs) {
  const HttpCall call = Read({"", "", {{"timeout_ms", "250"}, {"app_id", "x"}, {"text", "a"}}});
  EXPECT_EQ(PayloadsOf(call), Payloads{"text=a"});
  EXPECT_EQ(call.query.timeout_ms, 250);
  for (const char* wrong : {"", "0", "-1", "x", "1.5"}) {
    const Status status = Read({"", "", {{"timeout_ms", wrong}}}).status;
    EXPECT_EQ(status.kind, StatusKind::kInvalid) << wrong;
    EXPECT_TRUE(status.text.starts_with("timeout_ms: expected a positive integer, got ")) << wrong;
  }
}

TEST(ReadPredict, AnInputMayHaveANameThatIsOursElse) {
  constexpr const char* kOwn = R"({"meta": {"serviceId": "svc", "svc": {"input": {
      "timeout_ms": {"dataType": "text"}, "host": {"dataType": "text"}}}},
      "predict": {"input": {"type": "object"}}})";
  const HttpCall call = Read({"", "", {{"timeout_ms", "x"}, {"host", "a"}}}, kOwn);
  EXPECT_EQ(PayloadsOf(call), (Payloads{"timeout_ms=x", "host=a"}));
  EXPECT_EQ(call.query.timeout_ms, std::nullopt);
}

TEST(ReadPredict, UnknownNamesGoToTheEngineWhichRefusesThem) {
  EXPECT_EQ(PayloadsOf(Read({"{}", "application/json", {{"tpo", "1"}, {"", "2"}}})),
            (Payloads{":json={}", "tpo=1", "=2"}));
}

TEST(ReadPredict, MoreInputsThanACallMayHaveAreRefused) {
  Pairs many;
  for (size_t i = 0; i < kMostPayloads; ++i) many.emplace_back("top", "1");
  EXPECT_TRUE(Read({"", "", many}).status.ok());
  many.emplace_back("top", "1");
  const Status status = Read({"", "", many}).status;
  EXPECT_EQ(status.kind, StatusKind::kInvalid);
  EXPECT_EQ(status.text, "expected at most 4096 inputs, got more");
  std::string fields;
  for (size_t i = 0; i <= kMostPayloads; ++i) fields += "top=1&";
  EXPECT_EQ(Read({fields, kFields, {}}).status.kind, StatusKind::kInvalid);
}

TEST(ReadPredict, EachPayloadIsWholeAndHeadersGoAlong) {
  const HttpCall call = Read({"a", "text/plain", {}});
  EXPECT_EQ(*Find(call.call.request.payloads.front().desc, "status"), "3");
  EXPECT_EQ(*Find(call.call.headers, "x-app"), "1");
}

}  // namespace
}  // namespace aiges
