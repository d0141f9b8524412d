// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/handle.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace aiges {
namespace {

TEST(HandleMaker, HandleCarriesTheAddressThatClientsReadOutOfIt) {
  HandleMaker maker("10.1.2.255", 5090);
  const std::string handle = maker.Make();
  ASSERT_EQ(handle.size(), 26u);
  EXPECT_EQ(handle.substr(0, 13), "00a0102ff13e2");
  EXPECT_TRUE(std::all_of(handle.begin(), handle.end(), [](unsigned char c) {
    return std::isxdigit(c) != 0 && std::isupper(c) == 0;
  }));
  EXPECT_EQ(maker.address(), "10.1.2.255:5090");
}

TEST(HandleMaker, HandlesDiffer) {
  HandleMaker maker("127.0.0.1", 1);
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(maker.Make());
  EXPECT_EQ(seen.size(), 1000u);
}

// A counter and the seconds since the start were there: who had one handle knew the others.
TEST(HandleMaker, NothingOfAHandleFollowsFromTheOneBefore) {
  HandleMaker maker("127.0.0.1", 1);
  std::vector<std::set<char>> digits(13);
  for (int i = 0; i < 300; ++i) {
    const std::string handle = maker.Make();
    for (size_t at = 0; at < 13; ++at) digits[at].insert(handle[13 + at]);
  }
  // Each place takes every value; that one is missing happens once in 10^7 runs.
  for (const std::set<char>& seen : digits) EXPECT_EQ(seen.size(), 16u);
}

TEST(HandleMaker, EveryInterfaceBecomesAnAddressThatCanBeReached) {
  for (const char* host : {"", "0.0.0.0", "localhost", "no address"}) {
    const std::string address = HandleMaker(host, 80).address();
    EXPECT_TRUE(std::regex_match(address, std::regex(R"(\d+\.\d+\.\d+\.\d+:80)"))) << address;
    EXPECT_NE(address, "0.0.0.0:80");
  }
  EXPECT_EQ(HandleMaker("localhost", 80).address(), "127.0.0.1:80");
}

TEST(RandomUuid, IsAVersionFourUuidAndNeverTheSame) {
  const std::regex form("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    const std::string uuid = RandomUuid();
    EXPECT_TRUE(std::regex_match(uuid, form)) << uuid;
    seen.insert(uuid);
  }
  EXPECT_EQ(seen.size(), 200u);
}

}  // namespace
}  // namespace aiges
