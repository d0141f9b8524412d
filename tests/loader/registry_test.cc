// SPDX-License-Identifier: Apache-2.0
// What the backends agree on. The Consul backend is tested against a real agent (tests/cluster).
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>

#include "loader/base/mutex.h"
#include "loader/registry/consul_api.h"
#include "loader/registry/consul_loaders.h"
#include "loader/registry/folder_loaders.h"
#include "loader/registry/kv_tree.h"
#include "loader/registry/make.h"
#include "loader/registry/tree.h"

namespace aiges {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

TEST(Tree, RevisionNamesTheContentNotTheOrder) {
  ConfigTree a{"", {{"b", "2"}, {"a", "1"}}}, b{"", {{"a", "1"}, {"b", "2"}}};
  Seal(&a);
  Seal(&b);
  EXPECT_EQ(a.revision, b.revision);
  // sha256("1:a1:11:b1:2"), as sdk/aiges/registry computes it.
  EXPECT_EQ(a.revision, "4016e0316f40");
  EXPECT_EQ(a.files.front().first, "a");
}

TEST(Tree, BoundariesBetweenFilesCount) {
  ConfigTree a{"", {{"a", "1b"}}}, b{"", {{"a1", "b"}}}, none;
  Seal(&a);
  Seal(&b);
  Seal(&none);
  EXPECT_NE(a.revision, b.revision);
  EXPECT_EQ(none.revision, "");
}

TEST(KvTree, ReadsFilesFoldersEmptyAndBinaryValues) {
  const auto tree = ParseKvTree(
      R"([{"Key":"aiges/p/","Value":null},{"Key":"aiges/p/b","Value":"AAH/"},)"
      R"({"Key":"aiges/p/a","Value":null},{"Key":"aiges/p/c/d","Value":"eA==","Flags":0}])",
      "aiges/p/");
  ASSERT_TRUE(tree.has_value());
  ASSERT_EQ(tree->files.size(), 3u);
  EXPECT_EQ(tree->files[0], std::make_pair(std::string("a"), std::string()));
  EXPECT_EQ(tree->files[1].second, std::string("\0\x01\xff", 3));
  EXPECT_EQ(tree->files[2], std::make_pair(std::string("c/d"), std::string("x")));
  EXPECT_EQ(tree->revision.size(), 12u);
  EXPECT_EQ(ParseKvTree("[]", "p/")->revision, "");
}

TEST(KvTree, NonsenseIsNoTree) {
  for (const char* body :
       {"", "x", "{}", "null", "[1]", R"([{"Key":"p/a"}])", R"([{"Key":7,"Value":null}])",
        R"([{"Key":"other/a","Value":null}])", R"([{"Key":"p/a","Value":"!"}])",
        R"([{"Key":"p/a","Value":7}])", R"([{"Key":"p/a","Value":"eA=="})"}) {
    EXPECT_FALSE(ParseKvTree(body, "p/").has_value()) << body;
  }
}

TEST(Pauses, DoubleUpToTheLongestAndStayBelowIt) {
  Pauses pauses;
  for (const int limit : {200, 400, 800, 1600, 3000, 3000}) {
    const milliseconds pause = pauses.Next();
    EXPECT_LE(pause, milliseconds(limit));
    EXPECT_GE(pause, milliseconds(limit / 2));
  }
  pauses.Reset();
  EXPECT_LE(pauses.Next(), milliseconds(200));
}

TEST(UrlPath, KeepsSlashesAndEscapesTheRest) {
  EXPECT_EQ(UrlPath("aiges/a b/ü?#%"), "aiges/a%20b/%C3%BC%3F%23%25");
}

TEST(ReachableAddress, BoundAddressIsTakenAsItIs) {
  EXPECT_EQ(ReachableAddress("10.1.2.3", "http://127.0.0.1:8500"), "10.1.2.3");
  EXPECT_NE(ReachableAddress("0.0.0.0", "http://127.0.0.1:8500"), "0.0.0.0");
  EXPECT_FALSE(ReachableAddress("", "nonsense").empty());
}

class FolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    root = fs::path(::testing::TempDir()) / ("folder_" + name);
    fs::remove_all(root);
    settings.backend = "file";
    settings.url = root.string();
    fs::create_directories(root / TreePath(settings, "svc"));
    registry = MakeRegistry(settings, "svc");
  }
  void TearDown() override {
    registry.reset();
    fs::remove_all(root);
  }
  void Write(const std::string& name, const std::string& text) {
    const fs::path path = root / TreePath(settings, "svc") / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path.string() + ".new") << text;
    fs::rename(path.string() + ".new", path);
  }

  fs::path root;
  RegistrySettings settings;
  std::unique_ptr<Registry> registry;
};

TEST_F(FolderTest, FetchReadsTheTree) {
  Write("aiges.toml", "x = 1");
  Write("deep/er/labels", "cat");
  ConfigTree tree;
  ASSERT_TRUE(registry->Fetch({}, &tree).ok());
  ASSERT_EQ(tree.files.size(), 2u);
  EXPECT_EQ(tree.files[1].first, "deep/er/labels");
  EXPECT_EQ(registry->Report().backend, "file");
  EXPECT_TRUE(registry->Report().connected);
}

TEST_F(FolderTest, WatchTellsAChangeAndNotWhatIsKnown) {
  Write("aiges.toml", "x = 1");
  ConfigTree tree;
  ASSERT_TRUE(registry->Fetch({}, &tree).ok());
  std::promise<ConfigTree> changed;
  std::future<ConfigTree> future = changed.get_future();
  registry->Watch(tree.revision, [&](ConfigTree t) { changed.set_value(std::move(t)); });
  Write("aiges.toml", "x = 2");
  ASSERT_EQ(future.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_EQ(future.get().files.at(0).second, "x = 2");
}

TEST_F(FolderTest, FolderThatIsMissingIsSaid) {
  fs::remove_all(root);
  ConfigTree tree;
  const Status status = registry->Fetch({}, &tree);
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.text.find(root.string()), std::string::npos) << status.text;
  EXPECT_EQ(registry->Report().failures, 1u);
}

TEST(NoRegistry, NeedsNothing) {
  const auto registry = MakeRegistry({}, "svc");
  ConfigTree tree;
  EXPECT_TRUE(registry->Fetch({}, &tree).ok());
  EXPECT_EQ(registry->Report().backend, "none");
}

TEST(ConsulLoaders, AreToldByTheirIds) {
  const char* answer =
      R"([{"Service":{"ID":"svc-1","Port":1}},{"Service":{"ID":"svc-2"}},{"Service":{"ID":"svc-3"}}])";
  EXPECT_EQ(ServiceIds(answer), (std::vector<std::string>{"svc-1", "svc-2", "svc-3"}));
  EXPECT_EQ(ServiceIds("[]"), std::vector<std::string>());
  for (const char* nonsense : {"", "x", "{}", "null", "[1]", "[{}]", R"([{"Service":7}])",
                               R"([{"Service":{}}])", R"([{"Service":{"ID":7}}])"}) {
    EXPECT_FALSE(ServiceIds(nonsense).has_value()) << nonsense;
  }
}

// The last number that was told.
class Told {
 public:
  std::function<void(unsigned)> Hear() {
    return [this](unsigned n) {
      MutexLock lock(mu_);
      number_ = n;
      changed_.NotifyOne();
    };
  }
  void Wait(unsigned n) {
    MutexLock lock(mu_);
    while (number_ != n) changed_.Wait(mu_);
  }

 private:
  Mutex mu_;
  CondVar changed_;
  unsigned number_ GUARDED_BY(mu_) = 0;
};

TEST(FolderLoaders, ThoseThatTakeCallsAreCounted) {
  const fs::path folder = fs::temp_directory_path() / StrCat("loaders-", ::getpid(), "/svc");
  const fs::path old = folder / "loader-killed", unrelated = folder / "README";
  fs::create_directories(folder);
  for (const auto& file : {old, unrelated}) std::ofstream(file) << "x";
  fs::last_write_time(old, fs::file_time_type::clock::now() - std::chrono::hours(2));
  Told first_told, second_told;
  {
    FolderLoaders first(folder.string(), first_told.Hear());
    first.SetSelf("svc-10.0.0.1-5090");
    first_told.Wait(1);
    {
      FolderLoaders second(folder.string(), second_told.Hear());
      second.SetSelf("svc/10.0.0.2:5090");
      second_told.Wait(2);
      first_told.Wait(2);
      first.SetSelf("");
      second_told.Wait(1);
      first.SetSelf("svc-10.0.0.1-5090");
      second_told.Wait(2);
    }
    first_told.Wait(1);
  }
  EXPECT_FALSE(fs::exists(old)) << "of one that has long been gone";
  EXPECT_TRUE(fs::exists(unrelated));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 1);
  fs::remove_all(folder.parent_path());
}

}  // namespace
}  // namespace aiges
