#include <gtest/gtest.h>

#include "dkv20/snapshot.h"
#include "dkv20/workload.h"
#include "support.h"

namespace dkv20 {
namespace {

using testing::Repeated;
using testing::Str;

TEST(Snapshot, LargeStateRoundTrips) {
  OrderedMap map;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    map.Put(WorkloadKey(i * 7919, kKeysMax), Repeated(static_cast<std::size_t>(i % 50)));
  }
  map.Put(Repeated(4096), Repeated(1048576));
  const Bytes bytes = DumpState(9000, 7, map);
  EXPECT_EQ(bytes.size(), 32 + 8 * map.size() + map.byte_count());
  EXPECT_EQ(SnapshotHash(9000, 7, map), testing::Sha256Hex(bytes));
  const auto loaded = LoadState(bytes);
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded.value().DumpState(), bytes);
}

// A count that lies, though it is no more than the commit index, must not make room for what is
// not there: this would take more memory than any machine has.
TEST(Snapshot, LyingCountTakesNoMemory) {
  Bytes bytes = {'D', 'K', 'V', 'S', 1, 0, 0, 0};
  for (int i = 0; i < 24; ++i) bytes.push_back(0xff);
  const auto loaded = LoadState(bytes);
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error(), (LoadError{ErrorCode::kTruncated, 32}));
}

// A length is judged before the bytes that it announces are read.
TEST(Snapshot, LengthBeforeBytes) {
  Bytes bytes = DumpState(1, 1, OrderedMap());
  bytes[24] = 1;
  bytes.insert(bytes.end(), {0xff, 0xff, 0xff, 0xff});
  EXPECT_EQ(LoadState(bytes).error(), (LoadError{ErrorCode::kKeyLength, 32}));
}

// Order is judged when the key is complete, before the value is looked at.
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
