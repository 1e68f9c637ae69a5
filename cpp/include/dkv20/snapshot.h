// A replica's state as bytes, and back (definition, section 5).
//
//   offset  size  field
//        0     4  magic, the ASCII bytes DKVS
//        4     4  u32 version = 1
//        8     8  u64 commit index
//       16     8  u64 term of the entry at the commit index (0 where that is 0)
//       24     8  u64 number of keys
//       32        the keys in ascending order, each:
//                 u32 key length, key, u32 value length, value
//
// Integers are little-endian.

#ifndef DKV20_SNAPSHOT_H_
#define DKV20_SNAPSHOT_H_

#include <cstdint>
#include <span>
#include <string>

#include "dkv20/byte_string.h"
#include "dkv20/error.h"
#include "dkv20/ordered_map.h"

namespace dkv20 {

// The bytes of the state (commit_index, term, map). `term` is that of the entry at the commit
// index.
[[nodiscard]] Bytes DumpState(std::uint64_t commit_index, std::uint64_t term,
                              const OrderedMap& map) noexcept;

// The SHA-256 of those bytes in 64 lower-case hex digits, without building them.
[[nodiscard]] std::string SnapshotHash(std::uint64_t commit_index, std::uint64_t term,
                                       const OrderedMap& map) noexcept;

// A state that was read from bytes.
struct Snapshot {
  std::uint64_t commit_index = 0;
  std::uint64_t term = 0;
  OrderedMap map;

  // The bytes that it was read from, made anew.
  [[nodiscard]] Bytes DumpState() const noexcept {
    return dkv20::DumpState(commit_index, term, map);
  }
  // Their SHA-256 in 64 lower-case hex digits.
  [[nodiscard]] std::string SnapshotHash() const noexcept {
    return dkv20::SnapshotHash(commit_index, term, map);
  }
};

// Reads the bytes of a snapshot front to back. Whatever it accepts gives the same bytes when
// dumped. Otherwise the first error that it meets: kTruncated, kBadMagic, kBadVersion, kBadTerm,
// kBadCount, kKeyLength, kValueLength, kKeyOrder or kTrailingBytes, and where. Takes no more
// memory than the bytes that are there call for, whatever lengths and counts they announce.
[[nodiscard]] Result<Snapshot, LoadError> LoadState(std::span<const std::uint8_t> bytes) noexcept;

}  // namespace dkv20

#endif  // DKV20_SNAPSHOT_H_
