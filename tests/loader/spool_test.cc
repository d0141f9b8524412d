// SPDX-License-Identifier: Apache-2.0
// What Add has returned for is there after the process was killed, once, and nothing else is.
#include "loader/metering/spool.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "loader/base/strings.h"
#include "loader/metering/crc32c.h"

namespace aiges {
namespace {

namespace fs = std::filesystem;

struct Item {
  uint64_t number = 0;
  std::string bytes;
};

class SpoolTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "spool-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    options_.folder = pattern;
    options_.segment_bytes = 64 << 10;
    options_.sync_period = std::chrono::milliseconds(5);
  }
  void TearDown() override { fs::remove_all(options_.folder); }

  std::unique_ptr<Spool> Open() {
    Status status;
    std::unique_ptr<Spool> spool = Spool::Open(options_, &status);
    EXPECT_TRUE(status.ok()) << status.text;
    return spool;
  }
  // All that is not acknowledged.
  static std::vector<Item> TakeAll(Spool& spool) {
    spool.Stop();
    std::vector<Item> all;
    const auto take = [&](uint64_t number, std::string_view bytes) {
      all.push_back({number, std::string(bytes)});
    };
    while (spool.Next(1000, 1 << 20, TimePoint::max(), take) != 0) {
    }
    return all;
  }
  std::vector<std::string> Segments() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(options_.folder)) {
      if (entry.path().extension() == ".usage") names.push_back(entry.path().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  template <class F>
  static bool Eventually(const F& what) {
    for (int i = 0; i < 2000; ++i) {
      if (what()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }

  SpoolOptions options_;
};

TEST(Crc32c, KnownValues) {
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c("56789", Crc32c("1234")), 0xe3069283u);
  EXPECT_EQ(~internal::Crc32cByTable(~0u, "123456789", 9), 0xe3069283u);
}

TEST_F(SpoolTest, RecordsComeBackInOrderAcrossSegmentsAndStarts) {
  const std::string long_text(3000, 'x');
  {
    auto spool = Open();
    for (int i = 1; i <= 50; ++i) {
      ASSERT_TRUE(Eventually([&] { return spool->Add(StrCat(i, long_text)); })) << i;
    }
  }
  auto spool = Open();
  const auto items = TakeAll(*spool);
  ASSERT_EQ(items.size(), 50u);
  for (size_t i = 0; i < items.size(); ++i) {
    EXPECT_EQ(items[i].number, i + 1);
    EXPECT_EQ(items[i].bytes, StrCat(i + 1, long_text));
  }
}

TEST_F(SpoolTest, AcknowledgedRecordsAreNotGivenAgainAndTheirSegmentsGo) {
  const std::string text(3000, 'x');
  {
    auto spool = Open();
    for (int i = 0; i < 60; ++i) ASSERT_TRUE(Eventually([&] { return spool->Add(text); }));
    EXPECT_GE(Segments().size(), 3u);
    ASSERT_TRUE(spool->Acknowledge(59).ok());
    EXPECT_TRUE(Eventually([&] { return Segments().size() <= 2; }));
    EXPECT_EQ(spool->Report().waiting, 1u);
  }
  {
    auto spool = Open();
    const auto items = TakeAll(*spool);
    ASSERT_EQ(items.size(), 1u);
    EXPECT_EQ(items[0].number, 60u);
    ASSERT_TRUE(spool->Acknowledge(60).ok());
  }
  auto spool = Open();  // Nothing is left, and the numbers go on.
  ASSERT_TRUE(spool->Add("next"));
  const auto items = TakeAll(*spool);
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0].number, 61u);
}

TEST_F(SpoolTest, OnlyOneProcessHasAFolder) {
  auto spool = Open();
  Status status;
  EXPECT_EQ(Spool::Open(options_, &status), nullptr);
  EXPECT_NE(status.text.find("another process"), std::string::npos) << status.text;
}

TEST_F(SpoolTest, TheNameOfTheInstanceIsMadeOnce) {
  const std::string name = Open()->instance();
  EXPECT_EQ(name.size(), 36u);
  EXPECT_EQ(Open()->instance(), name);
}

TEST_F(SpoolTest, AFullStoreSaysSoBeforeItDrops) {
  options_.max_bytes = 3 * options_.segment_bytes;
  options_.reserve_bytes = options_.segment_bytes / 2;
  auto spool = Open();
  const std::string text(1000, 'x');
  EXPECT_FALSE(spool->Low());
  ASSERT_TRUE(Eventually([&] { return spool->Add(text) && spool->Low(); }));
  EXPECT_EQ(spool->Report().dropped, 0u);
  EXPECT_TRUE(spool->Add(text));  // Of a call that had begun.
  ASSERT_TRUE(Eventually([&] { return !spool->Add(text); }));
  EXPECT_GE(spool->Report().dropped, 1u);
  const uint64_t last = spool->Report().written;
  ASSERT_TRUE(spool->Acknowledge(last).ok());
  EXPECT_TRUE(Eventually([&] { return !spool->Low(); }));
  EXPECT_TRUE(spool->Add(text));
}

TEST_F(SpoolTest, ATornTailIsCutAndNumbersGoOn) {
  {
    auto spool = Open();
    for (int i = 1; i <= 3; ++i) ASSERT_TRUE(spool->Add(StrCat("record ", i)));
  }
  const std::vector<std::string> segments = Segments();
  ASSERT_EQ(segments.size(), 1u);
  std::fstream file(segments[0], std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(Segment::kHead + 2 * Segment::SizeOf(8) + 8);  // The third one's bytes.
  file.put('X');
  file.close();
  auto spool = Open();
  ASSERT_TRUE(spool->Add("record 3, again"));
  const auto items = TakeAll(*spool);
  ASSERT_EQ(items.size(), 3u);
  EXPECT_EQ(items[1].bytes, "record 2");
  EXPECT_EQ(items[2].bytes, "record 3, again");
  EXPECT_EQ(items[2].number, 3u);
}

// Writes numbered records on three threads until it is killed, and says in memory of both how many
// of each Add has returned for.
struct Told {
  std::atomic<uint64_t> counts[3];
};

bool AnyAfter(const Told& told, const uint64_t (&before)[3]) {
  for (int t = 0; t < 3; ++t) {
    if (told.counts[t].load(std::memory_order_acquire) > before[t]) return true;
  }
  return false;
}

[[noreturn]] void WriteUntilKilled(const SpoolOptions& options, Told* told) {
  Status status;
  auto spool = Spool::Open(options, &status);
  if (spool == nullptr) ::_exit(3);
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t i = told->counts[t] + 1;; ++i) {
        std::string text = StrCat(t, " ", i, " ");
        text.resize(40 + i % 200, 'x');
        while (!spool->Add(text)) std::this_thread::yield();
        told->counts[t].store(i, std::memory_order_release);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ::_exit(0);
}

TEST_F(SpoolTest, AKilledProcessLosesAndDoublesNothing) {
  options_.max_bytes = 64 << 20;
  void* shared =
      ::mmap(nullptr, sizeof(Told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  auto* told = new (shared) Told{};
  std::mt19937 random(4711);
  uint64_t before[3] = {0, 0, 0};
  uint64_t taken = 0, seen = 0;
  for (int round = 0; round < 60; ++round) {
    const pid_t child = ::fork();
    if (child == 0) WriteUntilKilled(options_, told);
    // Every other one is killed in the midst of its writing, however long it took to begin; the
    // others at any time, while they open the folder, too.
    for (int ms = 0; round % 2 == 0 && !AnyAfter(*told, before) && ms < 60'000; ++ms) {
      ::usleep(1000);
    }
    ::usleep(static_cast<useconds_t>(random() % 12'000));
    ::kill(child, SIGKILL);
    int state = 0;
    ASSERT_EQ(::waitpid(child, &state, 0), child);
    ASSERT_TRUE(WIFSIGNALED(state)) << state;
    auto spool = Open();
    ASSERT_NE(spool, nullptr);
    for (const Item& item : TakeAll(*spool)) {
      ASSERT_EQ(item.number, ++taken);
      ++seen;
      const int t = item.bytes[0] - '0';
      const uint64_t number = std::strtoull(item.bytes.c_str() + 2, nullptr, 10);
      ASSERT_EQ(number, ++before[t]) << "thread " << t << " in round " << round;
    }
    for (int t = 0; t < 3; ++t) {
      // The one that was written when it was killed may be there; it was not told.
      ASSERT_GE(before[t], told->counts[t]);
      ASSERT_LE(before[t], told->counts[t] + 1);
      told->counts[t] = before[t];
    }
    ASSERT_TRUE(spool->Acknowledge(taken).ok());
  }
  EXPECT_GT(seen, 1000u);
  ::munmap(shared, sizeof(Told));
}

}  // namespace
}  // namespace aiges
