// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>

#include "loader/access/names.h"
#include "loader/access/secrets.h"
#include "loader/access/signature.h"
#include "loader/access/used_signatures.h"
#include "loader/base/strings.h"
#include "loader/front/base64.h"

namespace aiges {
namespace {

constexpr const char* kSignature = "signature=\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"";
constexpr const char* kNamed = "api_key=\"k\", algorithm=\"hmac-sha256\", ";

RequestHead Head(std::string_view target, Fields more) {
  RequestHead head;
  head.fields = {{":method", "POST"}, {":authority", "a.example:80"}, {":path", target}};
  head.fields.Append(more);
  return head;
}
Fields Header(std::string_view headers, std::string_view named = kNamed) {
  return {{"authorization", StrCat("hmac ", named, "headers=\"", headers, "\", ", kSignature)},
          {"date", "Tue, 01 Dec 2026 09:41:12 GMT"}};
}
std::string Problem(const RequestHead& head) {
  SignedRequest request;
  return ReadSignature(head, &request).text;
}

TEST(SignatureTest, WhatMayHaveBeenSignedAreFourTextsAtMost) {
  SignedRequest request;
  const RequestHead head = Head("/v1/raw/s?a=1", Header("host date request-line"));
  ASSERT_TRUE(BringsSignature(head));
  ASSERT_EQ(ReadSignature(head, &request).text, "");
  EXPECT_FALSE(request.in_url);
  EXPECT_EQ(request.api_key, "k");
  const std::string date = "date: Tue, 01 Dec 2026 09:41:12 GMT\n";
  EXPECT_EQ(
      SignedTexts(head, request),
      (std::vector<std::string>{StrCat("host: a.example:80\n", date, "POST /v1/raw/s HTTP/1.1"),
                                StrCat("host: a.example:80\n", date, "POST /v1/raw/s?a=1 HTTP/1.1"),
                                StrCat("host: a.example\n", date, "POST /v1/raw/s HTTP/1.1"),
                                StrCat("host: a.example\n", date, "POST /v1/raw/s?a=1 HTTP/1.1")}));
}

TEST(SignatureTest, TheOrderIsTheClients) {
  SignedRequest request;
  const RequestHead head = Head("/p", Header("request-line x-a date host"));
  EXPECT_NE(Problem(head).find("expected the header \"x-a\", which is signed"), std::string::npos);
  RequestHead full = head;
  full.fields.Add("x-a", "1");
  ASSERT_EQ(ReadSignature(full, &request).text, "");
  EXPECT_TRUE(SignedTexts(full, request)[0].starts_with("POST /p HTTP/1.1\nx-a: 1\ndate: Tue"));
}

TEST(SignatureTest, WhatDoesNotBindTheRequestIsRefused) {
  for (const char* headers : {"host date", "date request-line", "host request-line", ""}) {
    EXPECT_NE(Problem(Head("/p", Header(headers))).find("expected host, date and request-line"),
              std::string::npos)
        << headers;
  }
  const std::string all = "host date request-line";
  for (const char* named :
       {"", "api_key=\"k\", ", "algorithm=\"hmac-sha256\", ",
        "api_key=\"k\", username=\"k\", algorithm=\"hmac-sha256\", ",
        "api_key=\"k\", api_key=\"k\", algorithm=\"hmac-sha256\", ", "api_key=k, ", "x"}) {
    EXPECT_TRUE(Problem(Head("/p", Header(all, named))).starts_with("HMAC signature cannot be"))
        << named;
  }
  const std::string many = StrCat(all, " a b c d e f g h i j k l m n o p");
  EXPECT_NE(Problem(Head("/p", Header(many))).find("at most 16 headers"), std::string::npos);
  EXPECT_NE(Problem(Head("/p", Header(std::string(5000, 'a')))).find("at most 4096 bytes"),
            std::string::npos);
}

// Else an old signature would be made new by a date that nobody has signed.
TEST(SignatureTest, TheDateThatCountsIsTheOneThatIsSigned) {
  const std::string dates = "?host=a.example&date=Wed,%2002%20Dec%202026%2009:41:12%20GMT";
  const auto in_url = [&](std::string_view headers) {
    const std::string plain = StrCat(kNamed, "headers=\"", headers, "\", ", kSignature);
    std::string form;
    AppendBase64(&form, plain);
    RequestHead head = Head(StrCat("/p", dates, "&authorization=", form), {});
    head.fields.Add("x-date", "Sun, 29 Nov 2026 09:41:12 GMT");
    head.fields.Add("date", "Mon, 30 Nov 2026 09:41:12 GMT");
    SignedRequest request;
    EXPECT_EQ(ReadSignature(head, &request).text, "");
    return request.date.substr(0, 3);
  };
  EXPECT_EQ(in_url("host date request-line"), "Wed");
  EXPECT_EQ(in_url("host x-date request-line"), "Sun");
  SignedRequest request;
  RequestHead head = Head("/p", Header("host x-date request-line"));
  head.fields.Add("x-date", "Sun, 29 Nov 2026 09:41:12 GMT");
  EXPECT_EQ(ReadSignature(head, &request).text, "");
  EXPECT_EQ(request.date.substr(0, 3), "Sun");
}

TEST(SignatureTest, DatesAreThoseOfHttpAndNoOthers) {
  EXPECT_EQ(ReadHttpDate("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
  EXPECT_EQ(ReadHttpDate("Sun, 06 Nov 1994 08:49:37 UTC"), 784111777);
  for (const char* wrong : {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
                            "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 6 Nov 1994 08:49:37 GMT ",
                            "Sun, 06 Xxx 1994 08:49:37 GMT", "Sun, 06 ovD 1994 08:49:37 GMT",
                            "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
                            "Sun, 06 Nov 1994 -8:49:37 GMT"}) {
    EXPECT_EQ(ReadHttpDate(wrong), std::nullopt) << wrong;
  }
}

TEST(SignatureTest, AQueryIsAsItWasWithoutTheSignature) {
  EXPECT_EQ(WithoutSignature("/p"), "/p");
  EXPECT_EQ(WithoutSignature("/p?"), "/p");
  EXPECT_EQ(WithoutSignature("/p?host=h&a=%41&date=d&b=1+2&authorization=x"), "/p?a=%41&b=1+2");
  EXPECT_EQ(WithoutSignature("/p?%61uthorization=x&b"), "/p?b");
  EXPECT_TRUE(BringsSignature(Head("/p?a=1&authorization=x", {})));
  EXPECT_FALSE(BringsSignature(Head("/p?xauthorization=x", {})));
  EXPECT_EQ(WithoutPort("a:80"), "a");
  EXPECT_EQ(WithoutPort("[::1]:80"), "[::1]");
  EXPECT_EQ(WithoutPort("[::1]"), "[::1]");
}

TEST(SignatureTest, TheFormulaIsThatOfTheStandard) {  // RFC 4231, test case 2.
  const std::string hash = HmacSha256("Jefe", "what do ya want for nothing?");
  std::string hex;
  for (const unsigned char c : hash) {
    hex.push_back("0123456789abcdef"[c >> 4]);
    hex.push_back("0123456789abcdef"[c & 15]);
  }
  EXPECT_EQ(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(UsedSignaturesTest, EachIsTakenOnceUntilItsTimeIsOver) {
  UsedSignatures used;
  using Answer = UsedSignatures::Answer;
  const std::string a(32, 'a'), b(32, 'b');
  EXPECT_EQ(used.Add(a, 1000, 700), Answer::kNew);
  EXPECT_EQ(used.Add(a, 1000, 999), Answer::kUsed);
  EXPECT_EQ(used.Add(b, 1000, 700), Answer::kNew);
  EXPECT_EQ(used.size(), 2u);
  EXPECT_EQ(used.Add(a, 1400, 1100), Answer::kNew) << "what is too old is forgotten";
  EXPECT_EQ(used.size(), 1u);
}

TEST(UsedSignaturesTest, WhatIsForgottenIsNotTakenAgainWhereOlderDatesAre) {
  UsedSignatures used;
  using Answer = UsedSignatures::Answer;
  const std::string a(32, 'a'), b(32, 'b');
  EXPECT_EQ(used.Add(a, 100'000, 99'700), Answer::kNew);
  EXPECT_EQ(used.Add(b, 100'600, 100'300), Answer::kNew);
  EXPECT_EQ(used.Add(a, 100'000, 99'400), Answer::kUsed) << "[access] hmac_skew_s has grown";
  EXPECT_EQ(used.Add(a, 1'000, 700), Answer::kNew) << "the clock was set back, by more than a day";
}

TEST(UsedSignaturesTest, IsBoundedAndNeverForgetsWhatCouldComeAgain) {
  UsedSignatures used;
  for (uint64_t i = 0; i < UsedSignatures::kMost; ++i) {
    const std::string signature(reinterpret_cast<const char*>(&i), sizeof i);
    ASSERT_EQ(used.Add(signature, 1000, 700), UsedSignatures::Answer::kNew);
  }
  EXPECT_EQ(used.Add(std::string(8, 'x'), 1000, 700), UsedSignatures::Answer::kFull);
  EXPECT_EQ(used.Add(std::string(8, '\0'), 1000, 700), UsedSignatures::Answer::kUsed);
  EXPECT_EQ(used.Add(std::string(8, 'x'), 1500, 1200), UsedSignatures::Answer::kNew);
}

TEST(SecretTableTest, SaysWhatIsWrongWithoutTheSecret) {
  const auto problem = [](const std::string& text) {
    std::shared_ptr<const SecretTable> table;
    return SecretTable::Parse(text, &table).text;
  };
  EXPECT_EQ(problem("k secret call\nk newsecret call\n"), "");
  EXPECT_EQ(problem("k secret"),
            "line 1: expected an API key, its secret and what it may, got 2 words");
  EXPECT_EQ(problem("k/ secret call"),
            "line 1: expected an API key of letters, digits and ._@+-, got \"k/\"");
  EXPECT_NE(problem("k @/nowhere/at/all call").find("/nowhere/at/all: No such file"),
            std::string::npos);
  EXPECT_NE(problem("k secret all").find("expected call, call:<service> or admin"),
            std::string::npos);
  EXPECT_EQ(problem("k s1 call\nk s2 call\nk s3 call\nk s4 call\nk s5 call\n"),
            "line 5: expected at most 4 secrets of k");
  EXPECT_EQ(problem("k " + std::string(1025, 's') + " call"),
            "line 1: expected a secret of 1 to 1024 bytes");
}

TEST(NameTableTest, TheFirstNameThatHasALineCounts) {
  std::shared_ptr<const NameTable> table;
  ASSERT_EQ(
      NameTable::Parse("alice call\nURI:spiffe://c/asr call:svc\nCN:Alice%20Smith admin\n", &table)
          .text,
      "");
  EXPECT_EQ(table->Find({}), nullptr);
  EXPECT_EQ(table->Find({"DNS:bob"}), nullptr);
  EXPECT_EQ(table->Find({"DNS:alice"})->id, "alice");
  EXPECT_EQ(table->Find({"DNS:bob", "CN:alice"})->id, "alice");
  EXPECT_EQ(table->Find({"URI:spiffe://c/asr", "CN:alice"})->id, "spiffe://c/asr");
  EXPECT_EQ(table->Find({"DNS:spiffe://c/asr"}), nullptr) << "another kind";
  EXPECT_EQ(table->Find({"CN:URI:spiffe://c/asr"}), nullptr) << "a CN may be any text";
  EXPECT_TRUE(table->Find({"CN:Alice Smith"})->admin);
  EXPECT_EQ(NameTable::Parse("a call\na call", &table).text,
            "line 2: expected each name once, got \"a\" again");
  EXPECT_EQ(NameTable::Parse("a", &table).text,
            "line 1: expected a name and what it may, got 1 words");
  EXPECT_EQ(NameTable::Parse("CN: call", &table).text, "line 1: expected a name, got \"CN:\"");
}

}  // namespace
}  // namespace aiges
