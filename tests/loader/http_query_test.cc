// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/http_query.h"

#include <gtest/gtest.h>

#include <string>

#include "loader/api/codes.h"

namespace aiges {
namespace {

constexpr const char* kDeclared = R"({"meta": {}, "schemainput": {"type": "object", "properties": {
  "parameter": {"type": "object", "properties": {"s": {"type": "object", "properties": {
    "lang": {"type": "string"}}}}}, "payload": {"type": "object"}}}})";

struct Read {
  Status status;
  CallQuery query;
};

Read Query(const Pairs& pairs, CallForm form = CallForm::kRaw) {
  const EngineSchema schema(kDeclared, "svc");
  Read read;
  read.status = ReadCallQuery(pairs, form, schema, &read.query);
  return read;
}

TEST(HttpQuery, OfARawCall) {
  const Read read = Query({{"key", "img"},
                           {"type", "image"},
                           {"p.lang", "en"},
                           {"desc.rate", "16000"},
                           {"output", "boxes"},
                           {"timeout_ms", "250"},
                           {"date", "signed"},
                           {"authorization", "by a gateway"}});
  ASSERT_TRUE(read.status.ok()) << read.status.text;
  EXPECT_EQ(read.query.key, "img");
  EXPECT_EQ(read.query.type, DataType::kImage);
  EXPECT_EQ(read.query.params, (Pairs{{"lang", "en"}}));
  EXPECT_EQ(read.query.desc, (Pairs{{"rate", "16000"}}));
  EXPECT_EQ(read.query.output, "boxes");
  EXPECT_EQ(read.query.timeout_ms, 250);
}

// A misspelled key was passed over: the call ran, with another input than was meant.
TEST(HttpQuery, UnknownKeyIsAnErrorThatNamesWhatWasMeant) {
  const std::tuple<const char*, CallForm, const char*> kRows[] = {
      {"keey", CallForm::kRaw,
       "?keey: unknown; expected key, type, output, timeout_ms, p.<name>, desc.<name>; did you "
       "mean key?"},
      {"lang", CallForm::kRaw,
       "?lang: unknown; expected key, type, output, timeout_ms, p.<name>, desc.<name>; did you "
       "mean p.lang?"},
      {"something", CallForm::kRaw,
       "?something: unknown; expected key, type, output, timeout_ms, p.<name>, desc.<name>"},
      {"p.", CallForm::kForm,
       "?p.: unknown; expected key, type, timeout_ms, p.<name>, desc.<name>"},
      {"output", CallForm::kForm,
       "?output: unknown; expected key, type, timeout_ms, p.<name>, desc.<name>"},
      {"p.x", CallForm::kEnvelope, "?p.x: unknown; expected timeout_ms"},
      {"timeoutms", CallForm::kEnvelope,
       "?timeoutms: unknown; expected timeout_ms; did you mean timeout_ms?"}};
  for (const auto& [key, form, text] : kRows) {
    const Status status = Query({{key, "1"}}, form).status;
    EXPECT_EQ(status.text, text);
    EXPECT_EQ(status.kind, StatusKind::kInvalid);
    EXPECT_EQ(status.code, kCodeConversion);
  }
  EXPECT_EQ(CheckQuery({{"x", ""}}, {}).text, "?x: unknown; expected none");
}

TEST(HttpQuery, KeyTwiceIsAnError) {
  EXPECT_EQ(Query({{"p.a", "1"}, {"p.b", "1"}, {"p.a", "2"}}).status.text,
            "?p.a: expected once, got it again");
}

TEST(HttpQuery, ValuesAreChecked) {
  EXPECT_EQ(Query({{"type", "picture"}}).status.text,
            "type: expected text, audio, image, video or other, got picture");
  for (const char* value : {"0", "-1", "1s", "", " 1", "99999999999999999999"}) {
    EXPECT_EQ(Query({{"timeout_ms", value}}).status.text,
              StrCat("timeout_ms: expected a positive integer, got ", value));
  }
}

}  // namespace
}  // namespace aiges
