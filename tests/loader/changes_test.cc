// SPDX-License-Identifier: Apache-2.0
#include "loader/config/changes.h"

#include <gtest/gtest.h>

#include <set>

#include "loader/config/parse.h"

namespace aiges {
namespace {

Settings With(std::vector<EffectiveValue> values) {
  Settings settings;
  settings.effective = std::move(values);
  return settings;
}

TEST(Changes, TellsEachKeyThatDiffersWithItsEffect) {
  const Settings before = With({{"queue", "max_requests", "10", "a"},
                                {"wrapper", "model", "\"a\"", "a"},
                                {"svcName", "port", "1", "a"},
                                {"log", "level", "\"info\"", "a"}});
  const Settings after = With({{"queue", "max_requests", "20", "b"},
                               {"wrapper", "model", "\"b\"", "b"},
                               {"svcName", "port", "2", "b"},
                               {"log", "level", "\"info\"", "b"}});
  const std::vector<Change> all = Changes(before, after);
  ASSERT_EQ(all.size(), 3u) << "where a value comes from is no change";
  EXPECT_EQ(Changes(before, after, Effect::kHot).at(0).Name(), "[queue] max_requests");
  EXPECT_EQ(Changes(before, after, Effect::kRolling).at(0).to, "\"b\"");
  EXPECT_EQ(Changes(before, after, Effect::kRestart).at(0).from, "1");
}

TEST(Changes, KeyThatComesOrGoesIsAChange) {
  const Settings none = With({}), one = With({{"wrapper", "own", "1", ""}});
  EXPECT_EQ(Changes(none, one).size(), 1u);
  EXPECT_EQ(Changes(one, none).size(), 1u);
  EXPECT_TRUE(Changes(one, one).empty());
}

TEST(Changes, ExactEntryWinsOverItsSection) {
  EXPECT_EQ(EffectOf("wrapper", "anything"), Effect::kRolling);
  EXPECT_EQ(EffectOf("wrapper", "http_listen"), Effect::kRestart);
  EXPECT_EQ(EffectOf("access", "jwks"), Effect::kHot);
  EXPECT_EQ(EffectOf("instances", "threads"), Effect::kRolling);
  EXPECT_EQ(EffectOf("instances", "count"), Effect::kRestart);
  EXPECT_EQ(EffectOf("no such", "section"), Effect::kRestart);
  EXPECT_STREQ(EffectName(Effect::kHot), "hot");
}

}  // namespace
}  // namespace aiges
