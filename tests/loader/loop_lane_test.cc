// SPDX-License-Identifier: Apache-2.0
#include "loader/front/loop_lane.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace aiges {
namespace {

TEST(LoopLane, LettersAreReadInTheOrderOfPosting) {
  LoopLane lane;
  std::vector<int> read;
  for (int i = 0; i < 100; ++i) lane.Post([&read, i] { read.push_back(i); });
  lane.io.run();
  ASSERT_EQ(read.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(read[static_cast<size_t>(i)], i);
}

TEST(LoopLane, LettersThatComeTogetherCostOneTurn) {
  LoopLane lane;
  int read = 0;
  for (int i = 0; i < 100; ++i) lane.Post([&read] { ++read; });
  EXPECT_EQ(lane.io.run_one(), 1u);
  EXPECT_EQ(read, 100);
}

// Else a letter that posts another one, as a flush does, would keep sockets and timers waiting.
TEST(LoopLane, LettersOfLettersAreForTheNextTurn) {
  LoopLane lane;
  int read = 0;
  bool turn = false;
  lane.Post([&] {
    ++read;
    lane.Post([&] {
      ++read;
      EXPECT_TRUE(turn);
    });
  });
  boost::asio::post(lane.io, [&] { turn = true; });
  lane.io.run();
  EXPECT_EQ(read, 2);
}

TEST(LoopLane, WhatGathersRunsBehindTheLettersOfItsTurn) {
  LoopLane lane;
  std::string order;
  lane.Post([&] {
    lane.Gather([&] {
      order += 'g';
      lane.Gather([&] { order += 'n'; });  // For the next turn: it may go on for ever.
    });
    order += 'a';
  });
  lane.Post([&] { order += 'b'; });
  EXPECT_EQ(lane.io.run_one(), 1u);
  EXPECT_EQ(order, "abg");
  lane.io.run();
  EXPECT_EQ(order, "abgn");
}

TEST(LoopLane, LettersOfOtherThreadsAreAllRead) {
  constexpr int kThreads = 4, kLetters = 10'000;
  LoopLane lane;
  const auto work = boost::asio::make_work_guard(lane.io);
  int read = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&lane, &read] {
      for (int i = 0; i < kLetters; ++i) {
        lane.Post([&lane, &read] {
          if (++read == kThreads * kLetters) lane.io.stop();
        });
      }
    });
  }
  lane.io.run();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(read, kThreads * kLetters);
}

TEST(LoopLane, LettersThatNobodyReadsGoWithTheLane) {
  const auto owned = std::make_shared<int>(1);
  {
    LoopLane lane;
    lane.Post([owned] {});
    EXPECT_EQ(owned.use_count(), 2);
  }
  EXPECT_EQ(owned.use_count(), 1);
}

}  // namespace
}  // namespace aiges
