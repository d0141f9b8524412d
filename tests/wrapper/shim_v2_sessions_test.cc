// SPDX-License-Identifier: Apache-2.0
// Sessions and calls answered by callback (tests/wrapper/v2_sessions).
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/wrapper/host.h"

// The interpreter ends with the process and frees little: LeakSanitizer has nothing to say here.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

namespace aiges::test {
namespace {

class ShimV2Sessions : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shim = new Shim(AIGES_TESTS_DIR "/wrapper/v2_sessions");
    Host::Get().Use(shim);
    shim->set_ctrl(CTCallState, reinterpret_cast<void*>(&Host::OnCallState));
    ASSERT_EQ(shim->init(Params(Pairs{}).head()), 0) << shim->error(30001);
  }
  static void TearDownTestSuite() { EXPECT_EQ(shim->fini(), 0); }
  static Shim* shim;
};
Shim* ShimV2Sessions::shim = nullptr;

using Strings = std::vector<std::string>;

Outcome Ask(const Shim& shim, const std::string& what, const std::string& of = "") {
  return shim.Exec({{"what", what}, {"of", of}}, {{"k", "d", DataText, DataOnce, {}}});
}

TEST_F(ShimV2Sessions, CallBackBecauseNothingCanBeRead) {
  EXPECT_EQ(shim->traits(), unsigned{WTraitSessions | WTraitCallback | WTraitResources});
}

TEST_F(ShimV2Sessions, EveryNameOfASessionReachesIt) {
  for (const std::string name : {"tag", "sid", "handle"}) {
    const std::string tag = "by-" + name;
    Session session(*shim, tag, {{"name", name}, {"sid", "sid-of-" + tag}});
    ASSERT_EQ(session.Write("one", DataBegin), 0);
    Host::Get().Wait(tag, [](const Host::Told& told) { return told.items.size() == 1; });
    ASSERT_EQ(session.Write("two"), 0);
    const Host::Told told = Host::Get().WaitEnd(tag);
    EXPECT_EQ(Texts(told.items), (Strings{"ONE", "TWO"})) << name;
    EXPECT_EQ(StatusesOf(told.items), (std::vector<int>{DataBegin, DataEnd})) << name;
  }
}

TEST_F(ShimV2Sessions, CreateGetsPsrIdAndContext) {
  Session session(*shim, "about", {}, &Host::OnResult, {7, 8});
  session.Write("about");
  EXPECT_EQ(Texts(Host::Get().WaitEnd("about").items), Strings{"7 True"});
}

TEST_F(ShimV2Sessions, CallbackInsideCreateIsDelivered) {
  const Session session(*shim, "early", {{"create", "early"}});
  EXPECT_EQ(Texts(Host::Get().Now("early").items), Strings{"early"});
}

TEST_F(ShimV2Sessions, LateCallbackIsRefused) {
  for (const std::string name : {"ended", "sid-of-ended", "mine"}) {
    {
      const Session session(*shim, "ended", {{"sid", "sid-of-ended"}});
    }
    EXPECT_EQ(Texts(Ask(*shim, "late", name).items), Strings{"-1"}) << name;
  }
  EXPECT_EQ(Host::Get().Now("ended").calls, 0);
}

TEST_F(ShimV2Sessions, ErrorsReachTheSessionWithTheirText) {
  const std::pair<const char*, std::pair<int, const char*>> kCases[] = {
      {"code", {42, "text of 42"}},
      {"wrong", {30005, "callback: [0]: expected a ResponseData, got int without key"}}};
  for (const auto& [input, expected] : kCases) {
    const std::string tag = std::string("error-") + input;
    Session session(*shim, tag, {});
    session.Write(input);
    const Host::Told told = Host::Get().WaitEnd(tag);
    ASSERT_EQ(told.errors.size(), 1u);
    EXPECT_EQ(told.errors[0].first, expected.first);
    EXPECT_EQ(told.errors[0].second, expected.second);
  }
}

TEST_F(ShimV2Sessions, EmptyListIsNotDelivered) {
  Session session(*shim, "empty", {});
  EXPECT_EQ(session.Write("empty"), 0);
  EXPECT_EQ(Host::Get().Now("empty").calls, 0);
  EXPECT_NE(Ask(*shim, "loaded").items[0].data.find("('empty', 0)"), std::string::npos);
}

TEST_F(ShimV2Sessions, FailedCreateAndWriteSayWhy) {
  const Session raised(*shim, "f1", {{"create", "raise"}});
  EXPECT_EQ(raised.handle(), nullptr);
  EXPECT_EQ(raised.text().rfind("wrapperCreate raised ValueError: no room", 0), 0u)
      << raised.text();
  const Session code(*shim, "f2", {{"create", "code"}});
  EXPECT_EQ(code.code(), 55);
  EXPECT_EQ(code.text(), "text of 55");
  const Session none(*shim, "f3", {{"create", "none"}});
  EXPECT_EQ(none.text(), "wrapperCreate returned NoneType, expected a SessionCreateResponse");
  Session session(*shim, "f4", {});
  EXPECT_EQ(session.Write("raise"), 30003);
}

TEST_F(ShimV2Sessions, AsyncCallIsAnsweredExactlyOnceThoughFourThreadsDo) {
  for (int i = 0; i < 50; ++i) {
    const std::string tag = "async-" + std::to_string(i);
    const Pairs params = {{"sid", "s-" + tag}};
    ASSERT_EQ(shim->exec_async(tag.c_str(), Params(params).head(), Payloads({}).head(),
                               &Host::OnResult, 0, nullptr, 0),
              0);
    const Host::Told told = Host::Get().Now(tag);
    EXPECT_EQ(told.calls, 1);
    EXPECT_EQ(StatusesOf(told.items), std::vector<int>{DataOnce});
  }
  EXPECT_NE(Ask(*shim, "loaded").items[0].data.find("('codes', [-1, -1, -1, 0])"),
            std::string::npos);
}

TEST_F(ShimV2Sessions, AsyncCallThatDoesNotStartIsOver) {
  const Pairs params = {{"fail", "1"}};
  EXPECT_EQ(shim->exec_async("unborn", Params(params).head(), Payloads({}).head(), &Host::OnResult,
                             0, nullptr, 0),
            9);
  EXPECT_EQ(Texts(Ask(*shim, "late", "unborn").items), Strings{"-1"});
}

TEST_F(ShimV2Sessions, ResourcesAreKnownByPatchIdElseByKey) {
  const auto load = [](const Pairs& desc, const std::string& data, unsigned id) {
    const std::vector<Item> items{{"the-key", data, DataPer, DataEnd, desc}};
    return shim->load_res(Payloads(items).head(), id);
  };
  EXPECT_EQ(load({{"patch_id", "p1"}}, "one", 1), 0);
  EXPECT_EQ(load({}, "two", 2), 0);
  const std::string loaded = Ask(*shim, "loaded").items[0].data;
  EXPECT_NE(loaded.find("('p1', b'one')"), std::string::npos) << loaded;
  EXPECT_NE(loaded.find("('the-key', b'two')"), std::string::npos) << loaded;
  EXPECT_EQ(shim->unload_res(1), 0);
  EXPECT_EQ(shim->unload_res(2), 0);
  EXPECT_EQ(shim->unload_res(3), 30003) << "the hook raised KeyError";
  EXPECT_EQ(load({}, "bad", 4), 30003);
  EXPECT_EQ(std::string(shim->error(30003)).rfind("wrapperLoadRes raised OSError", 0), 0u);
}

TEST_F(ShimV2Sessions, ContextAsksTheHost) {
  EXPECT_EQ(Texts(Ask(*shim, "hurried").items), Strings{"tag 1500.0 False"});
  EXPECT_EQ(Texts(Ask(*shim, "cancelled").items), Strings{"tag None True"});
  const Session session(*shim, "cancelled", {{"sid", "the-sid"}});
  for (const std::string name : {"the-sid", "mine"}) {  // Its other names.
    EXPECT_EQ(Texts(Ask(*shim, name).items), Strings{"tag None True"}) << name;
  }
}

}  // namespace
}  // namespace aiges::test
