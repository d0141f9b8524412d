// SPDX-License-Identifier: Apache-2.0
// The Python shim with a wrapper.py of module functions (tests/wrapper/v1).
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/wrapper/shim.h"

// The interpreter ends with the process and frees little: LeakSanitizer has nothing to say here.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

namespace aiges::test {
namespace {

class ShimV1 : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shim = new Shim(AIGES_TESTS_DIR "/wrapper/v1");
    const Pairs config = {{"model", "/m"}};
    ASSERT_EQ(shim->init(Params(config).head()), 0) << shim->error(30001);
  }
  static void TearDownTestSuite() { EXPECT_EQ(shim->fini(), 0); }

  static Outcome Run(Pairs params, std::vector<Item> items = {{"k", "data", 0, 3, {}}}) {
    return shim->Exec(params, items);
  }
  static Shim* shim;
};
Shim* ShimV1::shim = nullptr;

TEST_F(ShimV1, PayloadsComeBackAsTheyWent) {
  const std::string binary("\0\xff\n\x80", 4);
  const Outcome out = Run({}, {{"img", binary, DataImage, DataOnce, {{"w", "640"}, {"e", ""}}},
                               {"empty", "", DataText, DataOnce, {}}});
  ASSERT_EQ(out.code, 0) << out.text;
  ASSERT_EQ(out.items.size(), 2u);
  EXPECT_EQ(out.items[0].key, "img");
  EXPECT_EQ(out.items[0].data, binary);
  EXPECT_EQ(out.items[0].type, DataImage);
  EXPECT_EQ(out.items[0].desc, (Pairs{{"w", "640"}, {"e", ""}}));
  EXPECT_EQ(out.items[1].data, "");
}

TEST_F(ShimV1, ArgumentsAreThoseOfTheContract) {
  const Outcome out = Run({{"mode", "describe"}}, {{"k", "d", DataAudio, DataOnce, {}}});
  ASSERT_EQ(out.code, 0) << out.text;
  EXPECT_EQ(out.items[0].data,
            "('tag', [('mode', 'describe')], ({'key': 'k', 'data': b'd', 'len': 1, 'status': 3, "
            "'type': 1, 'desc': {}},), (), 0, [('model', '/m')])");
}

TEST_F(ShimV1, NodeOfNullsIsAnEmptyTuple) {
  const Outcome out = Run({{"mode", "echo"}}, {});
  EXPECT_EQ(out.code, 0) << out.text;
  EXPECT_TRUE(out.items.empty());
}

TEST_F(ShimV1, LargeResultIsHandedOutWhole) {
  const Outcome out = Run({{"mode", "large"}});
  ASSERT_EQ(out.code, 0) << out.text;
  EXPECT_EQ(out.items[0].data, std::string(1'000'000, 'L'));
}

size_t ResidentBytes() {
  size_t total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

TEST_F(ShimV1, LargeResultsAreGivenBackAlsoWhenALaterItemIsWrong) {
  const Pairs kinds[] = {{{"mode", "large"}}, {{"mode", "wrong"}, {"what", "type"}}};
  for (const Pairs& params : kinds) {
    const size_t before = ResidentBytes();
    for (int i = 0; i < 600; ++i) Run(params);
    // A leak would be 600 MB; ASan keeps up to 256 MB of freed memory.
    EXPECT_LT(ResidentBytes(), before + (size_t{400} << 20));
  }
}

TEST_F(ShimV1, StrBecomesUtf8AndAWrongLengthIsNotBelieved) {
  const Outcome out = Run({{"mode", "str"}});
  ASSERT_EQ(out.code, 0) << out.text;
  EXPECT_EQ(out.items[0].key, "r") << "bytes as key are taken too";
  EXPECT_EQ(out.items[0].data, "gr\xc3\xbc\xc3\x9f");
}

TEST_F(ShimV1, AnythingWithABufferIsData) {
  const Outcome out = Run({{"mode", "buffer"}});
  ASSERT_EQ(out.code, 0) << out.text;
  ASSERT_EQ(out.items.size(), 2u);
  EXPECT_EQ(out.items[0].data + out.items[1].data, "abcd");
}

TEST_F(ShimV1, WrongResultItemIsNamed) {
  const std::pair<const char*, const char*> kCases[] = {
      {"not a dict", "expected a dict, got int"},
      {"no key", "respdata need key item"},
      {"no data", "respdata need data item"},
      {"no len", "respdata need len item"},
      {"no status", "respdata need status item"},
      {"no type", "respdata need type item"},
      {"type", "type: expected 0 to 4, got 9"},
      {"data", "data: expected bytes or str, got int"},
      {"key", "key: expected bytes or str, got int"},
      {"desc", "desc: expected a dict"},
      {"huge", "len: expected a number of bytes, got an int beyond 64 bits"}};
  for (const auto& [what, text] : kCases) {
    const Outcome out = Run({{"mode", "wrong"}, {"what", what}});
    EXPECT_EQ(out.code, 30005) << what;
    EXPECT_EQ(out.text.rfind("respData[1]: ", 0), 0u) << out.text;
    EXPECT_NE(out.text.find(text), std::string::npos) << out.text;
  }
}

TEST_F(ShimV1, ExceptionBecomesCodeTextAndPlace) {
  const Outcome out = Run({{"mode", "raise"}});
  EXPECT_EQ(out.code, 30003);
  const std::string start = "wrapperOnceExec raised ValueError: no such model (wrapper.py, line ";
  EXPECT_EQ(out.text.rfind(start, 0), 0u) << out.text;
}

TEST_F(ShimV1, DetailOfAnExceptionIsItsTraceback) {
  const std::string detail = Run({{"mode", "raise"}}).detail;
  EXPECT_EQ(detail.rfind("Traceback (most recent call last):\n", 0), 0u) << detail;
  EXPECT_NE(detail.find("raise ValueError(\"no such model\")\n"), std::string::npos) << detail;
  EXPECT_NE(detail.find("\nValueError: no such model\n"), std::string::npos) << detail;
  EXPECT_EQ(shim->error_detail(1), nullptr) << "of another code";
}

TEST_F(ShimV1, ErrorWithoutAnExceptionHasNoDetail) {
  Run({{"mode", "raise"}});
  EXPECT_EQ(Run({{"mode", "code"}, {"code", "77"}}).detail, "");
  EXPECT_EQ(Run({{"mode", "return"}, {"what", "none"}}).detail, "");
}

TEST_F(ShimV1, LongTracebackKeepsItsBeginAndItsEnd) {
  const std::string detail = Run({{"mode", "deep"}}).detail;
  EXPECT_LE(detail.size(), 8192u);
  EXPECT_EQ(detail.rfind("Traceback (most recent call last):\n", 0), 0u);
  EXPECT_NE(detail.find(" bytes left out]\n"), std::string::npos);
  EXPECT_NE(detail.find("the end\n"), std::string::npos) << detail;
}

TEST_F(ShimV1, SysExitDoesNotEndTheProcess) {
  const Outcome out = Run({{"mode", "exit"}});
  EXPECT_EQ(out.code, 30003);
  EXPECT_NE(out.text.find("SystemExit: 3"), std::string::npos) << out.text;
}

TEST_F(ShimV1, OwnCodesPassThroughWithTheirOwnText) {
  Outcome out = Run({{"mode", "code"}, {"code", "77"}});
  EXPECT_EQ(out.code, 77);
  EXPECT_EQ(out.text, "own text of 77");
  out = Run({{"mode", "code"}, {"code", "-5"}});
  EXPECT_EQ(out.code, -5);
  EXPECT_EQ(out.text, "wrapper error") << "wrapperError returned no str";
  EXPECT_EQ(Run({{"mode", "code"}, {"code", "78"}}).text, "wrapper error");
}

TEST_F(ShimV1, ReturnOfAnotherTypeIsNoSuccess) {
  for (const char* what : {"none", "str", "huge"}) {
    const Outcome out = Run({{"mode", "return"}, {"what", what}});
    EXPECT_EQ(out.code, 30004) << what;
    EXPECT_NE(out.text.find("wrapperOnceExec returned"), std::string::npos) << out.text;
  }
}

TEST_F(ShimV1, ErrorOfOneCallIsNotTheTextOfAnother) {
  Run({{"mode", "raise"}});
  EXPECT_EQ(Run({{"mode", "code"}, {"code", "30003"}}).text, "wrapper error");
}

TEST_F(ShimV1, GilIsFreeWhilePythonWaits) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      const Outcome out = Run({{"mode", "meet"}});
      EXPECT_EQ(out.code, 0) << out.text;
    });
  }
  for (std::thread& t : threads) t.join();
}

TEST_F(ShimV1, ThreadsDoNotSeeEachOthersErrors) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([i] {
      for (int n = 0; n < 50; ++n) {
        const std::string mode = i % 2 == 0 ? "raise" : "echo";
        const Outcome out = Run({{"mode", mode}});
        EXPECT_EQ(out.code, i % 2 == 0 ? 30003 : 0);
      }
    });
  }
  for (std::thread& t : threads) t.join();
}

}  // namespace
}  // namespace aiges::test
