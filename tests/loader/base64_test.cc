// SPDX-License-Identifier: Apache-2.0
#include "loader/front/base64.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/fakes/heap_buffers.h"

namespace aiges {
namespace {

std::optional<std::string> Decode(std::string_view text) {
  HeapBuffers buffers;
  const std::optional<Bytes> bytes = DecodeBase64(text, &buffers);
  if (!bytes) return std::nullopt;
  return std::string(bytes->view());
}

std::string Encode(std::string_view bytes) {
  std::string out = "before";
  AppendBase64(&out, bytes);
  EXPECT_EQ(out.substr(0, 6), "before");
  return out.substr(6);
}

TEST(Base64, VectorsOfRfc4648Section10) {
  const std::pair<const char*, const char*> kVectors[] = {{"", ""},
                                                          {"f", "Zg=="},
                                                          {"fo", "Zm8="},
                                                          {"foo", "Zm9v"},
                                                          {"foob", "Zm9vYg=="},
                                                          {"fooba", "Zm9vYmE="},
                                                          {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : kVectors) {
    EXPECT_EQ(Encode(plain), coded);
    EXPECT_EQ(Decode(coded), plain);
  }
}

TEST(Base64, EveryByteAndLengthComesBack) {
  std::mt19937 random(1);
  std::string bytes;
  for (size_t length = 0; length < 600; ++length) {
    EXPECT_EQ(Decode(Encode(bytes)), bytes) << length;
    bytes.push_back(static_cast<char>(length < 256 ? length : random()));
  }
}

TEST(Base64, LineBreaksAreSkipped) {
  EXPECT_EQ(Decode("Zm9v\nYmFy\r\n"), "foobar");
  EXPECT_EQ(Decode("Z\nm\n9\nv"), "foo");
  EXPECT_EQ(Decode("\r\n"), "");
}

TEST(Base64, AnythingElseIsRefused) {
  for (const char* text : {"Z",
                           "Zg",
                           "Zg=",
                           "Zg===",
                           "Zm9vZ",  // Length.
                           "=",
                           "==",
                           "===",
                           "====",
                           "A===",
                           "=AAA",  // Nothing but padding.
                           "Zg==Zg==",
                           "Zg=g",
                           "Z=g=",
                           "AA==AAAA",  // Padding inside.
                           "Zm9 ",
                           " Zm9",
                           "Zm 9v",
                           "Zm9v\t\t\t\t",  // Other white space.
                           "Zm9-",
                           "Zm9_",
                           "----",
                           "____",  // The URL alphabet.
                           "Zm9*",
                           "Zm9\x80",
                           "\xff\xff\xff\xff",
                           "Zm9v%3D%3D"}) {
    EXPECT_EQ(Decode(text), std::nullopt) << text;
  }
  EXPECT_EQ(Decode(std::string_view("Zm9\0", 4)), std::nullopt);
}

// OpenSSL takes '-' for the end of the input and says nothing: what followed in the result was
// memory that nobody wrote.
TEST(Base64, DashesAtTheEndAreNotTheEndOfTheInput) {
  for (const char* text : {"Zm9v----", "Zm9vZg==----", "Zm9vZm9v--------"}) {
    EXPECT_EQ(Decode(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace aiges
