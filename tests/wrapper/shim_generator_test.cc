// SPDX-License-Identifier: Apache-2.0
// A plain generator: stepped, driven by a thread, or run to its end (tests/wrapper/generator).
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/wrapper/host.h"

// The interpreter ends with the process and frees little: LeakSanitizer has nothing to say here.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

namespace aiges::test {
namespace {

class ShimGenerator : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shim = new Shim(AIGES_TESTS_DIR "/wrapper/generator");
    Host::Get().Use(shim);
    shim->set_ctrl(CTCallState, reinterpret_cast<void*>(&Host::OnCallState));
    ASSERT_EQ(shim->init(Params(Pairs{}).head()), 0) << shim->error(30001);
  }
  // With a generator at work, which is stopped; one that does not stop is not waited for long.
  static void TearDownTestSuite() {
    auto* const open = new Session(*shim, "open", {{"n", "1000000000"}, {"pause", "0.001"}});
    open->Write("a");
    Host::Get().Wait("open", [](const Host::Told& told) { return told.items.size() > 3; });
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(shim->fini(), 0);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(3));
    const int calls = Host::Get().Now("open").calls;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_EQ(Host::Get().Now("open").calls, calls) << "stopped";
    delete open;
  }
  static Shim* shim;
};
Shim* ShimGenerator::shim = nullptr;

using Strings = std::vector<std::string>;

// The tags whose generator has run its finally clause.
std::string Ended(const Shim& shim) {
  return shim.Exec({{"what", "ended"}}, {{"k", "", DataText, DataOnce, {}}}).items[0].data;
}
void WaitEnded(const Shim& shim, const std::string& tag) {
  for (int i = 0; i < 2000 && Ended(shim).find(tag) == std::string::npos; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_NE(Ended(shim).find(tag), std::string::npos) << tag;
}

TEST_F(ShimGenerator, IsSteppedByTheWorker) {
  EXPECT_EQ(shim->traits(), unsigned{WTraitSessions});
  Session session(*shim, "steps", {}, nullptr);
  ASSERT_EQ(session.Write("a", DataBegin), 0);
  ASSERT_EQ(session.Write("b"), 0);
  std::vector<Item> all, items;
  for (int i = 0; i < 4; ++i) {
    ASSERT_EQ(session.Read(&items), 0) << session.text();
    ASSERT_EQ(items.size(), 1u);
    all.push_back(items[0]);
  }
  EXPECT_EQ(Texts(all), (Strings{"ab0", "ab1", "ab2", ""}));
  EXPECT_EQ(StatusesOf(all), (std::vector<int>{0, 1, 1, 2}));
  EXPECT_EQ(all[3].key, "out");
  EXPECT_EQ(session.Read(&items), 0);
  EXPECT_TRUE(items.empty()) << "one end, not more";
}

TEST_F(ShimGenerator, IsDrivenByAThreadOfItsOwnWhereTheHostGivesACallback) {
  Session session(*shim, "driven", {});
  session.Write("a");
  const Host::Told told = Host::Get().WaitEnd("driven");
  EXPECT_EQ(Texts(told.items), (Strings{"a0", "a1", "a2", ""}));
  EXPECT_EQ(StatusesOf(told.items), (std::vector<int>{0, 1, 1, 2}));
  EXPECT_EQ(told.calls, 4);
}

TEST_F(ShimGenerator, OnceCallGetsAllOfItAsOnce) {
  const Outcome out = shim->Exec({}, {{"k", "x", DataText, DataOnce, {}}});
  ASSERT_EQ(out.code, 0) << out.text;
  EXPECT_EQ(Texts(out.items), (Strings{"x0", "x1", "x2"}));
  EXPECT_EQ(StatusesOf(out.items), (std::vector<int>{3, 3, 3}));
}

TEST_F(ShimGenerator, ExceptionIsTheSessionsErrorAfterWhatCameBefore) {
  Session stepped(*shim, "e1", {{"bad", "1"}}, nullptr);
  stepped.Write("a");
  std::vector<Item> items;
  EXPECT_EQ(stepped.Read(&items), 0);
  EXPECT_EQ(stepped.Read(&items), 30003);
  EXPECT_EQ(stepped.text().rfind("wrapperOnceExec raised ValueError: bad token", 0), 0u);
  Session driven(*shim, "e2", {{"bad", "1"}});
  driven.Write("a");
  const Host::Told told = Host::Get().WaitEnd("e2");
  EXPECT_EQ(Texts(told.items), Strings{"a0"});
  ASSERT_EQ(told.errors.size(), 1u);
  EXPECT_EQ(told.errors[0].first, 30003);
  EXPECT_EQ(told.errors[0].second.rfind("wrapperOnceExec raised ValueError: bad token", 0), 0u);
}

TEST_F(ShimGenerator, YieldThatCannotBeSentIsNamed) {
  Session session(*shim, "odd", {{"odd", "0"}});
  session.Write("a");
  const Host::Told told = Host::Get().WaitEnd("odd");
  ASSERT_EQ(told.errors.size(), 1u);
  EXPECT_EQ(told.errors[0],
            (std::pair<int, std::string>{
                30005, "yielded item: [1]: expected a ResponseData, got int without key"}));
}

TEST_F(ShimGenerator, DestroyClosesItSoThatFinallyRuns) {
  {
    Session stepped(*shim, "c1", {{"n", "1000000"}}, nullptr);
    stepped.Write("a");
    std::vector<Item> items;
    stepped.Read(&items);
  }
  WaitEnded(*shim, "c1");
  {
    Session driven(*shim, "c2", {{"n", "1000000"}, {"pause", "0.001"}});
    driven.Write("a");
    Host::Get().Wait("c2", [](const Host::Told& told) { return told.items.size() > 3; });
  }
  WaitEnded(*shim, "c2");
}

TEST_F(ShimGenerator, ClientThatWantsNoMoreStopsItAtTheNextYield) {
  Session session(*shim, "refused", {{"n", "1000000"}});
  Host::Get().Refuse("refused");
  session.Write("a");
  WaitEnded(*shim, "refused");
  EXPECT_EQ(Host::Get().Now("refused").calls, 0);
}

TEST_F(ShimGenerator, ClientThatIsSlowMakesItWait) {
  Host::Get().SetRoom("slow", 2);
  Session session(*shim, "slow", {{"n", "100"}});
  session.Write("a");
  Host::Get().Wait("slow", [](const Host::Told& told) { return told.items.size() == 2; });
  EXPECT_EQ(shim->Exec({}, {{"k", "x", DataText, DataOnce, {}}}).code, 0) << "the GIL is free";
  EXPECT_EQ(Host::Get().Now("slow").items.size(), 2u);
  Host::Get().SetRoom("slow", 1 << 20);
  EXPECT_EQ(Host::Get().WaitEnd("slow").items.size(), 101u);
}

TEST_F(ShimGenerator, SessionThatEndsBeforeItBeginsIsQuiet) {
  for (int i = 0; i < 200; ++i) {
    const std::string tag = "short-" + std::to_string(i);
    Session session(*shim, tag, {});
    session.Write("a");
    session.Destroy();
    EXPECT_TRUE(Host::Get().Now(tag).errors.empty());
  }
}

}  // namespace
}  // namespace aiges::test
