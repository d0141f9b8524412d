// SPDX-License-Identifier: Apache-2.0
#include "xtest/recorder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace aiges {
namespace {

using std::chrono::milliseconds;

const TimePoint kBegin = FromNanos(5'000'000'000);
const Duration kTimeout = milliseconds(800);
const std::vector<std::string> kHosts = {"a:1", "b:2"};

Call Ended(int planned_ms, int last_ms, int code = 0) {
  Call call;
  call.planned = kBegin + milliseconds(planned_ms);
  call.sent = call.planned;
  call.last = kBegin + milliseconds(last_ms);
  call.code = code;
  return call;
}

TEST(Recorder, LatencyCountsFromThePlan) {
  Recorder recorder(2, kBegin, kTimeout);
  recorder.Sent(kBegin + milliseconds(40), milliseconds(40), 1);
  Call call = Ended(0, 100);
  call.sent = kBegin + milliseconds(40);
  recorder.Ended(call);
  Step step;
  recorder.AddTo(&step, kHosts);
  EXPECT_EQ(step.latency.last.max(), 100'000'000);
  EXPECT_EQ(step.lag.max(), 40'000'000);
  EXPECT_EQ(step.latency.first.count(), 0);  // A once call has no first result.
}

TEST(Recorder, CodesAndHostsAreApart) {
  Recorder recorder(2, kBegin, kTimeout);
  Call bad = Ended(0, 30, 10110);
  bad.text = "no licence";
  bad.sid = "sid-1";
  bad.host = 1;
  Call dead = Ended(0, 1000, kNoAnswer);
  dead.text = "no answer";
  recorder.Ended(Ended(0, 10));
  recorder.Ended(bad);
  recorder.Ended(dead);
  Step step;
  recorder.AddTo(&step, kHosts);
  EXPECT_EQ(step.done, 3);
  EXPECT_EQ(step.failed, 2);
  ASSERT_EQ(step.codes.size(), 3);
  EXPECT_EQ(step.codes[10110].text, "no licence");
  EXPECT_EQ(step.codes[10110].handle, "sid-1");
  EXPECT_EQ(step.codes[kNoAnswer].latency.max(), 1'000'000'000);
  EXPECT_EQ(step.codes[0].text, "");
  EXPECT_EQ(step.latency.last.count(), 3);
  EXPECT_EQ(step.hosts["a:1"].calls, 2);
  EXPECT_EQ(step.hosts["a:1"].failed, 1);
  EXPECT_EQ(step.hosts["b:2"].failed, 1);
}

// Timed-out calls were in no percentile: a stall longer than the timeout made p99 better.
TEST(Recorder, ACallWithoutAnswerHasWaitedTheTimeoutOrLonger) {
  Recorder recorder(2, kBegin, kTimeout, true);
  for (int i = 0; i < 97; ++i) recorder.Ended(Ended(0, 10));
  recorder.Ended(Ended(0, 5, kNoAnswer));     // Refused: no reason to look faster than the rest.
  recorder.Ended(Ended(0, 800, kNoAnswer));   // In time, and no answer came.
  recorder.Ended(Ended(0, 1500, kNoAnswer));  // It left late.
  Step step;
  recorder.AddTo(&step, kHosts);
  EXPECT_EQ(step.latency.last.count(), 100);
  EXPECT_NEAR(static_cast<double>(step.latency.last.Percentile(97)), 10e6, 1e4);
  EXPECT_NEAR(static_cast<double>(step.latency.last.Percentile(98)), 800e6, 1e6);
  EXPECT_EQ(step.latency.last.max(), 1'500'000'000);
  EXPECT_EQ(step.hosts["a:1"].latency.count(), 100);
  EXPECT_EQ(step.timeline[1].latency.count(), 1);             // The second in which it was over.
  EXPECT_EQ(step.codes[kNoAnswer].latency.min(), 5'000'000);  // As it was.
  // No first result either.
  EXPECT_EQ(step.latency.first.count(), 3);
  EXPECT_EQ(step.latency.first_seen.count(), 0);
}

TEST(Recorder, GivenUpCallsAreUnanswered) {
  Recorder recorder(2, kBegin, kTimeout);
  Call call = Ended(0, 10, kNoAnswer);
  call.given_up = true;
  recorder.Ended(call);
  recorder.Abandoned(2);
  Step step;
  recorder.AddTo(&step, kHosts);
  EXPECT_EQ(step.unanswered, 3);
  EXPECT_EQ(step.done, 0);
}

TEST(Recorder, TimelineHasEverySecond) {
  Recorder recorder(2, kBegin, kTimeout);
  recorder.Sent(kBegin, {}, 1);
  EXPECT_FALSE(recorder.Ended(Ended(0, 500)));
  recorder.Sent(kBegin + milliseconds(2500), {}, 1);  // Nothing in the second second.
  EXPECT_FALSE(recorder.Ended(Ended(2500, 2600)));
  EXPECT_TRUE(recorder.Ended(Ended(2500, 3700, 1)));
  Step step;
  recorder.AddTo(&step, kHosts);
  ASSERT_EQ(step.timeline.size(), 4);
  EXPECT_EQ(step.timeline[0].sent, 1);
  EXPECT_EQ(step.timeline[0].done, 1);
  EXPECT_EQ(step.timeline[1].sent + step.timeline[1].done, 0);
  EXPECT_EQ(step.timeline[2].done, 1);
  EXPECT_EQ(step.timeline[3].failed, 1);
  // Seconds that are over have a precision of one per cent.
  EXPECT_NEAR(static_cast<double>(step.timeline[0].latency.max()), 5e8, 5e6);
  EXPECT_NEAR(static_cast<double>(step.timeline[2].latency.max()), 1e8, 1e6);
}

TEST(Recorder, ThreadsAddUp) {
  Step step;
  for (int t = 0; t < 3; ++t) {
    Recorder recorder(2, kBegin, kTimeout);
    recorder.Sent(kBegin, {}, 4);
    Call call = Ended(0, 10 * (t + 1));
    call.bytes_out = 100;
    call.bytes_in = 10;
    call.items = 2;
    call.stages = {true, 1.0 * (t + 1), 0.1, 5, 7};
    recorder.Ended(call);
    recorder.Ended(Ended(0, 20));  // No sample of the stages.
    recorder.AddTo(&step, kHosts);
  }
  EXPECT_EQ(step.done, 6);
  EXPECT_EQ(step.bytes_out, 300);
  EXPECT_EQ(step.bytes_in, 30);
  EXPECT_EQ(step.items, 6);
  EXPECT_EQ(step.peak_in_flight, 12);
  EXPECT_EQ(step.stages.calls, 3);
  EXPECT_DOUBLE_EQ(step.stages.queue_ms, 2);
  EXPECT_DOUBLE_EQ(step.stages.engine_ms, 5);
  EXPECT_EQ(step.latency.last.Percentile(100), 30'000'000);
}

TEST(Recorder, FirstResultOfAStreamIsApart) {
  Recorder recorder(2, kBegin, kTimeout, true);
  Call call = Ended(0, 50);
  call.first = kBegin + milliseconds(20);
  recorder.Ended(call);
  Step step;
  recorder.AddTo(&step, kHosts);
  EXPECT_EQ(step.latency.first.max(), 20'000'000);
  EXPECT_EQ(step.latency.last.max(), 50'000'000);
}

}  // namespace
}  // namespace aiges
