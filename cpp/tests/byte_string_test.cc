#include "dkv20/byte_string.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "byte_writer.h"
#include "support.h"

namespace dkv20 {
namespace {

using testing::Random;
using testing::Repeated;
using testing::Str;

Bytes BytesOf(const ByteString& bytes) { return {bytes.view().begin(), bytes.view().end()}; }

TEST(ByteString, Contents) {
  EXPECT_TRUE(ByteString().empty());
  for (const std::size_t size : {0U, 1U, 14U, 15U, 16U, 17U, 255U, 256U, 4096U, 1048576U}) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7);
    const ByteString held{std::span<const std::uint8_t>(bytes)};
    EXPECT_EQ(held.size(), size);
    EXPECT_EQ(held.empty(), size == 0);
    EXPECT_EQ(BytesOf(held), bytes);
  }
}

TEST(ByteString, CopiesAndMoves) {
  for (const std::size_t size : {3U, 15U, 16U, 100U}) {
    const ByteString original = Repeated(size, 'o');
    ByteString copy = original;
    EXPECT_EQ(copy, original);
    ByteString moved = std::move(copy);
    EXPECT_EQ(moved, original);
    moved = Repeated(size, 'x');
    EXPECT_EQ(original, Repeated(size, 'o'));
    moved = original;
    const ByteString& alias = moved;
    moved = alias;
    EXPECT_EQ(moved, original);
  }
}

TEST(ByteString, SharesLongBytes) {
  const ByteString original = Repeated(100);
  const ByteString copy = original;
  EXPECT_EQ(copy.data(), original.data());
}

TEST(ByteString, UnsignedByteOrder) {
  Random random(1);
  std::vector<ByteString> strings;
  for (int i = 0; i < 300; ++i) {
    Bytes bytes(static_cast<std::size_t>(random.Below(20)));
    for (std::uint8_t& byte : bytes)
      byte = random.OneIn(2) ? 0 : static_cast<std::uint8_t>(random.Any());
    if (bytes.size() > 8 && random.OneIn(2)) std::fill(bytes.begin(), bytes.end() - 2, 0x80);
    strings.emplace_back(std::span<const std::uint8_t>(bytes));
  }
  for (const ByteString& a : strings) {
    for (const ByteString& b : strings) {
      ASSERT_EQ(a < b, testing::UnsignedLess()(BytesOf(a), BytesOf(b)));
      ASSERT_EQ(a == b, BytesOf(a) == BytesOf(b));
      ASSERT_EQ(a > b, testing::UnsignedLess()(BytesOf(b), BytesOf(a)));
    }
  }
  EXPECT_LT(Str({0x7f}), Str({0x80}));
  EXPECT_LT(Repeated(20, '\x7f'), Repeated(20, '\x80'));
  EXPECT_LT(Repeated(15), Repeated(16));
}

TEST(ByteWriter, LittleEndianAcrossBlocks) {
  Bytes out;
  Bytes expected;
  BytesWriter writer(out);
  for (int i = 0; i < 3000; ++i) {
    writer.PutU8(0xab);
    writer.PutU32Le(0x01020304);
    writer.PutU64Le(0x1112131415161718);
    for (const int byte : {0xab, 4, 3, 2, 1, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11}) {
      expected.push_back(static_cast<std::uint8_t>(byte));
    }
  }
  for (const std::size_t size : {0U, 3U, 15U, 16U, 100U, 8191U, 8192U, 8193U, 100000U}) {
    writer.AppendWithLength(Repeated(size, 'z'));
    for (unsigned i = 0; i < 4; ++i) expected.push_back(static_cast<std::uint8_t>(size >> (8 * i)));
    expected.insert(expected.end(), size, 'z');
  }
  writer.Flush();
  EXPECT_EQ(out, expected);
}

}  // namespace
}  // namespace dkv20
