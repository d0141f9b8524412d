// SPDX-License-Identifier: Apache-2.0
// Sessions of a WrapperBase that are read (tests/wrapper/v2_read).
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/wrapper/host.h"

// The interpreter ends with the process and frees little: LeakSanitizer has nothing to say here.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

namespace aiges::test {
namespace {

class ShimV2Read : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shim = new Shim(AIGES_TESTS_DIR "/wrapper/v2_read");
    Host::Get().Use(shim);
    shim->set_ctrl(CTCallState, reinterpret_cast<void*>(&Host::OnCallState));
    ASSERT_EQ(shim->init(Params(Pairs{}).head()), 0) << shim->error(30001);
  }
  static void TearDownTestSuite() { EXPECT_EQ(shim->fini(), 0); }
  static Shim* shim;
};
Shim* ShimV2Read::shim = nullptr;

TEST_F(ShimV2Read, IsReadBecauseTheUserWroteWrapperRead) {
  EXPECT_EQ(shim->traits(), unsigned{WTraitSessions | WTraitReadOrCallback})
      << "defaults of WrapperBase do not count";
}

TEST_F(ShimV2Read, ItemsKeepTheirStatusAndCallbackIsRefused) {
  Session session(*shim, "t1", {{"sid", "the-sid"}}, nullptr);
  ASSERT_EQ(session.Write("one", DataBegin), 0);
  ASSERT_EQ(session.Write("two", DataEnd), 0);
  std::vector<Item> items;
  ASSERT_EQ(session.Read(&items), 0) << session.text();
  EXPECT_EQ(Texts(items), (std::vector<std::string>{"ONE the-sid -1", "TWO the-sid -1"}));
  EXPECT_EQ(StatusesOf(items), (std::vector<int>{DataBegin, DataEnd}));
  EXPECT_EQ(session.Read(&items), 0);
  EXPECT_TRUE(items.empty());
}

}  // namespace
}  // namespace aiges::test
