// SPDX-License-Identifier: Apache-2.0
// The Python shim with a wrapper.py that has a class Wrapper (tests/wrapper/v2).
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/wrapper/shim.h"

// The interpreter ends with the process and frees little: LeakSanitizer has nothing to say here.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

namespace aiges::test {
namespace {

std::string g_metered, g_traced;

int Meter(const char* tag, const char* key, int count) {
  g_metered = std::string(tag) + " " + key + " " + std::to_string(count);
  return 0;
}
int Trace(const char* tag, const char* key, const char* value) {
  g_traced = std::string(tag) + " " + key + " " + value;
  return 0;
}

class ShimV2 : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shim = new Shim(AIGES_TESTS_DIR "/wrapper/v2");
    EXPECT_EQ(shim->set_ctrl(CTMeterCustom, reinterpret_cast<void*>(&Meter)), 0);
    EXPECT_EQ(shim->set_ctrl(CTTraceLog, reinterpret_cast<void*>(&Trace)), 0);
    ASSERT_EQ(shim->init(Params({}).head()), 0) << shim->error(30001);
  }
  static void TearDownTestSuite() { EXPECT_EQ(shim->fini(), 0); }

  static Outcome Run(Pairs params, std::vector<Item> items = {{"img", "data", DataImage, 3, {}}}) {
    return shim->Exec(params, items);
  }
  static Shim* shim;
};
Shim* ShimV2::shim = nullptr;

TEST_F(ShimV2, PayloadsComeBackAsTheyWent) {
  const Outcome out = Run({}, {{"a", "one", DataText, DataOnce, {}},
                               {"b", std::string(100'000, 'b'), DataVideo, DataOnce, {}}});
  ASSERT_EQ(out.code, 0) << out.text;
  ASSERT_EQ(out.items.size(), 2u);
  EXPECT_EQ(out.items[0].data, "one");
  EXPECT_EQ(out.items[1].key, "b");
  EXPECT_EQ(out.items[1].data, std::string(100'000, 'b'));
  EXPECT_EQ(out.items[1].type, DataVideo);
}

TEST_F(ShimV2, SignatureDecidesWhatIsPassed) {
  const Outcome out =
      Run({{"mode", "describe"}}, {{"img", "abc", DataImage, DataOnce, {{"w", "1"}}}});
  ASSERT_EQ(out.code, 0) << out.text;
  EXPECT_EQ(out.items[0].data, "(False, 'tag', 'bytes', 3, {'w': '1'})");
}

TEST_F(ShimV2, AbsentKeyIsNone) {
  const Outcome out = Run({{"mode", "absent"}});
  ASSERT_EQ(out.code, 0) << out.text;
  EXPECT_EQ(out.items[0].data, "none");
}

TEST_F(ShimV2, ResponseErrorCarriesTheUsersCodeAndText) {
  const Outcome out = Run({{"mode", "error"}, {"code", "42"}});
  EXPECT_EQ(out.code, 42);
  EXPECT_EQ(out.text, "v2 text of 42");
}

TEST_F(ShimV2, MeterAndTraceReachTheHost) {
  const Outcome out = Run({{"mode", "meter"}});
  ASSERT_EQ(out.code, 0) << out.text;
  EXPECT_EQ(out.items[0].data, "0");
  EXPECT_EQ(g_metered, "tag tokens 7");
  EXPECT_EQ(g_traced, "tag k v");
}

TEST_F(ShimV2, ResultOfAnotherTypeIsNamed) {
  const std::pair<const char*, std::pair<int, const char*>> kCases[] = {
      {"none", {30004, "returned NoneType, expected a Response"}},
      {"int", {30004, "returned int, expected a Response"}},
      {"list", {30005, "Response.list is int, expected a list"}},
      {"item", {30005, "Response.list[0]: expected a ResponseData, got int"}}};
  for (const auto& [what, expected] : kCases) {
    const Outcome out = Run({{"mode", "wrong"}, {"what", what}});
    EXPECT_EQ(out.code, expected.first) << what;
    EXPECT_NE(out.text.find(expected.second), std::string::npos) << out.text;
  }
}

TEST_F(ShimV2, ExceptionBecomesCodeTextAndPlace) {
  const Outcome out = Run({{"mode", "raise"}});
  EXPECT_EQ(out.code, 30003);
  EXPECT_EQ(out.text.rfind("wrapperOnceExec raised KeyError: 'img' (wrapper.py, line ", 0), 0u)
      << out.text;
}

}  // namespace
}  // namespace aiges::test
