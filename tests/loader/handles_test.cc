// SPDX-License-Identifier: Apache-2.0
#include "loader/scheduler/handles.h"

#include <gtest/gtest.h>

#include <string>

namespace aiges {
namespace {

TEST(Handles, AHandleIsOfOneSessionAtATime) {
  Handles handles;
  EXPECT_TRUE(handles.Add("h", 1));
  EXPECT_FALSE(handles.Add("h", 2));
  EXPECT_EQ(handles.Find("h"), 1u);
  handles.Release("h", true);
  EXPECT_EQ(handles.Find("h"), std::nullopt);
  EXPECT_TRUE(handles.WasReleased("h"));
  EXPECT_TRUE(handles.Add("h", 3));
  EXPECT_EQ(handles.Find("h"), 3u);
  EXPECT_EQ(handles.live(), 1u);
}

TEST(Handles, OneThatIsNotRememberedIsUnknown) {
  Handles handles;
  handles.Add("h", 1);
  handles.Release("h", false);
  EXPECT_FALSE(handles.WasReleased("h"));
  handles.Release("never known", true);
  EXPECT_FALSE(handles.WasReleased("never known"));
}

TEST(Handles, TheLastThousandAreRemembered) {
  Handles handles;
  const auto use = [&](const std::string& handle) {
    handles.Add(handle, 1);
    handles.Release(handle, true);
  };
  use("again");
  for (size_t i = 0; i < Handles::kRemembered - 1; ++i) use("h" + std::to_string(i));
  EXPECT_TRUE(handles.WasReleased("again"));
  use("again");  // Its first time is forgotten with that, its second is not.
  use("one more");
  EXPECT_TRUE(handles.WasReleased("again"));
  EXPECT_FALSE(handles.WasReleased("h0"));
  EXPECT_TRUE(handles.WasReleased("h1"));
}

}  // namespace
}  // namespace aiges
