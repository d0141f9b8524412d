// SPDX-License-Identifier: Apache-2.0
#include "loader/front/gzip.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>
#include <vector>

#include "tests/loader/exchange_recorder.h"

namespace aiges {
namespace {

std::string Deflate(const std::string& text) {
  std::string out(compressBound(text.size()), '\0');
  uLongf size = out.size();
  compress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(text.data()),
           text.size());
  out.resize(size);
  return out;
}

class GzipTest : public testing::Test {
 protected:
  Packing Unpack(Coding coding, Bytes input, uint64_t most, std::string* out) {
    Unpacker unpacker(coding, std::move(input), most, &pool, &account);
    Packing result = Packing::kMore;
    for (steps = 0; result == Packing::kMore; ++steps) result = unpacker.Step();
    if (result == Packing::kDone) *out = std::string(unpacker.Take().view());
    return result;
  }

  HeapPool pool;
  Account account{"max_input_bytes", 64u << 20};
  int steps = 0;
};

TEST_F(GzipTest, WhatWasPackedIsUnpacked) {
  for (const size_t size : {0, 1, 100, 70'000, 3'000'000}) {
    std::string text(size, 'x');
    for (size_t i = 0; i < size; i += 7) text[i] = static_cast<char>(i * i);
    std::string out;
    EXPECT_EQ(Unpack(Coding::kGzip, PackGzip(Bytes::Own(text)), size, &out), Packing::kDone);
    EXPECT_EQ(out, text);
    EXPECT_EQ(Unpack(Coding::kDeflate, Bytes::Own(Deflate(text)), size, &out), Packing::kDone);
    EXPECT_EQ(out, text);
  }
  EXPECT_EQ(account.used(), 0u);
}

TEST_F(GzipTest, OneStepIsBounded) {
  const Bytes bomb = PackGzip(Bytes::Own(std::string(10 << 20, '\0')));
  EXPECT_LT(bomb.size(), 100'000u);
  std::string out;
  EXPECT_EQ(Unpack(Coding::kGzip, bomb, 10 << 20, &out), Packing::kDone);
  EXPECT_GE(steps, 40);
}

TEST_F(GzipTest, PackingGoesByStepsOverAllPieces) {
  std::vector<Bytes> pieces;
  std::string all;
  for (int i = 0; i < 300; ++i) {
    std::string piece(static_cast<size_t>(i) * 20, static_cast<char>(i));
    all += piece;
    pieces.push_back(Bytes::Own(std::move(piece)));
  }
  Packer packer(pieces, &pool, &account);
  int packed_in = 1;
  while (packer.Step() == Packing::kMore) ++packed_in;
  EXPECT_GE(packed_in, static_cast<int>(all.size() / Packer::kStep));
  std::string out;
  EXPECT_EQ(Unpack(Coding::kGzip, packer.Take(), all.size(), &out), Packing::kDone);
  EXPECT_EQ(out, all);
}

TEST_F(GzipTest, PackingWithoutRoomIsToldSo) {
  Account none{"max_output_bytes", 10};
  Packer packer({Bytes::Own("hello")}, &pool, &none);
  EXPECT_EQ(packer.Step(), Packing::kNoRoom);
}

TEST_F(GzipTest, OutputHasABoundAndIsCounted) {
  const Bytes bomb = PackGzip(Bytes::Own(std::string(10 << 20, '\0')));
  std::string out;
  EXPECT_EQ(Unpack(Coding::kGzip, bomb, (10 << 20) - 1, &out), Packing::kTooLong);
  Account small{"max_input_bytes", 1 << 20};
  Unpacker unpacker(Coding::kGzip, bomb, 64 << 20, &pool, &small);
  Packing result = Packing::kMore;
  while (result == Packing::kMore) {
    result = unpacker.Step();
    EXPECT_LE(small.used(), 1u << 20);
  }
  EXPECT_EQ(result, Packing::kNoRoom);
}

TEST_F(GzipTest, BrokenInputIsSaidToBe) {
  const std::string good(PackGzip(Bytes::Own(std::string(1000, 'x'))).view());
  std::string sum = good;
  sum[sum.size() - 5] = static_cast<char>(sum[sum.size() - 5] ^ 1);
  std::string out;
  for (const std::string& bad :
       {std::string(), std::string("no gzip"), good.substr(0, good.size() - 1), good + "x", sum}) {
    EXPECT_EQ(Unpack(Coding::kGzip, Bytes::Own(bad), 1 << 20, &out), Packing::kBroken);
  }
  EXPECT_EQ(Unpack(Coding::kDeflate, Bytes::Own(good), 1 << 20, &out), Packing::kBroken);
  EXPECT_EQ(account.used(), 0u);
}

TEST_F(GzipTest, ResultIsCountedUntilItsLastHolderLetsGo) {
  Unpacker unpacker(Coding::kGzip, PackGzip(Bytes::Own(std::string(5000, 'x'))), 5000, &pool,
                    &account);
  ASSERT_EQ(unpacker.Step(), Packing::kDone);
  Bytes data = unpacker.Take();
  const Bytes copy = data;
  EXPECT_GE(account.used(), 5000u);
  data = {};
  EXPECT_GE(account.used(), 5000u);
}

}  // namespace
}  // namespace aiges
