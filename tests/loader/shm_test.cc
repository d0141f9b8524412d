// SPDX-License-Identifier: Apache-2.0
#include "loader/channel/shm.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace aiges {
namespace {

std::unique_ptr<Arena> MakeArena(size_t blocks) {
  Status status;
  auto arena = Arena::Create("test", blocks * kBlock, &status);
  EXPECT_NE(arena, nullptr) << status.text;
  return arena;
}

// As a worker sees the loader's arena.
std::shared_ptr<ArenaMapping> MapReader(const Fd& fd, bool can_release) {
  Status status;
  auto map = ArenaMapping::Map(fd.get(), ArenaMapping::Access::kReader, can_release, &status);
  EXPECT_NE(map, nullptr) << status.text;
  return map;
}

// Resident pages of the arena, in bytes.
size_t UsedBytes(const Arena& arena) {
  struct stat info{};
  EXPECT_EQ(::fstat(arena.fd(), &info), 0);
  return static_cast<size_t>(info.st_blocks) * 512;
}

TEST(Arena, WhatTheOwnerWritesTheReaderSees) {
  auto arena = MakeArena(4);
  uint64_t offset = 0;
  char* room = arena->Allocate(100'000, &offset);
  ASSERT_NE(room, nullptr);
  std::memset(room, 'p', 100'000);
  const auto reader = MapReader(arena->OpenReadOnly(), false);
  ASSERT_NE(reader, nullptr);
  EXPECT_EQ(reader->View(offset, 100'000), std::string(100'000, 'p'));
}

TEST(Arena, TrimGivesBackWhatWasNotUsedSince) {
  auto arena = MakeArena(8);
  uint64_t kept = 0, freed = 0;
  std::memset(arena->Allocate(kBlock, &kept), 'k', kBlock);
  std::memset(arena->Allocate(4 * kBlock, &freed), 'f', 4 * kBlock);
  arena->Free(freed);
  const size_t all = UsedBytes(*arena);
  EXPECT_TRUE(arena->Trim());  // Something was allocated just now.
  EXPECT_EQ(UsedBytes(*arena), all);
  EXPECT_TRUE(arena->Trim());
  EXPECT_EQ(UsedBytes(*arena), all - 4 * kBlock);
  const auto reader = MapReader(arena->OpenReadOnly(), false);
  EXPECT_EQ(reader->View(kept, kBlock), std::string(kBlock, 'k'));
  uint64_t again = 0;
  EXPECT_NE(arena->Allocate(7 * kBlock, &again), nullptr);
  arena->Free(again);
  arena->Free(kept);
  arena->Trim();
  EXPECT_FALSE(arena->Trim());
}

TEST(Arena, RunsDoNotOverlapAndRunOutOfRoomIsSaid) {
  auto arena = MakeArena(4);
  std::set<uint64_t> offsets;
  uint64_t offset = 0;
  for (int i = 0; i < 4; ++i) {
    ASSERT_NE(arena->Allocate(kBlock, &offset), nullptr);
    EXPECT_EQ(offset % kBlock, 0u);
    offsets.insert(offset);
  }
  EXPECT_EQ(offsets.size(), 4u);
  EXPECT_EQ(arena->Allocate(1, &offset), nullptr);
}

TEST(Arena, FreedRunIsGivenOutAgain) {
  auto arena = MakeArena(3);
  uint64_t a = 0, b = 0, c = 0;
  ASSERT_NE(arena->Allocate(kBlock, &a), nullptr);
  ASSERT_NE(arena->Allocate(2 * kBlock, &b), nullptr);
  arena->Free(b);
  EXPECT_EQ(arena->Allocate(3 * kBlock, &c), nullptr) << "the first run is still in use";
  ASSERT_NE(arena->Allocate(2 * kBlock - 1, &c), nullptr);
  EXPECT_EQ(c, b);
}

TEST(Arena, FreeingTwiceIsHarmless) {
  auto arena = MakeArena(2);
  uint64_t a = 0, b = 0, c = 0;
  ASSERT_NE(arena->Allocate(1, &a), nullptr);
  arena->Free(a);
  arena->Free(a);
  ASSERT_NE(arena->Allocate(1, &b), nullptr);
  ASSERT_NE(arena->Allocate(1, &c), nullptr);
  EXPECT_NE(b, c);
}

TEST(Arena, FreeInsideARunDoesNotFreeTheRun) {
  auto arena = MakeArena(2);
  uint64_t a = 0, b = 0;
  ASSERT_NE(arena->Allocate(2 * kBlock, &a), nullptr);
  arena->Free(a + kBlock);  // What a broken peer could send.
  EXPECT_EQ(arena->Allocate(1, &b), nullptr);
}

TEST(Arena, ReleaseFromAnotherProcessMakesRoom) {
  auto arena = MakeArena(1);
  uint64_t offset = 0;
  ASSERT_NE(arena->Allocate(10, &offset), nullptr);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    Status status;
    const auto map = ArenaMapping::Map(arena->fd(), ArenaMapping::Access::kReader, true, &status);
    if (map == nullptr) ::_exit(1);
    map->Release(offset);
    ::_exit(0);
  }
  int exit_status = -1;
  ASSERT_EQ(::waitpid(child, &exit_status, 0), child);
  ASSERT_EQ(exit_status, 0);
  EXPECT_NE(arena->Allocate(10, &offset), nullptr);
}

TEST(Arena, ViewIsBounded) {
  auto arena = MakeArena(2);
  const auto map = MapReader(arena->OpenReadOnly(), false);
  ASSERT_NE(map, nullptr);
  const uint64_t size = 2 * kBlock;
  EXPECT_EQ(map->View(0, size).size(), size);
  EXPECT_EQ(map->View(size - 1, 1).size(), 1u);
  EXPECT_NE(map->View(0, 0).data(), nullptr);
  EXPECT_EQ(map->View(0, size + 1).data(), nullptr);
  EXPECT_EQ(map->View(size, 0).data(), nullptr);
  EXPECT_EQ(map->View(size - 1, 2).data(), nullptr);
  EXPECT_EQ(map->View(1, UINT64_MAX).data(), nullptr) << "offset + length wraps around";
  EXPECT_EQ(map->View(UINT64_MAX, 1).data(), nullptr);
}

TEST(Arena, ContainsTellsItsOwnMemory) {
  auto arena = MakeArena(2);
  uint64_t offset = 0, found = 0;
  char* room = arena->Allocate(10, &offset);
  EXPECT_TRUE(arena->Contains(room + 3, &found));
  EXPECT_EQ(found, offset + 3);
  const char elsewhere = 'x';
  EXPECT_FALSE(arena->Contains(&elsewhere, &found));
  EXPECT_FALSE(arena->Contains(nullptr, &found));
}

TEST(ArenaDeathTest, WritingThroughAReadersMappingFaults) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  auto arena = MakeArena(1);
  const auto map = MapReader(arena->OpenReadOnly(), false);
  ASSERT_NE(map, nullptr);
  EXPECT_DEATH(*static_cast<volatile char*>(map->blocks()) = 'x', "");
  EXPECT_DEATH(map->Release(0), "") << "the flags are read-only for workers too";
}

TEST(Arena, ReadOnlyDescriptorCannotBeMappedForWriting) {
  auto arena = MakeArena(1);
  const Fd fd = arena->OpenReadOnly();
  ASSERT_TRUE(fd.valid());
  EXPECT_EQ(::mmap(nullptr, kBlock, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0), MAP_FAILED);
}

TEST(Arena, MemoryBeyondTheResidentPartGoesBackToTheSystem) {
  auto arena = MakeArena(1024);  // 64 MiB.
  uint64_t offset = 0;
  char* room = arena->Allocate(1024 * kBlock, &offset);
  ASSERT_NE(room, nullptr);
  std::memset(room, 1, 1024 * kBlock);
  const size_t full = UsedBytes(*arena);
  arena->Free(offset);
  ASSERT_NE(arena->Allocate(1, &offset), nullptr);
  EXPECT_LE(UsedBytes(*arena), full / 2 + kBlock);
}

TEST(Arena, DescriptorThatIsNoArenaIsRefused) {
  for (const off_t size : {0, 1, 4096, 16 * 1024, 16 * 1024 + 65535, 16 * 1024 + 65537}) {
    Fd fd(::memfd_create("odd", MFD_CLOEXEC));
    ASSERT_EQ(::ftruncate(fd.get(), size), 0);
    Status status;
    EXPECT_EQ(ArenaMapping::Map(fd.get(), ArenaMapping::Access::kReader, false, &status), nullptr)
        << size;
    EXPECT_EQ(status.kind, StatusKind::kInternal);
  }
  Status status;
  EXPECT_EQ(Arena::Adopt(Fd(), &status), nullptr);
  EXPECT_FALSE(status.ok());
}

TEST(Arena, AdoptedArenaHasTheSizeOfTheOriginal) {
  // More than one control page of flags.
  for (const size_t blocks : {size_t{1}, size_t{16 * 1024}, size_t{16 * 1024 + 1}}) {
    auto arena = MakeArena(blocks);
    const auto map = MapReader(arena->OpenReadOnly(), false);
    ASSERT_NE(map, nullptr);
    EXPECT_EQ(map->block_count(), blocks);
  }
}

TEST(Arena, ThreadsAllocateAndFreeAtOnceWithoutSharingARun) {
  auto arena = MakeArena(64);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&arena, t] {
      for (int i = 0; i < 300; ++i) {
        const size_t size = kBlock * static_cast<size_t>(1 + (i + t) % 3);
        uint64_t offset = 0;
        char* room = arena->Allocate(size, &offset);
        if (room == nullptr) continue;
        room[0] = room[size - 1] = static_cast<char>(t);
        std::this_thread::yield();
        EXPECT_EQ(room[0], t);
        EXPECT_EQ(room[size - 1], t);
        arena->Free(offset);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  uint64_t offset = 0;
  EXPECT_NE(arena->Allocate(64 * kBlock, &offset), nullptr) << "everything is free again";
}

}  // namespace
}  // namespace aiges
