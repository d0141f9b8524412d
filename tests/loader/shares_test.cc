// SPDX-License-Identifier: Apache-2.0
#include "loader/scheduler/shares.h"

#include <gtest/gtest.h>

#include "loader/scheduler/licences.h"
#include "tests/fakes/fake_clock.h"

namespace aiges {
namespace {

using std::chrono::milliseconds;

// Asks in turn until nobody gets one any more. Out: how many each has.
std::pair<unsigned, unsigned> Flood(Shares::Member* a, Shares::Member* b) {
  unsigned has_a = 0, has_b = 0;
  for (int i = 0; i < 200; ++i) {
    has_a += a->Take() ? 1 : 0;
    has_b += b->Take() ? 1 : 0;
  }
  return {has_a, has_b};
}

TEST(Shares, OneAloneHasAll) {
  FakeClock clock;
  Shares shares(100, &clock);
  Shares::Member a(&shares, 1), b(&shares, 9);
  unsigned has = 0;
  while (a.Take()) ++has;
  EXPECT_EQ(has, 100u);
}

TEST(Shares, TwoThatAskHaveTheirWeights) {
  FakeClock clock;
  Shares shares(100, &clock);
  Shares::Member a(&shares, 3), b(&shares, 1);
  (void)a.Take();
  (void)b.Take();
  a.Return();
  b.Return();
  EXPECT_EQ(Flood(&a, &b), std::pair(75u, 25u));
}

// Nothing is taken back, but what comes free goes to who has less than its share.
TEST(Shares, OneThatComesAgainGetsItsShareAsOthersEnd) {
  FakeClock clock;
  Shares shares(100, &clock);
  Shares::Member a(&shares, 1), b(&shares, 1);
  while (a.Take()) {
  }
  unsigned has_b = 0;
  EXPECT_FALSE(b.Take());
  for (int i = 0; i < 60; ++i) {
    a.Return();
    if (i < 50) {
      EXPECT_FALSE(a.Take());
    }
    has_b += b.Take() ? 1 : 0;
  }
  EXPECT_EQ(has_b, 50u) << "the other half is the other one's";
  EXPECT_FALSE(b.Take());
}

TEST(Shares, WhoHasNotAskedForLongHasNoClaim) {
  FakeClock clock;
  Shares shares(10, &clock);
  Shares::Member a(&shares, 1), b(&shares, 1);
  EXPECT_TRUE(b.Take());
  b.Return();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(a.Take());
  EXPECT_FALSE(a.Take()) << "b has just asked";
  clock.Advance(Shares::kActive + milliseconds(1));
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(a.Take());
  EXPECT_FALSE(a.Take());
}

TEST(Shares, AMemberThatGoesGivesBackWhatItHas) {
  FakeClock clock;
  Shares shares(4, &clock);
  Shares::Member a(&shares, 1);
  {
    Shares::Member b(&shares, 1);
    while (b.Take()) {
    }
    EXPECT_FALSE(a.Take());
  }
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(a.Take());
}

TEST(Shares, LicencesSayWhichOfTheTwoIsUsedUp) {
  FakeClock clock;
  Shares shares(2, &clock);
  Licences a(2, &shares, 1), b(2, &shares, 1);
  EXPECT_TRUE(a.Take());
  EXPECT_TRUE(b.Take());
  EXPECT_FALSE(a.Take());
  EXPECT_NE(a.Refusal().text.find("other models"), std::string::npos) << a.Refusal().text;
}

}  // namespace
}  // namespace aiges
