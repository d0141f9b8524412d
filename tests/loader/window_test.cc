#include "loader/instances/window.h"

#include <gtest/gtest.h>

namespace aiges {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

TEST(CreditWindow, BeforeAnythingIsKnownItIsOneCallAThread) {
  EXPECT_EQ(CreditWindow(1).size(), 1u);
  EXPECT_EQ(CreditWindow(4).size(), 4u);
}

TEST(CreditWindow, SlowEngineHoldsOnlyTheCallItRuns) {
  CreditWindow window(1);
  window.Observe(milliseconds(100));
  EXPECT_EQ(window.size(), 1u);
}

TEST(CreditWindow, FastEngineGetsAboutTwoHundredMicrosecondsOfWork) {
  CreditWindow window(1);
  window.Observe(microseconds(10));
  EXPECT_EQ(window.size(), 20u);
}

TEST(CreditWindow, HasAnUpperBoundPerThread) {
  for (const nanoseconds engine : {nanoseconds(-5), nanoseconds(0), nanoseconds(1)}) {
    CreditWindow window(2);
    window.Observe(engine);
    EXPECT_EQ(window.size(), 2 * CreditWindow::kMost);
  }
}

TEST(CreditWindow, ClosesAtOnceWhenTheEngineGetsSlower) {
  CreditWindow window(1);
  for (int i = 0; i < 1000; ++i) window.Observe(microseconds(1));
  EXPECT_GT(window.size(), 100u);
  window.Observe(milliseconds(10));
  EXPECT_EQ(window.size(), 1u);
}

TEST(CreditWindow, OpensSlowlyWhenTheEngineGetsFaster) {
  CreditWindow window(1);
  window.Observe(milliseconds(10));
  window.Observe(microseconds(1));
  EXPECT_EQ(window.size(), 1u);
  for (int i = 0; i < 1000; ++i) window.Observe(microseconds(1));
  EXPECT_GT(window.size(), 100u);
}

}  // namespace
}  // namespace aiges
