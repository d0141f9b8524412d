// SPDX-License-Identifier: Apache-2.0
// What an entitlement allows and when; a file that was not signed as it is; a clock set back.
#include "loader/metering/entitlement.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "loader/api/codes.h"

namespace aiges {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kDay = 86'400;
constexpr int64_t kBegin = 20'000 * kDay;

std::string Base64(const std::string& bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int n = ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                  reinterpret_cast<const unsigned char*>(bytes.data()),
                                  static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(n));
  return out;
}

Status Ask(Entitlement& entitlement, std::string_view model) {
  std::unique_ptr<Allowance> allowance;
  return entitlement.Admit({.model = model}, &allowance);
}

class EntitlementTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "entitlement-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    key_ = NewKey();
    BIO* bio = ::BIO_new(::BIO_s_mem());
    ::PEM_write_bio_PUBKEY(bio, key_);
    char* text = nullptr;
    const long n = ::BIO_get_mem_data(bio, &text);
    public_.assign(text, static_cast<size_t>(n));
    ::BIO_free(bio);
    settings_.entitlement.file = folder_ + "/file";
    settings_.entitlement.public_key = folder_ + "/key";
    Write("key", public_);
  }
  void TearDown() override {
    ::EVP_PKEY_free(key_);
    fs::remove_all(folder_);
  }
  static EVP_PKEY* NewKey() { return ::EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"); }
  void Write(const std::string& name, const std::string& text) const {
    const std::string made = StrCat(folder_, "/", name, ".new");  // Another inode each time.
    std::ofstream(made, std::ios::binary) << text;
    fs::rename(made, StrCat(folder_, "/", name));
  }
  std::string Signed(const nlohmann::json& terms) const { return Signed(terms, key_); }
  static std::string Signed(const nlohmann::json& terms, EVP_PKEY* key) {
    const std::string line = Base64(terms.dump());
    const std::string bytes = "aiges-entitlement-1\n" + line;
    EVP_MD_CTX* context = ::EVP_MD_CTX_new();
    std::string signature(64, '\0');
    size_t size = signature.size();
    ::EVP_DigestSignInit(context, nullptr, nullptr, nullptr, key);
    ::EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                     reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    ::EVP_MD_CTX_free(context);
    return StrCat("-----BEGIN AIGES ENTITLEMENT-----\n", line, "\n", Base64(signature),
                  "\n-----END AIGES ENTITLEMENT-----\n");
  }
  static nlohmann::json Terms() {
    return {
        {"id", "E1"}, {"customer", "C"}, {"not_before", kBegin}, {"expires", kBegin + 100 * kDay}};
  }
  std::unique_ptr<Entitlement> Open(int64_t now) {
    Status status;
    auto made = Entitlement::Open(settings_, now, true, &status);
    said_ = status.text;
    return made;
  }

  std::string folder_, public_, said_;
  EVP_PKEY* key_ = nullptr;
  Settings settings_;
};

TEST_F(EntitlementTest, TheSignatureIsOfExactlyTheseBytes) {
  EntitlementTerms terms;
  const std::string file = Signed(Terms());
  ASSERT_TRUE(ReadEntitlement(file, public_, &terms).ok());
  EXPECT_EQ(terms.id, "E1");
  EXPECT_EQ(terms.end(), kBegin + 100 * kDay);
  EVP_PKEY* other = NewKey();
  EXPECT_FALSE(ReadEntitlement(Signed(Terms(), other), public_, &terms).ok());
  ::EVP_PKEY_free(other);
  const size_t begin = file.find('\n') + 1;
  for (size_t i = begin; i < file.rfind("\n-----"); ++i) {
    std::string changed = file;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(ReadEntitlement(changed, public_, &terms).ok()) << i;
  }
}

TEST_F(EntitlementTest, AFileThatIsNoneSaysWhatWasExpected) {
  EntitlementTerms terms;
  for (const char* text : {"", "hello", "{\"id\":\"E1\"}"}) {
    const Status status = ReadEntitlement(text, public_, &terms);
    EXPECT_NE(status.text.find("expected four lines"), std::string::npos) << status.text;
  }
  auto wrong = Terms();
  wrong["calls"] = -1;
  EXPECT_NE(ReadEntitlement(Signed(wrong), public_, &terms).text.find("its field calls"),
            std::string::npos);
  EXPECT_NE(ReadEntitlement(Signed(Terms()), "no key", &terms).text.find("public_key"),
            std::string::npos);
  EXPECT_EQ(Open(kBegin), nullptr);
  EXPECT_NE(said_.find("[entitlement] file"), std::string::npos) << said_;
}

TEST_F(EntitlementTest, CallsAreRefusedBeforeItBeginsAndAfterItsGrace) {
  auto terms = Terms();
  terms["grace_days"] = 2;
  Write("file", Signed(terms));
  auto entitlement = Open(kBegin - 1);
  ASSERT_NE(entitlement, nullptr) << said_;
  const auto code = [&](int64_t now) {
    entitlement->Look(now);
    return Ask(*entitlement, "any").code;
  };
  EXPECT_EQ(code(kBegin - 1), kCodeNotEntitled);
  EXPECT_EQ(code(kBegin), 0);
  EXPECT_EQ(code(kBegin + 101 * kDay), 0);
  EXPECT_EQ(code(kBegin + 102 * kDay), kCodeNotEntitled);
  const EntitlementReport report = entitlement->Report(kBegin + 102 * kDay);
  EXPECT_EQ(report.left_s, -2 * kDay);
  EXPECT_EQ(report.refused, 2u);
}

TEST_F(EntitlementTest, AChangedFileIsTakenAndABadOneIsNot) {
  Write("file", Signed(Terms()));
  auto entitlement = Open(kBegin + 200 * kDay);
  ASSERT_NE(entitlement, nullptr) << said_;
  EXPECT_FALSE(Ask(*entitlement, "m").ok());
  auto longer = Terms();
  longer["expires"] = kBegin + 300 * kDay;
  Write("file", Signed(longer));
  EXPECT_TRUE(entitlement->Look(kBegin + 200 * kDay));
  EXPECT_TRUE(Ask(*entitlement, "m").ok());
  Write("file", "something else");
  EXPECT_FALSE(entitlement->Look(kBegin + 200 * kDay));
  EXPECT_TRUE(Ask(*entitlement, "m").ok());
  EXPECT_NE(entitlement->Report(0).problem, "");
}

TEST_F(EntitlementTest, ModelsAndCallsOfADayAreBounded) {
  auto terms = Terms();
  terms["models"] = {"ocr"};
  terms["calls"] = 2;
  Write("file", Signed(terms));
  {
    auto entitlement = Open(kBegin);
    EXPECT_NE(Ask(*entitlement, "asr").text.find("not for the model asr"), std::string::npos);
    EXPECT_TRUE(Ask(*entitlement, "ocr").ok());
    entitlement->Save();
  }
  auto entitlement = Open(kBegin + 60);  // The count outlives a restart.
  EXPECT_TRUE(Ask(*entitlement, "ocr").ok());
  EXPECT_NE(Ask(*entitlement, "ocr").text.find("2 calls a day"), std::string::npos);
  entitlement->Look(kBegin + kDay);
  EXPECT_TRUE(Ask(*entitlement, "ocr").ok());
}

TEST_F(EntitlementTest, AClockThatWasSetBackFarRefusesCalls) {
  Write("file", Signed(Terms()));
  Open(kBegin + 50 * kDay)->Save();
  auto entitlement = Open(kBegin + 49 * kDay);
  EXPECT_TRUE(Ask(*entitlement, "m").ok());  // Within a day: a clock that was mended.
  entitlement = Open(kBegin + 10 * kDay);
  EXPECT_NE(Ask(*entitlement, "m").text.find("the clock was set back"), std::string::npos);
  entitlement->Look(kBegin + 50 * kDay);
  EXPECT_TRUE(Ask(*entitlement, "m").ok());
}

TEST_F(EntitlementTest, MoreInstancesThanItAllowsAreRefusedAtTheStart) {
  auto terms = Terms();
  terms["instances"] = 2;
  Write("file", Signed(terms));
  settings_.instances.count = 3;
  EXPECT_EQ(Open(kBegin), nullptr);
  EXPECT_NE(said_.find("[instances] count: expected at most 2"), std::string::npos) << said_;
}

}  // namespace
}  // namespace aiges
