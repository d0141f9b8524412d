// SPDX-License-Identifier: Apache-2.0
#include "loader/access/limit_fields.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "loader/front/grpc_status.h"

namespace aiges {
namespace {

using std::chrono::milliseconds;

LimitLeft Left(LimitUnit unit, std::string name, uint64_t quota, uint64_t window_s, uint64_t left,
               uint64_t full_s, std::string meter = "") {
  LimitShown shown;
  shown.unit = unit;
  shown.units = meter.empty() ? "seconds" : meter;
  shown.meter = std::move(meter);
  shown.name = std::move(name);
  shown.window_s = window_s;
  return {std::make_shared<const LimitShown>(std::move(shown)), quota, left, full_s};
}

TEST(LimitFieldsTest, ThePolicyAndWhatIsLeftOfIt) {
  LimitNote::Said said;
  said.limits = {Left(LimitUnit::kCalls, "calls-1m", 100, 60, 99, 1),
                 Left(LimitUnit::kBytes, "bytes-1h", 1000, 3600, 0, 7),
                 Left(LimitUnit::kConcurrent, "concurrent", 8, 0, 3, 0),
                 Left(LimitUnit::kSeconds, "seconds-1m", 5, 60, 4, 2),
                 Left(LimitUnit::kMeter, "model-tokens-1m", 20, 60, 10, 30, "tokens")};
  Fields head;
  AddLimitFields(said, false, &head);
  EXPECT_EQ(head.Find("ratelimit-policy"),
            R"("calls-1m";q=100;w=60, "bytes-1h";q=1000;qu="content-bytes";w=3600, )"
            R"("concurrent";q=8;qu="concurrent-requests", "seconds-1m";q=5;qu="seconds";w=60, )"
            R"("model-tokens-1m";q=20;qu="tokens";w=60)");
  EXPECT_EQ(head.Find("ratelimit"),
            R"("calls-1m";r=99;t=1, "bytes-1h";r=0;t=7, "concurrent";r=3, "seconds-1m";r=4;t=2, )"
            R"("model-tokens-1m";r=10;t=30)");
  EXPECT_EQ(head.size(), 2u);
}

TEST(LimitFieldsTest, OpenAiHasFieldsOfItsOwnOfTheTightest) {
  LimitNote::Said said;
  said.limits = {Left(LimitUnit::kCalls, "calls-1m", 100, 60, 99, 1),
                 Left(LimitUnit::kCalls, "calls-1h", 1000, 3600, 5, 3723),
                 Left(LimitUnit::kMeter, "tokens-1m", 20, 60, 10, 90, "tokens")};
  Fields head;
  AddLimitFields(said, true, &head);
  EXPECT_EQ(head.Find("x-ratelimit-limit-requests"), "1000");
  EXPECT_EQ(head.Find("x-ratelimit-remaining-requests"), "5");
  EXPECT_EQ(head.Find("x-ratelimit-reset-requests"), "1h2m3s");
  EXPECT_EQ(head.Find("x-ratelimit-limit-tokens"), "20");
  EXPECT_EQ(head.Find("x-ratelimit-remaining-tokens"), "10");
  EXPECT_EQ(head.Find("x-ratelimit-reset-tokens"), "1m30s");
}

TEST(LimitFieldsTest, WithoutLimitsNothingIsSaid) {
  Fields head;
  AddLimitFields({}, true, &head);
  EXPECT_TRUE(head.empty());
}

TEST(LimitFieldsTest, WaitsAreRoundedUpToSecondsForHttp) {
  LimitNote::Said said;
  EXPECT_EQ(RetryAfterOf(said), 1u);
  said.wait = milliseconds(1000);
  EXPECT_EQ(RetryAfterOf(said), 1u);
  said.wait = milliseconds(1001);
  EXPECT_EQ(RetryAfterOf(said), 2u);
}

TEST(LimitFieldsTest, GrpcIsToldByAStatusWithRetryInfo) {
  LimitNote::Said said;
  said.wait = milliseconds(1500);
  said.text = "used up";
  Fields trailers;
  AddRetryInfo(said, &trailers);
  EXPECT_EQ(trailers.Find("grpc-retry-pushback-ms"), "1500");
  const auto bytes = DecodeBinary(trailers.Find("grpc-status-details-bin"));
  ASSERT_TRUE(bytes);
  const std::string type = "type.googleapis.com/google.rpc.RetryInfo";
  std::string expected = "\x08\x08\x12\x07used up\x1a";
  const std::string delay("\x08\x01\x10\x80\xca\xb5\xee\x01", 8);  // 1 s and 500,000,000 ns.
  const std::string info = std::string("\x0a\x08") + delay;
  std::string any = "\x0a";
  any += static_cast<char>(type.size());
  any += type;
  any += "\x12\x0a";
  any += info;
  expected += static_cast<char>(any.size());
  expected += any;
  EXPECT_EQ(*bytes, expected);
}

}  // namespace
}  // namespace aiges
