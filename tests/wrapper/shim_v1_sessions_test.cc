// SPDX-License-Identifier: Apache-2.0
// Sessions of wrapper.py's functions (tests/wrapper/v1_sessions).
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/wrapper/host.h"

// The interpreter ends with the process and frees little: LeakSanitizer has nothing to say here.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

namespace aiges::test {
namespace {

class ShimV1Sessions : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shim = new Shim(AIGES_TESTS_DIR "/wrapper/v1_sessions");
    Host::Get().Use(shim);
    shim->set_ctrl(CTCallState, reinterpret_cast<void*>(&Host::OnCallState));
    ASSERT_EQ(shim->init(Params(Pairs{}).head()), 0) << shim->error(30001);
  }
  static void TearDownTestSuite() { EXPECT_EQ(shim->fini(), 0); }
  static Shim* shim;
};
Shim* ShimV1Sessions::shim = nullptr;

using Strings = std::vector<std::string>;

TEST_F(ShimV1Sessions, AreReadAndDoNotCallBack) {
  EXPECT_EQ(shim->traits(), unsigned{WTraitSessions | WTraitReadOrCallback});
}

TEST_F(ShimV1Sessions, EveryPieceIsAnsweredWithItsStatus) {
  Session session(*shim, "t1", {}, nullptr, {7, 8});
  ASSERT_NE(session.handle(), nullptr) << session.text();
  std::vector<Item> items;
  ASSERT_EQ(session.Read(&items), 0) << session.text();
  EXPECT_EQ(Texts(items), Strings{"('t1', (7, 8), 2, 0)"});
  EXPECT_EQ(session.Write("one", DataBegin), 0);
  EXPECT_EQ(session.Write("two", DataContinue), 0);
  EXPECT_EQ(session.Write("three", DataEnd), 0);
  ASSERT_EQ(session.Read(&items), 0) << session.text();
  EXPECT_EQ(Texts(items), (Strings{"ONE", "TWO", "THREE"}));
  EXPECT_EQ(StatusesOf(items), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(session.Read(&items), 0);
  EXPECT_TRUE(items.empty());
  EXPECT_EQ(session.Destroy(), 0) << "wrapperDestory, as the old demos spell it";
}

TEST_F(ShimV1Sessions, FailedCreateSaysWhyAndGivesNoHandle) {
  const Session raised(*shim, "t2", {{"create", "raise"}}, nullptr);
  EXPECT_EQ(raised.handle(), nullptr);
  EXPECT_EQ(raised.code(), 30003);
  const std::string start = "wrapperCreate raised ValueError: no room (wrapper.py, line ";
  EXPECT_EQ(raised.text().rfind(start, 0), 0u) << raised.text();
  const Session code(*shim, "t3", {{"create", "code"}}, nullptr);
  EXPECT_EQ(code.handle(), nullptr);
  EXPECT_EQ(code.code(), 55);
  const Session none(*shim, "t4", {{"create", "none"}}, nullptr);
  EXPECT_EQ(none.code(), 30004);
  EXPECT_EQ(none.text(),
            "wrapperCreate returned NoneType, expected str (the session's handle) or an error "
            "code");
}

TEST_F(ShimV1Sessions, ErrorsOfOneSessionLeaveItUsable) {
  Session session(*shim, "t5", {}, nullptr);
  EXPECT_EQ(session.Write("bad"), 66);
  std::vector<Item> items;
  EXPECT_EQ(session.Write("nine"), 0);
  EXPECT_EQ(session.Read(&items), 30005);
  EXPECT_EQ(session.text(), "respData[0]: status: expected 0 to 3, got 9");
  EXPECT_EQ(session.Write("one"), 0);
  EXPECT_EQ(session.Read(&items), 0);
  EXPECT_EQ(Texts(items), Strings{"ONE"});
}

TEST_F(ShimV1Sessions, OnceCallOfAWrapperWithoutOneIsAnErrorNotACrash) {
  const Outcome out = shim->Exec({}, {{"k", "d", DataText, DataOnce, {}}});
  EXPECT_EQ(out.code, 30001);
  EXPECT_NE(out.text.find("wrapper.py has no wrapperOnceExec"), std::string::npos) << out.text;
  EXPECT_EQ(shim->exec_async("t6", Params(Pairs{}).head(), Payloads({}).head(), &Host::OnResult, 0,
                             nullptr, 0),
            30001);
}

}  // namespace
}  // namespace aiges::test
