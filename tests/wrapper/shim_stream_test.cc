// SPDX-License-Identifier: Apache-2.0
// wrapperStream with its input as an iterator (tests/wrapper/stream).
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tests/wrapper/host.h"

// The interpreter ends with the process and frees little: LeakSanitizer has nothing to say here.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

namespace aiges::test {
namespace {

class ShimStream : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shim = new Shim(AIGES_TESTS_DIR "/wrapper/stream");
    Host::Get().Use(shim);
    shim->set_ctrl(CTCallState, reinterpret_cast<void*>(&Host::OnCallState));
    ASSERT_EQ(shim->init(Params(Pairs{}).head()), 0) << shim->error(30001);
  }
  static void TearDownTestSuite() { EXPECT_EQ(shim->fini(), 0); }
  static Shim* shim;
};
Shim* ShimStream::shim = nullptr;

using Strings = std::vector<std::string>;

TEST_F(ShimStream, CallsBackAndTakesOnceCallsAsynchronously) {
  EXPECT_EQ(shim->traits(), unsigned{WTraitSessions | WTraitCallback | WTraitAsyncOnce});
}

TEST_F(ShimStream, AnswersPiecesAsTheyComeUntilEveryInputHasEnded) {
  Session session(*shim, "s1", {}, &Host::OnResult, {7});
  ASSERT_EQ(session.Write("one", DataBegin, "a"), 0);
  Host::Get().Wait("s1", [](const Host::Told& told) { return told.items.size() == 1; });
  session.Write("two", DataOnce, "b");
  session.Write("three", DataEnd, "a");
  const Host::Told told = Host::Get().WaitEnd("s1");
  EXPECT_EQ(Texts(told.items), (Strings{"ONE", "TWO", "THREE", "3 of s1 with 7", ""}));
  EXPECT_EQ(StatusesOf(told.items), (std::vector<int>{0, 1, 1, 1, 2}));
}

TEST_F(ShimStream, DestroyEndsItsInput) {
  Session session(*shim, "s2", {});
  session.Write("one", DataBegin);
  Host::Get().Wait("s2", [](const Host::Told& told) { return told.items.size() == 1; });
  session.Destroy();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(Host::Get().Now("s2").calls, 1) << "nothing after Destroy";
}

TEST_F(ShimStream, ErrorNamesTheHook) {
  const Session session(*shim, "s3", {{"bad", "1"}});
  const Host::Told told = Host::Get().WaitEnd("s3");
  ASSERT_EQ(told.errors.size(), 1u);
  EXPECT_EQ(told.errors[0].second.rfind("wrapperStream raised ValueError: bad stream", 0), 0u)
      << told.errors[0].second;
}

TEST_F(ShimStream, OnceCallIsAStreamOfOnePiece) {
  const std::vector<Item> items{{"k", "x", DataText, DataOnce, {}}};
  ASSERT_EQ(shim->exec_async("s4", Params(Pairs{}).head(), Payloads(items).head(), &Host::OnResult,
                             0, nullptr, 0),
            0);
  const Host::Told told = Host::Get().WaitEnd("s4");
  EXPECT_EQ(Texts(told.items), (Strings{"X", "1 of s4 with 0"}));
  EXPECT_EQ(StatusesOf(told.items), (std::vector<int>{3, 3}));
}

}  // namespace
}  // namespace aiges::test
