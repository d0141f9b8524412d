// SPDX-License-Identifier: Apache-2.0
// What counts as a character, held against simdjson; text of others in JSON, against its parser.
#include "loader/base/utf8.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <nlohmann/json.hpp>
#include <string>

namespace aiges {
namespace {

// Bytes at the edges of what RFC 3629 has.
constexpr unsigned char kEdges[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0,
                                    0xbf, 0xc0, 0xc2, 0xe0, 0xed, 0xf0, 0xf4, 0xff};

bool Valid(const std::string& text) { return simdjson::validate_utf8(text); }

TEST(Utf8, ACharacterIsWhatAValidatorTakes) {
  for (int lead = 0; lead < 256; ++lead) {
    for (const unsigned char b : kEdges) {
      for (const unsigned char c : kEdges) {
        for (const unsigned char d : kEdges) {
          const std::string all = {static_cast<char>(lead), static_cast<char>(b),
                                   static_cast<char>(c), static_cast<char>(d)};
          for (size_t size = 1; size <= 4; ++size) {
            const std::string text = all.substr(0, size);
            size_t expected = 0;
            for (size_t n = 1; n <= size && expected == 0; ++n) {
              if (Valid(text.substr(0, n))) expected = n;
            }
            ASSERT_EQ(CharacterLength(text), expected) << lead << " " << +b << " " << +c;
          }
        }
      }
    }
  }
}

TEST(Utf8, WhatIsNoneBecomesTheReplacementCharacter) {
  std::string out = "a";
  AppendUtf8(&out, std::string_view("\xc3\xa4\xff\xe2\x82z\0", 7));
  EXPECT_EQ(out, std::string_view("a\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\0", 14));
}

TEST(Utf8, AJsonTextIsReadAsItWas) {
  std::string every;
  for (int c = 0; c < 0x80; ++c) every += static_cast<char>(c);
  every += "\xe4\xbd\xa0\xf0\x9f\x98\x80";
  std::string text;
  AppendJsonText(&text, every);
  EXPECT_EQ(nlohmann::json::parse(text).get<std::string>(), every);
  text.clear();
  AppendJsonText(&text, "\xffx\xed\xa0\x80");
  EXPECT_EQ(nlohmann::json::parse(text), "\xef\xbf\xbdx\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  text.clear();
  AppendJsonText(&text, "");
  EXPECT_EQ(text, "\"\"");
}

}  // namespace
}  // namespace aiges
