// Snapshots: the bytes of a replica's state (definition, section 5).

#ifndef DKV20_SNAPSHOT_H_
#define DKV20_SNAPSHOT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "dkv20/byte_string.h"
#include "dkv20/error.h"

namespace dkv20 {

class OrderedMap;

// The state that LoadState read.
class Snapshot {
 public:
  Snapshot(Snapshot&& other) noexcept;
  Snapshot& operator=(Snapshot&& other) noexcept;
  ~Snapshot();

  [[nodiscard]] std::uint64_t commit_index() const noexcept { return commit_index_; }
  // The term of the entry at the commit index; 0 if the commit index is 0.
  [[nodiscard]] std::uint64_t term() const noexcept { return term_; }
  // The number of keys in the map.
  [[nodiscard]] std::size_t key_count() const noexcept;
  // Returns the key's value, or null if the key is absent. Valid as long as the snapshot.
  [[nodiscard]] const ByteString* Get(const ByteString& key) const noexcept;
  // Calls `visit` for each key and its value, keys ascending.
  void ForEach(
      const std::function<void(const ByteString& key, const ByteString& value)>& visit) const;

  // Returns the bytes that the snapshot was read from.
  [[nodiscard]] Bytes DumpState() const noexcept;
  // Returns the SHA-256 of these bytes in 64 lower-case hex digits.
  [[nodiscard]] std::string SnapshotHash() const noexcept;

 private:
  friend Result<Snapshot, LoadError> LoadState(std::span<const std::uint8_t> bytes) noexcept;

  Snapshot() noexcept;

  std::uint64_t commit_index_ = 0;
  std::uint64_t term_ = 0;
  // By pointer, so that its type is not part of the interface. Null after a move.
  std::unique_ptr<OrderedMap> map_;
};

// Reads a snapshot front to back. A snapshot that is accepted has the same bytes when it is
// dumped; no check is made that a cluster could reach its state. Otherwise returns the first
// error and its offset: kTruncated, kBadMagic, kBadVersion, kBadTerm, kBadCount, kKeyLength,
// kValueLength, kKeyOrder or kTrailingBytes. Memory is allocated only for bytes that are present,
// whatever a length or a count announces.
[[nodiscard]] Result<Snapshot, LoadError> LoadState(std::span<const std::uint8_t> bytes) noexcept;

}  // namespace dkv20

#endif  // DKV20_SNAPSHOT_H_
