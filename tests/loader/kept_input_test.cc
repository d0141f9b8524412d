// SPDX-License-Identifier: Apache-2.0
#include "loader/worker/kept_input.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>

#include "loader/worker/lists.h"

namespace aiges {
namespace {

class KeptInputTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Status status;
    arena = Arena::Create("test", 8 * kBlock, &status);
    ASSERT_NE(arena, nullptr) << status.text;
    fd = arena->OpenReadOnly();
    map = ArenaMapping::Map(fd.get(), ArenaMapping::Access::kReader, false, &status);
    ASSERT_NE(map, nullptr) << status.text;
    kept.Use(map, fd.get());
    room = arena->Allocate(2 * kBlock, &offset);
    page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  }
  // As a request is written by the loader, and seen in the worker.
  std::string_view Put(char letter) {
    std::memset(room, letter, 2 * kBlock);
    return map->View(offset, 2 * kBlock);
  }

  std::unique_ptr<Arena> arena;
  Fd fd;
  std::shared_ptr<ArenaMapping> map;
  KeptInput kept;
  char* room = nullptr;
  uint64_t offset = 0;
  size_t page = 0;
};

TEST_F(KeptInputTest, WhatIsKeptStaysWhateverIsWrittenThere) {
  const std::string_view all = Put('a');
  const std::string_view part = all.substr(100, kBlock);
  ASSERT_TRUE(kept.Begin(part));
  Put('b');
  EXPECT_EQ(part, std::string(kBlock, 'a'));
  EXPECT_EQ(all.back(), 'b');  // The others are as before.
  EXPECT_TRUE(kept.Hides(all));
  EXPECT_FALSE(kept.Hides(all.substr(kBlock + page)));
  EXPECT_EQ(kept.Read(all), std::string(2 * kBlock, 'b'));
  kept.End(part);
  EXPECT_FALSE(kept.Hides(all));
  EXPECT_EQ(part, std::string(kBlock, 'b'));
}

TEST_F(KeptInputTest, PagesStayUntilNobodyKeepsThem) {
  const std::string_view all = Put('a');
  const std::string_view left = all.substr(0, 3 * page), right = all.substr(2 * page, 3 * page);
  ASSERT_TRUE(kept.Begin(right));
  ASSERT_TRUE(kept.Begin(left));
  Put('b');
  kept.End(right);
  EXPECT_EQ(left, std::string(3 * page, 'a'));
  EXPECT_EQ(all.substr(3 * page, page), std::string(page, 'b'));
  kept.End(left);
  EXPECT_EQ(left, std::string(3 * page, 'b'));
}

TEST_F(KeptInputTest, OnlyBytesOfRequestsAreTaken) {
  const std::string_view all = Put('a');
  const std::string other(100, 'x');
  EXPECT_TRUE(kept.CanKeep(all));
  EXPECT_FALSE(kept.CanKeep(other));
  EXPECT_FALSE(kept.CanKeep(all.substr(0, 0)));
  EXPECT_FALSE(kept.CanKeep({all.data(), 100 * kBlock}));
  EXPECT_FALSE(KeptInput().CanKeep(all));
}

TEST_F(KeptInputTest, ARequestWhereSomethingIsKeptIsReadFromTheArena) {
  const std::string_view all = Put('a');
  GetKeptInput().Use(map, fd.get());
  ASSERT_TRUE(GetKeptInput().Begin(all));
  Put('b');
  std::string body;
  WireWriter w(&body);
  w.Number(uint32_t{1});
  w.Text("x");
  w.Number(uint8_t{DataText});
  w.Number(uint8_t{DataOnce});
  w.KeyValues({});
  w.SharedData(offset, 2 * kBlock);
  WireReader r(body);
  DataInput input;
  ASSERT_TRUE(input.Read(&r, *map));
  EXPECT_EQ(std::string(static_cast<char*>(input.head()->data), input.head()->len),
            std::string(2 * kBlock, 'b'));
  EXPECT_EQ(all, std::string(2 * kBlock, 'a'));
  GetKeptInput().End(all);
}

}  // namespace
}  // namespace aiges
