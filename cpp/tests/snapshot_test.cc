#include "dkv20/snapshot.h"

#include <gtest/gtest.h>

#include <span>
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

TEST(Snapshot, TruncatedFieldHasItsOffset) {
  const Bytes bytes = ToBytes(kSnapshot);
  const std::vector<std::size_t> fields = {0, 4, 8, 16, 24, 32, 36, 37, 41, 43, 47, 49, 53};
  ASSERT_EQ(bytes.size(), fields.back());
  for (std::size_t field = 0; field + 1 < fields.size(); ++field) {
    for (std::size_t size = fields[field]; size < fields[field + 1]; ++size) {
      EXPECT_EQ(LoadState(std::span(bytes).first(size)).error(),
                (LoadError{ErrorCode::kTruncated, fields[field]}));
    }
  }
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

}  // namespace
}  // namespace dkv20
