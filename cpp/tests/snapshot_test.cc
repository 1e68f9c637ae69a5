#include "dkv20/snapshot.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "dkv20/limits.h"
#include "dkv20/workload.h"
#include "dump.h"
#include "support.h"

namespace dkv20 {
namespace {

using namespace std::string_view_literals;
using testing::Repeated;
using testing::Sha256Hex;
using testing::Str;

Bytes ToBytes(std::string_view text) { return {text.begin(), text.end()}; }

// Commit index 0x0102, term 3, two keys.
constexpr std::string_view kSnapshot =
    "DKVS"
    "\x01\x00\x00\x00"
    "\x02\x01\x00\x00\x00\x00\x00\x00"
    "\x03\x00\x00\x00\x00\x00\x00\x00"
    "\x02\x00\x00\x00\x00\x00\x00\x00"
    "\x01\x00\x00\x00"
    "a"
    "\x02\x00\x00\x00"
    "vw"
    "\x02\x00\x00\x00"
    "\x80\x00"
    "\x00\x00\x00\x00"sv;

TEST(Snapshot, Layout) {
  OrderedMap map;
  map.Put(Str({0x80, 0x00}), Str(""));
  map.Put(Str("a"), Str("vw"));
  EXPECT_EQ(DumpState(0x0102, 3, map), ToBytes(kSnapshot));
  EXPECT_EQ(SnapshotHash(0x0102, 3, map), Sha256Hex(kSnapshot));
}

// Returns kSnapshot with other bytes at an offset.
Bytes With(std::size_t offset, std::string_view bytes) {
  Bytes changed = ToBytes(kSnapshot);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    changed[offset + i] = static_cast<std::uint8_t>(bytes[i]);
  }
  return changed;
}

void ExpectLoadError(const Bytes& bytes, ErrorCode code, std::uint64_t offset) {
  const auto loaded = LoadState(bytes);
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(ErrorName(loaded.error().code), ErrorName(code));
  EXPECT_EQ(loaded.error().offset, offset);
}

TEST(Snapshot, Errors) {
  const Bytes good = ToBytes(kSnapshot);
  const auto loaded = LoadState(good);
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded.value().commit_index(), 0x0102U);
  EXPECT_EQ(loaded.value().term(), 3U);
  EXPECT_EQ(loaded.value().key_count(), 2U);
  EXPECT_EQ(loaded.value().DumpState(), good);
  EXPECT_EQ(loaded.value().SnapshotHash(), Sha256Hex(good));

  // A truncated field is reported at its offset.
  const std::vector<std::size_t> fields = {0, 4, 8, 16, 24, 32, 36, 37, 41, 43, 47, 49, 53};
  ASSERT_EQ(good.size(), fields.back());
  for (std::size_t field = 0; field + 1 < fields.size(); ++field) {
    for (std::size_t size = fields[field]; size < fields[field + 1]; ++size) {
      ExpectLoadError(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)),
                      ErrorCode::kTruncated, fields[field]);
    }
  }
  ExpectLoadError(With(0, "dKVS"), ErrorCode::kBadMagic, 0);
  ExpectLoadError(With(4, "\x02"sv), ErrorCode::kBadVersion, 4);
  ExpectLoadError(With(4, "\0\0\0\x01"sv), ErrorCode::kBadVersion, 4);
  ExpectLoadError(With(16, "\0"sv), ErrorCode::kBadTerm, 16);
  ExpectLoadError(With(8, "\0\0"sv), ErrorCode::kBadTerm, 16);
  ExpectLoadError(With(8, "\x01\0"sv), ErrorCode::kBadCount, 24);
  ExpectLoadError(With(24, "\xff\xff\xff\xff\xff\xff\xff\xff"sv), ErrorCode::kBadCount, 24);
  ExpectLoadError(With(32, "\0"sv), ErrorCode::kKeyLength, 32);
  ExpectLoadError(With(32, "\x01\x10\0\0"sv), ErrorCode::kKeyLength, 32);
  ExpectLoadError(With(32, "\0\x10\0\0"sv), ErrorCode::kTruncated, 36);
  ExpectLoadError(With(37, "\x01\0\x10\0"sv), ErrorCode::kValueLength, 37);
  ExpectLoadError(With(37, "\0\0\x10\0"sv), ErrorCode::kTruncated, 41);
  ExpectLoadError(With(37, "\xff\xff\xff\xff"sv), ErrorCode::kValueLength, 37);
  ExpectLoadError(With(36, "\x81"), ErrorCode::kKeyOrder, 47);  // above the second key
  Bytes equal_keys = With(36, "\x80"sv);
  equal_keys[43] = 1;  // the second key is 0x80 too
  ExpectLoadError(equal_keys, ErrorCode::kKeyOrder, 47);
  Bytes longer = good;
  longer.push_back(0);
  ExpectLoadError(longer, ErrorCode::kTrailingBytes, 53);
  ExpectLoadError(With(24, "\x01"sv), ErrorCode::kTrailingBytes, 43);
  // More keys announced than present, but not more than the commit index.
  ExpectLoadError(With(24, "\x03"sv), ErrorCode::kTruncated, 53);
  // The first error is returned.
  ExpectLoadError(With(0, "XXXX\x09"sv), ErrorCode::kBadMagic, 0);
}

TEST(Snapshot, Contents) {
  const Snapshot snapshot = LoadState(ToBytes(kSnapshot)).value();
  ASSERT_NE(snapshot.Get(Str("a")), nullptr);
  EXPECT_EQ(*snapshot.Get(Str("a")), Str("vw"));
  EXPECT_EQ(snapshot.Get(Str("b")), nullptr);
  std::vector<ByteString> keys;
  snapshot.ForEach([&](const ByteString& key, const ByteString&) { keys.push_back(key); });
  EXPECT_EQ(keys, (std::vector<ByteString>{Str("a"), Str({0x80, 0x00})}));
}

TEST(Snapshot, LargeStateRoundTrips) {
  OrderedMap map;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    map.Put(DecodeKey(i * 7919, kKeysMax).value(), Repeated(static_cast<std::size_t>(i % 50)));
  }
  map.Put(Repeated(4096), Repeated(1048576));
  const Bytes bytes = DumpState(9000, 7, map);
  EXPECT_EQ(bytes.size(), 32 + 8 * map.size() + map.byte_count());
  EXPECT_EQ(SnapshotHash(9000, 7, map), Sha256Hex(bytes));
  const auto loaded = LoadState(bytes);
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded.value().DumpState(), bytes);
}

// A false count, not more than the commit index, must not reserve memory: this one would exceed
// that of any machine.
TEST(Snapshot, FalseCountReservesNoMemory) {
  Bytes bytes = {'D', 'K', 'V', 'S', 1, 0, 0, 0};
  for (int i = 0; i < 24; ++i) bytes.push_back(0xff);
  const auto loaded = LoadState(bytes);
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error(), (LoadError{ErrorCode::kTruncated, 32}));
}

// A length is checked before the bytes that it announces are read.
TEST(Snapshot, LengthBeforeBytes) {
  Bytes bytes = DumpState(1, 1, OrderedMap());
  bytes[24] = 1;
  bytes.insert(bytes.end(), {0xff, 0xff, 0xff, 0xff});
  EXPECT_EQ(LoadState(bytes).error(), (LoadError{ErrorCode::kKeyLength, 32}));
}

// The order is checked when the key is complete, before the value is read.
TEST(Snapshot, KeyOrderBeforeValue) {
  OrderedMap map;
  map.Put(Str("a"), Str(""));
  Bytes bytes = DumpState(2, 1, map);
  bytes[24] = 2;
  bytes.insert(bytes.end(), {1, 0, 0, 0, 'a'});
  EXPECT_EQ(LoadState(bytes).error(), (LoadError{ErrorCode::kKeyOrder, 45}));
}

}  // namespace
}  // namespace dkv20
