// SPDX-License-Identifier: Apache-2.0
#include "loader/front/fields.h"

#include <gtest/gtest.h>

#include <string>

namespace aiges {
namespace {

TEST(Fields, KeepOrderAndRepeats) {
  Fields fields{{":path", "/"}, {"a", "1"}, {"b", ""}};
  fields.Add("a", "2");
  std::string all;
  for (const Fields::Field f : fields) {
    all.append(f.name).append("=").append(f.value).append(";");
  }
  EXPECT_EQ(all, ":path=/;a=1;b=;a=2;");
  EXPECT_EQ(fields.size(), 4u);
  EXPECT_EQ(fields.Find("a"), "1");
  EXPECT_TRUE(fields.Has("b"));
  EXPECT_EQ(fields.Find("b"), "");
  EXPECT_FALSE(fields.Has("c"));
  EXPECT_EQ(fields.Find("c"), "");
}

TEST(Fields, CostAsHttp2Counts) {
  Fields fields;
  EXPECT_EQ(fields.cost(), 0u);
  fields.Add("name", "value");
  EXPECT_EQ(fields.cost(), 9 + Fields::kOverhead);
}

TEST(Fields, AreValues) {
  Fields one{{"a", "1"}};
  Fields other = one;
  other.Append(one);
  EXPECT_EQ(one.size(), 1u);
  EXPECT_EQ(other.size(), 2u);
  other.Clear();
  EXPECT_TRUE(other.empty());
  EXPECT_EQ(one.Find("a"), "1");
}

}  // namespace
}  // namespace aiges
