// SPDX-License-Identifier: Apache-2.0
#include "loader/front/out_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

namespace aiges {
namespace {

// What is left to write, by pieces of `most`.
std::string All(const OutQueue& queue, size_t most = 16) {
  iovec pieces[16];
  std::string all;
  const size_t count = queue.Fill(pieces, most);
  for (size_t i = 0; i < count; ++i) {
    all.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
  }
  return all;
}

TEST(OutQueue, SmallThingsAreOnePieceAndLargeOnesAreNotCopied) {
  OutQueue queue;
  const Bytes large = Bytes::Own(std::string(10'000, 'x'));
  queue.Copy("head");
  queue.Add(Bytes::Own("small"));
  queue.Add(large);
  queue.Copy("tail");
  EXPECT_EQ(queue.size(), 10'013u);
  iovec pieces[4];
  ASSERT_EQ(queue.Fill(pieces, 4), 3u);
  EXPECT_EQ(pieces[1].iov_base, large.data());
  EXPECT_EQ(All(queue), "headsmall" + std::string(10'000, 'x') + "tail");
}

TEST(OutQueue, WhatIsWrittenGoesByteByByte) {
  const std::string whole =
      "head" + std::string(5000, 'a') + "mid" + std::string(3000, 'b') + "end";
  for (const size_t step : {1, 7, 4096, 20'000}) {
    OutQueue queue;
    queue.Copy("head");
    queue.Add(Bytes::Own(std::string(5000, 'a')));
    queue.Copy("mid");
    queue.Add(Bytes::Own(std::string(3000, 'b')));
    queue.Copy("end");
    size_t done = 0;
    while (!queue.empty()) {
      ASSERT_EQ(All(queue), whole.substr(done));
      const size_t n = std::min(step, queue.size());
      queue.Drop(n);
      done += n;
      if (step == 1 && done > 4200) break;  // The rest is the same.
    }
    EXPECT_TRUE(step == 1 || done == whole.size());
  }
}

TEST(OutQueue, OwnersAreLetGoAsSoonAsTheyAreWritten) {
  OutQueue queue;
  auto owner = std::make_shared<std::string>(5000, 'x');
  queue.Add({std::string_view(*owner), owner});
  queue.Copy("behind");
  EXPECT_EQ(owner.use_count(), 2);
  queue.Drop(5000);
  EXPECT_EQ(owner.use_count(), 1);
  EXPECT_EQ(All(queue), "behind");
  queue.Drop(6);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(All(queue), "");
  queue.Copy("again");
  EXPECT_EQ(All(queue), "again");
}

TEST(OutQueue, FillTakesAsManyAsAreWanted) {
  OutQueue queue;
  for (int i = 0; i < 10; ++i) queue.Add(Bytes::Own(std::string(3000, 'x')));
  EXPECT_EQ(All(queue, 2).size(), 6000u);
}

}  // namespace
}  // namespace aiges
