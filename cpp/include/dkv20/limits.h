// The limits of the definition (sections 1, 7 and 8).

#ifndef DKV20_LIMITS_H_
#define DKV20_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace dkv20 {

// Replicas of a cluster, at least 1.
inline constexpr std::size_t kReplicasMax = 64;
// Bytes of a key, at least 1.
inline constexpr std::size_t kKeyLengthMax = 4096;
// Bytes of a value.
inline constexpr std::size_t kValueLengthMax = 1048576;
// Keys in the key space of a workload, at least 1.
inline constexpr std::uint64_t kKeysMax = 1000000;
// Bytes of a command line, without its LF.
inline constexpr std::size_t kLineLengthMax = 4194304;
// Ops of one workload.
inline constexpr std::uint64_t kWorkloadCountMax = 10000000;
// Steps of one chaos run.
inline constexpr std::uint64_t kChaosStepsMax = 10000000;
// Outputs of one `draw`, at least 1.
inline constexpr std::uint64_t kDrawCountMax = 1000;

}  // namespace dkv20

#endif  // DKV20_LIMITS_H_
