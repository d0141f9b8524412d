// SPDX-License-Identifier: Apache-2.0
#include "loader/routes/port_rules.h"

#include <gtest/gtest.h>

namespace aiges {
namespace {

TlsSettings Tls(std::vector<std::string> plain) {
  TlsSettings tls;
  tls.cert = "cert.pem";
  tls.plain = std::move(plain);
  return tls;
}

TEST(PortRules, WithoutACertificateAllIsPlain) {
  const PortRules rules = RulesOf({}, {"", 1888, {}}, false);
  EXPECT_FALSE(rules.tls);
  EXPECT_TRUE(rules.plain);
}

TEST(PortRules, WithOneAPortIsPlainOnlyWhereItIsListed) {
  for (const auto& [item, plain] :
       {std::pair{"1888", true}, std::pair{"888", false}, std::pair{"18880", false},
        std::pair{"127.0.0.1:1888", true}, std::pair{"127.0.0.2:1888", false},
        std::pair{":1888", false}, std::pair{"unix:/1888", false}}) {
    const PortRules rules = RulesOf(Tls({"9", item}), {"127.0.0.1", 1888, {}}, false);
    EXPECT_TRUE(rules.tls);
    EXPECT_EQ(rules.plain, plain) << item;
  }
  EXPECT_TRUE(RulesOf(Tls({":80"}), {"", 80, {}}, false).plain);
  EXPECT_TRUE(RulesOf(Tls({"0.0.0.0:80"}), {"", 80, {}}, false).plain);
  EXPECT_TRUE(RulesOf(Tls({"[::1]:80"}), {"::1", 80, {}}, false).plain);
  EXPECT_TRUE(RulesOf(Tls({"unix:/a"}), {"", 0, "/a"}, false).plain);
  EXPECT_FALSE(RulesOf(Tls({"0"}), {"", 0, "/a"}, false).plain);
}

TEST(PortRules, AdminIsPlain) {
  const PortRules rules = RulesOf(Tls({}), {"127.0.0.1", 9000, {}}, true);
  EXPECT_FALSE(rules.tls);
  EXPECT_TRUE(rules.plain);
}

}  // namespace
}  // namespace aiges
