// SPDX-License-Identifier: Apache-2.0
#include "loader/front/http_types.h"

#include <gtest/gtest.h>

namespace aiges {
namespace {

TEST(PercentDecode, EscapesBecomeBytes) {
  EXPECT_EQ(PercentDecode("%41b%7a", false), "Abz");
  EXPECT_EQ(PercentDecode("%C3%bc", false), "\xc3\xbc");
  EXPECT_EQ(PercentDecode("%00", false), std::string(1, '\0'));
  EXPECT_EQ(PercentDecode("%2541", false), "%41") << "once, not twice";
}

TEST(PercentDecode, PlusIsASpaceOnlyInQueries) {
  EXPECT_EQ(PercentDecode("a+b", true), "a b");
  EXPECT_EQ(PercentDecode("a+b", false), "a+b");
  EXPECT_EQ(PercentDecode("a%2Bb", true), "a+b");
}

TEST(PercentDecode, BrokenEscapesStayAsTheyAre) {
  for (const char* text : {"%", "%4", "%g1", "%1g", "100%", "%%", ""}) {
    EXPECT_EQ(PercentDecode(text, false), text);
  }
}

HttpRequest Split(std::string_view target) {
  HttpRequest request;
  SplitTarget(target, &request);
  return request;
}

TEST(SplitTarget, PathAndQueryAreTakenApartBeforeDecoding) {
  const HttpRequest r = Split("/v1/raw/a%3Fb?key=img&p.x=1%262&flag&empty=&a=b=c");
  EXPECT_EQ(r.path, "/v1/raw/a?b");
  EXPECT_EQ(r.query,
            (Pairs{{"key", "img"}, {"p.x", "1&2"}, {"flag", ""}, {"empty", ""}, {"a", "b=c"}}));
}

TEST(SplitTarget, OddTargetsAreNoErrors) {
  EXPECT_EQ(Split("").path, "/");
  EXPECT_TRUE(Split("/x?").query.empty());
  EXPECT_TRUE(Split("/x?&&&").query.empty());
  EXPECT_EQ(Split("?=v").query, (Pairs{{"", "v"}}));
  EXPECT_EQ(Split("/x?a?b=1").query, (Pairs{{"a?b", "1"}}));
}

TEST(SplitTarget, AbsoluteFormIsTakenWithoutItsAuthority) {
  EXPECT_EQ(Split("http://host:80/v1?a=b").path, "/v1");
  EXPECT_EQ(Split("http://host:80/v1?a=b").query, (Pairs{{"a", "b"}}));
  EXPECT_EQ(Split("http://host").path, "/");
  EXPECT_EQ(Split("http://host?a=b").query, (Pairs{{"a", "b"}}));
  EXPECT_EQ(Split("https://").path, "/");
}

TEST(SplitTarget, SameKeyTwiceStaysInOrder) {
  EXPECT_EQ(Split("/?a=1&a=2").query, (Pairs{{"a", "1"}, {"a", "2"}}));
}

}  // namespace
}  // namespace aiges
