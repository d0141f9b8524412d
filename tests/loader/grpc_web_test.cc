// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/grpc_web.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "loader/front/base64.h"

namespace aiges {
namespace {

TEST(GrpcWeb, IsToldByItsType) {
  for (const char* type :
       {"application/grpc-web", "application/grpc-web+proto", "application/grpc-web-text",
        "application/grpc-web-text+proto", "application/grpc-web;charset=x"}) {
    EXPECT_TRUE(IsGrpcWeb(type)) << type;
  }
  for (const char* type : {"", "application/grpc", "application/grpc-webx",
                           "application/grpc-web-texts", "application/json"}) {
    EXPECT_FALSE(IsGrpcWeb(type)) << type;
  }
}

TEST(Base64Reader, PiecesPaddedAndCutAnywhereAreTheWhole) {
  std::mt19937 random(3);
  const auto pick = [&random](size_t n) { return static_cast<size_t>(random()) % n; };
  for (int round = 0; round < 500; ++round) {
    std::string bytes(pick(200), '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    std::string text;
    for (size_t at = 0; at < bytes.size();) {
      const size_t n = 1 + pick(bytes.size() - at);
      AppendBase64(&text, std::string_view(bytes).substr(at, n));
      at += n;
    }
    Base64Reader reader;
    std::string out;
    for (size_t at = 0; at < text.size();) {
      const size_t n = 1 + pick(text.size() - at);
      ASSERT_TRUE(reader.Read(std::string_view(text).substr(at, n), &out)) << text;
      at += n;
    }
    EXPECT_FALSE(reader.within());
    EXPECT_EQ(out, bytes);
  }
}

TEST(Base64Reader, WhatIsNoneIsRefused) {
  for (const char* text :
       {"****", "A===", "=AAA", "AA=A", "AAA\n", "AA-_", " AAA", "AAAA====", "AAAAAA=A"}) {
    Base64Reader whole, cut;
    std::string out;
    EXPECT_FALSE(whole.Read(text, &out)) << text;
    bool sound = true;
    for (const char* c = text; *c != '\0' && sound; ++c) sound = cut.Read({c, 1}, &out);
    EXPECT_FALSE(sound) << text;
  }
  Base64Reader reader;
  std::string out;
  EXPECT_TRUE(reader.Read("AAAAA", &out));
  EXPECT_TRUE(reader.within());
}

}  // namespace
}  // namespace aiges
