// SPDX-License-Identifier: Apache-2.0
// Async generators, on one event loop (tests/wrapper/async).
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/wrapper/host.h"

// The interpreter ends with the process and frees little: LeakSanitizer has nothing to say here.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

namespace aiges::test {
namespace {

class ShimAsync : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shim = new Shim(AIGES_TESTS_DIR "/wrapper/async");
    Host::Get().Use(shim);
    shim->set_ctrl(CTCallState, reinterpret_cast<void*>(&Host::OnCallState));
    ASSERT_EQ(shim->init(Params(Pairs{}).head()), 0) << shim->error(30001);
  }
  static void TearDownTestSuite() { EXPECT_EQ(shim->fini(), 0); }
  static Shim* shim;
};
Shim* ShimAsync::shim = nullptr;

using Strings = std::vector<std::string>;

void SetTry(const Shim& shim, wrapperCallback function) {
  shim.set_ctrl(CTTryCallback, reinterpret_cast<void*>(function));
}

std::string Ended(const Shim& shim) {
  const std::string tag = "ended";
  const Pairs params = {{"what", "ended"}};
  static int number = 0;
  const std::string own = tag + std::to_string(number++);
  EXPECT_EQ(shim.exec_async(own.c_str(), Params(params).head(), Payloads({}).head(),
                            &Host::OnResult, 0, nullptr, 0),
            0);
  return Host::Get().WaitEnd(own).items[0].data;
}
void WaitEnded(const Shim& shim, const std::string& tag) {
  for (int i = 0; i < 2000 && Ended(shim).find(tag) == std::string::npos; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_NE(Ended(shim).find(tag), std::string::npos) << tag;
}

TEST_F(ShimAsync, CallsBackAndTakesOnceCallsAsynchronously) {
  EXPECT_EQ(shim->traits(), unsigned{WTraitSessions | WTraitCallback | WTraitAsyncOnce});
}

TEST_F(ShimAsync, EveryYieldIsACallbackWithItsOwnContext) {
  Session hurried(*shim, "hurried", {{"n", "2"}, {"pause", "0.01"}});
  Session cancelled(*shim, "cancelled", {{"n", "2"}, {"pause", "0.01"}});
  hurried.Write("a");
  cancelled.Write("a");
  Host::Told told = Host::Get().WaitEnd("hurried");
  EXPECT_EQ(Texts(told.items), (Strings{"0 hurried 1500.0 False", "1 hurried 1500.0 False", ""}));
  EXPECT_EQ(StatusesOf(told.items), (std::vector<int>{0, 1, 2}));
  told = Host::Get().WaitEnd("cancelled");
  EXPECT_EQ(Texts(told.items), (Strings{"0 cancelled None True", "1 cancelled None True", ""}));
}

TEST_F(ShimAsync, OnceCallIsOneCallbackWithEverything) {
  ASSERT_EQ(shim->exec_async("once", Params(Pairs{}).head(), Payloads({}).head(), &Host::OnResult,
                             0, nullptr, 0),
            0);
  const Host::Told told = Host::Get().WaitEnd("once");
  EXPECT_EQ(told.calls, 1);
  EXPECT_EQ(told.items.size(), 3u);
  EXPECT_EQ(StatusesOf(told.items), (std::vector<int>{3, 3, 3}));
}

TEST_F(ShimAsync, ExceptionIsTheSessionsError) {
  Session session(*shim, "bad", {{"bad", "1"}});
  session.Write("a");
  const Host::Told told = Host::Get().WaitEnd("bad");
  EXPECT_EQ(told.items.size(), 1u);
  ASSERT_EQ(told.errors.size(), 1u);
  EXPECT_EQ(told.errors[0].second.rfind("wrapperOnceExec raised ValueError: bad token", 0), 0u);
}

TEST_F(ShimAsync, DestroyClosesIt) {
  {
    Session session(*shim, "closed", {{"n", "1000000"}, {"pause", "0.001"}});
    session.Write("a");
    Host::Get().Wait("closed", [](const Host::Told& told) { return told.items.size() > 3; });
  }
  WaitEnded(*shim, "closed");
}

// More stalled clients than there are threads to wait for them. Then a quick one, with and without
// a host that can say "no room".
TEST_F(ShimAsync, NoNumberOfSlowClientsStopsAQuickOneAndNothingIsLost) {
  for (const wrapperCallback function : {&Host::OnTryResult, wrapperCallback{nullptr}}) {
    SetTry(*shim, function);
    const std::string kind = function == nullptr ? "waits-" : "tries-";
    const int count = function == nullptr ? 40 : 150;
    std::vector<std::unique_ptr<Session>> sessions;
    for (int i = 0; i < count; ++i) {
      const std::string tag = kind + std::to_string(i);
      Host::Get().SetRoom(tag, 0);
      sessions.push_back(std::make_unique<Session>(*shim, tag, Pairs{{"n", "5"}}));
      sessions.back()->Write("a");
    }
    Session quick(*shim, kind + "quick", {{"n", "200"}});
    quick.Write("a");
    EXPECT_EQ(Host::Get().WaitEnd(kind + "quick").items.size(), 201u);
    for (int i = 0; i < count; ++i) {
      const std::string tag = kind + std::to_string(i);
      EXPECT_EQ(Host::Get().Now(tag).calls, 0);
      Host::Get().SetRoom(tag, 1 << 20);
    }
    for (int i = 0; i < count; ++i) {
      const Host::Told told = Host::Get().WaitEnd(kind + std::to_string(i));
      EXPECT_EQ(told.items.size(), 6u);
      EXPECT_EQ(StatusesOf(told.items), (std::vector<int>{0, 1, 1, 1, 1, 2})) << "begin is kept";
    }
  }
  SetTry(*shim, nullptr);
}

}  // namespace
}  // namespace aiges::test
