// SPDX-License-Identifier: Apache-2.0
#include "loader/routes/route_table.h"

#include <gtest/gtest.h>

#include <random>

namespace aiges {
namespace {

class Named final : public RouteOwner {
 public:
  explicit Named(std::string name) : RouteOwner(std::move(name), Need::kCall) {}
  void Refuse(Exchange*, const Status&) override {}
  std::unique_ptr<Responder> Begin(std::shared_ptr<Exchange>) override { return nullptr; }
};

class RouteTableTest : public testing::Test {
 protected:
  std::shared_ptr<RouteOwner> Claim(const std::string& pattern, Hold hold = Hold::kFirm) {
    auto owner = std::make_shared<Named>(pattern);
    const Status status = table_.Claim({{pattern, hold}}, owner);
    EXPECT_TRUE(status.ok()) << status.text;
    return owner;
  }
  std::string Refused(const std::string& pattern) {
    return table_.Claim({{pattern, Hold::kFirm}}, std::make_shared<Named>("b")).text;
  }
  std::string Find(std::string_view path) {
    const RouteOwner* owner = table_.Find(path);
    return owner == nullptr ? "" : owner->name();
  }

  RouteTable table_;
};

TEST_F(RouteTableTest, TheNarrowestPatternHasThePath) {
  for (const char* pattern : {"/{all..}", "/v1/{rest..}", "/v1/json/{model}", "/v1/json/svc",
                              "/{version}/private/{id..}", "/"}) {
    Claim(pattern);
  }
  EXPECT_EQ(Find("/v1/json/svc"), "/v1/json/svc");
  EXPECT_EQ(Find("/v1/json/other"), "/v1/json/{model}");
  EXPECT_EQ(Find("/v1/json/other/more"), "/v1/{rest..}");
  EXPECT_EQ(Find("/v1/json/"), "/v1/{rest..}");  // A variable segment is not empty.
  EXPECT_EQ(Find("/v1/json"), "/v1/{rest..}");
  EXPECT_EQ(Find("/v1/"), "/v1/{rest..}");
  EXPECT_EQ(Find("/v1"), "/{all..}");
  EXPECT_EQ(Find("/v2/private/x/y"), "/{version}/private/{id..}");
  EXPECT_EQ(Find("/v1/private/x"), "/v1/{rest..}");  // The longer literal prefix.
  EXPECT_EQ(Find("/"), "/");
  EXPECT_EQ(Find("//"), "/{all..}");
  EXPECT_EQ(Find(""), "");
  EXPECT_EQ(Find("*"), "");
}

TEST_F(RouteTableTest, AWiderPatternTakesWhatANarrowerOneBeganWith) {
  Claim("/a/{x}/c");
  Claim("/{x}/b/d");
  EXPECT_EQ(Find("/a/b/c"), "/a/{x}/c");
  EXPECT_EQ(Find("/a/b/d"), "/{x}/b/d");
  EXPECT_EQ(Find("/a/b/e"), "");
  EXPECT_EQ(Find("/a"), "");
}

TEST_F(RouteTableTest, WhatLiesUnderTheDashIsForThoseWhoSaySo) {
  Claim("/{all..}");
  Claim("/{a}/{b}");
  Claim("/-/status", Hold::kOwn);
  EXPECT_EQ(Find("/-/status"), "/-/status");
  EXPECT_EQ(Find("/-/other"), "");
  EXPECT_EQ(Find("/-/"), "");
  EXPECT_EQ(Find("/-"), "/{all..}");
  EXPECT_EQ(Find("/x/-/status"), "/{all..}");
  EXPECT_EQ(Refused("/-/x"), "route /-/x: claimed by b, but /-/ is the loader's own");
  EXPECT_FALSE(table_.Claim({{"/x", Hold::kOwn}}, std::make_shared<Named>("b")).ok());
}

TEST_F(RouteTableTest, ASecondClaimNamesBoth) {
  table_.Claim({{"/v1/json/{model}", Hold::kFirm}}, std::make_shared<Named>("a")).ok();
  EXPECT_EQ(Refused("/v1/json/{m}"), "route /v1/json/{m}: claimed by b, but a has it");
  EXPECT_EQ(Find("/v1/json/x"), "a");
  EXPECT_EQ(Refused("/v1/json/{m..}"), "");  // Another pattern.
}

TEST_F(RouteTableTest, AllPatternsOfAClaimOrNone) {
  Claim("/taken");
  const auto owner = std::make_shared<Named>("b");
  EXPECT_FALSE(table_.Claim({{"/free/{x}", Hold::kFirm}, {"/taken", Hold::kFirm}}, owner).ok());
  EXPECT_EQ(Find("/free/1"), "");
  EXPECT_EQ(owner.use_count(), 1);
  EXPECT_EQ(Find("/taken"), "/taken");
}

TEST_F(RouteTableTest, AFirmClaimIsBeforeOneThatYieldsAndGivesItBack) {
  Claim("/docs", Hold::kYields);
  const auto app = std::make_shared<Named>("app");
  ASSERT_TRUE(table_.Claim({{"/docs", Hold::kFirm}, {"/{all..}", Hold::kFirm}}, app).ok());
  EXPECT_EQ(Find("/docs"), "app");
  EXPECT_EQ(Find("/x"), "app");
  table_.Release(app.get());
  EXPECT_EQ(Find("/docs"), "/docs");
  EXPECT_EQ(Find("/x"), "");
  EXPECT_EQ(app.use_count(), 1);
  table_.Release(app.get());
}

TEST_F(RouteTableTest, AClaimThatYieldsGivesWayToAnyThatFits) {
  Claim("/docs", Hold::kYields);
  Claim("/healthz");
  const auto app = Claim("/{all..}");
  EXPECT_EQ(Find("/docs"), "/{all..}");
  EXPECT_EQ(Find("/healthz"), "/healthz");
  table_.Release(app.get());
  EXPECT_EQ(Find("/docs"), "/docs");
}

TEST_F(RouteTableTest, WhatIsNoPatternIsRefused) {
  for (const char* pattern :
       {"", "a", "/{", "/{}", "/{..}", "/a{x}", "/{x}b", "/{x..}/a", "/{{x}}", "/}"}) {
    EXPECT_NE(Refused(pattern), "") << pattern;
  }
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "/a";
  EXPECT_NE(Refused(deep), "");
  EXPECT_NE(Refused("/" + std::string(2000, 'a')), "");
}

// Every path is answered as by a search through all patterns.
TEST_F(RouteTableTest, AgreesWithASearchThroughAll) {
  std::mt19937 random(7);
  const auto pick = [&random](int n) {
    return static_cast<int>(random() % static_cast<unsigned>(n));
  };
  const char* const segments[] = {"a", "b", "{x}"};
  for (int round = 0; round < 200; ++round) {
    RouteTable table;
    std::vector<std::string> patterns;
    for (int i = 0; i < 12; ++i) {
      std::string pattern;
      const int depth = 1 + pick(3);
      for (int d = 0; d < depth; ++d) pattern += std::string("/") + segments[pick(3)];
      if (pick(3) == 0) pattern += "/{r..}";
      if (table.Claim({{pattern, Hold::kFirm}}, std::make_shared<Named>(pattern)).ok()) {
        patterns.push_back(pattern);
      }
    }
    for (int i = 0; i < 20; ++i) {
      std::string path;
      const int depth = 1 + pick(4);
      for (int d = 0; d < depth; ++d) path += std::string("/") + "ab"[pick(2)];
      // The order of the alphabet with '{' behind all letters: literal, variable, rest.
      std::string best;
      for (const std::string& p : patterns) {
        size_t at = 0, behind = 0;
        bool fits = true;
        while (fits && at < p.size()) {
          if (p.compare(at, 7, "/{r..}") == 0) {
            fits = behind < path.size();
            at = p.size();
            behind = path.size();
          } else if (behind >= path.size()) {
            fits = false;
          } else if (p.compare(at, 4, "/{x}") == 0) {
            at += 4;
            behind += 2;
          } else {
            fits = p.compare(at, 2, path, behind, 2) == 0;
            at += 2;
            behind += 2;
          }
        }
        if (!fits || behind != path.size()) continue;
        // "{x}" is before "{r..}", an end before both.
        std::string key = p, other = best;
        for (std::string* k : {&key, &other}) {
          for (size_t n; (n = k->find("{x}")) != std::string::npos;) k->replace(n, 3, "y");
          for (size_t n; (n = k->find("{r..}")) != std::string::npos;) k->replace(n, 5, "z");
        }
        if (best.empty() || key < other) best = p;
      }
      const RouteOwner* found = table.Find(path);
      EXPECT_EQ(found == nullptr ? "" : found->name(), best) << path;
    }
  }
}

TEST(RoutePath, IsDecodedAndWithoutQueryAndAuthority) {
  std::string room;
  EXPECT_EQ(RoutePath("/a/b?c=/d", &room), "/a/b");
  EXPECT_EQ(RoutePath("/%2D/status", &room), "/-/status");
  EXPECT_EQ(RoutePath("http://host:1/x?y", &room), "/x");
  EXPECT_EQ(RoutePath("http://host", &room), "/");
  EXPECT_EQ(RoutePath("", &room), "/");
}

}  // namespace
}  // namespace aiges
