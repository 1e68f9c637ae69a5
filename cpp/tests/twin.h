// A naive twin of the cluster, written from section 4 of the definition and nothing else: logs
// are plain vectors that each replica owns, and every rule is looked up the slow way.

#ifndef DKV20_TESTS_TWIN_H_
#define DKV20_TESTS_TWIN_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dkv20/cluster.h"
#include "support.h"

namespace dkv20::testing {

struct TwinEntry {
  std::uint64_t term;
  Op op;
};

struct TwinReplica {
  std::uint64_t term = 1;
  bool leads = false;
  std::uint64_t base = 0;
  std::uint64_t base_term = 0;
  std::vector<TwinEntry> entries;  // At the indexes base + 1 and up.
  std::uint64_t commit = 0;
  std::map<Bytes, Bytes, UnsignedLess> map;

  [[nodiscard]] std::uint64_t Last() const { return base + entries.size(); }
  [[nodiscard]] std::optional<std::uint64_t> TermAt(std::uint64_t index) const;
  [[nodiscard]] std::uint64_t LastTerm() const { return *TermAt(Last()); }
  void CommitTo(std::uint64_t index);
  [[nodiscard]] Bytes Dump() const;
  [[nodiscard]] Bytes LogBytes() const;
};

// How often something happened that a test must not do without.
struct TwinCounts {
  int elections = 0;
  int elections_won_against_longer_log = 0;
  int truncations = 0;
  int snapshots_for_missing = 0;
  int demotions = 0;
  int leaderless = 0;
  int pending = 0;
  int pending_committed = 0;
};

class Twin {
 public:
  explicit Twin(std::size_t size);

  // The outcome, or the name of the error.
  std::pair<std::optional<Outcome>, std::string> Propose(const Op& op);
  std::pair<std::optional<Outcome>, std::string> ProposeAt(ReplicaId id, const Op& op);
  void Partition(const std::vector<ReplicaId>& ids);
  void Heal(const std::vector<ReplicaId>& ids);
  void Compact(const std::vector<ReplicaId>& ids);

  // Compares everything that can be seen, as test failures.
  void ExpectSame(const Cluster& cluster) const;

  [[nodiscard]] std::size_t size() const { return replicas_.size(); }
  [[nodiscard]] const TwinReplica& replica(ReplicaId id) const { return replicas_[id]; }
  [[nodiscard]] const TwinCounts& counts() const { return counts_; }

 private:
  [[nodiscard]] bool Isolated(std::size_t id) const { return isolated_.contains(id); }
  [[nodiscard]] std::size_t Quorum() const { return replicas_.size() / 2 + 1; }
  [[nodiscard]] std::size_t Reachable() const { return replicas_.size() - isolated_.size(); }
  void Settle();
  void Elect();
  void CatchUp(TwinReplica& replica);

  std::vector<TwinReplica> replicas_;
  std::set<std::size_t> isolated_;
  std::size_t leader_ = 0;
  std::uint64_t term_ = 1;
  TwinCounts counts_;
};

}  // namespace dkv20::testing

#endif  // DKV20_TESTS_TWIN_H_
