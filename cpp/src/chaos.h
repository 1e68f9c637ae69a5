// Chaos: command lines made from draws (definition, section 10).

#ifndef DKV20_CHAOS_H_
#define DKV20_CHAOS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "dkv20/cluster.h"
#include "dkv20/splitmix64.h"

namespace dkv20 {

// The command lines of a chaos run: a line for each step, then three for each replica. A step's
// line depends on the cluster as the lines before have left it.
class ChaosLines {
 public:
  ChaosLines(std::uint64_t seed, std::uint64_t steps) noexcept : draws_(seed), steps_left_(steps) {}

  // Appends the next line, without LF. Returns false, with nothing appended, after the last one.
  bool Next(const Cluster& cluster, std::string& out) noexcept;

 private:
  void AppendStep(const Cluster& cluster, std::string& out) noexcept;
  void AppendDrawnOp(std::string& out) noexcept;
  // The word, a space and the id that a draw selects.
  void AppendWithId(std::string_view word, const Cluster& cluster, std::string& out) noexcept;
  // The word and the ids whose bits are set in a draw.
  void AppendWithMask(std::string_view word, const Cluster& cluster, std::string& out) noexcept;
  // Draws one of the replicas that believe they are leader.
  ReplicaId DrawLeader(const Cluster& cluster) noexcept;

  SplitMix64 draws_;
  std::uint64_t steps_left_;
  std::size_t closing_lines_ = 0;
};

}  // namespace dkv20

#endif  // DKV20_CHAOS_H_
