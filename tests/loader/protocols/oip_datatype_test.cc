// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "loader/protocols/oip/datatype.h"

namespace aiges::oip {
namespace {

TEST(OipDatatype, NamesAreThoseOfTheProtocol) {
  for (const char* name : {"BOOL", "UINT8", "INT64", "FP16", "FP32", "BYTES", "BF16"}) {
    ASSERT_TRUE(DatatypeOf(name)) << name;
    EXPECT_STREQ(NameOf(*DatatypeOf(name)), name);
  }
  EXPECT_FALSE(DatatypeOf("fp32"));
  EXPECT_FALSE(DatatypeOf(""));
  EXPECT_STREQ(ConfigNameOf(Datatype::kBytes), "TYPE_STRING");
}

TEST(OipDatatype, CountIsTheProductAndNeverOverflows) {
  EXPECT_EQ(CountOf({}), 1U);
  EXPECT_EQ(CountOf({2, 3}), 6U);
  EXPECT_EQ(CountOf({0, std::numeric_limits<int64_t>::max(), 9}), 0U);
  EXPECT_FALSE(CountOf({-1, 2}));
  EXPECT_FALSE(CountOf({std::numeric_limits<int64_t>::max(), 2}));
  EXPECT_FALSE(CountOf({int64_t{1} << 32, int64_t{1} << 32}));
}

TEST(OipDatatype, ShapesOfEnginesAreNumbersWithCommas) {
  EXPECT_EQ(ReadShape("1,64"), (Shape{1, 64}));
  EXPECT_EQ(ReadShape(""), Shape{});
  EXPECT_EQ(WriteShape({1, 64}), "1,64");
  EXPECT_EQ(ShapeText({-1, 16}), "[-1,16]");
  for (const char* wrong : {"1,", ",1", "a", "1,,2", "-1", " 1", "99999999999999999999"}) {
    EXPECT_FALSE(ReadShape(wrong)) << wrong;
  }
}

TEST(OipDatatype, ElementsOfBytesHaveTheirLength) {
  std::string data;
  AppendElement(&data, "ab");
  AppendElement(&data, "");
  EXPECT_EQ(data, std::string("\2\0\0\0ab\0\0\0\0", 10));
  EXPECT_TRUE(AreElements(data, 2));
  EXPECT_FALSE(AreElements(data, 1));
  EXPECT_FALSE(AreElements(data, 3));
  EXPECT_FALSE(AreElements(data.substr(0, 5), 1));
  EXPECT_TRUE(AreElements("", 0));
}

TEST(OipDatatype, HalvesGoThereAndBack) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float value = FloatOfHalf(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(FloatOfHalf(HalfOfFloat(value))));
    } else {
      ASSERT_EQ(HalfOfFloat(value), half) << value;
    }
  }
  EXPECT_EQ(FloatOfHalf(0x3c00), 1.0F);
  EXPECT_EQ(HalfOfFloat(65504.0F), 0x7bff);
  EXPECT_EQ(HalfOfFloat(65520.0F), 0x7c00);
  EXPECT_EQ(HalfOfFloat(1e-10F), 0);
  EXPECT_EQ(HalfOfFloat(1.0F + 0x1p-11F), 0x3c00) << "halfway goes to the even one";
}

TEST(OipDatatype, Bf16IsRoundedToTheNearest) {
  EXPECT_EQ(FloatOfBf16(0x3f80), 1.0F);
  EXPECT_EQ(Bf16OfFloat(1.0F), 0x3f80);
  EXPECT_EQ(Bf16OfFloat(1.0F + 0x1p-8F), 0x3f80);
  EXPECT_EQ(Bf16OfFloat(1.0F + 0x1p-8F + 0x1p-20F), 0x3f81);
  EXPECT_TRUE(std::isnan(FloatOfBf16(Bf16OfFloat(std::nanf("")))));
}

}  // namespace
}  // namespace aiges::oip
