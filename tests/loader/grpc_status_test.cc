// SPDX-License-Identifier: Apache-2.0
#include "loader/front/grpc_status.h"

#include <gtest/gtest.h>

#include <string>

#include "loader/front/http_types.h"

namespace aiges {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(GrpcStatus, ContentTypes) {
  for (const char* yes : {"application/grpc", "application/grpc+proto", "application/grpc;x=1"}) {
    EXPECT_TRUE(IsGrpc(yes)) << yes;
  }
  for (const char* no : {"", "application/grpcfoo", "application/grpc-web",
                         "application/grpc-web+proto", "application/json", "Application/grpc"}) {
    EXPECT_FALSE(IsGrpc(no)) << no;
  }
}

TEST(GrpcStatus, MessageIsPrintableAscii) {
  const std::string text = "gr\xc3\xbc\xc3\x9f 100%\n\x7f";
  EXPECT_EQ(EncodeMessage(text), "gr%C3%BC%C3%9F 100%25%0A%7F");
  EXPECT_EQ(PercentDecode(EncodeMessage(text), false), text);
  std::string every;
  for (int c = 0; c < 256; ++c) every.push_back(static_cast<char>(c));
  EXPECT_EQ(PercentDecode(EncodeMessage(every), false), every);
  EXPECT_EQ(PercentDecode("50% of %zz %4", false), "50% of %zz %4");
  EXPECT_EQ(PercentDecode("%c3%BC", false), "\xc3\xbc");
}

TEST(GrpcStatus, TextHasRoomInTheHeadsThatClientsTake) {
  std::string umlauts;
  for (int i = 0; i < 5000; ++i) umlauts += "\u00fc";
  Fields trailers;
  AddStatus({GrpcCode::kUnknown, umlauts}, &trailers);
  const std::string packed(trailers.Find("grpc-message"));
  EXPECT_LE(packed.size(), 6144u);
  EXPECT_GT(packed.size(), 6130u);
  EXPECT_EQ(packed.size() % 6, 0u);  // Whole characters of two bytes.
  Fields plain;
  AddStatus({GrpcCode::kUnknown, std::string(5000, 'x')}, &plain);
  EXPECT_EQ(plain.Find("grpc-message").size(), 4096u);
}

TEST(GrpcStatus, TrailersHaveATextOnlyWhereThereIsOne) {
  Fields ok, failed;
  AddStatus({}, &ok);
  EXPECT_EQ(ok.size(), 1u);
  EXPECT_EQ(ok.Find("grpc-status"), "0");
  AddStatus({GrpcCode::kUnauthenticated, "who?"}, &failed);
  EXPECT_EQ(failed.Find("grpc-status"), "16");
  EXPECT_EQ(failed.Find("grpc-message"), "who?");
}

TEST(GrpcStatus, LongTextsAreCutBetweenCharacters) {
  Fields fields;
  std::string text(4095, 'a');
  text += "\xc3\xbc and more";
  AddStatus({GrpcCode::kInternal, text}, &fields);
  EXPECT_EQ(fields.Find("grpc-message"), std::string(4095, 'a'));
}

TEST(GrpcStatus, Timeouts) {
  EXPECT_EQ(ParseTimeout("1H"), hours(1));
  EXPECT_EQ(ParseTimeout("2M"), minutes(2));
  EXPECT_EQ(ParseTimeout("3S"), seconds(3));
  EXPECT_EQ(ParseTimeout("4m"), milliseconds(4));
  EXPECT_EQ(ParseTimeout("5u"), microseconds(5));
  EXPECT_EQ(ParseTimeout("00000006n"), nanoseconds(6));
  EXPECT_EQ(ParseTimeout("0S"), seconds(0));
  EXPECT_EQ(ParseTimeout("99999999S"), seconds(99'999'999));
  EXPECT_EQ(ParseTimeout("99999999M"), hours(24 * 3650));
  EXPECT_EQ(ParseTimeout("99999999H"), hours(24 * 3650));
  for (const char* bad :
       {"", "S", "1", "-1S", "+1S", " 1S", "1 S", "1s", "1.5S", "123456789S", "1SS", "0x1S"}) {
    EXPECT_FALSE(ParseTimeout(bad).has_value()) << bad;
  }
}

TEST(GrpcStatus, BinaryMetadata) {
  std::string bytes;
  for (int n = 0; n < 70; ++n) {
    const std::string text = EncodeBinary(bytes);
    EXPECT_EQ(text.find('='), std::string::npos);
    EXPECT_EQ(DecodeBinary(text), bytes);
    EXPECT_EQ(DecodeBinary(text + std::string((4 - text.size() % 4) % 4, '=')), bytes);
    bytes.push_back(static_cast<char>(n * 37));
  }
  EXPECT_EQ(DecodeBinary("AAE,AAI"), std::string("\0\1", 2));
  EXPECT_EQ(DecodeBinary(""), "");
  for (const char* bad : {"A", "AAAAA", "A===", "AA=", "A A=", "not base64!!", "AA\n="}) {
    EXPECT_FALSE(DecodeBinary(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace aiges
