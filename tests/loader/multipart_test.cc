// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/multipart.h"

#include <gtest/gtest.h>

#include <string>

#include "loader/api/codes.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

constexpr const char* kType = "multipart/form-data; boundary=b";

struct Parsed {
  Status status;
  std::vector<FormPart> parts;
};

Parsed Parse(std::string body, std::string_view type = kType) {
  Parsed p;
  p.status = ParseForm(type, Bytes::Own(std::move(body)), &p.parts);
  return p;
}

std::string Part(std::string_view disposition, std::string_view data) {
  return StrCat("--b\r\nContent-Disposition: ", disposition, "\r\n\r\n", data, "\r\n");
}

FormPart Only(const std::string& disposition) {
  Parsed p = Parse(Part(disposition, "x") + "--b--");
  EXPECT_TRUE(p.status.ok()) << p.status.text;
  return p.parts.empty() ? FormPart() : p.parts.front();
}

// As curl 7.88 sends -F img=@x.png -F 'lang=en'.
TEST(ParseForm, FilesAndFields) {
  const std::string data("\x89PNG\r\n\x1a\n\0--b\r\n--", 17);
  const Parsed p = Parse(
      StrCat("--bound-1\r\nContent-Disposition: form-data; name=\"img\"; filename=\"x.png\"\r\n"
             "Content-Type: image/png\r\n\r\n",
             data, "\r\n--bound-1\r\ncontent-disposition: form-data; name=lang\r\n\r\n\r\n",
             "--bound-1--\r\nepilogue"),
      "Multipart/Form-Data; charset=utf-8; boundary=\"bound-1\"");
  ASSERT_TRUE(p.status.ok()) << p.status.text;
  ASSERT_EQ(p.parts.size(), 2u);
  EXPECT_EQ(p.parts[0].name, "img");
  EXPECT_EQ(p.parts[0].filename, "x.png");
  EXPECT_EQ(p.parts[0].content_type, "image/png");
  EXPECT_EQ(p.parts[0].data.view(), data);
  EXPECT_EQ(p.parts[1].name, "lang");
  EXPECT_EQ(p.parts[1].filename, std::nullopt);
  EXPECT_EQ(p.parts[1].content_type, "");
  EXPECT_TRUE(p.parts[1].data.empty());
}

TEST(ParseForm, PreambleAndBlanksBehindADelimiterAreNothing) {
  const Parsed p = Parse(StrCat("for readers without MIME\r\n--b \t\r\n",
                                "Content-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--"));
  ASSERT_TRUE(p.status.ok()) << p.status.text;
  EXPECT_EQ(p.parts.at(0).data.view(), "1");
  EXPECT_TRUE(Parse("--b--").parts.empty());
}

TEST(ParseForm, NamesAreUnescapedAsClientsEscapeThem) {
  EXPECT_EQ(Only(R"(form-data; name="a\"b\\c")").name, R"(a"b\c)");
  EXPECT_EQ(Only(R"(form-data; name="a%22b%25")").name, R"(a"b%25)");
  EXPECT_EQ(Only(R"(form-data; name="f"; filename="C:\dir\x")").filename, R"(C:\dir\x)");
  EXPECT_EQ(Only("form-data; name=f; filename*=utf-8''gr%c3%bc%c3%9f").filename,
            "gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(Only("FORM-DATA; NAME=\"f\";").name, "f");
  EXPECT_EQ(Only("form-data; name=\"f\"; filename=\"\"").filename, "");
}

TEST(ParseForm, WhatIsWrongIsSaidWithItsPlace) {
  const std::pair<std::string, const char*> kRows[] = {
      {"", "expected the line --b, got none"},
      {"no form", "expected the line --b, got none"},
      {"--b", "part 1: expected a line break behind --b, got none"},
      {"--bx\r\n", "part 1: expected a line break behind --b, got none"},
      {"--b\r\nContent-Disposition: form-data; name=a", "part 1: expected an empty line within"},
      {"--b\r\n\r\nx\r\n--b--",
       "part 1: expected Content-Disposition: form-data; name=\"..\", got none"},
      {"--b\r\nnonsense\r\n\r\nx\r\n--b--",
       "part 1: expected a header `Name: value`, got nonsense"},
      {Part("attachment; name=a", "x") + "--b--",
       "part 1: expected Content-Disposition: form-data; name=\"..\", got attachment; name=a"},
      {Part("form-data", "x") + "--b--",
       "part 1: expected Content-Disposition: form-data; "
       "name=\"..\", got no name"},
      {Part("form-data; name=\"\"", "x") + "--b--", "got an empty one"},
      {Part("form-data; name=\"a%0Ab\"", "x") + "--b--", "got one with control characters"},
      {Part("form-data; name=\"a", "x") + "--b--", "got form-data; name=\"a"},
      {Part("form-data; name=a", "x"), "part 1 (a): expected --b behind its data, got the end"},
      {Part("form-data; name=a\r\nContent-Transfer-Encoding: base64", "x") + "--b--",
       "part 1: expected data as they are, got Content-Transfer-Encoding: base64"}};
  for (const auto& [body, text] : kRows) {
    const Status status = Parse(body).status;
    EXPECT_EQ(status.kind, StatusKind::kInvalid) << body;
    EXPECT_EQ(status.code, kCodeConversion);
    EXPECT_EQ(status.text.rfind("multipart/form-data: ", 0), 0u);
    EXPECT_NE(status.text.find(text), std::string::npos) << status.text;
  }
}

TEST(ParseForm, BoundaryIsThatOfRfc2046) {
  for (const char* type :
       {"multipart/form-data",
        "multipart/form-data; boundary=", "multipart/form-data; boundary=\"a",
        "multipart/form-data; boundary=\"a \"", "multipart/form-data; boundary=\"a\xff\""}) {
    EXPECT_EQ(Parse("--a--", type).status.kind, StatusKind::kInvalid) << type;
  }
  const std::string longest(70, 'x');
  EXPECT_TRUE(Parse(StrCat("--", longest, "--"), StrCat("multipart/form-data; boundary=", longest))
                  .status.ok());
  EXPECT_FALSE(
      Parse(StrCat("--", longest, "x--"), StrCat("multipart/form-data; boundary=", longest, "x"))
          .status.ok());
}

TEST(ParseForm, PartsAndTheirHeadsAreBounded) {
  std::string body;
  for (size_t i = 0; i < kMostParts; ++i) body += Part(StrCat("form-data; name=n", i), "");
  EXPECT_EQ(Parse(body + "--b--").parts.size(), kMostParts);
  EXPECT_NE(
      Parse(body + Part("form-data; name=more", "") + "--b--").status.text.find("at most 1024"),
      std::string::npos);
  const std::string long_head(kLongestPartHead, 'x');
  EXPECT_NE(Parse(Part(StrCat("form-data; name=", long_head), "") + "--b--")
                .status.text.find("within 8192 bytes"),
            std::string::npos);
}

TEST(PartHead, NamesCannotBreakOutOfTheirLine) {
  EXPECT_EQ(PartHead("b", "a\"\r\nEvil: 1\xff", "text/plain", true),
            "--b\r\nContent-Disposition: inline; name=\"a%22%0D%0AEvil: 1\\xff\"\r\n"
            "Content-Type: text/plain\r\n\r\n");
}

}  // namespace
}  // namespace aiges
