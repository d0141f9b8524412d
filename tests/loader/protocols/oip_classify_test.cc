// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "loader/protocols/oip/classify.h"

namespace aiges::oip {
namespace {

template <class T>
Tensor Of(Datatype type, Shape shape, const std::vector<T>& values) {
  Tensor t;
  t.name = "OUT";
  t.datatype = type;
  t.shape = std::move(shape);
  std::string data(values.size() * sizeof(T), '\0');
  std::memcpy(data.data(), values.data(), data.size());
  t.data = Bytes::Own(data);
  return t;
}

std::vector<std::string> TextsOf(const Tensor& tensor) {
  std::vector<std::string> texts;
  std::string_view rest = tensor.data.view();
  while (const auto element = TakeElement(&rest)) texts.emplace_back(*element);
  return texts;
}

TEST(OipClassify, LargestComeFirstWithTheirLabels) {
  Tensor t = Of<float>(Datatype::kFp32, {3}, {0.5F, 10.0F, 2.0F});
  ASSERT_TRUE(Classify(2, false, {"a", "b"}, &t).ok());
  EXPECT_EQ(t.datatype, Datatype::kBytes);
  EXPECT_EQ(t.shape, Shape{2});
  EXPECT_EQ(TextsOf(t), (std::vector<std::string>{"10.000000:1:b", "2.000000:2"}));
}

TEST(OipClassify, EachRowOfABatchByItself) {
  Tensor t = Of<int32_t>(Datatype::kInt32, {2, 2}, {1, 2, 7, -7});
  ASSERT_TRUE(Classify(9, true, {}, &t).ok());
  EXPECT_EQ(t.shape, (Shape{2, 2}));
  EXPECT_EQ(TextsOf(t), (std::vector<std::string>{"2:1", "1:0", "7:0", "-7:1"}));
}

TEST(OipClassify, WhatIsNoNumberComesLast) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Tensor t = Of<float>(Datatype::kFp32, {4}, {nan, 1.0F, nan, 1.0F});
  ASSERT_TRUE(Classify(4, false, {}, &t).ok());
  EXPECT_EQ(TextsOf(t)[0], "1.000000:1");
  EXPECT_EQ(TextsOf(t)[1], "1.000000:3");
}

TEST(OipClassify, OtherTypesAndEmptyOutputs) {
  Tensor half = Of<uint16_t>(Datatype::kFp16, {1}, {0});
  EXPECT_EQ(Classify(1, false, {}, &half).kind, StatusKind::kInvalid);
  Tensor none = Of<float>(Datatype::kFp32, {0, 3}, {});
  ASSERT_TRUE(Classify(1, true, {}, &none).ok());
  EXPECT_EQ(none.shape, (Shape{0, 0}));
}

}  // namespace
}  // namespace aiges::oip
