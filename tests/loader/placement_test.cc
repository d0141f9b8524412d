// SPDX-License-Identifier: Apache-2.0
// Which GPUs, CPUs and memory an instance has, on machines that are folders.
#include "loader/instances/placement.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "loader/base/strings.h"

namespace aiges {
namespace {

namespace fs = std::filesystem;
using Texts = std::vector<std::string>;

class PlacementTest : public ::testing::Test {
 protected:
  // Two nodes with four CPUs each and a GPU at the second one.
  void SetUp() override {
    ::unsetenv("OMP_NUM_THREADS");
    std::string name = ::testing::TempDir() + "/placementXXXXXX";
    sys_ = ::mkdtemp(name.data());
    Write("devices/system/node/node0/cpulist", "0-3");
    Write("devices/system/node/node1/cpulist", "4-7");
    Write("devices/system/node/node2/cpulist", "");
    Write("bus/pci/devices/0000:17:00.0/numa_node", "1");
    Write("bus/pci/devices/0000:17:00.0/local_cpulist", "4-7");
    Write("bus/pci/devices/0000:18:00.0/numa_node", "-1");
    Write("bus/pci/devices/0000:18:00.0/local_cpulist", "0-1");
    machine_.sys = sys_;
    machine_.cpus = {0, 1, 2, 3, 4, 5, 6, 7};
    machine_.gpus = {{"0", "GPU-aaaa", "0000:17:00.0"}, {"1", "GPU-bbbb", "0000:18:00.0"}};
  }
  void TearDown() override { fs::remove_all(sys_); }
  void Write(const std::string& path, const std::string& text) {
    fs::create_directories((sys_ / path).parent_path());
    std::ofstream(sys_ / path) << text << "\n";
  }
  Placement Place(unsigned number) { return PlaceInstance(settings_, number, machine_); }
  // The devices that a worker sees; "unset" where it sees all.
  static std::string Visible(const Placement& place) {
    for (const std::string& entry : place.environment) {
      if (entry.starts_with("CUDA_VISIBLE_DEVICES=")) return entry.substr(21);
    }
    return "unset";
  }

  fs::path sys_;
  InstanceSettings settings_;
  Machine machine_;
};

TEST_F(PlacementTest, NothingIsSaidWhereNothingIsSet) {
  const Placement place = Place(3);
  EXPECT_TRUE(place.environment.empty());
  EXPECT_EQ(place.cpus, "");
  EXPECT_EQ(place.numa_node, -1);
}

TEST_F(PlacementTest, OneEntryIsForAllInstances) {
  settings_.gpus = {"0, 1"};
  for (const unsigned number : {0u, 1u, 2u}) {
    const Placement place = Place(number);
    EXPECT_EQ(Visible(place), "0,1");
    EXPECT_EQ(place.gpus.size(), 2u);
    EXPECT_EQ(place.environment.back(), "CUDA_DEVICE_ORDER=PCI_BUS_ID");
  }
}

TEST_F(PlacementTest, EntriesOfAListGoRound) {
  settings_.gpus = {"1", "GPU-aa", "none", "MIG-cccc"};
  EXPECT_EQ(Visible(Place(0)), "1");
  EXPECT_EQ(Visible(Place(1)), "GPU-aa");
  EXPECT_EQ(Place(1).gpus.at(0).index, "0");
  EXPECT_EQ(Visible(Place(2)), "");
  EXPECT_EQ(Visible(Place(3)), "MIG-cccc");
  EXPECT_EQ(Place(3).gpus.at(0).uuid, "MIG-cccc");
  EXPECT_EQ(Visible(Place(4)), "1") << "and a worker that is started again has the same";
}

TEST_F(PlacementTest, PerInstanceGivesOutWhatThereIs) {
  settings_.gpus = {"per_instance"};
  EXPECT_EQ(Visible(Place(0)), "GPU-aaaa");
  EXPECT_EQ(Visible(Place(3)), "GPU-bbbb");
  machine_.bounded = true;
  machine_.visible = "1";
  EXPECT_EQ(Visible(Place(0)), "1") << "of those that the loader itself may use";
  machine_.visible = "";
  EXPECT_NE(Place(0).wrong.find("found no GPU"), std::string::npos);
}

TEST_F(PlacementTest, DevicesThatAreNotThereAreNamed) {
  settings_.gpus = {"0,7"};
  EXPECT_EQ(Place(0).wrong, "[instances] gpus: no GPU 7, there are 0 (GPU-aaaa), 1 (GPU-bbbb)");
  machine_.gpus.clear();
  EXPECT_EQ(Place(0).wrong, "") << "without a driver's list there is no telling";
  EXPECT_EQ(Visible(Place(0)), "0,7");
}

TEST_F(PlacementTest, AutoIsNearToTheGpu) {
  settings_.gpus = {"0", "1"};
  settings_.numa = {"auto"};
  const Placement first = Place(0);
  EXPECT_EQ(first.numa_node, 1);
  EXPECT_EQ(first.cpus, "4-7");
  EXPECT_EQ(first.environment.back(), "OMP_NUM_THREADS=4");
  EXPECT_EQ(Place(1).numa_node, -1) << "the firmware does not say";
  EXPECT_EQ(Place(1).cpus, "0-1");
}

TEST_F(PlacementTest, AutoWithoutGpusGoesRoundTheNodesThatHaveCpus) {
  settings_.numa = {"auto"};
  EXPECT_EQ(Place(0).cpus, "0-3");
  EXPECT_EQ(Place(1).cpus, "4-7");
  EXPECT_EQ(Place(2).numa_node, 0);
  fs::remove_all(sys_ / "devices/system/node/node1");
  EXPECT_EQ(Place(1).numa_node, -1) << "one node is all there is";
}

TEST_F(PlacementTest, OnlyCpusThatTheContainerLeaves) {
  settings_.numa = {"1"};
  machine_.cpus = {2, 5, 6};
  EXPECT_EQ(Place(0).cpus, "5-6");
  machine_.cpus = {0, 1};
  EXPECT_EQ(Place(0).cpus, "") << "none of them is near";
  EXPECT_EQ(Place(0).numa_node, 1);
}

TEST_F(PlacementTest, NodesThatAreNotThereAreNamed) {
  settings_.numa = {"0", "5"};
  EXPECT_EQ(Place(0).wrong, "");
  EXPECT_EQ(Place(1).wrong, "[instances] numa: no node 5 on this machine");
}

TEST_F(PlacementTest, CpusGoBeforeThoseOfTheNode) {
  settings_.numa = {"0"};
  settings_.cpus = {"1", "2-3"};
  EXPECT_EQ(Place(0).cpus, "1");
  EXPECT_EQ(Place(1).cpus, "2-3");
  EXPECT_EQ(Place(1).numa_node, 0);
  ::setenv("OMP_NUM_THREADS", "8", 1);
  EXPECT_TRUE(Place(1).environment.empty()) << "it was said";
  ::unsetenv("OMP_NUM_THREADS");
}

TEST(GpuDevices, AreWhatTheDriverLists) {
  ::setenv("AIGES_TEST_GPUS", "GPU-1111 00000000:17:00.0\nGPU-2222 00000001:AB:00.0\n", 1);
  const std::vector<GpuDevice> gpus = ListGpus(AIGES_NVML);
  ::unsetenv("AIGES_TEST_GPUS");
  ASSERT_EQ(gpus.size(), 2u);
  EXPECT_EQ(gpus[0].uuid, "GPU-1111");
  EXPECT_EQ(gpus[0].bus, "0000:17:00.0");
  EXPECT_EQ(gpus[1].index, "1");
  EXPECT_EQ(gpus[1].bus, "0001:ab:00.0");
  EXPECT_TRUE(ListGpus("libno-such-driver.so.1").empty());
}

}  // namespace
}  // namespace aiges
