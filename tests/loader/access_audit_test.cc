// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>

#include "loader/access/audit_log.h"
#include "loader/access/page_logins.h"

namespace aiges {
namespace {

namespace fs = std::filesystem;

class AuditTest : public ::testing::Test {
 protected:
  AuditTest()
      : path_(StrCat(testing::TempDir(), "/audit_", static_cast<int>(::getpid()), ".jsonl")) {
    fs::remove(path_);
  }
  ~AuditTest() override { fs::remove(path_); }

  static std::string Read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  // Waits for a text in the file.
  static bool Comes(const std::string& path, const std::string& text) {
    for (int i = 0; i < 2000; ++i) {
      if (Read(path).find(text) != std::string::npos) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }

  const std::string path_;
};

TEST_F(AuditTest, ALineIsAnObjectWithWhatThereIs) {
  {
    AuditLog log;
    log.Write({}, {"before", "allowed"});
    ASSERT_TRUE(log.Use(path_).ok());
    const AuditRef trail = log.Trail({"alice", "key", "127.0.0.1:4", "/v1/raw/s"});
    trail->Tell({"m", "refused", 10421, "not \"this\"\n\xff"});
    log.Write({}, {"drain", "allowed"});
  }  // Writes what waits.
  std::istringstream lines(Read(path_));
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  const auto first = nlohmann::json::parse(line);
  EXPECT_EQ(first["who"], "alice");
  EXPECT_EQ(first["proof"], "key");
  EXPECT_EQ(first["peer"], "127.0.0.1:4");
  EXPECT_EQ(first["path"], "/v1/raw/s");
  EXPECT_EQ(first["what"], "m");
  EXPECT_EQ(first["decision"], "refused");
  EXPECT_EQ(first["code"], 10421);
  EXPECT_EQ(first["why"], "not \"this\"\n\\xff");
  EXPECT_EQ(first["time"].get<std::string>().size(), 24u);
  ASSERT_TRUE(std::getline(lines, line));
  const auto second = nlohmann::json::parse(line);
  EXPECT_EQ(second.size(), 3u);
  EXPECT_FALSE(std::getline(lines, line));
  struct stat info{};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07, 0u) << "not for everybody";
}

TEST_F(AuditTest, AFileThatWasRenamedIsMadeAnew) {
  AuditLog log;
  ASSERT_TRUE(log.Use(path_).ok());
  log.Write({}, {"one", "allowed"});
  ASSERT_TRUE(Comes(path_, "one"));
  fs::rename(path_, path_ + ".1");
  log.Write({}, {"two", "allowed"});
  EXPECT_TRUE(Comes(path_, "two"));
  EXPECT_EQ(Read(path_ + ".1").find("two"), std::string::npos);
  ASSERT_TRUE(log.Use(path_ + ".other").ok());
  log.Write({}, {"three", "allowed"});
  EXPECT_TRUE(Comes(path_ + ".other", "three"));
  ASSERT_TRUE(log.Use("").ok());
  EXPECT_FALSE(log.on());
  EXPECT_EQ(log.Trail({}), nullptr);
  fs::remove(path_ + ".1");
  fs::remove(path_ + ".other");
}

TEST_F(AuditTest, WhatFindsNoRoomIsCounted) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  AuditLog log;
  EXPECT_NE(log.Use(path_).text.find("[access] audit_log"), std::string::npos) << "no pipe";
  EXPECT_NE(log.Use("/nowhere/at/all").text.find("No such file"), std::string::npos);
  EXPECT_FALSE(log.on());
  fs::remove(path_);
  ASSERT_TRUE(log.Use(path_).ok());
  std::vector<std::thread> threads;
  constexpr size_t kThreads = 8, kEach = 20'000;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&log] {
      for (size_t i = 0; i < kEach; ++i) log.Write({}, {"flood", "refused"});
    });
  }
  for (std::thread& thread : threads) thread.join();
  log.Write({}, {"last", "allowed"});
  const auto count = [](const std::string& text) {
    size_t n = 0;
    for (size_t at = 0; (at = text.find("\"flood\"", at)) != std::string::npos; ++at) ++n;
    return n;
  };
  for (int i = 0; i < 2000 && count(Read(path_)) + log.lost() < kThreads * kEach; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  // The last line itself may have found no room.
  EXPECT_NEAR(static_cast<double>(count(Read(path_)) + log.lost()), kThreads * kEach, 1);
}

GrantRef GrantOf(const std::string& id) {
  auto grant = std::make_shared<Grant>();
  grant->id = id;
  return grant;
}

TEST(PageLoginsTest, ALoginEndsByTimeByChangeAndByTheUser) {
  PageLogins logins;
  const Credentials::Basis basis{std::make_shared<int>(1), nullptr, nullptr, nullptr};
  Proof proof;
  proof.grant = GrantOf("alice");
  const std::string cookie = logins.Add(proof, basis, 1000);
  EXPECT_EQ(cookie.size(), 64u);
  EXPECT_EQ(logins.Find(cookie, basis, 1000), proof.grant);
  EXPECT_EQ(logins.Find(cookie.substr(1), basis, 1000), nullptr);
  EXPECT_EQ(logins.Find("", basis, 1000), nullptr);
  EXPECT_EQ(logins.Find(cookie, basis, 1000 + PageLogins::kLasts), nullptr);
  EXPECT_EQ(logins.size(), 0u);
  const std::string second = logins.Add(proof, basis, 1000);
  EXPECT_NE(second, cookie);
  EXPECT_EQ(logins.Find(second, {std::make_shared<int>(1), nullptr, nullptr, nullptr}, 1000),
            nullptr)
      << "the keys are others";
  proof.until = 1010;
  const std::string token = logins.Add(proof, basis, 1000);
  EXPECT_EQ(logins.Find(token, basis, 1009), proof.grant);
  EXPECT_EQ(logins.Find(token, basis, 1010), nullptr) << "as the token";
  const std::string fourth = logins.Add(proof, basis, 1000);
  logins.Remove(fourth);
  EXPECT_EQ(logins.Find(fourth, basis, 1000), nullptr);
}

TEST(PageLoginsTest, TheOldestLeaves) {
  PageLogins logins;
  Proof proof;
  proof.grant = GrantOf("alice");
  const std::string first = logins.Add(proof, {}, 1000);
  for (size_t i = 1; i < PageLogins::kMost; ++i) (void)logins.Add(proof, {}, 1000);
  EXPECT_NE(logins.Find(first, {}, 1000), nullptr);
  (void)logins.Add(proof, {}, 1000);
  EXPECT_EQ(logins.Find(first, {}, 1000), nullptr);
  EXPECT_EQ(logins.size(), PageLogins::kMost);
}

TEST(PageLoginsTest, TheCookieIsForPagesAlone) {
  EXPECT_EQ(SetCookie("v", true),
            "aiges_login=v; Path=/-/; HttpOnly; SameSite=Strict; Secure; Max-Age=28800");
  EXPECT_EQ(SetCookie("", false), "aiges_login=; Path=/-/; HttpOnly; SameSite=Strict; Max-Age=0");
  EXPECT_EQ(LoginCookie("a=1; aiges_login=v ;b=2"), "v");
  EXPECT_EQ(LoginCookie("xaiges_login=v; aiges_logi=n; aiges_login"), "");
}

}  // namespace
}  // namespace aiges
