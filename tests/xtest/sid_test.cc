// SPDX-License-Identifier: Apache-2.0
#include "xtest/sid.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace aiges {
namespace {

TEST(Sid, HasTheLayoutOfTheOldClients) {
  SidSource source("ase", 0xBEEF);
  std::string sid;
  source.Make(0x18C0FFEE123, &sid);
  EXPECT_EQ(sid, "asebeef0000@hu18c0ffee1230001500");
  EXPECT_EQ(sid.size(), 32);
  source.Make(0x18C0FFEE123, &sid);
  EXPECT_EQ(sid, "asebeef0001@hu18c0ffee1230001500");
}

TEST(Sid, IsNeverTheSameTwice) {
  SidSource a("ase", 1), b("ase", 2);
  std::set<std::string> seen;
  std::string sid;
  for (int i = 0; i < 60'000; ++i) {
    a.Make(5, &sid);
    EXPECT_TRUE(seen.insert(sid).second);
    b.Make(5, &sid);
    EXPECT_TRUE(seen.insert(sid).second);
  }
}

TEST(Sid, SubIsCutOrFilledToThree) {
  std::string sid;
  SidSource("asterisk", 0).Make(0, &sid);
  EXPECT_EQ(sid.substr(0, 7), "ast0000");
  SidSource("x", 0).Make(0, &sid);
  EXPECT_EQ(sid.substr(0, 7), "x000000");
  EXPECT_EQ(sid.size(), 32);
}

}  // namespace
}  // namespace aiges
