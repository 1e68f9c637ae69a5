// Random command lines and the digest of their answers (definition, section 10).

#ifndef DKV20_CHAOS_H_
#define DKV20_CHAOS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "dkv20/cluster.h"
#include "dkv20/error.h"
#include "dkv20/session.h"
#include "dkv20/splitmix64.h"

namespace dkv20 {

// Size of the key space of chaos.
inline constexpr std::uint64_t kChaosKeys = 64;

// Makes the next step's command line from its draws. `cluster` is looked at, for the number of
// its replicas, their roles and the current leader, and not changed.
void AppendChaosLine(SplitMix64& draws, const Cluster& cluster, std::string& out) noexcept;

// Runs `steps` random command lines against the session's cluster, then looks at every replica.
// The SHA-256 over all lines and answers, in 64 lower-case hex digits. kNoCluster where the
// session has none, then kCount where `steps` is above kCountMax.
[[nodiscard]] Result<std::string> RunChaos(Session& session, std::uint64_t seed,
                                           std::uint64_t steps) noexcept;

}  // namespace dkv20

#endif  // DKV20_CHAOS_H_
