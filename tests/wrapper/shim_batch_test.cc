// SPDX-License-Identifier: Apache-2.0
// wrapperBatchExec, and wrapperWarmup that fails (tests/wrapper/batch).
#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "tests/wrapper/host.h"

// The interpreter ends with the process and frees little: LeakSanitizer has nothing to say here.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

namespace aiges::test {
namespace {

class ShimBatch : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shim = new Shim(AIGES_TESTS_DIR "/wrapper/batch");
    Host::Get().Use(shim);
    shim->set_ctrl(CTCallState, reinterpret_cast<void*>(&Host::OnCallState));
    const Pairs config = {{"warmup", "raise"}};
    ASSERT_EQ(shim->init(Params(config).head()), 0) << shim->error(30001);
  }
  static void TearDownTestSuite() { EXPECT_EQ(shim->fini(), 0); }
  static Shim* shim;
};
Shim* ShimBatch::shim = nullptr;

struct Answer {
  int code = 0;
  std::string text;
  std::vector<Item> items;
};

// As the worker: texts are asked for afterwards, item by item.
std::vector<Answer> RunBatch(const Shim& shim, const std::vector<Pairs>& calls, int* all) {
  const std::vector<Item> items{{"k", "data", DataText, DataOnce, {}}};
  Payloads payloads(items);
  std::deque<Params> lists;
  std::vector<const char*> tags(calls.size(), "tag");
  std::vector<pParamList> params;
  for (const Pairs& call : calls) params.push_back(lists.emplace_back(call).head());
  const std::vector<pDataList> data(calls.size(), payloads.head());
  std::vector<pDataList> out(calls.size(), nullptr);
  std::vector<int> codes(calls.size(), 0);
  *all = shim.exec_batch(static_cast<unsigned>(calls.size()), tags.data(), params.data(),
                         data.data(), out.data(), codes.data());
  std::vector<Answer> answers(calls.size());
  for (size_t i = 0; i < calls.size(); ++i) {
    answers[i].code = *all != 0 ? *all : codes[i];
    if (answers[i].code != 0) answers[i].text = shim.error(answers[i].code);
    answers[i].items = Items(out[i]);
    if (answers[i].code == 0) {
      EXPECT_EQ(shim.exec_free("tag", &out[i]), 0);
    }
    EXPECT_EQ(out[i], nullptr);
  }
  return answers;
}

TEST_F(ShimBatch, IsOfferedAndOnceCallsAreBatchesOfOne) {
  EXPECT_EQ(shim->traits(), unsigned{WTraitBatch});
  const Outcome out = shim->Exec({}, {{"k", "one", DataText, DataOnce, {}}});
  ASSERT_EQ(out.code, 0) << out.text;
  EXPECT_EQ(Texts(out.items), std::vector<std::string>{"ONE"});
  EXPECT_EQ(shim->Exec({{"fail", "code"}}, {{"k", "x", DataText, DataOnce, {}}}).text,
            "own text of 77");
}

TEST_F(ShimBatch, BadItemsFailAloneEachWithItsOwnText) {
  int all = 0;
  const std::vector<Answer> answers = RunBatch(*shim,
                                               {{{"name", "a"}},
                                                {{"name", "b"}, {"fail", "raise"}},
                                                {{"name", "c"}, {"fail", "code"}},
                                                {{"name", "d"}, {"fail", "raise"}},
                                                {{"name", "e"}, {"fail", "type"}},
                                                {{"name", "f"}}},
                                               &all);
  ASSERT_EQ(all, 0);
  for (const size_t good : {0, 5}) {
    EXPECT_EQ(answers[good].code, 0) << answers[good].text;
    EXPECT_EQ(Texts(answers[good].items), std::vector<std::string>{"DATA"});
    EXPECT_EQ(StatusesOf(answers[good].items), std::vector<int>{DataOnce});
  }
  EXPECT_EQ(answers[1].code, 30003);
  EXPECT_EQ(answers[1].text, "wrapperBatchExec raised ValueError: bad item b");
  EXPECT_EQ(answers[2].text, "own text of 77");
  EXPECT_EQ(answers[3].text, "wrapperBatchExec raised ValueError: bad item d");
  EXPECT_EQ(answers[4].code, 30005);
  EXPECT_EQ(answers[4].text, "result [4]: [0]: expected a ResponseData, got int without key");
}

TEST_F(ShimBatch, WrongLengthOrARaiseFailsAll) {
  int all = 0;
  std::vector<Answer> answers = RunBatch(*shim, {{{"batch", "short"}}, {}}, &all);
  EXPECT_EQ(all, 30004);
  EXPECT_EQ(answers[1].text,
            "wrapperBatchExec returned list of 0, expected a list of 2, one result for each call");
  answers = RunBatch(*shim, {{{"batch", "raise"}}, {}}, &all);
  EXPECT_EQ(all, 30003);
  EXPECT_EQ(answers[0].text.rfind("wrapperBatchExec raised MemoryError: too many", 0), 0u);
}

TEST_F(ShimBatch, TextsOfABatchDoNotLeakIntoTheNextCall) {
  int all = 0;
  RunBatch(*shim, {{{"name", "a"}, {"fail", "raise"}}, {}}, &all);
  const Outcome out =
      shim->Exec({{"fail", "raise"}, {"name", "z"}}, {{"k", "x", DataText, DataOnce, {}}});
  EXPECT_EQ(out.text, "wrapperBatchExec raised ValueError: bad item z");
}

TEST_F(ShimBatch, WarmUpThatRaisesFailsTheStart) {
  EXPECT_EQ(shim->warmup(), 30002);
  EXPECT_EQ(std::string(shim->error(30002)).rfind("wrapperWarmup raised OSError: no kernel", 0), 0u)
      << shim->error(30002);
}

}  // namespace
}  // namespace aiges::test
