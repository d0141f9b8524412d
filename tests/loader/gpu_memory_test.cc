// SPDX-License-Identifier: Apache-2.0
// Who uses a GPU, as a driver says it (tests/engine/nvml.cc).
#include "loader/base/gpu_memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "loader/base/strings.h"

namespace aiges {
namespace {

class GpuMemoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ::setenv("AIGES_TEST_NVML", path_.c_str(), 1);
    gpus_ = GpuMemory::Open(AIGES_NVML);
    ASSERT_NE(gpus_, nullptr);
  }
  void TearDown() override { ::unlink(path_.c_str()); }
  GpuUse Told(const std::string& lines) {
    std::ofstream(path_) << lines;
    return gpus_->Read();
  }

  const std::string path_ = StrCat(::testing::TempDir(), "/nvml-", ::getpid());
  std::unique_ptr<GpuMemory> gpus_;
};

TEST_F(GpuMemoryTest, BytesAreThoseOfProcessesThatAreHere) {
  const GpuUse use = Told(StrCat(::getpid(), " 1000\n", ::getppid(), " 24\n"));
  EXPECT_TRUE(use.by_process);
  EXPECT_FALSE(use.foreign);
  EXPECT_EQ(use.devices, uint64_t{1} << 32);
  const std::map<pid_t, uint64_t> expected = {{::getpid(), 1000}, {::getppid(), 24}};
  EXPECT_EQ(use.processes, expected);  // Once, though in both lists.
}

TEST_F(GpuMemoryTest, OthersAreForeign) {
  EXPECT_TRUE(Told("4194305 1000\n").foreign);  // Above the highest number there can be.
  EXPECT_TRUE(Told(StrCat(::getpid(), " ?\n")).foreign);
  EXPECT_TRUE(Told("4194305 1000\n").processes.empty());
}

TEST_F(GpuMemoryTest, MoreProcessesThanThereIsRoomForAreReadAgain) {
  std::string lines;
  for (int i = 0; i < 200; ++i) StrAppend(&lines, 4194305 + i, " 1\n");
  StrAppend(&lines, ::getpid(), " 5\n");
  EXPECT_EQ(Told(lines).processes.at(::getpid()), 5u);
}

TEST(GpuMemory, NoDriverIsNoFault) {
  EXPECT_EQ(GpuMemory::Open("libno-such-driver.so.1"), nullptr);
}

}  // namespace
}  // namespace aiges
