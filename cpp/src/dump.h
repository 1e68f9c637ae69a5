// The bytes of a state, as replicas and snapshots dump it (definition, section 5).

#ifndef DKV20_DUMP_H_
#define DKV20_DUMP_H_

#include <cstdint>
#include <string>

#include "dkv20/byte_string.h"
#include "ordered_map.h"

namespace dkv20 {

// Returns the bytes. `term` is that of the entry at the commit index.
[[nodiscard]] Bytes DumpState(std::uint64_t commit_index, std::uint64_t term,
                              const OrderedMap& map) noexcept;

// Returns the SHA-256 of the bytes in 64 lower-case hex digits, without holding the bytes.
[[nodiscard]] std::string SnapshotHash(std::uint64_t commit_index, std::uint64_t term,
                                       const OrderedMap& map) noexcept;

}  // namespace dkv20

#endif  // DKV20_DUMP_H_
