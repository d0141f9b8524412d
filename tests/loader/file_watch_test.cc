// SPDX-License-Identifier: Apache-2.0
#include "loader/config/file_watch.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace aiges {
namespace {

namespace fs = std::filesystem;

class FileWatchTest : public testing::Test {
 protected:
  FileWatchTest() {
    std::string pattern = testing::TempDir() + "/watchXXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    Write("wrapper.py", "1");
  }
  ~FileWatchTest() override { fs::remove_all(folder_); }

  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  void Write(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(Path(name)).parent_path());
    std::ofstream(Path(name)) << text;
  }

  fs::path folder_;
};

TEST_F(FileWatchTest, NothingHasChangedAtFirst) {
  FileWatch watch({Path("aiges.toml")}, {folder_.string()});
  EXPECT_EQ(watch.Changed(), "");
}

// cp -p, tar, and trees in which every file has one time.
TEST_F(FileWatchTest, AnotherFileWithTheSameTimeIsAChange) {
  FileWatch watch({}, {folder_.string()});
  Write("next.txt", "2");
  fs::last_write_time(Path("next.txt"), fs::last_write_time(Path("wrapper.py")));
  fs::rename(Path("next.txt"), Path("wrapper.py"));
  EXPECT_EQ(watch.Changed(), Path("wrapper.py"));
  EXPECT_EQ(watch.Changed(), "");
}

TEST_F(FileWatchTest, ModulesThatTheWrapperImportsAreWatched) {
  Write("model/net.py", "1");
  FileWatch watch({}, {folder_.string()});
  Write("model/net.py", "22");
  EXPECT_EQ(watch.Changed(), Path("model/net.py"));
  Write("fresh.py", "1");
  EXPECT_EQ(watch.Changed(), Path("fresh.py"));
}

TEST_F(FileWatchTest, JarsBesideAreWatchedAlsoWithoutPython) {
  fs::remove(Path("wrapper.py"));
  Write("engine.jar", "1");
  Write("lib/other.jar", "1");
  FileWatch watch({}, {folder_.string()});
  Write("engine.jar", "22");
  EXPECT_EQ(watch.Changed(), Path("engine.jar"));
  Write("lib/other.jar", "22");
  EXPECT_EQ(watch.Changed(), "");
}

TEST_F(FileWatchTest, PackagesCachesAndHiddenFoldersAreNot) {
  Write("env/pyvenv.cfg", "");
  FileWatch watch({}, {folder_.string()});
  for (const char* name : {"env/lib/a.py", ".git/a.py", "__pycache__/a.py", "site-packages/a.py"}) {
    Write(name, "1");
  }
  Write("notes.txt", "1");
  EXPECT_EQ(watch.Changed(), "");
}

TEST_F(FileWatchTest, CodeOfAnyNameIsWatched) {
  Write("mine/model.py", "1");
  FileWatch watch({}, {Path("mine")});
  Write("mine/model.py", "22");
  EXPECT_EQ(watch.Changed(), Path("mine/model.py"));
}

TEST_F(FileWatchTest, AFolderWithoutCodeIsNotSearched) {
  Write("data/deep/a.py", "1");
  FileWatch watch({}, {Path("data")});
  Write("data/deep/a.py", "22");
  EXPECT_EQ(watch.Changed(), "");
}

TEST_F(FileWatchTest, ALibraryOnPythonpathIsNotSearched) {
  Write("library/a.py", "1");
  ::setenv("PYTHONPATH", Path("library").c_str(), 1);
  FileWatch watch({}, {});
  ::unsetenv("PYTHONPATH");
  Write("library/a.py", "22");
  EXPECT_EQ(watch.Changed(), "");
}

TEST_F(FileWatchTest, AFileThatIsGoneIsNoChangeUntilItsSuccessorComes) {
  FileWatch watch({Path("aiges.toml")}, {folder_.string()});
  fs::remove(Path("wrapper.py"));
  EXPECT_EQ(watch.Changed(), "");
  Write("wrapper.py", "22");
  EXPECT_EQ(watch.Changed(), Path("wrapper.py"));
  Write("aiges.toml", "");
  EXPECT_EQ(watch.Changed(), Path("aiges.toml"));
}

}  // namespace
}  // namespace aiges
