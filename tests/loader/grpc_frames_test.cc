// SPDX-License-Identifier: Apache-2.0
#include "loader/front/grpc_frames.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/loader/exchange_recorder.h"

namespace aiges {
namespace {

std::string Framed(const std::string& data, bool packed = false) {
  return std::string(FrameHead(data.size(), packed).view()) + data;
}

class GrpcFramesTest : public testing::Test {
 protected:
  GrpcReader Reader(uint64_t most = 1 << 20) { return GrpcReader(most, &pool, &account); }

  HeapPool pool;
  Account account{"max_input_bytes", 4u << 20};
};

TEST_F(GrpcFramesTest, MessagesComeWholeHoweverTheyArrive) {
  const std::vector<std::string> sent = {"", "a", std::string(5000, 'b'), "",
                                         std::string(200'000, 'c')};
  std::string body;
  for (const std::string& data : sent) body += Framed(data, data.size() == 1);
  for (const size_t step : {1, 2, 5, 1000, 16'384, 1'000'000}) {
    GrpcReader reader = Reader();
    std::vector<GrpcMessage> got;
    for (size_t at = 0; at < body.size(); at += step) {
      EXPECT_TRUE(reader.Read(std::string_view(body).substr(at, step), &got).ok());
    }
    EXPECT_TRUE(reader.End().ok());
    ASSERT_EQ(got.size(), sent.size());
    for (size_t i = 0; i < sent.size(); ++i) {
      EXPECT_EQ(got[i].data.view(), sent[i]);
      EXPECT_EQ(got[i].packed, sent[i].size() == 1);
    }
    EXPECT_GE(account.used(), 205'001u);
    got.clear();
    EXPECT_EQ(account.used(), 0u);
  }
}

TEST_F(GrpcFramesTest, LengthIsRefusedWhenItIsSaid) {
  GrpcReader reader = Reader(1000);
  std::vector<GrpcMessage> got;
  EXPECT_TRUE(reader.Read(Framed(std::string(1000, 'x')), &got).ok());
  const GrpcStatus status = reader.Read(FrameHead(1001, false).view(), &got);
  EXPECT_EQ(status.code, GrpcCode::kResourceExhausted);
  EXPECT_NE(status.text.find("max_message_bytes"), std::string::npos);
  EXPECT_NE(status.text.find("larger than max"), std::string::npos);  // Clients look for it.
  EXPECT_NE(status.text.find("1001 bytes, [limits] max_message_bytes = 1000"), std::string::npos);
  EXPECT_EQ(Reader().Read(FrameHead(0xFFFFFFFF, false).view(), &got).code,
            GrpcCode::kResourceExhausted);
}

TEST_F(GrpcFramesTest, MemoryIsTakenAsBytesCome) {
  GrpcReader reader = Reader(4 << 20);
  std::vector<GrpcMessage> got;
  EXPECT_TRUE(reader.Read(FrameHead(4 << 20, false).view(), &got).ok());
  EXPECT_LE(account.used(), 16'384u);
  EXPECT_TRUE(reader.Read(std::string(100'000, 'x'), &got).ok());
  EXPECT_LE(account.used(), 400'000u);
}

TEST_F(GrpcFramesTest, FullBudgetIsResourceExhausted) {
  GrpcReader one = Reader(4 << 20), other = Reader(4 << 20);
  std::vector<GrpcMessage> got;
  ASSERT_TRUE(one.Read(Framed(std::string(3 << 20, 'x')), &got).ok());
  const GrpcStatus status = other.Read(Framed(std::string(3 << 20, 'x')), &got);
  EXPECT_EQ(status.code, GrpcCode::kResourceExhausted);
  EXPECT_EQ(status.text, account.Text());
}

TEST_F(GrpcFramesTest, EndInTheMiddleIsInternal) {
  const std::string body = Framed("hello");
  for (size_t cut = 1; cut < body.size(); ++cut) {
    GrpcReader reader = Reader();
    std::vector<GrpcMessage> got;
    EXPECT_TRUE(reader.Read(std::string_view(body).substr(0, cut), &got).ok());
    EXPECT_EQ(reader.End().code, GrpcCode::kInternal);
  }
  EXPECT_TRUE(Reader().End().ok());
}

TEST_F(GrpcFramesTest, UnknownFlagIsInternal) {
  std::string body = Framed("x");
  for (const int flag : {2, 0x80, 0xFF}) {
    body[0] = static_cast<char>(flag);
    std::vector<GrpcMessage> got;
    EXPECT_EQ(Reader().Read(body, &got).code, GrpcCode::kInternal) << flag;
    EXPECT_TRUE(got.empty());
  }
}

TEST_F(GrpcFramesTest, Codings) {
  EXPECT_EQ(ParseCoding(""), Coding::kIdentity);
  EXPECT_EQ(ParseCoding("identity"), Coding::kIdentity);
  EXPECT_EQ(ParseCoding("gzip"), Coding::kGzip);
  EXPECT_EQ(ParseCoding("deflate"), Coding::kDeflate);
  EXPECT_EQ(ParseCoding("snappy"), std::nullopt);
  EXPECT_EQ(ParseCoding("GZIP"), std::nullopt);
  EXPECT_TRUE(AcceptsGzip("gzip"));
  EXPECT_TRUE(AcceptsGzip("identity, deflate , gzip "));
  EXPECT_FALSE(AcceptsGzip(""));
  EXPECT_FALSE(AcceptsGzip("identity,gzip2"));
}

}  // namespace
}  // namespace aiges
