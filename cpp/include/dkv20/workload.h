// Ops decoded from draws (definition, section 7).

#ifndef DKV20_WORKLOAD_H_
#define DKV20_WORKLOAD_H_

#include <cstdint>

#include "dkv20/byte_string.h"
#include "dkv20/cluster.h"
#include "dkv20/error.h"
#include "dkv20/op.h"
#include "dkv20/splitmix64.h"

namespace dkv20 {

// All of these return kKeySpace unless `keys`, the size of the key space, is 1 to kKeysMax.

// Returns the key of a draw: the 10 ASCII bytes `key-` and r2 mod `keys` in six decimal digits.
[[nodiscard]] Result<ByteString> DecodeKey(std::uint64_t r2, std::uint64_t keys) noexcept;

// Returns the op of three draws: a Del if r1 >> 62 is 3, else a Put. Its key is DecodeKey(r2,
// keys), its value r3 mod 10000 as a u64, little-endian.
[[nodiscard]] Result<Op> DecodeOp(std::uint64_t r1, std::uint64_t r2, std::uint64_t r3,
                                  std::uint64_t keys) noexcept;

// Returns the op of the next three draws. Three draws are made whatever the op is.
[[nodiscard]] Result<Op> DrawOp(SplitMix64& draws, std::uint64_t keys) noexcept;

// The numbers of proposals of a workload that were committed at once, left pending, and refused
// with an error.
struct WorkloadCounts {
  std::uint64_t committed = 0;
  std::uint64_t pending = 0;
  std::uint64_t refused = 0;

  friend bool operator==(const WorkloadCounts&, const WorkloadCounts&) noexcept = default;
};

// Proposes `count` ops drawn from a generator at `seed`. Errors, in this order: kKeySpace; kCount
// if `count` exceeds kWorkloadCountMax. Nothing is proposed then.
[[nodiscard]] Result<WorkloadCounts> RunWorkload(Cluster& cluster, std::uint64_t seed,
                                                 std::uint64_t keys, std::uint64_t count) noexcept;

}  // namespace dkv20

#endif  // DKV20_WORKLOAD_H_
