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

// Greatest size of a workload's key space; the least is 1.
inline constexpr std::uint64_t kKeysMax = 1000000;
// Most ops of a workload, and most steps of chaos; the least is 0.
inline constexpr std::uint64_t kCountMax = 10000000;

// The op of three draws: r1 >> 62 is 0, 1 or 2 for Put, 3 for Del; the key is WorkloadKey(r2,
// keys); the value is r3 mod 10000 as a u64, little-endian, 8 bytes. `keys` must be 1 to
// kKeysMax.
[[nodiscard]] Op DecodeOp(std::uint64_t r1, std::uint64_t r2, std::uint64_t r3,
                          std::uint64_t keys) noexcept;

// The same, with three draws from `draws`, in that order, whatever the op.
[[nodiscard]] Op DrawOp(SplitMix64& draws, std::uint64_t keys) noexcept;

// The 10 ASCII bytes `key-` and r2 mod `keys`, in decimal, six digits. `keys` must be 1 to
// kKeysMax.
[[nodiscard]] ByteString WorkloadKey(std::uint64_t r2, std::uint64_t keys) noexcept;

// How the ops of a workload came out; refused are those that Propose answered with an error.
struct WorkloadCounts {
  std::uint64_t committed = 0;
  std::uint64_t pending = 0;
  std::uint64_t refused = 0;

  friend bool operator==(const WorkloadCounts&, const WorkloadCounts&) noexcept = default;
};

// Proposes `count` ops decoded from a generator that starts at `seed`. kKeySpace unless `keys` is
// 1 to kKeysMax, then kCount where `count` is above kCountMax.
[[nodiscard]] Result<WorkloadCounts> RunWorkload(Cluster& cluster, std::uint64_t seed,
                                                 std::uint64_t keys, std::uint64_t count) noexcept;

}  // namespace dkv20

#endif  // DKV20_WORKLOAD_H_
