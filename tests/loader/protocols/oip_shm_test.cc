// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "loader/base/strings.h"
#include "loader/protocols/oip/client_shm.h"

namespace aiges::oip {
namespace {

// An object of 64 bytes.
class OipShm : public testing::Test {
 protected:
  OipShm()
      : key_(StrCat("/oip_shm_test_", ::getpid())),
        fd_(::shm_open(key_.c_str(), O_CREAT | O_RDWR, 0600)) {
    EXPECT_EQ(::ftruncate(fd_.get(), 64), 0);
  }
  ~OipShm() override { ::shm_unlink(key_.c_str()); }

  Status Register(const std::string& name) { return shm_.Register({name, key_, 8, 16}); }

  const std::string key_;
  const Fd fd_;
  ClientShm shm_{true};
};

TEST_F(OipShm, ReadsAndWritesWithinARegion) {
  ASSERT_TRUE(Register("a").ok());
  ASSERT_TRUE(shm_.Write("a", 4, "data").ok());
  char at[4];
  ASSERT_EQ(::pread(fd_.get(), at, 4, 12), 4) << "the region begins at 8";
  EXPECT_EQ(std::string(at, 4), "data");
  ASSERT_TRUE(shm_.Read("a", 4, at, 4).ok());
  EXPECT_EQ(std::string(at, 4), "data");
  EXPECT_EQ(shm_.Read("a", 13, at, 4).kind, StatusKind::kInvalid);
  EXPECT_EQ(shm_.Write("a", UINT64_MAX, "data").kind, StatusKind::kInvalid);
  EXPECT_EQ(shm_.Read("b", 0, at, 4).kind, StatusKind::kNotFound);
}

TEST_F(OipShm, AnObjectThatWasCutShortIsAnError) {
  ASSERT_TRUE(Register("a").ok());
  ASSERT_EQ(::ftruncate(fd_.get(), 10), 0);
  char at[16];
  EXPECT_EQ(shm_.Read("a", 0, at, 16).kind, StatusKind::kInvalid);
  EXPECT_EQ(shm_.Write("a", 0, std::string(16, 'x')).kind, StatusKind::kInvalid);
}

TEST_F(OipShm, NamesAreTakenOnceAndGivenBack) {
  ASSERT_TRUE(Register("a").ok());
  EXPECT_EQ(Register("a").kind, StatusKind::kExists);
  std::vector<ClientShm::Region> regions;
  ASSERT_TRUE(shm_.List("", &regions).ok());
  ASSERT_EQ(regions.size(), 1U);
  EXPECT_EQ(regions[0].byte_size, 16U);
  EXPECT_EQ(shm_.List("b", &regions).kind, StatusKind::kNotFound);
  EXPECT_TRUE(shm_.Unregister("b").ok());
  EXPECT_TRUE(shm_.Unregister("").ok());
  EXPECT_TRUE(Register("a").ok());
}

TEST_F(OipShm, OnlyObjectsOfSharedMemoryAreOpened) {
  for (const char* key :
       {"/../etc/passwd", "../etc/passwd", "/a/b", "", "/", "..", ".",
        "triton_python_backend_shm_region_1", "//triton_python_backend_shm_region_1"}) {
    EXPECT_EQ(shm_.Register({"a", key, 0, 1}).kind, StatusKind::kInvalid) << key;
  }
  EXPECT_EQ(shm_.Register({"a", "/no_such_object", 0, 1}).kind, StatusKind::kInternal);
  EXPECT_EQ(shm_.Register({"a", key_, 8, 57}).kind, StatusKind::kInvalid) << "longer than it is";
  EXPECT_EQ(shm_.Register({"a", key_, UINT64_MAX, 2}).kind, StatusKind::kInvalid);
  EXPECT_EQ(shm_.Register({"a", key_, 0, 0}).kind, StatusKind::kInvalid);
}

TEST_F(OipShm, OffUnlessTheConfigurationSaysSo) {
  ClientShm off(false);
  EXPECT_EQ(off.Register({"a", key_, 0, 1}).kind, StatusKind::kUnsupported);
  EXPECT_TRUE(off.Unregister("a").ok());  // There is none, which is what is asked for.
  std::vector<ClientShm::Region> regions;
  EXPECT_TRUE(off.List("", &regions).ok());
}

}  // namespace
}  // namespace aiges::oip
